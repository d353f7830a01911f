package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/bound"
)

// hostCall is the hooks of a call of an import that the host serves.
type hostCall struct {
	edge
	b        *cm.Boundary
	detail   Detail
	arms     *arms
	duration [outcomes]*bound.Timer // none where metrics are off
}

func newHostCall(b *cm.Boundary, d Detail, e edge) *hostCall {
	h := &hostCall{edge: e, b: b, detail: d, arms: newArms(b.Type)}
	if e.p.m == nil {
		return h
	}
	for o := range outcomes {
		h.duration[o] = e.p.m.hostCall.With(
			keyComponent.String(string(b.Caller)), keyInterface.String(b.Interface.String()), keyFunction.String(b.Func),
			keyOutcome.String(cm.Outcome(o).String()))
	}
	return h
}

var _ cm.Light = (*hostCall)(nil)

// Light says that the call is worth no span: it is only measured.
func (h *hostCall) Light() bool { return !h.i.wants(h.detail) }

// Count measures a call that went well.
func (h *hostCall) Count(ctx context.Context, took time.Duration) {
	if h.p.m != nil {
		h.duration[cm.OK].Record(ctx, took)
	}
}

// Enter opens the span, if the call is worth one.
func (h *hostCall) Enter(c *cm.Call) context.Context {
	if !h.i.wants(h.detail) {
		return c.Context
	}
	ctx, span := h.start(c.Context)
	if span == nil {
		return c.Context
	}
	c.State = span
	return ctx
}

// Exit closes it and measures.
func (h *hostCall) Exit(c *cm.Call, end cm.End) {
	if h.p.m != nil {
		h.duration[end.Outcome].Record(c.Context, time.Since(c.Start))
	}
	span, _ := c.State.(trace.Span)
	h.limited(c, span, end.Limit)
	if span == nil && end.Outcome == cm.OK {
		return
	}
	v := judge(&end)
	ctx := c.Context
	if span != nil {
		h.describe(span, c, &end)
		v.mark(span)
		if v.trap != nil {
			ctx = trace.ContextWithSpan(ctx, span)
		}
	}
	h.report(ctx, c, h.b.Caller, &v)
	if span != nil {
		span.End()
	}
}

func (h *hostCall) describe(span trace.Span, c *cm.Call, end *cm.End) {
	if !span.IsRecording() {
		return
	}
	var room [4]attribute.KeyValue
	attrs := room[:0]
	if end.Wait != 0 {
		attrs = append(attrs, keyWaitTime.Float64(end.Wait.Seconds()))
	}
	if end.Outcome == cm.OK {
		attrs = h.arms.describe(attrs, c.Results())
	}
	if len(attrs) > 0 {
		span.SetAttributes(attrs...)
	}
}
