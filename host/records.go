package host

import (
	"context"
	"fmt"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// records passes a component's own telemetry to the observer, within the limits of the component's lines: a span, a log record and an
// export of metrics each count as one line of their size.
type records struct {
	otel.Sink
	lines *Lines
}

var (
	_ otel.Sink      = (*records)(nil)
	_ otel.Importer  = (*records)(nil)
	_ otel.Described = (*records)(nil)
)

// limitedTo is the sink that a component has in an observer: an [otel.Sink], which is an optional interface of a ComponentObserver.
func limitedTo(lines *Lines, o ComponentObserver) otel.Sink {
	if sink, ok := o.(otel.Sink); ok {
		return &records{sink, lines}
	}
	return otel.Discard
}

// EndSpan passes a span on. A span that is over a limit is passed on as one that is not sampled, so that its end is known.
func (r *records) EndSpan(ctx context.Context, s *otel.Span) {
	if s.Context.Sampled && r.admit(ctx, s.Size()) != "" {
		s = &otel.Span{Context: s.Context, ParentID: s.ParentID}
		s.Context.Sampled = false
	}
	r.Sink.EndSpan(ctx, s)
}

// EmitLog passes a record on, unless it is over a limit.
func (r *records) EmitLog(ctx context.Context, l *otel.LogRecord) {
	if r.admit(ctx, l.Size()) == "" {
		r.Sink.EmitLog(ctx, l)
	}
}

// ExportMetrics passes metrics on, unless they are over a limit.
func (r *records) ExportMetrics(ctx context.Context, m *otel.ResourceMetrics) error {
	if err := r.over(ctx, m.Size()); err != nil {
		return err
	}
	return r.Sink.ExportMetrics(ctx, m)
}

// over is the error for a record of n bytes that is over a limit; nil if it is within all.
func (r *records) over(ctx context.Context, n int) error {
	switch limit := r.admit(ctx, n); limit {
	case "":
		return nil
	case limitLineRate, limitByteRate:
		return fmt.Errorf("%w: the component's limit %s leaves no room", otel.ErrBusy, limit)
	default:
		return fmt.Errorf("the component's limit %s leaves no room", limit)
	}
}

// ImportSpan passes a span on, unless it is over a limit.
func (r *records) ImportSpan(ctx context.Context, s *otel.Span) error {
	if err := r.over(ctx, s.Size()); err != nil {
		return err
	}
	return otel.ImporterOf(r.Sink).ImportSpan(ctx, s)
}

// ImportLog passes a record on, unless it is over a limit.
func (r *records) ImportLog(ctx context.Context, l *otel.LogRecord) error {
	if err := r.over(ctx, l.Size()); err != nil {
		return err
	}
	return otel.ImporterOf(r.Sink).ImportLog(ctx, l)
}

// ImportMetrics passes metrics on, unless they are over a limit.
func (r *records) ImportMetrics(ctx context.Context, m *otel.ResourceMetrics) (int, error) {
	if err := r.over(ctx, m.Size()); err != nil {
		return m.Points(), err
	}
	return otel.ImporterOf(r.Sink).ImportMetrics(ctx, m)
}

// Service is the observer's.
func (r *records) Service() []otel.KeyValue {
	if d, ok := r.Sink.(otel.Described); ok {
		return d.Service()
	}
	return nil
}

// recordsKey is the context key of the budget of lines in a context of Detach.
type recordsKey struct{ lines *Lines }

// Detach returns a context that has the task's limits, too.
func (r *records) Detach(ctx context.Context) context.Context {
	return context.WithValue(r.Sink.Detach(ctx), recordsKey{r.lines}, r.budget(ctx))
}

func (r *records) budget(ctx context.Context) *budget {
	if b, ok := component.TaskValue(ctx, r.lines.rates, nil).(*budget); ok {
		return b
	}
	if b, ok := ctx.Value(recordsKey{r.lines}).(*budget); ok {
		return b
	}
	return r.lines.budget(ctx)
}

// admit names the limit that a record of n bytes is over; empty for none.
func (r *records) admit(ctx context.Context, n int) string {
	l := r.lines.line
	l.Stream = "otel"
	return r.budget(ctx).admit(ctx, l, n)
}
