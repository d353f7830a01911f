package bound

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"
)

// sample is a measurement that is shown as an example, with the span in which it was made.
type sample struct {
	at    time.Time
	value int64
	span  trace.SpanContext
}

// slot takes one sample between two collections, the first that the filter lets pass: whether it is taken is all that the
// measurements after it look at.
type slot struct {
	taken   atomic.Pointer[sample]
	refused atomic.Uint32 // by the filter, since the last collection; exact up to patience
	last    *sample       // the collector's: what was taken before
}

// patience is after how many refusals a slot looks only at each patience'th measurement. Where few requests are sampled,
// to find out that this one is not costs more than to count it. A bucket that is rarely met is looked at each time.
const patience = 16

// offer is small enough to be inlined. The measurement is the nth.
func (s *slot) offer(ctx context.Context, filter exemplar.Filter, value int64, nth uint64) {
	if filter != nil && s.taken.Load() == nil {
		s.take(ctx, filter, value, nth)
	}
}

func (s *slot) take(ctx context.Context, filter exemplar.Filter, value int64, nth uint64) {
	patient := s.refused.Load() < patience
	if !patient && nth%patience != 0 {
		return
	}
	if filter(ctx) {
		s.taken.CompareAndSwap(nil, &sample{time.Now(), value, trace.SpanContextFromContext(ctx)})
	} else if patient {
		s.refused.Add(1)
	}
}

// collect empties the slot. With cumulative temporality a sample is shown until another has taken its place.
func (s *slot) collect(t metricdata.Temporality) *sample {
	got := s.taken.Swap(nil)
	s.refused.Store(0)
	if got == nil && t == metricdata.CumulativeTemporality {
		return s.last
	}
	s.last = got
	return got
}

// exemplarOf is s in the SDK's data model.
func exemplarOf[N int64 | float64](s *sample, unit func(int64) N) metricdata.Exemplar[N] {
	e := metricdata.Exemplar[N]{Time: s.at, Value: unit(s.value)}
	if s.span.HasTraceID() {
		id := s.span.TraceID()
		e.TraceID = id[:]
	}
	if s.span.HasSpanID() {
		id := s.span.SpanID()
		e.SpanID = id[:]
	}
	return e
}
