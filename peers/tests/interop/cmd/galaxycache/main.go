// Command galaxycache is one node of github.com/vimeo/galaxycache, over HTTP or, with --grpc, over gRPC.
package main

import (
	"context"
	"flag"
	"time"

	"github.com/vimeo/galaxycache"
	galaxygrpc "github.com/vimeo/galaxycache/grpc"
	galaxyhttp "github.com/vimeo/galaxycache/http"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/groupcache-rs/groupcache-rs/peers/tests/interop/internal/node"
)

var (
	useGRPC = flag.Bool("grpc", false, "speak gRPC to the peers; needs --control")
	peek    = flag.Bool("peek", false, "ask who would own a key without this node for a copy before loading it")
)

func main() {
	node.Main(node.Module{
		Start:    start,
		NotFound: galaxycache.TrivialNotFoundErr{},
		IDs:      true,
	})
}

type cache struct {
	node.ReadOnly
	universe *galaxycache.Universe
	galaxy   *galaxycache.Galaxy
}

func start(n *node.Node) (node.Cache, error) {
	var protocol galaxycache.FetchProtocol = galaxyhttp.NewHTTPFetchProtocol(nil)
	if *useGRPC {
		protocol = galaxygrpc.NewGRPCFetchProtocol(grpc.WithTransportCredentials(insecure.NewCredentials()))
	}
	universe := galaxycache.NewUniverse(protocol, n.Self.ID,
		galaxycache.WithHashOpts(&galaxycache.HashOptions{Replicas: n.Replicas}))
	if *useGRPC {
		server := grpc.NewServer()
		galaxygrpc.RegisterGRPCServer(universe, server)
		n.ServePeers = server.Serve
	} else {
		galaxyhttp.RegisterHTTPHandler(universe, nil, n.Peers)
	}
	getter := func(ctx context.Context, key string, dest galaxycache.Codec) error {
		value, _, err := n.Source.Load(ctx, key)
		if err != nil {
			return err
		}
		return dest.UnmarshalBinary(value)
	}
	var options []galaxycache.GalaxyOption
	if *peek {
		options = append(options, galaxycache.WithPreviousPeerPeeking(galaxycache.PeekPeerCfg{
			PeekTimeout: 10 * time.Second,
			WarmTime:    time.Hour,
		}))
	}
	galaxy := universe.NewGalaxy(n.Group, n.CacheBytes, galaxycache.GetterFunc(getter), options...)
	return &cache{universe: universe, galaxy: galaxy}, nil
}

func (c *cache) Get(ctx context.Context, key string) ([]byte, error) {
	var value galaxycache.ByteCodec
	err := c.galaxy.Get(ctx, key, &value)
	return value, err
}

func (c *cache) SetPeers(members []node.Member) error {
	peers := make([]galaxycache.Peer, len(members))
	for i, m := range members {
		peers[i] = galaxycache.Peer{ID: m.ID, URI: m.URL}
		if *useGRPC {
			peers[i].URI = m.Address()
		}
	}
	return c.universe.SetPeers(peers...)
}

func (c *cache) Stats() map[string]int64 { return node.Counters(&c.galaxy.Stats) }
