// Command golang is one node of github.com/golang/groupcache.
package main

import (
	"context"

	"github.com/golang/groupcache"

	"github.com/groupcache-rs/groupcache-rs/peers/tests/interop/internal/node"
)

// There is no not-found error in this module: to the peers it is an error like any other, and every node
// that asks ends up at its own getter.
func main() { node.Main(node.Module{Start: start}) }

type cache struct {
	node.ReadOnly
	pool  *groupcache.HTTPPool
	group *groupcache.Group
}

func start(n *node.Node) (node.Cache, error) {
	pool := groupcache.NewHTTPPoolOpts(n.Self.URL, &groupcache.HTTPPoolOptions{Replicas: n.Replicas})
	n.Peers.Handle("/_groupcache/", pool)
	getter := func(ctx context.Context, key string, dest groupcache.Sink) error {
		value, _, err := n.Source.Load(ctx, key)
		if err != nil {
			return err
		}
		return dest.SetBytes(value)
	}
	group := groupcache.NewGroup(n.Group, n.CacheBytes, groupcache.GetterFunc(getter))
	return &cache{pool: pool, group: group}, nil
}

func (c *cache) Get(ctx context.Context, key string) ([]byte, error) {
	var value []byte
	err := c.group.Get(ctx, key, groupcache.AllocatingByteSliceSink(&value))
	return value, err
}

func (c *cache) SetPeers(members []node.Member) error {
	c.pool.Set(node.URLs(members)...)
	return nil
}

func (c *cache) Stats() map[string]int64 { return node.Counters(&c.group.Stats) }
