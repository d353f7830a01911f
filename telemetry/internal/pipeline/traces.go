package pipeline

import (
	"context"
	"fmt"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// spanExporter makes the exporter called name. "otlp" is made here, because autoexport refuses a bad protocol where the
// specification wants it ignored; all other names are autoexport's, those that an embedder registered there included.
func (e environment) spanExporter(ctx context.Context, name string) (sdktrace.SpanExporter, error) {
	if name != "otlp" {
		exp, err := autoexport.NewSpanExporter(ctx)
		if err == nil && autoexport.IsNoneSpanExporter(exp) {
			return nil, nil
		}
		return exp, err
	}
	switch e.protocol(traces) {
	case protoGRPC:
		return otlptracegrpc.New(ctx)
	case protoJSON:
		return otlptracehttp.New(ctx, otlptracehttp.WithEncoding(otlptracehttp.EncodingJSON))
	}
	return otlptracehttp.New(ctx, otlptracehttp.WithEncoding(otlptracehttp.EncodingProtobuf))
}

// spanPipe is the batch processor of all providers together.
type spanPipe struct {
	sdktrace.SpanProcessor
	gate *gate
}

func newSpanPipe(exp sdktrace.SpanExporter, bound int, l *losses, stop *stopper) *spanPipe {
	g := &gate{bound: int64(bound), losses: l}
	return &spanPipe{
		SpanProcessor: sdktrace.NewBatchSpanProcessor(&countedSpans{exp, g, stop}, sdktrace.WithMaxQueueSize(bound),
			sdktrace.WithMaxExportBatchSize(min(bound, sdktrace.DefaultMaxExportBatchSize))),
		gate: g,
	}
}

// OnEnd queues a span or drops it.
func (p *spanPipe) OnEnd(s sdktrace.ReadOnlySpan) {
	if s.SpanContext().IsSampled() && p.gate.enter() {
		p.SpanProcessor.OnEnd(s)
	}
}

func (p *spanPipe) close(ctx context.Context) error {
	err := p.SpanProcessor.Shutdown(ctx)
	p.gate.abandon()
	return err
}

// countedSpans tells the gate what became of each batch. It reports no errors to the SDK, whose handler would say each
// one.
type countedSpans struct {
	sdktrace.SpanExporter
	gate *gate
	stop *stopper
}

func (c *countedSpans) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, release := c.stop.bound(ctx)
	defer release()
	err := c.SpanExporter.ExportSpans(ctx, spans)
	if err != nil {
		err = fmt.Errorf("export spans: %w", err)
	}
	c.gate.leave(len(spans), err)
	return nil
}

// sharedSpans is a processor as one of several providers sees it: the end of a provider does not end the processor.
type sharedSpans struct{ sdktrace.SpanProcessor }

func (sharedSpans) Shutdown(context.Context) error { return nil }
