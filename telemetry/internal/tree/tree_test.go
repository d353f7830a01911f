package tree

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

var keys = Keys{Guest: "g", GuestTotal: "t", Host: "h", Wait: "w", Status: "status", URL: "url", ErrorType: "error", Blame: "blame", Outcome: "outcome", ResultError: "result",
	Path: "path", Query: "query", Facts: []attribute.Key{"v.cache.hit"}}

// output is a writer that may be read while it is written.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

var epoch = time.Unix(1000, 0)

func at(ms float64) time.Time { return epoch.Add(time.Duration(ms * float64(time.Millisecond))) }

type builder struct {
	trace.Tracer
	p *Printer
}

func start(t *testing.T, color bool) (builder, *output) {
	out := &output{}
	p := New(out, keys, Look{Color: color}, Filter{})
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p))
	t.Cleanup(func() { _ = p.Shutdown(context.Background()) })
	return builder{tp.Tracer("t"), p}, out
}

func (b builder) span(ctx context.Context, name string, from float64, attrs ...attribute.KeyValue) (context.Context, func(to float64)) {
	ctx, s := b.Start(ctx, name, trace.WithTimestamp(at(from)), trace.WithAttributes(attrs...))
	return ctx, func(to float64) { s.End(trace.WithTimestamp(at(to))) }
}

var traceID = regexp.MustCompile(`trace [0-9a-f]{32}`)

func (b builder) text(t *testing.T, out *output) string {
	t.Helper()
	if err := b.p.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return texts(out.String())
}

var bar = regexp.MustCompile(`(?m)( +\+\S+▕.*▏| +0 +\S+)$`)

// texts is what is left of the bars, without the trace's identifier.
func texts(s string) string { return bar.ReplaceAllString(traceID.ReplaceAllString(s, "trace ID"), "") }

func TestTree(t *testing.T) {
	b, out := start(t, false)
	root, endRoot := b.span(context.Background(), "GET /total", 0, attribute.Int("status", 500), attribute.String("path", "/total"), attribute.String("query", "items=13"))
	inv, endInv := b.span(root, "shop handle", 1, attribute.Float64("g", 0.002), attribute.Float64("h", 0.0005), attribute.Float64("w", 0.01))
	cart, endCart := b.span(inv, "cart total", 2, attribute.String("result", "empty"))
	_, endQuery := b.span(cart, "acme:db/query#run", 2.5, attribute.Bool("v.cache.hit", true))
	endQuery(2.5001234)
	endCart(4)
	_, client := b.Start(inv, "GET", trace.WithTimestamp(at(5)), trace.WithAttributes(attribute.String("url", "http://a.example/\x1b[31m\n")))
	endInv(6)
	endRoot(7)
	if got := b.text(t, out); got != "" {
		t.Errorf("written while a span is open: %s", got)
	}
	client.SetStatus(codes.Error, "")
	client.SetAttributes(attribute.String("error", "timeout"), attribute.String("blame", "host"))
	client.End(trace.WithTimestamp(at(1005)))
	want := `trace ID
GET /total /total?items=13 → 500  7.00ms
└─ shop handle  5.00ms (guest 2.00ms, host 500µs, wait 10.0ms)
   ├─ cart total  2.00ms  error: empty
   │  └─ acme:db/query#run cache.hit=true  123ns
   └─ GET http://a.example/\x1b[31m\n  1.00s  ✗ timeout (host)
`
	if got := b.text(t, out); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestColor(t *testing.T) {
	b, out := start(t, true)
	_, s := b.Start(context.Background(), "x")
	s.SetStatus(codes.Error, "")
	s.End()
	if got := b.text(t, out); !strings.Contains(got, red+"x") {
		t.Errorf("%q", got)
	}
}

// The printer keeps a bounded number of spans of a trace, and of open traces.
func TestBounds(t *testing.T) {
	b, out := start(t, false)
	ctx, end := b.span(context.Background(), "root", 0)
	for range maxSpans + 5 {
		_, e := b.span(ctx, "child", 1)
		e(2)
	}
	end(3)
	if got := b.text(t, out); !strings.Contains(got, "… 5 more spans") || !strings.Contains(got, "\nroot  3.00ms\n") {
		t.Errorf("end of the tree: %q", got[max(0, len(got)-200):])
	}
	for i := range maxTraces + 3 {
		b.Start(context.Background(), fmt.Sprint("open", i))
	}
	if n := len(b.p.traces); n != maxTraces {
		t.Errorf("%d traces are kept", n)
	}
}

// A span that never ends does not keep its trace from being shown at the end.
func TestShutdown(t *testing.T) {
	b, out := start(t, false)
	ctx, end := b.span(context.Background(), "root", 0)
	b.span(ctx, "held", 1)
	end(2)
	if err := b.p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := texts(out.String()); got != "trace ID\nroot  2.00ms\n… 1 spans still open\n" {
		t.Errorf("got %q", got)
	}
	b.span(context.Background(), "late", 0)
	if err := b.p.ForceFlush(t.Context()); err != nil {
		t.Error(err)
	}
}

// A writer that blocks delays no span.
func TestSlowWriter(t *testing.T) {
	r := make(chan struct{})
	p := New(blocked(r), keys, Look{}, Filter{})
	tr := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p)).Tracer("t")
	for range 3 * maxQueue {
		_, s := tr.Start(context.Background(), "x")
		s.End()
	}
	if p.omitted.Load() == 0 {
		t.Error("nothing was left out")
	}
	close(r)
	if err := p.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

type blocked chan struct{}

func (b blocked) Write(p []byte) (int, error) { <-b; return len(p), nil }

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-1: "0", 0: "0ns", 999: "999ns", 1234: "1.23µs", 45678: "45.7µs", 123456: "123µs",
		1234567: "1.23ms", 2500 * time.Millisecond: "2.50s", 90 * time.Second: "90.0s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}
