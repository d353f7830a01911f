package host

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/internal/reqctx"
	"github.com/vitrine-wasm/vitrine/workload"
)

// DefaultReady is how many instances of a component that a trigger of its workload reaches are made before events come.
const DefaultReady = 1

// ReadyError says that no instance of a component could be made before events come, so that its workload does not start.
// Err holds a *cm.Trap where the guest or a limit ended its initialisation.
type ReadyError struct {
	Component string
	Err       error
}

// Error names the component and what happened.
func (e *ReadyError) Error() string {
	return fmt.Sprintf("component %s: no instance can be made: %v", e.Component, e.Err)
}

// Unwrap is Err.
func (e *ReadyError) Unwrap() error { return e.Err }

// readyOf is how many instances of c are to be ready: those that it asks for, else the default where events of w come
// again and again.
func readyOf(w *workload.Spec, c *workload.Component) int {
	if c.Instances.Ready != nil {
		return max(*c.Instances.Ready, 0)
	}
	for _, t := range w.Triggers {
		if t.Component == c.Name {
			return DefaultReady
		}
	}
	return 0
}

// prepare makes the instances that are to be ready before events come. An error is a *ReadyError, or ctx's own.
func (v *invoker) prepare(ctx context.Context, e *entry) error {
	if e.ready == 0 {
		return nil
	}
	op := &cm.Operation{Name: "instances ready", Component: cm.Path(e.spec.Name)}
	op.Set("instances.ready", int64(e.ready))
	octx, end := cm.Begin(ctx, e.interceptor, op)
	// The first one takes the snapshot that the others share.
	err := v.makeReady(octx, e)
	if err == nil && e.ready > 1 {
		err = v.makeMany(octx, e, e.ready-1)
	}
	end(err)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return &ReadyError{Component: e.spec.Name, Err: err}
}

// makeMany makes n instances, as many at once as there are processors.
func (v *invoker) makeMany(ctx context.Context, e *entry, n int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var begun atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for begun.Add(1) <= int64(n) && ctx.Err() == nil {
				if err := v.makeReady(ctx, e); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// makeReady makes one instance and keeps it.
func (v *invoker) makeReady(ctx context.Context, e *entry) error {
	ctx, stop := e.bound(ctx)
	defer stop()
	var m *member
	err := v.guard("instantiation", func() (err error) {
		m, err = v.newInstance(ctx, e)
		return err
	})
	if err == nil {
		v.keep(e, m, true)
	}
	return err
}

// bound gives initialisation that belongs to no invocation the time that an invocation has.
func (e *entry) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if e.deadline <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, e.deadline, &cm.Trap{Code: cm.TrapDeadline,
		Detail: fmt.Sprintf("%s: initialisation took longer than %s", e.spec.Name, e.deadline)})
}

// seat is what an invocation has: its context, and its part of its component's pool. Its end comes behind that of the event.
type seat struct {
	ctx  reqctx.Context
	kill reqctx.Subscription // of what stops all invocations

	admitted, slot bool
	use            component.Use
	used           bool    // a member was there
	member         *member // it, if it can be used again
}

// OnDone implements reqctx.Listener: the invocation must not go on.
func (t *seat) OnDone() {
	t.ctx.Cancel(cm.Trapf(cm.TrapCancel, "%w: the time to drain is over", cm.ErrStopping))
}

// endSeat gives back what an invocation had. Where nobody is in need of the slot and there is a processor to spare, the
// instance is reset before, on the invocation's goroutine, so that the next invocation need not do it. Otherwise that one
// resets what it takes, which costs the same and makes do with fewer instances.
func (v *invoker) endSeat(e *entry, t *seat) {
	switch {
	case t.member != nil && v.spare(e):
		v.resetAhead(e, t.member)
	case t.member != nil:
		v.keep(e, t.member, false)
	}
	if t.slot {
		e.pool.release()
	}
	// Asked once more, behind the release: of several that end at once, the last one sees what all of them have left.
	if t.slot == t.used && e.lacks() && v.spare(e) { // where no instance could be made, the next one is left to who needs it
		v.refill(e)
	}
	if t.admitted {
		v.wg.Done()
	}
}

// spare says whether nobody is in need of a slot and there is a processor for what nobody waits for.
func (v *invoker) spare(e *entry) bool {
	return e.pool.waiting.Load() == 0 && len(e.pool.slots) <= e.processors && v.ahead.Err() == nil
}

// lacks says whether there are fewer instances than are to be ready, those that are busy included: they come back.
func (e *entry) lacks() bool { return e.ready > 0 && e.reuse.idle.len()+len(e.pool.slots) < e.ready }

func (v *invoker) resetAhead(e *entry, m *member) {
	e.resetting.Add(1)
	defer e.resetting.Add(-1)
	ctx, stop := v.ahead, context.CancelFunc(func() {})
	if m.inst.Initialises() {
		ctx, stop = e.bound(ctx)
	}
	defer stop()
	if v.reset(ctx, e, m.inst) == nil {
		v.keep(e, m, true)
	}
}

// refill makes instances in the place of those that could not be kept, until as many are ready as are to be or others
// want the slots. It is done in the background, by one goroutine a component.
func (v *invoker) refill(e *entry) {
	if e.refilling.Swap(true) {
		return
	}
	if !v.admit() {
		e.refilling.Store(false)
		return
	}
	go func() {
		defer v.wg.Done()
		defer e.refilling.Store(false)
		for e.lacks() && v.ahead.Err() == nil && e.pool.try() {
			// The slot stands for the new instance.
			room := e.reuse.idle.len()+len(e.pool.slots) <= cap(e.pool.slots)
			var err error
			if room {
				err = v.makeReady(v.ahead, e)
			}
			e.pool.release()
			if err != nil {
				v.log.Warn("an instance could not be made ready", "component", e.spec.Name, "error", err)
			}
			if err != nil || !room || e.pool.waiting.Load() > 0 {
				return
			}
		}
	}()
}
