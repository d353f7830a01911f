package telemetry

import (
	"cmp"
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
	irregularUnknown  = "never_started"  // a span ended that was not started in its instance: exported
	irregularRepeated = "ended_twice"    // it ended before, or was exported as unfinished: this end is dropped
	irregularOpen     = "never_ended"    // not ended in the use of its instance, or leftWait: exported without what only its end tells
	irregularEvicted  = "too_many_open"  // the oldest open span stops being a parent
	irregularMemory   = "host_memory"    // no host memory to record the start of a span: it is no parent
	irregularLate     = "after_its_task" // a span was started after its invocation had ended
	irregularTime     = "time"           // a time out of range: the nearest valid one is used
	irregularScopes   = "too_many_scopes"
	irregularForeign  = "foreign_trace" // a trace of another workload: the span is dropped, the log record is taken out of it
	irregularState    = "tracestate"    // it is invalid, and left out
	irregularSeverity = "severity"      // a number beyond 24: the record has none
	irregularTask     = "another_task"  // a span of another invocation under way was started: it is no parent of this one's calls
	irregularNumber   = "not_finite"    // a sum that is no number, or endless: it is left out
)

// irregularities says in a sentence what each of them means, for the one warning that a component causes of each.
var irregularities = map[string]string{
	irregularInvalid:  "a span without valid identifiers was dropped",
	irregularTwice:    "a span was started twice",
	irregularUnknown:  "a span ended that was never started",
	irregularRepeated: "a span ended twice, or long after its invocation; the second end was dropped",
	irregularOpen:     "a span was never ended; it is exported as unfinished",
	irregularEvicted:  "more spans are open than are kept; the oldest is the parent of nothing any more",
	irregularMemory:   "there was no host memory to record the start of a span (limit hostMemory)",
	irregularLate:     "a span was started after its invocation had ended",
	irregularTime:     "a time is out of range; the nearest valid one is used",
	irregularScopes:   "there are more scopes than are kept; the rest is named by attributes",
	irregularForeign:  "a span or log record names a trace of another workload; the span was dropped, the record taken out of the trace",
	irregularState:    "a tracestate is invalid, and was left out",
	irregularSeverity: "the severity of a log record is no number from 1 to 24, and was left out",

	irregularTask:   "a span was started in another invocation than the one that it belongs to; it is the parent of no call",
	irregularNumber: "a sum is not a finite number, and was left out",

	string(otel.IrregularJSON):       "an attribute's value or a body is no JSON, and is exported as text",
	string(otel.IrregularIdentifier): "a text is no identifier of a span or trace, and was left out",
}

var _ otel.Sink = (*interceptor)(nil)

// irregular counts n irregularities, and warns of the first of each kind.
func (p *providers) irregular(ctx context.Context, what string, n int) {
	if n <= 0 || what == "" {
		return
	}
	if p.m != nil {
		p.m.irregular.With(keyReason.String(what)).Add(ctx, int64(n))
	}
	if _, said := p.irregularSaid.LoadOrStore(what, true); !said {
		p.t.log.Warn("telemetry: a component's own records are irregular: "+cmp.Or(irregularities[what], what)+"; more of the kind are only counted",
			"component", p.id.component, "reason", what, "metric", metricIrregular)
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
	shared    bool     // the instance serves more than one invocation
	call      *cm.Call // the call in which the record was made; nil for none
}

// isolationReuse is the isolation, as a call has it, with which an instance serves several invocations.
const isolationReuse = "reuse"

type guestSourceKey struct{ i *interceptor }

// guestSource finds the source of a record made in ctx.
func (i *interceptor) guestSource(ctx context.Context) guestSource {
	c := cm.CallFrom(ctx)
	w := guestSource{p: i.own, component: cm.Path(i.id.component), call: c}
	if c == nil { // only then it may be a detached context
		if detached, ok := ctx.Value(guestSourceKey{i}).(guestSource); ok {
			return detached
		}
		return w
	}
	w.component, w.instance, w.shared = c.Boundary.Callee, c.Instance.ID, c.Instance.Isolation == isolationReuse
	if c.Boundary.Kind == cm.GuestToHost { // skip the call of the host function that takes the record
		w.component, w.call = c.Boundary.Caller, c.Parent
	}
	w.p = i.service(w.component)
	return w
}

// originAttributes are the attributes of a record's source, besides its resource.
func (w *guestSource) originAttributes() []attribute.KeyValue { return w.appendOrigin(nil) }

// appendOrigin appends originAttributes.
func (w *guestSource) appendOrigin(kvs []attribute.KeyValue) []attribute.KeyValue {
	kvs = append(kvs, keyComponent.String(string(w.component)))
	if w.instance != 0 {
		kvs = append(kvs, keyInstanceID.Int64(int64(w.instance)))
	}
	return kvs
}

// StartSpan makes a span the parent of the task's calls until it ends.
func (i *interceptor) StartSpan(ctx context.Context, c otel.SpanContext) {
	w := i.guestSource(ctx)
	if !w.p.takesGuestSpans() {
		return // no consumer takes spans
	}
	outer := w.outer(ctx)
	if !w.admit(ctx, &c, outer) {
		return
	}
	if outer.TraceID() != trace.TraceID(c.TraceID) && i.t.members.isOpen(trace.TraceID(c.TraceID)) {
		w.p.irregular(ctx, irregularTask, 1) // its end counts by what it says
		return
	}
	stack := i.t.newStack(ctx)
	g := guestSpan{sc: w.contextOf(ctx, &c), hostSpans: stack.hostSpans(w.call), from: w, start: time.Now()}
	g.from.call = nil // it ends before the span may
	if c.Sampled && !w.samples(g.sc, outer, "") {
		g.sc = g.sc.WithTraceFlags(0)
	}
	g.awaited = g.sc.IsSampled() && outer.TraceID() != g.sc.TraceID()
	if g.parent, _ = stack.current(innermostOf(g.hostSpans)); !g.parent.IsValid() {
		g.parent = outer
	}
	g.bytes = openBytes + len(g.hostSpans)*len(trace.SpanID{}) + c.Size()
	if !i.t.hasGuestSpans.Load() { // processors share what is only read
		i.t.hasGuestSpans.Store(true)
	}
	w.p.irregular(ctx, stack.begin(ctx, g), 1)
}

// admit says whether a span may be one of its component's, and counts if not. outer is the host's span around the task.
func (w *guestSource) admit(ctx context.Context, c *otel.SpanContext, outer trace.SpanContext) bool {
	switch {
	case !c.IsValid():
		w.p.irregular(ctx, irregularInvalid, 1)
		return false
	case outer.TraceID() != trace.TraceID(c.TraceID) && !w.p.t.members.admits(trace.TraceID(c.TraceID), w.p.member):
		w.p.irregular(ctx, irregularForeign, 1)
		return false
	}
	return true
}

// samples says whether the host samples a span that its guest has sampled. In the trace of the task the host has decided; of a trace
// that the guest has begun, the sampler is asked as of a root.
func (w *guestSource) samples(sc, outer trace.SpanContext, name string) bool {
	if outer.TraceID() == sc.TraceID() {
		return outer.IsSampled()
	}
	if w.p.keepsGuestSpans() {
		return true // the provider decides when it records
	}
	return w.p.spans.SamplesRoot(sc.TraceID(), name)
}

// openBytes is the size of an open span without its parts.
const openBytes = 128

// EndSpan queues a span, if it is sampled.
func (i *interceptor) EndSpan(ctx context.Context, s *otel.Span) {
	w := i.guestSource(ctx)
	if !w.p.takesGuestSpans() {
		return
	}
	outer := w.outer(ctx)
	if !w.admit(ctx, &s.Context, outer) {
		return
	}
	sc := w.contextOf(ctx, &s.Context)
	begun, repeated := i.t.newStack(ctx).end(sc)
	sampled := s.Context.Sampled
	switch {
	case repeated || i.toldTwice(sc):
		w.p.irregular(ctx, irregularRepeated, 1)
		return
	case begun.sc.IsValid():
		sampled = sampled && begun.sc.IsSampled()
	default:
		w.p.irregular(ctx, irregularUnknown, 1)
		sampled = sampled && w.samples(sc, outer, s.Name)
	}
	if sampled {
		w.record(ctx, s, sc)
	}
	begun.done()
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
	if w.p.logs == nil {
		return
	}
	w.log(ctx, r, true)
}

// log queues a log record. now says that it was made just now, so that it belongs to the current span if it names none.
func (w *guestSource) log(ctx context.Context, r *otel.LogRecord, now bool) {
	t := w.p.t
	severity := log.Severity(r.Severity)
	if r.Severity > uint8(log.SeverityFatal4) {
		severity = log.SeverityUndefined
		w.p.irregular(ctx, irregularSeverity, 1)
	}
	if severity < severityOf(t.cfg.OTelLevel) && severity != log.SeverityUndefined {
		return
	}
	sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID(r.TraceID), SpanID: trace.SpanID(r.SpanID), TraceFlags: flagsOf(r.Sampled)})
	foreign := sc.IsValid() && w.outer(ctx).TraceID() != sc.TraceID() && !t.members.admits(sc.TraceID(), w.p.member)
	if foreign {
		w.p.irregular(ctx, irregularForeign, 1)
	}
	if foreign || !sc.IsValid() {
		sc = trace.SpanContext{}
		if now {
			var ok bool
			if sc, ok = t.guestSpanIn(ctx, w.call); !ok {
				sc = w.outer(ctx)
			}
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
	scope := w.p.scope(ctx, r.Scope)
	out.AddAttributes(scope.attributes...)
	out.AddAttributes(w.originAttributes()...)
	logger := scope.logger
	if r.Resource != nil {
		extra := w.p.resourceOf(r.Resource, &room)
		if of := w.p.logsWith(extra); of != nil {
			logger = scope.loggerOf(of)
		} else {
			out.AddAttributes(extra...)
		}
	}
	logger.Emit(ctx, out)
}

// Detach returns a context that identifies the task's source and spans and outlives its calls.
func (i *interceptor) Detach(ctx context.Context) context.Context {
	w := i.guestSource(ctx)
	// A call must not be kept after its end: what later records need of it is read now.
	outer := w.outer(ctx)
	stack := i.t.newStack(ctx)
	w.call = nil
	out := context.WithValue(trace.ContextWithSpanContext(context.Background(), outer), writerKey{i.t}, i.writer(ctx))
	return context.WithValue(context.WithValue(out, guestSourceKey{i}, w), guestStackKey{i.t}, stack)
}
