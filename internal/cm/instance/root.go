package instance

import (
	"context"
	"errors"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/task"
	"github.com/vitrine-wasm/vitrine/internal/core"
	"github.com/vitrine-wasm/vitrine/internal/reqctx"
)

// root is the task of a call from the host into a store, with the thread that it runs on. What ends the call is its own:
// others may be parked in the same store.
type root struct {
	activation
	invocation *Invocation
	thread     core.Thread
	interrupt  core.Interrupt
	watch      reqctx.Subscription
	caller     context.Context // whose end interrupts the task
}

// newRoot makes a task of i in a component instance (-1: in none) that ends when ctx does. Whoever makes it calls end.
func (s *Store) newRoot(ctx context.Context, i *Invocation, instance int) *root {
	r := &root{invocation: i, caller: ctx}
	a := &r.activation
	a.Context, a.Call, a.store, a.root, a.instance, a.depth = ctx, cm.CallFrom(ctx), s, r, int32(instance), 1
	if outer, ok := ctx.Value(activationKey{}).(*activation); ok {
		a.outer, a.depth = outer, outer.depth+1
	}
	r.thread.Begin(s.group, &r.interrupt, i.fuel)
	r.watch.Begin(ctx, r)
	return r
}

// again is a task in the place of r, with nothing of what r has come to.
func (r *root) again() *activation {
	return &activation{
		Task:  task.Task{Context: r.caller, Call: r.Call},
		store: r.store, root: r, outer: r.outer, instance: r.instance, depth: r.depth,
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

// OnDone implements reqctx.Listener. A task that is over by then hears it in vain.
func (r *root) OnDone() { r.interrupt.Set(contextTrap(r.caller)) }

func (r *root) end() { r.finish(false) }

// finish ends the task's thread; see core.Thread.End.
func (r *root) finish(keepRefused bool) {
	r.watch.End()
	r.thread.End(keepRefused)
}

// contextTrap says in a trap's words why a context ended.
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
