package task

import "github.com/vitrine-wasm/vitrine/cm"

// Thread is one thread of a task (CanonicalABI.md §Thread State). It has a goroutine from the time when it
// is first resumed, except while it rests ([Task.Loop]), or runs on that of a caller that waits for it anyway ([Sched.Enter],
// [Thread.Inline]).
//
// What a guest calls "suspended" is a thread that waits for another one to resume it; "waiting" has a condition.
type Thread struct {
	sched *Sched
	task  *Task  // nil: one that only waits to come in
	entry *Entry // of its task
	index uint32 // in the table of its component instance; 0 while it has none
	body  cm.Job // what it does, until it has begun on a goroutine
	rest  cm.Job // how it goes on, while it waits without a goroutine

	wake    chan struct{}
	resumer chan struct{} // goes on when it blocks; nil: the next thread that is ready

	until       condition    // what it waits for; nil: to be resumed, if it is parked at all
	set         *WaitableSet // of eventful
	alone       bool         // likewise: it waits for its component instance, too
	waiting     bool         // it is ready when until says so
	suspended   bool         // it goes on when another thread resumes it
	queued      bool         // it is in Sched.ready
	cancellable bool         // its task's cancellation may be what it goes on with
	cancelled   bool         // it is what it goes on with
	listed      bool
	excluding   bool // it is in Entry.excluded
	chosen      bool // of those in Entry.excluded it is the one to go on, if it can
	outside     bool // it comes back from outside the store
	over        bool // it never begins

	before, following *Thread // in Sched.parked
}

// NewThread makes a thread of a task, suspended; body is what it does when it is resumed. nil is a thread that runs on the
// goroutine of whoever makes it.
func (s *Sched) NewThread(t *Task, body cm.Job) *Thread {
	th := &Thread{}
	th.Init(s, t, body)
	return th
}

// Init is NewThread for a Thread that is a part of something else.
func (t *Thread) Init(s *Sched, of *Task, body cm.Job) {
	t.sched, t.task, t.body, t.suspended = s, of, body, body != nil
	if of != nil {
		t.entry = of.entry
	}
}

// Join sets the task of a thread that was made without one.
func (t *Thread) Join(of *Task) { t.task, t.entry = of, of.entry }

// Discard is the end of a thread that has not begun.
func (t *Thread) Discard() {
	t.stopWaiting()
	t.body, t.over = nil, true
}

// Task is its task.
func (t *Thread) Task() *Task { return t.task }

// Index is its number in the table of its component instance.
func (t *Thread) Index() uint32 { return t.index }

// Suspended says whether it waits to be resumed by another thread.
func (t *Thread) Suspended() bool { return t.suspended }

func (t *Thread) waker() chan struct{} {
	if t.wake == nil {
		t.wake = make(chan struct{}, 1)
	}
	return t.wake
}

func (t *Thread) isReady() bool {
	switch {
	case t.over:
		return false
	case t.sched.dead != nil:
		return true
	case t.cancelled: // it goes on once it can have its instance, if it needs that and has entered
		return t.index == 0 || !t.excluded() || t.entry.exclusive == t || t.entry.available(t)
	case t.entry != nil && t.entry.held > 0 && !t.outside:
		return t.entry.available(t)
	}
	return !t.waiting || t.until == nil || t.until.holds()
}

// Ready says whether it waits and could go on.
func (t *Thread) Ready() bool { return t.waiting && (t.until == nil || t.until.holds()) }

// excluded says that it must not run while a synchronous call of its instance is blocked: the implicit thread of a task
// that needs the guest's stack for itself.
func (t *Thread) excluded() bool {
	return t.task != nil && t.task.implicit == t && t.task.Async && t.task.NeedsExclusive
}

func (t *Thread) list() {
	if t.listed {
		return
	}
	s := t.sched
	t.listed, t.before, t.following = true, nil, s.parked
	if s.parked != nil {
		s.parked.before = t
	}
	s.parked = t
}

// stopWaiting takes it off the list of those that are parked.
func (t *Thread) stopWaiting() {
	t.waiting, t.suspended, t.until = false, false, nil
	if !t.listed {
		return
	}
	if t.before == nil {
		t.sched.parked = t.following
	} else {
		t.before.following = t.following
	}
	if t.following != nil {
		t.following.before = t.before
	}
	t.listed, t.before, t.following = false, nil, nil
}

// Wake has the scheduler check whether t can go on, because what t waits for has changed.
func (t *Thread) Wake() {
	if t.waiting {
		t.sched.makeReady(t)
	}
}

// exit gives up the baton at the end of the thread's goroutine.
func (t *Thread) exit() {
	if next := t.leave(); next != nil {
		t.sched.run(next)
	}
}

// leave hands on the baton when t has ended, or rests: to the thread that has resumed it, or to the next one. If that has no goroutine,
// it is the result: the caller, which has the baton, runs it.
func (t *Thread) leave() (next *Thread) {
	s := t.sched
	if t.rest == nil {
		s.live--
		s.settled()
	}
	if r := t.resumer; r != nil {
		t.resumer = nil
		r <- struct{}{}
		return nil
	}
	if s.free() {
		return nil
	}
	next = s.next()
	switch {
	case next == nil:
		return nil
	case next.body == nil && next.rest == nil:
		s.switchTo(next)
		return nil
	}
	next.stopWaiting()
	return next
}

// block hands on the baton and waits until t has it again.
func (t *Thread) block() (cancelled bool, err error) {
	s := t.sched
	t.list()
	t.waker() // before another goroutine may use it
	switch r := t.resumer; {
	case r != nil:
		t.resumer = nil
		r <- struct{}{}
	case s.scope != nil:
		if err := t.blockScoped(); err != nil {
			return false, err
		}
	default:
		next := s.next()
		if next == t {
			t.stopWaiting()
			return t.resumed()
		}
		if next != nil {
			s.switchTo(next)
		}
	}
	<-t.waker()
	return t.resumed()
}

// blockScoped hands the baton to another thread of the synchronous call's instance.
func (t *Thread) blockScoped() error {
	s := t.sched
	s.drain()
	switch next := s.pick(); {
	case next == nil:
		t.stopWaiting()
		s.unqueue(t)
		if s.dead != nil {
			return s.dead
		}
		return ErrNoProgress()
	case next == t:
		t.waker() <- struct{}{}
		t.stopWaiting()
	default:
		s.switchTo(next)
	}
	return nil
}

func (t *Thread) resumed() (cancelled bool, err error) {
	cancelled, t.cancelled, t.cancellable = t.cancelled, false, false
	return cancelled, t.sched.dead
}

// condition is what a thread waits for.
type condition interface{ holds() bool }

type conditionFunc func() bool

func (f conditionFunc) holds() bool { return f() }

// eventful is a thread as the condition that there is an event in its set, if it has one, and that its component instance is free, if it
// needs that for itself.
type eventful Thread

func (e *eventful) holds() bool {
	t := (*Thread)(e)
	return (t.set == nil || t.set.HasEvent()) && (!t.alone || t.entry.available(t))
}

// WaitUntil blocks until the condition holds, which is checked when Wake is called. If cancellable is set, a cancellation of the task
// ends the wait too, and the result is true. An error ends the thread's guest code.
func (t *Thread) WaitUntil(until func() bool, cancellable bool) (cancelled bool, err error) {
	return t.waitFor(conditionFunc(until), cancellable)
}

func (t *Thread) waitFor(until condition, cancellable bool) (cancelled bool, err error) {
	if t.needNotWait(until) {
		return false, nil
	}
	return t.waitTurn(until, cancellable)
}

// needNotWait says that the condition holds, and that no other thread is ready, or only the one that has resumed this one.
func (t *Thread) needNotWait(until condition) bool {
	s := t.sched
	return s.dead == nil && (t.task == nil || t.task.state != PendingCancel) && until.holds() &&
		(t.resumer != nil || s.scope != nil || s.head == len(s.ready))
}

// waitTurn is waitFor for a thread that lets others run that are ready even if the condition holds. until may be nil.
func (t *Thread) waitTurn(until condition, cancellable bool) (cancelled bool, err error) {
	cancelled, _, err = t.waitOrRest(until, cancellable, nil)
	return cancelled, err
}

// waitOrRest is waitTurn for a thread that need not keep its goroutine: if resting is set, it has to return from the job that it runs, and
// goes on with the job rest, which calls resumed first.
func (t *Thread) waitOrRest(until condition, cancellable bool, rest cm.Job) (cancelled, resting bool, err error) {
	s := t.sched
	if s.dead != nil {
		return false, false, s.dead
	}
	if t.task != nil && t.task.deliverPendingCancel(cancellable) {
		return true, false, nil
	}
	t.waiting, t.until, t.cancellable = true, until, cancellable
	s.makeReady(t)
	if rest != nil && s.scope == nil {
		t.rest = rest
		t.list()
		return false, true, nil
	}
	cancelled, err = t.block()
	return cancelled, false, err
}

// Yield lets others run that are ready.
func (t *Thread) Yield(cancellable bool) (cancelled bool, err error) {
	return t.waitTurn(nil, cancellable)
}

// Suspend blocks until another thread resumes it.
func (t *Thread) Suspend(cancellable bool) (cancelled bool, err error) {
	if t.task.deliverPendingCancel(cancellable) {
		return true, nil
	}
	t.suspended, t.cancellable = true, cancellable
	return t.block()
}

// ResumeLater makes a suspended thread ready.
func (t *Thread) ResumeLater() {
	t.suspended, t.waiting = false, true
	t.list()
	t.sched.makeReady(t)
}

// SwitchTo blocks, and has other run at once in its place: a suspended thread, or a ready one. If yield is set it is ready
// itself, else suspended.
func (t *Thread) SwitchTo(other *Thread, cancellable, yield bool) (cancelled bool, err error) {
	if t.task.deliverPendingCancel(cancellable) {
		return true, nil
	}
	s := t.sched
	t.cancellable = cancellable
	if yield {
		t.waiting = true
		s.makeReady(t)
	} else {
		t.suspended = true
	}
	t.list()
	if other.queued {
		s.unqueue(other)
	}
	other.resumer, t.resumer = t.resumer, nil
	t.waker()
	s.switchTo(other)
	<-t.waker()
	return t.resumed()
}

// Promote is [Thread.SwitchTo] for a thread that may not be ready: then t does not switch, but yields or suspends.
func (t *Thread) Promote(other *Thread, cancellable, yield bool) (cancelled bool, err error) {
	switch {
	case other.Ready() && other != t:
		return t.SwitchTo(other, cancellable, yield)
	case yield:
		return t.Yield(cancellable)
	}
	return t.Suspend(cancellable)
}

// Inline has t run on the goroutine of caller, which waits for its end, and in its place. Call the function that it
// returns when t has ended.
func (t *Thread) Inline(caller *Thread) (end func()) {
	t.resumer, caller.resumer = caller.resumer, nil
	return func() { caller.resumer, t.resumer = t.resumer, nil }
}
