package task

import (
	"sync/atomic"

	"github.com/vitrine-wasm/vitrine/cm"
)

// maxBackpressure is the count that traps (CanonicalABI.md §canon backpressure.{inc,dec}).
const maxBackpressure = 1 << 16

// Entry decides which threads may enter a component instance, and whether it may call out (CanonicalABI.md §Component Instance State).
type Entry struct {
	// NoLeave says that realloc or post-return runs, which must not call imports. Neither can be parked.
	NoLeave bool
	// Barred counts the entries with backpressure, to be read outside the store; nil: not counted.
	Barred *atomic.Int32

	exclusive    *Thread // that has the guest's stack for itself; nil if none
	backpressure int
	entering     []*Thread     // that wait to come in
	excluded     []*Thread     // that wait for exclusive to be nil, besides their own conditions
	held         int           // synchronous calls inside that are parked in the host
	freed        chan struct{} // closed when held is 0; nil: nothing waits for that
	threads      []*Thread     // by index-1; nil: free
	freeThreads  []uint32
}

// Idle says that no thread is inside.
func (e *Entry) Idle() bool {
	return e.exclusive == nil && !e.NoLeave && len(e.entering) == 0 && e.held == 0 && len(e.threads) == len(e.freeThreads)
}

// AddBackpressure adds by to the count of backpressure that the guest has requested and not ended. Synchronous calls
// ignore it.
func (e *Entry) AddBackpressure(by int) error {
	before := e.backpressure > 0
	e.backpressure += by
	if e.backpressure < 0 || e.backpressure == maxBackpressure {
		return cm.Trapf(cm.TrapBackpressure, "backpressure counter out of range: %d", e.backpressure)
	}
	if now := e.backpressure > 0; now != before && e.Barred != nil {
		if now {
			e.Barred.Add(1)
		} else {
			e.Barred.Add(-1)
		}
	}
	if e.backpressure == 0 {
		e.wakeEntering()
	}
	return nil
}

// Reset sets the entry to that of a new instance.
func (e *Entry) Reset() {
	if e.backpressure > 0 && e.Barred != nil {
		e.Barred.Add(-1)
	}
	*e = Entry{Barred: e.Barred}
}

// hasBackpressure says whether a task has to wait before it enters.
func (e *Entry) hasBackpressure(t *Task) bool {
	return e.backpressure > 0 || e.held > 0 || t.NeedsExclusive && e.exclusive != nil
}

func (e *Entry) wakeEntering() {
	for _, t := range e.entering {
		t.Wake()
	}
}

// wakeNext wakes the first thread that waits for the instance to be free. If it cannot go on, it wakes the next one.
func (e *Entry) wakeNext() {
	if len(e.excluded) > 0 {
		t := e.excluded[0]
		e.excluded = e.excluded[1:]
		t.excluding = false
		if t.waiting {
			t.chosen = true
			t.Wake()
		} else {
			e.wakeNext()
			return
		}
	}
	if len(e.entering) > 0 {
		e.entering[0].Wake()
	}
}

// Free says that no thread has the instance for itself.
func (e *Entry) Free() bool { return e.exclusive == nil && e.held == 0 }

// release ends a thread's exclusive use of the instance.
func (e *Entry) release() {
	e.exclusive = nil
	e.wakeNext()
}

// GoesFirst is the thread that has the instance for itself, if it is ready: it can then let others in. Nil otherwise.
func (e *Entry) GoesFirst() *Thread {
	if t := e.exclusive; t != nil && e.held == 0 && t.Ready() && t.sched.scope == nil {
		return t
	}
	return nil
}

// Hold says that a synchronous call inside is parked in the host: no other thread enters until its Unhold.
func (e *Entry) Hold() { e.held++ }

// Unhold ends a Hold.
func (e *Entry) Unhold() {
	if e.held--; e.held == 0 {
		if e.freed != nil {
			close(e.freed)
			e.freed = nil
		}
		e.wakeNext()
		e.wakeEntering()
	}
}

// Held says that a synchronous call inside is parked in the host.
func (e *Entry) Held() bool { return e.held > 0 }

// Freed is closed when no synchronous call is held any more.
func (e *Entry) Freed() <-chan struct{} {
	if e.freed == nil {
		e.freed = make(chan struct{})
	}
	return e.freed
}

func (e *Entry) forget(t *Thread) {
	for i, w := range e.entering {
		if w == t {
			e.entering = append(e.entering[:i:i], e.entering[i+1:]...)
			return
		}
	}
}

// Thread finds a thread by its number; a *cm.Trap if there is none.
func (e *Entry) Thread(index uint32) (*Thread, error) {
	if index == 0 || uint64(index) > uint64(len(e.threads)) || e.threads[index-1] == nil {
		return nil, cm.Trapf(cm.TrapBadHandle, "unknown thread index %d", index)
	}
	return e.threads[index-1], nil
}

// maxThreads bounds the threads of one component instance.
const maxThreads = 1 << 20

func (e *Entry) add(t *Thread) error {
	if n := len(e.freeThreads); n > 0 {
		t.index = e.freeThreads[n-1]
		e.freeThreads = e.freeThreads[:n-1]
		e.threads[t.index-1] = t
		return nil
	}
	if len(e.threads) >= maxThreads {
		return cm.Trapf(cm.TrapHandlesFull, "the component instance has %d threads, which is the most that it may", maxThreads)
	}
	e.threads = append(e.threads, t)
	t.index = uint32(len(e.threads))
	return nil
}

func (e *Entry) remove(t *Thread) {
	if t.index == 0 {
		return
	}
	e.threads[t.index-1] = nil
	e.freeThreads = append(e.freeThreads, t.index)
	t.index = 0
}
