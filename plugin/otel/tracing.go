package otel

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/otel/bindings"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// tracing serves wasi:otel/tracing.
type tracing struct{ sink otel.Sink }

var _ bindings.Tracing = tracing{}

// OnStart implements bindings.Tracing.
func (t tracing) OnStart(ctx context.Context, c bindings.SpanContext) error {
	conv := newConverter()
	span := conv.spanContext(&c)
	conv.report(ctx, t.sink)
	t.sink.StartSpan(ctx, span)
	return nil
}

// OnEnd implements bindings.Tracing.
func (t tracing) OnEnd(ctx context.Context, s bindings.SpanData) error {
	conv := newConverter()
	span := conv.span(&s)
	conv.report(ctx, t.sink)
	t.sink.EndSpan(ctx, span)
	return nil
}

// OuterSpanContext implements bindings.Tracing.
func (t tracing) OuterSpanContext(ctx context.Context) (bindings.SpanContext, error) {
	return contextOf(t.sink.Outer(ctx)), nil
}

// CurrentSpanContext implements bindings.Tracing.
func (t tracing) CurrentSpanContext(ctx context.Context) (bindings.SpanContext, error) {
	return contextOf(t.sink.Current(ctx)), nil
}

// contextOf is a context for a guest. Identifiers have all their digits, also where there is no span and all of them are zeros:
// SDKs take that for an invalid context and begin a trace of their own, while some fail on an empty text.
func contextOf(c otel.SpanContext) bindings.SpanContext {
	out := bindings.SpanContext{TraceID: c.TraceID.String(), SpanID: c.SpanID.String(), IsRemote: c.IsRemote}
	if c.Sampled {
		out.TraceFlags = bindings.TraceFlagsSampled
	}
	for _, e := range c.State {
		out.TraceState = append(out.TraceState, cm.Tuple2[string, string]{F0: e.Key, F1: e.Value})
	}
	return out
}

var spanKinds = [...]otel.SpanKind{
	bindings.SpanKindClient: otel.KindClient, bindings.SpanKindServer: otel.KindServer, bindings.SpanKindProducer: otel.KindProducer,
	bindings.SpanKindConsumer: otel.KindConsumer, bindings.SpanKindInternal: otel.KindInternal,
}

var statuses = [...]otel.StatusCode{
	bindings.StatusTagUnset: otel.StatusUnset, bindings.StatusTagOk: otel.StatusOK, bindings.StatusTagError: otel.StatusError,
}

// fewAttributes is how many attributes of a span are allocated with it.
const fewAttributes = 4

func (c *converter) span(s *bindings.SpanData) *otel.Span {
	made := &struct {
		span       otel.Span
		attributes [fewAttributes]otel.KeyValue
	}{}
	out := &made.span
	*out = otel.Span{
		Context: c.spanContext(&s.SpanContext), ParentID: c.parentID(s.ParentSpanID),
		Kind: spanKinds[s.SpanKind], Name: s.Name, Start: otel.Time(s.StartTime), End: otel.Time(s.EndTime), Attributes: c.attributesIn(made.attributes[:0], s.Attributes),
		Status: otel.Status{Code: statuses[s.Status.Tag], Description: s.Status.Error}, Scope: c.scope(&s.InstrumentationScope),
		DroppedAttributes: s.DroppedAttributes, DroppedEvents: s.DroppedEvents, DroppedLinks: s.DroppedLinks,
	}
	if len(s.Events) > 0 {
		out.Events = make([]otel.Event, len(s.Events))
	}
	for i := range s.Events {
		e := &s.Events[i]
		out.Events[i] = otel.Event{Name: e.Name, Time: otel.Time(e.Time), Attributes: c.attributes(e.Attributes)}
	}
	if len(s.Links) > 0 {
		out.Links = make([]otel.Link, len(s.Links))
	}
	for i := range s.Links {
		l := &s.Links[i]
		out.Links[i] = otel.Link{Context: c.linkContext(&l.SpanContext), Attributes: c.attributes(l.Attributes)}
	}
	return out
}
