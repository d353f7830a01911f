package pipeline

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/protobuf/proto"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// allQueues is several queues as one sink: each has a copy of a span, or drops it.
type allQueues []*spanQueue

// Take has every queue take a span.
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

// allLogs is the batch processors of all consumers, as one of several providers sees them.
type allLogs struct {
	sdklog.Processor // one of them: they are alike in what they want
	all              []*logPipe
}

// OnEmit has every queue take a record.
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

// encoder is a processor that hands the spans of a provider of the SDK's to queues, which take them encoded.
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
	var got catcher
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

// source is where s comes from; a processor has one provider, and so one resource.
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

// ForceFlush sends what was taken.
func (e *encoder) ForceFlush(ctx context.Context) error { return e.to.Flush(ctx) }

// Shutdown says that no more spans come from here. The queues go on: they are shared.
func (e *encoder) Shutdown(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, end := range e.end {
		end()
	}
	return nil
}
