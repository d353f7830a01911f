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

// What is irregular in what guests tell of themselves, as the metric vitrine.guest_telemetry.irregular names it.
const (
	irregularInvalid  = "invalid"        // a span without identifiers: dropped
	irregularTwice    = "started_twice"  // the second start is ignored
	irregularUnknown  = "never_started"  // a span ended whose beginning was not told, in this invocation at least: exported
	irregularRepeated = "ended_twice"    // the second end is dropped
	irregularOpen     = "never_ended"    // open when the invocation ended: not exported, for its name was never told
	irregularEvicted  = "too_many_open"  // the oldest open span is no parent any more
	irregularMemory   = "host_memory"    // no room to note that a span has begun: it is no parent
	irregularLate     = "after_its_task" // a span began when its invocation had ended
	irregularTime     = "time"           // a time that cannot be: the nearest that can is taken
	irregularScopes   = "too_many_scopes"
)

var _ otel.Sink = (*interceptor)(nil)

// irregular counts something that happened n times.
func (p *providers) irregular(ctx context.Context, what string, n int) {
	if p.m != nil && n > 0 && what != "" {
		p.m.irregular.With(keyComponent.String(p.id.component), keyReason.String(what)).Add(ctx, int64(n))
	}
}

// teller is who tells: one component, in one instance. A component that others were composed into tells for its parts.
type teller struct {
	p         *providers
	component cm.Path
	instance  uint64
	call      *cm.Call // below which the task tells; nil for none
}

type tellerKey struct{ i *interceptor }

// teller finds out who tells in ctx.
func (i *interceptor) teller(ctx context.Context) teller {
	if w, ok := ctx.Value(tellerKey{i}).(teller); ok {
		return w
	}
	c := cm.CallFrom(ctx)
	w := teller{p: i.own, component: cm.Path(i.id.component), call: c}
	if c == nil {
		return w
	}
	w.component, w.instance = c.Boundary.Callee, c.Instance.ID
	if c.Boundary.Kind == cm.GuestToHost { // the call of the host function that takes the record is no part of the guest's work
		w.component, w.call = c.Boundary.Caller, c.Parent
	}
	w.p = i.service(w.component)
	return w
}

// facts are what a record says of where it comes from, beside its resource.
func (w *teller) facts() []attribute.KeyValue {
	kvs := []attribute.KeyValue{keyComponent.String(string(w.component))}
	if w.instance != 0 {
		kvs = append(kvs, keyInstanceID.Int64(int64(w.instance)))
	}
	return kvs
}

// StartSpan makes a span the parent of what the task does.
func (i *interceptor) StartSpan(ctx context.Context, c otel.SpanContext) {
	w := i.teller(ctx)
	if w.p.spans == nil {
		return // there is nobody whom a span could be shown to
	}
	if !c.IsValid() {
		w.p.irregular(ctx, irregularInvalid, 1)
		return
	}
	g := guestSpan{sc: contextOf(&c, false), above: around(w.call)}
	g.bytes = openBytes + len(g.above)*len(trace.SpanID{}) + c.Size()
	w.p.irregular(ctx, i.t.newStack(ctx, w.p).begin(ctx, g), 1)
}

// openBytes is what an open span takes without its parts.
const openBytes = 128

// EndSpan queues a span, if it is sampled.
func (i *interceptor) EndSpan(ctx context.Context, s *otel.Span) {
	w := i.teller(ctx)
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

// Current is the innermost span of the guest's or of the host's.
func (i *interceptor) Current(ctx context.Context) otel.SpanContext {
	w := i.teller(ctx)
	if sc, ok := i.t.guestSpanIn(ctx, w.call); ok {
		return recordOf(sc)
	}
	return recordOf(w.outer(ctx))
}

// Outer is the innermost span of the host's.
func (i *interceptor) Outer(ctx context.Context) otel.SpanContext {
	w := i.teller(ctx)
	return recordOf(w.outer(ctx))
}

// outer is the innermost span of the host's; where none is recorded, what came with the event.
func (w *teller) outer(ctx context.Context) trace.SpanContext {
	if s := innermost(w.call); s != nil {
		return s.SpanContext()
	}
	if w.call != nil {
		ctx = w.call.Context
	}
	return trace.SpanContextFromContext(ctx)
}

// EmitLog queues a log record.
func (i *interceptor) EmitLog(ctx context.Context, r *otel.LogRecord) {
	w := i.teller(ctx)
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

func (w *teller) emit(ctx context.Context, r *otel.LogRecord, severity log.Severity) {
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
	out.SetBody(valueOf(r.Body, deepest))
	kvs, _ := w.p.attributes(r.Attributes, &room)
	out.AddAttributes(notOurs(kvs)...)
	if r.Resource != nil { // a logger has one resource; what the guest's says beside it goes with the record
		out.AddAttributes(w.p.resourceOf(r.Resource, &room)...)
	}
	scope := w.p.scope(ctx, r.Scope)
	out.AddAttributes(scope.facts...)
	out.AddAttributes(w.facts()...)
	scope.logger.Emit(ctx, out)
}

// Detach gives a context that stands for the task.
func (i *interceptor) Detach(ctx context.Context) context.Context {
	w := i.teller(ctx)
	// Calls are their hooks' own, and are not to be kept: what is asked of them later is asked now.
	outer := w.outer(ctx)
	stack := i.t.newStack(ctx, w.p)
	w.call = nil
	out := trace.ContextWithSpanContext(context.Background(), outer)
	return context.WithValue(context.WithValue(out, tellerKey{i}, w), guestStackKey{i.t}, stack)
}
