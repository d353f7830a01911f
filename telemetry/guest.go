package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// Irregularities in guests' own records, as the metric vitrine.guest_telemetry.irregular names them.
const (
	irregularInvalid  = "invalid"        // a span without identifiers: dropped
	irregularTwice    = "started_twice"  // the second start is ignored
	irregularUnknown  = "never_started"  // a span ended that was not started in this invocation: exported
	irregularRepeated = "ended_twice"    // the second end is dropped
	irregularOpen     = "never_ended"    // open when the invocation ended: not exported, since its name is unknown
	irregularEvicted  = "too_many_open"  // the oldest open span stops being a parent
	irregularMemory   = "host_memory"    // no host memory to record the start of a span: it is no parent
	irregularLate     = "after_its_task" // a span was started after its invocation had ended
	irregularTime     = "time"           // a time out of range: the nearest valid one is used
	irregularScopes   = "too_many_scopes"
)

var _ otel.Sink = (*interceptor)(nil)

// irregular counts n irregularities.
func (p *providers) irregular(ctx context.Context, what string, n int) {
	if p.m != nil && n > 0 && what != "" {
		p.m.irregular.With(keyComponent.String(p.id.component), keyReason.String(what)).Add(ctx, int64(n))
	}
}

// Irregular counts irregularities that were found before the record came here.
func (i *interceptor) Irregular(ctx context.Context, what otel.Irregularity, n int) {
	w := i.guestSource(ctx)
	w.p.irregular(ctx, string(what), n)
}

// guestSource is where a guest's record comes from: one component in one instance. Records of composed components count for the
// component that holds them.
type guestSource struct {
	p         *providers
	component cm.Path
	instance  uint64
	call      *cm.Call // the call in which the record was made; nil for none
}

type guestSourceKey struct{ i *interceptor }

// guestSource finds the source of a record made in ctx.
func (i *interceptor) guestSource(ctx context.Context) guestSource {
	if w, ok := ctx.Value(guestSourceKey{i}).(guestSource); ok {
		return w
	}
	c := cm.CallFrom(ctx)
	w := guestSource{p: i.own, component: cm.Path(i.id.component), call: c}
	if c == nil {
		return w
	}
	w.component, w.instance = c.Boundary.Callee, c.Instance.ID
	if c.Boundary.Kind == cm.GuestToHost { // skip the call of the host function that takes the record
		w.component, w.call = c.Boundary.Caller, c.Parent
	}
	w.p = i.service(w.component)
	return w
}

// originAttributes are the attributes of a record's source, besides its resource.
func (w *guestSource) originAttributes() []attribute.KeyValue {
	kvs := []attribute.KeyValue{keyComponent.String(string(w.component))}
	if w.instance != 0 {
		kvs = append(kvs, keyInstanceID.Int64(int64(w.instance)))
	}
	return kvs
}

// StartSpan makes a span the parent of the task's calls until it ends.
func (i *interceptor) StartSpan(ctx context.Context, c otel.SpanContext) {
	w := i.guestSource(ctx)
	if w.p.spans == nil {
		return // no consumer takes spans
	}
	if !c.IsValid() {
		w.p.irregular(ctx, irregularInvalid, 1)
		return
	}
	g := guestSpan{sc: contextOf(&c, false), hostSpans: hostSpanIDs(w.call)}
	g.bytes = openBytes + len(g.hostSpans)*len(trace.SpanID{}) + c.Size()
	w.p.irregular(ctx, i.t.newStack(ctx, w.p).begin(ctx, g), 1)
}

// openBytes is the size of an open span without its parts.
const openBytes = 128

// EndSpan queues a span, if it is sampled.
func (i *interceptor) EndSpan(ctx context.Context, s *otel.Span) {
	w := i.guestSource(ctx)
	if w.p.spans == nil {
		return
	}
	if !s.Context.IsValid() {
		w.p.irregular(ctx, irregularInvalid, 1)
		return
	}
	known, repeated := i.t.newStack(ctx, w.p).end(contextOf(&s.Context, false))
	switch {
	case repeated:
		w.p.irregular(ctx, irregularRepeated, 1)
		return
	case !known:
		w.p.irregular(ctx, irregularUnknown, 1)
	}
	if s.Context.Sampled {
		w.record(ctx, s)
	}
}

// Current returns the innermost open span, the guest's or the host's.
func (i *interceptor) Current(ctx context.Context) otel.SpanContext {
	w := i.guestSource(ctx)
	if sc, ok := i.t.guestSpanIn(ctx, w.call); ok {
		return recordOf(sc)
	}
	return recordOf(w.outer(ctx))
}

// Outer returns the innermost open span of the host's.
func (i *interceptor) Outer(ctx context.Context) otel.SpanContext {
	w := i.guestSource(ctx)
	return recordOf(w.outer(ctx))
}

// outer is the innermost open span of the host's; if none is recorded, the event's remote context.
func (w *guestSource) outer(ctx context.Context) trace.SpanContext {
	if s := innermostHostSpan(w.call); s != nil {
		return s.SpanContext()
	}
	if w.call != nil {
		ctx = w.call.Context
	}
	return trace.SpanContextFromContext(ctx)
}

// EmitLog queues a log record.
func (i *interceptor) EmitLog(ctx context.Context, r *otel.LogRecord) {
	w := i.guestSource(ctx)
	severity := log.Severity(r.Severity)
	if r.Severity > uint8(log.SeverityFatal4) {
		severity = log.SeverityUndefined
	}
	if w.p.logs == nil || severity < severityOf(i.t.cfg.OTelLevel) && severity != log.SeverityUndefined {
		return
	}
	sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID(r.TraceID), SpanID: trace.SpanID(r.SpanID), TraceFlags: flagsOf(r.Sampled)})
	if !sc.IsValid() {
		var ok bool
		if sc, ok = i.t.guestSpanIn(ctx, w.call); !ok {
			sc = w.outer(ctx)
		}
	}
	w.emit(trace.ContextWithSpanContext(context.Background(), sc), r, severity)
}

func (w *guestSource) emit(ctx context.Context, r *otel.LogRecord, severity log.Severity) {
	var out log.Record
	if r.Time != nil {
		out.SetTimestamp(w.time(ctx, *r.Time))
	}
	out.SetObservedTimestamp(time.Now())
	if r.Observed != nil {
		out.SetObservedTimestamp(w.time(ctx, *r.Observed))
	}
	out.SetSeverity(severity)
	out.SetSeverityText(r.SeverityText)
	out.SetEventName(r.EventName)
	room := maxRecord
	out.SetBody(valueOf(r.Body, maxValueDepth))
	kvs, _ := w.p.attributes(r.Attributes, &room)
	out.AddAttributes(withoutReserved(kvs)...)
	if r.Resource != nil { // a logger has one resource; the guest's other resource attributes go to the record
		out.AddAttributes(w.p.resourceOf(r.Resource, &room)...)
	}
	scope := w.p.scope(ctx, r.Scope)
	out.AddAttributes(scope.attributes...)
	out.AddAttributes(w.originAttributes()...)
	scope.logger.Emit(ctx, out)
}

// Detach returns a context that identifies the task's source and spans and outlives its calls.
func (i *interceptor) Detach(ctx context.Context) context.Context {
	w := i.guestSource(ctx)
	// A call must not be kept after its end: what later records need of it is read now.
	outer := w.outer(ctx)
	stack := i.t.newStack(ctx, w.p)
	w.call = nil
	out := trace.ContextWithSpanContext(context.Background(), outer)
	return context.WithValue(context.WithValue(out, guestSourceKey{i}, w), guestStackKey{i.t}, stack)
}
