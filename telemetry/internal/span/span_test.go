package span

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

var (
	keyText, keyInt, keyFloat, keyBool = NewKey("text"), NewKey("int"), NewKey("float"), NewKey("bool")
	known                              = []attribute.KeyValue{attribute.String("known", "before"), attribute.Int("also", 3)}
)

// boundary makes a span as boundaries do.
func boundary(t *Tracer, m *Template, ctx context.Context) (context.Context, *Span) {
	s := t.Open(ctx, m, "boundary", start)
	s.Str(keyText, "at the start")
	s.AddLink(trace.Link{SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}})})
	ctx = s.Start()
	s.Lock()
	s.Int(keyInt, -7)
	s.Float(keyFloat, 0.5)
	s.Bool(keyBool, true)
	s.Unlock()
	s.SetStatus(codes.Error, "why")
	return ctx, s
}

// format is what a span says, but for what differs each time.
func format(s tracetest.SpanStub) string {
	var attrs []string
	for _, a := range s.Attributes {
		attrs = append(attrs, string(a.Key)+"="+a.Value.String())
	}
	slices.Sort(attrs)
	return fmt.Sprintln(s.Name, s.SpanKind, s.Parent.IsValid(), s.Parent.IsRemote(), s.SpanContext.IsSampled(), s.StartTime.UnixNano(), s.EndTime.After(s.StartTime),
		attrs, len(s.Links), s.Status, s.DroppedAttributes, s.InstrumentationScope.Name)
}

// The boundary's way records the same with our recorder and with an SDK's provider.
func TestBoundary(t *testing.T) {
	parent := trace.ContextWithRemoteSpanContext(context.Background(), parentOf(t, "a=1", true))
	var told []string
	for _, sdk := range []bool{true, false} {
		exp := tracetest.NewInMemoryExporter()
		config := unlimitedConfig()
		config.Processors = []sdktrace.SpanProcessor{sdktrace.NewSimpleSpanProcessor(exp)}
		tr := NewProvider(config).Of("scope")
		if sdk {
			tr = FromSDK(sdktrace.NewTracerProvider(sdktrace.WithSyncer(exp)).Tracer("scope"))
		}
		m := tr.Template(trace.SpanKindInternal, known...).As(trace.SpanKindServer)
		ctx, s := boundary(tr, m, parent)
		if sc := trace.SpanContextFromContext(ctx); !sc.IsValid() || !sc.Equal(s.SpanContext()) || sc.TraceState().Len() != 1 {
			t.Errorf("SDK %t: the context carries %v, not %v", sdk, sc, s.SpanContext())
		}
		if trace.SpanFromContext(ctx) != s.API() {
			t.Errorf("SDK %t: the context carries another span", sdk)
		}
		_, child := trace.SpanFromContext(ctx).TracerProvider().Tracer("library").Start(ctx, "child")
		child.End()
		s.End()
		s.End()
		spans := exp.GetSpans()
		if len(spans) != 2 || spans[0].Parent.SpanID() != s.SpanContext().SpanID() || spans[0].InstrumentationScope.Name != "library" {
			t.Fatalf("SDK %t: %d spans", sdk, len(spans))
		}
		told = append(told, format(spans[1]))
	}
	if told[0] != told[1] {
		t.Errorf("through the SDK:\n%sours:\n%s", told[0], told[1])
	}
	if !strings.Contains(told[1], "known=before") || !strings.Contains(told[1], "int=-7") {
		t.Errorf("told %s", told[1])
	}
}

// sampler drops spans by name or attribute.
type sampler struct{ seen *[]attribute.KeyValue }

func (s sampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	*s.seen = p.Attributes
	r := sdktrace.SamplingResult{Decision: sdktrace.Drop}
	switch p.Name {
	case "record":
		r.Decision = sdktrace.RecordOnly
	case "sample":
		r.Decision, r.Attributes = sdktrace.RecordAndSample, []attribute.KeyValue{attribute.Bool("by.sampler", true)}
	}
	return r
}
func (sampler) Description() string { return "by name" }

// The sampler's decision is followed, and spans that are not recorded propagate their trace.
func TestSampler(t *testing.T) {
	var seen []attribute.KeyValue
	k, exp := &recordingSink{}, tracetest.NewInMemoryExporter()
	config := unlimitedConfig()
	config.Sampler, config.Sink = sampler{&seen}, k
	config.Processors = []sdktrace.SpanProcessor{sdktrace.NewSimpleSpanProcessor(exp)}
	ours := NewProvider(config)
	via := FromSDK(sdktrace.NewTracerProvider(sdktrace.WithSampler(sampler{&seen}), sdktrace.WithSyncer(exp)).Tracer("t"))
	for _, tr := range []*Tracer{ours.Of("t"), via} {
		for name, want := range map[string]struct{ recording, sampled bool }{"drop": {}, "record": {true, false}, "sample": {true, true}} {
			s := tr.Open(context.Background(), tr.Template(trace.SpanKindInternal, known...), name, start)
			s.Str(keyText, "x")
			ctx := s.Start()
			if s.IsRecording() != want.recording || s.SpanContext().IsSampled() != want.sampled {
				t.Errorf("%s: recording %t, sampled %t", name, s.IsRecording(), s.SpanContext().IsSampled())
			}
			if sc := trace.SpanContextFromContext(ctx); !sc.IsValid() || sc.IsSampled() != want.sampled {
				t.Errorf("%s: the context carries %v", name, sc)
			}
			if !slices.Contains(seen, known[0]) {
				t.Errorf("%s: the sampler saw %v", name, seen)
			}
			s.Str(keyBool, "after")
			s.End()
		}
	}
	if !slices.Contains(seen, attribute.String("text", "x")) {
		t.Errorf("an SDK's sampler saw %v, want what was set before the start too", seen)
	}
	if len(k.spans) != 1 {
		t.Errorf("%d spans went out, want the one that is sampled", len(k.spans))
	}
	if n := len(exp.GetSpans()); n != 2 { // a simple processor leaves out what is not sampled
		t.Errorf("%d spans went to processors", n)
	}
	if err := ours.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if _, s := ours.Tracer("t").Start(context.Background(), "sample"); s.IsRecording() {
		t.Error("records after the end")
	}
}

// The context of a span does what any derived context does, without a goroutine for those that are derived from it.
func TestContext(t *testing.T) {
	type key struct{}
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), key{}, 1), time.Hour)
	ctx, span := NewProvider(unlimitedConfig()).Tracer("t").Start(ctx, "x")
	before := runtime.NumGoroutine()
	inner, stop := context.WithCancel(ctx)
	defer stop()
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines for a derived context", n-before)
	}
	if inner.Value(key{}) != 1 || trace.SpanFromContext(inner) != span || trace.SpanFromContext(context.WithoutCancel(inner)) != span {
		t.Error("values are lost")
	}
	if _, ok := inner.Deadline(); !ok || !strings.Contains(fmt.Sprint(inner), "WithSpan") {
		t.Errorf("context %v", inner)
	}
	cancel()
	<-inner.Done()
	if ctx.Err() == nil || inner.Err() == nil {
		t.Error("not cancelled with its parent")
	}
}

// Several goroutines may write to one span while it ends.
func TestConcurrency(t *testing.T) {
	k := &recordingSink{}
	config := unlimitedConfig()
	config.Sink = k
	tr := NewProvider(config).Of("t")
	for range 20 {
		ctx, s := boundary(tr, tr.Template(trace.SpanKindServer, known...), context.Background())
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				api := trace.SpanFromContext(ctx)
				for i := range 50 {
					api.SetAttributes(attribute.Int("n", i))
					api.AddEvent("e")
					api.SetName("n")
				}
				_, c := tr.Start(ctx, "child")
				c.End()
			})
		}
		wg.Go(func() { s.End() })
		wg.Wait()
	}
	if len(k.spans) != 100 {
		t.Errorf("%d spans, want 100", len(k.spans))
	}
	for i, b := range k.spans {
		if _, err := Decode(k.from[i], b); err != nil {
			t.Error(err)
		}
	}
}

// Processors see a span when it starts, and may write to it.
func TestProcessor(t *testing.T) {
	p := &writer{}
	config := unlimitedConfig()
	config.Processors = []sdktrace.SpanProcessor{p}
	_, s := NewProvider(config).Tracer("t").Start(context.Background(), "x", trace.WithAttributes(attribute.Int("a", 1)))
	s.End()
	if p.started != "x 1" || !slices.Contains(p.ended.Attributes(), attribute.Bool("written", true)) || p.ended.EndTime().Before(p.ended.StartTime()) {
		t.Errorf("started %q, ended with %v", p.started, p.ended.Attributes())
	}
}

type writer struct {
	started string
	ended   sdktrace.ReadOnlySpan
}

func (w *writer) OnStart(_ context.Context, s sdktrace.ReadWriteSpan) {
	w.started = fmt.Sprint(s.Name(), " ", len(s.Attributes()))
	s.SetAttributes(attribute.Bool("written", s.SpanContext().IsValid()))
}
func (w *writer) OnEnd(s sdktrace.ReadOnlySpan)    { w.ended = s }
func (w *writer) Shutdown(context.Context) error   { return nil }
func (w *writer) ForceFlush(context.Context) error { return nil }

// A boundary's attributes replace those that a host function has set by the API.
func TestAPIAttributes(t *testing.T) {
	k := &recordingSink{}
	config := unlimitedConfig()
	config.Sink, config.Limits.AttributeCountLimit = k, 3
	tr := NewProvider(config).Of("t")
	s := tr.Open(context.Background(), tr.Template(trace.SpanKindServer), "x", start)
	trace.SpanFromContext(s.Start()).SetAttributes(attribute.Int("text", 1), attribute.Int("own", 2), attribute.Int("int", 3))
	s.Lock()
	s.Str(keyText, "boundary's")
	s.Int(keyInt, 4)
	s.Bool(keyBool, true)
	s.Unlock()
	s.End()
	got, err := Decode(k.from[0], k.spans[0])
	if err != nil {
		t.Fatal(err)
	}
	want := []attribute.KeyValue{attribute.Int("own", 2), attribute.String("text", "boundary's"), attribute.Int("int", 4)}
	if !slices.Equal(got.Attributes(), want) || got.DroppedAttributes() != 1 {
		t.Errorf("%v, %d dropped", got.Attributes(), got.DroppedAttributes())
	}
}

// A span allocates its own memory only.
func TestAllocations(t *testing.T) {
	config := unlimitedConfig()
	config.Sink = discardSink{}
	tr := NewProvider(config).Of("t")
	m := tr.Template(trace.SpanKindServer, known...)
	text := strings.Repeat("x", 100)
	n := testing.AllocsPerRun(200, func() {
		s := tr.Open(context.Background(), m, "name", start)
		for range 12 {
			s.Str(keyText, text)
		}
		if s.Start() == nil {
			t.Error("no context")
		}
		s.Lock()
		s.Int(keyInt, 1)
		s.Float(keyFloat, 1)
		s.Unlock()
		s.SetStatus(codes.Error, text)
		s.End()
	})
	if n > 1 && !raceEnabled {
		t.Errorf("%v allocations", n)
	}
}

type discardSink struct{}

func (discardSink) Take(*Source, []byte)        {}
func (discardSink) Flush(context.Context) error { return nil }

// FuzzRoundTrip: what is encoded is decoded to the same, made fit for protobuf.
func FuzzRoundTrip(f *testing.F) {
	f.Add("k", "value", int64(-1), 1.5, true, []byte{0, 255}, uint8(3))
	f.Add("", "a\xff", int64(1<<62), 0.0, false, []byte{}, uint8(0))
	f.Add("ü", strings.Repeat("世", 200), int64(127), -1e300, true, []byte(nil), uint8(200))
	f.Fuzz(func(t *testing.T, key, s string, i int64, x float64, b bool, raw []byte, n uint8) {
		fit := func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
		list := make([]string, n)
		for j := range list {
			list[j] = s
		}
		in := []attribute.KeyValue{
			attribute.String("s"+key, s), attribute.Int64("i"+key, i), attribute.Float64("f"+key, x), attribute.Bool("b"+key, b), attribute.ByteSlice("r"+key, raw),
			attribute.StringSlice("l"+key, list),
			{Key: attribute.Key("m" + key), Value: attribute.MapValue(attribute.String(key, s), attribute.Int64(key+"2", i))},
		}
		k := &recordingSink{}
		config := unlimitedConfig()
		config.Sink = k
		tr := NewProvider(config).Of("t")
		span := tr.Open(context.Background(), tr.Template(trace.SpanKindClient, in[0]), key, start)
		span.Str(NewKey("fast.s"), s)
		span.Int(NewKey("fast.i"), i)
		span.Float(NewKey("fast.f"), x)
		span.Bool(NewKey("fast.b"), b)
		span.Start()
		span.SetAttributes(in...)
		span.AddEvent(s, trace.WithAttributes(in...))
		span.AddLink(trace.Link{SpanContext: span.SpanContext(), Attributes: in})
		span.SetStatus(codes.Error, s)
		span.End()
		out, err := Split(nil, k.from[0], AppendTo(AppendTo(nil, k.spans[0]), k.spans[0]))
		if err != nil || len(out) != 2 {
			t.Fatalf("%d spans: %v", len(out), err)
		}
		for _, got := range out {
			if got.Name() != fit(key) || got.Status().Description != fit(s) || got.SpanContext().SpanID() != span.SpanContext().SpanID() {
				t.Errorf("got %q, status %q", got.Name(), got.Status().Description)
			}
			for _, kvs := range [][]attribute.KeyValue{got.Attributes(), got.Events()[0].Attributes, got.Links()[0].Attributes} {
				for _, kv := range in {
					at := slices.IndexFunc(kvs, func(o attribute.KeyValue) bool { return string(o.Key) == fit(string(kv.Key)) })
					if at < 0 {
						t.Fatalf("%q is missing", kv.Key)
					}
					if want := encoded(attribute.KeyValue{Key: attribute.Key(fit(string(kv.Key))), Value: kv.Value}); encoded(kvs[at]) != want {
						t.Errorf("%q: got %v, want %v", kv.Key, kvs[at].Value, kv.Value)
					}
				}
			}
			if len(got.Attributes()) != len(in)+4 {
				t.Errorf("%d attributes", len(got.Attributes()))
			}
		}
	})
}

// encoded tells values apart where numbers that are none are equal to nothing.
func encoded(kv attribute.KeyValue) string { return string(appendKeyValue(nil, 0, kv, bounds{-1, -1})) }

// FuzzDecode: no bytes can harm.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{tagName, 1, 'x', tagStatus, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Decode(&Source{}, b)
		if err != nil {
			return
		}
		_, _, _, _ = s.Attributes(), s.Events(), s.Links(), s.Status()
		_, _, _, _ = s.StartTime(), s.EndTime(), s.Parent(), s.SpanKind()
	})
}

// BenchmarkSpan is one span of a request, from its start to its bytes (the SDK's: to its snapshot, which is yet to be
// transformed and encoded).
func BenchmarkSpan(b *testing.B) {
	attrs := make([]attribute.KeyValue, 0, 15)
	keys := make([]Key, 12)
	for i := range keys {
		name := fmt.Sprintf("attribute.number.%d", i)
		keys[i] = NewKey(attribute.Key(name))
		attrs = append(attrs, attribute.String(name, "a value of usual length"))
	}
	config := unlimitedConfig()
	config.Sink = discardSink{}
	ours := NewProvider(config).Of("t")
	api := func(tr trace.Tracer) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, s := tr.Start(context.Background(), "name", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attrs...))
				s.SetAttributes(attribute.Int("status", 200), attribute.Float64("time", 0.1))
				s.End()
			}
		}
	}
	b.Run("sdk", api(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(discardProcessor{})).Tracer("t")))
	b.Run("ours, by the API", api(ours))
	b.Run("ours", func(b *testing.B) {
		m := ours.Template(trace.SpanKindServer)
		b.ReportAllocs()
		for b.Loop() {
			s := ours.Open(context.Background(), m, "name", time.Time{})
			for _, k := range keys {
				s.Str(k, "a value of usual length")
			}
			s.Start()
			s.Lock()
			s.Int(keyInt, 200)
			s.Float(keyFloat, 0.1)
			s.Unlock()
			s.End()
		}
	})
}

// discardProcessor is a processor that has the SDK make its snapshots, and throws them away.
type discardProcessor struct{}

func (discardProcessor) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (discardProcessor) OnEnd(sdktrace.ReadOnlySpan)                     {}
func (discardProcessor) Shutdown(context.Context) error                  { return nil }
func (discardProcessor) ForceFlush(context.Context) error                { return nil }

// wrappedSampler is a sampler that is asked, unlike the one in it.
type wrappedSampler struct{ sdktrace.Sampler }

// TestDefaultSampler: the decision that is computed without the default sampler equals the sampler's.
func TestDefaultSampler(t *testing.T) {
	state, err := trace.ParseTraceState("a=b")
	if err != nil {
		t.Fatal(err)
	}
	id, span := trace.TraceID{1}, trace.SpanID{2}
	for name, parent := range map[string]trace.SpanContextConfig{
		"none":              {},
		"sampled":           {TraceID: id, SpanID: span, TraceFlags: trace.FlagsSampled, TraceState: state},
		"not sampled":       {TraceID: id, SpanID: span, TraceState: state},
		"sampled, remote":   {TraceID: id, SpanID: span, TraceFlags: trace.FlagsSampled, TraceState: state, Remote: true},
		"unsampled, remote": {TraceID: id, SpanID: span, TraceFlags: 2, Remote: true},
		"no span":           {TraceID: id, TraceFlags: trace.FlagsSampled, TraceState: state},
		"no trace":          {SpanID: span, TraceFlags: trace.FlagsSampled},
	} {
		ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(parent))
		var got [2]trace.SpanContext
		for i, s := range []sdktrace.Sampler{sdktrace.ParentBased(sdktrace.AlwaysSample()), wrappedSampler{sdktrace.ParentBased(sdktrace.AlwaysSample())}} {
			c := unlimitedConfig()
			c.Sampler = s
			p := NewProvider(c)
			if p.isDefault != (i == 0) {
				t.Fatalf("%d: usual: %v", i, p.isDefault)
			}
			_, sp := p.Tracer("t").Start(ctx, "s")
			got[i] = sp.SpanContext()
			if sp.IsRecording() != got[i].IsSampled() {
				t.Errorf("%s: recording %v, sampled %v", name, sp.IsRecording(), got[i].IsSampled())
			}
		}
		same := got[0].WithSpanID(span).WithTraceID(id).Equal(got[1].WithSpanID(span).WithTraceID(id))
		if !same || parent.TraceID.IsValid() && got[0].TraceID() != got[1].TraceID() {
			t.Errorf("%s: %+v, the sampler says %+v", name, got[0], got[1])
		}
	}
}
