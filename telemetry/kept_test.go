package telemetry_test

import (
	"net/http"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	vhttp "github.com/vitrine-wasm/vitrine/trigger/http"
)

// onlyFailed records no trace that begins here, and keeps what has failed.
type onlyFailed struct{ sdktrace.Sampler }

func (onlyFailed) SampleRoot(time.Time) bool             { return false }
func (onlyFailed) KeepRoot(_ time.Duration, f bool) bool { return f }

// TestKept: a request that its sampler wants only when it has failed is one span, of the trace that its log record names. One below a caller's span
// that is not sampled is none.
func TestKept(t *testing.T) {
	w := &engineHarness{t: t, spans: &keepSpans{tracetest.NewInMemoryExporter()}, logs: &telemetry.MemoryLogs{}, http: vhttp.New(vhttp.Config{})}
	w.begin(telemetry.Config{Sampler: onlyFailed{sdktrace.ParentBased(sdktrace.NeverSample())}, ParentBased: true, MeasureSampled: true},
		export.Consumer{Spans: w.spans, Logs: w.logs}, nil)
	w.serve(linkedShop(), func(base string) {
		for _, c := range []struct{ path, parent string }{
			{"/total?items=3", ""}, {"/total?items=13", ""}, {"/total?items=13", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"},
		} {
			r, err := http.NewRequestWithContext(t.Context(), "GET", base+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.parent != "" {
				r.Header.Set("traceparent", c.parent)
			}
			a, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = a.Body.Close()
		}
	})
	if err := w.tel.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var kept []tracetest.SpanStub
	for _, s := range w.spans.GetSpans() {
		if s.SpanKind == trace.SpanKindServer {
			kept = append(kept, s)
		}
	}
	if len(kept) != 1 {
		t.Fatalf("%d requests are spans, want the one that failed", len(kept))
	}
	s := kept[0]
	said := map[string]string{}
	for _, kv := range s.Attributes {
		said[string(kv.Key)] = kv.Value.String()
	}
	if s.Status.Code != codes.Error || said["http.response.status_code"] != "500" || said["url.path"] != "/total" || said["error.type"] == "" || s.Parent.IsValid() || !s.EndTime.After(s.StartTime) {
		t.Errorf("%s: %v, %v", s.Name, s.Status, said)
	}
	found := false
	for _, r := range w.logs.Records() {
		found = found || r.TraceID() == s.SpanContext.TraceID()
	}
	if !found {
		t.Errorf("no record of trace %s", s.SpanContext.TraceID())
	}
}
