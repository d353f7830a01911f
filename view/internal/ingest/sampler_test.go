package ingest

import (
	"context"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// TestRate: all traces of a quiet process are recorded, and a bounded number of a busy one.
func TestRate(t *testing.T) {
	s := NewSampler()
	for n := range 10_000 { // 100 a second
		if !s.allow(time.Duration(n) * 10 * time.Millisecond) {
			t.Fatalf("trace %d of a quiet process is not recorded", n)
		}
	}
	s = NewSampler()
	recorded := 0
	for n := range 100_000 { // 10 000 a second, for ten seconds
		if s.allow(time.Duration(n) * 100 * time.Microsecond) {
			recorded++
		}
	}
	if want := Burst + 10*Rate; recorded < want-Rate/10 || recorded > want+Rate/10 || s.Skipped() != int64(100_000-recorded) {
		t.Errorf("%d are recorded, want %d; %d skipped", recorded, want, s.Skipped())
	}
}

// TestParents: what an allowance says is for traces that begin here.
func TestParents(t *testing.T) {
	s := NewSampler()
	ask := func(flags trace.TraceFlags) sdktrace.SamplingDecision {
		sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: flags, Remote: true})
		return s.ShouldSample(sdktrace.SamplingParameters{ParentContext: trace.ContextWithSpanContext(context.Background(), sc)}).Decision
	}
	for range 10 * Burst {
		s.allow(0)
	}
	if ask(trace.FlagsSampled) != sdktrace.RecordAndSample || ask(0) != sdktrace.Drop {
		t.Error("a parent's decision does not count")
	}
	if s.ShouldSample(sdktrace.SamplingParameters{ParentContext: context.Background()}).Decision != sdktrace.Drop {
		t.Error("the allowance is used up, and a trace is recorded")
	}
}

// TestKept: of a busy process's requests that are not recorded a bounded number is kept that has failed or was slow.
func TestKept(t *testing.T) {
	s := NewSampler()
	for s.SampleRoot(time.Now()) {
	}
	if s.KeepRoot(Slow-1, false) || !s.KeepRoot(Slow, false) || !s.KeepRoot(0, true) {
		t.Error("what is kept is not what was slow or has failed")
	}
	before, kept := s.Skipped(), 0
	for range 100 * KeptRate {
		if s.KeepRoot(0, true) {
			kept++
		}
	}
	if kept > 10*KeptRate || s.Skipped() != before-int64(kept) {
		t.Errorf("%d are kept; %d skipped, before %d", kept, s.Skipped(), before)
	}
}
