package task

import "github.com/vitrine-wasm/vitrine/cm"

// CopyState is the state of an end of a stream or future (CanonicalABI.md §Stream State).
type CopyState uint8

// The states.
const (
	Idle CopyState = iota
	Copying
	CancellingCopy
	CopyDone
)

// End is an end of a stream or future that a guest has.
type End struct {
	Waitable
	Conduit  *cm.Conduit
	Elem     *cm.Type // of its elements, as the component that has the end knows it; nil: they are of no type
	Writable bool

	state    CopyState
	handle   uint32
	result   cm.CopyResult
	reclaim  bool
	progress Progress // of the buffer
	sched    *Sched
}

// Progress says how much of a buffer has been used.
type Progress interface{ Progress() int }

// NewEnds makes both ends of a new stream or future.
func (s *Sched) NewEnds(elem *cm.Type, future bool) (r, w *End) {
	all := &struct { // one object for what comes into being together
		c    cm.Conduit
		r, w End
	}{}
	all.c.Elem, all.c.Future = elem, future
	all.c.Bind(s)
	all.r = End{Conduit: &all.c, Elem: elem, sched: s}
	all.w = End{Conduit: &all.c, Elem: elem, Writable: true, sched: s}
	return &all.r, &all.w
}

// NewEnd makes an end of c, in the store of s. Each end has a type of its own: components that were not composed into one file have
// types of their own for the same resources.
func (s *Sched) NewEnd(c *cm.Conduit, elem *cm.Type, writable bool) *End {
	return &End{Conduit: c, Elem: elem, Writable: writable, sched: s}
}

// State is the state of its copies.
func (e *End) State() CopyState { return e.state }

func (e *End) busy() bool { return e.state == Copying || e.state == CancellingCopy }

// CanBegin returns a *cm.Trap if no copy can begin. async: the built-in that begins it does not wait for its end.
func (e *End) CanBegin(async bool) error {
	switch {
	case e.busy():
		return cm.Trapf(cm.TrapStream, "cannot have concurrent operations active on a future/stream")
	case e.state == CopyDone && e.Conduit.Future:
		return cm.Trapf(cm.TrapStream, "cannot use a future after its value has been read, written or dropped")
	case e.state == CopyDone:
		return cm.Trapf(cm.TrapStream, "cannot use a stream after being notified that the other end dropped")
	case !async && e.InSet():
		return cm.Trapf(cm.TrapWaitable, "waitable cannot be used synchronously while added to a waitable set")
	}
	return nil
}

// CanMove returns a *cm.Trap if the end cannot be passed on.
func (e *End) CanMove() error {
	switch {
	case e.Writable:
		return cm.Trapf(cm.TrapHandleType, "a writable end of a stream or future cannot be passed on")
	case e.busy():
		return cm.Trapf(cm.TrapStream, "cannot transfer a stream or future while an operation on it is under way")
	case e.state == CopyDone:
		return cm.Trapf(cm.TrapStream, "cannot transfer a stream or future that has come to its end")
	case e.InSet():
		return cm.Trapf(cm.TrapWaitable, "cannot transfer a stream or future that is in a waitable set")
	}
	return nil
}

// Read begins a copy out of it into a buffer of the component instance at, which knows it by handle. progress is how much
// of the buffer has been used. The end of the copy is an event, perhaps before Read returns.
func (e *End) Read(at *Entry, handle uint32, into cm.Sink, progress Progress) error {
	e.begin(handle, progress)
	return e.Conduit.Read(at, into, e)
}

// Write is Read for a copy into it.
func (e *End) Write(at *Entry, handle uint32, from cm.Source, progress Progress) error {
	e.begin(handle, progress)
	return e.Conduit.Write(at, from, e)
}

func (e *End) begin(handle uint32, progress Progress) {
	e.state, e.handle, e.progress = Copying, handle, progress
}

// Copied implements cm.Party.
func (e *End) Copied() { e.tell(cm.CopyCompleted, true) }

// Done implements cm.Party.
func (e *End) Done(r cm.CopyResult) {
	e.tell(r, false)
	if r == cm.CopyDropped && e.Conduit.Future && !e.Writable {
		e.sched.Fail(&cm.Trap{Code: cm.TrapHost, Detail: "the host has dropped the writable end of a future without a value", Err: cm.ErrWriterGone})
	}
}

func (e *End) tell(r cm.CopyResult, reclaim bool) {
	e.result, e.reclaim = r, reclaim
	e.SetEvent(e)
}

// Tell implements Teller, with the copy's result (stream_event, future_event).
func (e *End) Tell() Event {
	if e.reclaim {
		e.Conduit.Reclaim()
	}
	ev := Event{Handle: e.handle, Payload: uint32(e.result)}
	e.state = Idle
	if e.result == cm.CopyDropped || e.Conduit.Future && e.result == cm.CopyCompleted {
		e.state = CopyDone
	}
	switch {
	case e.Conduit.Future && e.Writable:
		ev.Code = EventFutureWrite
	case e.Conduit.Future:
		ev.Code = EventFutureRead
	default:
		ev.Code = EventStreamRead
		if e.Writable {
			ev.Code = EventStreamWrite
		}
		ev.Payload |= uint32(e.progress.Progress()) << 4
	}
	e.progress = nil
	return ev
}

// Finish is the result of the built-in that has begun a copy: the copy's result, or Blocked if the copy goes on and async says not to
// wait for it.
func (e *End) Finish(th func() (*Thread, error), async bool) (uint32, error) {
	if !e.HasEvent() {
		if async {
			return Blocked, nil
		}
		t, err := th()
		if err == nil {
			err = e.WaitEvent(t)
		}
		if err != nil {
			return 0, err
		}
	}
	return e.TakeEvent().Payload, nil
}

// Cancel asks for the end of the copy that is under way (CanonicalABI.md §canon {stream,future}.cancel-{read,write}).
func (e *End) Cancel(th func() (*Thread, error), async bool) (uint32, error) {
	switch {
	case e.state != Copying || e.HasSyncWaiter():
		return 0, cm.Trapf(cm.TrapStream, "stream or future cancelled when no read or write is pending")
	case e.InSet() && !async:
		return 0, cm.Trapf(cm.TrapWaitable, "waitable cannot be used synchronously while added to a waitable set")
	}
	e.state = CancellingCopy
	switch {
	case !e.HasEvent():
		e.Conduit.Cancel()
	case !e.Conduit.Future && e.result == cm.CopyCompleted:
		e.result = cm.CopyCancelled // with the number of elements that have been copied
	}
	return e.Finish(th, async)
}

// Drop drops the end.
func (e *End) Drop() error {
	switch {
	case e.busy():
		return cm.Trapf(cm.TrapStream, "cannot remove busy stream or future")
	case e.Conduit.Future && e.Writable && e.state != CopyDone:
		return cm.Trapf(cm.TrapStream, "cannot drop future write end without first writing a value")
	}
	e.Conduit.Drop()
	e.Join(nil)
	return nil
}
