package telemetry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/aggregate"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/sanitize"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// maxMetrics bounds one export, in bytes.
const maxMetrics = 2 << 20

var (
	errMetricsSize = fmt.Errorf("more than %d bytes of metrics in one export", maxMetrics)
	errMetricsEnd  = errors.New("the component's metrics have ended")
	errMetricsNone = errors.New("the host's readers of metrics take none but its own")
)

// guestMetrics is where what a service's components measure themselves goes.
type guestMetrics struct {
	sums []*aggregate.Sums // one for each reader
	api  *aggregate.API    // nil: no provider was given
}

// writerKey is the key of the aggregate.Writer of a store, and of a detached context.
type writerKey struct{ t *Telemetry }

// writer is what is known of the exports of the instance in ctx.
func (i *interceptor) writer(ctx context.Context) *aggregate.Writer {
	if w, ok := ctx.Value(writerKey{i.t}).(*aggregate.Writer); ok {
		return w
	}
	return component.StoreValue(ctx, writerKey{i.t}, func() any { return &aggregate.Writer{} }).(*aggregate.Writer)
}

// ExportMetrics adds what an instance has measured to what its component has: the readers collect it with the host's own metrics
// of the service. It drops malformed metrics and returns an error for each.
func (i *interceptor) ExportMetrics(ctx context.Context, m *otel.ResourceMetrics) error {
	_, err := i.exportMetrics(ctx, m)
	return err
}

// exportMetrics is ExportMetrics. rejected is the number of data points that the error is about.
func (i *interceptor) exportMetrics(ctx context.Context, m *otel.ResourceMetrics) (rejected int, err error) {
	w := i.guestSource(ctx)
	if w.p.m == nil {
		return 0, nil // nobody takes metrics
	}
	switch to := &w.p.guestMetrics; {
	case i.released.Load():
		return m.Points(), errMetricsEnd
	case len(to.sums) == 0 && to.api == nil:
		return m.Points(), errMetricsNone
	case m.Size() > maxMetrics:
		return m.Points(), errMetricsSize
	}
	room := maxScope
	extra := w.p.resourceOf(&m.Resource, &room)
	writer := i.writer(ctx)
	var errs []error
	for k := range m.Scopes {
		s := &m.Scopes[k]
		scope := w.p.metricScope(&s.Scope, extra)
		for j := range s.Metrics {
			if err := w.addMetric(ctx, writer, scope, &s.Metrics[j]); err != nil {
				errs = append(errs, err)
				rejected += s.Metrics[j].Points()
			}
		}
	}
	return rejected, errors.Join(errs...)
}

func (w *guestSource) addMetric(ctx context.Context, writer *aggregate.Writer, scope instrumentation.Scope, m *otel.Metric) error {
	out, err := w.metric(ctx, m)
	if err != nil {
		return err
	}
	out.Scope = scope
	errs := []error{writer.Since(ctx, &out)}
	for _, s := range w.p.guestMetrics.sums {
		errs = append(errs, s.Add(&out))
	}
	if api := w.p.guestMetrics.api; api != nil {
		api.Add(ctx, &out)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("metric %q: %w", out.Name, err)
	}
	return nil
}

// metricScope is the scope of metrics. A reader has one resource for the service, so that what the guest adds to it is the scope's.
func (p *providers) metricScope(s *otel.Scope, extra []attribute.KeyValue) instrumentation.Scope {
	room := maxScope
	kvs, _ := p.attributes(s.Attributes, &room)
	return instrumentation.Scope{
		Name: sanitize.Label(s.Name), Version: sanitize.Label(s.Version), SchemaURL: sanitize.Label(s.SchemaURL),
		Attributes: attribute.NewSet(sanitize.Labels(slices.Concat(extra, kvs))...),
	}
}

// metric converts a metric.
func (w *guestSource) metric(ctx context.Context, m *otel.Metric) (aggregate.Metric, error) {
	out := aggregate.Metric{Name: sanitize.Label(m.Name), Description: sanitize.Label(m.Description), Unit: sanitize.Label(m.Unit)}
	if m.Name == "" {
		return out, errors.New("a metric has no name")
	}
	var err error
	switch d := m.Data.(type) {
	case *otel.Gauge:
		out.Kind = aggregate.Gauge
		w.numbers(ctx, &out, d.Kind, d.Points, d.Start, d.Time)
	case *otel.Sum:
		out.Kind, out.Delta, out.Monotonic = aggregate.Sum, isDelta(d.Temporality, d.Monotonic), d.Monotonic
		w.numbers(ctx, &out, d.Kind, d.Points, &d.Start, d.Time)
	case *otel.Histogram:
		out.Kind, out.Delta, out.Float = aggregate.Histogram, isDelta(d.Temporality, true), true
		err = w.histogram(ctx, &out, d)
	case *otel.ExponentialHistogram:
		out.Kind, out.Delta, out.Float = aggregate.Exponential, isDelta(d.Temporality, true), true
		err = w.exponential(ctx, &out, d)
	default:
		err = errors.New("it has no data")
	}
	if err != nil {
		return out, fmt.Errorf("metric %q: %w", out.Name, err)
	}
	return out, nil
}

// isDelta resolves a temporality; preferred says that otel.LowMemory means delta for the instrument.
func isDelta(t otel.Temporality, preferred bool) bool {
	return t == otel.Delta || t == otel.LowMemory && preferred
}

// numberOf converts a number to the kind of its instrument. A whole number beyond OTLP's, which are of 64 bits with a sign, is a
// floating-point one.
func numberOf(k otel.NumberKind, n *otel.Number) aggregate.Number {
	switch {
	case k == otel.Float64 || n.Kind == otel.Float64 || n.Kind == otel.Uint64 && n.Uint > math.MaxInt64:
		return aggregate.Number{Float: floatOf(n), IsFloat: true}
	case n.Kind == otel.Uint64:
		return aggregate.Number{Int: int64(n.Uint)}
	}
	return aggregate.Number{Int: n.Int}
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

func extremum(n *otel.Number) *float64 {
	if n == nil || math.IsNaN(floatOf(n)) {
		return nil
	}
	x := floatOf(n)
	return &x
}

// finite says whether a number can be added to others, and counts if not: it would make their sum none for ever.
func (w *guestSource) finite(ctx context.Context, x float64) bool {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		w.p.irregular(ctx, irregularNumber, 1)
		return false
	}
	return true
}

// pointAttributes are the attributes of a point.
func (w *guestSource) pointAttributes(in []otel.KeyValue) attribute.Set {
	room := maxScope
	kvs, _ := w.p.attributes(in, &room)
	return attribute.NewSet(sanitize.Labels(kvs)...)
}

// point begins a point.
func (w *guestSource) point(ctx context.Context, kvs []otel.KeyValue, own *otel.Interval, start *otel.Time, at otel.Time, k otel.NumberKind, es []otel.Exemplar) aggregate.Point {
	p := aggregate.Point{Attributes: w.pointAttributes(kvs), Time: w.time(ctx, *cmp.Or(own.Time, &at)), Exemplars: w.exemplars(ctx, k, es)}
	if start = cmp.Or(own.Start, start); start != nil {
		p.Start = w.time(ctx, *start)
	}
	return p
}

func (w *guestSource) numbers(ctx context.Context, out *aggregate.Metric, k otel.NumberKind, in []otel.Point, start *otel.Time, at otel.Time) {
	out.Float = k == otel.Float64
	for i := range in {
		value := numberOf(k, &in[i].Value)
		if out.Kind == aggregate.Sum && !w.finite(ctx, value.AsFloat()) {
			continue
		}
		p := w.point(ctx, in[i].Attributes, &in[i].Interval, start, at, k, in[i].Exemplars)
		p.Value = value
		out.Points = append(out.Points, p)
	}
}

// maxExemplars bounds the exemplars of one point; the last ones count.
const maxExemplars = 8

func (w *guestSource) exemplars(ctx context.Context, k otel.NumberKind, in []otel.Exemplar) []aggregate.Exemplar {
	var out []aggregate.Exemplar
	for i := range in[max(0, len(in)-maxExemplars):] {
		e := &in[max(0, len(in)-maxExemplars)+i]
		filtered := w.pointAttributes(e.Filtered)
		x := aggregate.Exemplar{Filtered: filtered.ToSlice(), Time: w.time(ctx, e.Time), Value: numberOf(k, &e.Value)}
		if e.TraceID != (otel.TraceID{}) && e.SpanID != (otel.SpanID{}) {
			x.TraceID, x.SpanID = e.TraceID[:], e.SpanID[:]
		}
		out = append(out, x)
	}
	return out
}

func (w *guestSource) histogram(ctx context.Context, out *aggregate.Metric, d *otel.Histogram) error {
	for i := range d.Points {
		p := &d.Points[i]
		switch {
		case len(p.Counts) != len(p.Bounds)+1 && len(p.Counts)+len(p.Bounds) > 0:
			return fmt.Errorf("a histogram with %d bounds has %d counts", len(p.Bounds), len(p.Counts))
		case len(p.Counts) > aggregate.MaxBuckets:
			return fmt.Errorf("a histogram has more than %d buckets", aggregate.MaxBuckets)
		case slices.ContainsFunc(p.Bounds, math.IsNaN) || !slices.IsSorted(p.Bounds):
			return errors.New("the bounds of a histogram are not in order")
		case !w.finite(ctx, floatOf(&p.Sum)):
			continue
		}
		x := w.point(ctx, p.Attributes, &p.Interval, &d.Start, d.Time, otel.Float64, p.Exemplars)
		x.Buckets = &aggregate.BucketPoint{
			Count: p.Count, Bounds: p.Bounds, Counts: p.Counts, Sum: floatOf(&p.Sum), Min: extremum(p.Min), Max: extremum(p.Max),
		}
		out.Points = append(out.Points, x)
	}
	return nil
}

func (w *guestSource) exponential(ctx context.Context, out *aggregate.Metric, d *otel.ExponentialHistogram) error {
	for i := range d.Points {
		p := &d.Points[i]
		for _, b := range []otel.Buckets{p.Positive, p.Negative} {
			if len(b.Counts) > aggregate.MaxBuckets || int64(b.Offset)+int64(len(b.Counts)) > math.MaxInt32 {
				return fmt.Errorf("a histogram has more than %d buckets, or one beyond all numbers", aggregate.MaxBuckets)
			}
		}
		if !w.finite(ctx, floatOf(&p.Sum)) {
			continue
		}
		x := w.point(ctx, p.Attributes, &p.Interval, &d.Start, d.Time, otel.Float64, p.Exemplars)
		x.Powers = &aggregate.PowerPoint{
			Count: p.Count, Sum: floatOf(&p.Sum), Min: extremum(p.Min), Max: extremum(p.Max),
			Scale: int32(p.Scale), Zero: p.ZeroCount, Threshold: p.ZeroThreshold, Positive: aggregate.Range(p.Positive), Negative: aggregate.Range(p.Negative),
		}
		out.Points = append(out.Points, x)
	}
	return nil
}
