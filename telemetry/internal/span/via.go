package span

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// unlimited is the provider of spans that an SDK records, which has limits of its own.
var unlimited = NewProvider(Config{Limits: sdktrace.SpanLimits{
	AttributeValueLengthLimit: -1, AttributeValueDepthLimit: -1, AttributeCountLimit: -1, EventCountLimit: -1, LinkCountLimit: -1,
	AttributePerEventCountLimit: -1, AttributePerLinkCountLimit: -1,
}})

// FromSDK makes a tracer whose spans are recorded by t: it is told at the start and at the end of a span what was set until then.
func FromSDK(t trace.Tracer) *Tracer { return &Tracer{p: unlimited, via: t} }

// later is what an SDK's tracer has to know when a span is started.
type later struct {
	m     *Template
	links []trace.Link
}

// open begins a span that [Tracer.via] will record.
func (t *Tracer) open(ctx context.Context, m *Template, name string, start time.Time) *Span {
	s := &Span{t: t, parent: ctx, start: start, d: newDraft()}
	s.d.name = text(name, -1)
	s.d.later = &later{m: m}
	return s
}

// hand starts the SDK's span.
func (s *Span) hand() context.Context {
	d := s.d
	attrs := append(d.later.m.attrs[:len(d.later.m.attrs):len(d.later.m.attrs)], d.taken()...)
	ctx, via := s.t.via.Start(s.parent, d.name, trace.WithTimestamp(s.start), trace.WithSpanKind(d.later.m.kind),
		trace.WithAttributes(attrs...), trace.WithLinks(d.later.links...))
	d.later = nil
	s.via, s.sc = via, via.SpanContext()
	if !via.IsRecording() {
		d.release()
		s.d = nil
	}
	return ctx
}

// tell tells the SDK's span what was set since it was started, and ends it.
func (s *Span) tell(d *draft) {
	s.via.SetAttributes(d.taken()...)
	s.via.SetStatus(d.status, d.message)
	s.via.End()
}

// taken takes the attributes out of a draft.
func (d *draft) taken() []attribute.KeyValue {
	var m tracepb.Span
	err := proto.Unmarshal(d.b[d.head:], &m)
	d.b = d.b[:d.head]
	if err != nil { // bytes of our own
		return nil
	}
	return attributes(m.Attributes)
}
