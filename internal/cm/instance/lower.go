package instance

import (
	"context"
	"errors"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/canon"
	"github.com/vitrine-wasm/vitrine/internal/cm/plan"
)

// lower is what both kinds of lowered functions share (CanonicalABI.md §canon lower, synchronous).
type lower struct {
	fn       *canon.Func
	instance int // the caller
	opts     plan.Options
	boundary *cm.Boundary
	hooks    cm.Hooks
	light    cm.Light // hooks, if they have that power
	params   int
	scalar   bool // fn.Scalar
	lent     bool // see cm.HostDef
}

// lowerHost is a function of the host as a guest imports it.
type lowerHost struct {
	lower
	host cm.HostFunc
}

// lowerLift is a function of another component instance as a guest imports it.
type lowerLift struct {
	lower
	callee *lift
	nested bool // caller and callee stand in one another: the call may be recursive, so it traps
}

const cannotLeave = "an import was called from realloc or post-return"

// scratch marks what a call has taken of its task's scratch space.
type scratch struct{ vals, lends int }

// lift reads the arguments from the caller's stack and memory. Handles that it borrows from stay lent until release.
func (l *lower) lift(a *activation, stack []uint64) (args []cm.Val, mark scratch, err error) {
	s := a.store
	if s.instances[l.instance].noLeave {
		return nil, mark, s.trap(cm.TrapCannotLeave, l.boundary, cannotLeave)
	}
	cx, err := s.context(a, l.instance, &l.opts)
	if err != nil {
		return nil, mark, err
	}
	cx.Lent = l.lent
	mark.lends = len(a.lends)
	args, mark.vals = a.Push(l.params)
	if err := l.fn.LiftArgs(cx, stack, args); err != nil {
		s.lose(a)
		return nil, mark, s.at(err, l.boundary)
	}
	return args, mark, nil
}

// release ends what the call borrowed and took.
func (l *lower) release(a *activation, mark scratch) {
	table := &a.store.instances[l.instance].table
	for _, h := range a.lends[mark.lends:] {
		table.Return(h)
	}
	a.lends = a.lends[:mark.lends]
	a.Pop(mark.vals)
}

// back writes the result to the caller's stack and memory.
func (l *lower) back(a *activation, result cm.Val, stack []uint64) error {
	cx, err := a.store.context(a, l.instance, &l.opts)
	if err != nil {
		return err
	}
	if err := l.fn.LowerResult(cx, result, stack); err != nil {
		cm.LetGo(a, l.fn.Type.Result, result)
		return a.store.at(err, l.boundary)
	}
	return nil
}

// call is the trampoline: guest → host.
func (l *lowerHost) call(ctx context.Context, stack []uint64) error {
	a := ctx.(*activation)
	a.store.reset.note(l.boundary)
	if l.scalar && l.hooks == nil && a.Call == nil {
		return l.callScalar(a, stack)
	}
	args, mark, err := l.lift(a, stack)
	if err != nil {
		return err
	}
	var result cm.Val
	switch {
	case l.light != nil && l.light.Light():
		result, err = l.counted(a, args)
	case l.hooks != nil:
		result, err = l.observed(a, args)
	case a.Call != nil:
		start := clock()
		result, err = l.host(a, args)
		a.Clock.Host += clock() - start
	default:
		result, err = l.host(a, args)
	}
	l.release(a, mark)
	if err != nil {
		return l.failed(a, err)
	}
	if err := a.resume(); err != nil {
		return a.store.at(err, l.boundary)
	}
	return l.back(a, result, stack)
}

// resume goes on in the guest after host code has run, while which others may have had the store; an error if there is no
// going on. A guest that does little but call slow host functions would take long to use up its fuel and hear of its end.
func (a *activation) resume() error {
	if a.store.dead != nil {
		t := *a.store.dead
		return &t
	}
	a.thread.Run()
	return a.thread.Err()
}

// callScalar is call for a function of plain numbers that nobody observes.
func (l *lowerHost) callScalar(a *activation, stack []uint64) (err error) {
	s := a.store
	if s.instances[l.instance].noLeave {
		return s.trap(cm.TrapCannotLeave, l.boundary, cannotLeave)
	}
	args, mark := a.Push(l.params)
	for i := range args {
		if args[i], err = l.fn.LiftScalar(i, stack[i]); err != nil {
			return s.at(err, l.boundary)
		}
	}
	result, err := l.host(a, args)
	a.Pop(mark)
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

// epoch is what clock counts from.
var epoch = time.Now()

// clock tells durations. It reads the monotonic clock alone, where time.Now reads the time of day too.
func clock() time.Duration { return time.Since(epoch) }

// counted calls the host for hooks that only want to know that it went well, and how long it took. A call that did not is
// entered and left at its end, and so is one that ran into a limit.
func (l *lowerHost) counted(a *activation, args []cm.Val) (cm.Val, error) {
	start := clock()
	a.Limit = nil
	result, err := l.host(a, args)
	took := clock() - start
	if a.Clock != nil {
		a.Clock.Host += took
	}
	if err == nil && a.Limit == nil {
		l.light.Count(a, took)
		return result, nil
	}
	if err != nil {
		err = l.failed(a, err)
	}
	c := a.store.enter(a, a, l.hooks, l.boundary, args)
	c.Start, c.limit = time.Now().Add(-took), a.Limit
	c.exit(result, err)
	return result, err
}

func (l *lowerHost) observed(a *activation, args []cm.Val) (result cm.Val, err error) {
	c := a.store.enter(a, a, l.hooks, l.boundary, args)
	c.OnFinish(c.finish)
	returned := false
	defer func() {
		if !returned { // a panic passes through; package core makes a trap of it
			c.exit(cm.Val{}, cm.Trapf(cm.TrapBug, "host function panicked"))
		}
	}()
	a.Limit = nil
	result, err = l.host(c, args)
	returned = true
	c.limit = a.Limit
	if err != nil {
		err = l.failed(a, err)
	}
	c.exit(result, err)
	return result, err
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
		own := *t // it may be the cause of a context, at which others look
		own.Boundary = l.boundary
		if err == error(t) {
			return &own
		}
		return &trapped{err, &own}
	case a.Err() != nil:
		// The host function gave up because its task ended: the task's own reason is the news.
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

// call is the trampoline: guest → guest.
func (l *lowerLift) call(ctx context.Context, stack []uint64) error {
	a := ctx.(*activation)
	s := a.store
	if l.nested && !s.instances[l.instance].noLeave {
		return s.trap(cm.TrapCannotEnter, l.boundary, "the caller stands in it or around it")
	}
	args, mark, err := l.lift(a, stack)
	if err != nil {
		return err
	}
	var result cm.Val
	if l.hooks == nil {
		result, err = s.callLift(s.activation(a, a, a.Call, a.Clock), l.callee, l.boundary, args)
	} else {
		c := s.enter(a, a, l.hooks, l.boundary, args)
		result, err = s.callLift(s.activation(a, c.Context, &c.Call, c.clock), l.callee, l.boundary, args)
		c.exit(result, err)
	}
	l.release(a, mark)
	if err != nil {
		return err
	}
	return l.back(a, result, stack)
}

// callLift calls a lifted function (CanonicalABI.md §canon lift, synchronous). a is the new task.
func (s *Store) callLift(a *activation, l *lift, b *cm.Boundary, args []cm.Val) (cm.Val, error) {
	if err := a.tooDeep(b); err != nil {
		loseVals(a, l.fn.Type.Params, args)
		return cm.Val{}, err
	}
	ci := &s.instances[l.Instance]
	if ci.entered {
		loseVals(a, l.fn.Type.Params, args)
		return cm.Val{}, s.trap(cm.TrapCannotEnter, b, "a call is already inside it")
	}
	ci.entered = true
	result, err := s.runLift(a, ci, l, args)
	ci.entered = false
	if err != nil {
		cm.LetGo(a, l.fn.Type.Result, result) // post-return trapped
		return cm.Val{}, s.at(err, b)
	}
	return result, nil
}

func (s *Store) runLift(a *activation, ci *componentInstance, l *lift, args []cm.Val) (result cm.Val, err error) {
	cx, err := s.context(a, l.Instance, &l.Options)
	if err != nil {
		return result, err
	}
	stack := a.stack[:]
	if n := l.fn.StackLen(); n > len(stack) {
		stack = make([]uint64, n)
	}
	if err := l.fn.LowerArgs(cx, args, stack); err != nil {
		loseVals(a, l.fn.Type.Params, args)
		return result, err
	}
	f, err := s.fn(l.Func)
	if err != nil {
		return result, err
	}
	if err := f.Call(a, stack); err != nil {
		return result, err
	}
	if cx, err = s.context(a, l.Instance, &l.Options); err != nil {
		return result, err
	}
	if result, err = l.fn.LiftResult(cx, stack); err != nil {
		s.lose(a)
		return result, err
	}
	if n := a.borrows.Count(); n > 0 {
		return result, cm.Trapf(cm.TrapBorrowsLeft, "borrow handles still remain at the end of the call: %d", n)
	}
	if l.PostReturn >= 0 {
		post, err := s.fn(l.PostReturn)
		if err != nil {
			return result, err
		}
		ci.noLeave = true
		err = post.Call(a, stack)
		ci.noLeave = false
		if err != nil {
			return result, err
		}
	}
	return result, nil
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
