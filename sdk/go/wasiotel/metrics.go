package wasiotel

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/vitrine-wasm/vitrine/sdk/go/internal/bindings"
)

// MetricExporter hands metrics over to the host, for a reader of a meter provider. A periodic reader needs goroutines that run while no request does, which a
// component does not have: use a manual one, and export at the end of each request, as [SDK] does. It is safe for concurrent use.
type MetricExporter struct {
	host        host
	temporality sdkmetric.TemporalitySelector
}

// NewMetricExporter makes an exporter. Without a selector counters and histograms are deltas: an instance of a component may live for one request only, and
// the sums of thousands of instances could not be told apart. See [WithTemporality].
func NewMetricExporter(temporality sdkmetric.TemporalitySelector) *MetricExporter {
	return newMetricExporter(theHost(), temporality)
}

func newMetricExporter(h host, temporality sdkmetric.TemporalitySelector) *MetricExporter {
	if temporality == nil {
		temporality = sdkmetric.DeltaTemporalitySelector
	}
	return &MetricExporter{host: h, temporality: temporality}
}

var _ sdkmetric.Exporter = (*MetricExporter)(nil)

// Temporality is that of the selector.
func (e *MetricExporter) Temporality(k sdkmetric.InstrumentKind) metricdata.Temporality {
	return e.temporality(k)
}

// Aggregation is the SDK's default.
func (e *MetricExporter) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(k)
}

// Export hands metrics over, all of them in one call. Its error is what the host says, or about metrics that the interface has no type for; the others are handed
// over all the same.
func (e *MetricExporter) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	if e == nil || e.host == nil || rm == nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	out := bindings.ResourceMetrics{Resource: lowerResource(rm.Resource)}
	var errs []error
	for _, s := range rm.ScopeMetrics {
		scope := bindings.ScopeMetrics{Scope: lowerScope(s.Scope)}
		for _, m := range s.Metrics {
			data, ok := lowerData(m.Data)
			if !ok {
				errs = append(errs, fmt.Errorf("wasiotel: metric %s is a %T, which wasi:otel has no type for", m.Name, m.Data))
				continue
			}
			scope.Metrics = append(scope.Metrics, bindings.Metric{Name: m.Name, Description: m.Description, Unit: m.Unit, Data: data})
		}
		if len(scope.Metrics) > 0 {
			out.ScopeMetrics = append(out.ScopeMetrics, scope)
		}
	}
	if len(out.ScopeMetrics) > 0 {
		if err := e.host.export(out); err != nil {
			errs = append(errs, fmt.Errorf("wasiotel: the host has not taken the metrics: %w", err))
		}
	}
	return errors.Join(errs...)
}

// ForceFlush does nothing: nothing is kept.
func (e *MetricExporter) ForceFlush(context.Context) error { return nil }

// Shutdown does nothing.
func (e *MetricExporter) Shutdown(context.Context) error { return nil }

func lowerData(data metricdata.Aggregation) (bindings.MetricData, bool) {
	switch d := data.(type) {
	case metricdata.Gauge[int64]:
		return bindings.MetricDataS64Gauge(lowerGauge(d)), true
	case metricdata.Gauge[float64]:
		return bindings.MetricDataF64Gauge(lowerGauge(d)), true
	case metricdata.Sum[int64]:
		return bindings.MetricDataS64Sum(lowerSum(d)), true
	case metricdata.Sum[float64]:
		return bindings.MetricDataF64Sum(lowerSum(d)), true
	case metricdata.Histogram[int64]:
		return bindings.MetricDataS64Histogram(lowerHistogram(d)), true
	case metricdata.Histogram[float64]:
		return bindings.MetricDataF64Histogram(lowerHistogram(d)), true
	case metricdata.ExponentialHistogram[int64]:
		return bindings.MetricDataS64ExponentialHistogram(lowerExponential(d)), true
	case metricdata.ExponentialHistogram[float64]:
		return bindings.MetricDataF64ExponentialHistogram(lowerExponential(d)), true
	}
	return bindings.MetricData{}, false
}

type number interface{ int64 | float64 }

func lowerNumber[N number](n N) bindings.MetricNumber {
	if f, ok := any(n).(float64); ok {
		return bindings.MetricNumberF64(f)
	}
	return bindings.MetricNumberS64(int64(n))
}

func lowerExtrema[N number](e metricdata.Extrema[N]) *bindings.MetricNumber {
	v, ok := e.Value()
	if !ok {
		return nil
	}
	n := lowerNumber(v)
	return &n
}

func lowerTemporality(t metricdata.Temporality) bindings.Temporality {
	if t == metricdata.DeltaTemporality {
		return bindings.TemporalityDelta
	}
	return bindings.TemporalityCumulative
}

// lowerSet is the attributes of a data point.
func lowerSet(s attribute.Set) []bindings.KeyValue { return lowerAttributes(s.ToSlice()) }

func lowerExemplars[N number](all []metricdata.Exemplar[N]) []bindings.Exemplar {
	var list []bindings.Exemplar
	for _, e := range all {
		list = append(list, bindings.Exemplar{
			FilteredAttributes: lowerAttributes(e.FilteredAttributes), Time: lowerTime(e.Time), Value: lowerNumber(e.Value),
			SpanID: hex.EncodeToString(e.SpanID), TraceID: hex.EncodeToString(e.TraceID),
		})
	}
	return list
}

func lowerGauge[N number](g metricdata.Gauge[N]) bindings.Gauge {
	var out bindings.Gauge
	for _, p := range g.DataPoints {
		out.StartTime, out.Time = maybeTime(p.StartTime), lowerTime(p.Time)
		out.DataPoints = append(out.DataPoints, bindings.GaugeDataPoint{Attributes: lowerSet(p.Attributes), Value: lowerNumber(p.Value), Exemplars: lowerExemplars(p.Exemplars)})
	}
	return out
}

// span is the time that data points are about. The interface has one for all of them, the SDK one for each: it is that of the first start
// and of the last end.
type span struct{ start, end time.Time }

func (s *span) add(start, end time.Time) {
	if s.start.IsZero() || start.Before(s.start) {
		s.start = start
	}
	if end.After(s.end) {
		s.end = end
	}
}

func lowerSum[N number](s metricdata.Sum[N]) bindings.Sum {
	out := bindings.Sum{Temporality: lowerTemporality(s.Temporality), IsMonotonic: s.IsMonotonic}
	var when span
	for _, p := range s.DataPoints {
		when.add(p.StartTime, p.Time)
		out.DataPoints = append(out.DataPoints, bindings.SumDataPoint{Attributes: lowerSet(p.Attributes), Value: lowerNumber(p.Value), Exemplars: lowerExemplars(p.Exemplars)})
	}
	out.StartTime, out.Time = lowerTime(when.start), lowerTime(when.end)
	return out
}

func lowerHistogram[N number](h metricdata.Histogram[N]) bindings.Histogram {
	out := bindings.Histogram{Temporality: lowerTemporality(h.Temporality)}
	var when span
	for _, p := range h.DataPoints {
		when.add(p.StartTime, p.Time)
		out.DataPoints = append(out.DataPoints, bindings.HistogramDataPoint{
			Attributes: lowerSet(p.Attributes), Count: p.Count, Bounds: p.Bounds, BucketCounts: p.BucketCounts,
			Min: lowerExtrema(p.Min), Max: lowerExtrema(p.Max), Sum: lowerNumber(p.Sum), Exemplars: lowerExemplars(p.Exemplars),
		})
	}
	out.StartTime, out.Time = lowerTime(when.start), lowerTime(when.end)
	return out
}

func lowerExponential[N number](h metricdata.ExponentialHistogram[N]) bindings.ExponentialHistogram {
	out := bindings.ExponentialHistogram{Temporality: lowerTemporality(h.Temporality)}
	var when span
	for _, p := range h.DataPoints {
		when.add(p.StartTime, p.Time)
		out.DataPoints = append(out.DataPoints, bindings.ExponentialHistogramDataPoint{
			Attributes: lowerSet(p.Attributes), Count: p.Count, Min: lowerExtrema(p.Min), Max: lowerExtrema(p.Max), Sum: lowerNumber(p.Sum),
			Scale: int8(min(max(p.Scale, -128), 127)), ZeroCount: p.ZeroCount, ZeroThreshold: p.ZeroThreshold,
			PositiveBucket: bindings.ExponentialBucket{Offset: p.PositiveBucket.Offset, Counts: p.PositiveBucket.Counts},
			NegativeBucket: bindings.ExponentialBucket{Offset: p.NegativeBucket.Offset, Counts: p.NegativeBucket.Counts},
			Exemplars:      lowerExemplars(p.Exemplars),
		})
	}
	out.StartTime, out.Time = lowerTime(when.start), lowerTime(when.end)
	return out
}
