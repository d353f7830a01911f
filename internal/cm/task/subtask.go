package task

import "github.com/vitrine-wasm/vitrine/cm"

// SubtaskState is the state of a call, as its caller sees it (CanonicalABI.md §Subtask State).
type SubtaskState uint32

// The states.
const (
	SubtaskStarting SubtaskState = iota
	SubtaskStarted
	SubtaskReturned
	SubtaskCancelledBeforeStarted
	SubtaskCancelledBeforeReturned
)

// Subtask is a call that a task makes and that may go on while its caller does.
type Subtask struct {
	Waitable
	// OnCancel asks the callee to end early. It may resolve the subtask before it returns.
	OnCancel func()

	handle    uint32 // in the caller's table; 0: the caller has none
	state     SubtaskState
	requested bool
	delivered bool
	giveBack  func()
	waiting   *Thread // the caller of a synchronous call
}

// Requested says that its cancellation has been requested.
func (s *Subtask) Requested() bool { return s.requested }

// State is its state.
func (s *Subtask) State() SubtaskState { return s.state }

// Resolved says that there is a result, or that there will be none.
func (s *Subtask) Resolved() bool { return s.state >= SubtaskReturned }

// Start says that the callee has read its arguments.
func (s *Subtask) Start() {
	s.state = SubtaskStarted
	s.progress()
}

// Resolve sets the final state. The result has been written to where the caller wants it.
func (s *Subtask) Resolve(cancelled bool) {
	switch {
	case !cancelled:
		s.state = SubtaskReturned
	case s.state == SubtaskStarting:
		s.state = SubtaskCancelledBeforeStarted
	default:
		s.state = SubtaskCancelledBeforeReturned
	}
	s.progress()
	if s.waiting != nil {
		s.waiting.Wake()
	}
}

// progress makes an event for the caller, if it has the subtask's handle.
func (s *Subtask) progress() {
	if s.handle != 0 {
		s.SetEvent(s)
	}
}

// Tell implements Teller, with the state.
func (s *Subtask) Tell() Event {
	if s.Resolved() {
		s.Deliver()
	}
	return Event{EventSubtask, s.handle, uint32(s.state)}
}

// Publish sets the handle that the caller has of the subtask.
func (s *Subtask) Publish(handle uint32) { s.handle = handle }

// GiveBack has f called once, when the caller learns of the end.
func (s *Subtask) GiveBack(f func()) { s.giveBack = f }

// Deliver says that the caller has learned of the end. Its lends end.
func (s *Subtask) Deliver() {
	s.delivered = true
	if f := s.giveBack; f != nil {
		s.giveBack = nil
		f()
	}
}

// Delivered says that the caller has learned of the end.
func (s *Subtask) Delivered() bool { return s.delivered }

// Wait blocks the caller until there is a result.
func (s *Subtask) Wait(th *Thread) error {
	if s.Resolved() {
		return nil
	}
	s.waiting = th
	_, err := th.WaitUntil(s.Resolved, false)
	s.waiting = nil
	return err
}

// Blocked is the result of built-ins that have nothing to report yet.
const Blocked = 0xffff_ffff

// Cancel requests the end of the call (CanonicalABI.md §canon subtask.cancel). It returns the state once the call has resolved, or
// Blocked if it has not and async says not to wait.
func (s *Subtask) Cancel(th func() (*Thread, error), async bool) (uint32, error) {
	switch {
	case s.delivered:
		return 0, cm.Trapf(cm.TrapSubtask, "`subtask.cancel` called after terminal status delivered")
	case s.requested:
		return 0, cm.Trapf(cm.TrapSubtask, "`subtask.cancel` called for a subtask whose cancellation was asked for before")
	case s.sync || s.InSet() && !async:
		return 0, cm.Trapf(cm.TrapWaitable, "waitable cannot be used synchronously while added to a waitable set")
	}
	if !s.Resolved() {
		s.requested = true
		s.OnCancel()
		if !s.Resolved() {
			if async {
				return Blocked, nil
			}
			t, err := th()
			for err == nil && !s.Resolved() {
				if err = s.WaitEvent(t); err == nil && !s.Resolved() {
					s.TakeEvent() // it has only started
				}
			}
			if err != nil {
				return 0, err
			}
		}
	}
	if s.HasEvent() {
		s.TakeEvent()
	}
	return uint32(s.state), nil
}

// Drop is the end of the caller's handle.
func (s *Subtask) Drop() error {
	if !s.delivered {
		return cm.Trapf(cm.TrapSubtask, "cannot drop a subtask which has not yet resolved")
	}
	s.Join(nil)
	return nil
}
