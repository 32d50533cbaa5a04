// Command golang is a node of a golang/groupcache cluster with the part of the API of our frontend that the program
// cluster uses, so that both kinds of clusters go through the same scenarios.
//
//	go run . -listen 127.0.0.1:9001 -db http://127.0.0.1:8080
//	curl -X PUT -d '["http://127.0.0.1:9001"]' http://127.0.0.1:9001/api/peers
//	curl -i 'http://127.0.0.1:9001/api/get?key=user:1'
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/golang/groupcache"
)

// sourceKey is where the context of a get has what is known of the value's source.
type sourceKey struct{}

// found notes the source. Who waits for the load of another get learns of none, as golang/groupcache does not tell.
func found(ctx context.Context, source string) {
	if noted, ok := ctx.Value(sourceKey{}).(*string); ok {
		*noted = source
	}
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on; port 0 takes a free one")
	peers := flag.String("peers", "", "URLs of the members, with commas between them")
	db := flag.String("db", "", "URL of the database server")
	cacheBytes := flag.Int64("cache-bytes", 64<<20, "bytes that the cache may take")
	untilEOF := flag.Bool("until-eof", false, "stop at the end of stdin")
	flag.Parse()

	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	self := "http://" + listener.Addr().String()
	// The default keeps two connections to a host, and would make one for almost every request of this load.
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, 256
	pool := groupcache.NewHTTPPoolOpts(self, nil)
	pool.Transport = func(ctx context.Context) http.RoundTripper {
		found(ctx, "peer")
		return transport
	}
	members := []string{self}
	if *peers != "" {
		members = strings.Split(*peers, ",")
	}
	pool.Set(members...)

	client := &http.Client{Transport: transport}
	group := groupcache.NewGroup("demo", *cacheBytes, groupcache.GetterFunc(
		func(ctx context.Context, key string, dest groupcache.Sink) error {
			found(ctx, "origin")
			value, err := read(client, *db+"/kv/"+url.PathEscape(key))
			if err != nil {
				return err
			}
			return dest.SetBytes(value)
		}))

	http.Handle("/_groupcache/", pool)
	http.HandleFunc("GET /api/get", func(w http.ResponseWriter, r *http.Request) {
		source := "main"
		ctx := context.WithValue(r.Context(), sourceKey{}, &source)
		var value []byte
		if err := group.Get(ctx, r.URL.Query().Get("key"), groupcache.AllocatingByteSliceSink(&value)); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("x-groupcache-source", source)
		_, _ = w.Write(value)
	})
	http.HandleFunc("PUT /api/peers", func(w http.ResponseWriter, r *http.Request) {
		var members []string
		if err := json.NewDecoder(r.Body).Decode(&members); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		pool.Set(members...)
	})
	http.HandleFunc("GET /api/stats", func(w http.ResponseWriter, _ *http.Request) {
		loads := group.Stats.LocalLoads.Get() + group.Stats.LocalLoadErrs.Get()
		_ = json.NewEncoder(w).Encode(map[string]int64{"getter_calls": loads})
	})

	if *untilEOF {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	fmt.Println("ready", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}

func read(client *http.Client, url string) ([]byte, error) {
	answer, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	value, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("the database answered %s", answer.Status)
	}
	return value, err
}
