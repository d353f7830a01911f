// Command probed is the vitrine binary with an HTTP server for figures of its Go runtime (goroutines, heap, profiles) on the
// Unix socket that VITRINE_BENCH_PROBE names. It is for measurements; the product has no such server.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime"

	"github.com/vitrine-wasm/vitrine/cli"
)

func main() {
	if path := os.Getenv("VITRINE_BENCH_PROBE"); path != "" {
		if err := probe(path); err != nil {
			fmt.Fprintln(os.Stderr, "probe:", err)
			os.Exit(1)
		}
	}
	os.Exit(cli.Main(os.Args[1:], cli.Standard()))
}

func probe(path string) error {
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/runtime", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("gc") != "" {
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		_ = json.NewEncoder(w).Encode(map[string]uint64{
			"goroutines": uint64(runtime.NumGoroutine()), "heap": m.HeapAlloc, "mallocs": m.Mallocs, "gcs": uint64(m.NumGC),
		})
	})
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	go func() { _ = http.Serve(l, mux) }()
	return nil
}
