// Package node is what the interop programs share: the flags, the getter, the control API and the life
// of the process. A program adds the one thing it is about, the member of the family it puts behind them.
package node

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Module is the member of the family that a program puts behind a node.
type Module struct {
	// Start makes the cache of a node. Its members are set afterwards.
	Start func(*Node) (Cache, error)
	// NotFound is the module's own error for a key that does not exist, if it has one. The getter returns
	// it, and what [errors.Is] finds it in is a 404 of the control API.
	NotFound error
	// Expiry says that values can have a life of their own. Otherwise --ttl is refused, not ignored.
	Expiry bool
	// IDs says that members can have an ID apart from their URL. Otherwise such a member is refused.
	IDs bool
}

// Cache is one node's group in the module under test.
type Cache interface {
	Get(ctx context.Context, key string) ([]byte, error)
	Set(ctx context.Context, key string, value []byte) error
	// Remove takes keys out, several in one request where the module can.
	Remove(ctx context.Context, keys ...string) error
	// SetPeers replaces the members of the cluster. Self is always among them.
	SetPeers(members []Member) error
	// Stats are the module's own counters.
	Stats() map[string]int64
}

// ReadOnly is part of a [Cache] whose module has neither sets nor removals.
type ReadOnly struct{}

func (ReadOnly) Set(context.Context, string, []byte) error { return errors.ErrUnsupported }

func (ReadOnly) Remove(context.Context, ...string) error { return errors.ErrUnsupported }

// Node is the process around the cache, as the flags describe it.
type Node struct {
	Self       Member
	Group      string
	CacheBytes int64
	Replicas   int
	// TTL is the life of every value that is loaded or set; zero means for ever.
	TTL time.Duration
	// Source is the getter's data.
	Source *Source
	// Peers is where an HTTP module mounts its handler, as its users would.
	Peers *http.ServeMux
	// ServePeers, if set by the module, takes over the peer port of a module that does not speak HTTP/1. The control
	// API then needs an address of its own.
	ServePeers func(net.Listener) error
}

// Main runs a node until it is told to stop. The caller may have defined flags of its own.
func Main(m Module) {
	if err := run(m); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(module Module) error {
	listen := flag.String("listen", "127.0.0.1:0", "`address` that serves the peers")
	control := flag.String("control", "", "`address` of the control API (default: the peer port)")
	self := flag.String("self", "", "this node as its peers know it, `URL` or ID=URL (default: the bound address)")
	peers := flag.String("peers", "", "the members, `URL,URL`; self is one of them whether listed or not")
	group := flag.String("group", "default", "`name` of the group")
	cacheBytes := flag.Int64("cache-bytes", 64<<20, "budget of the group in `bytes`")
	replicas := flag.Int("replicas", 50, "points per member on the ring")
	ttl := flag.Int64("ttl", 0, "life of a value in `ms`, 0 for ever")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}

	peerListener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	// Only now is the port known, if --listen left the choice to the system.
	if *self == "" {
		*self = "http://" + peerListener.Addr().String()
	}
	n := &Node{
		Group:      *group,
		CacheBytes: *cacheBytes,
		Replicas:   *replicas,
		TTL:        time.Duration(*ttl) * time.Millisecond,
		Peers:      http.NewServeMux(),
	}
	if module.NotFound == nil {
		module.NotFound = errors.New("not found")
	}
	if n.TTL != 0 && !module.Expiry {
		return errors.New("--ttl: this module has no expiry")
	}
	n.Source = newSource(n.TTL, module.NotFound)
	if n.Self, err = module.parseMember(*self); err != nil {
		return fmt.Errorf("--self: %w", err)
	}
	members, err := module.parseMembers(splitList(*peers))
	if err != nil {
		return fmt.Errorf("--peers: %w", err)
	}

	cache, err := module.Start(n)
	if err != nil {
		return err
	}
	api := &controlAPI{module: module, node: n, cache: cache}
	if err := api.setPeers(members); err != nil {
		return err
	}

	failed := make(chan error, 2)
	ready := []any{"ready", peerListener.Addr()}
	switch {
	case *control != "":
		controlListener, err := net.Listen("tcp", *control)
		if err != nil {
			return err
		}
		mux := http.NewServeMux()
		api.mount(mux)
		go func() { failed <- http.Serve(controlListener, mux) }()
		ready = append(ready, controlListener.Addr())
	case n.ServePeers != nil:
		return errors.New("--control is required: this protocol does not share its port")
	default:
		api.mount(n.Peers)
	}
	if n.ServePeers == nil {
		n.ServePeers = func(l net.Listener) error { return http.Serve(l, n.Peers) }
	}
	go func() { failed <- n.ServePeers(peerListener) }()

	fmt.Println(ready...)
	return untilStopped(failed)
}

// untilStopped waits for a signal, for the parent to go away, or for a server to fail. There is nothing
// to drain: to the peers, a node of a test ends as a crashed one does.
func untilStopped(failed <-chan error) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	// A killed test cannot clean up, but its end of the pipe closes.
	orphaned := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(orphaned)
	}()
	select {
	case <-signals:
		return nil
	case <-orphaned:
		return nil
	case err := <-failed:
		return err
	}
}
