package instance

import (
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/handle"
	"github.com/vitrine-wasm/vitrine/internal/cm/task"
	"github.com/vitrine-wasm/vitrine/internal/core"
)

// taskBytes is what a call under way is counted as in an account that has a goroutine of its own, beside its handle: what a guest can
// have any number of.
const taskBytes = 8 << 10

// asyncCall is a call of a guest's asynchronous function by another guest (CanonicalABI.md §canon lower): a subtask of the
// caller and a task of the callee.
type asyncCall struct {
	task.Subtask
	l        *lowerLift
	caller   *activation
	callee   activation
	core     core.Thread // the callee's
	loan     *task.Loan
	account  *cm.Account    // that it is counted in
	crossing *guestCrossing // nil: nobody observes
	stack    []uint64       // the caller's, as it called
	copied   [17]uint64     // what stack is, if the caller goes on before the end
	result   cm.Val         // as hooks see it
	started  time.Duration
	begun    bool
	pause    pause
}

// callAsync is the trampoline for functions whose type is async: guest → guest.
func (l *lowerLift) callAsync(a *activation, stack []uint64) error {
	s := a.store
	c := &asyncCall{l: l, caller: a, account: s.account}
	if err := l.mayCall(a); err != nil {
		return l.refused(a, err)
	}
	c.stack = stack
	if l.opts.Async {
		c.stack = c.copied[:copy(c.copied[:], stack[:len(l.fn.AsyncParams)])]
	}
	if err := s.account.Reserve(taskBytes); err != nil {
		return l.refused(a, s.at(err, l.boundary))
	}
	c.begin()
	start := clock()
	if t := s.instances[l.callee.Instance].entry.GoesFirst(); t != nil {
		s.sched.Resume(t, false) // it may be about to leave, so that the callee need not wait
	}
	s.sched.Resume(c.callee.thread, false)
	a.Tally.AddCallee(clock() - start)
	if err := a.resume(); err != nil {
		return err
	}
	if !l.opts.Async {
		if !c.Resolved() {
			if err := a.parks(l.instance, c.Wait); err != nil {
				return s.at(err, l.boundary)
			}
		}
		c.Deliver()
		return nil
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

// mayCall is why the call cannot be made.
func (l *lowerLift) mayCall(a *activation) error {
	s := a.store
	switch {
	case s.instances[l.instance].entry.NoLeave:
		return s.trap(cm.TrapCannotLeave, l.boundary, cannotLeave)
	case l.nested:
		return s.trap(cm.TrapCannotEnter, l.boundary, "the caller stands in it or around it")
	}
	return nil
}

// begin makes the callee's task and thread.
func (c *asyncCall) begin() {
	l, a, s := c.l, c.caller, c.caller.store
	ci := &s.instances[l.callee.Instance]
	b := &c.callee
	b.Context.Context, b.Call, b.Tally = a, a.Call, a.Tally
	b.store, b.root, b.outer, b.instance, b.depth = s, a.root, a, int32(l.callee.Instance), a.depth+1
	b.core, b.lift = &c.core, l.callee
	b.task = &task.Task{}
	initTask(b.task, ci, l.callee)
	b.task.OnResolve = c.resolve
	b.thread = s.sched.NewThread(b.task, c)
	c.OnCancel = b.task.RequestCancel
	c.GiveBack(func() {
		if c.loan != nil {
			c.loan.End(&s.instances[l.instance].table)
		}
	})
	c.started = clock()
}

// Run is the callee, on a goroutine that has the baton. It is called again each time that the callee has rested.
func (c *asyncCall) Run() {
	b, s := &c.callee, c.caller.store
	ended := false
	defer func() {
		if !ended {
			c.conclude(s.panicked(recover(), c.l.boundary, c.l.boundary.Name()))
		}
	}()
	var resting bool
	var err error
	if c.begun {
		resting, err = s.resumeTask(b, &c.pause)
	} else {
		c.begun = true
		resting, err = c.enter()
	}
	ended = true
	if !resting {
		c.conclude(err)
	}
}

// enter begins the callee.
func (c *asyncCall) enter() (resting bool, err error) {
	c.core.BeginPart(c.caller.root.core)
	if c.l.hooks != nil {
		c.crossing = c.caller.enterGuest(c.caller, c.l.hooks, c.l.boundary, nil)
		c.crossing.core, c.crossing.apart, c.crossing.fuel = &c.core, true, c.core.Fuel()
		c.callee.observe(c.crossing)
	}
	c.pause.job = c
	return c.caller.store.runTask(&c.callee, c.l.boundary, c.args, &c.pause)
}

// args takes the arguments from the caller, when the callee is in its component instance.
func (c *asyncCall) args() ([]cm.Val, error) {
	l, a := c.l, c.caller
	c.loan = &task.Loan{}
	c.Start()
	return l.lift(a, c.loan, c.stack)
}

// resolve gives the result to the caller.
func (c *asyncCall) resolve(result cm.Val, cancelled bool) error {
	l, a, s := c.l, c.caller, c.caller.store
	if !cancelled {
		cx, err := s.context(a, l.instance, &l.opts)
		if err != nil {
			return err
		}
		if l.opts.Async {
			err = l.fn.LowerAsyncResult(cx, result, c.stack)
		} else {
			err = l.fn.LowerResult(cx, result, c.stack)
		}
		if err != nil {
			cm.DropOwned(a, l.fn.Type.Result, result)
			return s.at(err, l.boundary)
		}
		if c.crossing != nil {
			c.result = result
			c.crossing.Resolved(result)
		}
		c.callee.core.Run()
	}
	c.Resolve(cancelled)
	return nil
}

// conclude is the end of the callee's thread.
func (c *asyncCall) conclude(err error) {
	s := c.caller.store
	if err != nil {
		c.caller.root.invocation.explain(err)
		err = s.at(err, c.l.boundary)
		c.caller.root.fail(err)
		err = s.fail(err)
	}
	if c.crossing != nil {
		end := err
		if end == nil && (c.State() == task.SubtaskCancelledBeforeReturned || c.State() == task.SubtaskCancelledBeforeStarted) {
			end = &cm.Trap{Code: cm.TrapCancel, Boundary: c.l.boundary, Detail: "the caller has cancelled it"}
		}
		c.crossing.leftGuest(c.crossing.Elapsed(), c.result, end)
	}
	c.core.End(false)
	c.account.Release(taskBytes)
}
