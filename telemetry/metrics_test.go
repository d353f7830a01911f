package telemetry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/workload"
)

// memoryMetrics is an exporter that keeps the last metrics of each service as text.
type memoryMetrics struct {
	mu     sync.Mutex
	last   map[string][]string
	scopes map[string]int // of the last export, by service
}

func (m *memoryMetrics) Temporality(k sdkmetric.InstrumentKind) metricdata.Temporality {
	return sdkmetric.DefaultTemporalitySelector(k)
}

func (m *memoryMetrics) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(k)
}

func (m *memoryMetrics) Export(_ context.Context, rm *metricdata.ResourceMetrics) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, _ := rm.Resource.Set().Value("service.name")
	var lines []string
	for _, sm := range rm.ScopeMetrics {
		for _, d := range sm.Metrics {
			for _, l := range formatMetric(d) {
				lines = append(lines, d.Name+"{"+d.Unit+"} "+l)
			}
		}
	}
	if m.last == nil {
		m.last, m.scopes = map[string][]string{}, map[string]int{}
	}
	m.last[v.AsString()], m.scopes[v.AsString()] = lines, len(rm.ScopeMetrics)
	return nil
}

func (m *memoryMetrics) ForceFlush(context.Context) error { return nil }
func (m *memoryMetrics) Shutdown(context.Context) error   { return nil }

// An exporter gets the same metrics as a reader: the golden is that of TestMetrics.
func TestMetricsExported(t *testing.T) {
	exp := &memoryMetrics{}
	b := newHarness(t, func(c *Config, _ *workload.Spec) { c.Consumers[0].MetricReader, c.Consumers[0].Metrics = nil, exp })
	b.measureOneOfEach()
	for range 2 { // readers use their memory again
		if err := b.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var lines []string
	for service, got := range exp.last {
		lines = append(lines, got...)
		if exp.scopes[service] != 1 {
			t.Errorf("%s has %d scopes", service, exp.scopes[service])
		}
	}
	slices.Sort(lines)
	want, err := os.ReadFile("testdata/TestMetrics.golden")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(lines, "\n") + "\n"; got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// The environment's settings of metrics work with our instruments and with the SDK's.
func TestMetricsEnvironment(t *testing.T) {
	const (
		temporality = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
		aggregation = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"
		filter      = "OTEL_METRICS_EXEMPLAR_FILTER"
	)
	const (
		cumulative = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
		delta      = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA
	)
	for name, tc := range map[string]struct {
		env                      map[string]string
		counter, level, duration metricspb.AggregationTemporality
		exponential, exemplars   bool
		warn                     string
	}{
		"default":     {nil, cumulative, cumulative, cumulative, false, true, ""},
		"delta":       {map[string]string{temporality: "delta"}, delta, cumulative, delta, false, true, ""},
		"low memory":  {map[string]string{temporality: "lowmemory"}, delta, cumulative, delta, false, true, ""},
		"exponential": {map[string]string{aggregation: "base2_exponential_bucket_histogram"}, cumulative, cumulative, cumulative, true, true, ""},
		"both": {map[string]string{temporality: "delta", aggregation: "base2_exponential_bucket_histogram"},
			delta, cumulative, delta, true, true, ""},
		"no exemplars":   {map[string]string{filter: "always_off"}, cumulative, cumulative, cumulative, false, false, ""},
		"unknown filter": {map[string]string{filter: "dice"}, cumulative, cumulative, cumulative, false, true, filter},
	} {
		t.Run(name, func(t *testing.T) {
			c := otlptest.New(t)
			kv := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL}
			for k, v := range tc.env {
				kv[k] = v
			}
			var said bytes.Buffer
			tel := newExporting(t, &said, kv)
			w := &workload.Spec{Name: "shop", Components: []workload.Component{{Name: "shop"}}}
			b := &harness{Telemetry: tel, t: t, spec: w, interceptor: tel.Component(w, &w.Components[0])}
			b.serve(&request{r: get("/"), route: "/", status: 200}, func(ctx context.Context) error {
				_, err := b.bind(handleEdge).cross(ctx, resourceArg(nil), nothing)
				return err
			})
			if err := tel.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			if tc.warn == "" && said.Len() > 0 || !strings.Contains(said.String(), tc.warn) {
				t.Errorf("said %q", said.String())
			}
			seen := map[string]*metricspb.Metric{}
			for _, rm := range c.Metrics() {
				for _, sm := range rm.ScopeMetrics {
					for _, m := range sm.Metrics {
						seen[m.Name] = m
					}
				}
			}
			count, level, d := seen[metricInvocations].GetSum(), seen[metricInvocationsActive].GetSum(), seen[metricInvocationDuration]
			if count.GetAggregationTemporality() != tc.counter || !count.GetIsMonotonic() || count.DataPoints[0].GetAsInt() != 1 {
				t.Errorf("counter %v", count)
			}
			if level.GetAggregationTemporality() != tc.level || level.GetIsMonotonic() || level.DataPoints[0].GetAsInt() != 0 {
				t.Errorf("level %v", level)
			}
			if got := len(count.DataPoints[0].Exemplars) > 0; got != tc.exemplars {
				t.Errorf("exemplars of a counter: %t", got)
			}
			exemplars := 0
			if tc.exponential {
				h := d.GetExponentialHistogram()
				if h.GetAggregationTemporality() != tc.duration || h.DataPoints[0].Count != 1 {
					t.Errorf("durations %v", d)
				}
				exemplars = len(h.DataPoints[0].Exemplars)
			} else {
				h := d.GetHistogram()
				if h.GetAggregationTemporality() != tc.duration || h.DataPoints[0].Count != 1 || len(h.DataPoints[0].BucketCounts) != len(bucketsCall)+1 {
					t.Errorf("durations %v", d)
				}
				exemplars = len(h.DataPoints[0].Exemplars)
			}
			if got := exemplars > 0; got != tc.exemplars {
				t.Errorf("exemplars of a histogram: %t", got)
			}
		})
	}
}

// One page shows all components, each measurement once.
func TestPrometheus(t *testing.T) {
	free, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	for _, producers := range []string{"", "none"} { // others' producers take the place of ours, and the SDK measures
		var said bytes.Buffer
		tel := newExporting(t, &said, map[string]string{
			"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_PORT": port, "OTEL_METRICS_PRODUCERS": producers,
		})
		if r := tel.pipe.SharedReaders(); len(r) != 1 || (r[0].Producer != nil) != (producers == "") {
			t.Errorf("producers %q: readers %v", producers, r)
		}
		serveOneRequest(t, tel)
		serveOneRequest(t, tel)
		resp, err := http.Get("http://localhost:" + port + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(string(page)) {
			if strings.HasPrefix(line, "vitrine_invocations_total{") {
				n++
				if !strings.HasSuffix(line, " 2\n") || !strings.Contains(line, `otel_scope_service_name="shop"`) {
					t.Errorf("line %s", line)
				}
			}
		}
		if n != 1 || !strings.Contains(string(page), "vitrine_telemetry_dropped") {
			t.Errorf("%d lines in page:\n%s", n, page)
		}
		if err := tel.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if said.Len() > 0 {
			t.Errorf("said %s", said.String())
		}
	}
}

// TestPrometheusTenants: on the one page each tenant has series of its own. Those of a released component are on one more page; a
// component that is started again before that continues its sums.
func TestPrometheusTenants(t *testing.T) {
	port := freePort(t)
	var said bytes.Buffer
	tel := newExporting(t, &said, map[string]string{
		"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1", "OTEL_EXPORTER_PROMETHEUS_PORT": port,
	})
	defer tel.Shutdown(context.Background())
	rows := func() map[string]string {
		resp, err := http.Get("http://127.0.0.1:" + port + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		page, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		label := regexp.MustCompile(`otel_scope_service_(namespace|version)="([^"]*)"`)
		out := map[string]string{}
		for line := range strings.Lines(string(page)) {
			name, _, _ := strings.Cut(line, "{")
			if name != "vitrine_invocations_total" && name != "vitrine_instances" {
				continue
			}
			for _, m := range label.FindAllStringSubmatch(line, -1) {
				name += " " + m[2]
			}
			out[name] += strings.TrimSpace(line[strings.LastIndexByte(line, ' '):])
		}
		return out
	}
	begin := func(namespace, version string, n int) host.ComponentObserver {
		w := &workload.Spec{Name: "shop", Namespace: namespace, Version: version, Components: []workload.Component{{Name: "shop"}}}
		o := tel.Component(w, &w.Components[0])
		for range n {
			_, _ = boundHooks{handleEdge, o.Bind(handleEdge)}.cross(t.Context(), resourceArg(nil), nothing)
		}
		return o
	}
	gauge := func(o host.ComponentObserver, n int64) (stop func()) {
		return cm.AddGauge(o, "shop", cm.Gauge{Name: "instances", Unit: "{instance}", Read: func(tell func(int64, ...cm.Attr)) { tell(n) }})
	}
	expect := func(when string, want map[string]string) {
		t.Helper()
		if err := tel.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if got := rows(); !maps.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", when, got, want)
		}
	}
	a, b, c := begin("a", "1", 2), begin("b", "1", 3), begin("a", "2", 4)
	stopA, stopB := gauge(a, 7), gauge(b, 8)
	expect("all run", map[string]string{"vitrine_invocations_total a 1": "2", "vitrine_invocations_total b 1": "3", "vitrine_invocations_total a 2": "4",
		"vitrine_instances a 1": "7", "vitrine_instances b 1": "8"})
	stopA()
	begin("a", "1", 1).Release() // another one of the same identity
	a.Release()
	c.Release()
	again := begin("a", "2", 1)
	expect("two are released, one of them is back", map[string]string{"vitrine_invocations_total a 1": "3", "vitrine_invocations_total b 1": "3", "vitrine_invocations_total a 2": "5", "vitrine_instances b 1": "8"})
	expect("one is gone", map[string]string{"vitrine_invocations_total b 1": "3", "vitrine_invocations_total a 2": "5", "vitrine_instances b 1": "8"})
	stopB()
	b.Release()
	again.Release()
	expect("all are released", map[string]string{"vitrine_invocations_total b 1": "3", "vitrine_invocations_total a 2": "5"})
	expect("all are gone", map[string]string{})
	begin("b", "1", 1)
	expect("a new beginning", map[string]string{"vitrine_invocations_total b 1": "1"})
}

// measureEventFunc returns a function that runs a request with some host calls, with metrics only.
func measureEventFunc(t testing.TB, change func(*Config)) func() {
	b := newHarness(t, func(c *Config, _ *workload.Spec) {
		c.Consumers[0].Spans, c.Consumers[0].Logs, c.Consumers[0].MetricReader, c.Getenv = nil, nil, nil, vars(map[string]string{"OTEL_SDK_DISABLED": ""})
		change(c)
	})
	event := b.bind(&cm.Boundary{Kind: cm.Event, Caller: "http", Callee: "shop"})
	handle := b.bind(handleEdge)
	var countOnly []cm.CountOnly
	for i := range 17 {
		clock := *clockEdge
		clock.Func = fmt.Sprint("f", i)
		countOnly = append(countOnly, b.bind(&clock).h.(cm.CountOnly))
	}
	ctx := unsampled() // a trace is known by now, so that nothing is read from headers; none of it may become an exemplar
	e := cm.NewCall(event.b, nil, ctx)
	e.Subject, e.Start = &request{r: get("/"), route: "/", status: 200, in: 3, out: 5}, time.Now()
	c := cm.NewCall(handleEdge, e, ctx)
	c.Start, c.Instance.Reuse = e.Start, "reset"
	return func() {
		event.h.Enter(e)
		handle.h.Enter(c)
		for _, l := range countOnly {
			l.Count(c.Context, e.Start, time.Microsecond)
		}
		handle.h.Exit(c, cm.End{Guest: 1, Fuel: 1, MemoryPeak: 65536})
		event.h.Exit(e, cm.End{})
		c.State = nil
	}
}

func periodicExporter(c *Config) { c.Consumers[0].Metrics = &memoryMetrics{} }
func manualReader(c *Config)     { c.Consumers[0].MetricReader = sdkmetric.NewManualReader() }

// Measuring a request allocates only the event's state.
func TestMeasuringAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	run := measureEventFunc(t, periodicExporter)
	run()
	if n := testing.AllocsPerRun(100, run); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkMeasuring is what a request costs that is only measured: by our instruments, and by the SDK's.
func BenchmarkMeasuring(b *testing.B) {
	for name, change := range map[string]func(*Config){"bound": periodicExporter, "sdk": manualReader} {
		b.Run(name, func(b *testing.B) {
			run := measureEventFunc(b, change)
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}
