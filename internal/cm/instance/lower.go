package instance

import (
	"context"
	"errors"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/canon"
	"github.com/vitrine-wasm/vitrine/internal/cm/plan"
	"github.com/vitrine-wasm/vitrine/internal/cm/task"
	"github.com/vitrine-wasm/vitrine/internal/core"
)

// lower is what both kinds of lowered functions share (CanonicalABI.md §canon lower, synchronous).
type lower struct {
	fn           *canon.Func
	instance     int // the caller
	opts         plan.Options
	boundary     *cm.Boundary
	hooks        cm.Hooks
	countOnly    cm.CountOnly // hooks, if they have that power
	params       int
	scalar       bool // fn.Scalar
	borrowsBytes bool // see cm.HostDef
}

// lowerHost is a function of the host as a guest imports it.
type lowerHost struct {
	lower
	host HostFunc
}

// lowerLift is a function of another component instance as a guest imports it.
type lowerLift struct {
	lower
	callee *lift
	nested bool // one of caller and callee contains the other: the call may be recursive, so it traps
}

const cannotLeave = "an import was called from realloc or post-return"

// lift reads the arguments of t from the caller's stack and memory. Handles that it borrows from stay lent until t ends.
func (l *lower) lift(a *activation, t *task.Loan, stack []uint64) ([]cm.Val, error) {
	s := a.store
	if s.instances[l.instance].entry.NoLeave {
		return nil, s.trap(cm.TrapCannotLeave, l.boundary, cannotLeave)
	}
	cx, err := s.context(a, l.instance, &l.opts)
	if err != nil {
		return nil, err
	}
	cx.BorrowBytes, s.handles.loan = l.borrowsBytes, t
	args := t.Args(l.params)
	if l.opts.Async {
		err = l.fn.LiftAsyncArgs(cx, stack, args)
	} else {
		err = l.fn.LiftArgs(cx, stack, args)
	}
	if err != nil {
		s.dropMoved(a)
		return nil, s.at(err, l.boundary)
	}
	if n := cx.Spent(); n > 0 {
		t.Hold(s.account, n) // the account had room for it
	}
	return args, nil
}

// lowerResult writes the result to the caller's stack and memory.
func (l *lower) lowerResult(a *activation, result cm.Val, stack []uint64) error {
	cx, err := a.store.context(a, l.instance, &l.opts)
	if err != nil {
		return err
	}
	if l.opts.Async {
		err = l.fn.LowerAsyncResult(cx, result, stack)
	} else {
		err = l.fn.LowerResult(cx, result, stack)
	}
	if err != nil {
		cm.DropOwned(a, l.fn.Type.Result, result)
		return a.store.at(err, l.boundary)
	}
	return nil
}

// refused ends a call whose arguments could not be lifted: hooks see it fail.
func (l *lower) refused(a *activation, err error) error {
	if l.hooks != nil {
		if l.boundary.Kind == cm.GuestToHost {
			c := a.enterHost(l.hooks, l.boundary, nil, time.Time{})
			c.leftHost(c.Elapsed(), nil, cm.Val{}, err)
		} else {
			c := a.enterGuest(a, l.hooks, l.boundary, nil)
			c.leftGuest(c.Elapsed(), cm.Val{}, err)
		}
	}
	return err
}

// call is the trampoline: guest → host.
func (l *lowerHost) call(ctx context.Context, stack []uint64) error {
	a := ctx.(*activation)
	a.shown = true
	a.store.reset.note(l.boundary)
	if l.scalar && l.hooks == nil && a.Call == nil && l.host.Parts == nil {
		return l.callScalar(a, stack)
	}
	t := a.Loan()
	args, err := l.lift(a, t, stack)
	if err == nil {
		err = l.perform(a, args, stack)
	} else {
		err = l.refused(a, err)
	}
	t.End(&a.store.instances[l.instance].table)
	return err
}

// perform calls a host function, which is done when it returns, and lowers its result.
func (l *lowerHost) perform(a *activation, args []cm.Val, stack []uint64) error {
	switch {
	case l.countOnly != nil && l.countOnly.CountOnly():
		if a.root.skipped {
			return l.unmeasured(a, args, stack)
		}
		return l.counted(a, args, stack)
	case l.hooks != nil:
		return l.observed(a, args, stack)
	case a.Tally != nil:
		start := clock()
		result, err := l.invoke(a, a, args)
		a.Tally.AddHost(clock()-start, 0) // its wait is noted on the call around it
		return l.goOn(a, result, err, stack)
	}
	result, err := l.invoke(a, a, args)
	return l.goOn(a, result, err, stack)
}

// goOn goes on in the guest after a host function has returned: its error is a trap, its result is lowered.
func (l *lowerHost) goOn(a *activation, result cm.Val, err error, stack []uint64) error {
	if err != nil {
		return l.failed(a, err)
	}
	if err := a.resume(); err != nil {
		cm.DropOwned(a, l.fn.Type.Result, result)
		return a.store.at(err, l.boundary)
	}
	return l.lowerResult(a, result, stack)
}

// callScalar is call for a function of plain numbers without an observer.
func (l *lowerHost) callScalar(a *activation, stack []uint64) (err error) {
	s := a.store
	if s.instances[l.instance].entry.NoLeave {
		return s.trap(cm.TrapCannotLeave, l.boundary, cannotLeave)
	}
	t := a.Loan()
	args := t.Args(l.params)
	for i := range args {
		if args[i], err = l.fn.LiftScalar(i, stack[i]); err != nil {
			return s.at(err, l.boundary)
		}
	}
	result, err := l.invoke(a, a, args)
	t.End(nil)
	if err != nil {
		return l.failed(a, err)
	}
	if err = a.resume(); err == nil && l.fn.Type.Result != nil {
		stack[0], err = l.fn.LowerScalar(result)
	}
	if err != nil {
		return s.at(err, l.boundary)
	}
	return nil
}

// counted calls the host for hooks that only count calls and their durations. A call that failed or reached a limit is entered and left at
// its end.
func (l *lowerHost) counted(a *activation, args []cm.Val, stack []uint64) error {
	start := clock()
	took := time.Duration(-1)
	defer func() {
		if took < 0 {
			c := a.enterHost(l.hooks, l.boundary, args, time.Now().Add(start-clock()))
			c.abandon()
		}
	}()
	a.Cause = nil
	waited := a.Call.Waited()
	result, err := l.invoke(a, a, args)
	took = clock() - start
	cause := a.Cause
	err = l.goOn(a, result, err, stack)
	if err == nil && !notable(cause) && !l.countOnly.Count(a, epoch.Add(start), took) {
		a.Tally.AddHost(took, 0) // its wait is noted on the call around it
		return nil
	}
	c := a.enterHost(l.hooks, l.boundary, args, time.Now().Add(start-clock()))
	c.leftCounted(took, a.Call.Waited()-waited, cause, result, err)
	return err
}

// unmeasured is counted in a call that hooks skip.
func (l *lowerHost) unmeasured(a *activation, args []cm.Val, stack []uint64) error {
	a.Cause = nil
	result, err := l.invoke(a, a, args)
	cause := a.Cause
	err = l.goOn(a, result, err, stack)
	if err != nil || notable(cause) {
		a.enterHost(l.hooks, l.boundary, args, time.Time{}).leftHost(0, cause, result, err)
	}
	return err
}

// notable says that hooks which only count calls have to see one with this cause.
func notable(cause error) bool {
	if cause == nil {
		return false
	}
	var limit *cm.LimitError
	var backend *cm.BackendError
	return errors.As(cause, &limit) || errors.As(cause, &backend)
}

func (l *lowerHost) observed(a *activation, args []cm.Val, stack []uint64) error {
	c := a.enterHost(l.hooks, l.boundary, args, time.Time{})
	defer c.abandon()
	a.Cause = nil
	result, err := l.invoke(a, c, args)
	took, cause := c.Elapsed(), a.Cause
	err = l.goOn(a, result, err, stack)
	c.leftHost(took, cause, result, err)
	return err
}

// invoke calls the host function in ctx. A panic is an error.
func (l *lowerHost) invoke(a *activation, ctx context.Context, args []cm.Val) (result cm.Val, err error) {
	ended := false
	defer func() {
		if !ended {
			err = a.store.panicked(recover(), l.boundary, l.boundary.Name())
		}
	}()
	if l.host.Parts == nil {
		result, err = l.host.Call(ctx, args)
	} else {
		result, err = l.inParts(a, ctx, args)
	}
	ended = true
	return result, err
}

// inParts calls a function in parts, and waits for its work outside the store.
func (l *lowerHost) inParts(a *activation, ctx context.Context, args []cm.Val) (cm.Val, error) {
	work, err := l.host.Parts(ctx, args)
	if err != nil {
		return cm.Val{}, err
	}
	f, err := l.outsideWork(a, ctx, work)
	if err != nil {
		return cm.Val{}, err
	}
	return f(ctx)
}

// panicked is the trap of host code that did not return; what is its name. It is called from the deferred function. If
// nothing is recovered, the goroutine is ending: no error will be seen, and the guest must not be entered again.
func (s *Store) panicked(recovered any, b *cm.Boundary, what string) error {
	if recovered == nil {
		t := &cm.Trap{Code: cm.TrapPanic, Boundary: b, Detail: "the goroutine of " + what + " has ended in it"}
		return s.fail(t)
	}
	t := core.Panicked(recovered)
	t.Code, t.Boundary, t.Detail = cm.TrapPanic, b, what+": "+t.Detail
	return t
}

// failed says what a host function's error means to the guest: a trap, unless the guest asked to exit.
func (l *lowerHost) failed(a *activation, err error) error {
	var exit *cm.ExitError
	var t *cm.Trap
	switch {
	case errors.As(err, &exit):
		return err
	case errors.As(err, &t) && t.Boundary != nil:
		return err
	case t != nil:
		own := *t // it may be the cause of a context, which others read
		own.Boundary = l.boundary
		if err == error(t) {
			return &own
		}
		return &trapped{err, &own}
	case a.Err() != nil:
		// The host function gave up because its task ended: the cause is the task's own.
		return a.store.at(contextTrap(a), l.boundary)
	}
	return &cm.Trap{Code: cm.TrapHost, Boundary: l.boundary, Detail: l.boundary.Name() + ": " + err.Error(), Err: err}
}

// trapped is an error with a trap of its own.
type trapped struct {
	error
	trap *cm.Trap
}

func (t *trapped) Unwrap() []error { return []error{t.trap, t.error} }

// call is the trampoline for functions whose type is not async: guest → guest.
func (l *lowerLift) call(ctx context.Context, stack []uint64) error {
	a := ctx.(*activation)
	s := a.store
	if l.callee.fn.Type.Async {
		a.shown = true
		return l.callAsync(a, stack)
	}
	if l.nested && !s.instances[l.instance].entry.NoLeave {
		return l.refused(a, s.trap(cm.TrapCannotEnter, l.boundary, "the caller stands in it or around it"))
	}
	t := a.Loan()
	args, err := l.lift(a, t, stack)
	if err == nil {
		if err = a.awaits(&s.instances[l.callee.Instance]); err != nil {
			dropVals(a, l.fn.Type.Params, args)
		}
	}
	switch {
	case err != nil:
		err = l.refused(a, err)
	case l.hooks != nil:
		a.shown = true
		err = l.observed(a, args, stack)
	default:
		callee := a.enters(l.callee.Instance)
		var result cm.Val
		if result, err = s.callLift(callee, l.callee, l.boundary, args); err == nil {
			a.leaves(callee)
			err = l.lowerResult(a, result, stack)
		}
	}
	t.End(&s.instances[l.instance].table)
	return err
}

func (l *lowerLift) observed(a *activation, args []cm.Val, stack []uint64) error {
	c := a.enterGuest(a, l.hooks, l.boundary, args)
	defer c.abandon()
	callee := a.calls(l.callee.Instance)
	callee.observe(c)
	result, err := a.store.callLift(callee, l.callee, l.boundary, args)
	took := c.Elapsed()
	if err == nil {
		err = l.lowerResult(a, result, stack)
	}
	c.leftGuest(took, result, err)
	return err
}

// callLift calls a lifted function (CanonicalABI.md §canon lift, synchronous). a is the new task.
func (s *Store) callLift(a *activation, l *lift, b *cm.Boundary, args []cm.Val) (cm.Val, error) {
	if err := a.tooDeep(b); err != nil {
		dropVals(a, l.fn.Type.Params, args)
		return cm.Val{}, err
	}
	stack := s.takeStack(l.fn.StackLen())
	result, err := s.runLift(a, l, args, stack)
	s.giveStack(stack)
	if err == nil {
		err = a.done()
	}
	if err != nil {
		cm.DropOwned(a, l.fn.Type.Result, result) // post-return trapped
		a.root.invocation.explain(err)
		return cm.Val{}, s.at(err, b)
	}
	return result, nil
}

func (s *Store) runLift(a *activation, l *lift, args []cm.Val, stack []uint64) (result cm.Val, err error) {
	cx, err := s.context(a, l.Instance, &l.Options)
	if err != nil {
		return result, err
	}
	if err := l.fn.LowerArgs(cx, args, stack); err != nil {
		dropVals(a, l.fn.Type.Params, args)
		return result, err
	}
	f, err := s.fn(l.Func)
	if err != nil {
		return result, err
	}
	if err := f.CallOn(a.core, a, stack); err != nil {
		return result, err
	}
	if cx, err = s.context(a, l.Instance, &l.Options); err != nil {
		return result, err
	}
	if result, err = l.fn.LiftResult(cx, stack); err != nil {
		s.dropMoved(a)
		return result, err
	}
	if n := a.Borrows.Count(); n > 0 {
		return result, cm.Trapf(cm.TrapBorrowsLeft, "borrow handles still remain at the end of the call: %d", n)
	}
	return result, s.postReturn(a, l, stack)
}

// trap makes a trap at a boundary.
func (s *Store) trap(code cm.TrapCode, b *cm.Boundary, detail string) error {
	return &cm.Trap{Code: code, Boundary: b, Detail: detail}
}

// at notes the innermost boundary of a trap.
func (s *Store) at(err error, b *cm.Boundary) error {
	var t *cm.Trap
	if errors.As(err, &t) && t.Boundary == nil {
		t.Boundary = b
	}
	return err
}
