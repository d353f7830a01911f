package task

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/vitrine-wasm/vitrine/cm"
)

// Sched is the scheduler of one store. It has no goroutine of its own: the goroutine that gives up the baton hands it to the next
// thread that is ready, and a posted function runs on the goroutine that posts it, if the baton is free.
//
//	          Enter, Post                     resumed
//	(free) ───────────────▶ (a goroutine) ───────────────▶ (another one)
//	   ▲                         │ parks, ends: next ready thread, else
//	   └─────────────────────────┘
//
// The zero Sched is ready.
type Sched struct {
	// Deadlock is called when a caller waits for a result and nothing is ready, posted or outstanding. It has to call Kill. Nil: the
	// caller waits.
	Deadlock func()
	// Idle is called each time that no parked thread can go on by itself and no caller waits for a result. It may make threads ready,
	// and then returns true. May be nil.
	Idle func() (ready bool)
	// Stuck is called when a synchronous call ([Sched.Enclose]) waits for threads of its instance and none of them can go on. It has to
	// call Kill.
	Stuck func(of any)
	// OnFail gets a trap that was raised outside guest code. It has to call Kill.
	OnFail func(error)

	state baton
	mu    sync.Mutex // guards inbox, and the change of state to posted and from it
	inbox []cm.Job
	other []cm.Job // the inbox that drain has emptied before

	ready       []*Thread // from head on, in order; threads that are not ready any more are dropped when they are picked
	head        int
	parked      *Thread // list of all threads that wait, with a goroutine or without one
	scope       *scope  // the innermost synchronous call that has blocked
	outstanding int     // number of works of the host that will Post their ends
	callers     int     // that wait for a result
	watches     map[any]func(error)
	live        int     // number of threads that have begun on a goroutine and not ended, and of those that are outside
	settling    *Thread // goes on when live is 0
	dead        error
}

var _ cm.Guard = (*Sched)(nil)

// scope is a call of a function whose type is not async that has blocked: until it has returned, only threads of its own
// component instance may run (CanonicalABI.md §canon lift, the loop at its end).
type scope struct {
	entry *Entry
	of    any // the call that pops it
	outer *scope
}

// baton says who has a store: an atomic, so that a synchronous call of an idle store pays for two operations and no lock.
type baton struct{ atomic.Int32 }

// The states of a baton.
const (
	free   = iota
	held   // one goroutine has it, and nothing is in the inbox
	posted // one goroutine has it, and something is in the inbox
)

func (b *baton) take() bool { return b.CompareAndSwap(free, held) }

// release gives the baton up, unless something is in the inbox.
func (b *baton) release() bool { return b.CompareAndSwap(held, free) }

// TryEnter takes the baton if it is free.
func (s *Sched) TryEnter() bool { return s.state.take() }

// Enter takes the baton for t, which runs on this goroutine. It waits until it is free, or ctx has ended, which is an error.
func (s *Sched) Enter(ctx context.Context, t *Thread) error {
	if s.TryEnter() {
		return nil
	}
	t.waker() // before another goroutine may use it
	e := &entrant{t: t}
	s.Post(cm.JobFunc(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if !e.gone {
			e.queued = true
			s.makeReady(t)
		}
	}))
	select {
	case <-t.waker():
		return nil
	case <-ctx.Done():
	}
	e.mu.Lock()
	e.gone = !e.queued
	e.mu.Unlock()
	if e.gone {
		return context.Cause(ctx)
	}
	<-t.waker() // it gets the baton soon
	s.Leave()
	return context.Cause(ctx)
}

// entrant is a goroutine that waits for the baton.
type entrant struct {
	t            *Thread
	mu           sync.Mutex
	queued, gone bool
}

// Leave gives the baton up, for a goroutine that goes on without it.
func (s *Sched) Leave() {
	if s.free() {
		return
	}
	if t := s.next(); t != nil {
		s.switchTo(t)
	}
}

// free is next for a store without other threads, in which there can be no deadlock.
func (s *Sched) free() bool {
	if len(s.ready) > 0 || s.parked != nil || s.live > 0 || s.scope != nil || s.callers > 0 {
		return false
	}
	return s.state.release()
}

// Post has j run with the baton: on this goroutine if the baton is free, else soon on another one. j must not block, and must
// not run guest code but a realloc. Safe for concurrent use.
func (s *Sched) Post(j cm.Job) {
	for !s.state.take() {
		if s.leaveToHolder(j) {
			return
		}
	}
	j.Run()
	s.Leave()
}

// leaveToHolder puts j into the inbox of who has the baton; false if nobody has it any more.
func (s *Sched) leaveToHolder(j cm.Job) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Load() != posted && !s.state.CompareAndSwap(held, posted) {
		return false
	}
	s.inbox = append(s.inbox, j)
	return true
}

// Hosted implements cm.Guard.
func (s *Sched) Hosted(by int) { s.outstanding += by }

// Watch implements cm.Guard.
func (s *Sched) Watch(key any, f func(error)) error {
	if s.dead != nil {
		return s.dead
	}
	if s.watches == nil {
		s.watches = map[any]func(error){}
	}
	s.watches[key] = f
	return nil
}

// Unwatch implements cm.Guard.
func (s *Sched) Unwatch(key any) { delete(s.watches, key) }

// Outstanding counts work that goes on without the baton and will Post its end: by 1 at its beginning, by -1 at its end.
func (s *Sched) Outstanding(by int) { s.outstanding += by }

// Await counts callers that wait for a result, as [Sched.Outstanding] counts work.
func (s *Sched) Await(by int) { s.callers += by }

// next is the thread that runs next. Nil if there is none: then the caller has given up the baton, and it is free.
func (s *Sched) next() *Thread {
	for {
		s.drain()
		if t := s.pick(); t != nil {
			return t
		}
		if s.scope != nil && s.dead == nil {
			s.Stuck(s.scope.of)
			continue
		}
		if s.outstanding == 0 {
			if s.callers > 0 && s.dead == nil && s.Deadlock != nil {
				s.Deadlock()
				continue
			}
			if s.Idle != nil && s.Idle() {
				continue
			}
		}
		if s.state.release() {
			return nil
		}
	}
}

// maxKeptInbox bounds the room that an empty inbox keeps.
const maxKeptInbox = 64

// drain runs what has been posted.
func (s *Sched) drain() {
	for s.state.Load() == posted {
		s.mu.Lock()
		inbox := s.inbox
		s.inbox, s.other = s.other, nil
		s.state.Store(held)
		s.mu.Unlock()
		for _, j := range inbox {
			j.Run()
		}
		if cap(inbox) <= maxKeptInbox {
			clear(inbox)
			s.other = inbox[:0]
		}
	}
}

// pick takes the first thread that can go on off the queue.
func (s *Sched) pick() *Thread {
	if s.scope != nil && s.dead == nil {
		return s.pickScoped()
	}
	for s.head < len(s.ready) {
		t := s.ready[s.head]
		s.ready[s.head] = nil
		s.head++
		t.queued = false
		chosen := t.chosen
		t.chosen = false
		if t.isReady() {
			return t
		}
		if chosen && t.entry.Free() {
			t.entry.wakeNext() // t could not go on
		}
	}
	s.ready, s.head = s.ready[:0], 0
	return nil
}

// pickScoped is pick while a synchronous call is blocked. Threads of others keep their places.
func (s *Sched) pickScoped() *Thread {
	for _, t := range s.ready[s.head:] {
		if t.entry == s.scope.entry && !t.excluded() && t.isReady() {
			s.unqueue(t)
			return t
		}
	}
	return nil
}

// makeReady queues t, unless it is there already. Whether it can go on is checked when it is picked.
func (s *Sched) makeReady(t *Thread) {
	if !t.queued {
		t.queued = true
		s.ready = append(s.ready, t)
	}
}

// switchTo hands the baton to t.
func (s *Sched) switchTo(t *Thread) {
	t.stopWaiting()
	if t.body != nil || t.rest != nil {
		s.run(t)
		return
	}
	t.waker() <- struct{}{}
}

// Resume runs t until it blocks or ends, as a part of the thread that calls it (CanonicalABI.md §Thread State, resume).
func (s *Sched) Resume(t *Thread, cancelled bool) {
	back := make(chan struct{}, 1)
	t.resumer, t.cancelled = back, cancelled
	if t.queued { // it runs without having been picked
		s.unqueue(t)
	}
	s.switchTo(t)
	<-back
}

func (s *Sched) unqueue(t *Thread) {
	for i := s.head; i < len(s.ready); i++ {
		if s.ready[i] == t {
			s.ready = slices.Delete(s.ready, i, i+1)
			break
		}
	}
	t.queued = false
}

// Kill ends everything in the store with err: threads that are parked, or park from now on, get it. Those that have not begun never
// do. Later errors are ignored.
func (s *Sched) Kill(err error) {
	if s.dead != nil {
		return
	}
	s.dead = err
	s.scope = nil
	watches := s.watches
	s.watches = nil
	for _, f := range watches {
		f(err)
	}
	for t := s.parked; t != nil; {
		next := t.following
		if t.body != nil {
			t.Discard()
		} else {
			s.makeReady(t)
		}
		t = next
	}
}

// Fail implements cm.Guard.
func (s *Sched) Fail(err error) {
	if s.OnFail != nil {
		s.OnFail(err)
	} else {
		s.Kill(err)
	}
}

// Dead implements cm.Guard: it is the error of Kill; nil before.
func (s *Sched) Dead() error { return s.dead }

// Enclose says that the synchronous call of, which is in e, is about to block: until Disclose, only threads of e run.
func (s *Sched) Enclose(of any, e *Entry) {
	if s.scope == nil || s.scope.of != of {
		s.scope = &scope{entry: e, of: of, outer: s.scope}
	}
}

// Disclose is the end of a synchronous call, which may have been enclosed.
func (s *Sched) Disclose(of any) {
	if s.scope != nil && s.scope.of == of {
		s.scope = s.scope.outer
	}
}

// Outside gives the baton away while t, whose goroutine this is, does something outside the store: to the thread that has resumed it,
// or (enclosing is set: it is in a synchronous call) to any thread that is ready, enclosed or not. Call the function that it returns
// to go on.
func (s *Sched) Outside(t *Thread, enclosing bool) (back func()) {
	if s.scope != nil && !enclosing {
		return func() {} // the synchronous call that is blocked waits for this, too
	}
	s.outstanding++
	s.live++
	t.outside = true
	t.waker()
	scope := s.scope
	if r := t.resumer; r != nil && !enclosing {
		t.resumer = nil
		r <- struct{}{}
	} else {
		s.scope = nil
		s.Leave()
	}
	return func() {
		if !s.TryEnter() {
			s.Post(cm.JobFunc(func() { s.makeReady(t) }))
			<-t.waker()
		}
		s.outstanding--
		s.live--
		t.outside = false
		if enclosing && s.dead == nil {
			s.scope = scope
		}
	}
}

// Settle waits, after Kill, until every thread has ended. t is the caller's, which has the baton.
func (s *Sched) Settle(t *Thread) {
	t.waker()
	for s.live > 0 {
		s.settling = t
		if next := s.next(); next != nil && next != t {
			s.switchTo(next)
		} else if next == t {
			continue
		}
		<-t.waker()
	}
	s.settling = nil
}

func (s *Sched) settled() {
	if s.live == 0 && s.settling != nil {
		s.makeReady(s.settling)
		s.settling = nil
	}
}

// Live says whether anything goes on in the store beside the caller's own call.
func (s *Sched) Live() bool { return s.live > 0 || s.parked != nil }

// ErrNoProgress is the trap of a synchronous call that blocks with nothing of its instance that could go on.
func ErrNoProgress() error {
	return cm.Trapf(cm.TrapDeadlock, "deadlock detected: event loop cannot make further progress: cannot block a synchronous task before returning")
}
