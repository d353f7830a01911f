package telemetry

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// carrier takes contexts out of requests and puts them into others.
type carrier struct{ prop propagation.TextMapPropagator }

// extract is ctx with what a request that came in says of its cause.
func (p carrier) extract(ctx context.Context, h http.Header) context.Context {
	return p.prop.Extract(ctx, headers(h))
}

// inject has a request name the span of ctx in place of whatever it named. Baggage that is there is its sender's own.
func (p carrier) inject(ctx context.Context, h http.Header) {
	own, has := h[baggageKey]
	delete(h, tracestateKey) // of the span that is replaced
	p.prop.Inject(ctx, headers(h))
	if has {
		h[baggageKey] = own
	}
}

// pass gives a request, which has no span of ours, what of ctx it does not say itself.
func (p carrier) pass(ctx context.Context, h http.Header) {
	if !p.sent(h).IsValid() && trace.SpanContextFromContext(ctx).IsValid() {
		p.inject(ctx, h)
		return
	}
	if _, has := h[baggageKey]; has {
		return
	}
	other := http.Header{}
	p.prop.Inject(ctx, headers(other))
	if b := other[baggageKey]; b != nil {
		h[baggageKey] = b
	}
}

// sent is what a request says that it belongs to.
func (p carrier) sent(h http.Header) trace.SpanContext {
	return trace.SpanContextFromContext(p.extract(context.Background(), h))
}

// passer is the interceptor of a component where no signal goes anywhere: what a request brings still goes out with the
// requests that it causes. It makes no hooks for anything else.
type passer struct{ carrier }

var _ host.ComponentObserver = passer{}

// Log drops a line: there is nowhere to send it.
func (passer) Log(context.Context, host.LogLine) {}

// CountLeftOut counts nothing.
func (passer) CountLeftOut(context.Context, host.LogLine, uint64) {}

// Release has nothing to release.
func (passer) Release() {}

// What a guest tells of itself goes nowhere, but it can ask for the context of the request that it serves.
var _ otel.Sink = passer{}

// StartSpan does nothing.
func (passer) StartSpan(context.Context, otel.SpanContext) {}

// EndSpan does nothing.
func (passer) EndSpan(context.Context, *otel.Span) {}

// Current is what came with the event.
func (passer) Current(ctx context.Context) otel.SpanContext {
	return recordOf(trace.SpanContextFromContext(ctx))
}

// Outer is what came with the event.
func (p passer) Outer(ctx context.Context) otel.SpanContext { return p.Current(ctx) }

// EmitLog does nothing.
func (passer) EmitLog(context.Context, *otel.LogRecord) {}

// ExportMetrics does nothing.
func (passer) ExportMetrics(context.Context, *otel.ResourceMetrics) error { return nil }

// Detach gives a context of the same event.
func (passer) Detach(ctx context.Context) context.Context {
	return trace.ContextWithSpanContext(context.Background(), trace.SpanContextFromContext(ctx))
}

// Bind is cm.Interceptor's.
func (p passer) Bind(b *cm.Boundary) cm.Hooks {
	switch {
	case b.Kind == cm.Event:
		return passIn(p)
	case b.Kind == cm.GuestToHost && conventionOf(b).sends:
		return passOut(p)
	}
	return nil
}

type passIn passer

// Enter takes over what the request says.
func (p passIn) Enter(c *cm.Call) context.Context {
	if s, ok := c.Subject.(host.HTTPRequester); ok {
		if r := s.HTTPRequest(); r != nil && !trace.SpanContextFromContext(c.Context).IsValid() {
			return p.extract(c.Context, r.Header)
		}
	}
	return c.Context
}

// Exit has nothing to do.
func (passIn) Exit(*cm.Call, cm.End) {}

type passOut passer

// Enter puts it into the request that goes out.
func (p passOut) Enter(c *cm.Call) context.Context {
	if req := outgoingOf(c); req != nil {
		if h := req.OutgoingHeader(); h != nil {
			p.pass(c.Context, h)
		}
	}
	return c.Context
}

// Exit has nothing to do.
func (passOut) Exit(*cm.Call, cm.End) {}
