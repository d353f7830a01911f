package bound

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"
)

// exemplarSample is a measurement that becomes an exemplar, with the span in which it was made.
type exemplarSample struct {
	at    time.Time
	value int64
	span  trace.SpanContext
}

// exemplarSlot holds the first sample between two collections that the filter accepts. Later measurements only check that it is
// taken.
type exemplarSlot struct {
	taken   atomic.Pointer[exemplarSample]
	refused atomic.Uint32   // by the filter, since the last collection; exact up to maxRefusals
	last    *exemplarSample // the collector's: the sample of the last collection
}

// maxRefusals is the number of refusals after which a slot offers only each maxRefusals-th measurement to the filter: if few
// requests are sampled, the filter costs more than the measurement.
const maxRefusals = 16

// offer takes the nth measurement, unless the slot is taken. It is small enough to be inlined.
func (s *exemplarSlot) offer(ctx context.Context, filter exemplar.Filter, value int64, nth uint64) {
	if filter != nil && s.taken.Load() == nil {
		s.take(ctx, filter, value, nth)
	}
}

func (s *exemplarSlot) take(ctx context.Context, filter exemplar.Filter, value int64, nth uint64) {
	patient := s.refused.Load() < maxRefusals
	if !patient && nth%maxRefusals != 0 {
		return
	}
	if filter(ctx) {
		s.taken.CompareAndSwap(nil, &exemplarSample{time.Now(), value, trace.SpanContextFromContext(ctx)})
	} else if patient {
		s.refused.Add(1)
	}
}

// collect empties the slot and returns its sample. With cumulative temporality, it returns the last sample until there is a new one.
func (s *exemplarSlot) collect(t metricdata.Temporality) *exemplarSample {
	got := s.taken.Swap(nil)
	s.refused.Store(0)
	if got == nil && t == metricdata.CumulativeTemporality {
		return s.last
	}
	s.last = got
	return got
}

// exemplarOf converts s to the SDK's data model.
func exemplarOf[N int64 | float64](s *exemplarSample, unit func(int64) N) metricdata.Exemplar[N] {
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
