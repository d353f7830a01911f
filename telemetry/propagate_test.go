package telemetry

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/workload"
)

// outgoing returns the header of a request that a guest sends while it answers one with the header in; sent is the header that the
// guest has set.
func (b *harness) outgoing(in, sent http.Header) http.Header {
	r := get("/")
	r.Header = in
	out := &outRequest{"GET", &url.URL{Scheme: "http", Host: "a.example"}, sent.Clone()}
	if out.h == nil {
		out.h = http.Header{}
	}
	b.serve(&request{r: r, route: "/", status: 200}, func(ctx context.Context) error {
		b.bind(handleEdge).cross(ctx, resourceArg(nil), func(ctx context.Context) (cm.Val, error) {
			return b.bind(outEdge).cross(ctx, resourceArg(out), func(context.Context) (cm.Val, error) {
				return cm.OKVal(cm.U32Val(1)), nil
			})
		})
		return nil
	})
	return out.h
}

const (
	parentTrace = "0af7651916cd43dd8448eb211c80319c"
	parentSpan  = "b7ad6b7169203331"
	parent      = "00-" + parentTrace + "-" + parentSpan + "-01"
)

// TestPropagateOnly: a request's context reaches the requests that it causes, whichever signals are on.
func TestPropagateOnly(t *testing.T) {
	off := func(c *Config, _ *workload.Spec) {
		c.Consumers[0].Spans, c.Consumers[0].Logs, c.Consumers[0].MetricReader = nil, nil, nil
	}
	for name, change := range map[string]func(*Config, *workload.Spec){
		"all":         nil,
		"no exporter": off,
		"SDK off": func(c *Config, _ *workload.Spec) {
			c.Getenv = vars(map[string]string{"OTEL_SDK_DISABLED": "true"})
		},
		"metrics alone": func(c *Config, _ *workload.Spec) { c.Consumers[0].Spans, c.Consumers[0].Logs = nil, nil },
		"logs alone":    func(c *Config, _ *workload.Spec) { c.Consumers[0].Spans, c.Consumers[0].MetricReader = nil, nil },
		"no client spans": func(_ *Config, w *workload.Spec) {
			w.Components[0].Detail = "invocation"
		},
		"not sampled": func(c *Config, _ *workload.Spec) {
			c.Getenv = vars(map[string]string{"OTEL_TRACES_SAMPLER": "always_off"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			spans := name == "all" || name == "no client spans" || name == "not sampled"
			b := newHarness(t, change)
			got := b.outgoing(http.Header{"Traceparent": {parent}, "Tracestate": {"a=1", "b=2"}, "Baggage": {"k=v", "l=w"}}, nil)
			if !strings.HasPrefix(got.Get("traceparent"), "00-"+parentTrace) || !spans && got.Get("traceparent") != parent {
				t.Errorf("traceparent %q", got["Traceparent"])
			}
			if s := strings.Join(got["Tracestate"], ","); s != "a=1,b=2" {
				t.Errorf("tracestate %q", s)
			}
			if s := strings.Join(got["Baggage"], ","); !strings.Contains(s, "k=v") || !strings.Contains(s, "l=w") {
				t.Errorf("baggage %q", s)
			}

			got = b.outgoing(http.Header{"Baggage": {"k=v"}}, nil)
			if s := got.Get("baggage"); s != "k=v" {
				t.Errorf("baggage alone: %q", s)
			}
			got = b.outgoing(http.Header{"Traceparent": {parent}, "Baggage": {"k=v"}}, http.Header{"Baggage": {"own=1"}})
			if s := got["Baggage"]; len(s) != 1 || s[0] != "own=1" {
				t.Errorf("the guest's own baggage: %q", s)
			}
			got = b.outgoing(http.Header{}, nil)
			if !spans && len(got) > 0 {
				t.Errorf("from nothing comes %v", got)
			}
			// Two contradicting headers count as none.
			got = b.outgoing(http.Header{"Traceparent": {parent, strings.ReplaceAll(parent, "b7", "c8")}, "Tracestate": {"a=1"}}, nil)
			if strings.Contains(got.Get("traceparent"), parentTrace) || got["Tracestate"] != nil {
				t.Errorf("two parents: %v", got)
			}
			// A guest's context of another trace is kept, or replaced as a whole.
			own := "00-22222222222222222222222222222222-00000000000000aa-01"
			got = b.outgoing(http.Header{"Traceparent": {parent}}, http.Header{"Traceparent": {own}, "Tracestate": {"own=1"}})
			if (got.Get("traceparent") == own) != (got.Get("tracestate") == "own=1") || !spans && got.Get("traceparent") != own {
				t.Errorf("the guest's own: %v", got)
			}
		})
	}
}

// timedRequest is one whose exchange has ended.
type timedRequest struct {
	outRequest
	head, total, stalled time.Duration
}

func (r *timedRequest) OutgoingTimes() (time.Duration, time.Duration, time.Duration) {
	return r.head, r.total, r.stalled
}

// TestClientTimes: a server's time does not depend on when the guest reads the response.
func TestClientTimes(t *testing.T) {
	b := newHarness(t, nil)
	req := &timedRequest{outRequest{"GET", &url.URL{Scheme: "http", Host: "a.example"}, http.Header{}}, 20 * time.Millisecond, 94 * time.Millisecond, 70 * time.Millisecond}
	var finish func(any, error)
	b.bind(outEdge).cross(t.Context(), resourceArg(req), func(ctx context.Context) (cm.Val, error) {
		finish = cm.CallFrom(ctx).Hold()
		return cm.OKVal(cm.U32Val(1)), nil
	})
	time.Sleep(200 * time.Millisecond)
	finish(&http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1}, nil)
	spans := b.ended()
	if len(spans) != 1 || spans[0].SpanKind != trace.SpanKindClient {
		t.Fatalf("%v", spans)
	}
	if took := spans[0].EndTime.Sub(spans[0].StartTime); took < 93*time.Millisecond || took > 95*time.Millisecond {
		t.Errorf("the span took %s", took)
	}
	want := map[attribute.Key]float64{keyHeadTime: 0.02, keyBodyTime: 0.004, keyStallTime: 0.07}
	for _, kv := range spans[0].Attributes {
		if v, ok := want[kv.Key]; ok && kv.Value.AsFloat64() == v {
			delete(want, kv.Key)
		}
	}
	if len(want) > 0 {
		t.Errorf("not told: %v, of %v", want, spans[0].Attributes)
	}
	all := b.collect()
	for name, want := range map[string]float64{"http.client.request.duration": 0.024, metricClientHead: 0.02} {
		h, _ := all[name].Data.(metricdata.Histogram[float64])
		if len(h.DataPoints) != 1 {
			t.Errorf("%s: %+v", name, h)
			continue
		}
		if got := h.DataPoints[0].Sum; got < want-1e-6 || got > want+1e-6 {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// The start of a process is a part of the trace that its environment names.
func TestJoinsTheTraceOfTheEnvironment(t *testing.T) {
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for name, c := range map[string]struct {
		environment map[string]string
		joins       bool
	}{
		"none":      {nil, false},
		"a trace":   {map[string]string{"TRACEPARENT": "00-" + trace + "-" + parent + "-01", "TRACESTATE": "a=b"}, true},
		"malformed": {map[string]string{"TRACEPARENT": "00-" + trace + "-" + parent}, false},
		"lower":     {map[string]string{"traceparent": "00-" + trace + "-" + parent + "-01"}, false},
	} {
		b := newHarness(t, func(cfg *Config, _ *workload.Spec) { cfg.Getenv = vars(c.environment) })
		_, end := cm.Begin(b.Joined(context.Background()), b.interceptor, &cm.Operation{Name: "workload start"})
		end(nil)
		s := b.ended()[0]
		if got := s.SpanContext.TraceID().String() == trace && s.Parent.SpanID().String() == parent; got != c.joins {
			t.Errorf("%s: the start has trace %s, parent %s", name, s.SpanContext.TraceID(), s.Parent.SpanID())
		}
	}
}
