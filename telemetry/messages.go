package telemetry

import (
	"context"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/bound"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/sanitize"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// Messages follow OpenTelemetry's conventions of messaging (messaging-spans.md, messaging-metrics.md). A destination is what a grant
// or a subscription calls it; the subject of a single message, which may have anything in it, is never recorded.

// The operations of the conventions: messaging.operation.name and .type.
const (
	operationSend    = "send"
	operationProcess = "process"
)

// extractMessage returns ctx with the remote span context and the baggage that came with a message.
func (p propagator) extractMessage(ctx context.Context, m host.MessageSubject) context.Context {
	fields := http.Header{}
	for _, name := range p.api.Fields() {
		if v := m.MessageHeader(strings.ToLower(name)); v != "" {
			fields[canonical(name)] = []string{v}
		}
	}
	if len(fields) == 0 {
		return ctx
	}
	return p.extract(ctx, fields)
}

// outgoingMessage is a message that goes out with fields.
func outgoingMessage(fields http.Header) *host.OutgoingMessage {
	m := &host.OutgoingMessage{Header: make(map[string]string, len(fields))}
	for name, vs := range fields {
		m.Header[strings.ToLower(name)] = strings.Join(vs, ",")
	}
	return m
}

// propagateMessage is the hooks of a call that sends a message while no signal is exported.
type propagateMessage struct{ propagator }

// Enter hands the context of the event to the message.
func (p propagateMessage) Enter(c *cm.Call) context.Context {
	fields := http.Header{}
	p.injectMissing(c.Context, fields)
	return host.WithOutgoingMessage(c.Context, outgoingMessage(fields))
}

// Exit does nothing.
func (propagateMessage) Exit(*cm.Call, cm.End) {}

// sendCall is the hooks of a call that sends a message: a PRODUCER span, whose context goes out with it.
type sendCall struct {
	*hostCall
	send *span.Template
}

func newSendCall(base *hostCall) cm.Hooks {
	return &sendCall{base, base.tmpl.As(trace.SpanKindProducer)}
}

// CountOnly is false: the message carries the context.
func (h *sendCall) CountOnly() bool { return false }

type sendState struct {
	span *span.Span // nil when it is not sampled
	m    *host.OutgoingMessage
}

// Enter opens the span and hands its context to the message.
func (h *sendCall) Enter(c *cm.Call) context.Context {
	ctx := h.parentContext(c)
	st := &sendState{}
	fields := http.Header{}
	if h.i.records(h.detail) && !h.p.neverSampled(ctx) {
		st.span = h.p.tracer.Open(ctx, h.send, operationSend, c.Start)
		if st.span.IsRecording() {
			st.span.Str(attrMessagingOperation, operationOf(h.b.Func))
			st.span.Str(attrMessagingType, operationSend)
		}
		ctx = st.span.Start()
		h.i.t.inject(ctx, fields)
	} else {
		h.i.t.injectMissing(ctx, fields)
	}
	st.m = outgoingMessage(fields)
	c.State = st
	return host.WithOutgoingMessage(ctx, st.m)
}

// Exit ends the span and measures.
func (h *sendCall) Exit(c *cm.Call, end cm.End) {
	st, ok := c.State.(*sendState)
	if !ok {
		h.hostCall.Exit(c, end)
		return
	}
	system, to, size := st.m.Destination()
	if st.span != nil && to != "" {
		st.span.SetName(operationSend + " " + to)
		st.span.Lock()
		st.span.Str(attrMessagingSystem, system)
		describeDestination(st.span, system, to)
		st.span.Int(attrMessagingSize, int64(size))
		st.span.Unlock()
	}
	if m := h.p.m; m != nil && to != "" {
		ctx := c.Context
		if st.span != nil {
			ctx = trace.ContextWithSpan(ctx, st.span.API())
		}
		key := messageKey{operation: operationOf(h.b.Func), kind: operationSend, system: system, destination: to}
		switch v := classify(&end); {
		case v.failed():
			key.errorType = v.errorType
		case end.Outcome == cm.OK:
			key.errorType = h.result.errorCase(c.Results())
		}
		by := m.messages.get(key)
		by.duration.Record(ctx, time.Since(c.Start))
		by.count.Add(ctx, 1)
	}
	h.exit(c, st.span, end)
}

// describeDestination sets a destination's name, or its template if it has wildcards.
func describeDestination(s *span.Span, system, to string) {
	if hasWildcards(system, to) {
		s.Str(attrMessagingTemplate, to)
		return
	}
	s.Str(attrMessagingTo, to)
}

// hasWildcards says whether a destination stands for several, in the system's own way of writing them.
func hasWildcards(system, to string) bool {
	if system == "mqtt" {
		return strings.ContainsAny(to, "+#")
	}
	return strings.ContainsAny(to, "*>")
}

// startMessage opens the span of a message that has come. The producer's span is its parent, so that both are one trace, and its link, where
// tools for messages look for it.
func (h *event) startMessage(st *eventState, c *cm.Call, m host.MessageSubject) {
	e := &h.message
	st.ctx = e.parentContext(c)
	if !trace.SpanContextFromContext(st.ctx).IsValid() {
		st.ctx = e.i.t.extractMessage(st.ctx, m)
		st.remote = trace.SpanContextFromContext(st.ctx)
	}
	if e.p.neverSampled(st.ctx) {
		return
	}
	st.span = e.p.tracer.Open(st.ctx, e.tmpl, e.name, c.Start)
	if st.span.IsRecording() {
		st.span.Str(attrMessagingSystem, m.MessageSystem())
		st.span.Str(attrMessagingOperation, operationProcess)
		st.span.Str(attrMessagingType, operationProcess)
		describeDestination(st.span, m.MessageSystem(), m.MessageDestination())
		if group := m.MessageGroup(); group != "" {
			st.span.Str(attrMessagingGroup, group)
		}
		st.span.Int(attrMessagingSize, int64(m.MessageSize()))
		st.span.Int(attrMessageAttempt, int64(m.MessageAttempt()))
		if st.remote.IsValid() {
			st.span.AddLink(trace.Link{SpanContext: st.remote})
		}
	}
	st.ctx = st.span.Start()
}

func (h *event) measureMessage(c *cm.Call, st *eventState, m host.MessageSubject, v *outcome) {
	if h.p.m == nil {
		return
	}
	key := messageKey{operation: operationProcess, kind: operationProcess, system: m.MessageSystem(), destination: m.MessageDestination(), group: m.MessageGroup()}
	if v.failed() {
		key.errorType = v.errorType
	}
	by := h.p.m.messages.get(key)
	by.duration.Record(st.ctx, time.Since(c.Start))
	by.count.Add(st.ctx, 1)
}

// messageKey is the attribute set of a measurement of messages.
type messageKey struct{ operation, kind, system, destination, group, errorType string }

func (k messageKey) attributes() []attribute.KeyValue {
	attrs := []attribute.KeyValue{semconv.MessagingOperationName(k.operation), semconv.MessagingSystemKey.String(k.system), semconv.MessagingOperationTypeKey.String(k.kind)}
	if hasWildcards(k.system, k.destination) {
		attrs = append(attrs, semconv.MessagingDestinationTemplate(k.destination))
	} else {
		attrs = append(attrs, semconv.MessagingDestinationName(k.destination))
	}
	if k.group != "" {
		attrs = append(attrs, semconv.MessagingConsumerGroupName(k.group))
	}
	if k.errorType != "" {
		attrs = append(attrs, semconv.ErrorTypeKey.String(k.errorType))
	}
	return attrs
}

func (k messageKey) sanitized() messageKey {
	k.operation, k.system, k.destination = sanitize.Label(k.operation), sanitize.Label(k.system), sanitize.Label(k.destination)
	k.group, k.errorType = sanitize.Label(k.group), sanitize.Label(k.errorType)
	return k
}

func (k messageKey) overflow() messageKey {
	return messageKey{operation: k.operation, kind: k.kind, system: k.system, destination: "_OTHER"}
}

// messageSeries are the instruments of messages with one attribute set: of those that are sent, or of those that are handled.
type messageSeries struct {
	duration *bound.Timer
	count    *bound.Adder
}

// messageSeries chooses the instruments by the operation's type, which is in every attribute set.
func (m *instruments) messageSeries(attrs ...attribute.KeyValue) *messageSeries {
	for _, a := range attrs {
		if a.Key == semconv.MessagingOperationTypeKey && a.Value.AsString() == operationProcess {
			return &messageSeries{m.messageProcess.With(attrs...), m.messageConsumed.With(attrs...)}
		}
	}
	return &messageSeries{m.messageSend.With(attrs...), m.messageSent.With(attrs...)}
}
