package instance

import (
	"context"
	"errors"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/task"
	"github.com/vitrine-wasm/vitrine/internal/core"
	"github.com/vitrine-wasm/vitrine/internal/reqctx"
)

// root is the task of a call from the host into a store, with the thread that it runs on and an interrupt of its own: other calls may be
// parked in the same store.
type root struct {
	activation
	invocation *Invocation
	came       bool        // into the store, where it was not before
	skipped    bool        // its hooks have nothing to do with it (cm.Skipper)
	core0      core.Thread // that it runs on
	interrupt  core.Interrupt
	watch      reqctx.Subscription
	caller     context.Context // whose end interrupts the task
	running    *Running        // nil: the call ends before its caller goes on
	failure    error           // its error, if that has killed the store
}

// fail notes the call's error; the first counts.
func (r *root) fail(err error) {
	if r.failure == nil {
		r.failure = err
	}
}

// newRoot makes a task of i in a component instance (-1: in none) that ends when ctx does. The caller has to call end.
func (s *Store) newRoot(ctx context.Context, i *Invocation, instance int) *root {
	r := &root{}
	r.init(s, ctx, i, instance)
	r.begin()
	return r
}

// init says what call it is; begin comes when the caller is in the store.
func (r *root) init(s *Store, ctx context.Context, i *Invocation, instance int) {
	r.invocation, r.caller = i, ctx
	a := &r.activation
	a.Context.Context, a.Call, a.store, a.root, a.core, a.instance, a.depth = ctx, cm.CallFrom(ctx), s, r, &r.core0, int32(instance), 1
	if outer, ok := ctx.Value(activationKey{}).(*activation); ok {
		a.outer, a.depth = outer, outer.depth+1
	}
}

func (r *root) begin() {
	r.core0.Begin(r.store.group, &r.interrupt, r.invocation.fuel)
	r.watch.Begin(r.caller, r)
}

// inside says whether the caller is in the store already: in a host function that the store has called.
func (r *root) inside() bool {
	if r.outer == nil || r.caller.Value(outsideKey{}) != nil {
		return false
	}
	for a := r.outer; a != nil; a = a.outer {
		if a.store == r.store {
			return true
		}
	}
	return false
}

// enter brings the caller into the store, if it is not there already. Begin and leave come behind it.
func (r *root) enter() error {
	s := r.store
	if r.inside() {
		return nil
	}
	if !s.sched.TryEnter() {
		r.thread = s.sched.NewThread(nil, nil)
		if err := s.sched.Enter(r.caller, r.thread); err != nil {
			return contextTrap(r.caller)
		}
	}
	r.came = true
	return nil
}

// leave ends the task, and gives up the baton if enter has taken it.
func (r *root) leave() {
	r.end()
	if r.came {
		r.store.sched.Leave()
	}
}

// again is an activation in the place of r's own, without its state.
func (r *root) again() *activation {
	return &activation{
		Context: task.Context{Context: r.caller, Call: r.Call},
		store:   r.store, root: r, outer: r.outer, core: r.core, instance: r.instance, depth: r.depth,
	}
}

// recursive says whether the task would come back into what a task around it is in: into a component instance with the same
// outermost component around it (CanonicalABI.md §Component Instances, call_might_be_recursive).
func (r *root) recursive() bool {
	p := r.store.linked.Program
	for a := r.outer; a != nil; a = a.outer {
		if a.store == r.store && a.instance >= 0 && p.Root(int(a.instance)) == p.Root(int(r.instance)) {
			return true
		}
	}
	return false
}

// OnDone implements reqctx.Listener. It has no effect on a task that is over.
func (r *root) OnDone() {
	if r.running != nil {
		r.running.callerGone()
		return
	}
	r.interrupt.Set(contextTrap(r.caller))
}

func (r *root) end() { r.finish(false) }

// finish ends the task's thread; see core.Thread.End.
func (r *root) finish(keepRefused bool) {
	r.watch.End()
	r.core0.End(keepRefused)
}

// contextTrap is the trap for the end of a context.
func contextTrap(ctx context.Context) *cm.Trap {
	cause := context.Cause(ctx)
	var t *cm.Trap
	if errors.As(cause, &t) {
		c := *t // a cause may end several tasks; each fills in its own boundary
		return &c
	}
	code := cm.TrapCancel
	if errors.Is(cause, context.DeadlineExceeded) {
		code = cm.TrapDeadline
	}
	return &cm.Trap{Code: code, Detail: cause.Error(), Err: cause}
}
