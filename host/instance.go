package host

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
)

// What cm.InstanceInfo.Reuse says.
const (
	reuseFresh = "fresh"
	reuseReset = "reset"
)

// The kinds of isolation in a workload.
const (
	isolationFresh    = "fresh"
	isolationSnapshot = "snapshot"
)

// isolations are what those kinds mean to an instance.
var isolations = map[string]component.Isolation{
	"": component.Fresh, isolationFresh: component.Fresh, isolationSnapshot: component.Initialised,
}

// constant are the functions whose answer is a workload's own and the same for each of its instances. Everything else that
// initialisation asks for may differ from one instance to the next.
var constant = map[string][]string{
	"wasi:cli/environment": {"get-environment", "get-arguments", "initial-cwd"},
}

func isConstant(b *cm.Boundary) bool {
	return slices.Contains(constant[b.Interface.Unversioned().String()], b.Func)
}

// reuse is what a component's entry knows of resetting its instances.
type reuse struct {
	isolation component.Isolation
	used      atomic.Bool            // an instance has been made
	named     string                 // isolation, by its name
	refused   atomic.Pointer[string] // why instances of this component cannot be reset; nil: they can, as far as is known
	idle      idle
}

// option says how the next instance is to be made. The first one is for one use: many components are only run once, and
// a snapshot costs more than it saves then.
func (r *reuse) option() component.StoreOption {
	if why := r.refused.Load(); why != nil {
		return component.WithoutReset(*why)
	}
	if !r.used.Swap(true) {
		return component.WithReset(component.NoReset, nil)
	}
	return component.WithReset(r.isolation, isConstant)
}

// member gives a member of the pool with a free seat: one that is ready, one that is idle and reset now, or a new one.
func (v *invoker) member(ctx context.Context, e *entry) (*member, error) {
	for m, ready := e.reuse.idle.take(); m != nil; m, ready = e.reuse.idle.take() {
		if ready {
			return m, nil
		}
		err := v.reset(ctx, e, m.inst)
		if err == nil {
			return m, nil
		}
		var why *component.ResetError
		if !errors.As(err, &why) && ctx.Err() != nil {
			return nil, err
		}
	}
	return v.newInstance(ctx, e)
}

// reset sets an instance back and gives it a new ID, or closes it.
func (v *invoker) reset(ctx context.Context, e *entry, inst *component.Instance) error {
	info := e.reuse.info(reuseReset)
	err := v.guard("reset", func() error { return inst.Reset(ctx, info) })
	if err != nil {
		v.log.DebugContext(ctx, "an instance was not used again", "component", e.spec.Name, "reason", err)
		v.closeInstance(ctx, e, inst)
	}
	return err
}

func (v *invoker) newInstance(ctx context.Context, e *entry) (*member, error) {
	option := e.reuse.option()
	inst, err := e.linked.Instantiate(ctx,
		component.WithMemory(e.limits.Memory), component.WithTables(e.limits.Tables), component.WithFuel(e.limits.Fuel),
		component.WithStack(e.limits.Stack), component.WithHandles(e.limits.Handles), component.WithCallDepth(e.limits.CallDepth),
		component.WithHostMemory(e.limits.HostMemory), component.WithStackHeld(&e.stacks),
		component.WithInfo(e.reuse.info(reuseFresh)), option)
	if err != nil {
		return nil, err
	}
	e.learn(ctx, v.log, inst.Resettable())
	return &member{inst: inst}, nil
}

// info tells of one use of an instance.
func (r *reuse) info(kind string) cm.InstanceInfo {
	i := cm.InstanceInfo{ID: instanceIDs.Add(1), Reuse: kind, Isolation: r.named}
	if why := r.refused.Load(); why != nil {
		i.NotResettable = *why
	}
	return i
}

// learn notes that instances of a component cannot be reset, if that is what err says, and tells once.
func (e *entry) learn(ctx context.Context, log *slog.Logger, err error) {
	var why *component.ResetError
	if !errors.As(err, &why) {
		return
	}
	switch why.Reason {
	case "not-wanted", "initialisation-varies", "trapped":
		return
	}
	if e.reuse.refused.CompareAndSwap(nil, &why.Reason) {
		log.InfoContext(ctx, "each invocation has a new instance: they cannot be reset", "component", e.spec.Name,
			"reason", why.Reason, "detail", why.Detail)
	}
}

// letGo ends an invocation's use of its member, in which it had seat. What the guest left open ends now, also when the invocation's time is
// over: that flushes what it wrote last. keep says that the invocation went well; it gives the member back if it can be
// used again, and has closed it otherwise.
func (v *invoker) letGo(ctx context.Context, e *entry, m *member, seat *component.Instance, keep bool) *member {
	ctx = context.WithoutCancel(ctx)
	inst := m.inst
	if empty, err := m.leave(seat); !empty {
		if err != nil {
			v.log.ErrorContext(ctx, "an invocation did not let go of what it had", "component", e.spec.Name, "error", err)
		}
		return nil
	}
	if !keep || inst.Resettable() != nil {
		v.closeInstance(ctx, e, inst)
		return nil
	}
	if err := v.guard("release", func() error { return inst.Release(ctx) }); err != nil {
		v.log.ErrorContext(ctx, "an instance did not let go of what it had", "component", e.spec.Name, "error", err)
		v.closeInstance(ctx, e, inst)
		return nil
	}
	return m
}

// keep makes a member idle.
func (v *invoker) keep(e *entry, m *member, ready bool) bool {
	ok := e.reuse.idle.keep(m, ready)
	if !ok {
		v.closeInstance(&v.kill, e, m.inst)
	}
	return ok
}

func (v *invoker) closeInstance(ctx context.Context, e *entry, inst *component.Instance) {
	err := v.guard("close", func() error { return inst.Close(context.WithoutCancel(ctx)) })
	if err != nil {
		v.log.ErrorContext(ctx, "an instance did not close", "component", e.spec.Name, "error", err)
	}
}

// endIdle closes the instances that wait for invocations, and keeps none from here on.
func (v *invoker) endIdle() {
	for _, e := range v.entries {
		e.reuse.idle.end()
	}
}
