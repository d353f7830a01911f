package span

import (
	"context"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// TestBegun: a span is there from its start to its end, once, with what is known of it so far.
func TestBegun(t *testing.T) {
	var b Begun
	p := NewProvider(Config{Sampler: sdktrace.AlwaysSample(), Limits: sdktrace.NewSpanLimits(), Begun: &b})
	tr := p.Of("test")
	m := tr.Template(trace.SpanKindServer, attribute.String("a", "b"))
	opened := tr.Open(context.Background(), m, "GET /", time.Time{})
	if all, n := b.Spans(10); n != 0 || len(all) != 0 {
		t.Fatalf("%d spans have begun before any has started", n)
	}
	ctx := opened.Start()
	_, child := tr.Start(ctx, "call")
	child.SetAttributes(attribute.Int("n", 1))
	all, n := b.Spans(10)
	if n != 2 || len(all) != 2 {
		t.Fatalf("%d, %d spans in flight, want 2", n, len(all))
	}
	for _, s := range all {
		if !s.EndTime().IsZero() && s.EndTime().UnixNano() != 0 {
			t.Errorf("%s ended at %v", s.Name(), s.EndTime())
		}
		if s.Name() == "call" && (s.Parent().SpanID() != opened.SpanContext().SpanID() || len(s.Attributes()) != 1) {
			t.Errorf("the child has the parent %v and the attributes %v", s.Parent().SpanID(), s.Attributes())
		}
	}
	if all, n := b.Spans(1); n != 2 || len(all) != 1 {
		t.Errorf("of 2 at most 1: %d, %d", n, len(all))
	}
	opened.End()
	opened.End()
	if all, n := b.Spans(10); n != 1 || all[0].Name() != "call" {
		t.Errorf("after the end of one of two there are %d", n)
	}
	child.End()
	if _, n := b.Spans(10); n != 0 {
		t.Errorf("%d spans in flight after the end of all", n)
	}
}

// TestBegunConcurrent: spans begin and end while somebody looks.
func TestBegunConcurrent(t *testing.T) {
	var b Begun
	tr := NewProvider(Config{Sampler: sdktrace.AlwaysSample(), Limits: sdktrace.NewSpanLimits(), Begun: &b}).Of("test")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				ctx, one := tr.Start(context.Background(), "one")
				_, two := tr.Start(ctx, "two")
				one.SetAttributes(attribute.String("a", "b"))
				one.End()
				two.End()
			}
		})
	}
	for range 100 {
		if all, n := b.Spans(1000); len(all) > n {
			t.Fatalf("%d spans of %d", len(all), n)
		}
	}
	wg.Wait()
	if _, n := b.Spans(10); n != 0 {
		t.Errorf("%d spans in flight after the end of all", n)
	}
}

func BenchmarkBegun(b *testing.B) {
	for name, begun := range map[string]*Begun{"off": nil, "on": {}} {
		b.Run(name, func(b *testing.B) {
			tr := NewProvider(Config{Sampler: sdktrace.AlwaysSample(), Limits: sdktrace.NewSpanLimits(), Begun: begun}).Of("test")
			m := tr.Template(trace.SpanKindServer)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					s := tr.Open(context.Background(), m, "GET /", time.Time{})
					s.Start()
					s.End()
				}
			})
		})
	}
}

// TestBegunBounded: spans that nobody ever ends are forgotten, the oldest first, and may still end.
func TestBegunBounded(t *testing.T) {
	var b Begun
	tr := NewProvider(Config{Sampler: sdktrace.AlwaysSample(), Limits: sdktrace.NewSpanLimits(), Begun: &b}).Of("test")
	_, first := tr.Start(context.Background(), "never")
	for range begunShards * begunMost * 11 / 10 {
		tr.Start(context.Background(), "never")
	}
	_, last := tr.Start(context.Background(), "last")
	all, n := b.Spans(begunShards * begunMost)
	if n > begunShards*begunMost || n < begunShards*begunMost*9/10 || len(all) != n {
		t.Errorf("%d spans are kept, %d shown", n, len(all))
	}
	for _, s := range all {
		if s.SpanContext().SpanID() == first.SpanContext().SpanID() {
			t.Error("the oldest is kept")
		}
	}
	first.End()
	last.End()
	if _, after := b.Spans(1); after != n-1 {
		t.Errorf("%d spans after the end of one", after)
	}
}
