package task

import (
	"slices"

	"github.com/vitrine-wasm/vitrine/cm"
)

// EventCode is the kind of an event (CanonicalABI.md §Waitable State).
type EventCode uint32

// The codes.
const (
	EventNone EventCode = iota
	EventSubtask
	EventStreamRead
	EventStreamWrite
	EventFutureRead
	EventFutureWrite
	EventTaskCancelled
)

// Event is an event that a guest gets: the handle that it is of, and its payload.
type Event struct {
	Code    EventCode
	Handle  uint32
	Payload uint32
}

// Teller makes an event at the time of its delivery.
type Teller interface{ Tell() Event }

// Waitable is something whose progress can be waited for: a subtask, or an end of a stream or future. The zero Waitable has
// no event.
type Waitable struct {
	event  Teller // nil: no event
	set    *WaitableSet
	waiter *Thread // that waits for it alone
	sync   bool    // somebody does
	queued bool    // it is in the set's queue
}

// SetEvent has t make the next event, in the place of one that has not been delivered.
func (w *Waitable) SetEvent(t Teller) {
	w.event = t
	if w.waiter != nil {
		w.waiter.Wake()
	}
	if w.set != nil {
		w.set.tell(w)
	}
}

// HasEvent says whether there is an event.
func (w *Waitable) HasEvent() bool { return w.event != nil }

// TakeEvent delivers it.
func (w *Waitable) TakeEvent() Event {
	t := w.event
	w.event = nil
	return t.Tell()
}

// InSet says that it is in a waitable set.
func (w *Waitable) InSet() bool { return w.set != nil }

// HasSyncWaiter says that a thread waits for it alone.
func (w *Waitable) HasSyncWaiter() bool { return w.sync }

// WaitEvent blocks th until there is an event.
func (w *Waitable) WaitEvent(th *Thread) error {
	w.sync, w.waiter = true, th
	_, err := th.WaitUntil(w.HasEvent, false)
	w.sync, w.waiter = false, nil
	return err
}

// Join puts it into a set, out of the one that it is in; nil is none.
func (w *Waitable) Join(s *WaitableSet) {
	if w.set != nil {
		w.set.count--
		if w.queued {
			w.set.queue = slices.DeleteFunc(w.set.queue, func(e *Waitable) bool { return e == w })
			w.queued = false
		}
	}
	w.set = s
	if s != nil {
		s.count++
		if w.HasEvent() {
			s.tell(w)
		}
	}
}

// WaitableSet is a set of them that threads wait for.
type WaitableSet struct {
	count   int
	queue   []*Waitable // of those that had an event, in order; the event of some may have been delivered already
	waiting []*Thread

	firstQueued  [2]*Waitable // what queue has room for without an allocation
	firstWaiting [1]*Thread   // likewise waiting
}

// tell queues w, which has an event.
func (s *WaitableSet) tell(w *Waitable) {
	if !w.queued {
		w.queued = true
		if len(s.queue) == 0 {
			s.queue = s.firstQueued[:0]
		}
		s.queue = append(s.queue, w)
	}
	for _, t := range s.waiting {
		t.Wake()
	}
}

// HasEvent says whether any of them has an event.
func (s *WaitableSet) HasEvent() bool {
	for len(s.queue) > 0 && !s.queue[0].HasEvent() {
		s.queue[0].queued = false
		s.queue = s.queue[1:]
	}
	return len(s.queue) > 0
}

// takeEvent delivers the first event.
func (s *WaitableSet) takeEvent() Event {
	if !s.HasEvent() {
		return Event{}
	}
	w := s.queue[0]
	w.queued = false
	s.queue = s.queue[1:]
	return w.TakeEvent()
}

// enlist has th woken by events, until delist.
func (s *WaitableSet) enlist(th *Thread) {
	if s.waiting == nil {
		s.waiting = s.firstWaiting[:0]
	}
	s.waiting = append(s.waiting, th)
}

func (s *WaitableSet) delist(th *Thread) {
	if i := slices.Index(s.waiting, th); i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
	}
}

// Wait blocks th until there is an event. If cancellable is set, its task's cancellation is one.
func (s *WaitableSet) Wait(th *Thread, cancellable bool) (ev Event, err error) {
	s.enlist(th)
	th.set = s
	cancelled, err := th.waitFor((*eventful)(th), cancellable)
	th.set = nil
	switch {
	case cancelled:
		ev = Event{Code: EventTaskCancelled}
	case err == nil:
		ev = s.takeEvent()
	}
	s.delist(th)
	return ev, err
}

// Poll is an event if there is one, of code EventNone if not.
func (s *WaitableSet) Poll(t *Task, cancellable bool) Event {
	switch {
	case t != nil && t.deliverPendingCancel(cancellable):
		return Event{Code: EventTaskCancelled}
	case s.HasEvent():
		return s.takeEvent()
	}
	return Event{}
}

// Drop drops the set, which must be empty and have no thread that waits.
func (s *WaitableSet) Drop() error {
	switch {
	case s.count > 0:
		return cm.Trapf(cm.TrapWaitable, "cannot drop waitable set with waitables in it")
	case len(s.waiting) > 0:
		return cm.Trapf(cm.TrapWaitable, "cannot drop waitable set with waiters")
	}
	return nil
}
