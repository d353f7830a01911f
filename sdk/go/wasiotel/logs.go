package wasiotel

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/vitrine-wasm/vitrine/sdk/go/internal/bindings"
)

// LogProcessor hands log records over to the host when they are emitted. It is safe for concurrent use.
type LogProcessor struct{ host host }

// NewLogProcessor makes a processor for a logger provider.
func NewLogProcessor() *LogProcessor { return &LogProcessor{theHost()} }

var _ sdklog.Processor = (*LogProcessor)(nil)

// Enabled says that records are wanted where there is a host.
func (p *LogProcessor) Enabled(context.Context, sdklog.EnabledParameters) bool {
	return p != nil && p.host != nil
}

// OnEmit hands a record over.
func (p *LogProcessor) OnEmit(_ context.Context, r *sdklog.Record) error {
	if p != nil && p.host != nil {
		p.host.onEmit(lowerRecord(r))
	}
	return nil
}

// ForceFlush does nothing: no record is kept.
func (p *LogProcessor) ForceFlush(context.Context) error { return nil }

// Shutdown does nothing.
func (p *LogProcessor) Shutdown(context.Context) error { return nil }

func lowerRecord(r *sdklog.Record) bindings.LogRecord {
	resource, scope := lowerResource(r.Resource()), lowerScope(r.InstrumentationScope())
	d := bindings.LogRecord{
		Timestamp: maybeTime(r.Timestamp()), ObservedTimestamp: maybeTime(r.ObservedTimestamp()),
		SeverityText: maybe(r.SeverityText()), EventName: maybe(r.EventName()), Resource: &resource, InstrumentationScope: &scope,
	}
	if s := r.Severity(); s >= log.SeverityTrace1 && s <= log.SeverityFatal4 {
		n := uint8(s)
		d.SeverityNumber = &n
	}
	if body := r.Body(); body.Type() != attribute.EMPTY {
		text := lowerValue(body)
		d.Body = &text
	}
	if r.AttributesLen() > 0 {
		var all []attribute.KeyValue
		r.WalkAttributes(func(kv attribute.KeyValue) bool {
			all = append(all, kv)
			return true
		})
		list := lowerAttributes(all)
		d.Attributes = &list
	}
	if r.TraceID().IsValid() && r.SpanID().IsValid() {
		trace, span, flags := r.TraceID().String(), r.SpanID().String(), lowerFlags(r.TraceFlags())
		d.TraceID, d.SpanID, d.TraceFlags = &trace, &span, &flags
	}
	return d
}
