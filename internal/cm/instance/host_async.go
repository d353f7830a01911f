package instance

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/handle"
	"github.com/vitrine-wasm/vitrine/internal/cm/task"
	"github.com/vitrine-wasm/vitrine/internal/core"
	"github.com/vitrine-wasm/vitrine/internal/reqctx"
)

// outsideKey is the key that only contexts of work outside the store have.
type outsideKey struct{}

// workContext is the context of such work: its values are those of the call, and it ends with the subtask.
type workContext struct{ reqctx.Context }

// Value implements context.Context.
func (w *workContext) Value(key any) any {
	if _, ok := key.(outsideKey); ok {
		return w
	}
	return w.Context.Value(key)
}

// Deadline implements context.Context. It is the call's: at the end of that the subtask is killed, and the work with it.
func (w *workContext) Deadline() (time.Time, bool) { return w.Outer().Deadline() }

// hostCall is a call of a function of the host's in parts by a guest that goes on meanwhile.
type hostCall struct {
	task.Subtask
	l        *lowerHost
	caller   *activation
	ctx      workContext
	loan     *task.Loan
	account  *cm.Account // that it is counted in
	crossing *crossing   // nil: nobody observes
	work     cm.Work
	done     chan cm.Finish
	stack    [17]uint64
}

// callAsync is the trampoline of a function lowered by the asynchronous ABI: guest → host.
func (l *lowerHost) callAsync(a *activation, stack []uint64) error {
	s := a.store
	s.reset.note(l.boundary)
	if l.host.Parts == nil {
		return l.callPrompt(a, stack)
	}
	if err := s.account.Reserve(taskBytes); err != nil {
		return l.refused(a, s.at(err, l.boundary))
	}
	c := &hostCall{l: l, caller: a, account: s.account, loan: &task.Loan{}, done: make(chan cm.Finish, 1)}
	copy(c.stack[:], stack[:len(l.fn.AsyncParams)])
	c.GiveBack(func() { c.loan.End(&s.instances[l.instance].table) })
	args, err := l.lift(a, c.loan, stack)
	if err != nil {
		s.account.Release(taskBytes)
		c.Deliver()
		return l.refused(a, err)
	}
	c.Start()
	var ctx context.Context = a
	if l.hooks != nil {
		c.crossing = a.enterHost(l.hooks, l.boundary, args, time.Time{})
		ctx = c.crossing
	}
	c.ctx.BeginApart(ctx)
	start := clock()
	c.work, err = l.begin(a, &c.ctx, args)
	if err != nil {
		return c.failed(err)
	}
	c.OnCancel = c.cancel
	if err := s.sched.Watch(c, c.killed); err != nil {
		return c.failed(err)
	}
	s.sched.Outstanding(1)
	go c.run()
	runtime.Gosched() // a prompt result has one chance
	select {
	case f := <-c.done:
		if err := c.finish(f); err != nil {
			return err
		}
		a.Tally.AddHost(clock()-start, 0)
		if err := a.resume(); err != nil {
			return s.at(err, l.boundary)
		}
	default:
	}
	if c.Resolved() {
		c.Deliver()
		stack[0] = uint64(task.SubtaskReturned)
		return nil
	}
	h, err := s.instances[l.instance].table.Add(handle.Of(handle.Subtask, &c.Subtask))
	if err != nil {
		return s.at(err, l.boundary)
	}
	c.Publish(h)
	stack[0] = uint64(c.State()) | uint64(h)<<4
	return nil
}

// callPrompt calls a function that is done when it returns.
func (l *lowerHost) callPrompt(a *activation, stack []uint64) error {
	t := a.Loan()
	args, err := l.lift(a, t, stack)
	if err == nil {
		err = l.perform(a, args, stack)
	} else {
		err = l.refused(a, err)
	}
	t.End(&a.store.instances[l.instance].table)
	if err == nil {
		stack[0] = uint64(task.SubtaskReturned)
	}
	return err
}

// run does the work, on a goroutine of its own without the baton.
func (c *hostCall) run() {
	ended := false
	defer func() {
		if !ended {
			err := workPanic(recover(), c.l.boundary)
			c.arrive(func(context.Context) (cm.Val, error) { return cm.Val{}, err })
		}
	}()
	f := c.work(&c.ctx)
	ended = true
	c.arrive(f)
}

// workPanic is the trap of work that did not return.
func workPanic(recovered any, b *cm.Boundary) error {
	if recovered == nil {
		return &cm.Trap{Code: cm.TrapPanic, Boundary: b, Detail: "the goroutine of " + b.Name() + " has ended in it"}
	}
	t := core.Panicked(recovered)
	t.Code, t.Boundary, t.Detail = cm.TrapPanic, b, b.Name()+": "+t.Detail
	return t
}

// arrive passes on the result of the work.
func (c *hostCall) arrive(f cm.Finish) {
	c.done <- f
	c.caller.store.sched.Post((*arrival)(c))
}

// arrival is the result of work that has come, as a cm.Job.
type arrival hostCall

// Run implements cm.Job.
func (c *arrival) Run() { (*hostCall)(c).finishPrompt() }

// finishPrompt finishes the call if its result has come, and nobody was quicker.
func (c *hostCall) finishPrompt() {
	select {
	case f := <-c.done:
		if err := c.finish(f); err != nil {
			c.caller.root.fail(err)
			_ = c.caller.store.fail(err)
		}
	default:
	}
}

// finish lowers the result for the guest. It runs with the baton.
func (c *hostCall) finish(f cm.Finish) error {
	a, l, s := c.caller, c.l, c.caller.store
	s.sched.Outstanding(-1)
	s.sched.Unwatch(c)
	if s.dead != nil {
		return c.failed(s.deadTrap())
	}
	result, err := l.complete(a, &c.ctx, f)
	var cancelled bool
	if err != nil {
		if cancelled = c.Requested() && errors.Is(err, context.Canceled); !cancelled {
			return c.failed(err)
		}
	} else if err := l.lowerResult(a, result, c.stack[:]); err != nil {
		return c.failed(err)
	}
	c.left(result, err)
	c.ctx.Cancel(nil)
	c.account.Release(taskBytes)
	c.Resolve(cancelled)
	return nil
}

// failed ends a call that could not be made.
func (c *hostCall) failed(err error) error {
	err = c.l.failed(c.caller, err)
	c.left(cm.Val{}, err)
	c.ctx.Cancel(nil)
	c.account.Release(taskBytes)
	return err
}

func (c *hostCall) left(result cm.Val, err error) {
	if c.crossing != nil && c.crossing.Entered() {
		took := c.crossing.Elapsed()
		c.crossing.leftApart(took, c.caller.Cause, result, err)
	}
}

// errSubtaskCancelled is the cause with which a subtask's work is cancelled. It is not context.Canceled itself: a context without a cause
// of its own has that of the caller's, which may have ended for another reason.
var errSubtaskCancelled = fmt.Errorf("the guest has cancelled the call: %w", context.Canceled)

// cancel ends the work's context, and gives it one chance to be prompt.
func (c *hostCall) cancel() {
	c.ctx.Cancel(errSubtaskCancelled)
	runtime.Gosched()
	c.finishPrompt()
}

// killed ends the work because the store is dead.
func (c *hostCall) killed(err error) { c.ctx.Cancel(err) }

// begin reads the arguments of a function in parts.
func (l *lowerHost) begin(a *activation, ctx context.Context, args []cm.Val) (work cm.Work, err error) {
	ended := false
	defer func() {
		if !ended {
			err = a.store.panicked(recover(), l.boundary, l.boundary.Name())
		}
	}()
	work, err = l.host.Parts(ctx, args)
	ended = true
	return work, err
}

// complete finishes a function in parts.
func (l *lowerHost) complete(a *activation, ctx context.Context, f cm.Finish) (result cm.Val, err error) {
	ended := false
	defer func() {
		if !ended {
			err = a.store.panicked(recover(), l.boundary, l.boundary.Name())
		}
	}()
	result, err = f(ctx)
	ended = true
	return result, err
}

// outsideWork does the work of a function in parts whose caller waits for it: on its goroutine, and without the baton.
func (l *lowerHost) outsideWork(a *activation, ctx context.Context, work cm.Work) (f cm.Finish, err error) {
	s := a.store
	t, err := a.self(l.instance)
	if err != nil {
		return nil, err
	}
	var w workContext
	w.Begin(ctx)
	defer w.Cancel(nil)
	if err := s.sched.Watch(&w, func(err error) { w.Cancel(err) }); err != nil {
		return nil, err
	}
	cancelled := false
	hook := &task.CancelHook{Cancel: func() {
		cancelled = true
		w.Cancel(errSubtaskCancelled)
	}}
	of := a.cancellable()
	if of != nil {
		of.AddCancelHook(hook)
	}
	held := a.hold(nil)
	back := s.sched.Outside(t, len(held) > 0)
	returned := false
	defer func() {
		var recovered any
		if !returned {
			recovered = recover()
		}
		back()
		if !returned {
			err = s.panicked(recovered, l.boundary, l.boundary.Name())
		}
		s.sched.Unwatch(&w)
		if of != nil {
			of.RemoveCancelHook(hook)
		}
		for _, e := range held {
			e.Unhold()
		}
		if resumed := a.resume(); resumed != nil && err == nil {
			err = resumed
		}
	}()
	finish := work(&w)
	returned = true
	return func(ctx context.Context) (cm.Val, error) {
		v, err := finish(ctx)
		if cancelled && errors.Is(err, context.Canceled) {
			err = &cm.Trap{Code: cm.TrapCancel, Detail: "the task was cancelled while it waited for " + l.boundary.Name() + ", which gave up", Err: err}
		}
		return v, err
	}, nil
}

// cancellable is the task that a is a part of, or one of the synchronous calls that it makes, if it can be cancelled.
func (a *activation) cancellable() *task.Task {
	for p := a; p != nil && p.store == a.store; p = p.outer {
		if p.task != nil && p.task.Async {
			return p.task
		}
	}
	return nil
}

// hold keeps other threads out of the component instances in whose synchronous calls a is, except but: while these calls are parked in the
// host, their guests are not reentrant.
func (a *activation) hold(but *task.Entry) (held []*task.Entry) {
	if !a.synchronous() {
		return nil
	}
	for p := a; p != nil && p.store == a.store; p = p.outer {
		if p.instance >= 0 && p.synchronous() && !p.ended {
			if e := &a.store.instances[p.instance].entry; e != but {
				e.Hold()
				held = append(held, e)
			}
		}
	}
	return held
}

// awaits blocks until ci is not held any more.
func (a *activation) awaits(ci *componentInstance) error {
	for ci.entry.Held() {
		at := int(a.instance)
		if at < 0 {
			at = ci.index
		}
		t, err := a.self(at)
		if err != nil {
			return err
		}
		free := ci.entry.Freed()
		held := a.hold(&ci.entry)
		back := a.store.sched.Outside(t, true)
		select {
		case <-free:
		case <-a.Done():
		}
		back()
		for _, e := range held {
			e.Unhold()
		}
		if err := a.resume(); err != nil {
			return err
		}
		if err := a.Err(); err != nil {
			return contextTrap(a)
		}
	}
	return nil
}
