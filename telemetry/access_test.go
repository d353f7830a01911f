package telemetry

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/workload"
)

// TestAccess: each request is handed on at its end, whether its span is recorded, not sampled, or no signal is on at all; with its trace.
func TestAccess(t *testing.T) {
	const trace = "0af7651916cd43dd8448eb211c80319c"
	for name, change := range map[string]func(*Config){
		"recorded":      func(*Config) {},
		"not sampled":   func(c *Config) { c.Getenv = vars(map[string]string{"OTEL_TRACES_SAMPLER": "always_off"}) },
		"off":           func(c *Config) { c.Consumers = nil },
		"no propagator": func(c *Config) { c.Consumers, c.Getenv = nil, vars(map[string]string{"OTEL_PROPAGATORS": "none"}) },
	} {
		t.Run(name, func(t *testing.T) {
			var got []Access
			var traces []string
			b := newHarness(t, func(c *Config, _ *workload.Spec) {
				change(c)
				c.Access = func(ctx context.Context, a Access) {
					id, _ := IDs(ctx)
					got, traces = append(got, a), append(traces, id)
				}
			})
			serve := func(status int, err error) {
				r := httptest.NewRequest("POST", "http://shop/cart/7?token=hunter2", nil)
				r.Header.Set("Traceparent", "00-"+trace+"-b7ad6b7169203331-01")
				b.serve(&request{r: r, route: "/cart/{id}", status: status, in: 3, out: 5}, func(context.Context) error { return err })
			}
			serve(200, nil)
			serve(404, nil)
			serve(500, nil)
			serve(500, &cm.Trap{Code: cm.TrapUnreachable})
			serve(504, &cm.Trap{Code: cm.TrapDeadline})
			serve(503, &cm.Trap{Code: cm.TrapOverload})
			serve(0, &cm.Trap{Code: cm.TrapCancel})
			want := []Access{{Status: 200}, {Status: 404}, {Status: 500}, {Status: 500, ErrorType: "trap.unreachable"}, {Status: 504, ErrorType: "deadline"},
				{Status: 503, ErrorType: "overload"}, {Status: 0}}
			if len(got) != len(want) {
				t.Fatalf("%d requests, wanted %d", len(got), len(want))
			}
			for i, w := range want {
				a := got[i]
				if a.Start.IsZero() || a.Duration < 0 {
					t.Errorf("%+v: when?", a)
				}
				w.Start, w.Duration = a.Start, a.Duration
				w.Method, w.Path, w.Route, w.RequestSize, w.AnswerSize = "POST", "/cart/7", "/cart/{id}", 3, 5
				w.Namespace, w.Workload, w.Component = "test", "shop", "shop"
				if a != w {
					t.Errorf("got %+v, wanted %+v", a, w)
				}
				if name != "no propagator" && traces[i] != trace || name == "no propagator" && traces[i] != "" {
					t.Errorf("trace %q", traces[i])
				}
			}
		})
	}
}
