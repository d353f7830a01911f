package pipeline

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"
)

// logPipe is the batch processor of one consumer, which all providers share.
type logPipe struct {
	*sdklog.BatchProcessor
	inflight *inflight
}

func newLogPipe(exp sdklog.Exporter, bound int, delay time.Duration, l *losses, stop *stopper) *logPipe {
	f := newInflight(bound, l)
	options := []sdklog.BatchProcessorOption{sdklog.WithMaxQueueSize(bound)}
	if delay > 0 {
		options = append(options, sdklog.WithExportInterval(delay))
	}
	return &logPipe{
		BatchProcessor: sdklog.NewBatchProcessor(&countedLogs{exp, f, stop}, options...),
		inflight:       f,
	}
}

// OnEmit queues a record or drops it.
func (p *logPipe) OnEmit(ctx context.Context, r *sdklog.Record) error {
	if !p.inflight.enter(sizeOf(r)) {
		return nil
	}
	return p.BatchProcessor.OnEmit(ctx, r)
}

func (p *logPipe) close(ctx context.Context) error {
	err := p.BatchProcessor.Shutdown(ctx)
	p.inflight.abandon()
	return err
}

// countedLogs is an exporter that reports each batch's result to inflight.
type countedLogs struct {
	sdklog.Exporter
	inflight *inflight
	stop     *stopper
}

// Export sends records, in messages of a bounded size.
func (c *countedLogs) Export(ctx context.Context, records []sdklog.Record) error {
	if len(records) == 0 {
		return nil
	}
	ctx, release := c.stop.derive(ctx)
	defer release()
	for len(records) > 0 {
		n, size := 1, sizeOf(&records[0])
		for ; n < len(records); n++ {
			next := sizeOf(&records[n])
			if size+next > maxBatch {
				break
			}
			size += next
		}
		err := c.Exporter.Export(ctx, records[:n])
		if err != nil {
			err = fmt.Errorf("export log records: %w", err)
		}
		c.inflight.leave(n, size, err)
		records = records[n:]
	}
	return nil
}

// emptyRecord is about the size of a record without its texts, in bytes.
const emptyRecord = 256

// sizeOf estimates a record's size in bytes; the same each time.
func sizeOf(r *sdklog.Record) int {
	n := emptyRecord + len(r.EventName()) + len(r.SeverityText()) + sizeOfValue(r.Body())
	r.WalkAttributes(func(kv attribute.KeyValue) bool {
		n += 16 + len(kv.Key) + sizeOfValue(kv.Value)
		return true
	})
	return n
}

func sizeOfValue(v attribute.Value) int {
	n := 8
	switch v.Type() {
	case attribute.STRING:
		n += len(v.AsString())
	case attribute.BYTESLICE:
		n += len(v.AsByteSlice())
	case attribute.STRINGSLICE:
		for _, s := range v.AsStringSlice() {
			n += 16 + len(s)
		}
	case attribute.SLICE:
		for _, e := range v.AsSlice() {
			n += sizeOfValue(e)
		}
	case attribute.MAP:
		for _, kv := range v.AsMap() {
			n += 16 + len(kv.Key) + sizeOfValue(kv.Value)
		}
	case attribute.INT64SLICE:
		n += 8 * len(v.AsInt64Slice())
	case attribute.FLOAT64SLICE:
		n += 8 * len(v.AsFloat64Slice())
	}
	return n
}
