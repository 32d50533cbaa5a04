// Command groupcachego is one node of github.com/groupcache/groupcache-go/v3.
package main

import (
	"context"

	"github.com/groupcache/groupcache-go/v3"
	"github.com/groupcache/groupcache-go/v3/transport"
	"github.com/groupcache/groupcache-go/v3/transport/peer"

	"github.com/groupcache-rs/groupcache-rs/peers/tests/interop/internal/node"
)

func main() {
	node.Main(node.Module{
		Start:    start,
		NotFound: &transport.ErrNotFound{Msg: "not found"},
		Expiry:   true,
	})
}

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
	return value, err
}

func (c *cache) Set(ctx context.Context, key string, value []byte) error {
	return c.group.Set(ctx, key, value, c.node.Expiry(), false)
}

func (c *cache) Remove(ctx context.Context, keys ...string) error {
	if len(keys) == 1 {
		return c.group.Remove(ctx, keys[0])
	}
	return c.group.RemoveKeys(ctx, keys...)
}

// SetPeers hands the members over as host:port, the only form this module dials; it is also their label
// on its ring.
func (c *cache) SetPeers(members []node.Member) error {
	infos := make([]peer.Info, len(members))
	for i, m := range members {
		infos[i] = peer.Info{Address: m.Address(), IsSelf: m == c.node.Self}
	}
	return c.instance.SetPeers(context.Background(), infos)
}

func (c *cache) Stats() map[string]int64 {
	stats := c.group.GroupStats()
	return node.Counters(&stats)
}
