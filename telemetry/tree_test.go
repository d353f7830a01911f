package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/workload"
)

const incoming = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func get(target string) *http.Request {
	r := httptest.NewRequest("GET", target, nil)
	r.Header.Set("traceparent", incoming)
	return r
}

// Outgoing requests have our CLIENT span as their parent; the guest's own parent is used if it is in the same trace.
func TestPropagation(t *testing.T) {
	ours := func(b *harness) (server, invocation, client trace.SpanContext, parent trace.SpanID) {
		for _, s := range b.ended() {
			switch s.SpanKind {
			case trace.SpanKindServer:
				server = s.SpanContext
				if s.Parent.SpanID().String() != "b7ad6b7169203331" {
					t.Errorf("server's parent is %s", s.Parent.SpanID())
				}
			case trace.SpanKindInternal:
				invocation = s.SpanContext
			case trace.SpanKindClient:
				client, parent = s.SpanContext, s.Parent.SpanID()
			}
		}
		return
	}
	own := "00-0af7651916cd43dd8448eb211c80319c-00000000000000aa-01"
	for name, tc := range map[string]struct {
		sent string // traceparent that the guest puts on its request
		want func(invocation trace.SpanContext) string
		link bool
	}{
		"none":              {"", func(i trace.SpanContext) string { return i.SpanID().String() }, false},
		"own span":          {own, func(trace.SpanContext) string { return "00000000000000aa" }, false},
		"copy of the event": {incoming, func(i trace.SpanContext) string { return i.SpanID().String() }, false},
		"another trace":     {"00-11111111111111111111111111111111-00000000000000aa-01", func(i trace.SpanContext) string { return i.SpanID().String() }, true},
		"malformed":         {"rubbish", func(i trace.SpanContext) string { return i.SpanID().String() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newHarness(t, nil)
			header := http.Header{}
			if tc.sent != "" {
				header.Set("traceparent", tc.sent)
			}
			r := get("/")
			b.serve(&request{r: r, route: "/", status: 200}, func(ctx context.Context) error {
				b.bind(handleEdge).cross(ctx, resourceArg(nil), func(ctx context.Context) (cm.Val, error) {
					req := &outRequest{"GET", &url.URL{Scheme: "http", Host: "a.example"}, header}
					return b.bind(outEdge).cross(ctx, resourceArg(req), func(context.Context) (cm.Val, error) {
						return cm.OKVal(cm.U32Val(1)), nil
					})
				})
				return nil
			})
			_, invocation, client, parent := ours(b)
			if want := tc.want(invocation); parent.String() != want {
				t.Errorf("client's parent is %s, want %s", parent, want)
			}
			if got := header.Get("traceparent"); !strings.Contains(got, client.TraceID().String()+"-"+client.SpanID().String()+"-01") {
				t.Errorf("traceparent that went out is %s, want that of client span %s", got, client.SpanID())
			}
			if got := r.Header.Get("traceparent"); !strings.Contains(got, invocation.SpanID().String()) {
				t.Errorf("guest sees traceparent %s, want that of invocation %s", got, invocation.SpanID())
			}
			for _, s := range b.spans.GetSpans() {
				if s.SpanKind == trace.SpanKindClient && (len(s.Links) == 1) != tc.link {
					t.Errorf("links: %v", s.Links)
				}
			}
		})
	}
}

// Without a CLIENT span the trace is propagated, and a context that the guest has set is kept.
func TestPropagationWithoutSpan(t *testing.T) {
	own := "00-22222222222222222222222222222222-00000000000000aa-01"
	for name, tc := range map[string]struct {
		change func(*Config, *workload.Spec)
		ctx    context.Context
		sent   string
		want   string // what goes out holds this
	}{
		"not sampled":              {nil, unsampled(), "", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"},
		"not sampled, guest's own": {nil, unsampled(), own, own},
		"no client spans":          {func(_ *Config, w *workload.Spec) { w.Components[0].Detail = "invocation" }, unsampled(), "", "0af7651916cd43dd8448eb211c80319c"},
		"traces off":               {func(c *Config, _ *workload.Spec) { c.Consumers[0].Spans = nil }, unsampled(), own, own},
	} {
		t.Run(name, func(t *testing.T) {
			b := newHarness(t, tc.change)
			req := &outRequest{"GET", &url.URL{Scheme: "http", Host: "a.example"}, http.Header{}}
			if tc.sent != "" {
				req.h.Set("traceparent", tc.sent)
			}
			b.bind(outEdge).cross(tc.ctx, resourceArg(req), func(context.Context) (cm.Val, error) { return cm.OKVal(cm.U32Val(0)), nil })
			if got := req.h.Get("traceparent"); !strings.Contains(got, tc.want) {
				t.Errorf("traceparent %q went out, want %q", got, tc.want)
			}
		})
	}
}

// Requests that interleave in one interceptor keep to their own traces.
func TestInterleaved(t *testing.T) {
	b := newHarness(t, nil)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("traceparent", fmt.Sprintf("00-%032x-00000000000000ff-01", i+1))
			b.serve(&request{r: r, route: "/", status: 200}, func(ctx context.Context) error {
				b.bind(handleEdge).cross(ctx, resourceArg(nil), func(ctx context.Context) (cm.Val, error) {
					for range 10 {
						b.bind(customEdge).cross(ctx, nil, nothing)
					}
					return cm.Val{}, nil
				})
				return nil
			})
		})
	}
	wg.Wait()
	count := map[trace.TraceID]int{}
	traceOf := map[trace.SpanID]trace.TraceID{}
	spans := b.ended()
	for _, s := range spans {
		count[s.SpanContext.TraceID()]++
		traceOf[s.SpanContext.SpanID()] = s.SpanContext.TraceID()
	}
	for _, s := range spans {
		if own, ok := traceOf[s.Parent.SpanID()]; ok && own != s.SpanContext.TraceID() {
			t.Errorf("%s is in another trace than its parent", s.Name)
		}
	}
	if len(count) != 16 {
		t.Errorf("%d traces, want 16", len(count))
	}
	for id, n := range count {
		if n != 12 {
			t.Errorf("trace %s has %d spans, want 12", id, n)
		}
	}
}
