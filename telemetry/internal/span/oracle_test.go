package span

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// recordingSink is a sink that keeps spans.
type recordingSink struct {
	mu    sync.Mutex
	from  []*Source
	spans [][]byte
}

func (k *recordingSink) Take(from *Source, span []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.from, k.spans = append(k.from, from), append(k.spans, slices.Clone(span))
}
func (k *recordingSink) Flush(context.Context) error { return nil }

func unlimitedConfig() Config {
	return Config{Resource: resource.Empty(), Sampler: sdktrace.ParentBased(sdktrace.AlwaysSample()), Limits: sdktrace.NewSpanLimits()}
}

// recordingClient keeps the messages that the SDK's exporter makes.
type recordingClient struct {
	otlptrace.Client
	spans []*tracepb.Span
}

func (c *recordingClient) Start(context.Context) error { return nil }
func (c *recordingClient) Stop(context.Context) error  { return nil }
func (c *recordingClient) UploadTraces(_ context.Context, rs []*tracepb.ResourceSpans) error {
	for _, r := range rs {
		for _, s := range r.ScopeSpans {
			c.spans = append(c.spans, s.Spans...)
		}
	}
	return nil
}

var (
	start = time.Unix(1_700_000_000, 123456789)
	end   = start.Add(1500 * time.Microsecond)
)

func parentOf(t *testing.T, state string, remote bool) trace.SpanContext {
	ts, err := trace.ParseTraceState(state)
	if err != nil {
		t.Fatal(err)
	}
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1, 2, 3, 15: 9}, SpanID: trace.SpanID{7, 7: 8}, TraceFlags: trace.FlagsSampled | trace.FlagsRandom, TraceState: ts, Remote: remote,
	})
}

// attributesOfEveryType is an attribute of each kind, with zero and odd values.
func attributesOfEveryType() []attribute.KeyValue {
	deep := attribute.StringValue("bottom")
	for range 70 {
		deep = attribute.SliceValue(deep, attribute.IntValue(1))
	}
	return []attribute.KeyValue{
		attribute.String("s", "text"), attribute.String("s.empty", ""), attribute.String("s.utf8", "grüße 世界"), attribute.String("s.long", strings.Repeat("ü", 300)),
		attribute.Bool("b.true", true), attribute.Bool("b.false", false),
		attribute.Int("i", 42), attribute.Int("i.zero", 0), attribute.Int("i.negative", -1), attribute.Int64("i.large", 1<<62),
		attribute.Float64("f", 1.5), attribute.Float64("f.zero", 0),
		attribute.StringSlice("ss", []string{"a", "", "ccc"}), attribute.StringSlice("ss.empty", nil),
		attribute.BoolSlice("bs", []bool{true, false}), attribute.IntSlice("is", []int{1, -2, 0, 4, 5, 6}), attribute.Float64Slice("fs", []float64{0.25, 0}),
		attribute.ByteSlice("raw", []byte{0, 255, 1}), attribute.ByteSlice("raw.empty", nil),
		{Key: "empty"},
		{Key: "list", Value: attribute.SliceValue(attribute.IntValue(1), attribute.StringValue("x"), attribute.Value{}, attribute.ByteSliceValue([]byte{1}))},
		{Key: "list.empty", Value: attribute.SliceValue()},
		{Key: "deep", Value: deep},
		{Key: "map", Value: attribute.MapValue(attribute.Int("twice", 1), attribute.Int("twice", 2), attribute.Bool("b", false),
			attribute.KeyValue{Key: "inner", Value: attribute.MapValue(attribute.String("k", "v"))})},
		attribute.Int("", 1),
		attribute.Int("again", 1), attribute.String("again", "two"),
	}
}

// Our encoded spans equal those that the SDK records and its exporter encodes.
func TestEqualsSDK(t *testing.T) {
	tight := sdktrace.SpanLimits{
		AttributeValueLengthLimit: 3, AttributeValueDepthLimit: 2, AttributeCountLimit: 5, EventCountLimit: 2, LinkCountLimit: 1,
		AttributePerEventCountLimit: 1, AttributePerLinkCountLimit: 1,
	}
	none := sdktrace.SpanLimits{AttributeValueDepthLimit: 64}
	for name, tc := range map[string]struct {
		limits *sdktrace.SpanLimits
		parent trace.SpanContext
		opts   []trace.SpanStartOption
		do     func(s trace.Span)
	}{
		"bare":          {},
		"remote parent": {parent: parentOf(t, "", true)},
		"local parent":  {parent: parentOf(t, "", false)},
		"trace state":   {parent: parentOf(t, "a=1,b=2", true)},
		"new root":      {parent: parentOf(t, "a=1", true), opts: []trace.SpanStartOption{trace.WithNewRoot()}},
		"server":        {opts: []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer)}},
		"client":        {opts: []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient)}},
		"producer":      {opts: []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindProducer)}},
		"consumer":      {opts: []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindConsumer)}},
		"every kind":    {opts: []trace.SpanStartOption{trace.WithAttributes(attributesOfEveryType()...)}},
		"set later":     {do: func(s trace.Span) { s.SetAttributes(attributesOfEveryType()...) }},
		"set again": {do: func(s trace.Span) {
			s.SetAttributes(attributesOfEveryType()...)
			s.SetAttributes(attributesOfEveryType()[:9]...)
		}},
		"tight":       {limits: &tight, do: func(s trace.Span) { s.SetAttributes(attributesOfEveryType()...) }},
		"tight, each": {limits: &sdktrace.SpanLimits{AttributeValueLengthLimit: 2, AttributeValueDepthLimit: 1, AttributeCountLimit: -1}, do: func(s trace.Span) { s.SetAttributes(attributesOfEveryType()...) }},
		"over, then same": {limits: &tight, do: func(s trace.Span) {
			s.SetAttributes(attributesOfEveryType()...)
			s.SetAttributes(attribute.Int("s", 5), attribute.Int("new", 1))
		}},
		"nothing allowed": {limits: &none, do: func(s trace.Span) {
			s.SetAttributes(attributesOfEveryType()...)
			s.AddEvent("e")
			s.AddLink(trace.Link{SpanContext: parentOf(t, "", true)})
		}},
		"ok":             {do: func(s trace.Span) { s.SetStatus(codes.Ok, "not told") }},
		"error":          {do: func(s trace.Span) { s.SetStatus(codes.Error, "broken") }},
		"error, no text": {do: func(s trace.Span) { s.SetStatus(codes.Error, "") }},
		"ok wins":        {do: func(s trace.Span) { s.SetStatus(codes.Ok, ""); s.SetStatus(codes.Error, "late") }},
		"last error": {do: func(s trace.Span) {
			s.SetStatus(codes.Error, "a")
			s.SetStatus(codes.Error, "b")
			s.SetStatus(codes.Unset, "")
		}},
		"renamed": {do: func(s trace.Span) { s.SetName("other") }},
		"events": {do: func(s trace.Span) {
			s.AddEvent("one", trace.WithTimestamp(start.Add(time.Microsecond)), trace.WithAttributes(attributesOfEveryType()...))
			s.AddEvent("", trace.WithTimestamp(start))
			s.RecordError(errors.New("bad"), trace.WithTimestamp(start))
			s.RecordError(nil)
		}},
		"too many events": {limits: &tight, do: func(s trace.Span) {
			for _, n := range []string{"a", "bb", "ccc", "dddd"} {
				s.AddEvent(n, trace.WithTimestamp(start), trace.WithAttributes(attribute.Int("x", 1), attribute.String("y", "longer than three")))
			}
		}},
		"links": {opts: []trace.SpanStartOption{trace.WithLinks(trace.Link{SpanContext: parentOf(t, "", true), Attributes: attributesOfEveryType()})}, do: func(s trace.Span) {
			s.AddLink(trace.Link{SpanContext: parentOf(t, "", false)})
			s.AddLink(trace.Link{})
			s.AddLink(trace.Link{Attributes: []attribute.KeyValue{attribute.Int("only", 1)}})
		}},
		"too many links": {limits: &tight, do: func(s trace.Span) {
			for i := range 3 {
				s.AddLink(trace.Link{SpanContext: parentOf(t, "", true), Attributes: []attribute.KeyValue{attribute.Int("a", i), attribute.Int("b", i)}})
			}
		}},
		"after the end": {do: func(s trace.Span) {
			s.End(trace.WithTimestamp(end))
			s.SetAttributes(attribute.Int("late", 1))
			s.SetStatus(codes.Error, "late")
			s.SetName("late")
			s.AddEvent("late")
			s.AddLink(trace.Link{SpanContext: parentOf(t, "", true)})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			limits := sdktrace.NewSpanLimits()
			if tc.limits != nil {
				limits = *tc.limits
			}
			run := func(tr trace.Tracer) trace.Span {
				ctx := context.Background()
				if tc.parent.IsValid() {
					ctx = trace.ContextWithSpanContext(ctx, tc.parent)
				}
				_, s := tr.Start(ctx, "name", append(tc.opts, trace.WithTimestamp(start))...)
				if tc.do != nil {
					tc.do(s)
				}
				s.End(trace.WithTimestamp(end))
				if s.IsRecording() {
					t.Error("records after its end")
				}
				return s
			}
			c := &recordingClient{}
			exp, err := otlptrace.New(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			run(sdktrace.NewTracerProvider(sdktrace.WithSyncer(exp), sdktrace.WithRawSpanLimits(limits)).Tracer("t"))
			k := &recordingSink{}
			config := unlimitedConfig()
			config.Limits, config.Sink = limits, k
			ours := run(NewProvider(config).Tracer("t"))
			if len(c.spans) != 1 || len(k.spans) != 1 {
				t.Fatalf("the SDK exports %d spans, we %d", len(c.spans), len(k.spans))
			}
			got := &tracepb.Span{}
			if err := proto.Unmarshal(k.spans[0], got); err != nil {
				t.Fatal(err)
			}
			sc := ours.SpanContext()
			if trace.TraceID(got.TraceId) != sc.TraceID() || trace.SpanID(got.SpanId) != sc.SpanID() || !sc.IsValid() || !sc.IsSampled() {
				t.Errorf("identifiers %x %x, want those of %v", got.TraceId, got.SpanId, sc)
			}
			want := c.spans[0]
			if name == "nothing allowed" { // the SDK forgets to count what it dropped where it has kept nothing
				want.DroppedEventsCount, want.DroppedLinksCount = 1, 1
			}
			if tc.parent.IsValid() && name != "new root" && trace.TraceID(got.TraceId) != tc.parent.TraceID() {
				t.Error("in another trace than its parent")
			}
			checkEqual(t, got, want)
		})
	}
}

// checkEqual compares spans except their identifiers and the order of attributes.
func checkEqual(t *testing.T, got, want *tracepb.Span) {
	t.Helper()
	order := func(kvs []*commonpb.KeyValue) {
		slices.SortFunc(kvs, func(a, b *commonpb.KeyValue) int { return cmp.Compare(a.Key, b.Key) })
	}
	got, want = proto.CloneOf(got), proto.CloneOf(want)
	got.TraceId, got.SpanId = want.TraceId, want.SpanId
	for _, s := range []*tracepb.Span{got, want} {
		order(s.Attributes)
		for _, e := range s.Events {
			order(e.Attributes)
		}
		for _, l := range s.Links {
			order(l.Attributes)
		}
	}
	if !proto.Equal(got, want) {
		t.Errorf("got:\n%v\nwant:\n%v", got, want)
	}
}

// A link's trace state is sent, which the SDK's exporter forgets.
func TestLinkTraceState(t *testing.T) {
	k := &recordingSink{}
	config := unlimitedConfig()
	config.Sink = k
	_, s := NewProvider(config).Tracer("t").Start(context.Background(), "x")
	s.AddLink(trace.Link{SpanContext: parentOf(t, "a=1", true)})
	s.End()
	ended, err := Decode(k.from[0], k.spans[0])
	if err != nil {
		t.Fatal(err)
	}
	if got := ended.Links()[0].SpanContext; !got.Equal(parentOf(t, "a=1", true)) {
		t.Errorf("link to %v", got)
	}
}

// Text that is no UTF-8 does not spoil a batch, whose string fields must be.
func TestBadText(t *testing.T) {
	const bad = "a\xffb"
	k := &recordingSink{}
	config := unlimitedConfig()
	config.Sink = k
	_, s := NewProvider(config).Tracer("t").Start(context.Background(), bad)
	s.SetAttributes(attribute.String(bad, bad), attribute.StringSlice("list", []string{bad}))
	s.SetAttributes(attribute.String(bad, "again"))
	s.(*Span).Str(NewKey("fast"), bad)
	s.AddEvent(bad, trace.WithAttributes(attribute.String(bad, bad)))
	s.SetStatus(codes.Error, bad)
	s.End()
	var m tracepb.Span
	if err := proto.Unmarshal(k.spans[0], &m); err != nil {
		t.Fatal(err)
	}
	m.TraceId, m.SpanId = nil, nil // which may hold the byte
	if strings.Contains(m.String(), "xff") || m.Name != "a\uFFFDb" || len(m.Attributes) != 3 {
		t.Errorf("sent %v", &m)
	}
}
