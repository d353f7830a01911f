package instance

import (
	"context"
	"errors"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/core"
	"github.com/vitrine-wasm/vitrine/internal/life"
)

// root is the task of a call from the host into a store, with the thread that it runs on. What ends the call is its own:
// others may be parked in the same store.
type root struct {
	activation
	thread    core.Thread
	interrupt core.Interrupt
	watch     life.Watch
	caller    context.Context // whose end interrupts the task
}

// newRoot makes a task that ends when ctx does. Whoever makes it calls end.
func (s *Store) newRoot(ctx context.Context, call *cm.Call) *root {
	r := &root{caller: ctx}
	r.activation.init(s, ctx, call, nil, &r.thread)
	if outer, ok := ctx.Value(activationKey{}).(*activation); ok {
		r.depth = outer.depth + 1
	}
	r.thread.Begin(s.group, &r.interrupt, 0)
	r.watch.Begin(ctx, r)
	return r
}

// again is a task in the place of r, with nothing of what r has come to.
func (r *root) again() *activation {
	a := &activation{depth: r.depth}
	a.init(r.store, r.caller, r.Call, r.Clock, &r.thread)
	return a
}

// Ended implements life.Watcher. A task that is over by then hears it in vain.
func (r *root) Ended() { r.interrupt.Set(contextTrap(r.caller)) }

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
