package pipeline

import (
	"context"
	"fmt"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// metricExporter makes what sends metrics: an exporter, or a reader that serves them itself (prometheus). A reader
// belongs to one provider for ever, an exporter can serve many, so exporters are made here where autoexport would give
// a reader around them.
func (e environment) metricExporter(ctx context.Context, name string) (sdkmetric.Exporter, sdkmetric.Reader, error) {
	switch name {
	case "otlp":
		if e.protocol(metrics) == protoGRPC {
			exp, err := otlpmetricgrpc.New(ctx)
			return exp, nil, err
		}
		exp, err := otlpmetrichttp.New(ctx)
		return exp, nil, err
	case "console":
		exp, err := stdoutmetric.New()
		return exp, nil, err
	}
	r, err := autoexport.NewMetricReader(ctx)
	if err == nil && autoexport.IsNoneMetricReader(r) {
		return nil, nil, nil
	}
	return nil, r, err
}

// sharedMetrics is the exporter as the periodic reader of each provider sees it. Its turn is a channel and not a lock,
// so that waiting for it ends with the context: behind a collector that does not answer, each reader gives up in its
// own time.
type sharedMetrics struct {
	sdkmetric.Exporter
	turn   chan struct{}
	losses *losses
	stop   *stopper
}

func newSharedMetrics(exp sdkmetric.Exporter, l *losses, stop *stopper) *sharedMetrics {
	return &sharedMetrics{exp, make(chan struct{}, 1), l, stop}
}

// Export sends the metrics of one provider. A failed export is no loss of measurements (the next one carries the sums)
// but of one collection; it is counted by data points.
func (s *sharedMetrics) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	n := 0
	for _, sm := range rm.ScopeMetrics {
		n += len(sm.Metrics)
	}
	if n == 0 {
		return nil
	}
	ctx, release := s.stop.bound(ctx)
	defer release()
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		s.losses.count(ReasonExport, n, fmt.Errorf("export metrics: %w", ctx.Err()))
		return nil
	}
	err := s.Exporter.Export(ctx, rm)
	<-s.turn
	if err != nil {
		s.losses.count(ReasonExport, n, fmt.Errorf("export metrics: %w", err))
	}
	return nil
}

// Shutdown does nothing; the pipeline ends the exporter.
func (s *sharedMetrics) Shutdown(context.Context) error { return nil }
