// Command mailgun is one node of github.com/mailgun/groupcache/v2.
package main

import (
	"context"

	"github.com/mailgun/groupcache/v2"

	"github.com/groupcache-rs/groupcache-rs/peers/tests/interop/internal/node"
)

func main() {
	node.Main(node.Module{
		Start:    start,
		NotFound: &groupcache.ErrNotFound{Msg: "not found"},
		Expiry:   true,
	})
}

type cache struct {
	node  *node.Node
	pool  *groupcache.HTTPPool
	group *groupcache.Group
}

func start(n *node.Node) (node.Cache, error) {
	pool := groupcache.NewHTTPPoolOpts(n.Self.URL, &groupcache.HTTPPoolOptions{Replicas: n.Replicas})
	n.Peers.Handle("/_groupcache/", pool)
	getter := func(ctx context.Context, key string, dest groupcache.Sink) error {
		value, expires, err := n.Source.Load(ctx, key)
		if err != nil {
			return err
		}
		return dest.SetBytes(value, expires)
	}
	return &cache{n, pool, groupcache.NewGroup(n.Group, n.CacheBytes, groupcache.GetterFunc(getter))}, nil
}

func (c *cache) Get(ctx context.Context, key string) ([]byte, error) {
	var value []byte
	err := c.group.Get(ctx, key, groupcache.AllocatingByteSliceSink(&value))
	return value, err
}

func (c *cache) Set(ctx context.Context, key string, value []byte) error {
	return c.group.Set(ctx, key, value, c.node.Expiry(), false)
}

func (c *cache) Remove(ctx context.Context, keys ...string) error {
	for _, key := range keys {
		if err := c.group.Remove(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func (c *cache) SetPeers(members []node.Member) error {
	c.pool.Set(node.URLs(members)...)
	return nil
}

func (c *cache) Stats() map[string]int64 { return node.Counters(&c.group.Stats) }
