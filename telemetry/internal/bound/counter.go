package bound

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Counter is a counter or an up-down counter.
type Counter struct {
	own *sum
	sdk interface {
		Add(ctx context.Context, incr int64, options ...metric.AddOption)
	}
	each []*Counter // of a joined meter
}

// With binds an attribute set. The counter keeps each set for its lifetime, so that the caller must bound their number.
func (c *Counter) With(attrs ...attribute.KeyValue) *Adder {
	if c.each != nil {
		a := &Adder{}
		for _, c := range c.each {
			a.each = append(a.each, c.With(attrs...))
		}
		return a
	}
	set := setOf(attrs)
	if c.own == nil {
		return &Adder{sdk: c, opts: []metric.AddOption{metric.WithAttributeSet(set)}}
	}
	return c.own.handle(set, func() *Adder { return &Adder{own: c.own, set: set} })
}

// Adder is a counter with one attribute set. Safe for concurrent use.
type Adder struct {
	own   *sum
	set   attribute.Set
	cells atomic.Pointer[sumCells]

	sdk  *Counter
	opts []metric.AddOption
	each []*Adder
}

// Add adds n, which is not negative unless the counter also goes down. ctx holds the span in which it is added.
func (a *Adder) Add(ctx context.Context, n int64) {
	if a.own == nil {
		for _, a := range a.each {
			a.Add(ctx, n)
		}
		if a.sdk != nil {
			a.sdk.sdk.Add(ctx, n, a.opts...)
		}
		return
	}
	c := a.cells.Load()
	if c == nil {
		c = a.own.open(a.set, &a.cells)
	}
	c.shards[shard(len(c.shards))].n.Add(n)
	if !c.touched.Load() {
		c.touched.Store(true)
	}
	c.slot.offer(ctx, a.own.filter, n, 0) // additions are not numbered
}

// sum is a counter of our own.
type sum struct {
	*header
	table[Adder, sumCells]
	monotonic bool
	filter    exemplar.Filter
}

// sumCells holds the sum of one attribute set.
type sumCells struct {
	shards []sumShard
	slot   exemplarSlot
	// touched says that there were additions since the last collection, even of 0.
	touched atomic.Bool

	collected int64 // the collector's: the sum at the last collection
}

type sumShard struct {
	n atomic.Int64
	_ [cacheLine - 8]byte
}

func newSum(h *header, p *Producer, monotonic bool) *sum {
	return &sum{
		header: h, monotonic: monotonic, filter: p.settings.Exemplars,
		table: table[Adder, sumCells]{limit: p.settings.Limit, make: func() *sumCells {
			return &sumCells{shards: make([]sumShard, p.shards)}
		}},
	}
}

func (s *sum) collect(start, now time.Time) metricdata.Aggregation {
	sets, cells := s.snapshot()
	out := metricdata.Sum[int64]{Temporality: s.temporality, IsMonotonic: s.monotonic}
	for i, c := range cells {
		touched := s.temporality == metricdata.CumulativeTemporality || c.touched.Swap(false)
		var value int64
		for i := range c.shards {
			value += c.shards[i].n.Load()
		}
		if s.temporality == metricdata.DeltaTemporality {
			value, c.collected = value-c.collected, value
		}
		if !touched && value == 0 {
			continue
		}
		point := metricdata.DataPoint[int64]{Attributes: sets[i], StartTime: start, Time: now, Value: value}
		if e := c.slot.collect(s.temporality); e != nil {
			point.Exemplars = []metricdata.Exemplar[int64]{exemplarOf(e, asInt)}
		}
		out.DataPoints = append(out.DataPoints, point)
	}
	if len(out.DataPoints) == 0 {
		return nil
	}
	return out
}
