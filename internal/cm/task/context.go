package task

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/handle"
	"github.com/vitrine-wasm/vitrine/internal/reqctx"
)

// Context is what a call into a component instance carries with it. It is the context.Context that guest code runs under
// and that host functions see, so it is never reused: a host function may keep it for work that outlives the call.
//
// Its fields belong to the goroutine that has the baton.
type Context struct {
	context.Context          // of the caller, as the interceptor left it
	Call            *cm.Call // the innermost observed call that led here; nil while nothing observes
	Tally           *Tally   // of the innermost observed call of a guest that led here; nil while nothing observes

	// Cause is the cause that the last host function has noted of the error that it gave its guest; see cm.End. The trampoline clears it
	// before each call.
	Cause error

	// Borrows are the borrow handles that the callee has been given and must drop.
	Borrows handle.Scope
	// Slots are the values of context.get and context.set.
	Slots [2]uint32

	first Loan
}

// Value has the current call and the function that notes causes; everything else is the caller's context's.
func (t *Context) Value(key any) any {
	if key == cm.CallKey() {
		return t.Call
	}
	if key == cm.CauseKey() {
		return func(err error) { t.Cause = err }
	}
	return t.Context.Value(key)
}

// AfterFunc is what [context.AfterFunc] uses.
func (t *Context) AfterFunc(f func()) (stop func() bool) { return reqctx.AfterFunc(t.Context, f) }

// Loan begins a call that the task makes. Several may be under way, and end in any order.
func (t *Context) Loan() *Loan {
	s := &t.first // most tasks make one call at a time
	if s.busy {
		s = &Loan{}
	}
	s.busy = true
	return s
}
