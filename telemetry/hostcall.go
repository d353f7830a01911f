package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/bound"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// hostCall is the hooks of a call of an import that the host serves.
type hostCall struct {
	boundaryBase
	b        *cm.Boundary
	detail   Detail
	result   *resultCases
	duration [outcomes]*bound.Timer // nil if metrics are off

	operation string // on a store; empty: it is none

	function string    // without the resource that it is of
	waits    bool      // it does nothing else
	slow     foldKind  // of calls that are seen because they have waited
	folded   *foldKind // of calls that are seen together with others; nil: they are not
}

func newHostCall(b *cm.Boundary, d Detail, e boundaryBase) *hostCall {
	h := &hostCall{boundaryBase: e, b: b, detail: d, result: newResultCases(b.Type), function: shortFunction(b.Func)}
	h.slow = foldKind{name: e.name, tmpl: e.tmpl}
	if e.p.m == nil {
		return h
	}
	for o := range outcomes {
		h.duration[o] = e.p.m.hostCall.With(append(e.p.part(b.Caller),
			keyInterface.String(b.Interface.String()), keyFunction.String(b.Func), keyOutcome.String(cm.Outcome(o).String()))...)
	}
	return h
}

var _ cm.CountOnly = (*hostCall)(nil)

// CountOnly says that the call gets no span at this level of detail when it begins, and no measurement: see Count.
func (h *hostCall) CountOnly() bool { return !h.i.records(h.detail) }

// Enter opens the span, if the level of detail includes it.
func (h *hostCall) Enter(c *cm.Call) context.Context {
	if !h.i.records(h.detail) {
		return h.parentContext(c)
	}
	ctx, s := h.start(c)
	if s != nil {
		c.State = s
	}
	return ctx
}

// Exit ends the span and measures.
func (h *hostCall) Exit(c *cm.Call, end cm.End) {
	s, _ := c.State.(*span.Span)
	h.exit(c, s, end)
}

// exit ends the span s, which may be nil, and measures.
func (h *hostCall) exit(c *cm.Call, s *span.Span, end cm.End) {
	if h.p.m != nil && h.i.records(h.detail) {
		h.duration[end.Outcome].Record(c.Context, time.Since(c.Start))
	}
	if s == nil {
		s = h.late(c, &end)
	}
	h.reportLimit(c, s, end.Limit)
	if s == nil && end.Outcome == cm.OK && end.Cause == nil {
		return
	}
	v := classify(&end)
	backend := v.setBackend(&end)
	ctx := c.Context
	if s != nil {
		h.describe(s, c, &end)
		v.annotate(s)
		if v.trap != nil || backend {
			ctx = trace.ContextWithSpan(ctx, s.API())
		}
	}
	h.report(ctx, c, h.b.Caller, &v)
	if backend {
		h.reportBackend(ctx, c, h.b.Caller, &v)
	}
	if s != nil {
		s.End()
	}
}

// describe sets the attributes that are known at the end.
func (h *hostCall) describe(s *span.Span, c *cm.Call, end *cm.End) {
	s.Lock()
	defer s.Unlock()
	if end.Wait != 0 {
		s.Float(attrWaitTime, end.Wait.Seconds())
	}
	if h.operation != "" {
		h.describeStore(s, c, end)
	}
	if end.Outcome == cm.OK {
		h.result.describe(s, c.Results())
		describeCause(s, end.Cause)
	}
}
