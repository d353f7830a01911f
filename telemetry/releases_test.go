package telemetry_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	blobmemory "github.com/vitrine-wasm/vitrine/plugin/blobstore/memory"
	"github.com/vitrine-wasm/vitrine/plugin/config"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	kvmemory "github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
	"github.com/vitrine-wasm/vitrine/plugin/logging"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/telemetry/autoconf"
	vhttp "github.com/vitrine-wasm/vitrine/trigger/http"
	"github.com/vitrine-wasm/vitrine/workload"
)

// collectorCounts is a collector that keeps numbers only: what it receives must not look like a leak.
type collectorCounts struct {
	mu          sync.Mutex
	spans       int              // of calls into guests from outside
	invocations map[string]int64 // the last sum, by service.instance.id
	finals      int              // collections of metrics
}

func (c *collectorCounts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "broken", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch r.URL.Path {
	case "/v1/traces":
		var req coltrace.ExportTraceServiceRequest
		if err = proto.Unmarshal(body, &req); err != nil {
			break
		}
		for _, rs := range req.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				for _, s := range ss.Spans {
					for _, a := range s.Attributes {
						if a.Key == "vitrine.instance.isolation" {
							c.spans++
						}
					}
				}
			}
		}
	case "/v1/metrics":
		var req colmetrics.ExportMetricsServiceRequest
		if err = proto.Unmarshal(body, &req); err != nil {
			break
		}
		c.measure(&req)
	}
	if err != nil {
		http.Error(w, "broken", http.StatusBadRequest)
	}
}

func (c *collectorCounts) measure(req *colmetrics.ExportMetricsServiceRequest) {
	for _, rm := range req.ResourceMetrics {
		c.finals++
		id := ""
		for _, a := range rm.Resource.Attributes {
			if a.Key == "service.instance.id" {
				id = a.Value.GetStringValue()
			}
		}
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				if m.Name != "vitrine.invocations" {
					continue
				}
				var sum int64
				for _, p := range m.GetSum().DataPoints {
					sum += p.GetAsInt()
				}
				c.invocations[id] = sum
			}
		}
	}
}

func (c *collectorCounts) counts() (spans int, invocations int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.invocations {
		invocations += n
	}
	return c.spans, invocations
}

// attachTrigger is a trigger that has weak pointers to every workload's linked program.
type attachTrigger struct {
	linked []weak.Pointer[component.Linked]
}

func (*attachTrigger) Type() string                  { return "peek" }
func (*attachTrigger) Run(ctx context.Context) error { <-ctx.Done(); return nil }
func (p *attachTrigger) Attach(_ context.Context, w *workload.Spec, inv host.Invoker) (func(context.Context) error, error) {
	for _, c := range w.Components {
		l, err := inv.Linked(c.Name)
		if err != nil {
			return nil, err
		}
		p.linked = append(p.linked, weak.Make(l))
	}
	return func(context.Context) error { return nil }, nil
}

func (p *attachTrigger) alive() (n int) {
	for _, l := range p.linked {
		if l.Value() != nil {
			n++
		}
	}
	return n
}

// footprint counts a process's resources that must not grow.
type footprint struct {
	goroutines, files, services, linked int
	heap                                uint64
}

func (f footprint) String() string {
	return fmt.Sprintf("%d goroutines, %d files, %d services, %d linked components, %d KiB of heap", f.goroutines, f.files, f.services, f.linked, f.heap>>10)
}

// TestReleases starts and stops a hundred versions of a workload, a part of them under load. They leave no linked program, goroutine,
// file, connection, providers, or data that the next version could read, and their last measurements are exported.
func TestReleases(t *testing.T) {
	const warm, versions = 20, 100
	for _, e := range os.Environ() {
		if k, _, _ := strings.Cut(e, "="); strings.HasPrefix(k, "OTEL_") {
			t.Setenv(k, "")
		}
	}
	collector := &collectorCounts{invocations: map[string]int64{}}
	sink := httptest.NewServer(collector)
	defer sink.Close()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "from upstream") }))
	defer upstream.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.URL)
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "100000") // nothing may be dropped

	ctx := context.Background()
	quiet := slog.New(slog.DiscardHandler)
	to, err := autoconf.Read(ctx, autoconf.Options{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	tel, err := telemetry.New(ctx, telemetry.Config{Version: "v0", Logger: quiet, Consumers: to.Consumers})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := component.NewEngine(ctx, component.WithCacheDir(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	web, seen := vhttp.New(vhttp.Config{}), &attachTrigger{}
	h, err := host.New(host.Config{Engine: engine, Observer: tel, Logger: quiet, Triggers: []host.Trigger{web, seen}, Drain: 10 * time.Second,
		Plugins: []host.Plugin{hostwasi.New(hostwasi.Config{}), config.Plugin{}, logging.Plugin{}, keyvalue.New(kvmemory.New(0)), blobstore.New(blobmemory.New(0))}})
	if err != nil {
		t.Fatal(err)
	}
	if err := web.Listen(); err != nil {
		t.Fatal(err)
	}
	rctx, stop := context.WithCancel(ctx)
	ran := make(chan error, 1)
	go func() { ran <- h.Run(rctx) }()

	v := &versioned{t: t, host: h, base: "http://" + web.Addr().String(), fetch: "/fetch?url=" + url.QueryEscape(upstream.URL)}
	measure := func() (f footprint) {
		v.client.CloseIdleConnections()
		upstream.CloseClientConnections()
		if err := tel.Flush(ctx); err != nil {
			t.Error(err)
		}
		sink.CloseClientConnections()
		for range 200 { // the collector has several rounds to go where finalizers and cleanups are, and connections end when they like
			runtime.GC()
			f.linked, f.goroutines, f.files = seen.alive(), runtime.NumGoroutine(), openFiles()
			f.services, _ = telemetry.ProviderSets(tel)
			if f.linked == 0 && f.goroutines <= v.calm.goroutines && f.files <= v.calm.files {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		f.heap = m.HeapAlloc
		return f
	}
	for n := range warm {
		v.run(n)
	}
	v.calm = footprint{goroutines: 1 << 30, files: 1 << 30}
	before := measure()
	v.calm = before
	for n := range versions {
		v.run(warm + n)
	}
	after := measure()
	t.Logf("before: %v\nafter:  %v", before, after)
	if after.linked != 0 || after.services != 1 || before.services != 1 {
		t.Errorf("before: %v, after: %v; wanted no linked components and the host's service alone", before, after)
	}
	if after.goroutines > before.goroutines || after.files > before.files {
		t.Errorf("before: %v, after: %v", before, after)
	}
	if grown := int64(after.heap) - int64(before.heap); grown > versions*40<<10 { // a tenth of what a version that is kept takes; buffers differ from time to time
		t.Errorf("the heap grew by %d KiB: %v, then %v", grown>>10, before, after)
	}

	stop()
	for what, err := range map[string]error{"run": <-ran, "host": h.Close(ctx), "telemetry": tel.Shutdown(ctx), "engine": engine.Close(ctx)} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, d := range tel.Dropped() {
		if d.Count != 0 {
			t.Errorf("dropped: %+v", d)
		}
	}
	if spans, invocations := collector.counts(); int64(spans) != invocations || invocations < v.answered.Load() {
		t.Errorf("%d requests were answered; there are %d spans of invocations, and %d were counted", v.answered.Load(), spans, invocations)
	}
}

func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0 // this system does not tell
	}
	return len(entries)
}

// versioned runs versions of a workload, one after the other.
type versioned struct {
	t           *testing.T
	host        *host.Local
	base, fetch string
	client      http.Client
	calm        footprint
	answered    atomic.Int64
}

func (v *versioned) get(path string) (int, string) {
	resp, err := v.client.Get(v.base + path)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	if resp.StatusCode == http.StatusOK {
		v.answered.Add(1)
	}
	return resp.StatusCode, string(b)
}

func (v *versioned) run(n int) {
	v.t.Helper()
	full, kv := guestComponent("full", "rust-http-full-p2"), guestComponent("kv", "rust-kv-p2")
	full.Grants.HTTP, full.Instances.Isolation, kv.Instances.Isolation = []string{"*"}, "snapshot", "snapshot"
	full.Limits.OutputLinesPerSecond = 1
	trigger := func(path, c string) workload.TriggerSpec {
		return workload.TriggerSpec{Type: vhttp.TypeName, Component: c, Config: vhttp.Route{Path: path}}
	}
	id, err := v.host.Start(v.t.Context(), &workload.Spec{Name: "shop", Namespace: "test", Version: fmt.Sprint(n),
		Components: []workload.Component{full, kv}, Triggers: []workload.TriggerSpec{trigger("/", "full"), trigger("/kv", "kv"), trigger("/blob", "kv")}})
	if err != nil {
		v.t.Fatal(err)
	}
	var load sync.WaitGroup
	done := make(chan struct{})
	if n%5 == 0 {
		for range 4 {
			load.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
						_, _ = v.get(v.fetch) // until the workload is stopped
					}
				}
			})
		}
	}
	for path, want := range map[string]string{"/kv/incr?key=n": "1\n", v.fetch: "from upstream\n", "/log": ""} {
		if status, got := v.get(path); status != http.StatusOK || want != "" && got != want {
			v.t.Errorf("version %d: %s: %d %q, want %q", n, path, status, got, want)
		}
	}
	err = v.host.Stop(context.Background(), id)
	close(done)
	load.Wait()
	if err != nil {
		v.t.Errorf("version %d: %v", n, err)
	}
}
