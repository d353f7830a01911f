package telemetry

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/sanitize"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// maxMetrics bounds one export, in bytes: it is sent in one message.
const maxMetrics = 2 << 20

var errMetricsSize = fmt.Errorf("more than %d bytes of metrics in one export", maxMetrics)

// ExportMetrics queues metrics. Each instance is a writer of its own, as cumulative sums require it (metrics data model, single
// writer): its service.instance.id ends with the number of the instance. It drops malformed metrics and returns an error for each.
func (i *interceptor) ExportMetrics(ctx context.Context, m *otel.ResourceMetrics) error {
	w := i.guestSource(ctx)
	if !i.t.pipe.Metrics() || w.p.res.SDK().Len() == 0 {
		return nil
	}
	size := m.Size()
	if size > maxMetrics {
		return errMetricsSize
	}
	out := &metricdata.ResourceMetrics{Resource: w.resource(&m.Resource)}
	var errs []error
	for k := range m.Scopes {
		s := &m.Scopes[k]
		sm := metricdata.ScopeMetrics{Scope: w.p.metricScope(&s.Scope)}
		for j := range s.Metrics {
			x, err := w.metric(ctx, &s.Metrics[j])
			if err != nil {
				errs = append(errs, err)
				continue
			}
			sm.Metrics = append(sm.Metrics, x)
		}
		if len(sm.Metrics) > 0 {
			out.ScopeMetrics = append(out.ScopeMetrics, sm)
		}
	}
	if len(out.ScopeMetrics) > 0 {
		errs = append(errs, i.t.pipe.PushMetrics(out, size))
	}
	return errors.Join(errs...)
}

func (p *providers) metricScope(s *otel.Scope) instrumentation.Scope {
	room := maxScope
	kvs, _ := p.attributes(s.Attributes, &room)
	return instrumentation.Scope{
		Name: sanitize.Label(s.Name), Version: sanitize.Label(s.Version), SchemaURL: sanitize.Label(s.SchemaURL), Attributes: attribute.NewSet(sanitize.Labels(kvs)...),
	}
}

// resource is the service's resource with the guest's other attributes and the instance.
func (w *guestSource) resource(r *otel.Resource) *resource.Resource {
	room := maxScope
	own := w.p.res.SDK()
	id, _ := own.Set().Value(semconv.ServiceInstanceIDKey)
	kvs := append(w.p.resourceOf(r, &room), own.Attributes()...)
	kvs = append(kvs, w.originAttributes()...)
	kvs = append(kvs, semconv.ServiceInstanceID(fmt.Sprintf("%s/%d", id.AsString(), w.instance)))
	return sanitize.NewResource(resource.NewWithAttributes(own.SchemaURL(), kvs...)).SDK()
}

// metric converts a metric to the SDK's data model.
func (w *guestSource) metric(ctx context.Context, m *otel.Metric) (metricdata.Metrics, error) {
	out := metricdata.Metrics{Name: sanitize.Label(m.Name), Description: sanitize.Label(m.Description), Unit: sanitize.Label(m.Unit)}
	if m.Name == "" {
		return out, errors.New("a metric has no name")
	}
	var err error
	switch d := m.Data.(type) {
	case *otel.Gauge:
		if allWhole(d.Kind, d.Points) {
			out.Data = metricdata.Gauge[int64]{DataPoints: dataPoints(ctx, w, d.Points, d.Start, d.Time, intOf)}
		} else {
			out.Data = metricdata.Gauge[float64]{DataPoints: dataPoints(ctx, w, d.Points, d.Start, d.Time, floatOf)}
		}
	case *otel.Sum:
		t := temporalityOf(d.Temporality, d.Monotonic)
		if allWhole(d.Kind, d.Points) {
			out.Data = metricdata.Sum[int64]{DataPoints: dataPoints(ctx, w, d.Points, &d.Start, d.Time, intOf), Temporality: t, IsMonotonic: d.Monotonic}
		} else {
			out.Data = metricdata.Sum[float64]{DataPoints: dataPoints(ctx, w, d.Points, &d.Start, d.Time, floatOf), Temporality: t, IsMonotonic: d.Monotonic}
		}
	case *otel.Histogram:
		out.Data, err = w.histogram(ctx, d)
	case *otel.ExponentialHistogram:
		out.Data = w.exponential(ctx, d)
	default:
		err = errors.New("it has no data")
	}
	if err != nil {
		return out, fmt.Errorf("metric %q: %w", out.Name, err)
	}
	return out, nil
}

// temporalityOf resolves a temporality; delta says what otel.LowMemory means for the instrument.
func temporalityOf(t otel.Temporality, delta bool) metricdata.Temporality {
	if t == otel.Delta || t == otel.LowMemory && delta {
		return metricdata.DeltaTemporality
	}
	return metricdata.CumulativeTemporality
}

// allWhole says whether all values fit into OTLP's whole numbers, which are of 64 bits with a sign.
func allWhole(k otel.NumberKind, ps []otel.Point) bool {
	if k == otel.Float64 {
		return false
	}
	for i := range ps {
		n := &ps[i].Value
		if n.Kind == otel.Float64 || n.Kind == otel.Uint64 && n.Uint > math.MaxInt64 {
			return false
		}
	}
	return true
}

func intOf(n *otel.Number) int64 {
	switch n.Kind {
	case otel.Uint64:
		return int64(min(n.Uint, math.MaxInt64))
	case otel.Float64:
		return int64(max(min(n.Float, math.MaxInt64/2), math.MinInt64/2))
	}
	return n.Int
}

func floatOf(n *otel.Number) float64 {
	switch n.Kind {
	case otel.Int64:
		return float64(n.Int)
	case otel.Uint64:
		return float64(n.Uint)
	}
	return n.Float
}

func extremum(n *otel.Number) metricdata.Extrema[float64] {
	if n == nil {
		return metricdata.Extrema[float64]{}
	}
	return metricdata.NewExtrema(floatOf(n))
}

// pointAttributes are the attributes of a point.
func (w *guestSource) pointAttributes(in []otel.KeyValue) attribute.Set {
	room := maxScope
	kvs, _ := w.p.attributes(in, &room)
	return attribute.NewSet(sanitize.Labels(kvs)...)
}

func dataPoints[N int64 | float64](ctx context.Context, w *guestSource, in []otel.Point, start *otel.Time, at otel.Time, number func(*otel.Number) N) []metricdata.DataPoint[N] {
	var from time.Time
	if start != nil {
		from = w.time(ctx, *start)
	}
	to := w.time(ctx, at)
	out := make([]metricdata.DataPoint[N], len(in))
	for i := range in {
		p := &in[i]
		out[i] = metricdata.DataPoint[N]{
			Attributes: w.pointAttributes(p.Attributes), StartTime: from, Time: to, Value: number(&p.Value), Exemplars: exemplars(ctx, w, p.Exemplars, number),
		}
	}
	return out
}

func exemplars[N int64 | float64](ctx context.Context, w *guestSource, in []otel.Exemplar, number func(*otel.Number) N) []metricdata.Exemplar[N] {
	var out []metricdata.Exemplar[N]
	for i := range in {
		e := &in[i]
		filtered := w.pointAttributes(e.Filtered)
		x := metricdata.Exemplar[N]{FilteredAttributes: filtered.ToSlice(), Time: w.time(ctx, e.Time), Value: number(&e.Value)}
		if e.TraceID != (otel.TraceID{}) && e.SpanID != (otel.SpanID{}) {
			x.TraceID, x.SpanID = e.TraceID[:], e.SpanID[:]
		}
		out = append(out, x)
	}
	return out
}

func (w *guestSource) histogram(ctx context.Context, d *otel.Histogram) (metricdata.Aggregation, error) {
	out := metricdata.Histogram[float64]{Temporality: temporalityOf(d.Temporality, true)}
	from, to := w.time(ctx, d.Start), w.time(ctx, d.Time)
	for i := range d.Points {
		p := &d.Points[i]
		if len(p.Counts) != len(p.Bounds)+1 && len(p.Counts)+len(p.Bounds) > 0 {
			return nil, fmt.Errorf("a histogram with %d bounds has %d counts", len(p.Bounds), len(p.Counts))
		}
		out.DataPoints = append(out.DataPoints, metricdata.HistogramDataPoint[float64]{
			Attributes: w.pointAttributes(p.Attributes), StartTime: from, Time: to, Count: p.Count, Bounds: p.Bounds, BucketCounts: p.Counts,
			Min: extremum(p.Min), Max: extremum(p.Max), Sum: floatOf(&p.Sum), Exemplars: exemplars(ctx, w, p.Exemplars, floatOf),
		})
	}
	return out, nil
}

func (w *guestSource) exponential(ctx context.Context, d *otel.ExponentialHistogram) metricdata.Aggregation {
	out := metricdata.ExponentialHistogram[float64]{Temporality: temporalityOf(d.Temporality, true)}
	from, to := w.time(ctx, d.Start), w.time(ctx, d.Time)
	for i := range d.Points {
		p := &d.Points[i]
		out.DataPoints = append(out.DataPoints, metricdata.ExponentialHistogramDataPoint[float64]{
			Attributes: w.pointAttributes(p.Attributes), StartTime: from, Time: to, Count: p.Count,
			Min: extremum(p.Min), Max: extremum(p.Max), Sum: floatOf(&p.Sum), Scale: int32(p.Scale), ZeroCount: p.ZeroCount, ZeroThreshold: p.ZeroThreshold,
			PositiveBucket: metricdata.ExponentialBucket{Offset: p.Positive.Offset, Counts: p.Positive.Counts},
			NegativeBucket: metricdata.ExponentialBucket{Offset: p.Negative.Offset, Counts: p.Negative.Counts},
			Exemplars:      exemplars(ctx, w, p.Exemplars, floatOf),
		})
	}
	return out
}
