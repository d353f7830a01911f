package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const noisyWorkload = `apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: noisy, namespace: bench}
spec:
  components:
    - {name: spinner, source: {file: %[1]q}, limits: {deadline: 1s}}
    - {name: neighbour, source: {file: %[1]q}}
  triggers:
    - http: {path: /spin, component: spinner}
    - http: {path: /hello, component: neighbour}
`

// noisyResult is the neighbour's latency alone and beside a guest that loops for ever.
type noisyResult struct {
	Alone, Beside    load
	Spins, Deadlines int64 // requests to the guest that loops, and how many of them ended with 504
	SpinTrace        bool  // its trace says deadline
}

func (r noisyResult) String() string {
	return fmt.Sprintf("neighbour alone:  %v\nneighbour beside: %v\np99 beside/alone: %.2f\nguests that loop: %d, ended by their deadline with 504: %d, trace says so: %v",
		r.Alone, r.Beside, float64(r.Beside.P99)/float64(r.Alone.P99), r.Spins, r.Deadlines, r.SpinTrace)
}

// noisy runs endless loops in one component while another serves requests.
func noisy(r *run, args []string) (any, error) {
	duration := r.flags.Duration("duration", 10*time.Second, "how long each half takes")
	conns := r.flags.Int("c", 2, "connections to the neighbour")
	pause := r.flags.Duration("pause", 5*time.Millisecond, "pause between requests of a connection")
	guest := r.flags.String("guest", "testdata/guests/prebuilt/rust-http-full-p2.component.wasm", "a component with /hello and /spin")
	dir, err := os.MkdirTemp("", "vitrine-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := r.parse(args, dir); err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(*guest)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "vitrine.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, noisyWorkload, abs), 0o644); err != nil {
		return nil, err
	}
	p, err := serve(r.binary, nil, "--trace", file)
	if err != nil {
		return nil, err
	}
	var out noisyResult
	half := func() load {
		ctx, cancel := context.WithTimeout(context.Background(), *duration)
		defer cancel()
		return get(ctx, p.base+"/hello", *conns, *pause)
	}
	out.Alone = half()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			atomic.AddInt64(&out.Spins, 1)
			resp, err := http.Get(p.base + "/spin")
			if err != nil {
				continue
			}
			resp.Body.Close()
			if resp.StatusCode == http.StatusGatewayTimeout {
				atomic.AddInt64(&out.Deadlines, 1)
			}
		}
	})
	out.Beside = half()
	cancel()
	wg.Wait()
	if err := p.stop(); err != nil {
		return nil, err
	}
	out.SpinTrace = strings.Contains(p.output(), "✗ deadline")
	return out, nil
}
