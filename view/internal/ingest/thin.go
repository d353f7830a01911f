package ingest

import (
	"context"
	"slices"
	"sync"
	"time"

	attr "go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Interval is the time between two collections of the process's metrics, and Refresh how long a data point that does not change is left out:
// most of a quiet process's points say what they said before, and the store would fill with them.
const (
	Interval = 5 * time.Second
	Refresh  = time.Minute
)

// thinner is an exporter that leaves out data points that have not changed. Before one that has, the last one that was left out is exported,
// so that a reader can tell when the change was. Calls are not concurrent for one resource, but may be for several.
type thinner struct {
	sdkmetric.Exporter

	mu    sync.Mutex
	known map[series]*last
	swept time.Time
}

// series is what data points of one stream have in common.
type series struct {
	resource attr.Distinct
	scope    instrumentation.Scope
	name     string
	set      attr.Distinct
}

// last is the last data point of a series.
type last struct {
	seen, exported time.Time // when one was last collected, and when one was last exported
	n              uint64    // measurements
	sum            float64
	left           any // the last point that was left out; nil: none since the one that was exported
}

func newThinner(to sdkmetric.Exporter) *thinner {
	return &thinner{Exporter: to, known: map[series]*last{}}
}

// Export exports what has changed, and everything once in a while.
func (t *thinner) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	out := metricdata.ResourceMetrics{Resource: rm.Resource}
	t.mu.Lock()
	now := time.Now()
	for _, sm := range rm.ScopeMetrics {
		kept := metricdata.ScopeMetrics{Scope: sm.Scope}
		for _, m := range sm.Metrics {
			k := series{resource: rm.Resource.Equivalent(), scope: sm.Scope, name: m.Name}
			if m.Data = t.changed(k, m.Data, now); m.Data != nil {
				kept.Metrics = append(kept.Metrics, m)
			}
		}
		if len(kept.Metrics) > 0 {
			out.ScopeMetrics = append(out.ScopeMetrics, kept)
		}
	}
	t.sweep(now)
	t.mu.Unlock()
	if len(out.ScopeMetrics) == 0 {
		return nil
	}
	return t.Exporter.Export(ctx, &out)
}

// sweep forgets series that are not collected any more.
func (t *thinner) sweep(now time.Time) {
	if now.Sub(t.swept) < Refresh {
		return
	}
	t.swept = now
	for k, l := range t.known {
		if now.Sub(l.seen) > 2*Refresh {
			delete(t.known, k)
		}
	}
}

// changed is an aggregation with the points that are to be exported; nil: none.
func (t *thinner) changed(k series, data metricdata.Aggregation, now time.Time) metricdata.Aggregation {
	switch d := data.(type) {
	case metricdata.Sum[int64]:
		d.DataPoints = points(t, k, d.DataPoints, now)
		return some(d, len(d.DataPoints))
	case metricdata.Sum[float64]:
		d.DataPoints = points(t, k, d.DataPoints, now)
		return some(d, len(d.DataPoints))
	case metricdata.Gauge[int64]:
		d.DataPoints = points(t, k, d.DataPoints, now)
		return some(d, len(d.DataPoints))
	case metricdata.Gauge[float64]:
		d.DataPoints = points(t, k, d.DataPoints, now)
		return some(d, len(d.DataPoints))
	case metricdata.Histogram[int64]:
		d.DataPoints = histograms(t, k, d.DataPoints, now)
		return some(d, len(d.DataPoints))
	case metricdata.Histogram[float64]:
		d.DataPoints = histograms(t, k, d.DataPoints, now)
		return some(d, len(d.DataPoints))
	}
	return data // exponential histograms, and what is not known here
}

func some[A metricdata.Aggregation](a A, n int) metricdata.Aggregation {
	if n == 0 {
		return nil
	}
	return a
}

func points[N int64 | float64](t *thinner, k series, all []metricdata.DataPoint[N], now time.Time) []metricdata.DataPoint[N] {
	return thin(t, k, all, now, func(p *metricdata.DataPoint[N]) (attr.Distinct, uint64, float64) {
		return p.Attributes.Equivalent(), 0, float64(p.Value)
	}, func(p metricdata.DataPoint[N]) metricdata.DataPoint[N] {
		p.Exemplars = nil
		return p
	})
}

func histograms[N int64 | float64](t *thinner, k series, all []metricdata.HistogramDataPoint[N], now time.Time) []metricdata.HistogramDataPoint[N] {
	return thin(t, k, all, now, func(p *metricdata.HistogramDataPoint[N]) (attr.Distinct, uint64, float64) {
		return p.Attributes.Equivalent(), p.Count, float64(p.Sum)
	}, func(p metricdata.HistogramDataPoint[N]) metricdata.HistogramDataPoint[N] {
		p.Exemplars = nil
		p.BucketCounts = slices.Clone(p.BucketCounts) // the reader's, which uses it again
		return p
	})
}

// thin returns the points that have changed or are due. value says what a point is about and what it says, keep copies one.
func thin[P any](t *thinner, k series, all []P, now time.Time, value func(*P) (attr.Distinct, uint64, float64), keep func(P) P) []P {
	out := make([]P, 0, len(all))
	for i := range all {
		set, n, sum := value(&all[i])
		k.set = set
		l := t.known[k]
		if l == nil {
			l = &last{}
			t.known[k] = l
		}
		same := !l.seen.IsZero() && l.n == n && l.sum == sum
		l.seen, l.n, l.sum = now, n, sum
		if same && now.Sub(l.exported) < Refresh-Interval/2 {
			l.left = keep(all[i])
			continue
		}
		if left, ok := l.left.(P); ok && !same {
			out = append(out, left)
		}
		l.left, l.exported = nil, now
		out = append(out, all[i])
	}
	return out
}
