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

// unlimited is the provider for spans that the SDK records, with its own limits.
var unlimited = NewProvider(Config{Limits: sdktrace.SpanLimits{
	AttributeValueLengthLimit: -1, AttributeValueDepthLimit: -1, AttributeCountLimit: -1, EventCountLimit: -1, LinkCountLimit: -1,
	AttributePerEventCountLimit: -1, AttributePerLinkCountLimit: -1,
}})

// FromSDK makes a tracer whose spans t records: attributes are collected and passed to t's span at its start and its end.
func FromSDK(t trace.Tracer) *Tracer { return &Tracer{p: unlimited, sdk: t} }

// sdkStart is what the SDK's tracer needs to start a span.
type sdkStart struct {
	template *Template
	links    []trace.Link
}

// openSDK opens a span that t.sdk records.
func (t *Tracer) openSDK(ctx context.Context, m *Template, name string, start time.Time) *Span {
	s := &Span{t: t, parent: ctx, start: start, d: newBuffer()}
	s.d.name = fitText(name, -1)
	s.d.sdkStart = &sdkStart{template: m}
	return s
}

// startSDK starts the SDK's span.
func (s *Span) startSDK() context.Context {
	d := s.d
	attrs := append(d.sdkStart.template.attrs[:len(d.sdkStart.template.attrs):len(d.sdkStart.template.attrs)], d.takeAttributes()...)
	parent := s.parent
	if !s.t.asked.Load() {
		parent = context.WithValue(parent, askedKey{}, &s.t.asked)
	}
	ctx, via := s.t.sdk.Start(parent, d.name, trace.WithTimestamp(s.start), trace.WithSpanKind(d.sdkStart.template.kind),
		trace.WithAttributes(attrs...), trace.WithLinks(d.sdkStart.links...))
	d.sdkStart = nil
	s.sdk, s.sc = via, via.SpanContext()
	if !via.IsRecording() {
		d.release()
		s.d = nil
	}
	return ctx
}

// endSDK passes attributes and status to the SDK's span, and ends it.
func (s *Span) endSDK(d *buffer) {
	s.sdk.SetAttributes(d.takeAttributes()...)
	s.sdk.SetStatus(d.status, d.message)
	s.sdk.End()
}

// takeAttributes removes the attributes from the buffer and returns them.
func (d *buffer) takeAttributes() []attribute.KeyValue {
	var m tracepb.Span
	err := proto.Unmarshal(d.b[d.head:], &m)
	d.b = d.b[:d.head]
	if err != nil { // impossible: the bytes are our own
		return nil
	}
	return attributes(m.Attributes)
}
