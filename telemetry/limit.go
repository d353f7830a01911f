package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/redact"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// metricLimits counts the limits that guests are told of without a trap: by an error of the interface's, or by a growth that
// fails. Those that trap are in metricTraps, and those of output in metricOutputDropped.
const metricLimits = prefix + "limits"

// limited tells of the limit that a call ran into: the call's own span, if it has one, has failed; else the span around it
// has an attribute. The guest has been told by a result, and may go on.
func (h *hostCall) limited(c *cm.Call, s *span.Span, l *cm.LimitError) {
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

// countLimit measures that a component ran into a limit without a trap that says so.
func (e *edge) countLimit(ctx context.Context, component cm.Path, l *cm.LimitError) {
	if e.p.m == nil {
		return
	}
	e.p.m.limits.With(keyComponent.String(string(component)), keyLimit.String(l.Limit)).Add(ctx, 1)
}
