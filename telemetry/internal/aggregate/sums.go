package aggregate

import (
	"slices"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// maxExemplars bounds the exemplars of one point.
const maxExemplars = 8

// Sums are the series of one component, for one reader. Safe for concurrent use.
type Sums struct {
	mu      sync.Mutex
	streams []*stream
	index   map[streamKey]*stream
	series  int
}

// stream is one metric. Histograms with other bounds, which an SDK may have in one, are streams of their own.
type stream struct {
	Metric
	bounds []float64
	points map[attribute.Distinct]*Point
	order  []attribute.Distinct
	next   *stream // of the same key, with other bounds
}

// overflow is the attribute set of measurements beyond the limit, named by the specification.
var overflow = attribute.NewSet(attribute.Bool("otel.metric.overflow", true))

// Add adds increments: the points of a delta metric, or those of a cumulative one as [Writer.Since] returns them. It keeps no reference to m.
func (s *Sums) Add(m *Metric) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range m.Points {
		if err := s.add(m, &m.Points[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sums) add(m *Metric, p *Point) error {
	st := s.stream(m, p)
	if st == nil {
		return ErrSeries
	}
	st.Float = st.Float || m.Float || p.Value.IsFloat
	at := st.points[p.Attributes.Equivalent()]
	if at == nil {
		if s.series >= MaxSeries {
			p.Attributes = overflow
			at = st.points[overflow.Equivalent()]
		}
	}
	if at == nil {
		s.series++
		id := p.Attributes.Equivalent()
		at = p.clone()
		at.Exemplars = lastOf(p.Exemplars)
		st.points[id], st.order = at, append(st.order, id)
		return nil
	}
	at.add(m.Kind, p)
	st.Float = st.Float || at.Value.IsFloat // the sum may not fit into whole numbers
	return nil
}

// stream finds or makes the stream of a point; nil if there is no room for one more.
func (s *Sums) stream(m *Metric, p *Point) *stream {
	var bounds []float64
	if p.Buckets != nil {
		bounds = p.Buckets.Bounds
	}
	first := s.index[m.key()]
	for st := first; st != nil; st = st.next {
		if slices.Equal(st.bounds, bounds) && (p.Buckets == nil || len(st.anyCounts()) == len(p.Buckets.Counts)) {
			return st
		}
	}
	if s.series >= MaxSeries {
		return nil
	}
	st := &stream{Metric: *m, bounds: bounds, points: map[attribute.Distinct]*Point{}, next: first}
	st.Points = nil
	if s.index == nil {
		s.index = map[streamKey]*stream{}
	}
	s.index[m.key()] = st
	s.streams = append(s.streams, st)
	return st
}

// anyCounts returns the counts of any point of a histogram; all points have the same number of buckets.
func (st *stream) anyCounts() []uint64 {
	if len(st.order) == 0 {
		return make([]uint64, len(st.bounds)+1)
	}
	return st.points[st.order[0]].Buckets.Counts
}

// add adds a point of the same series.
func (p *Point) add(k Kind, d *Point) {
	switch {
	case k == Gauge:
		if d.Time.Before(p.Time) {
			return
		}
		p.Value, p.Start = d.Value, d.Start
	case p.Buckets != nil:
		p.Buckets.add(d.Buckets)
	case p.Powers != nil:
		p.Powers.add(d.Powers)
	default:
		p.Value = p.Value.plus(d.Value)
	}
	if d.Start.Before(p.Start) {
		p.Start = d.Start
	}
	if d.Time.After(p.Time) {
		p.Time = d.Time
	}
	if len(d.Exemplars) > 0 {
		p.Exemplars = lastOf(d.Exemplars)
	}
}

func lastOf(in []Exemplar) []Exemplar { return slices.Clone(in[max(0, len(in)-maxExemplars):]) }

// Collect returns the current series, and starts those of delta temporality again from zero. The caller owns the result.
func (s *Sums) Collect() []metricdata.ScopeMetrics {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []metricdata.ScopeMetrics
	for _, st := range s.streams {
		if len(st.order) == 0 {
			continue
		}
		i := slices.IndexFunc(out, func(have metricdata.ScopeMetrics) bool { return have.Scope == st.Scope })
		if i < 0 {
			i = len(out)
			out = append(out, metricdata.ScopeMetrics{Scope: st.Scope})
		}
		out[i].Metrics = append(out[i].Metrics, metricdata.Metrics{Name: st.Name, Description: st.Description, Unit: st.Unit, Data: st.data()})
		for _, id := range st.order {
			st.points[id].Exemplars = nil // each is exported once
		}
		if st.Delta {
			s.series -= len(st.order)
			clear(st.points)
			st.order = st.order[:0]
		}
	}
	s.forget()
	return out
}

// forget removes streams without series, so that the names of delta metrics do not accumulate.
func (s *Sums) forget() {
	empty := func(st *stream) bool { return len(st.order) == 0 }
	if !slices.ContainsFunc(s.streams, empty) {
		return
	}
	s.streams = slices.DeleteFunc(s.streams, empty)
	clear(s.index)
	for _, st := range s.streams {
		st.next = s.index[st.key()]
		s.index[st.key()] = st
	}
}

func (st *stream) temporality() metricdata.Temporality {
	if st.Delta {
		return metricdata.DeltaTemporality
	}
	return metricdata.CumulativeTemporality
}

// data converts the stream to the SDK's data model.
func (st *stream) data() metricdata.Aggregation {
	t := st.temporality()
	switch {
	case st.Kind == Histogram:
		return metricdata.Histogram[float64]{DataPoints: each(st, bucketPoint), Temporality: t}
	case st.Kind == Exponential:
		return metricdata.ExponentialHistogram[float64]{DataPoints: each(st, powerPoint), Temporality: t}
	case st.Kind == Gauge && st.Float:
		return metricdata.Gauge[float64]{DataPoints: each(st, floatPoint)}
	case st.Kind == Gauge:
		return metricdata.Gauge[int64]{DataPoints: each(st, intPoint)}
	case st.Float:
		return metricdata.Sum[float64]{DataPoints: each(st, floatPoint), Temporality: t, IsMonotonic: st.Monotonic}
	}
	return metricdata.Sum[int64]{DataPoints: each(st, intPoint), Temporality: t, IsMonotonic: st.Monotonic}
}

func each[T any](st *stream, convert func(*Point) T) []T {
	out := make([]T, len(st.order))
	for i, id := range st.order {
		out[i] = convert(st.points[id])
	}
	return out
}

func intOf(n Number) int64     { return n.Int }
func floatOf(n Number) float64 { return n.AsFloat() }

func intPoint(p *Point) metricdata.DataPoint[int64]     { return dataPoint(p, intOf) }
func floatPoint(p *Point) metricdata.DataPoint[float64] { return dataPoint(p, floatOf) }

func dataPoint[N int64 | float64](p *Point, number func(Number) N) metricdata.DataPoint[N] {
	return metricdata.DataPoint[N]{Attributes: p.Attributes, StartTime: p.Start, Time: p.Time, Value: number(p.Value), Exemplars: exemplars(p, number)}
}

func exemplars[N int64 | float64](p *Point, number func(Number) N) []metricdata.Exemplar[N] {
	var out []metricdata.Exemplar[N]
	for _, e := range p.Exemplars {
		out = append(out, metricdata.Exemplar[N]{FilteredAttributes: e.Filtered, Time: e.Time, Value: number(e.Value), SpanID: e.SpanID, TraceID: e.TraceID})
	}
	return out
}

func extremum(x *float64) metricdata.Extrema[float64] {
	if x == nil {
		return metricdata.Extrema[float64]{}
	}
	return metricdata.NewExtrema(*x)
}

func bucketPoint(p *Point) metricdata.HistogramDataPoint[float64] {
	b := p.Buckets
	return metricdata.HistogramDataPoint[float64]{
		Attributes: p.Attributes, StartTime: p.Start, Time: p.Time, Count: b.Count, Bounds: b.Bounds, BucketCounts: slices.Clone(b.Counts),
		Min: extremum(b.Min), Max: extremum(b.Max), Sum: b.Sum, Exemplars: exemplars(p, floatOf),
	}
}

func powerPoint(p *Point) metricdata.ExponentialHistogramDataPoint[float64] {
	b := p.Powers
	return metricdata.ExponentialHistogramDataPoint[float64]{
		Attributes: p.Attributes, StartTime: p.Start, Time: p.Time, Count: b.Count, Min: extremum(b.Min), Max: extremum(b.Max), Sum: b.Sum,
		Scale: b.Scale, ZeroCount: b.Zero, ZeroThreshold: b.Threshold,
		PositiveBucket: metricdata.ExponentialBucket{Offset: b.Positive.Offset, Counts: b.Positive.Counts},
		NegativeBucket: metricdata.ExponentialBucket{Offset: b.Negative.Offset, Counts: b.Negative.Counts}, Exemplars: exemplars(p, floatOf),
	}
}
