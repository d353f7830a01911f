package aggregate

import (
	"math"
	"reflect"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

var begin = time.Unix(100, 0)

func counter(value int64, start time.Time) Metric {
	return Metric{Name: "n", Kind: Sum, Monotonic: true, Points: []Point{{Start: start, Time: start.Add(time.Second), Value: Number{Int: value}}}}
}

func total(t *testing.T, s *Sums) any {
	t.Helper()
	out := s.Collect()
	if len(out) != 1 || len(out[0].Metrics) != 1 {
		t.Fatalf("%d scopes", len(out))
	}
	switch d := out[0].Metrics[0].Data.(type) {
	case metricdata.Sum[int64]:
		return d.DataPoints[0].Value
	case metricdata.Sum[float64]:
		return d.DataPoints[0].Value
	}
	return nil
}

func export(t *testing.T, w *Writer, s *Sums, m Metric) {
	t.Helper()
	if err := w.Since(t.Context(), &m); err != nil {
		t.Fatal(err)
	}
	if err := s.Add(&m); err != nil {
		t.Fatal(err)
	}
}

// TestCumulativeSums: what instances export adds up, the same sum twice counts once, and an SDK may begin anew.
func TestCumulativeSums(t *testing.T) {
	s := &Sums{}
	for range 1000 {
		export(t, &Writer{}, s, counter(1, begin))
	}
	if got := total(t, s); got != int64(1000) {
		t.Errorf("1000 instances with 1 each make %v", got)
	}
	w := &Writer{}
	for _, step := range []struct {
		value int64
		start time.Time
		want  int64
	}{
		{5, begin, 1005}, {5, begin, 1005}, {7, begin, 1007}, {3, begin, 1010}, {4, begin, 1011}, {4, begin.Add(time.Minute), 1015},
	} {
		export(t, w, s, counter(step.value, step.start))
		if got := total(t, s); got != step.want {
			t.Errorf("%d since %v: %v, wanted %d", step.value, step.start.Unix(), got, step.want)
		}
	}
}

// TestLargeSums: a sum of whole numbers that does not fit becomes a floating-point one.
func TestLargeSums(t *testing.T) {
	s := &Sums{}
	export(t, &Writer{}, s, counter(math.MaxInt64, begin))
	export(t, &Writer{}, s, counter(math.MaxInt64, begin))
	if got := total(t, s); got != 2*float64(math.MaxInt64) {
		t.Errorf("got %v", got)
	}
}

// TestSumsThatGoDown: those that are not monotonic may.
func TestSumsThatGoDown(t *testing.T) {
	s, w := &Sums{}, &Writer{}
	for _, v := range []int64{5, 2, -3} {
		m := counter(v, begin)
		m.Monotonic = false
		export(t, w, s, m)
	}
	if got := total(t, s); got != int64(-3) {
		t.Errorf("got %v", got)
	}
}

// TestDeltas: they add up until they are collected, and then begin anew.
func TestDeltas(t *testing.T) {
	s, w := &Sums{}, &Writer{}
	for range 3 {
		m := counter(2, begin)
		m.Delta = true
		export(t, w, s, m)
	}
	if got := total(t, s); got != int64(6) {
		t.Errorf("got %v", got)
	}
	if out := s.Collect(); len(out) != 0 || len(s.streams) != 0 || s.series != 0 {
		t.Errorf("%v are left", out)
	}
}

// TestHistograms: distributions add up by bucket, also where a scale changes.
func TestHistograms(t *testing.T) {
	s, w := &Sums{}, &Writer{}
	one, three := 1.0, 3.0
	for _, c := range [][]uint64{{1, 0, 1}, {2, 0, 2}} {
		export(t, w, s, Metric{Name: "h", Kind: Histogram, Points: []Point{{Start: begin, Buckets: &BucketPoint{
			Count: c[0] + c[2], Bounds: []float64{1, 2}, Counts: c, Sum: 4 * float64(c[0]), Min: &one, Max: &three,
		}}}})
	}
	d := s.Collect()[0].Metrics[0].Data.(metricdata.Histogram[float64]).DataPoints[0]
	if d.Count != 4 || d.Sum != 8 || !reflect.DeepEqual(d.BucketCounts, []uint64{2, 0, 2}) {
		t.Errorf("got %+v", d)
	}
	s, w = &Sums{}, &Writer{}
	power := func(scale int32, count uint64, r Range) Metric {
		return Metric{Name: "e", Kind: Exponential, Points: []Point{{Start: begin, Powers: &PowerPoint{Count: count, Sum: float64(count), Scale: scale, Positive: r}}}}
	}
	export(t, w, s, power(2, 3, Range{-2, []uint64{1, 1, 1}}))
	export(t, w, s, power(1, 4, Range{-1, []uint64{2, 2}})) // the same and one more, by a smaller scale
	export(t, &Writer{}, s, power(3, 1, Range{8, []uint64{1}}))
	e := s.Collect()[0].Metrics[0].Data.(metricdata.ExponentialHistogram[float64]).DataPoints[0]
	if e.Count != 5 || e.Scale != 1 || e.PositiveBucket.Offset != -1 || !reflect.DeepEqual(e.PositiveBucket.Counts, []uint64{2, 2, 0, 1}) {
		t.Errorf("got %+v", e)
	}
}

// TestFarBuckets: buckets that are far apart are kept by a smaller scale.
func TestFarBuckets(t *testing.T) {
	p := &PowerPoint{Count: 1, Positive: Range{math.MinInt32, []uint64{1}}}
	p.add(&PowerPoint{Count: 1, Positive: Range{math.MaxInt32 - 1, []uint64{1}}})
	from, to := p.Positive.bounds()
	if p.Count != 2 || to-from > MaxBuckets || p.Positive.Counts[0] != 1 || p.Positive.Counts[len(p.Positive.Counts)-1] != 1 {
		t.Errorf("scale %d, %d buckets", p.Scale, to-from)
	}
}

// TestSeriesAreBounded: beyond the limit, new attribute sets of a metric are one series, and new metrics are refused.
func TestSeriesAreBounded(t *testing.T) {
	s := &Sums{}
	for i := range MaxSeries + 500 {
		m := counter(1, begin)
		m.Points[0].Attributes = attribute.NewSet(attribute.Int("i", i))
		if err := s.Add(&m); err != nil {
			t.Fatal(err)
		}
	}
	if m := (Metric{Name: "other", Kind: Gauge, Points: []Point{{}}}); s.Add(&m) == nil {
		t.Error("one more metric was taken")
	}
	points := s.Collect()[0].Metrics[0].Data.(metricdata.Sum[int64]).DataPoints
	last := points[len(points)-1]
	if len(points) != MaxSeries+1 || last.Value != 500 || !last.Attributes.HasValue("otel.metric.overflow") {
		t.Errorf("%d series, the last %v of %v", len(points), last.Value, last.Attributes)
	}
	w := &Writer{}
	var err error
	for i := range MaxSeries + 1 {
		m := counter(1, begin)
		m.Points[0].Attributes = attribute.NewSet(attribute.Int("i", i))
		err = w.Since(t.Context(), &m)
	}
	if err == nil {
		t.Error("an instance has any number of series")
	}
}
