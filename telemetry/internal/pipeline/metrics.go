package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// sharedMetrics is an exporter that the periodic readers of all providers share. Its semaphore is a channel and not a lock, so that
// waiting ends with the context: with an unresponsive collector, each reader keeps its own timeout.
type sharedMetrics struct {
	sdkmetric.Exporter
	sem    chan struct{}
	losses *losses
	stop   *stopper

	interval time.Duration // between collections; 0: as the environment says
}

func newSharedMetrics(exp sdkmetric.Exporter, interval time.Duration, l *losses, stop *stopper) *sharedMetrics {
	return &sharedMetrics{Exporter: exp, sem: make(chan struct{}, 1), losses: l, stop: stop, interval: interval}
}

// reader makes the reader of one provider.
func (s *sharedMetrics) reader(producer sdkmetric.Producer) sdkmetric.Reader {
	opts := []sdkmetric.PeriodicReaderOption{sdkmetric.WithProducer(producer)}
	if s.interval > 0 {
		opts = append(opts, sdkmetric.WithInterval(s.interval))
	}
	return sdkmetric.NewPeriodicReader(s, opts...)
}

// Export sends the metrics of one provider. A failed export loses one collection and no cumulative sums, which the next one has;
// it is counted by metrics.
func (s *sharedMetrics) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	rm = &metricdata.ResourceMetrics{Resource: rm.Resource, ScopeMetrics: mergeScopes(rm.ScopeMetrics)}
	n := 0
	for _, sm := range rm.ScopeMetrics {
		n += len(sm.Metrics)
	}
	if n == 0 {
		return nil
	}
	ctx, release := s.stop.derive(ctx)
	defer release()
	select {
	case s.sem <- struct{}{}:
	case <-ctx.Done():
		s.losses.count(ReasonExport, n, fmt.Errorf("export metrics: %w", ctx.Err()))
		return nil
	}
	err := s.Exporter.Export(ctx, rm)
	<-s.sem
	if err != nil {
		err = fmt.Errorf("export metrics: %w", err)
	}
	s.losses.exportDone(n, err)
	return nil
}

// Shutdown does nothing; the pipeline ends the exporter.
func (s *sharedMetrics) Shutdown(context.Context) error { return nil }

// mergeScopes merges the metrics of the SDK's instruments and a producer's in the same scope. It does not change all, which belongs
// to the reader.
func mergeScopes(all []metricdata.ScopeMetrics) []metricdata.ScopeMetrics {
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
