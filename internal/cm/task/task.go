package task

import (
	"slices"

	"github.com/vitrine-wasm/vitrine/cm"
)

// State is the state of a task (CanonicalABI.md §Task State).
type State uint8

// The states.
const (
	Initial State = iota
	Started
	PendingCancel   // its cancellation is requested, and the guest does not know
	CancelDelivered // the guest knows
	Resolved
)

// Task is a call of a lifted function, with the state that the specification's rules need. Its guest code runs under a [Context].
type Task struct {
	Async          bool // the function's type is async: others may have to wait for it, and it for others
	NeedsExclusive bool // one such task at a time is inside its component instance
	// OnResolve is called once, with the result or because the task was cancelled.
	OnResolve func(result cm.Val, cancelled bool) error

	state    State
	entry    *Entry
	implicit *Thread
	threads  []*Thread
	hooks    []*CancelHook
	first    [1]*Thread // what threads has room for without an allocation
}

// NewTask makes a task of a function of the component instance e.
func NewTask(e *Entry) *Task { return &Task{entry: e} }

// Init is NewTask for a Task that is a part of something else.
func (t *Task) Init(e *Entry) { t.entry = e }

// State is the task's state.
func (t *Task) State() State { return t.state }

// Entry is that of the component instance that it is in.
func (t *Task) Entry() *Entry { return t.entry }

// Enter has the task's implicit thread come into its component instance: an async task waits while there is backpressure.
// entered is false if it was cancelled before it could (enter_implicit_thread).
func (t *Task) Enter(th *Thread) (entered bool, err error) {
	t.implicit = th
	if !t.Async {
		return true, t.Register(th)
	}
	if t.state == PendingCancel {
		t.state = CancelDelivered
		return false, t.Cancel(0)
	}
	e := t.entry
	if e.hasBackpressure(t) || len(e.entering) > 0 {
		e.entering = append(e.entering, th)
		cancelled, err := th.WaitUntil(func() bool { return !e.hasBackpressure(t) }, true)
		e.forget(th)
		if len(e.entering) > 0 {
			e.entering[0].Wake() // the thread behind it may be able to enter now
		}
		if err != nil {
			return false, err
		}
		if cancelled {
			return false, t.Cancel(0)
		}
	}
	if t.NeedsExclusive {
		e.exclusive = th
	}
	return true, t.Register(th)
}

// Register counts one more thread of the task, and gives it a number (register_thread).
func (t *Task) Register(th *Thread) error {
	if t.threads == nil {
		t.threads = t.first[:0]
	}
	t.threads = append(t.threads, th)
	if th.body != nil {
		th.list()
	}
	return t.entry.add(th)
}

// Exit is the end of the implicit thread (exit_implicit_thread).
func (t *Task) Exit() error {
	if err := t.Unregister(t.implicit); err != nil {
		return err
	}
	if t.Async && t.NeedsExclusive && t.entry.exclusive == t.implicit {
		t.entry.release()
	}
	return nil
}

// Unregister is the end of one of its threads. A task whose last thread ends without a result is a trap.
func (t *Task) Unregister(th *Thread) error {
	t.threads = slices.DeleteFunc(t.threads, func(o *Thread) bool { return o == th })
	t.entry.remove(th)
	if len(t.threads) == 0 && t.state != Resolved {
		return cm.Trapf(cm.TrapNoResult, "the task has ended without a call of task.return or task.cancel")
	}
	return nil
}

// Ended says that no thread of the task is left.
func (t *Task) Ended() bool { return len(t.threads) == 0 && t.state == Resolved }

// Complete resolves a synchronous call, without OnResolve.
func (t *Task) Complete() { t.state = Resolved }

// Start says that the arguments have been read.
func (t *Task) Start() { t.state = Started }

// Return resolves the task with a result (return_). borrows is the number of borrow handles that it still has.
func (t *Task) Return(result cm.Val, borrows int) error {
	if t.state == Resolved {
		return cm.Trapf(cm.TrapTaskResolved, "the task has returned or was cancelled before")
	}
	if err := borrowsLeft(borrows); err != nil {
		return err
	}
	if err := t.OnResolve(result, false); err != nil {
		return err
	}
	t.state = Resolved
	return nil
}

// Cancel resolves the task without a result, as it was asked for.
func (t *Task) Cancel(borrows int) error {
	if t.state != CancelDelivered {
		return cm.Trapf(cm.TrapTaskResolved, "task.cancel was called by a task whose cancellation nobody has asked for, or which has resolved")
	}
	if err := borrowsLeft(borrows); err != nil {
		return err
	}
	if err := t.OnResolve(cm.Val{}, true); err != nil {
		return err
	}
	t.state = Resolved
	return nil
}

func borrowsLeft(n int) error {
	if n > 0 {
		return cm.Trapf(cm.TrapBorrowsLeft, "borrow handles still remain at the end of the call: %d", n)
	}
	return nil
}

// RequestCancel asks for the task's cancellation, once (request_cancellation). If one of its threads waits and can be
// cancelled, that runs at once, until it blocks or ends; then the caller, which has the baton, goes on.
func (t *Task) RequestCancel() {
	t.callCancelHooks()
	th := t.canHear(true)
	switch t.state {
	case Initial:
		if t.implicit == nil || !t.implicit.cancellable { // it is about to come in
			t.state = PendingCancel
			return
		}
		t.state = CancelDelivered
		th = t.implicit
	case Started:
		if th == nil {
			t.state = PendingCancel
			return
		}
		t.state = CancelDelivered
	default:
		return
	}
	th.sched.Resume(th, true)
}

// RequestCancelSoon is RequestCancel for a caller that is no thread of the store: the task's thread runs when it is scheduled, and can have
// its component instance. So a cancellation does not have to wait for the next event of a task that waits.
func (t *Task) RequestCancelSoon() {
	t.callCancelHooks()
	th := t.canHear(false)
	switch {
	case t.state == Initial && t.implicit != nil && t.implicit.cancellable:
		th = t.implicit
	case t.state == Initial || t.state == Started && th == nil:
		t.state = PendingCancel
		return
	case t.state != Started:
		return
	}
	t.state = CancelDelivered
	th.cancelled = true
	th.sched.makeReady(th)
}

// CancelHook is called when a task's cancellation is asked for: a thread of the task waits for work, with its frames, that can be cancelled.
type CancelHook struct{ Cancel func() }

// AddCancelHook has h called, at once if the cancellation has been asked for before.
func (t *Task) AddCancelHook(h *CancelHook) {
	if t.state == PendingCancel || t.state == CancelDelivered {
		h.Cancel()
		return
	}
	t.hooks = append(t.hooks, h)
}

// RemoveCancelHook is the end of an AddCancelHook.
func (t *Task) RemoveCancelHook(h *CancelHook) {
	t.hooks = slices.DeleteFunc(t.hooks, func(o *CancelHook) bool { return o == h })
}

func (t *Task) callCancelHooks() {
	hooks := t.hooks
	t.hooks = nil
	for _, h := range hooks {
		h.Cancel()
	}
}

// canHear is a thread of the task that waits and can be cancelled; nil if none. now: it need not wait for its component instance.
func (t *Task) canHear(now bool) *Thread {
	e := t.entry
	for _, th := range t.threads {
		if !th.cancellable || !th.waiting && !th.suspended {
			continue
		}
		if now && th == t.implicit && t.NeedsExclusive && !(e.held == 0 && (e.exclusive == nil || e.exclusive == th)) {
			continue
		}
		return th
	}
	return nil
}

// deliverPendingCancel delivers a pending cancellation to the calling thread if that is cancellable, and says whether it did.
func (t *Task) deliverPendingCancel(cancellable bool) bool {
	if cancellable && t.state == PendingCancel {
		t.state = CancelDelivered
		return true
	}
	return false
}

// DeliverPendingCancel is for waitable-set.poll, which does not wait.
func (t *Task) DeliverPendingCancel(cancellable bool) bool {
	return t.deliverPendingCancel(cancellable)
}

// Loop is what the implicit thread of a task with a callback does between two calls of guest code: it gives the component
// instance back, waits as code says, and takes the instance again. set is what it waits for; nil: it yields.
//
// If rest is set, the thread may wait without a goroutine. Then resting is set: the job that it runs has to return, and rest, with which it
// goes on, calls [Task.GoOn] first.
func (t *Task) Loop(th *Thread, set *WaitableSet, rest cm.Job) (ev Event, resting bool, err error) {
	t.entry.release()
	th.set, th.alone = set, true
	var cancelled bool
	if set != nil {
		set.enlist(th)
	}
	if set == nil || !th.needNotWait((*eventful)(th)) {
		cancelled, resting, err = th.waitOrRest((*eventful)(th), true, rest)
	}
	if resting {
		return Event{}, true, nil
	}
	ev, err = t.looped(th, set, cancelled, err)
	return ev, false, err
}

// GoOn is the end of a Loop that has rested.
func (t *Task) GoOn(th *Thread, set *WaitableSet) (Event, error) {
	cancelled, err := th.resumed()
	return t.looped(th, set, cancelled, err)
}

func (t *Task) looped(th *Thread, set *WaitableSet, cancelled bool, err error) (ev Event, _ error) {
	th.set, th.alone = nil, false
	if set != nil {
		if err == nil && !cancelled {
			ev = set.takeEvent()
		}
		set.delist(th)
	}
	if err != nil {
		return Event{}, err
	}
	if cancelled {
		ev = Event{Code: EventTaskCancelled}
	}
	t.entry.exclusive = th
	return ev, nil
}

// available says whether th can have the instance for itself. If not, it is woken when that may have changed.
func (e *Entry) available(th *Thread) bool {
	if e.Free() {
		return true
	}
	if !th.excluding {
		th.excluding = true
		e.excluded = append(e.excluded, th)
	}
	return false
}
