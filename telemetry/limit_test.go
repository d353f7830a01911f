package telemetry

import (
	"context"
	"net/http/httptest"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/codes"

	"github.com/vitrine-wasm/vitrine/cm"
)

// TestLimits: a limit that a guest gets as an error is in the metric, and in the span of the call or around it.
func TestLimits(t *testing.T) {
	b := newHarness(t, nil)
	limit := &cm.LimitError{Limit: "files", Detail: "5 files and folders are open"}
	exit := func(bd *cm.Boundary) {
		h := b.interceptor.Bind(bd)
		ctx, around := b.host.tracer.Start(context.Background(), "around")
		c := cm.NewCall(bd, nil, ctx)
		c.Context = h.Enter(c)
		h.Exit(c, cm.End{Limit: limit})
		around.End()
	}
	exit(clockEdge) // worth no span
	exit(outEdge)
	if got := formatMetric(b.collect()["vitrine.limits"]); !slices.Equal(got, []string{
		"vitrine.limit=files: 2",
	}) {
		t.Errorf("metric: %q", got)
	}
	marked, failed := 0, 0
	for _, s := range b.ended() {
		for _, a := range s.Attributes {
			if a.Key == keyLimit && a.Value.AsString() == "files" {
				marked++
				if s.Status.Code == codes.Error && s.Status.Description == "files: 5 files and folders are open" {
					failed++
				}
			}
		}
	}
	if marked != 2 || failed != 1 {
		t.Errorf("%d spans tell of the limit, %d have failed; wanted 2 and 1", marked, failed)
	}
}

// TestLimitsOfGrowth: a growth that a limit refuses is in the call's span and in the metric, and does not fail the call; if the guest
// then traps, the span has both.
func TestLimitsOfGrowth(t *testing.T) {
	b := newHarness(t, nil)
	for _, end := range []cm.End{
		{Limit: &cm.LimitError{Limit: "memory", Detail: "enough"}},
		{Limit: &cm.LimitError{Limit: "tables", Detail: "enough"}, Outcome: cm.Trapped, Err: cm.Trapf(cm.TrapUnreachable, "out of tables")},
		{Limit: &cm.LimitError{Limit: "memory", Detail: "enough"}, Outcome: cm.Aborted, Err: cm.Trapf(cm.TrapFuel, "enough work")},
	} {
		h := b.interceptor.Bind(handleEdge)
		c := cm.NewCall(handleEdge, nil, context.Background())
		c.Context = h.Enter(c)
		h.Exit(c, end)
	}
	if got := formatMetric(b.collect()["vitrine.limits"]); !slices.Equal(got, []string{
		"vitrine.limit=memory: 2", "vitrine.limit=tables: 1",
	}) {
		t.Errorf("metric: %q", got)
	}
	if got := b.limits(); !slices.Equal(got, []string{"Unset  memory", "Error trap.unreachable tables", "Error fuel fuel"}) {
		t.Errorf("spans: %q", got)
	}
}

// TestLimitsOfRequests: a request that is too large is recorded and no server error; a guest that makes its own headers too large has
// failed.
func TestLimitsOfRequests(t *testing.T) {
	b := newHarness(t, nil)
	for _, c := range []struct {
		status int
		code   cm.TrapCode
	}{{413, cm.TrapBody}, {431, cm.TrapHeaders}, {500, cm.TrapHeaders}, {413, cm.TrapDeadline}} {
		b.serve(&request{r: httptest.NewRequest("GET", "/", nil), route: "/", status: c.status}, func(context.Context) error {
			return cm.Trapf(c.code, "enough")
		})
	}
	if got := b.limits(); !slices.Equal(got, []string{"Unset body body", "Unset headers headers", "Error headers headers", "Error deadline deadline"}) {
		t.Errorf("spans: %q", got)
	}
	if got := formatMetric(b.collect()["vitrine.traps"]); !slices.Equal(got, []string{
		"vitrine.trap.code=body: 1", "vitrine.trap.code=deadline: 1",
		"vitrine.trap.code=headers: 2",
	}) {
		t.Errorf("metric: %q", got)
	}
}

// limits are the status, the error type and the limit of each span.
func (b *harness) limits() (out []string) {
	for _, s := range b.ended() {
		var kind, limit string
		for _, a := range s.Attributes {
			switch a.Key {
			case "error.type":
				kind += a.Value.AsString()
			case keyLimit:
				limit += a.Value.AsString()
			}
		}
		out = append(out, s.Status.Code.String()+" "+kind+" "+limit)
	}
	return out
}
