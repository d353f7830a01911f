// Package task is what a call into a component instance carries with it: its context, its place in the chain of calls,
// its scratch space and the time spent outside guest code. Everything that belongs to "the current call" hangs on the
// task and nothing on the instance, so that calls which interleave in one instance never see each other's.
package task

import (
	"context"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/life"
)

// Task is one call on its way through a component instance. It is the context.Context that guest code runs under and
// that host functions see, so it is never reused: a host function may keep it for work that outlives the call.
//
// Its fields belong to the goroutine that is inside the store.
type Task struct {
	context.Context          // of the caller, as the interceptor left it
	Call            *cm.Call // the innermost observed call that led here; nil while nothing observes
	Clock           *Clock   // shared by the whole chain of calls; nil while nothing observes

	// Limit is what the host function that was called last ran into; see cm.End. Whoever asks clears it before the call.
	Limit *cm.LimitError

	vals []cm.Val
}

// Clock adds up the time that a chain of calls spends in host functions.
type Clock struct{ Host time.Duration }

// Value answers for the current call, takes the limits that it runs into, and asks the caller's context for anything else.
func (t *Task) Value(key any) any {
	if key == cm.CallKey() {
		return t.Call
	}
	if key == cm.LimitKey() {
		return func(l *cm.LimitError) { t.Limit = l }
	}
	return t.Context.Value(key)
}

// AfterFunc is what [context.AfterFunc] uses.
func (t *Task) AfterFunc(f func()) (stop func() bool) { return life.AfterFunc(t.Context, f) }

// usual is as many values as most tasks need.
const usual = 4

// Push gives n values of scratch space; Pop gives back what was pushed since mark. Nested use is in stack order, and a
// slice stays valid until its own Pop even if the space behind it has moved.
func (t *Task) Push(n int) (vals []cm.Val, mark int) {
	mark = len(t.vals)
	if t.vals == nil && n > 0 {
		t.vals = make([]cm.Val, 0, max(n, usual))
	}
	for len(t.vals) < mark+n {
		t.vals = append(t.vals, cm.Val{})
	}
	return t.vals[mark : mark+n : mark+n], mark
}

// Pop gives scratch space back and forgets what was in it.
func (t *Task) Pop(mark int) {
	clear(t.vals[mark:])
	t.vals = t.vals[:mark]
}
