package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	golang "github.com/golang/groupcache"
)

const (
	groupName = "versus"
	// maxBytes and maxKeys are those of the Rust side's keys.
	maxBytes = 16 << 20
	maxKeys  = 1024
	// idleConnections lets each of the callers keep one: Go's default of two would have most requests dial.
	idleConnections = 64
)

// serve is the owner, which makes values and keeps them. Prints `ready ADDRESS`, and ends with stdin.
func serve() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	self := "http://" + listener.Addr().String()
	pool := golang.NewHTTPPoolOpts(self, nil)
	pool.Set(self)
	golang.NewGroup(groupName, 4<<30, golang.GetterFunc(func(_ context.Context, key string, dest golang.Sink) error {
		size, err := strconv.Atoi(key[7:17])
		if err != nil {
			return err
		}
		return dest.SetBytes(make([]byte, size))
	}))
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println("ready", listener.Addr())
	return http.Serve(listener, pool)
}

// asker is a node without a cache that asks the owner for values.
type asker struct {
	group *golang.Group
	// held are the keys of each size whose values the owner has.
	held map[int][]string
}

// ask answers each load on stdin with its timing on stdout, or with its error, as the Rust side's clients do. Ends with
// stdin.
func ask(owner string) error {
	const self = "http://asker"
	pool := golang.NewHTTPPoolOpts(self, nil)
	transport := &http.Transport{MaxIdleConnsPerHost: idleConnections}
	pool.Transport = func(context.Context) http.RoundTripper { return transport }
	pool.Set(self, "http://"+owner)
	noValues := func(context.Context, string, golang.Sink) error { return errors.New("the asker has no values") }
	asker := &asker{
		group: golang.NewGroup(groupName, 0, golang.GetterFunc(noValues)),
		held:  make(map[int][]string),
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var size, callers, millis int
		if _, err := fmt.Sscan(lines.Text(), &size, &callers, &millis); err != nil {
			return err
		}
		if err := asker.run(size, callers, time.Duration(millis)*time.Millisecond); err != nil {
			fmt.Println("failed:", err)
		}
	}
	return lines.Err()
}

func (a *asker) run(size, callers int, duration time.Duration) error {
	keys, err := a.keys(size, callers)
	if err != nil {
		return err
	}
	type result struct {
		times []time.Duration
		err   error
	}
	results := make(chan result)
	begin := time.Now()
	end := begin.Add(duration)
	for turn := range callers {
		go func() {
			times, err := a.loop(size, keys, turn, callers, end)
			results <- result{times, err}
		}()
	}
	var times []time.Duration
	for range callers {
		result := <-results
		if result.err != nil {
			err = result.err
		}
		times = append(times, result.times...)
	}
	if err != nil {
		return err
	}
	seconds := time.Since(begin).Seconds()
	slices.Sort(times)
	percentile := func(quantile float64) float64 {
		if len(times) == 0 {
			return 0
		}
		return float64(times[int(quantile*float64(len(times)-1))].Nanoseconds()) / 1e3
	}
	fmt.Println(len(times), seconds, percentile(0.5), percentile(0.99), percentile(0.999))
	return nil
}

// loop asks until the end for every callers-th key, from the turn-th on, and returns the time that each request took.
func (a *asker) loop(size int, keys []string, turn, callers int, end time.Time) ([]time.Duration, error) {
	var times []time.Duration
	begin := time.Now()
	for n := turn; begin.Before(end); n += callers {
		if n >= len(keys) {
			n = turn
		}
		bytes, err := a.get(keys[n])
		if err != nil {
			return nil, err
		}
		if bytes != size {
			return nil, fmt.Errorf("a value of %d bytes", bytes)
		}
		now := time.Now()
		times = append(times, now.Sub(begin))
		begin = now
	}
	return times, nil
}

// get returns the length of a value. Views are not copied, which is the fastest way to ask.
func (a *asker) get(key string) (int, error) {
	var view golang.ByteView
	err := a.group.Get(context.Background(), key, golang.ByteViewSink(&view))
	return view.Len(), err
}

// keys returns at least so many keys, passing over those that this node itself is the owner of.
func (a *asker) keys(size, least int) ([]string, error) {
	if keys := a.held[size]; len(keys) >= least {
		return keys, nil
	}
	var keys []string
	wanted := max(least, min(max(maxBytes/size, 1), maxKeys))
	for n := 0; len(keys) < wanted; n++ {
		key := fmt.Sprintf("object-%010d-%08d", size, n)
		if _, err := a.get(key); err == nil {
			keys = append(keys, key)
		} else if n > 1000+10*wanted {
			return nil, fmt.Errorf("the owner holds too few of the keys: %w", err)
		}
	}
	a.held[size] = keys
	return keys, nil
}
