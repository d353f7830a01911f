// Package attribution sends many requests at once into one instance of a guest of WASI 0.3, and judges whether all that they cause (spans,
// log lines, requests to others) is in the trace of the request that caused it, has its parent there, and is whole. Tests and
// measurements of whole processes share it.
package attribution

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/vitrine-wasm/vitrine/tests/otlptest/otlpstream"
)

// Guests are those that can be asked.
var Guests = []string{"rust-http-p3", "go126-http-async-p3", "js-qjs-hello-http-p3", "c-http-p3"}

// Config says what a load is like.
type Config struct {
	Guest string
	// Total ends it after so many requests, its context's end after any number.
	Total       int
	First       int // number of the first request; loads of one Bench must not share numbers
	Concurrency int // requests at once; 0: 16
	// Of every so many requests one traps, one's client leaves early, one reaches its deadline; 0: none.
	Traps, Leaves, Lates int
}

// Result is what has come of a load.
type Result struct {
	Guest                  string
	Requests               int64
	Whole, Ended, Late     int // answered with all that belongs to them; ended by a trap in their instance, or with their client; at their deadline
	Spans, Lines, Outgoing int64
	Instances              int
	Again                  int64          // bodies of OTLP that the exporter sent twice, which count once
	Faults                 map[string]int // by kind: none if all is well
	Wrong                  []string       // the first of them
	instances              map[string]bool
}

// Holds says whether nothing was wrong.
func (r *Result) Holds() bool { return len(r.Faults) == 0 && r.Whole > 0 }

func (r *Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d requests in %d instances: %d whole, %d ended by a trap or their client, %d late; %d spans, %d lines, %d outgoing requests",
		r.Guest, r.Requests, r.Instances, r.Whole, r.Ended, r.Late, r.Spans, r.Lines, r.Outgoing)
	if len(r.Faults) == 0 {
		b.WriteString("; 0 in another one's trace, 0 orphans, 0 missing")
	} else {
		fmt.Fprintf(&b, "; WRONG: %v", r.Faults)
	}
	if r.Again > 0 {
		fmt.Fprintf(&b, "; %d exports came twice", r.Again)
	}
	for _, w := range r.Wrong {
		b.WriteString("\n  " + w)
	}
	return b.String()
}

// Bench is what loads share: a receiver of OTLP, and an upstream for the guests' requests.
type Bench struct {
	URL string // of the receiver, for OTEL_EXPORTER_OTLP_ENDPOINT

	recv    *otlpstream.Receiver
	up      *upstream
	mu      sync.Mutex
	loads   []*judge
	retired Retired
}

// Retired is what retired instances have left behind, all together, those that had trapped left out.
type Retired struct {
	Instances                                     int
	Resources, Streams, Futures, Waitables, Calls int64
}

// Retired is what there was so far.
func (b *Bench) Retired() Retired {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.retired
}

// retire adds the end of an instance, if s is that.
func (b *Bench) retire(s *tracepb.Span) {
	if !strings.HasPrefix(s.Name, "retire ") {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range s.Attributes {
		n := a.Value.GetIntValue()
		switch a.Key {
		case "vitrine.retire.left.resources":
			b.retired.Instances++
			b.retired.Resources += n
		case "vitrine.retire.left.streams":
			b.retired.Streams += n
		case "vitrine.retire.left.futures":
			b.retired.Futures += n
		case "vitrine.retire.left.waitables":
			b.retired.Waitables += n
		case "vitrine.retire.left.calls":
			b.retired.Calls += n
		}
	}
}

// NewBench starts receiver and upstream. Close it.
func NewBench() (*Bench, error) {
	b := &Bench{}
	var err error
	if b.up, err = newUpstream(); err != nil {
		return nil, err
	}
	if b.recv, err = otlpstream.Listen(b.span, b.record); err != nil {
		_ = b.up.server.Close()
		return nil, err
	}
	b.URL = b.recv.URL
	return b, nil
}

// Close ends it.
func (b *Bench) Close() error {
	_ = b.up.server.Close()
	return b.recv.Close()
}

func (b *Bench) all() []*judge {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.loads)
}

func (b *Bench) span(s *tracepb.Span) {
	b.retire(s)
	all := b.all()
	if !slices.ContainsFunc(all, func(j *judge) bool { return j.span(s) }) && len(all) > 0 {
		all[0].unknown(s.TraceId, s.Kind, s.Attributes, s.Name)
	}
}

func (b *Bench) record(r *logspb.LogRecord) {
	all := b.all()
	if !slices.ContainsFunc(all, func(j *judge) bool { return j.record(r) }) && len(all) > 0 && mixLine.MatchString(r.Body.GetStringValue()) {
		all[0].mu.Lock()
		defer all[0].mu.Unlock()
		all[0].wrong("lines", "%q is in the trace %x, which nobody began", r.Body.GetStringValue(), r.TraceId)
	}
}

// Load is a load under way, or at its end.
type Load struct {
	bench  *Bench
	config Config
	judge  *judge
	client *http.Client
	makers []func(int) request
	next   atomic.Int64
	sent   atomic.Int64
}

// NewLoad makes a load.
func (b *Bench) NewLoad(c Config) *Load {
	if c.Concurrency == 0 {
		c.Concurrency = 16
	}
	j := &judge{load: rand.Uint64() | 1, rough: c.Traps+c.Leaves+c.Lates > 0, up: b.up, traces: map[int]*trace{}, models: map[string][]string{}}
	j.out = &Result{Guest: c.Guest, Faults: map[string]int{}, instances: map[string]bool{}}
	b.mu.Lock()
	b.loads = append(b.loads, j)
	b.mu.Unlock()
	return &Load{bench: b, config: c, judge: j, makers: makers(c.Guest, b.up),
		client: &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: c.Concurrency, DisableCompression: true}}}
}

// settleTime is how long after its end a request is judged while a load goes on: work after the response goes on, and is exported.
const settleTime = 30 * time.Second

// Run sends requests to the server at base: first one of each kind alone, which the others have to be like. It returns when all have
// ended.
func (l *Load) Run(ctx context.Context, base string) {
	defer l.client.CloseIdleConnections()
	l.next.Store(int64(l.config.First))
	for _, make := range l.makers {
		n := int(l.next.Add(1)) - 1
		r := make(n)
		l.send(&r, n, base)
	}
	over := make(chan struct{})
	var clients, sweeper sync.WaitGroup
	sweeper.Go(func() {
		tick := time.NewTicker(5 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
				l.judge.sweep(time.Now().Add(-settleTime))
			}
		}
	})
	for range l.config.Concurrency {
		clients.Go(func() {
			for ctx.Err() == nil {
				n := int(l.next.Add(1)) - 1
				if l.config.Total > 0 && n >= l.config.First+l.config.Total {
					return
				}
				r := l.request(n)
				l.send(&r, n, base)
			}
		})
	}
	clients.Wait()
	close(over)
	sweeper.Wait()
}

// request is the n'th.
func (l *Load) request(n int) request {
	one := func(of, at int) bool { return of > 0 && n%of == at%of }
	switch {
	case one(l.config.Traps, 57):
		return trap(l.config.Guest)
	case one(l.config.Lates, 23):
		return late(l.config.Guest)
	}
	r := l.makers[n%len(l.makers)](n)
	r.leaves = one(l.config.Leaves, 11)
	return r
}

func (l *Load) send(r *request, n int, base string) {
	r.n = n
	if r.method == "" {
		r.method = http.MethodGet
	}
	l.judge.begin(r)
	r.send(l.client, base, traceID(l.judge.load, n))
	l.judge.end(r)
	l.sent.Add(1)
}

// Sent is how many requests have ended so far.
func (l *Load) Sent() int64 { return l.sent.Load() }

// Result judges all that is left. It is for when the server has ended, and so has exported everything.
func (l *Load) Result() *Result {
	l.judge.sweep(time.Now().Add(time.Second))
	l.judge.mu.Lock()
	defer l.judge.mu.Unlock()
	l.judge.out.Requests, l.judge.out.Instances, l.judge.out.Again = l.sent.Load(), len(l.judge.out.instances), l.bench.recv.Again()
	return l.judge.out
}
