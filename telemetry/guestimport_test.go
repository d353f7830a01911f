package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// importHarness is an observer without a host.
type importHarness struct {
	*telemetry.Telemetry
	spans  *tracetest.InMemoryExporter
	logs   *recordedLogs
	pushed *recordedMetrics
}

func newImportHarness(t *testing.T, spans sdktrace.SpanExporter, env map[string]string) *importHarness {
	t.Helper()
	h := &importHarness{spans: tracetest.NewInMemoryExporter(), logs: &recordedLogs{}, pushed: &recordedMetrics{}}
	if spans == nil {
		spans = h.spans
	}
	var err error
	h.Telemetry, err = telemetry.New(t.Context(), telemetry.Config{
		Getenv: func(k string) string { return env[k] }, Logger: slog.New(slog.DiscardHandler),
		Consumers: []export.Consumer{{Spans: spans, Logs: h.logs, Metrics: h.pushed}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Shutdown(context.Background()) })
	return h
}

// component is the sink of a component that imports interfaces.
func (h *importHarness) component(t *testing.T, name string, imports ...string) interface {
	otel.Sink
	otel.Importer
	otel.Described
} {
	t.Helper()
	c := workload.Component{Name: name}
	o := h.Component(&workload.Spec{Name: "w-" + name, Namespace: "n", Components: []workload.Component{c}}, &c)
	t.Cleanup(o.Release)
	for _, i := range imports {
		o.Bind(&cm.Boundary{Kind: cm.GuestToHost, Interface: wit.MustParseID(i), Func: map[bool]string{true: "handle", false: "on-end"}[i == outgoingHandler], Caller: cm.Path(name)})
	}
	return o.(interface {
		otel.Sink
		otel.Importer
		otel.Described
	})
}

const (
	outgoingHandler = "wasi:http/outgoing-handler@0.2.0"
	tracing         = "wasi:otel/tracing@0.2.0-rc.2"
)

func guestSpan(trace, span byte) *otel.Span {
	return &otel.Span{Context: otel.SpanContext{TraceID: otel.TraceID{1: trace}, SpanID: otel.SpanID{1: span}, Sampled: true}, Name: fmt.Sprint("span ", trace, ".", span)}
}

func (h *importHarness) names(t *testing.T) (out []string) {
	t.Helper()
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range h.spans.GetSpans() {
		out = append(out, s.Name)
	}
	slices.Sort(out)
	return out
}

// A span that comes both ways is exported once, whichever is first, also when its task has ended long ago.
func TestSpansOfBothWays(t *testing.T) {
	h := newImportHarness(t, nil, nil)
	both := h.component(t, "both", outgoingHandler, tracing)
	ctx := t.Context()
	for i := range byte(100) { // in one batch, after 100 ends
		both.EndSpan(ctx, guestSpan(1, i+1))
	}
	for i := range byte(100) {
		if err := both.ImportSpan(ctx, guestSpan(1, i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := both.ImportSpan(ctx, guestSpan(1, 200)); err != nil {
		t.Fatal(err)
	}
	both.EndSpan(ctx, guestSpan(1, 200))
	other := h.component(t, "other", outgoingHandler)
	for range 2 { // a batch that is sent again
		if err := other.ImportSpan(ctx, guestSpan(2, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := other.ImportSpan(ctx, guestSpan(2, 2)); err != nil { // the same identifier in another trace
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, n := range h.names(t) {
		if seen[n]++; seen[n] > 1 {
			t.Errorf("%s is there twice", n)
		}
	}
	if len(seen) != 103 {
		t.Errorf("%d spans", len(seen))
	}
}

// A component cannot tell as another: neither by its resource, nor by its attributes, nor in a trace of another workload.
func TestImportsAreTheComponents(t *testing.T) {
	h := newImportHarness(t, nil, nil)
	victim, c := h.component(t, "victim", outgoingHandler), h.component(t, "attacker", outgoingHandler)
	if err := victim.ImportSpan(t.Context(), guestSpan(7, 1)); err != nil {
		t.Fatal(err)
	}
	if err := c.ImportSpan(t.Context(), guestSpan(7, 2)); !errors.Is(err, otel.ErrInvalid) {
		t.Errorf("in the trace of another: %v", err)
	}
	if err := c.ImportSpan(t.Context(), &otel.Span{Context: otel.SpanContext{Sampled: true}}); !errors.Is(err, otel.ErrInvalid) {
		t.Errorf("without identifiers: %v", err)
	}
	s := guestSpan(8, 1)
	spoof := []otel.KeyValue{{Key: "service.name", Value: "victim"}, {Key: "service.namespace", Value: "x"}, {Key: "vitrine.component", Value: "victim"}, {Key: "team", Value: "blue"}}
	s.Resource, s.Attributes = &otel.Resource{Attributes: spoof}, spoof[:3]
	if err := c.ImportSpan(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := c.ImportLog(t.Context(), &otel.LogRecord{TraceID: otel.TraceID{1: 7}, SpanID: otel.SpanID{1: 1}, Body: "spoofed", Resource: s.Resource}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(h.names(t)); got != "[span 7.1 span 8.1]" {
		t.Errorf("spans %s", got)
	}
	for _, x := range h.spans.GetSpans() {
		if x.Name != "span 8.1" {
			continue
		}
		name, _ := x.Resource.Set().Value("service.name")
		if name.AsString() != "attacker" || attr(x, "vitrine.component") != "attacker" || attr(x, "team") != "blue" || attr(x, "service.name")+attr(x, "service.namespace") != "" {
			t.Errorf("%v of %v", x.Attributes, name)
		}
	}
	for _, r := range h.logs.all() {
		name, _ := r.Resource().Set().Value("service.name")
		if name.AsString() != "attacker" || r.TraceID().IsValid() {
			t.Errorf("a record of %v in trace %v", name, r.TraceID())
		}
	}
	var service []string
	for _, kv := range c.Service() {
		service = append(service, kv.Key)
	}
	if fmt.Sprint(service) != "[service.instance.id service.name service.namespace]" {
		t.Errorf("service %v", service)
	}
}

// stuck is an exporter that exports nothing until it is told to.
type stuck struct {
	sdktrace.SpanExporter
	release chan struct{}
}

func (s *stuck) ExportSpans(ctx context.Context, _ []sdktrace.ReadOnlySpan) error {
	select {
	case <-s.release:
	case <-ctx.Done():
	}
	return nil
}

func (*stuck) Shutdown(context.Context) error { return nil }

// When the queue is full of a component's spans it is told to come back, others are taken, and so is it when they are sent.
func TestImportWhileTheQueueIsFull(t *testing.T) {
	to := &stuck{release: make(chan struct{})}
	h := newImportHarness(t, to, map[string]string{"OTEL_BSP_MAX_QUEUE_SIZE": "16", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4", "OTEL_BSP_SCHEDULE_DELAY": "1"})
	c, other := h.component(t, "c", outgoingHandler), h.component(t, "other", outgoingHandler)
	var err error
	taken := byte(0)
	for ; err == nil && taken < 100; taken++ {
		err = c.ImportSpan(t.Context(), guestSpan(1, taken+1))
	}
	if taken != 5 || !errors.Is(err, otel.ErrBusy) { // a quarter of 16
		t.Errorf("%d spans, then %v", taken, err)
	}
	if err := other.ImportSpan(t.Context(), guestSpan(2, 1)); err != nil {
		t.Errorf("another component: %v", err)
	}
	close(to.release)
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.ImportSpan(t.Context(), guestSpan(1, taken)); err != nil { // the one that was not taken: it is no duplicate
		t.Errorf("again: %v", err)
	}
	drops := int64(0)
	for _, d := range h.Dropped() {
		drops += d.Count
	}
	if drops != 0 {
		t.Errorf("%d items are counted as dropped, though their guest still has them", drops)
	}
}

// Metrics keep the times of each point, and say how many points are not taken.
func TestImportMetrics(t *testing.T) {
	h := newImportHarness(t, nil, nil)
	c := h.component(t, "c", outgoingHandler)
	start, end := otel.Time{Seconds: 100}, otel.Time{Seconds: 200}
	point := otel.Point{Value: otel.Number{Kind: otel.Int64, Int: 1}, Interval: otel.Interval{Start: &start, Time: &end}}
	rejected, err := c.ImportMetrics(t.Context(), &otel.ResourceMetrics{Scopes: []otel.ScopeMetrics{{Metrics: []otel.Metric{
		{Name: "good", Data: &otel.Sum{Kind: otel.Int64, Points: []otel.Point{point}}},
		{Name: "broken", Data: &otel.Histogram{Points: []otel.HistogramPoint{{Bounds: []float64{1}}, {}}}},
	}}}})
	if rejected != 2 || !errors.Is(err, otel.ErrInvalid) {
		t.Errorf("%d rejected, %v", rejected, err)
	}
}

var _ host.Observer = (*importHarness)(nil)
