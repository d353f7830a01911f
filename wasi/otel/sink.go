package otel

import (
	"context"
	"errors"
)

// Sink takes what one component of a workload tells of itself. It blocks on nothing outside the process and never fails a
// guest's call: what is not valid is mended, left out or dropped, and counted.
//
// ctx is that of the host function that the guest has called: it says which task tells, and from which instance of which
// component, so that resources and scopes, the parents of spans and limits are right. The methods are called on the goroutine
// of that host function; where records come on another one, or after it has returned, ctx is one that [Sink.Detach] gave, which
// may be used from any goroutine. A record belongs to the sink from when it is handed over.
type Sink interface {
	Tracing
	// EmitLog takes a log record. Without a valid span of its own it belongs to the span that [Tracing.Current] would name.
	EmitLog(ctx context.Context, r *LogRecord)
	// ExportMetrics takes what the guest has measured. The error is for the guest: it holds nothing of the host's.
	ExportMetrics(ctx context.Context, m *ResourceMetrics) error
	// Irregular counts n parts of a record that were not valid when it was made, and that who made it has mended or left out.
	Irregular(ctx context.Context, what Irregularity, n int)
	// Detach gives a context that stands for the task in ctx. It holds nothing else of ctx, ends with nothing, and is of no use to
	// StartSpan and Current once the task's invocation has ended.
	Detach(ctx context.Context) context.Context
}

// Irregularity names something that is not valid in a record, in a word for a metric's attribute.
type Irregularity string

// The irregularities that are found before a sink has the record.
const (
	IrregularJSON       Irregularity = "json"       // a value that is no JSON, or nested too deep: it is kept as text
	IrregularIdentifier Irregularity = "identifier" // a text that is no identifier: there is none
)

// Tracing takes spans.
type Tracing interface {
	// StartSpan says that a span has begun, in the task in ctx: until EndSpan, or the end of the invocation, it is the parent of what
	// the task does, if none that began later is open. Spans may end in any order.
	StartSpan(ctx context.Context, c SpanContext)
	// EndSpan takes a span that has ended, whether its beginning was told or not. It is exported if it is sampled.
	EndSpan(ctx context.Context, s *Span)
	// Current is the span that the task has entered last and not left: one of the guest's own, or of the host's. It is the zero
	// SpanContext where there is none. It is current-span-context of the WIT.
	Current(ctx context.Context) SpanContext
	// Outer is the innermost span of the host's around the task: outer-span-context of the WIT.
	Outer(ctx context.Context) SpanContext
}

// Importer is an optional power of a [Sink]: it takes records that a guest exports some time after they were made, many at once, and
// says what became of each. Contexts are as those of Sink, and like its methods these block on nothing.
type Importer interface {
	// ImportSpan takes a span, of whose beginning nothing was told. One that the component has told before, here or by [Tracing.EndSpan],
	// is not exported again; that is no error.
	ImportSpan(ctx context.Context, s *Span) error
	// ImportLog takes a log record, as [Sink.EmitLog] does. Without a valid span of its own it belongs to the current one only where
	// the instance serves no other invocation: in a batch there may be records of others.
	ImportLog(ctx context.Context, r *LogRecord) error
	// ImportMetrics takes metrics, as [Sink.ExportMetrics] does. rejected is the number of data points that the error is about.
	ImportMetrics(ctx context.Context, m *ResourceMetrics) (rejected int, err error)
}

// What is below the errors of an [Importer]. Their texts are for the guest: they hold nothing of the host's.
var (
	// ErrInvalid says that this record cannot be taken, and nothing of others.
	ErrInvalid = errors.New("not valid")
	// ErrBusy says that more comes than is taken: a second later it may be otherwise.
	ErrBusy = errors.New("too much at once")
)

// ImporterOf is s as an [Importer]. Of a sink that is none, nobody learns what became of a record.
func ImporterOf(s Sink) Importer {
	if im, ok := s.(Importer); ok {
		return im
	}
	return importer{s}
}

type importer struct{ Sink }

// ImportSpan is EndSpan.
func (i importer) ImportSpan(ctx context.Context, s *Span) error {
	i.EndSpan(ctx, s)
	return nil
}

// ImportLog is EmitLog.
func (i importer) ImportLog(ctx context.Context, r *LogRecord) error {
	i.EmitLog(ctx, r)
	return nil
}

// ImportMetrics is ExportMetrics.
func (i importer) ImportMetrics(ctx context.Context, m *ResourceMetrics) (int, error) {
	if err := i.ExportMetrics(ctx, m); err != nil {
		return m.Points(), err
	}
	return 0, nil
}

// CollectorHost is the name under which components reach the host's own collector over HTTP, by any scheme and port. Nothing else has
// it: .internal is reserved for private use. What is sent there is telemetry, and makes none.
const CollectorHost = "otel.vitrine.internal"

// Described is an optional power of a [Sink]: Service names the component as its records are told of, by the attributes service.* of
// their resource. There are none where nobody takes records.
type Described interface {
	Service() []KeyValue
}

// Discard is the sink where nobody takes anything.
var Discard Sink = discard{}

type discard struct{}

// StartSpan does nothing.
func (discard) StartSpan(context.Context, SpanContext) {}

// EndSpan does nothing.
func (discard) EndSpan(context.Context, *Span) {}

// Current is no span.
func (discard) Current(context.Context) SpanContext { return SpanContext{} }

// Outer is no span.
func (discard) Outer(context.Context) SpanContext { return SpanContext{} }

// EmitLog does nothing.
func (discard) EmitLog(context.Context, *LogRecord) {}

// ExportMetrics does nothing.
func (discard) ExportMetrics(context.Context, *ResourceMetrics) error { return nil }

// Irregular does nothing.
func (discard) Irregular(context.Context, Irregularity, int) {}

// Detach gives an empty context.
func (discard) Detach(context.Context) context.Context { return context.Background() }

// ImportSpan does nothing.
func (discard) ImportSpan(context.Context, *Span) error { return nil }

// ImportLog does nothing.
func (discard) ImportLog(context.Context, *LogRecord) error { return nil }

// ImportMetrics does nothing.
func (discard) ImportMetrics(context.Context, *ResourceMetrics) (int, error) { return 0, nil }
