package pipeline

import (
	"context"
	"errors"
	"slices"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/protobuf/proto"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// allQueues is a sink that gives each span to several queues, each of which copies or drops it.
type allQueues []*spanQueue

// Take gives a span to every queue.
func (a allQueues) Take(from *span.Source, encoded []byte) {
	for _, q := range a {
		q.Take(from, encoded)
	}
}

// Flush flushes all at once.
func (a allQueues) Flush(ctx context.Context) error {
	all := make([]func(context.Context) error, len(a))
	for i, q := range a {
		all[i] = q.Flush
	}
	return All(ctx, all...)
}

// allLogs is one provider's processor, which gives records to the batch processors of all consumers.
type allLogs struct {
	sdklog.Processor // one of all: Enabled is the same for each
	all              []*logPipe
}

// OnEmit gives a record to every queue.
func (a allLogs) OnEmit(ctx context.Context, r *sdklog.Record) error {
	var errs []error
	for _, l := range a.all {
		if err := l.OnEmit(ctx, r); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// ForceFlush flushes all at once.
func (a allLogs) ForceFlush(ctx context.Context) error {
	all := make([]func(context.Context) error, len(a.all))
	for i, l := range a.all {
		all[i] = l.ForceFlush
	}
	return All(ctx, all...)
}

// Shutdown does nothing; the pipeline ends the processors.
func (allLogs) Shutdown(context.Context) error { return nil }

// GuestSpansFull says that no queue has room for a span of the guest with the given [span.Provider.GuestKey]. If any queue has room, the
// span is taken, and the full queues drop it, so that a slow consumer does not affect the others.
func (p *Pipeline) GuestSpansFull(guest any) bool {
	return len(p.queues) > 0 && !slices.ContainsFunc(p.queues, func(q *spanQueue) bool { return q.shares.room(guest) && q.inflight.room() })
}

// LogsFull says that no queue has room for a log record.
func (p *Pipeline) LogsFull() bool {
	return len(p.logs) > 0 && !slices.ContainsFunc(p.logs, func(l *logPipe) bool { return l.inflight.room() })
}

// encoder is a processor that encodes the spans of an SDK's provider for the queues.
type encoder struct {
	to span.Sink

	mu      sync.Mutex
	sources map[instrumentation.Scope]*span.Source
	end     []func()
}

func newEncoder(to span.Sink) *encoder {
	return &encoder{to: to, sources: map[instrumentation.Scope]*span.Source{}}
}

// OnStart does nothing.
func (*encoder) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd encodes a span.
func (e *encoder) OnEnd(s sdktrace.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	var got captureClient
	err := otlptrace.NewUnstarted(&got).ExportSpans(context.Background(), []sdktrace.ReadOnlySpan{s})
	if err == nil && (len(got.spans) != 1 || len(got.spans[0].ScopeSpans) != 1 || len(got.spans[0].ScopeSpans[0].Spans) != 1) {
		err = errors.New("no message for a span")
	}
	var b []byte
	if err == nil {
		b, err = proto.Marshal(got.spans[0].ScopeSpans[0].Spans[0])
	}
	if err != nil {
		otel.Handle(err)
		return
	}
	e.to.Take(e.source(s), b)
}

// source returns the source of s, by its scope: a processor has one provider, and so one resource.
func (e *encoder) source(s sdktrace.ReadOnlySpan) *span.Source {
	e.mu.Lock()
	defer e.mu.Unlock()
	src := e.sources[s.InstrumentationScope()]
	if src == nil {
		var end func()
		src, end = span.NewSource(s.Resource(), s.InstrumentationScope())
		e.sources[s.InstrumentationScope()], e.end = src, append(e.end, end)
	}
	return src
}

// ForceFlush flushes the queues.
func (e *encoder) ForceFlush(ctx context.Context) error { return e.to.Flush(ctx) }

// Shutdown ends the sources. The queues are shared, and stay open.
func (e *encoder) Shutdown(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, end := range e.end {
		end()
	}
	return nil
}
