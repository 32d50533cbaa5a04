// Command mailgun is one node of github.com/mailgun/groupcache/v2.
package main

import (
	"context"
	"errors"

	"github.com/mailgun/groupcache/v2"

	"github.com/groupcache-rs/groupcache-rs/peers/tests/interop/internal/node"
)

func main() { node.Main(start) }

type cache struct {
	node  *node.Node
	pool  *groupcache.HTTPPool
	group *groupcache.Group
}

func start(n *node.Node) (node.Cache, error) {
	if _, err := node.URLs([]node.Member{n.Self}); err != nil {
		return nil, err
	}
	pool := groupcache.NewHTTPPoolOpts(n.Self.URL, &groupcache.HTTPPoolOptions{Replicas: n.Replicas})
	n.Peers.Handle("/_groupcache/", pool)
	getter := func(ctx context.Context, key string, dest groupcache.Sink) error {
		value, expires, err := n.Source.Load(ctx, key)
		if errors.Is(err, node.ErrNotFound) {
			return &groupcache.ErrNotFound{Msg: err.Error()}
		}
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
	if errors.Is(err, &groupcache.ErrNotFound{}) {
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

func (c *cache) SetPeers(members []node.Member) error {
	urls, err := node.URLs(members)
	if err != nil {
		return err
	}
	c.pool.Set(urls...)
	return nil
}

func (c *cache) Stats() map[string]int64 {
	s := &c.group.Stats
	return map[string]int64{
		"gets":            s.Gets.Get(),
		"cache_hits":      s.CacheHits.Get(),
		"loads":           s.Loads.Get(),
		"local_loads":     s.LocalLoads.Get(),
		"local_load_errs": s.LocalLoadErrs.Get(),
		"peer_loads":      s.PeerLoads.Get(),
		"peer_errors":     s.PeerErrors.Get(),
		"server_requests": s.ServerRequests.Get(),
	}
}
