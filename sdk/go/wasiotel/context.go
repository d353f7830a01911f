package wasiotel

import (
	"context"
	"encoding/hex"
	"strings"

	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/sdk/go/internal/bindings"
)

// HostContext makes the host's span the parent of spans that are begun with the context. A context that has a valid span already keeps it, and without a
// host, or without a span of the host's, the context is as it was. Ask for it in the call that the host has made: by the time of a later call, the host's span
// is another one.
func HostContext(ctx context.Context) context.Context { return hostContext(ctx, theHost()) }

func hostContext(ctx context.Context, h host) context.Context {
	if h == nil || trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	sc := liftSpanContext(h.spanContext())
	if !sc.IsValid() {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, sc)
}

// liftSpanContext takes identifiers of any case and with leading zeros left out. A context with others is invalid.
func liftSpanContext(c bindings.SpanContext) trace.SpanContext {
	var config trace.SpanContextConfig
	if !identifier(config.TraceID[:], c.TraceID) || !identifier(config.SpanID[:], c.SpanID) {
		return trace.SpanContext{}
	}
	if c.TraceFlags&bindings.TraceFlagsSampled != 0 {
		config.TraceFlags = trace.FlagsSampled
	}
	config.TraceState = liftTraceState(c.TraceState)
	return trace.NewSpanContext(config)
}

func identifier(into []byte, digits string) bool {
	if len(digits) > 2*len(into) {
		return false
	}
	_, err := hex.Decode(into, []byte(strings.Repeat("0", 2*len(into)-len(digits))+strings.ToLower(digits)))
	return err == nil
}

// liftTraceState is empty if one entry is invalid, as the interface has it.
func liftTraceState(entries bindings.TraceState) trace.TraceState {
	list := make([]string, len(entries))
	for i, e := range entries {
		list[i] = e.F0 + "=" + e.F1
	}
	state, err := trace.ParseTraceState(strings.Join(list, ","))
	if err != nil {
		return trace.TraceState{}
	}
	return state
}

func lowerSpanContext(sc trace.SpanContext) bindings.SpanContext {
	c := bindings.SpanContext{TraceID: sc.TraceID().String(), SpanID: sc.SpanID().String(), TraceFlags: lowerFlags(sc.TraceFlags()), IsRemote: sc.IsRemote()}
	sc.TraceState().Walk(func(key, value string) bool {
		c.TraceState = append(c.TraceState, entry{F0: key, F1: value})
		return true
	})
	return c
}

func lowerFlags(f trace.TraceFlags) bindings.TraceFlags {
	if f.IsSampled() {
		return bindings.TraceFlagsSampled
	}
	return 0
}
