package span

import (
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Decode converts an encoded span for the SDK's exporters and processors. It keeps no reference to the bytes.
//
// Of the parent the message has only the identifiers and whether it is remote; children are not counted.
func Decode(from *Source, span []byte) (sdktrace.ReadOnlySpan, error) {
	var m tracepb.Span
	if err := proto.Unmarshal(span, &m); err != nil {
		return nil, fmt.Errorf("encoded span: %w", err)
	}
	return readOnlyOf(from, &m), nil
}

// readOnly is a decoded span. The embedded interface is nil, and there for its private method.
type readOnly struct {
	sdktrace.ReadOnlySpan
	from       *Source
	m          *tracepb.Span
	sc, parent trace.SpanContext
}

func readOnlyOf(from *Source, m *tracepb.Span) *readOnly {
	state, _ := trace.ParseTraceState(m.TraceState) // it was valid when the span began
	c := trace.SpanContextConfig{TraceFlags: trace.TraceFlags(m.Flags), TraceState: state}
	copy(c.TraceID[:], m.TraceId)
	copy(c.SpanID[:], m.SpanId)
	r := &readOnly{from: from, m: m, sc: trace.NewSpanContext(c)}
	if len(m.ParentSpanId) > 0 {
		copy(c.SpanID[:], m.ParentSpanId)
		c.Remote = m.Flags&uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK) != 0
		r.parent = trace.NewSpanContext(c)
	}
	return r
}

// The methods are those of sdktrace.ReadOnlySpan.

func (r *readOnly) Name() string                                { return r.m.Name }
func (r *readOnly) SpanContext() trace.SpanContext              { return r.sc }
func (r *readOnly) Parent() trace.SpanContext                   { return r.parent }
func (r *readOnly) SpanKind() trace.SpanKind                    { return kinds[r.m.Kind] }
func (r *readOnly) StartTime() time.Time                        { return timeOf(r.m.StartTimeUnixNano) }
func (r *readOnly) EndTime() time.Time                          { return timeOf(r.m.EndTimeUnixNano) }
func (r *readOnly) Attributes() []attribute.KeyValue            { return attributes(r.m.Attributes) }
func (r *readOnly) InstrumentationScope() instrumentation.Scope { return r.from.Scope }
func (r *readOnly) Resource() *resource.Resource                { return r.from.Resource }
func (r *readOnly) DroppedAttributes() int                      { return int(r.m.DroppedAttributesCount) }
func (r *readOnly) DroppedLinks() int                           { return int(r.m.DroppedLinksCount) }
func (r *readOnly) DroppedEvents() int                          { return int(r.m.DroppedEventsCount) }
func (r *readOnly) ChildSpanCount() int                         { return 0 }

// InstrumentationLibrary is the old name of the scope.
func (r *readOnly) InstrumentationLibrary() instrumentation.Scope {
	return r.from.Scope
}

var kinds = map[tracepb.Span_SpanKind]trace.SpanKind{
	tracepb.Span_SPAN_KIND_INTERNAL: trace.SpanKindInternal, tracepb.Span_SPAN_KIND_SERVER: trace.SpanKindServer,
	tracepb.Span_SPAN_KIND_CLIENT: trace.SpanKindClient, tracepb.Span_SPAN_KIND_PRODUCER: trace.SpanKindProducer,
	tracepb.Span_SPAN_KIND_CONSUMER: trace.SpanKindConsumer,
}

func timeOf(ns uint64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(ns))
}

// Status converts the status.
func (r *readOnly) Status() sdktrace.Status {
	switch r.m.Status.GetCode() {
	case tracepb.Status_STATUS_CODE_OK:
		return sdktrace.Status{Code: codes.Ok}
	case tracepb.Status_STATUS_CODE_ERROR:
		return sdktrace.Status{Code: codes.Error, Description: r.m.Status.Message}
	}
	return sdktrace.Status{}
}

// Events converts the events.
func (r *readOnly) Events() []sdktrace.Event {
	out := make([]sdktrace.Event, len(r.m.Events))
	for i, e := range r.m.Events {
		out[i] = sdktrace.Event{
			Name: e.Name, Attributes: attributes(e.Attributes), DroppedAttributeCount: int(e.DroppedAttributesCount), Time: timeOf(e.TimeUnixNano),
		}
	}
	return out
}

// Links converts the links.
func (r *readOnly) Links() []sdktrace.Link {
	out := make([]sdktrace.Link, len(r.m.Links))
	for i, l := range r.m.Links {
		state, _ := trace.ParseTraceState(l.TraceState) // it was valid when the span began
		c := trace.SpanContextConfig{
			TraceFlags: trace.TraceFlags(l.Flags), TraceState: state,
			Remote: l.Flags&uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK) != 0,
		}
		copy(c.TraceID[:], l.TraceId)
		copy(c.SpanID[:], l.SpanId)
		out[i] = sdktrace.Link{SpanContext: trace.NewSpanContext(c), Attributes: attributes(l.Attributes), DroppedAttributeCount: int(l.DroppedAttributesCount)}
	}
	return out
}

func attributes(kvs []*commonpb.KeyValue) []attribute.KeyValue {
	if len(kvs) == 0 {
		return nil
	}
	out := make([]attribute.KeyValue, len(kvs))
	for i, kv := range kvs {
		out[i] = attribute.KeyValue{Key: attribute.Key(kv.Key), Value: valueOf(kv.Value)}
	}
	return out
}

func valueOf(v *commonpb.AnyValue) attribute.Value {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return attribute.StringValue(v.StringValue)
	case *commonpb.AnyValue_BoolValue:
		return attribute.BoolValue(v.BoolValue)
	case *commonpb.AnyValue_IntValue:
		return attribute.Int64Value(v.IntValue)
	case *commonpb.AnyValue_DoubleValue:
		return attribute.Float64Value(v.DoubleValue)
	case *commonpb.AnyValue_BytesValue:
		return attribute.ByteSliceValue(v.BytesValue)
	case *commonpb.AnyValue_KvlistValue:
		return attribute.MapValue(attributes(v.KvlistValue.GetValues())...)
	case *commonpb.AnyValue_ArrayValue:
		return listOf(v.ArrayValue.GetValues())
	}
	return attribute.Value{}
}

// listOf converts a list to the narrowest type of its elements; an empty one to a list of strings.
func listOf(in []*commonpb.AnyValue) attribute.Value {
	vs := make([]attribute.Value, len(in))
	same := true
	for i, e := range in {
		vs[i] = valueOf(e)
		same = same && vs[i].Type() == vs[0].Type()
	}
	if len(vs) == 0 {
		return attribute.StringSliceValue(nil)
	}
	if same {
		switch vs[0].Type() {
		case attribute.BOOL:
			return attribute.BoolSliceValue(convert(vs, attribute.Value.AsBool))
		case attribute.INT64:
			return attribute.Int64SliceValue(convert(vs, attribute.Value.AsInt64))
		case attribute.FLOAT64:
			return attribute.Float64SliceValue(convert(vs, attribute.Value.AsFloat64))
		case attribute.STRING:
			return attribute.StringSliceValue(convert(vs, attribute.Value.AsString))
		}
	}
	return attribute.SliceValue(vs...)
}

// readWriteSpan is a span that has just started, for processors.
func (s *Span) readWriteSpan() sdktrace.ReadWriteSpan {
	s.mu.Lock()
	now := s.d.snapshot()
	s.mu.Unlock()
	var m tracepb.Span
	_ = proto.Unmarshal(now, &m) // bytes of our own
	return readWrite{s, readOnlyOf(s.t.source, &m)}
}

// readWrite reads the span as it was when it started, and writes to the span itself.
type readWrite struct {
	*Span
	*readOnly
}

// SpanContext identifies the span.
func (r readWrite) SpanContext() trace.SpanContext { return r.sc() }

func (r readWrite) sc() trace.SpanContext { return r.Span.sc }

// tagSpans is field "spans" of message ScopeSpans.
const tagSpans = 2<<3 | bytesType

// AppendTo appends an encoded span to b as field "spans" of message ScopeSpans.
func AppendTo(b, span []byte) []byte {
	return protowire.AppendBytes(append(b, tagSpans), span)
}

// Split decodes spans that [AppendTo] has encoded, and appends them to to.
func Split(to []sdktrace.ReadOnlySpan, from *Source, b []byte) ([]sdktrace.ReadOnlySpan, error) {
	var m tracepb.ScopeSpans
	if err := proto.Unmarshal(b, &m); err != nil {
		return to, fmt.Errorf("encoded spans: %w", err)
	}
	for _, s := range m.Spans {
		to = append(to, readOnlyOf(from, s))
	}
	return to, nil
}
