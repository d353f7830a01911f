package instance

import (
	"context"

	"github.com/vitrine-wasm/vitrine/internal/cm/plan"
	"github.com/vitrine-wasm/vitrine/internal/core"
)

// builtIn makes the trampolines of built-ins that need neither memory nor handles. They may be called from realloc and
// post-return.
func builtIn(t *plan.Trampoline) (core.HostFunc, bool) {
	switch t.Kind {
	case plan.ContextGet:
		return core.HostFunc{Results: oneI32, Fn: func(ctx context.Context, stack []uint64) error {
			stack[0] = uint64(ctx.(*activation).Slots[t.Slot])
			return nil
		}}, true
	case plan.ContextSet:
		return core.HostFunc{Params: oneI32, Fn: func(ctx context.Context, stack []uint64) error {
			ctx.(*activation).Slots[t.Slot] = uint32(stack[0])
			return nil
		}}, true
	case plan.BackpressureInc:
		return core.HostFunc{Fn: func(ctx context.Context, _ []uint64) error { return backpressure(ctx, t.Instance, 1) }}, true
	case plan.BackpressureDec:
		return core.HostFunc{Fn: func(ctx context.Context, _ []uint64) error { return backpressure(ctx, t.Instance, -1) }}, true
	}
	return core.HostFunc{}, false
}

func backpressure(ctx context.Context, instance, by int) error {
	return ctx.(*activation).store.instances[instance].entry.AddBackpressure(by)
}
