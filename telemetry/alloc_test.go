package telemetry

import (
	"context"
	"net/http"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/workload"
)

// unsampled is a context in a trace that is not sampled.
func unsampled() context.Context {
	h := http.Header{"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}}
	return propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(h))
}

// crossing calls Enter and Exit with the least overhead, to measure hooks.
func crossing(e boundHooks, c *cm.Call) {
	e.h.Enter(c)
	e.h.Exit(c, cm.End{Guest: 1, Fuel: 1, MemoryPeak: 65536})
	c.State = nil
}

func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for name, b := range map[string]*cm.Boundary{
		"host guest": handleEdge, "guest guest": cartEdge, "guest host": customEdge, "noise": clockEdge,
	} {
		t.Run("unsampled/"+name, func(t *testing.T) {
			e := newHarness(t, nil).bind(b)
			c := cm.NewCall(b, nil, unsampled())
			c.SetArgs(resourceArg(nil))
			c.Instance.Reuse = "fresh"
			crossing(e, c) // the first measurement allocates its cells
			if n := testing.AllocsPerRun(100, func() { crossing(e, c) }); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
	t.Run("request", func(t *testing.T) {
		t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2048") // no export while allocations are counted
		t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
		h := newHelloRequest(t)
		// The event's state, two spans, and the traceparent header; three are calls and a context.
		if n := testing.AllocsPerRun(500, h.serve); n > 5+3 {
			t.Errorf("%v allocations", n)
		}
	})
	t.Run("noise that is no span", func(t *testing.T) {
		b := newHarness(t, nil)
		ctx, span := b.host.tracer.Start(context.Background(), "x")
		defer span.End()
		e := b.bind(clockEdge)
		c := cm.NewCall(clockEdge, nil, ctx)
		crossing(e, c)
		// A sampled span may become the measurement's exemplar.
		if n := testing.AllocsPerRun(100, func() { crossing(e, c) }); n > 2 {
			t.Errorf("%v allocations", n)
		}
	})
}

// With telemetry off the only hooks are those that propagate contexts, and there are none without a propagator.
func TestOff(t *testing.T) {
	tel, err := New(t.Context(), Config{Getenv: vars(nil), Logger: discard()})
	if err != nil {
		t.Fatal(err)
	}
	defer tel.Shutdown(context.Background())
	w := &workload.Spec{Name: "w", Components: []workload.Component{{Name: "shop"}}}
	i := tel.Component(w, &w.Components[0])
	if _, tells := i.(cm.Lifecycle); tells {
		t.Errorf("a component has the interceptor %v", i)
	}
	for _, b := range []*cm.Boundary{handleEdge, cartEdge, customEdge, clockEdge} {
		if h := i.Bind(b); h != nil {
			t.Errorf("%s has the hooks %v", b.Name(), h)
		}
	}
	e := boundHooks{outEdge, i.Bind(outEdge)}
	c := cm.NewCall(outEdge, nil, context.Background())
	c.SetArgs(resourceArg(&outRequest{"GET", nil, http.Header{}}))
	if n := testing.AllocsPerRun(100, func() { crossing(e, c) }); n > 1 {
		t.Errorf("%v allocations for a request without a context", n)
	}
	bare, err := New(t.Context(), Config{Getenv: vars(map[string]string{"OTEL_PROPAGATORS": "none"}), Logger: discard()})
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Shutdown(context.Background())
	if i := bare.Component(w, &w.Components[0]); i != nil {
		t.Errorf("a component has the interceptor %v", i)
	}
	if i := tel.Host(); i != nil {
		t.Errorf("the host has the interceptor %v", i)
	}
}

var instantiate = &cm.Operation{Name: "instantiate", Component: "shop"}

func BenchmarkGuestToHost(b *testing.B) {
	for name, ctx := range map[string]context.Context{"sampled": context.Background(), "unsampled": unsampled()} {
		b.Run(name, func(b *testing.B) {
			be := newHarness(b, func(c *Config, _ *workload.Spec) { c.Consumers[0].Spans = discardExporter{} })
			e := be.bind(customEdge)
			if name == "sampled" {
				ctx, _ = be.host.tracer.Start(ctx, "root")
			}
			c := cm.NewCall(customEdge, nil, ctx)
			b.ReportAllocs()
			for b.Loop() {
				crossing(e, c)
			}
		})
	}
}

// discardExporter is an exporter that discards spans.
type discardExporter struct{}

func (discardExporter) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (discardExporter) Shutdown(context.Context) error                             { return nil }
