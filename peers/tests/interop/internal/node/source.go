package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxSize bounds what a "size:N:" key can ask for.
const maxSize = 1 << 30

// Source is the data behind the getter. It makes every value up from its key, and remembers which keys
// it was asked for, byte for byte.
type Source struct {
	ttl      time.Duration
	notFound error
	mu       sync.Mutex
	calls    map[string]int64
}

func newSource(ttl time.Duration, notFound error) *Source {
	return &Source{ttl: ttl, notFound: notFound, calls: make(map[string]int64)}
}

// Load is the getter: the value of key is "value-of-" and the key, and some prefixes ask for trouble (see
// the README). The time is when the value expires, zero for never.
func (s *Source) Load(ctx context.Context, key string) ([]byte, time.Time, error) {
	s.mu.Lock()
	s.calls[key]++
	s.mu.Unlock()

	value := []byte("value-of-" + key)
	ttl := s.ttl
	kind, rest, _ := strings.Cut(key, ":")
	switch kind {
	case "err":
		return nil, time.Time{}, errors.New("the getter failed as asked")
	case "missing":
		return nil, time.Time{}, s.notFound
	case "panic":
		panic("the getter panicked as asked")
	case "empty":
		value = []byte{}
	case "slow":
		if ms, ok := number(rest); ok {
			select {
			case <-time.After(time.Duration(ms) * time.Millisecond):
			case <-ctx.Done():
				return nil, time.Time{}, ctx.Err()
			}
		}
	case "size":
		if n, ok := number(rest); ok {
			if n > maxSize {
				return nil, time.Time{}, fmt.Errorf("a value of %d bytes is over the limit of %d", n, maxSize)
			}
			value = bytes.Repeat([]byte{'x'}, int(n))
		}
	case "ttl":
		if ms, ok := number(rest); ok {
			ttl = time.Duration(ms) * time.Millisecond
		}
	}
	return value, expiry(ttl), nil
}

// Calls is how often each key was loaded.
func (s *Source) Calls() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// Expiry is when a value that is stored now expires.
func (n *Node) Expiry() time.Time {
	return expiry(n.TTL)
}

func expiry(ttl time.Duration) time.Time {
	if ttl == 0 {
		return time.Time{}
	}
	return time.Now().Add(ttl)
}

// number reads the N of "N:anything".
func number(text string) (int64, bool) {
	digits, _, ok := strings.Cut(text, ":")
	n, err := strconv.ParseUint(digits, 10, 32)
	return int64(n), ok && err == nil
}
