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
	Rate  = 100
	Burst = 1000
)

// Slow is how long a request takes that is worth a look. KeptRate bounds those that are kept because they were slow or have failed.
const (
	Slow     = 500 * time.Millisecond
	KeptRate = 50
)

// Sampler records all traces of a process that begins few, and Rate traces a second of one that begins more. Of the others it keeps what has failed
// or was slow, KeptRate a second, without what happened in it. Traces that come from elsewhere are recorded if they are there. Safe for concurrent use.
type Sampler struct {
	all     allowance
	kept    allowance
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

// SampleRoot decides on a trace that begins here, as ShouldSample does.
func (s *Sampler) SampleRoot(start time.Time) bool { return s.allow(start.Sub(s.start)) }

// Description implements sdktrace.Sampler.
func (s *Sampler) Description() string { return s.based.Description() }

// Skipped is how many traces were not recorded.
func (s *Sampler) Skipped() int64 { return s.skipped.Load() }

// allow takes one trace from the allowance of all.
func (s *Sampler) allow(now time.Duration) bool {
	if s.all.take(now, Rate, Burst) {
		return true
	}
	s.skipped.Add(1)
	return false
}

// KeepRoot says whether a request that is not recorded is to be kept, without what happened in it.
func (s *Sampler) KeepRoot(took time.Duration, failed bool) bool {
	if !failed && took < Slow || !s.kept.take(time.Since(s.start), KeptRate, KeptRate) {
		return false
	}
	s.skipped.Add(-1)
	return true
}

// allowance grows steadily up to a bound (the generic cell rate algorithm). It is when it is used up, in nanoseconds after the start, less the bound.
type allowance struct{ next atomic.Int64 }

// take takes one of an allowance that grows by rate a second, up to burst.
func (a *allowance) take(now time.Duration, rate, burst int64) bool {
	each := int64(time.Second) / rate
	for {
		next := a.next.Load()
		after := max(next, int64(now)) + each
		if after > int64(now)+burst*each {
			return false
		}
		if a.next.CompareAndSwap(next, after) {
			return true
		}
	}
}

// root decides on traces that begin here.
type root struct{ s *Sampler }

// ShouldSample implements sdktrace.Sampler.
func (r root) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	out := sdktrace.SamplingResult{Decision: sdktrace.Drop, Tracestate: trace.SpanContextFromContext(p.ParentContext).TraceState()}
	if r.s.SampleRoot(time.Now()) {
		out.Decision = sdktrace.RecordAndSample
	}
	return out
}

// Description implements sdktrace.Sampler.
func (root) Description() string { return fmt.Sprintf("Rate{%d/s}", Rate) }
