package telemetry

import (
	"context"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/grpchttp"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// propagator extracts trace contexts from incoming requests and injects them into outgoing ones.
type propagator struct{ api propagation.TextMapPropagator }

// extract returns ctx with the remote span context and the baggage of an incoming request.
func (p propagator) extract(ctx context.Context, h http.Header) context.Context {
	return p.api.Extract(ctx, headers(h))
}

// inject writes the span context of ctx to a request in place of its own. It keeps baggage that the request has.
func (p propagator) inject(ctx context.Context, h http.Header) {
	own, has := h[baggageKey]
	delete(h, tracestateKey) // it belongs to the span context that is replaced
	p.api.Inject(ctx, headers(h))
	if has {
		h[baggageKey] = own
	}
}

// injectMissing writes to a request without a span of ours the span context and the baggage of ctx that it lacks.
func (p propagator) injectMissing(ctx context.Context, h http.Header) {
	if !p.contextOf(h).IsValid() && trace.SpanContextFromContext(ctx).IsValid() {
		p.inject(ctx, h)
		return
	}
	if _, has := h[baggageKey]; has {
		return
	}
	other := http.Header{}
	p.api.Inject(ctx, headers(other))
	if b := other[baggageKey]; b != nil {
		h[baggageKey] = b
	}
}

// contextOf returns the span context in a request's headers.
func (p propagator) contextOf(h http.Header) trace.SpanContext {
	return trace.SpanContextFromContext(p.extract(context.Background(), h))
}

// propagateOnly is the interceptor of a component while no signal is exported: it propagates the context of an incoming request to
// the outgoing requests that it causes, hands on what requests have ended, and has no other hooks.
type propagateOnly struct {
	propagator
	t  *Telemetry
	id identity
}

var _ host.ComponentObserver = propagateOnly{}

// Log drops a line.
func (propagateOnly) Log(context.Context, host.LogLine) {}

// CountDropped does nothing.
func (propagateOnly) CountDropped(context.Context, host.LogLine, uint64) {}

// Release does nothing.
func (propagateOnly) Release() {}

// Guests' own records are dropped, but guests can read the context of the request that they serve.
var _ otel.Sink = propagateOnly{}

// StartSpan does nothing.
func (propagateOnly) StartSpan(context.Context, otel.SpanContext) {}

// EndSpan does nothing.
func (propagateOnly) EndSpan(context.Context, *otel.Span) {}

// Current returns the context of the incoming request.
func (propagateOnly) Current(ctx context.Context) otel.SpanContext {
	return recordOf(trace.SpanContextFromContext(ctx))
}

// Outer returns the context of the incoming request.
func (p propagateOnly) Outer(ctx context.Context) otel.SpanContext { return p.Current(ctx) }

// EmitLog does nothing.
func (propagateOnly) EmitLog(context.Context, *otel.LogRecord) {}

// ExportMetrics does nothing.
func (propagateOnly) ExportMetrics(context.Context, *otel.ResourceMetrics) error { return nil }

// Irregular does nothing.
func (propagateOnly) Irregular(context.Context, otel.Irregularity, int) {}

// Detach returns a context with the same request's context.
func (propagateOnly) Detach(ctx context.Context) context.Context {
	return trace.ContextWithSpanContext(context.Background(), trace.SpanContextFromContext(ctx))
}

// Bind makes hooks for incoming and outgoing requests only.
func (p propagateOnly) Bind(b *cm.Boundary) cm.Hooks {
	switch {
	case b.Kind == cm.Event:
		return propagateIn(p)
	case b.Kind == cm.GuestToHost && conventionOf(b).sendsRequest:
		return propagateOut{p.propagator}
	case b.Kind == cm.GuestToHost && conventionOf(b).sendsMessage:
		return propagateMessage{p.propagator}
	}
	return nil
}

type propagateIn propagateOnly

// Enter extracts the request's context.
func (p propagateIn) Enter(c *cm.Call) context.Context {
	if s, ok := c.Subject.(host.HTTPRequester); ok {
		if r := s.HTTPRequest(); r != nil && !trace.SpanContextFromContext(c.Context).IsValid() {
			ctx := p.extract(c.Context, r.Header)
			c.State = ctx
			return ctx
		}
	}
	if m, ok := c.Subject.(host.MessageSubject); ok {
		return p.extractMessage(c.Context, m)
	}
	return c.Context
}

// Exit hands a request on.
func (p propagateIn) Exit(c *cm.Call, end cm.End) {
	s, ok := c.Subject.(host.HTTPSubject)
	if !ok || p.t.cfg.Access == nil || s.HTTPRequest() == nil {
		return
	}
	ctx, ok := c.State.(context.Context)
	if !ok {
		ctx = c.Context
	}
	r := s.HTTPRequest()
	v, _, _ := classifyRequest(s, grpchttp.Is(r.Header), &end)
	p.t.access(ctx, p.id, c, s, r.Method, &v)
}

type propagateOut struct{ propagator }

// Enter injects the context into the outgoing request.
func (p propagateOut) Enter(c *cm.Call) context.Context {
	if req := outgoingOf(c); req != nil {
		if h := req.OutgoingHeader(); h != nil && !isExport(req.OutgoingURL()) {
			p.injectMissing(c.Context, h)
		}
	}
	return c.Context
}

// Exit does nothing.
func (propagateOut) Exit(*cm.Call, cm.End) {}

// Joined returns ctx with the context of the trace that started this process, where the environment has one: in TRACEPARENT, TRACESTATE and
// BAGGAGE, the names that OpenTelemetry's specification gives to the fields there ("Environment Variables as Context Propagation Carriers").
// What is malformed is ignored, as in a request.
func (t *Telemetry) Joined(ctx context.Context) context.Context {
	h := http.Header{}
	for _, key := range []string{traceparentKey, tracestateKey, baggageKey} {
		if v := t.cfg.Getenv(strings.ToUpper(key)); v != "" {
			h.Set(key, v)
		}
	}
	return t.extract(ctx, h)
}

// JoinedBy returns ctx with the context of the trace that header fields carry, traceparent, tracestate and baggage, as one of a request's.
func (t *Telemetry) JoinedBy(ctx context.Context, h http.Header) context.Context {
	return t.extract(ctx, h)
}
