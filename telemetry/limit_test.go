package telemetry

import (
	"context"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/codes"

	"github.com/vitrine-wasm/vitrine/cm"
)

// TestLimits: a limit that a guest is told of by a result is in the metric, and in the span of the call or around it.
func TestLimits(t *testing.T) {
	b := newBench(t, nil)
	limit := &cm.LimitError{Limit: "files", Detail: "5 files and folders are open"}
	exit := func(bd *cm.Boundary) {
		h := b.icept.Bind(bd)
		ctx, around := b.host.tracer.Start(context.Background(), "around")
		c := cm.NewCall(bd, nil, ctx)
		c.Context = h.Enter(c)
		h.Exit(c, cm.End{Limit: limit})
		around.End()
	}
	exit(clockEdge) // worth no span
	exit(outEdge)
	if got := tell(b.collect()["vitrine.limits"]); !slices.Equal(got, []string{
		"vitrine.component=" + string(clockEdge.Caller) + " vitrine.limit=files: 2",
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
