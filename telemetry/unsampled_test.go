package telemetry_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	vhttp "github.com/vitrine-wasm/vitrine/trigger/http"
	"github.com/vitrine-wasm/vitrine/workload"
)

// TestNotSampled: the calls of a request that is not sampled are not observed one by one, but what goes wrong in them is reported as in
// one that is, once and with the same trace, and a request that goes out carries the trace on.
func TestNotSampled(t *testing.T) {
	const id = "0af7651916cd43dd8448eb211c80319c"
	carried := make(chan string, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { carried <- r.Header.Get("traceparent") }))
	defer upstream.Close()
	full := guestComponent("full", "rust-http-full-p2")
	full.Grants.HTTP = []string{"*"}
	fuelled := guestComponent("full", "rust-http-full-p2")
	fuelled.Limits.Fuel = 10_000_000
	for _, c := range []struct {
		name   string
		spec   *workload.Spec
		path   string
		status int
		logs   int // at least
	}{
		{"a trap in the third", linkedShop(), "/total?items=13", 500, 1},
		{"a trap of an adapter's own", httpWorkload(guestComponent("composed", "shop-composed")), "/total?items=13", 500, 1},
		{"fuel", httpWorkload(fuelled), "/spin", 500, 1},
		{"0.3", httpWorkload(guestComponent("async", "rust-http-p3")), "/panic", 500, 0},
		{"a request that goes out", httpWorkload(full), "/fetch?url=" + url.QueryEscape(upstream.URL), 200, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var told [2]string
			for i, flags := range []string{"01", "00"} {
				w := &engineHarness{t: t, spans: &keepSpans{tracetest.NewInMemoryExporter()}, logs: &telemetry.MemoryLogs{}, http: vhttp.New(vhttp.Config{})}
				w.begin(telemetry.Config{}, export.Consumer{Spans: w.spans, Logs: w.logs}, nil)
				w.serve(c.spec, func(base string) {
					r, err := http.NewRequestWithContext(t.Context(), "GET", base+c.path, nil)
					if err != nil {
						t.Fatal(err)
					}
					r.Header.Set("traceparent", "00-"+id+"-b7ad6b7169203331-"+flags)
					a, err := http.DefaultClient.Do(r)
					if err != nil {
						t.Fatal(err)
					}
					_ = a.Body.Close()
					if a.StatusCode != c.status {
						t.Errorf("%s, want %d", a.Status, c.status)
					}
				})
				if err := w.tel.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				for _, r := range w.logs.Records() {
					if r.TraceID().String() != id && r.TraceID().IsValid() {
						t.Errorf("a record of trace %s", r.TraceID())
					}
				}
				told[i] = w.logs.Format(nil)
				spans := 0
				for _, s := range w.spans.GetSpans() {
					if inCallersTrace(s) {
						spans++
					}
				}
				if (spans > 0) != (flags == "01") {
					t.Errorf("%d spans with the flags %s", spans, flags)
				}
				if strings.HasPrefix(c.path, "/fetch") {
					if got := <-carried; !strings.HasPrefix(got, "00-"+id+"-") || !strings.HasSuffix(got, "-"+flags) {
						t.Errorf("the request that went out has %q", got)
					}
				}
			}
			if told[0] != told[1] || strings.Count(told[0], "\n") < c.logs {
				t.Errorf("sampled:\n%s\nnot sampled:\n%s", told[0], told[1])
			}
		})
	}
}

// TestMeasureSampled: all requests are measured, and the calls in those that are sampled.
func TestMeasureSampled(t *testing.T) {
	w := &engineHarness{t: t, spans: &keepSpans{tracetest.NewInMemoryExporter()}, reader: sdkmetric.NewManualReader(), http: vhttp.New(vhttp.Config{})}
	w.begin(telemetry.Config{MeasureSampled: true}, export.Consumer{Spans: w.spans, MetricReader: w.reader}, nil)
	w.serve(linkedShop(), func(base string) {
		for n := range 10 {
			r, err := http.NewRequestWithContext(t.Context(), "GET", base+map[bool]string{false: "/total?items=3", true: "/total?items=13"}[n%5 == 4], nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("traceparent", fmt.Sprintf("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0%d", n%2))
			a, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = a.Body.Close()
		}
		counts := w.counts()
		for counts["http.server.request.duration"] < 10 && t.Context().Err() == nil { // a request ends after its answer
			time.Sleep(time.Millisecond)
			counts = w.counts()
		}
		for name, want := range map[string]int64{"http.server.request.duration": 10, "vitrine.invocations": 5, "vitrine.invocations.active": 0, "vitrine.traps": 2} {
			if counts[name] != want {
				t.Errorf("%s: %d, want %d", name, counts[name], want)
			}
		}
		if t.Failed() {
			t.Log(counts)
		}
	})
}

// counts adds up what each metric has counted.
func (w *engineHarness) counts() map[string]int64 {
	counts := map[string]int64{}
	for _, sm := range w.collect().ScopeMetrics {
		for _, m := range sm.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					counts[m.Name] += int64(p.Count)
				}
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					counts[m.Name] += p.Value
				}
			}
		}
	}
	return counts
}
