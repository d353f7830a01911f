package ingest

import (
	"fmt"
	"sync/atomic"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Rate is how many traces a second a [Sampler] records, and Burst how many at once: nobody reads more, and recording all of them
// would take as much of the machine as serving some of the requests does.
const (
	Rate  = 200
	Burst = 1000
)

// Sampler records all traces of a process that begins few, and Rate traces a second of one that begins more. Traces that come from
// elsewhere are recorded if they are there. Safe for concurrent use.
type Sampler struct {
	next    atomic.Int64 // when the allowance is used up, in nanoseconds after start, less the burst
	start   time.Time
	skipped atomic.Int64
	based   sdktrace.Sampler
}

// NewSampler makes a sampler.
func NewSampler() *Sampler {
	s := &Sampler{start: time.Now()}
	s.based = sdktrace.ParentBased(root{s})
	return s
}

var _ sdktrace.Sampler = (*Sampler)(nil)

// ShouldSample implements sdktrace.Sampler.
func (s *Sampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	return s.based.ShouldSample(p)
}

// Description implements sdktrace.Sampler.
func (s *Sampler) Description() string { return s.based.Description() }

// Skipped is how many traces were not recorded.
func (s *Sampler) Skipped() int64 { return s.skipped.Load() }

// allow takes one trace from the allowance, which grows by Rate a second up to Burst (the generic cell rate algorithm).
func (s *Sampler) allow(now time.Duration) bool {
	const each, most = int64(time.Second / Rate), Burst * int64(time.Second/Rate)
	for {
		next := s.next.Load()
		after := max(next, int64(now)) + each
		if after > int64(now)+most {
			s.skipped.Add(1)
			return false
		}
		if s.next.CompareAndSwap(next, after) {
			return true
		}
	}
}

// root decides on traces that begin here.
type root struct{ s *Sampler }

// ShouldSample implements sdktrace.Sampler.
func (r root) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	out := sdktrace.SamplingResult{Decision: sdktrace.Drop, Tracestate: trace.SpanContextFromContext(p.ParentContext).TraceState()}
	if r.s.allow(time.Since(r.s.start)) {
		out.Decision = sdktrace.RecordAndSample
	}
	return out
}

// Description implements sdktrace.Sampler.
func (root) Description() string { return fmt.Sprintf("Rate{%d/s}", Rate) }
