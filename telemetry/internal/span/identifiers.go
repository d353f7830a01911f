package span

import (
	"context"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/sanitize"
)

// Identifiers makes identifiers for an SDK's provider: those that a guest's span has already, and for other spans those of next;
// nil: random ones.
func Identifiers(next sdktrace.IDGenerator) sdktrace.IDGenerator { return &identifiers{next} }

type identifiers struct{ next sdktrace.IDGenerator }

// given are the identifiers of a span that is to be recorded, in a context.
type given struct {
	trace trace.TraceID
	span  trace.SpanID
}

type (
	givenKey struct{}
	askedKey struct{} // of an *atomic.Bool, which says that the provider's generator is of Identifiers
)

// NewIDs implements sdktrace.IDGenerator.
func (g *identifiers) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	note(ctx)
	if ids, ok := ctx.Value(givenKey{}).(given); ok {
		return ids.trace, ids.span
	}
	if g.next != nil {
		return g.next.NewIDs(ctx)
	}
	return newTraceID(), newSpanID()
}

// NewSpanID implements sdktrace.IDGenerator.
func (g *identifiers) NewSpanID(ctx context.Context, t trace.TraceID) trace.SpanID {
	note(ctx)
	if ids, ok := ctx.Value(givenKey{}).(given); ok && ids.trace == t {
		return ids.span
	}
	if g.next != nil {
		return g.next.NewSpanID(ctx, t)
	}
	return newSpanID()
}

func note(ctx context.Context) {
	if asked, ok := ctx.Value(askedKey{}).(*atomic.Bool); ok {
		asked.Store(true)
	}
}

// KeepsIdentifiers says whether a provider's spans can have the identifiers of guests' spans: whether the SDK's provider behind it was
// made with [Identifiers]. It is known from the first span on.
func (t *Tracer) KeepsIdentifiers() bool { return t.asked.Load() }

// GuestFromSDK makes a tracer for a guest's own spans, which t records, whose provider keeps identifiers. Only [Tracer.Record] may be used.
func GuestFromSDK(t trace.Tracer) *Tracer { return FromSDK(t) }

// recordSDK has the SDK's tracer record a guest's span. OpenTelemetry's API has no way to say how much a guest has dropped.
func (t *Tracer) recordSDK(r *Recorded) {
	ctx := context.WithValue(context.Background(), givenKey{}, given{r.Context.TraceID(), r.Context.SpanID()})
	if r.Parent.IsValid() {
		ctx = trace.ContextWithSpanContext(ctx, r.Parent)
	}
	_, s := t.sdk.Start(ctx, fitText(r.Name, -1), trace.WithTimestamp(timeFromNanos(r.Start)), trace.WithSpanKind(r.Kind),
		trace.WithAttributes(sanitize.Attributes(r.Attributes)...), trace.WithLinks(r.Links...))
	for _, e := range r.Events {
		s.AddEvent(fitText(e.Name, -1), trace.WithTimestamp(timeFromNanos(e.Time)), trace.WithAttributes(sanitize.Attributes(e.Attributes)...))
	}
	s.SetStatus(r.Status, fitText(r.Description, -1))
	s.End(trace.WithTimestamp(timeFromNanos(r.End)))
}
