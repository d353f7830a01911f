package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/otlptest/otlpcount"
)

// soakResult is a guest under load for a while.
type soakResult struct {
	Guest      string
	Load       load
	RSS        []float64 // MiB at ten moments of the load, then at rest
	Goroutines [2]int    // after one request, in another process; after the load
	Traces     int       // traces with a SERVER span that arrived
	Spans      int
	Dropped    bool // the process said that it dropped telemetry
}

func (r soakResult) String() string {
	var rss []string
	for _, m := range r.RSS {
		rss = append(rss, fmt.Sprintf("%.0f", m))
	}
	return fmt.Sprintf("%s: %v\n  rss MiB over time: %s\n  goroutines: %d after one request, %d after the load\n  traces received: %d of %d requests, %d spans, drops said: %v",
		r.Guest, r.Load, strings.Join(rss, " "), r.Goroutines[0], r.Goroutines[1], r.Traces, r.Load.Requests, r.Spans, r.Dropped)
}

type soakResults []soakResult

func (rs soakResults) String() string {
	var out []string
	for _, r := range rs {
		out = append(out, r.String())
	}
	return strings.Join(out, "\n")
}

// soak loads the bundled Rust and Go guests, with every trace exported over OTLP and counted.
func soak(r *run, args []string) (any, error) {
	duration := r.flags.Duration("duration", 60*time.Second, "how long each guest is loaded")
	conns := r.flags.Int("c", 32, "connections")
	queue := r.flags.Int("queue", 65536, "spans that may wait for export; 2048 is what the SDK has by itself")
	dir, err := os.MkdirTemp("", "vitrine-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := r.parse(args, dir); err != nil {
		return nil, err
	}
	var out soakResults
	for _, g := range []struct{ file, path string }{
		{"testdata/guests/prebuilt/rust-http-full-p2.component.wasm", "/hello"}, {"testdata/guests/prebuilt/go126-http-p2.component.wasm", "/go"},
	} {
		res, err := soakOne(r.binary, g.file, g.path, *duration, *conns, *queue)
		if err != nil {
			return nil, err
		}
		out = append(out, *res)
	}
	return out, nil
}

func soakOne(binary, file, path string, duration time.Duration, conns, queue int) (*soakResult, error) {
	out := &soakResult{Guest: file}
	for i, d := range []time.Duration{0, duration} {
		recv, err := otlpcount.NewReceiver()
		if err != nil {
			return nil, err
		}
		// With a large queue every span reaches the receiver; with the SDK's own, a load beyond what is exported drops some.
		p, err := serve(binary, []string{
			"OTEL_EXPORTER_OTLP_ENDPOINT=" + recv.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_METRICS_EXPORTER=none",
			"OTEL_LOGS_EXPORTER=none", fmt.Sprintf("OTEL_BSP_MAX_QUEUE_SIZE=%d", queue), fmt.Sprintf("OTEL_BSP_MAX_EXPORT_BATCH_SIZE=%d", queue/16), "OTEL_BSP_SCHEDULE_DELAY=200",
		}, "--detail", "invocation", "--log-level", "error", file)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(context.Background(), max(d, 200*time.Millisecond))
		if d == 0 {
			get(ctx, p.base+path, 1, 100*time.Millisecond)
		} else {
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range 10 {
					time.Sleep(d / 10)
					out.RSS = append(out.RSS, p.rss())
				}
			}()
			out.Load = get(ctx, p.base+path, conns, 0)
			<-done
		}
		cancel()
		time.Sleep(3 * time.Second) // idle connections and exports settle
		if d != 0 {
			out.RSS = append(out.RSS, p.rss())
			spans, traces, _ := recv.Counts()
			out.Spans, out.Traces = spans, traces
		}
		out.Dropped = strings.Contains(p.output(), "drop")
		out.Goroutines[i] = p.goroutines()
		_ = recv.Close()
	}
	return out, nil
}
