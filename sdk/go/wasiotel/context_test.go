package wasiotel

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/sdk/go/internal/bindings"
)

// TestHostContexts: what hosts answer, and whose child the first span is then.
func TestHostContexts(t *testing.T) {
	for _, c := range []struct {
		name        string
		trace, span string
		parent      string // of the first span, or none
	}{
		{"in full", hostTrace, hostSpan, hostTrace + " " + hostSpan},
		{"without leading zeros", hostTrace[1:], "f067aa0ba902b7", hostTrace + " " + hostSpan},
		{"capitals", "0AF7651916CD43DD8448EB211C80319C", "00F067AA0BA902B7", hostTrace + " " + hostSpan},
		{"zeros in full", "00000000000000000000000000000000", "0000000000000000", ""},
		{"zeros", "0", "0", ""},
		{"empty", "", "", ""},
		{"no digits", "z", "y", ""},
		{"too long", hostTrace + "0", hostSpan, ""},
		{"a trace alone", hostTrace, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &keeper{context: bindings.SpanContext{TraceID: c.trace, SpanID: c.span, TraceFlags: bindings.TraceFlagsSampled}}
			sdk := Setup(with(h))
			ctx, done := sdk.Request(context.Background())
			_, span := sdk.Tracers.Tracer("t").Start(ctx, "s")
			span.End()
			done()
			got := ""
			if h.ended[0].ParentSpanID != "" {
				got = h.ended[0].SpanContext.TraceID + " " + h.ended[0].ParentSpanID
			}
			if got != c.parent {
				t.Errorf("the parent is %q, want %q", got, c.parent)
			}
		})
	}
}

// TestTraceState: in order, and none of it if one entry is invalid.
func TestTraceState(t *testing.T) {
	h := newKeeper()
	h.context.TraceState = bindings.TraceState{{F0: "b", F1: "2"}, {F0: "a", F1: "1"}}
	sc := trace.SpanContextFromContext(hostContext(context.Background(), h))
	if got := sc.TraceState().String(); got != "b=2,a=1" {
		t.Errorf("%s", got)
	}
	if got := lowerSpanContext(sc).TraceState; len(got) != 2 || got[0].F0 != "b" || got[1].F1 != "1" {
		t.Errorf("%v", got)
	}
	h.context.TraceState = append(h.context.TraceState, entry{})
	sc = trace.SpanContextFromContext(hostContext(context.Background(), h))
	if sc.TraceState().Len() != 0 || !sc.IsValid() {
		t.Errorf("%v", sc)
	}
}

// TestNotSampled: a host that does not sample has no spans made.
func TestNotSampled(t *testing.T) {
	h := newKeeper()
	h.context.TraceFlags = 0
	sdk := Setup(with(h))
	ctx, done := sdk.Request(context.Background())
	_, span := sdk.Tracers.Tracer("t").Start(ctx, "s")
	span.End()
	done()
	if len(h.started)+len(h.ended) != 0 {
		t.Errorf("%d started, %d ended", len(h.started), len(h.ended))
	}
}

// TestOwnParent: a context that has a span keeps it.
func TestOwnParent(t *testing.T) {
	h := newKeeper()
	own := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	ctx := trace.ContextWithRemoteSpanContext(context.Background(), own)
	if got := trace.SpanContextFromContext(hostContext(ctx, h)); got.TraceID() != own.TraceID() {
		t.Errorf("%v", got)
	}
}
