package bound

import (
	"context"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Durations is a histogram of durations.
type Durations struct {
	own *histogram[float64]
	sdk metric.Float64Histogram

	each []*Durations // of a joined meter
}

// With binds an attribute set. The histogram keeps each set for its lifetime, so that the caller must bound their number.
func (d *Durations) With(attrs ...attribute.KeyValue) *Timer {
	if d.each != nil {
		all := &Timer{}
		for _, one := range d.each {
			all.each = append(all.each, one.With(attrs...))
		}
		return all
	}
	set := setOf(attrs)
	if d.own == nil {
		return &Timer{sdk: d.sdk, opts: []metric.RecordOption{metric.WithAttributeSet(set)}}
	}
	return &Timer{own: d.own.series(set)}
}

// Timer is a histogram of durations with one attribute set. Safe for concurrent use.
type Timer struct {
	own *series[float64]

	sdk  metric.Float64Histogram
	opts []metric.RecordOption
	each []*Timer
}

// Record takes a measurement. ctx holds the span in which it was made.
func (t *Timer) Record(ctx context.Context, d time.Duration) {
	if t.own == nil {
		for _, one := range t.each {
			one.Record(ctx, d)
		}
		if t.sdk != nil {
			t.sdk.Record(ctx, d.Seconds(), t.opts...)
		}
		return
	}
	t.own.record(ctx, int64(d))
}

// Sizes is a histogram of whole numbers.
type Sizes struct {
	own *histogram[int64]
	sdk metric.Int64Histogram

	each []*Sizes // of a joined meter
}

// With binds an attribute set. The histogram keeps each set for its lifetime, so that the caller must bound their number.
func (s *Sizes) With(attrs ...attribute.KeyValue) *Sizer {
	if s.each != nil {
		all := &Sizer{}
		for _, one := range s.each {
			all.each = append(all.each, one.With(attrs...))
		}
		return all
	}
	set := setOf(attrs)
	if s.own == nil {
		return &Sizer{sdk: s.sdk, opts: []metric.RecordOption{metric.WithAttributeSet(set)}}
	}
	return &Sizer{own: s.own.series(set)}
}

// Sizer is a histogram of whole numbers with one attribute set. Safe for concurrent use.
type Sizer struct {
	own *series[int64]

	sdk  metric.Int64Histogram
	opts []metric.RecordOption
	each []*Sizer
}

// Record takes a measurement. ctx holds the span in which it was made.
func (s *Sizer) Record(ctx context.Context, n int64) {
	if s.own == nil {
		for _, one := range s.each {
			one.Record(ctx, n)
		}
		if s.sdk != nil {
			s.sdk.Record(ctx, n, s.opts...)
		}
		return
	}
	s.own.record(ctx, n)
}

// histogram is a histogram of our own. It keeps measurements as whole numbers (nanoseconds, bytes), which can be added atomically,
// and converts them to N when they are collected.
type histogram[N int64 | float64] struct {
	*header
	table[series[N], histogramCells[N]]
	bounds []float64 // as exported
	upper  []int64   // the same in the unit of the measurements
	unit   func(int64) N
	filter exemplar.Filter
}

func asSeconds(n int64) float64 { return time.Duration(n).Seconds() }
func asInt(n int64) int64       { return n }

// series is the measurements with one attribute set.
type series[N int64 | float64] struct {
	h     *histogram[N]
	set   attribute.Set
	cells atomic.Pointer[histogramCells[N]]
}

// histogramCells holds a series' buckets.
type histogramCells[N int64 | float64] struct {
	shards []histogramShard
	slots  []exemplarSlot // one a bucket; nil without exemplars

	// The collector's state of the last collection.
	counts []uint64
	raw    int64 // the sum, which may wrap around
	sum    N     // the sum, which does not
}

// histogramShard is laid out in whole cache lines.
type histogramShard struct {
	counts        []atomic.Uint64 // a bucket each
	sum, min, max atomic.Int64
	_             [cacheLine - 48]byte
}

func newHistogram[N int64 | float64](h *header, p *Producer, bounds []float64, scale float64, unit func(int64) N) *histogram[N] {
	out := &histogram[N]{
		header: h, bounds: slices.Clone(bounds), upper: wholeBounds(bounds, scale), unit: unit, filter: p.settings.Exemplars,
	}
	out.table = table[series[N], histogramCells[N]]{limit: p.settings.Limit, make: func() *histogramCells[N] {
		n := len(bounds) + 1
		c := &histogramCells[N]{shards: make([]histogramShard, p.shards), counts: make([]uint64, n)}
		stride := (n*8 + cacheLine - 1) / cacheLine * cacheLine / 8
		room := make([]atomic.Uint64, stride*p.shards)
		for i := range c.shards {
			c.shards[i].counts = room[i*stride:][:n:n]
			c.shards[i].min.Store(math.MaxInt64)
			c.shards[i].max.Store(math.MinInt64)
		}
		if out.filter != nil {
			c.slots = make([]exemplarSlot, n)
		}
		return c
	}}
	return out
}

func (h *histogram[N]) series(set attribute.Set) *series[N] {
	return h.handle(set, func() *series[N] { return &series[N]{h: h, set: set} })
}

// record adds the measurement to its bucket last, so that a collection, which reads the buckets first, has the sums of all that it
// counts.
func (s *series[N]) record(ctx context.Context, v int64) {
	c := s.cells.Load()
	if c == nil {
		c = s.h.open(s.set, &s.cells)
	}
	bucket := 0
	for bucket < len(s.h.upper) && s.h.upper[bucket] < v {
		bucket++
	}
	sh := &c.shards[shard(len(c.shards))]
	sh.sum.Add(v)
	for {
		low := sh.min.Load()
		if low <= v || sh.min.CompareAndSwap(low, v) {
			break
		}
	}
	for {
		high := sh.max.Load()
		if high >= v || sh.max.CompareAndSwap(high, v) {
			break
		}
	}
	nth := sh.counts[bucket].Add(1)
	if c.slots != nil {
		c.slots[bucket].offer(ctx, s.h.filter, v, nth)
	}
}

func (h *histogram[N]) collect(start, now time.Time) metricdata.Aggregation {
	sets, cells := h.snapshot()
	out := metricdata.Histogram[N]{Temporality: h.temporality}
	for i, c := range cells {
		if point, ok := h.point(c); ok {
			point.Attributes, point.StartTime, point.Time = sets[i], start, now
			out.DataPoints = append(out.DataPoints, point)
		}
	}
	if len(out.DataPoints) == 0 {
		return nil
	}
	return out
}

// point reads the cells of one set. Its count is the sum of its buckets. A concurrent measurement may be in the sum, minimum and
// maximum of this collection and in the count of the next; none is lost.
func (h *histogram[N]) point(c *histogramCells[N]) (point metricdata.HistogramDataPoint[N], ok bool) {
	delta := h.temporality == metricdata.DeltaTemporality
	counts := make([]uint64, len(c.counts))
	for i := range c.shards {
		for b := range counts {
			counts[b] += c.shards[i].counts[b].Load()
		}
	}
	for b, n := range counts {
		if delta {
			counts[b], c.counts[b] = n-c.counts[b], n
		}
		point.Count += counts[b]
	}
	if point.Count == 0 {
		return point, false
	}
	point.BucketCounts, point.Bounds = counts, slices.Clone(h.bounds)
	h.sums(c, &point, delta)
	for i := range c.slots {
		if e := c.slots[i].collect(h.temporality); e != nil {
			point.Exemplars = append(point.Exemplars, exemplarOf(e, h.unit))
		}
	}
	return point, true
}

func (h *histogram[N]) sums(c *histogramCells[N], point *metricdata.HistogramDataPoint[N], delta bool) {
	var raw int64
	low, high := int64(math.MaxInt64), int64(math.MinInt64)
	for i := range c.shards {
		sh := &c.shards[i]
		raw += sh.sum.Load()
		if delta {
			low, high = min(low, sh.min.Swap(math.MaxInt64)), max(high, sh.max.Swap(math.MinInt64))
			continue
		}
		low, high = min(low, sh.min.Load()), max(high, sh.max.Load())
	}
	// Sums of nanoseconds wrap around after 292 years, which is days for thousands of long requests at once.
	grown := h.unit(raw - c.raw)
	c.raw = raw
	c.sum += grown
	point.Sum = c.sum
	if delta {
		point.Sum = grown
	}
	if low <= high {
		point.Min, point.Max = metricdata.NewExtrema(h.unit(low)), metricdata.NewExtrema(h.unit(high))
	}
}
