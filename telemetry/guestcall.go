package telemetry

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/bound"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// reuses are the values of vitrine.instance.reuse; each has a counter that is bound at link time.
var reuses = [...]string{"", "fresh", "reset", "serial", "concurrent"}

func reuseIndex(s string) int {
	for i, r := range reuses {
		if r == s {
			return i
		}
	}
	return 0
}

const outcomes = int(cm.Aborted) + 1

// guestCall is the hooks of a call into a component: an invocation from outside, or a call from another component.
type guestCall struct {
	boundaryBase
	b      *cm.Boundary
	detail Detail
	result *resultCases

	// Measurements, by outcome; nil if metrics are off. All but the duration are of invocations only.
	duration     [outcomes]*bound.Timer
	count        [outcomes][len(reuses)]*bound.Adder
	active, fuel *bound.Adder
	guestTime    *bound.Timer
	memoryPeak   *bound.Sizer

	takesRequest bool // the first parameter is a resource, which may be a request
}

func newGuestCall(b *cm.Boundary, e boundaryBase) cm.Hooks {
	h := &guestCall{boundaryBase: e, b: b, detail: DetailInvocation, result: newResultCases(b.Type)}
	if b.Kind == cm.GuestToGuest {
		h.detail = DetailBoundary
	}
	if e.p.m != nil {
		h.bind(e.p.m)
	}
	if b.Type != nil && len(b.Type.Params) > 0 {
		k := b.Type.Params[0].Type.Kind
		h.takesRequest = k == cm.KindOwn || k == cm.KindBorrow
	}
	return h
}

// bind binds the instruments to the attribute sets that are known at link time.
func (h *guestCall) bind(m *instruments) {
	comp := h.p.part(h.b.Callee)
	for o := range outcomes {
		outcome := keyOutcome.String(cm.Outcome(o).String())
		if h.b.Kind == cm.GuestToGuest {
			h.duration[o] = m.guestCall.With(append(comp, outcome, keyInterface.String(h.b.Interface.String()), keyFunction.String(h.b.Func))...)
			continue
		}
		h.duration[o] = m.invocationTime.With(append(comp, outcome)...)
		for i, r := range reuses {
			h.count[o][i] = m.invocations.With(append(comp, outcome, keyInstanceReuse.String(r))...)
		}
	}
	if h.b.Kind == cm.HostToGuest {
		h.active, h.fuel = m.invocationsActive.With(comp...), m.fuel.With(comp...)
		h.guestTime, h.memoryPeak = m.guestTime.With(comp...), m.memoryPeak.With(comp...)
	}
}

var _ cm.Skipper = (*guestCall)(nil)

// Skip says that a call gets no span, and is not measured. What a component records itself needs the call that it belongs to.
func (h *guestCall) Skip(ctx context.Context) bool {
	return !h.measures(ctx) && h.i.bound.Load()&boundRecords == 0 && h.p.neverSampled(ctx)
}

// measures says whether a call in ctx is measured.
func (h *guestCall) measures(ctx context.Context) bool {
	return h.p.m != nil && !(h.i.t.cfg.MeasureSampled && h.p.neverSampled(ctx))
}

// Enter opens the span.
func (h *guestCall) Enter(c *cm.Call) context.Context {
	if h.b.Kind == cm.HostToGuest && h.measures(c.Context) {
		h.active.Add(c.Context, 1)
	}
	if !h.i.records(h.detail) {
		return h.parentContext(c)
	}
	ctx, s := h.start(c)
	if s == nil {
		return ctx
	}
	c.State = s
	h.propagate(ctx, c)
	return ctx
}

// Exit ends the span and measures.
func (h *guestCall) Exit(c *cm.Call, end cm.End) {
	v := classify(&end)
	s, _ := c.State.(*span.Span)
	ctx := c.Context
	if end.Limit != nil {
		h.countLimit(c.Context, h.b.Callee, end.Limit)
		v.limit = cmp.Or(v.limit, end.Limit.Limit)
	}
	if s != nil {
		h.p.endFolds(c, s)
		h.describe(s, c, &end)
		v.annotate(s)
		if v.trap != nil {
			ctx = trace.ContextWithSpan(ctx, s.API())
		}
	}
	h.measure(c, &end)
	h.report(ctx, c, h.b.Callee, &v)
	if s != nil {
		s.End()
	}
}

func (h *guestCall) measure(c *cm.Call, end *cm.End) {
	if !h.measures(c.Context) {
		return
	}
	h.duration[end.Outcome].Record(c.Context, time.Since(c.Start))
	if h.b.Kind == cm.GuestToGuest {
		return
	}
	h.active.Add(c.Context, -1)
	h.count[end.Outcome][reuseIndex(c.Instance.Reuse)].Add(c.Context, 1)
	// An invocation's cost includes its callees'.
	if guest := max(end.Guest, end.GuestTotal); guest > 0 {
		h.guestTime.Record(c.Context, guest)
	}
	if fuel := max(end.Fuel, end.FuelTotal); fuel > 0 {
		h.fuel.Add(c.Context, int64(fuel))
	}
	if end.MemoryPeak > 0 {
		h.memoryPeak.Record(c.Context, int64(end.MemoryPeak))
	}
}

// describe sets the attributes that are known at the end.
func (h *guestCall) describe(s *span.Span, c *cm.Call, end *cm.End) {
	s.Lock()
	defer s.Unlock()
	if c.Instance.ID != 0 {
		s.Int(attrInstanceID, int64(c.Instance.ID))
	}
	if c.Instance.Reuse != "" {
		s.Str(attrInstanceReuse, c.Instance.Reuse)
	}
	if c.Instance.Use != 0 {
		s.Int(attrInstanceUse, int64(c.Instance.Use))
	}
	if h.b.Kind == cm.HostToGuest {
		if c.Instance.Isolation != "" {
			s.Str(attrIsolation, c.Instance.Isolation)
		}
		if c.Instance.NotResettable != "" {
			s.Str(attrNotResettable, c.Instance.NotResettable)
		}
	}
	setTimes(s, end)
	if end.Outcome == cm.OK {
		h.result.describe(s, c.Results())
	}
}

// setTimes sets the engine's measurements: the split of a call's time, its own and with its callees', fuel and memory. The span is
// locked.
func setTimes(s *span.Span, end *cm.End) {
	if end.Guest|end.Host|end.Wait|end.Callees != 0 {
		s.Float(attrGuestTime, end.Guest.Seconds())
		if end.Callees != 0 {
			s.Float(attrGuestTotal, end.GuestTotal.Seconds())
			s.Float(attrCalleeTime, end.Callees.Seconds())
		}
		s.Float(attrHostTime, end.Host.Seconds())
		s.Float(attrWaitTime, end.Wait.Seconds())
	}
	if end.Fuel != 0 {
		s.Int(attrFuel, int64(end.Fuel))
	}
	if end.FuelTotal > end.Fuel {
		s.Int(attrFuelTotal, int64(end.FuelTotal))
	}
	if end.MemoryPeak != 0 {
		s.Int(attrMemoryPeak, int64(end.MemoryPeak))
	}
}

// propagate writes the span context of the guest's call to the request that the guest gets, so that spans that the guest records
// or requests that copy these headers become children of that span. The request is the first argument, or else that of the
// event that caused the call.
func (h *guestCall) propagate(ctx context.Context, c *cm.Call) {
	if h.b.Kind != cm.HostToGuest || !h.takesRequest {
		return
	}
	if header := incomingHeader(c); header != nil {
		h.i.t.inject(ctx, header)
	}
}

func incomingHeader(c *cm.Call) http.Header {
	var subject any
	if args := c.Args(); len(args) > 0 {
		subject = args[0].Resource().Obj
	}
	s, ok := subject.(host.HTTPRequester)
	if !ok && c.Parent != nil && c.Parent.Boundary.Kind == cm.Event {
		s, ok = c.Parent.Subject.(host.HTTPRequester)
	}
	if !ok {
		return nil
	}
	if r := s.HTTPRequest(); r != nil {
		return r.Header
	}
	return nil
}
