package otel

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/otel/bindings"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// metrics serves wasi:otel/metrics.
type metrics struct{ sink otel.Sink }

var _ bindings.Metrics = metrics{}

// Export implements bindings.Metrics.
func (m metrics) Export(ctx context.Context, in bindings.ResourceMetrics) error {
	conv := newConverter()
	out := conv.metrics(&in)
	conv.report(ctx, m.sink)
	if err := m.sink.ExportMetrics(ctx, out); err != nil {
		return cm.Fail(err.Error())
	}
	return nil
}

func (c *converter) metrics(in *bindings.ResourceMetrics) *otel.ResourceMetrics {
	out := &otel.ResourceMetrics{Resource: c.resource(&in.Resource), Scopes: make([]otel.ScopeMetrics, len(in.ScopeMetrics))}
	for i := range in.ScopeMetrics {
		s := &in.ScopeMetrics[i]
		to := &out.Scopes[i]
		to.Scope, to.Metrics = c.scope(&s.Scope), make([]otel.Metric, len(s.Metrics))
		for k := range s.Metrics {
			x := &s.Metrics[k]
			to.Metrics[k] = otel.Metric{Name: x.Name, Description: x.Description, Unit: x.Unit, Data: c.data(&x.Data)}
		}
	}
	return out
}

func (c *converter) data(d *bindings.MetricData) otel.MetricData {
	switch d.Tag {
	case bindings.MetricDataTagF64Gauge:
		return c.gauge(otel.Float64, &d.F64Gauge)
	case bindings.MetricDataTagU64Gauge:
		return c.gauge(otel.Uint64, &d.U64Gauge)
	case bindings.MetricDataTagS64Gauge:
		return c.gauge(otel.Int64, &d.S64Gauge)
	case bindings.MetricDataTagF64Sum:
		return c.sum(otel.Float64, &d.F64Sum)
	case bindings.MetricDataTagU64Sum:
		return c.sum(otel.Uint64, &d.U64Sum)
	case bindings.MetricDataTagS64Sum:
		return c.sum(otel.Int64, &d.S64Sum)
	case bindings.MetricDataTagF64Histogram:
		return c.histogram(otel.Float64, &d.F64Histogram)
	case bindings.MetricDataTagU64Histogram:
		return c.histogram(otel.Uint64, &d.U64Histogram)
	case bindings.MetricDataTagS64Histogram:
		return c.histogram(otel.Int64, &d.S64Histogram)
	case bindings.MetricDataTagF64ExponentialHistogram:
		return c.exponential(otel.Float64, &d.F64ExponentialHistogram)
	case bindings.MetricDataTagU64ExponentialHistogram:
		return c.exponential(otel.Uint64, &d.U64ExponentialHistogram)
	}
	return c.exponential(otel.Int64, &d.S64ExponentialHistogram)
}

func (c *converter) gauge(k otel.NumberKind, d *bindings.Gauge) *otel.Gauge {
	out := &otel.Gauge{Kind: k, Start: (*otel.Time)(d.StartTime), Time: otel.Time(d.Time), Points: make([]otel.Point, len(d.DataPoints))}
	for i := range d.DataPoints {
		p := &d.DataPoints[i]
		out.Points[i] = otel.Point{Attributes: c.attributes(p.Attributes), Value: number(p.Value), Exemplars: c.exemplars(p.Exemplars)}
	}
	return out
}

func (c *converter) sum(k otel.NumberKind, d *bindings.Sum) *otel.Sum {
	out := &otel.Sum{
		Kind: k, Start: otel.Time(d.StartTime), Time: otel.Time(d.Time), Temporality: otel.Temporality(d.Temporality), Monotonic: d.IsMonotonic,
		Points: make([]otel.Point, len(d.DataPoints)),
	}
	for i := range d.DataPoints {
		p := &d.DataPoints[i]
		out.Points[i] = otel.Point{Attributes: c.attributes(p.Attributes), Value: number(p.Value), Exemplars: c.exemplars(p.Exemplars)}
	}
	return out
}

func (c *converter) histogram(k otel.NumberKind, d *bindings.Histogram) *otel.Histogram {
	out := &otel.Histogram{
		Kind: k, Start: otel.Time(d.StartTime), Time: otel.Time(d.Time), Temporality: otel.Temporality(d.Temporality),
		Points: make([]otel.HistogramPoint, len(d.DataPoints)),
	}
	for i := range d.DataPoints {
		p := &d.DataPoints[i]
		out.Points[i] = otel.HistogramPoint{
			Attributes: c.attributes(p.Attributes), Count: p.Count, Bounds: p.Bounds, Counts: p.BucketCounts,
			Min: maybeNumber(p.Min), Max: maybeNumber(p.Max), Sum: number(p.Sum), Exemplars: c.exemplars(p.Exemplars),
		}
	}
	return out
}

func (c *converter) exponential(k otel.NumberKind, d *bindings.ExponentialHistogram) *otel.ExponentialHistogram {
	out := &otel.ExponentialHistogram{
		Kind: k, Start: otel.Time(d.StartTime), Time: otel.Time(d.Time), Temporality: otel.Temporality(d.Temporality),
		Points: make([]otel.ExponentialPoint, len(d.DataPoints)),
	}
	for i := range d.DataPoints {
		p := &d.DataPoints[i]
		out.Points[i] = otel.ExponentialPoint{
			Attributes: c.attributes(p.Attributes), Count: p.Count, Min: maybeNumber(p.Min), Max: maybeNumber(p.Max), Sum: number(p.Sum),
			Scale: p.Scale, ZeroCount: p.ZeroCount, ZeroThreshold: p.ZeroThreshold,
			Positive: otel.Buckets(p.PositiveBucket), Negative: otel.Buckets(p.NegativeBucket), Exemplars: c.exemplars(p.Exemplars),
		}
	}
	return out
}

func (c *converter) exemplars(in []bindings.Exemplar) []otel.Exemplar {
	if len(in) == 0 {
		return nil
	}
	out := make([]otel.Exemplar, len(in))
	for i := range in {
		e := &in[i]
		out[i] = otel.Exemplar{Filtered: c.attributes(e.FilteredAttributes), Time: otel.Time(e.Time), Value: number(e.Value)}
		out[i].TraceID, out[i].SpanID = c.exemplarIDs(e.TraceID, e.SpanID)
	}
	return out
}

var numberKinds = [...]otel.NumberKind{
	bindings.MetricNumberTagF64: otel.Float64, bindings.MetricNumberTagS64: otel.Int64, bindings.MetricNumberTagU64: otel.Uint64,
}

func number(n bindings.MetricNumber) otel.Number {
	return otel.Number{Kind: numberKinds[n.Tag], Float: n.F64, Int: n.S64, Uint: n.U64}
}

func maybeNumber(n *bindings.MetricNumber) *otel.Number {
	if n == nil {
		return nil
	}
	x := number(*n)
	return &x
}
