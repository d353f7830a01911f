package telemetry

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
)

// reuses are the values of vitrine.instance.reuse; measures are computed for each of them at link time.
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
	edge
	b      *cm.Boundary
	detail Detail
	arms   *arms

	plain        *measure                        // component alone
	duration     [outcomes]*measure              // component (and function), outcome
	count        [outcomes][len(reuses)]*measure // invocations only
	takesRequest bool                            // the first parameter is a resource, which may carry the context of a request
}

func newGuestCall(b *cm.Boundary, e edge) cm.Hooks {
	h := &guestCall{edge: e, b: b, detail: DetailInvocation, arms: newArms(b.Type)}
	comp := keyComponent.String(string(b.Callee))
	h.plain = newMeasure(comp)
	if b.Kind == cm.GuestToGuest {
		h.detail = DetailBoundary
	}
	for o := range outcomes {
		outcome := keyOutcome.String(cm.Outcome(o).String())
		if b.Kind == cm.GuestToGuest {
			h.duration[o] = newMeasure(comp, outcome, keyInterface.String(b.Interface.String()), keyFunction.String(b.Func))
			continue
		}
		h.duration[o] = newMeasure(comp, outcome)
		for i, r := range reuses {
			h.count[o][i] = newMeasure(comp, outcome, keyInstanceReuse.String(r))
		}
	}
	if b.Type != nil && len(b.Type.Params) > 0 {
		k := b.Type.Params[0].Type.Kind
		h.takesRequest = k == cm.KindOwn || k == cm.KindBorrow
	}
	return h
}

// Enter opens the span.
func (h *guestCall) Enter(c *cm.Call) context.Context {
	if h.p.m != nil && h.b.Kind == cm.HostToGuest {
		h.p.m.invocationsActive.Add(c.Context, 1, h.plain.add...)
	}
	if !h.i.wants(h.detail) {
		return c.Context
	}
	ctx, span := h.start(c.Context)
	if span == nil {
		return c.Context
	}
	c.State = span
	h.propagate(ctx, c)
	return ctx
}

// Exit closes it and measures.
func (h *guestCall) Exit(c *cm.Call, end cm.End) {
	v := judge(&end)
	span, _ := c.State.(trace.Span)
	ctx := c.Context
	if span != nil {
		h.describe(span, c, &end)
		v.mark(span)
		if v.trap != nil {
			ctx = trace.ContextWithSpan(ctx, span)
		}
	}
	h.measure(c, &end)
	h.report(ctx, c, h.b.Callee, &v)
	if span != nil {
		span.End()
	}
}

func (h *guestCall) measure(c *cm.Call, end *cm.End) {
	m := h.p.m
	if m == nil {
		return
	}
	took := time.Since(c.Start).Seconds()
	if h.b.Kind == cm.GuestToGuest {
		m.guestCall.Record(c.Context, took, h.duration[end.Outcome].record...)
		return
	}
	m.invocationsActive.Add(c.Context, -1, h.plain.add...)
	m.invocations.Add(c.Context, 1, h.count[end.Outcome][reuseIndex(c.Instance.Reuse)].add...)
	m.invocationTime.Record(c.Context, took, h.duration[end.Outcome].record...)
	if end.Guest > 0 {
		m.guestTime.Record(c.Context, end.Guest.Seconds(), h.plain.record...)
	}
	if end.Fuel > 0 {
		m.fuel.Add(c.Context, int64(end.Fuel), h.plain.add...)
	}
	if end.MemoryPeak > 0 {
		m.memoryPeak.Record(c.Context, int64(end.MemoryPeak), h.plain.record...)
	}
}

// describe sets what is known at the end.
func (h *guestCall) describe(span trace.Span, c *cm.Call, end *cm.End) {
	if !span.IsRecording() {
		return
	}
	attrs := make([]attribute.KeyValue, 0, 9)
	if c.Instance.ID != 0 {
		attrs = append(attrs, keyInstanceID.Int64(int64(c.Instance.ID)))
	}
	if c.Instance.Reuse != "" {
		attrs = append(attrs, keyInstanceReuse.String(c.Instance.Reuse))
	}
	attrs = times(attrs, end)
	if end.Outcome == cm.OK {
		attrs = h.arms.describe(attrs, c.Results())
	}
	span.SetAttributes(attrs...)
}

// times adds the split of a call's time and what else the engine measured.
func times(attrs []attribute.KeyValue, end *cm.End) []attribute.KeyValue {
	if end.Guest|end.Host|end.Wait != 0 {
		attrs = append(attrs, keyGuestTime.Float64(end.Guest.Seconds()), keyHostTime.Float64(end.Host.Seconds()),
			keyWaitTime.Float64(end.Wait.Seconds()))
	}
	if end.Fuel != 0 {
		attrs = append(attrs, keyFuel.Int64(int64(end.Fuel)))
	}
	if end.MemoryPeak != 0 {
		attrs = append(attrs, keyMemoryPeak.Int64(int64(end.MemoryPeak)))
	}
	return attrs
}

// propagate makes the request that is handed to the guest name the guest's own span, so that what the guest reports or
// copies to other requests belongs below it. The request's headers are found on the first argument, or else on the
// request of the event that caused the call.
func (h *guestCall) propagate(ctx context.Context, c *cm.Call) {
	if h.b.Kind != cm.HostToGuest || !h.takesRequest {
		return
	}
	if header := incomingHeader(c); header != nil {
		h.i.t.prop.Inject(ctx, propagation.HeaderCarrier(header))
	}
}

func incomingHeader(c *cm.Call) http.Header {
	var subject any
	if args := c.Args(); len(args) > 0 {
		subject = args[0].Resource().Obj
	}
	s, ok := subject.(httpSubject)
	if !ok && c.Parent != nil && c.Parent.Boundary.Kind == cm.Event {
		s, ok = c.Parent.Subject.(httpSubject)
	}
	if !ok {
		return nil
	}
	if r := s.HTTPRequest(); r != nil {
		return r.Header
	}
	return nil
}
