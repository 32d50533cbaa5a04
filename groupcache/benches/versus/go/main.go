// Command rivals runs the Go members of the family for the bench versus.
//
//	rivals golang|mailgun
//	rivals serve
//	rivals ask ADDRESS
//
// The first times hits of the Group.Get of golang/groupcache or mailgun/groupcache. The others are two nodes of
// golang/groupcache, see remote.go.
//
// For hits, stdin begins with little-endian 32-bit words: the number of keys, of threads and of requests to each thread, and
// then for each thread the numbers of the keys to ask for. The group is filled, and then each line of stdin, the
// number of threads to take part, is answered with a line, the nanoseconds per request. Ends with stdin.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	golang "github.com/golang/groupcache"
	mailgun "github.com/mailgun/groupcache/v2"
)

const valueBytes = 1024

// get asks for a key and returns the length of its value. Views are not copied, which is the fastest way to ask.
type get func(key string) (int, error)

func main() {
	log.SetFlags(0)
	log.SetPrefix("rivals: ")
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 1 && args[0] == "serve":
		err = serve()
	case len(args) == 2 && args[0] == "ask":
		err = ask(args[1])
	case len(args) == 1:
		err = run(args[0], bufio.NewReaderSize(os.Stdin, 1<<16), os.Stdout)
	default:
		err = errors.New("usage: rivals golang|mailgun, rivals serve, or rivals ask ADDRESS")
	}
	if err != nil {
		log.Fatal(err)
	}
}

func run(module string, in *bufio.Reader, out io.Writer) error {
	var head struct{ Keys, Threads, Requests uint32 }
	if err := binary.Read(in, binary.LittleEndian, &head); err != nil {
		return err
	}
	threads := make([][]string, head.Threads)
	for i := range threads {
		numbers := make([]uint32, head.Requests)
		if err := binary.Read(in, binary.LittleEndian, numbers); err != nil {
			return err
		}
		threads[i] = keys(numbers)
	}
	ask, err := group(module, int64(head.Keys)*4*valueBytes)
	if err != nil {
		return err
	}
	all := make([]uint32, head.Keys)
	for n := range all {
		all[n] = uint32(n)
	}
	for _, key := range keys(all) {
		// The stored key must not keep the text of all keys alive.
		if _, err := ask(strings.Clone(key)); err != nil {
			return err
		}
	}
	for {
		var n int
		if _, err := fmt.Fscanln(in, &n); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if n < 1 || n > len(threads) {
			return fmt.Errorf("%d threads", n)
		}
		nanos, err := timed(ask, threads[:n])
		if err != nil {
			return err
		}
		fmt.Fprintln(out, nanos)
	}
}

// keys are those of the Rust side: "/object/", 16 hexadecimal digits, "/content", cut to 16 to 32 characters. They
// are slices of one text, so that they are read in order.
func keys(numbers []uint32) []string {
	var text strings.Builder
	text.Grow(32 * len(numbers))
	for _, n := range numbers {
		fmt.Fprintf(&text, "/object/%016x/content", uint64(n)*0x9e3779b97f4a7c15)
	}
	keys := make([]string, len(numbers))
	for i, n := range numbers {
		keys[i] = text.String()[32*i:][:16+n%17]
	}
	return keys
}

// group makes a group in which every key has a value of its own.
func group(module string, budget int64) (get, error) {
	value := make([]byte, valueBytes)
	switch module {
	case "golang":
		getter := func(_ context.Context, _ string, dest golang.Sink) error { return dest.SetBytes(value) }
		group := golang.NewGroup("versus", budget, golang.GetterFunc(getter))
		return func(key string) (int, error) {
			var view golang.ByteView
			err := group.Get(context.Background(), key, golang.ByteViewSink(&view))
			return view.Len(), err
		}, nil
	case "mailgun":
		getter := func(_ context.Context, _ string, dest mailgun.Sink) error {
			return dest.SetBytes(value, time.Time{})
		}
		group := mailgun.NewGroup("versus", budget, mailgun.GetterFunc(getter))
		return func(key string) (int, error) {
			var view mailgun.ByteView
			err := group.Get(context.Background(), key, mailgun.ByteViewSink(&view))
			return view.Len(), err
		}, nil
	}
	return nil, fmt.Errorf("no module %q", module)
}

// timed has each thread ask for its keys, all at once, and returns the nanoseconds per request. As on the Rust side, the
// first quarter of them is asked for once before.
func timed(ask get, threads [][]string) (float64, error) {
	var (
		start, done sync.WaitGroup
		times       = make([]time.Duration, len(threads))
		errs        = make([]error, len(threads))
		requests    int
	)
	start.Add(len(threads))
	for i, keys := range threads {
		requests += len(keys)
		done.Add(1)
		go func() {
			defer done.Done()
			for _, key := range keys[:len(keys)/4] {
				if _, err := ask(key); err != nil {
					errs[i] = err
					break
				}
			}
			start.Done()
			start.Wait()
			begin := time.Now()
			for _, key := range keys {
				if n, err := ask(key); err != nil || n != valueBytes {
					errs[i] = fmt.Errorf("%q: %d bytes, %w", key, n, err)
					return
				}
			}
			times[i] = time.Since(begin)
		}()
	}
	done.Wait()
	var total time.Duration
	for i := range threads {
		if errs[i] != nil {
			return 0, errs[i]
		}
		total += times[i]
	}
	return float64(total.Nanoseconds()) / float64(requests), nil
}
