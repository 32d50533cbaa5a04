// Command galaxycache is one node of github.com/vimeo/galaxycache, over HTTP or, with --grpc, over gRPC.
package main

import (
	"context"
	"errors"
	"flag"

	"github.com/vimeo/galaxycache"
	galaxygrpc "github.com/vimeo/galaxycache/grpc"
	galaxyhttp "github.com/vimeo/galaxycache/http"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/groupcache-rs/groupcache-rs/peers/tests/interop/internal/node"
)

var useGRPC = flag.Bool("grpc", false, "speak gRPC to the peers; needs --control")

func main() { node.Main(start) }

type cache struct {
	universe *galaxycache.Universe
	galaxy   *galaxycache.Galaxy
}

func start(n *node.Node) (node.Cache, error) {
	if n.TTL != 0 {
		return nil, node.ErrNoExpiry
	}
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
		if errors.Is(err, node.ErrNotFound) {
			return galaxycache.TrivialNotFoundErr{}
		}
		if err != nil {
			return err
		}
		return dest.UnmarshalBinary(value)
	}
	return &cache{universe, universe.NewGalaxy(n.Group, n.CacheBytes, galaxycache.GetterFunc(getter))}, nil
}

func (c *cache) Get(ctx context.Context, key string) ([]byte, error) {
	var value galaxycache.ByteCodec
	err := c.galaxy.Get(ctx, key, &value)
	if notFound := galaxycache.NotFoundErr(nil); errors.As(err, &notFound) {
		return nil, node.ErrNotFound
	}
	return value, err
}

func (c *cache) Set(context.Context, string, []byte) error { return errors.ErrUnsupported }

func (c *cache) Remove(context.Context, string) error { return errors.ErrUnsupported }

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

func (c *cache) Stats() map[string]int64 {
	s := &c.galaxy.Stats
	return map[string]int64{
		"gets":                s.Gets.Get(),
		"maincache_hits":      s.MaincacheHits.Get(),
		"hotcache_hits":       s.HotcacheHits.Get(),
		"loads":               s.Loads.Get(),
		"backend_loads":       s.BackendLoads.Get(),
		"backend_load_errors": s.BackendLoadErrors.Get(),
		"peer_loads":          s.PeerLoads.Get(),
		"peer_load_errors":    s.PeerLoadErrors.Get(),
		"server_requests":     s.ServerRequests.Get(),
	}
}
