package wasiotel

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/sdk/go/internal/bindings"
)

// TestWithoutHost: everything may be called, and nothing is told anybody.
func TestWithoutHost(t *testing.T) {
	var none *SDK
	for name, sdk := range map[string]*SDK{"nil": none, "no component": Setup(WithoutGlobals())} {
		t.Run(name, func(t *testing.T) {
			ctx, done := sdk.Request(context.Background())
			if err := sdk.Flush(ctx); err != nil {
				t.Error(err)
			}
			if sdk != nil {
				_, span := sdk.Tracers.Tracer("t").Start(ctx, "s")
				span.End()
				sdk.Loggers.Logger("l").Emit(ctx, log.Record{})
			}
			done()
			done()
			if sdk.Stats() != (Stats{}) {
				t.Errorf("%+v", sdk.Stats())
			}
		})
	}
	if ctx := context.Background(); HostContext(ctx) != ctx {
		t.Error("a context without a host is another one")
	}
	for _, p := range []sdktrace.SpanProcessor{NewSpanProcessor(), (*SpanProcessor)(nil)} {
		if err := errors.Join(p.ForceFlush(t.Context()), p.Shutdown(t.Context())); err != nil {
			t.Error(err)
		}
	}
	for _, e := range []*MetricExporter{NewMetricExporter(nil), nil} {
		if err := errors.Join(e.Export(t.Context(), &metricdata.ResourceMetrics{}), e.ForceFlush(t.Context()), e.Shutdown(t.Context())); err != nil {
			t.Error(err)
		}
	}
	if err := NewLogProcessor().Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestSpans: all that a span has.
func TestSpans(t *testing.T) {
	h := newKeeper()
	sdk := Setup(with(h))
	ctx, done := sdk.Request(context.Background())
	tracer := sdk.Tracers.Tracer("scope", trace.WithInstrumentationVersion("1.2"), trace.WithSchemaURL("https://example.com/s"),
		trace.WithInstrumentationAttributes(attribute.Bool("b", true)))
	ctx, parent := tracer.Start(ctx, "parent", trace.WithSpanKind(trace.SpanKindProducer))
	other := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{7}, SpanID: trace.SpanID{8}, Remote: true})
	_, child := tracer.Start(ctx, "child", trace.WithLinks(trace.Link{SpanContext: other, Attributes: []attribute.KeyValue{attribute.Int("l", 1)}}))
	at := time.Unix(1_700_000_000, 5)
	child.AddEvent("event", trace.WithTimestamp(at), trace.WithAttributes(attribute.String("e", "x")))
	child.SetAttributes(attribute.Int("a", 1), attribute.Int("a", 2))
	child.SetStatus(codes.Error, "why")
	child.End()
	parent.SetStatus(codes.Ok, "not kept")
	parent.End()
	done()
	c, p := h.ended[0], h.ended[1]
	if c.Name != "child" || c.ParentSpanID != p.SpanContext.SpanID || p.ParentSpanID != hostSpan || c.SpanContext.TraceID != hostTrace {
		t.Errorf("%+v", c)
	}
	if p.SpanKind != bindings.SpanKindProducer || c.SpanKind != bindings.SpanKindInternal {
		t.Errorf("kinds %v, %v", p.SpanKind, c.SpanKind)
	}
	if len(c.Attributes) != 1 || c.Attributes[0] != (bindings.KeyValue{Key: "a", Value: "2"}) {
		t.Errorf("attributes %v", c.Attributes)
	}
	if len(c.Events) != 1 || c.Events[0].Name != "event" || c.Events[0].Time != lowerTime(at) || c.Events[0].Attributes[0].Value != `"x"` {
		t.Errorf("events %v", c.Events)
	}
	if len(c.Links) != 1 || !c.Links[0].SpanContext.IsRemote || c.Links[0].SpanContext.TraceID[:2] != "07" || c.Links[0].Attributes[0].Value != "1" {
		t.Errorf("links %v", c.Links)
	}
	if c.Status != bindings.StatusError("why") || p.Status != bindings.StatusOk() {
		t.Errorf("status %v, %v", c.Status, p.Status)
	}
	if s := c.InstrumentationScope; s.Name != "scope" || *s.Version != "1.2" || *s.SchemaURL != "https://example.com/s" || len(s.Attributes) != 1 {
		t.Errorf("scope %v", s)
	}
	if len(h.started) != 2 || h.started[0].SpanID != p.SpanContext.SpanID || len(h.started[0].TraceID) != 32 || len(h.started[0].SpanID) != 16 {
		t.Errorf("started %v", h.started)
	}
}

// TestDroppedCounts: what the SDK's limits leave out is counted.
func TestDroppedCounts(t *testing.T) {
	h := newKeeper()
	limits := sdktrace.NewSpanLimits()
	limits.AttributeCountLimit, limits.EventCountLimit, limits.LinkCountLimit = 1, 2, 1
	sdk := Setup(with(h), WithTracerProvider(sdktrace.WithRawSpanLimits(limits)))
	_, span := sdk.Tracers.Tracer("t").Start(context.Background(), "s")
	for i := range 4 {
		span.SetAttributes(attribute.Int(fmt.Sprint(i), i))
		span.AddEvent("e")
		span.AddLink(trace.Link{SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{7}, SpanID: trace.SpanID{8}})})
	}
	span.End()
	if d := h.ended[0]; d.DroppedAttributes != 3 || d.DroppedEvents != 2 || d.DroppedLinks != 3 {
		t.Errorf("dropped %d, %d, %d", d.DroppedAttributes, d.DroppedEvents, d.DroppedLinks)
	}
}

// TestLateSpans: spans that end after their request are counted, and the host has them.
func TestLateSpans(t *testing.T) {
	h := newKeeper()
	sdk := Setup(with(h))
	tracer := sdk.Tracers.Tracer("t")
	ctx, done := sdk.Request(context.Background())
	_, never := tracer.Start(ctx, "never")
	_, late := tracer.Start(ctx, "late")
	_, in := tracer.Start(ctx, "in time")
	in.End()
	done()
	done()
	late.End()
	_ = never
	if got, want := sdk.Stats(), (Stats{Started: 3, Ended: 2, LeftOpen: 2, EndedLate: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if len(h.ended) != 2 || h.ended[1].Name != "late" {
		t.Errorf("%v", h.ended)
	}
}

// TestManyOpenSpans: what is remembered of open spans is bounded, and all of them are handed over.
func TestManyOpenSpans(t *testing.T) {
	h := newKeeper()
	sdk := Setup(with(h))
	ctx, done := sdk.Request(context.Background())
	var spans []trace.Span
	for range maxOpen + 100 {
		_, s := sdk.Tracers.Tracer("t").Start(ctx, "s")
		spans = append(spans, s)
	}
	if n := len(sdk.spans.open); n != maxOpen {
		t.Errorf("%d are remembered", n)
	}
	for _, s := range spans {
		s.End()
	}
	done()
	if n := len(sdk.spans.open); n != 0 || len(h.ended) != maxOpen+100 || sdk.Stats().LeftOpen != 0 {
		t.Errorf("%d are remembered, %d handed over, %+v", n, len(h.ended), sdk.Stats())
	}
}

// TestRequestsAtOnce: requests that interleave have their own parents.
func TestRequestsAtOnce(t *testing.T) {
	h := newKeeper()
	sdk := Setup(with(h))
	var wg sync.WaitGroup
	for i := range 16 {
		ctx, done := sdk.Request(context.Background()) // the host answers for the task that asks
		ctx, outer := sdk.Tracers.Tracer("t").Start(ctx, fmt.Sprint(i))
		wg.Go(func() {
			defer done()
			defer outer.End()
			for range 20 {
				_, inner := sdk.Tracers.Tracer("t").Start(ctx, fmt.Sprint(i))
				inner.End()
			}
		})
	}
	wg.Wait()
	names := map[string]string{}
	for _, s := range h.ended {
		names[s.SpanContext.SpanID] = s.Name
	}
	for _, s := range h.ended {
		if s.ParentSpanID != hostSpan && names[s.ParentSpanID] != s.Name {
			t.Errorf("a span of %s is below one of %s", s.Name, names[s.ParentSpanID])
		}
	}
	if got := sdk.Stats(); got.Started != 16*21 || got.Ended != 16*21 || got.LeftOpen != 0 {
		t.Errorf("%+v", got)
	}
}

// TestRecords: all that a log record has, and one that has nothing.
func TestRecords(t *testing.T) {
	h := newKeeper()
	sdk := Setup(with(h), WithResource(attribute.String("r", "v")))
	ctx, done := sdk.Request(context.Background())
	ctx, span := sdk.Tracers.Tracer("t").Start(ctx, "s")
	logger := sdk.Loggers.Logger("l", log.WithInstrumentationVersion("2"))
	var r log.Record
	r.SetTimestamp(time.Unix(5, 6))
	r.SetSeverity(log.SeverityWarn2)
	r.SetSeverityText("careful")
	r.SetEventName("event")
	r.SetBody(attribute.MapValue(attribute.Float64("f", 1)))
	r.AddAttributes(attribute.ByteSlice("b", []byte("x")))
	logger.Emit(ctx, r)
	span.End()
	logger.Emit(context.Background(), log.Record{})
	done()
	full, empty := h.records[0], h.records[1]
	if *full.Timestamp != (bindings.Datetime{Seconds: 5, Nanoseconds: 6}) || full.ObservedTimestamp == nil || *full.SeverityNumber != 14 || *full.SeverityText != "careful" ||
		*full.EventName != "event" || *full.Body != `{"f":1.0}` || (*full.Attributes)[0].Value != `"data:application/octet-stream;base64,eA=="` {
		t.Errorf("%+v", full)
	}
	if *full.TraceID != hostTrace || *full.SpanID != span.SpanContext().SpanID().String() || *full.TraceFlags != bindings.TraceFlagsSampled {
		t.Errorf("%v %v %v", *full.TraceID, *full.SpanID, *full.TraceFlags)
	}
	if full.InstrumentationScope.Name != "l" || !strings.Contains(fmt.Sprint(full.Resource.Attributes), "r") {
		t.Errorf("%v %v", full.InstrumentationScope, full.Resource)
	}
	if empty.Timestamp != nil || empty.SeverityNumber != nil || empty.SeverityText != nil || empty.EventName != nil || empty.Body != nil || empty.Attributes != nil ||
		empty.TraceID != nil || empty.SpanID != nil || empty.TraceFlags != nil {
		t.Errorf("%+v", empty)
	}
}

// TestMetrics: every kind of instrument, once.
func TestMetrics(t *testing.T) {
	h := newKeeper()
	sdk := Setup(with(h), WithMeterProvider(sdkmetric.WithView(sdkmetric.NewView(sdkmetric.Instrument{Name: "exp*"},
		sdkmetric.Stream{Aggregation: sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 20, MaxScale: 5}}))))
	ctx := context.Background()
	m := sdk.Meters.Meter("m")
	of := metric.WithAttributes(attribute.String("k", "v"))
	c1, _ := m.Int64Counter("c-int", metric.WithUnit("1"), metric.WithDescription("d"))
	c2, _ := m.Float64Counter("c-float")
	u, _ := m.Int64UpDownCounter("updown")
	g1, _ := m.Int64Gauge("g-int")
	g2, _ := m.Float64Gauge("g-float")
	h1, _ := m.Int64Histogram("h-int")
	h2, _ := m.Float64Histogram("h-float")
	e1, _ := m.Int64Histogram("exp-int")
	e2, _ := m.Float64Histogram("exp-float")
	_, _ = m.Int64ObservableCounter("observed", metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(9)
		return nil
	}))
	use := func() {
		c1.Add(ctx, 2, of)
		c2.Add(ctx, 0.5)
		u.Add(ctx, -3)
		g1.Record(ctx, 4)
		g2.Record(ctx, 4.5)
		h1.Record(ctx, 7)
		h2.Record(ctx, 7.5)
		e1.Record(ctx, 8)
		e2.Record(ctx, -8.5)
	}
	use()
	if err := sdk.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	use()
	if err := sdk.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int64{-3, -6} { // deltas of what only grows, the sum of what does not
		got := map[string]bindings.MetricData{}
		for _, m := range h.metrics[i].ScopeMetrics[0].Metrics {
			got[m.Name] = m.Data
		}
		if len(got) != 10 {
			t.Errorf("%d metrics", len(got))
		}
		sum := got["c-int"].S64Sum
		if len(sum.DataPoints) != 1 || sum.DataPoints[0].Value != bindings.MetricNumberS64(2) || sum.Temporality != bindings.TemporalityDelta || !sum.IsMonotonic ||
			sum.DataPoints[0].Attributes[0] != (bindings.KeyValue{Key: "k", Value: `"v"`}) || sum.StartTime.Seconds == 0 || sum.Time.Seconds == 0 {
			t.Errorf("c-int %+v", sum)
		}
		if s := got["c-float"].F64Sum; s.DataPoints[0].Value != bindings.MetricNumberF64(0.5) {
			t.Errorf("c-float %+v", s)
		}
		if s := got["updown"].S64Sum; s.DataPoints[0].Value != bindings.MetricNumberS64(want) || s.Temporality != bindings.TemporalityCumulative || s.IsMonotonic {
			t.Errorf("updown %+v, want %d", s, want)
		}
		if g := got["g-int"].S64Gauge; g.DataPoints[0].Value != bindings.MetricNumberS64(4) {
			t.Errorf("g-int %+v", g)
		}
		if g := got["g-float"].F64Gauge; g.DataPoints[0].Value != bindings.MetricNumberF64(4.5) {
			t.Errorf("g-float %+v", g)
		}
		if p := got["h-int"].S64Histogram.DataPoints[0]; p.Count != 1 || p.Sum != bindings.MetricNumberS64(7) || *p.Min != bindings.MetricNumberS64(7) ||
			len(p.BucketCounts) != len(p.Bounds)+1 {
			t.Errorf("h-int %+v", p)
		}
		if p := got["h-float"].F64Histogram.DataPoints[0]; p.Sum != bindings.MetricNumberF64(7.5) || *p.Max != bindings.MetricNumberF64(7.5) {
			t.Errorf("h-float %+v", p)
		}
		if p := got["exp-int"].S64ExponentialHistogram.DataPoints[0]; p.Count != 1 || p.Scale != 5 || len(p.PositiveBucket.Counts) != 1 {
			t.Errorf("exp-int %+v", p)
		}
		if p := got["exp-float"].F64ExponentialHistogram.DataPoints[0]; len(p.NegativeBucket.Counts) != 1 || p.Sum != bindings.MetricNumberF64(-8.5) {
			t.Errorf("exp-float %+v", p)
		}
		if i == 0 && got["observed"].S64Sum.DataPoints[0].Value != bindings.MetricNumberS64(9) {
			t.Errorf("observed %+v", got["observed"])
		}
	}
	if len(h.metrics) != 2 {
		t.Errorf("%d calls", len(h.metrics))
	}
}

// TestExemplars: an exemplar names the span that it was measured in.
func TestExemplars(t *testing.T) {
	h := newKeeper()
	sdk := Setup(with(h))
	ctx, done := sdk.Request(context.Background())
	ctx, span := sdk.Tracers.Tracer("t").Start(ctx, "s")
	c, _ := sdk.Meters.Meter("m").Int64Counter("c")
	c.Add(ctx, 1)
	span.End()
	done()
	p := h.metrics[0].ScopeMetrics[0].Metrics[0].Data.S64Sum.DataPoints[0]
	if len(p.Exemplars) != 1 || p.Exemplars[0].TraceID != hostTrace || p.Exemplars[0].SpanID != span.SpanContext().SpanID().String() {
		t.Errorf("%+v", p.Exemplars)
	}
}

// TestFlushIsBounded: in data points, in time, and by what the host says; nothing is lost without a count or an error.
func TestFlushIsBounded(t *testing.T) {
	h := newKeeper()
	sdk := Setup(with(h), WithMaxDataPoints(10), WithFlushTimeout(time.Hour))
	c, _ := sdk.Meters.Meter("m").Int64Counter("many")
	few, _ := sdk.Meters.Meter("m").Int64Counter("few")
	for i := range 50 {
		c.Add(context.Background(), 1, metric.WithAttributes(attribute.Int("i", i)))
	}
	few.Add(context.Background(), 1)
	if err := sdk.Flush(context.Background()); err == nil || !strings.Contains(err.Error(), "WithMaxDataPoints") {
		t.Errorf("%v", err)
	}
	if got := h.metrics[0].ScopeMetrics[0].Metrics; len(got) != 1 || got[0].Name != "few" || sdk.Stats().Dropped != 50 {
		t.Errorf("%v, %+v", got, sdk.Stats())
	}

	h.refuses = true
	few.Add(context.Background(), 1)
	if err := sdk.Flush(context.Background()); err == nil || !strings.Contains(err.Error(), "the queue is full") {
		t.Errorf("%v", err)
	}

	short := Setup(with(newKeeper()), WithFlushTimeout(-1))
	few, _ = short.Meters.Meter("m").Int64Counter("few")
	few.Add(context.Background(), 1)
	if err := short.Flush(context.Background()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// TestGlobals: the global providers and propagator are the SDK's, and left alone if asked.
func TestGlobals(t *testing.T) {
	before := otel.GetTracerProvider()
	Setup(WithoutGlobals())
	if otel.GetTracerProvider() != before {
		t.Error("the global provider is another one")
	}
	sdk := Setup()
	defer otel.SetTracerProvider(before)
	if otel.GetTracerProvider() != trace.TracerProvider(sdk.Tracers) || len(otel.GetTextMapPropagator().Fields()) != 3 {
		t.Error("the globals are not the SDK's")
	}
}
