// Package task is what a call into a component instance carries with it: its context, its place in the chain of calls,
// what it has called and borrowed, and where its time has gone. Everything that belongs to "the current call" hangs on the
// task and nothing on the instance, so that calls which interleave in one instance never see each other's.
package task

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/handle"
	"github.com/vitrine-wasm/vitrine/internal/reqctx"
)

// Task is one call on its way through a component instance. It is the context.Context that guest code runs under and
// that host functions see, so it is never reused: a host function may keep it for work that outlives the call.
//
// Its fields belong to the goroutine that runs the task.
type Task struct {
	context.Context          // of the caller, as the interceptor left it
	Call            *cm.Call // the innermost observed call that led here; nil while nothing observes
	Tally           *Tally   // of the innermost observed call of a guest that led here; nil while nothing observes

	// Cause is why the host function that was called last gave an error to its guest; see cm.End. Whoever asks clears it before the
	// call.
	Cause error

	// Borrows are the borrow handles that the callee has been given and must drop.
	Borrows handle.Scope
	// Slots are what context.get and context.set name.
	Slots [2]uint32

	first Subtask
}

// Value answers for the current call, takes the causes of its errors, and asks the caller's context for anything else.
func (t *Task) Value(key any) any {
	if key == cm.CallKey() {
		return t.Call
	}
	if key == cm.CauseKey() {
		return func(err error) { t.Cause = err }
	}
	return t.Context.Value(key)
}

// AfterFunc is what [context.AfterFunc] uses.
func (t *Task) AfterFunc(f func()) (stop func() bool) { return reqctx.AfterFunc(t.Context, f) }

// Subtask begins a call that the task makes. Several may be under way, and end in any order.
func (t *Task) Subtask() *Subtask {
	s := &t.first // most tasks make one call at a time
	if s.busy {
		s = &Subtask{}
	}
	s.busy = true
	return s
}
