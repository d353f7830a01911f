package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/redact"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// metricLimits counts limits that guests reach without a trap: they get an interface's error, or a growth fails. Traps are in
// metricTraps, and dropped output in metricOutputDropped.
const metricLimits = prefix + "limits"

// reportLimit records the limit that a call has reached: as an error on the call's own span, if it has one, else as an attribute
// of the span around it. The guest has an error result, and may continue.
func (h *hostCall) reportLimit(c *cm.Call, s *span.Span, l *cm.LimitError) {
	if l == nil {
		return
	}
	limit := keyLimit.String(l.Limit)
	if s != nil {
		s.SetStatus(codes.Error, redact.Text(l.Error()))
		s.SetAttributes(semconv.ErrorTypeKey.String(l.Limit), keyBlame.String(string(cm.BlameLimit)), limit)
	} else {
		trace.SpanFromContext(c.Context).SetAttributes(limit)
	}
	h.countLimit(c.Context, h.b.Caller, l)
}

// countLimit counts a limit that a component has reached without a trap.
func (e *boundaryBase) countLimit(ctx context.Context, component cm.Path, l *cm.LimitError) {
	if e.p.m == nil {
		return
	}
	e.p.m.limits.With(append(e.p.part(component), keyLimit.String(l.Limit))...).Add(ctx, 1)
}
