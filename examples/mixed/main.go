// Command mixed is a small Go service with golang/groupcache. The Rust program of the same name starts it, as a member of
// the cluster that its own node is in. Nothing here knows of Rust.
//
//	go run . -listen 127.0.0.1:8001 -peers http://127.0.0.1:8002
//	curl 'http://127.0.0.1:8001/greet?key=ada'
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"

	"github.com/golang/groupcache"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on; port 0 takes a free one")
	peers := flag.String("peers", "", "URLs of the other members, with commas between them")
	flag.Parse()

	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	self := "http://" + listener.Addr().String()
	members := []string{self}
	if *peers != "" {
		members = append(members, strings.Split(*peers, ",")...)
	}
	pool := groupcache.NewHTTPPoolOpts(self, nil)
	pool.Set(members...)

	// The value says who made it. A real getter makes the same value on every node.
	var loads atomic.Int64
	greetings := groupcache.NewGroup("greetings", 64<<20, groupcache.GetterFunc(
		func(_ context.Context, key string, dest groupcache.Sink) error {
			loads.Add(1)
			return dest.SetString(fmt.Sprintf("hello %s, says Go", key))
		}))

	http.Handle("/_groupcache/", pool)
	http.HandleFunc("GET /greet", func(w http.ResponseWriter, r *http.Request) {
		var greeting string
		key := r.URL.Query().Get("key")
		if err := greetings.Get(r.Context(), key, groupcache.StringSink(&greeting)); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		fmt.Fprint(w, greeting)
	})
	http.HandleFunc("GET /loads", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, loads.Load())
	})

	// The end of stdin is how it learns that the program that started it is gone.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println("ready", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}
