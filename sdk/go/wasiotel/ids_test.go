package wasiotel

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/trace"
)

// TestIdentifiers: valid, and all different, also where a request begins with the state of another one's beginning, as in instances made from one snapshot.
func TestIdentifiers(t *testing.T) {
	seen := map[trace.SpanID]bool{}
	traces := map[trace.TraceID]bool{}
	for range 50 {
		h := newKeeper()
		h.context.TraceID = ""
		sdk := Setup(with(h))
		sdk.ids.NewIDs(context.Background()) // while it is initialised
		ctx, done := sdk.Request(context.Background())
		if sdk.ids.random != nil {
			t.Fatal("a request goes on with the seed of the initialisation")
		}
		for range 100 {
			_, span := sdk.Tracers.Tracer("t").Start(ctx, "s")
			sc := span.SpanContext()
			if !sc.IsValid() || seen[sc.SpanID()] || traces[sc.TraceID()] {
				t.Fatalf("%v", sc)
			}
			seen[sc.SpanID()], traces[sc.TraceID()] = true, true
		}
		done()
	}
}
