package node

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"unicode/utf8"
)

// controlAPI is how a test drives the node. It has the paths, statuses and JSON of the `frontend` example.
type controlAPI struct {
	module Module
	node   *Node
	cache  Cache

	mu      sync.Mutex // serialises setPeers, and guards members
	members []Member
}

func (a *controlAPI) mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/get", a.get)
	mux.HandleFunc("PUT /api/set", a.set)
	mux.HandleFunc("DELETE /api/remove", a.remove)
	mux.HandleFunc("GET /api/peers", a.getPeers)
	mux.HandleFunc("PUT /api/peers", a.putPeers)
	mux.HandleFunc("GET /api/stats", a.stats)
	mux.HandleFunc("GET /api/health", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
}

func (a *controlAPI) get(w http.ResponseWriter, r *http.Request) {
	keys, ok := keysOf(w, r)
	if !ok {
		return
	}
	// Some modules let a getter's panic through to the caller; there it is one more getter error.
	defer func() {
		if p := recover(); p != nil {
			http.Error(w, fmt.Sprint("panic: ", p), http.StatusBadGateway)
		}
	}()
	value, err := a.cache.Get(r.Context(), keys[0])
	if err != nil {
		a.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("X-Groupcache-Source", "unknown")
	_, _ = w.Write(value)
}

func (a *controlAPI) set(w http.ResponseWriter, r *http.Request) {
	keys, ok := keysOf(w, r)
	if !ok {
		return
	}
	value, err := io.ReadAll(r.Body)
	if err == nil {
		err = a.cache.Set(r.Context(), keys[0], value)
	}
	a.done(w, err)
}

func (a *controlAPI) remove(w http.ResponseWriter, r *http.Request) {
	if keys, ok := keysOf(w, r); ok {
		a.done(w, a.cache.Remove(r.Context(), keys...))
	}
}

func (a *controlAPI) getPeers(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	texts := make([]string, len(a.members))
	for i, m := range a.members {
		texts[i] = m.String()
	}
	a.mu.Unlock()
	writeJSON(w, texts)
}

func (a *controlAPI) putPeers(w http.ResponseWriter, r *http.Request) {
	var texts []string
	if err := json.NewDecoder(r.Body).Decode(&texts); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	members, err := a.module.parseMembers(texts)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a.done(w, a.setPeers(members))
}

// setPeers keeps the order of the list: where points collide, golang and mailgun let it decide.
func (a *controlAPI) setPeers(members []Member) error {
	if !slices.Contains(members, a.node.Self) {
		members = append(members, a.node.Self)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.cache.SetPeers(members); err != nil {
		return err
	}
	a.members = members
	return nil
}

func (a *controlAPI) stats(w http.ResponseWriter, _ *http.Request) {
	var total int64
	byKey := make(map[string]int64)
	byKeyB64 := make(map[string]int64)
	for key, count := range a.node.Source.Calls() {
		total += count
		byKeyB64[base64.URLEncoding.EncodeToString([]byte(key))] = count
		// JSON has no form for other bytes; replacing them could make two keys one.
		if utf8.ValidString(key) {
			byKey[key] = count
		}
	}
	writeJSON(w, map[string]any{
		"getter_calls":            total,
		"getter_calls_by_key":     byKey,
		"getter_calls_by_key_b64": byKeyB64,
		"module":                  a.cache.Stats(),
	})
}

// keysOf is the raw bytes of the parameters called key. Without one it answers the request itself.
func keysOf(w http.ResponseWriter, r *http.Request) ([]string, bool) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err == nil && !query.Has("key") {
		err = errors.New("missing parameter: key")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return nil, false
	}
	return query["key"], true
}

func (a *controlAPI) done(w http.ResponseWriter, err error) {
	if err != nil {
		a.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (a *controlAPI) fail(w http.ResponseWriter, err error) {
	status := http.StatusBadGateway
	switch {
	case errors.Is(err, a.module.NotFound):
		status = http.StatusNotFound
	case errors.Is(err, errors.ErrUnsupported):
		status = http.StatusNotImplemented
	}
	http.Error(w, err.Error(), status)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		log.Print("writing an answer: ", err)
	}
}
