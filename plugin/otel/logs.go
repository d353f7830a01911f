package otel

import (
	"context"

	"github.com/vitrine-wasm/vitrine/plugin/otel/bindings"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// logs serves wasi:otel/logs.
type logs struct{ sink otel.Sink }

var _ bindings.Logs = logs{}

// OnEmit implements bindings.Logs.
func (l logs) OnEmit(ctx context.Context, r bindings.LogRecord) error {
	conv := newConverter()
	record := conv.record(&r)
	conv.report(ctx, l.sink)
	l.sink.EmitLog(ctx, record)
	return nil
}

func (c *converter) record(r *bindings.LogRecord) *otel.LogRecord {
	out := &otel.LogRecord{
		Time: (*otel.Time)(r.Timestamp), Observed: (*otel.Time)(r.ObservedTimestamp), Severity: orZero(r.SeverityNumber),
		SeverityText: orZero(r.SeverityText), EventName: orZero(r.EventName), Attributes: c.attributes(orZero(r.Attributes)),
		TraceID: c.traceID(orZero(r.TraceID)), SpanID: c.spanID(orZero(r.SpanID)), Sampled: orZero(r.TraceFlags)&bindings.TraceFlagsSampled != 0,
	}
	if r.Body != nil {
		out.Body = c.value(*r.Body)
	}
	if r.Resource != nil {
		res := c.resource(r.Resource)
		out.Resource = &res
	}
	if r.InstrumentationScope != nil {
		scope := c.scope(r.InstrumentationScope)
		out.Scope = &scope
	}
	return out
}

// orZero is what an option holds, and else the zero value, which says the same in the records that it goes into.
func orZero[T any](p *T) T {
	if p == nil {
		var none T
		return none
	}
	return *p
}
