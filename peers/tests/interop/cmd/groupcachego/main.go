// Command groupcachego is one node of github.com/groupcache/groupcache-go/v3.
package main

import (
	"context"
	"errors"

	"github.com/groupcache/groupcache-go/v3"
	"github.com/groupcache/groupcache-go/v3/transport"
	"github.com/groupcache/groupcache-go/v3/transport/peer"

	"github.com/groupcache-rs/groupcache-rs/peers/tests/interop/internal/node"
)

func main() { node.Main(start) }

type cache struct {
	node     *node.Node
	instance *groupcache.Instance
	group    groupcache.Group
}

func start(n *node.Node) (node.Cache, error) {
	http := transport.NewHttpTransport(transport.HttpTransportOptions{})
	n.Peers.Handle(transport.DefaultBasePath, http)
	instance := groupcache.New(groupcache.Options{Replicas: n.Replicas, Transport: http})
	getter := func(ctx context.Context, key string, dest transport.Sink) error {
		value, expires, err := n.Source.Load(ctx, key)
		if errors.Is(err, node.ErrNotFound) {
			return &transport.ErrNotFound{Msg: err.Error()}
		}
		if err != nil {
			return err
		}
		return dest.SetBytes(value, expires)
	}
	group, err := instance.NewGroup(n.Group, n.CacheBytes, groupcache.GetterFunc(getter))
	return &cache{n, instance, group}, err
}

func (c *cache) Get(ctx context.Context, key string) ([]byte, error) {
	var value []byte
	err := c.group.Get(ctx, key, transport.AllocatingByteSliceSink(&value))
	if errors.Is(err, &transport.ErrNotFound{}) {
		return nil, node.ErrNotFound
	}
	return value, err
}

func (c *cache) Set(ctx context.Context, key string, value []byte) error {
	return c.group.Set(ctx, key, value, c.node.Expiry(), false)
}

func (c *cache) Remove(ctx context.Context, key string) error {
	return c.group.Remove(ctx, key)
}

// SetPeers hands the members over as host:port, the only form this module dials; it is also their label
// on its ring.
func (c *cache) SetPeers(members []node.Member) error {
	if _, err := node.URLs(members); err != nil {
		return err
	}
	infos := make([]peer.Info, len(members))
	for i, m := range members {
		infos[i] = peer.Info{Address: m.Address(), IsSelf: m == c.node.Self}
	}
	return c.instance.SetPeers(context.Background(), infos)
}

func (c *cache) Stats() map[string]int64 {
	s := c.group.GroupStats()
	return map[string]int64{
		"gets":            s.Gets.Get(),
		"cache_hits":      s.CacheHits.Get(),
		"loads":           s.Loads.Get(),
		"local_loads":     s.LocalLoads.Get(),
		"local_load_errs": s.LocalLoadErrs.Get(),
		"peer_loads":      s.PeerLoads.Get(),
		"peer_errors":     s.PeerErrors.Get(),
	}
}
