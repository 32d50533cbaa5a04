// Command golang is one node of github.com/golang/groupcache.
package main

import (
	"context"
	"errors"

	"github.com/golang/groupcache"

	"github.com/groupcache-rs/groupcache-rs/peers/tests/interop/internal/node"
)

func main() { node.Main(start) }

type cache struct {
	pool  *groupcache.HTTPPool
	group *groupcache.Group
}

func start(n *node.Node) (node.Cache, error) {
	if n.TTL != 0 {
		return nil, node.ErrNoExpiry
	}
	if _, err := node.URLs([]node.Member{n.Self}); err != nil {
		return nil, err
	}
	pool := groupcache.NewHTTPPoolOpts(n.Self.URL, &groupcache.HTTPPoolOptions{Replicas: n.Replicas})
	n.Peers.Handle("/_groupcache/", pool)
	// There is no not-found error in this module: to the peers it is an error like any other, and every
	// node that asks ends up at its own getter.
	getter := func(ctx context.Context, key string, dest groupcache.Sink) error {
		value, _, err := n.Source.Load(ctx, key)
		if err != nil {
			return err
		}
		return dest.SetBytes(value)
	}
	return &cache{pool, groupcache.NewGroup(n.Group, n.CacheBytes, groupcache.GetterFunc(getter))}, nil
}

func (c *cache) Get(ctx context.Context, key string) ([]byte, error) {
	var value []byte
	err := c.group.Get(ctx, key, groupcache.AllocatingByteSliceSink(&value))
	return value, err
}

func (c *cache) Set(context.Context, string, []byte) error { return errors.ErrUnsupported }

func (c *cache) Remove(context.Context, string) error { return errors.ErrUnsupported }

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
