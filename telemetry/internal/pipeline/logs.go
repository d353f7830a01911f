package pipeline

import (
	"context"
	"fmt"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"
)

func (e environment) logExporter(ctx context.Context, name string) (sdklog.Exporter, error) {
	if name != "otlp" {
		exp, err := autoexport.NewLogExporter(ctx)
		if err == nil && autoexport.IsNoneLogExporter(exp) {
			return nil, nil
		}
		return exp, err
	}
	if e.protocol(logs) == protoGRPC {
		return otlploggrpc.New(ctx)
	}
	return otlploghttp.New(ctx)
}

// logPipe is the batch processor of all providers together.
type logPipe struct {
	*sdklog.BatchProcessor
	gate *gate
}

func newLogPipe(exp sdklog.Exporter, bound int, l *losses, stop *stopper) *logPipe {
	g := &gate{bound: int64(bound), losses: l}
	return &logPipe{
		BatchProcessor: sdklog.NewBatchProcessor(&countedLogs{exp, g, stop}, sdklog.WithMaxQueueSize(bound)),
		gate:           g,
	}
}

// OnEmit queues a record or drops it.
func (p *logPipe) OnEmit(ctx context.Context, r *sdklog.Record) error {
	if !p.gate.enter() {
		return nil
	}
	return p.BatchProcessor.OnEmit(ctx, r)
}

func (p *logPipe) close(ctx context.Context) error {
	err := p.BatchProcessor.Shutdown(ctx)
	p.gate.abandon()
	return err
}

// countedLogs tells the gate what became of each batch.
type countedLogs struct {
	sdklog.Exporter
	gate *gate
	stop *stopper
}

func (c *countedLogs) Export(ctx context.Context, records []sdklog.Record) error {
	if len(records) == 0 {
		return nil
	}
	ctx, release := c.stop.bound(ctx)
	defer release()
	err := c.Exporter.Export(ctx, records)
	if err != nil {
		err = fmt.Errorf("export log records: %w", err)
	}
	c.gate.leave(len(records), err)
	return nil
}

// sharedLogs is the processor as one of several providers sees it.
type sharedLogs struct{ sdklog.Processor }

func (sharedLogs) Shutdown(context.Context) error { return nil }
