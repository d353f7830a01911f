package span

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/sanitize"
)

// Tracer starts spans of one scope. Safe for concurrent use.
type Tracer struct {
	embedded.Tracer
	p      *Provider
	source *Source
	sdk    trace.Tracer // not nil: it records the spans, and ours only collect attributes for it
	asked  atomic.Bool  // of sdk: its provider's generator of identifiers is ours
}

var _ trace.Tracer = (*Tracer)(nil)

// Template has the kind and the attributes of a boundary's spans that are known at link time.
type Template struct {
	kind    trace.SpanKind
	attrs   []attribute.KeyValue
	encoded []byte
	count   int
	dropped int
}

// Template makes a template for spans of t.
func (t *Tracer) Template(kind trace.SpanKind, attrs ...attribute.KeyValue) *Template {
	var d buffer
	attrs = sanitize.Attributes(attrs)
	for _, kv := range attrs {
		d.set(kv, t.p)
	}
	return &Template{trace.ValidateSpanKind(kind), attrs, d.b, d.attrs, d.droppedAttrs}
}

// As is the template with another kind; nil if m is nil.
func (m *Template) As(kind trace.SpanKind) *Template {
	if m == nil {
		return nil
	}
	c := *m
	c.kind = kind
	return &c
}

// Open makes a child of the span in ctx. The caller sets the attributes that it knows and calls [Span.Start]. The sampler sees only
// the template's attributes, unless the SDK's tracer records. A zero start is now.
func (t *Tracer) Open(ctx context.Context, m *Template, name string, start time.Time) *Span {
	if start.IsZero() {
		start = time.Now()
	}
	if t.sdk != nil {
		return t.openSDK(ctx, m, name, start)
	}
	s := t.begin(ctx, trace.SpanContextFromContext(ctx), name, m.kind, m.attrs, nil, start)
	if s.d != nil {
		s.d.add(m)
	}
	return s
}

// add adds the template's attributes.
func (d *buffer) add(m *Template) {
	d.b = append(d.b, m.encoded...)
	d.attrs += m.count
	d.droppedAttrs += m.dropped
}

// Kept is s as a span that is recorded, if the sampler is a [RootSampler] that has refused s and wants it after all, now that its end is known;
// nil otherwise. It has the name, what the template has, and the identifiers and the start of s, which stays as it is. The caller sets the other attributes and ends it.
func (s *Span) Kept(m *Template, name string, took time.Duration, failed bool) *Span {
	p := s.t.p
	if p == nil || p.roots == nil || s.sc.IsSampled() || !p.roots.KeepRoot(took, failed) || p.ended.Load() {
		return nil
	}
	parent := trace.SpanContextFromContext(s.parent)
	if parent.IsValid() {
		return nil
	}
	k := &Span{t: s.t, parent: s.parent, start: s.start, sc: s.sc.WithTraceFlags(s.sc.TraceFlags() | trace.FlagsSampled)}
	k.d = newBuffer()
	k.d.name = name
	k.d.begin(k.sc, parent, m.kind, s.start)
	k.d.add(m)
	return k
}

// begin makes a span with the sampler's decision.
func (t *Tracer) begin(ctx context.Context, parent trace.SpanContext, name string, kind trace.SpanKind, attrs []attribute.KeyValue, links []trace.Link, start time.Time) *Span {
	s := &Span{t: t, parent: ctx, start: start}
	c := trace.SpanContextConfig{TraceID: parent.TraceID(), SpanID: newSpanID(), TraceFlags: parent.TraceFlags() &^ trace.FlagsSampled}
	if !c.TraceID.IsValid() {
		c.TraceID = newTraceID()
	}
	if t.p.ended.Load() {
		c.TraceState = parent.TraceState()
		s.sc = trace.NewSpanContext(c)
		return s
	}
	var r sdktrace.SamplingResult
	switch {
	case t.p.isDefault:
		r.Tracestate = parent.TraceState()
		if !parent.IsValid() || parent.IsSampled() {
			r.Decision = sdktrace.RecordAndSample
		}
	case t.p.roots != nil:
		r.Tracestate = parent.TraceState()
		if parent.IsValid() && parent.IsSampled() || !parent.IsValid() && t.p.roots.SampleRoot(start) {
			r.Decision = sdktrace.RecordAndSample
		}
	default:
		r = t.p.sampler.ShouldSample(sdktrace.SamplingParameters{
			ParentContext: ctx, TraceID: c.TraceID, Name: name, Kind: kind, Attributes: attrs, Links: links,
		})
	}
	c.TraceState = r.Tracestate
	if r.Decision == sdktrace.RecordAndSample {
		c.TraceFlags |= trace.FlagsSampled
	}
	s.sc = trace.NewSpanContext(c)
	if r.Decision == sdktrace.Drop {
		return s
	}
	s.d = newBuffer()
	s.d.name = name
	s.d.begin(s.sc, parent, kind, start)
	for _, kv := range r.Attributes {
		s.d.set(kv, t.p)
	}
	return s
}

// Start starts a span, for OpenTelemetry's API.
func (t *Tracer) Start(ctx context.Context, name string, opts ...trace.SpanStartOption) (context.Context, trace.Span) {
	if t.sdk != nil {
		return t.sdk.Start(ctx, fitText(name, -1), opts...)
	}
	c := trace.NewSpanStartConfig(opts...)
	if ctx == nil {
		ctx = context.Background()
	}
	if c.NewRoot() {
		ctx = trace.ContextWithSpanContext(ctx, trace.SpanContext{})
	}
	start := c.Timestamp()
	if start.IsZero() {
		start = time.Now()
	}
	s := t.begin(ctx, trace.SpanContextFromContext(ctx), name, trace.ValidateSpanKind(c.SpanKind()), c.Attributes(), c.Links(), start)
	s.SetAttributes(c.Attributes()...)
	for _, l := range c.Links() {
		s.AddLink(l)
	}
	return s.Start(), s
}

// Identifiers are random, as W3C trace context says, and never zero.

func newSpanID() (id trace.SpanID) {
	for !id.IsValid() {
		binary.NativeEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}

func newTraceID() (id trace.TraceID) {
	for !id.IsValid() {
		binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
		binary.NativeEndian.PutUint64(id[8:], rand.Uint64())
	}
	return id
}
