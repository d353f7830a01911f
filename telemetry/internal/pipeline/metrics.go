package pipeline

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/bound"
)

// metricsOut is what sends metrics: an exporter, or a reader that serves them itself (prometheus).
type metricsOut struct {
	exp      sdkmetric.Exporter
	reader   sdkmetric.Reader
	producer *bound.Producer // of reader; nil if it took none
}

// metricsOut makes it. A reader belongs to one provider for ever, an exporter can serve many, so exporters are made here
// where autoexport would give a reader around them.
func (e environment) metricsOut(ctx context.Context, name string) (out metricsOut, err error) {
	switch name {
	case "otlp":
		var grpc []otlpmetricgrpc.Option
		var http []otlpmetrichttp.Option
		if where := e.unset(metrics); where != "" {
			grpc, http = append(grpc, otlpmetricgrpc.WithEndpointURL(where)), append(http, otlpmetrichttp.WithEndpointURL(where))
		}
		if e.protocol(metrics) == protoGRPC {
			out.exp, err = otlpmetricgrpc.New(ctx, grpc...)
			return out, err
		}
		out.exp, err = otlpmetrichttp.New(ctx, http...)
		return out, err
	case "console":
		out.exp, err = stdoutmetric.New()
		return out, err
	}
	out.reader, out.producer, err = e.servedMetrics(ctx)
	if err == nil && autoexport.IsNoneMetricReader(out.reader) {
		return metricsOut{}, nil
	}
	return out, err
}

// fallback guards autoexport's one place for a producer, which all readers in the process share.
var fallback sync.Mutex

// servedMetrics has autoexport make a reader. It takes our producer unless OTEL_METRICS_PRODUCERS names others. The
// temporality of a reader that is not an exporter's is cumulative.
func (e environment) servedMetrics(ctx context.Context) (r sdkmetric.Reader, taken *bound.Producer, err error) {
	fallback.Lock()
	defer fallback.Unlock()
	autoexport.WithFallbackMetricProducer(func(context.Context) (sdkmetric.Producer, error) {
		taken = bound.NewProducer(bound.Settings{Exemplars: e.exemplarFilter()})
		return taken, nil
	})
	defer autoexport.WithFallbackMetricProducer(nil)
	r, err = autoexport.NewMetricReader(ctx)
	return r, taken, err
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
	rm = &metricdata.ResourceMetrics{Resource: rm.Resource, ScopeMetrics: oneScopeEach(rm.ScopeMetrics)}
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
		err = fmt.Errorf("export metrics: %w", err)
	}
	s.losses.ended(n, err)
	return nil
}

// Shutdown does nothing; the pipeline ends the exporter.
func (s *sharedMetrics) Shutdown(context.Context) error { return nil }

// oneScopeEach joins what the SDK's instruments and a producer's measured in the same scope. all stays as it is: it is the
// reader's, who writes the next collection over it.
func oneScopeEach(all []metricdata.ScopeMetrics) []metricdata.ScopeMetrics {
	out := make([]metricdata.ScopeMetrics, 0, len(all))
	for _, sm := range all {
		i := slices.IndexFunc(out, func(have metricdata.ScopeMetrics) bool { return have.Scope == sm.Scope })
		if i < 0 {
			out = append(out, sm)
			continue
		}
		out[i].Metrics = slices.Concat(out[i].Metrics, sm.Metrics)
	}
	return out
}
