package pipeline

import (
	"context"
	"fmt"
	"slices"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// sharedMetrics is the exporter as the periodic reader of each provider sees it. Its turn is a channel and not a lock,
// so that waiting for it ends with the context: behind a collector that does not answer, each reader gives up in its
// own time.
type sharedMetrics struct {
	sdkmetric.Exporter
	turn   chan struct{}
	losses *losses
	stop   *stopper
	pushes pushes // beside what readers collect
}

func newSharedMetrics(exp sdkmetric.Exporter, l *losses, stop *stopper) *sharedMetrics {
	s := &sharedMetrics{Exporter: exp, turn: make(chan struct{}, 1), losses: l, stop: stop}
	s.pushes.to = s
	return s
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
