package cm

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// Crossing is one observed call on its way over a boundary. It is where the protocol of [Hooks] is kept, for the engine,
// for those who make calls of events, and for tests:
//
//	entered ─────────────▶ left      the callee has returned or failed
//	entered ─▶ returned ─▶ left      it has returned, but holds its call (Call.Hold): the work is to end
//	entered ─▶ finished ─▶ left      the work of a held call has ended before the callee returned
//
// Fill in Boundary, Parent, Context and what else is known, then Enter and, when the callee has ended, Leave. Hooks' Exit
// is called once, however often a crossing is left. A Crossing must not be copied, and belongs to the goroutine that makes
// the call; only the work of a held call may end on another one.
type Crossing struct {
	Call
	hooks Hooks
	begun time.Time // after Enter: what hooks do is no time of the callee's
	state atomic.Int32
	work  *heldWork // of a held call; nil: most are not
}

// heldWork is what goes on behind a held call, and how both end.
type heldWork struct {
	end   End         // of the call
	ended atomic.Bool // the work has ended

	// What the work says of its end stays apart until the crossing is left.
	value   any
	failure error
}

// The states of a crossing. The zero state is that of one that has not been entered.
const (
	crossingEntered int32 = iota + 1
	crossingReturned
	crossingFinished
	crossingLeft
)

// NewCrossing makes a crossing of b. ctx is the context of the call as its caller has it.
func NewCrossing(b *Boundary, parent *Call, ctx context.Context) *Crossing {
	return &Crossing{Call: Call{Boundary: b, Parent: parent, Context: ctx}}
}

// Enter tells h that the callee is about to run. In the context that it returns everything below is to run, and find the
// call ([WithCall]).
func (c *Crossing) Enter(h Hooks) context.Context {
	c.hooks, c.crossing = h, c
	if c.Start.IsZero() {
		c.Start = time.Now()
	}
	c.state.Store(crossingEntered)
	ctx := h.Enter(&c.Call)
	c.begun = time.Now()
	return ctx
}

// Elapsed is the time since Enter.
func (c *Crossing) Elapsed() time.Duration { return time.Since(c.begun) }

// Entered says whether the crossing waits to be left.
func (c *Crossing) Entered() bool {
	return c.state.Load() == crossingEntered || c.state.Load() == crossingFinished
}

// Resolved says that the callee has given its result and goes on. Leave still follows.
func (c *Crossing) Resolved(result Val) {
	if !result.IsZero() {
		c.results = []Val{result}
	}
	if r, ok := c.hooks.(Returner); ok {
		r.Returned(&c.Call)
	}
	c.results = nil
}

// Leave says that the callee has ended: as end tells, whose Outcome is that of its Err where it says nothing else, and with
// result if it has one. A call that went well and is held goes on until its work ends.
func (c *Crossing) Leave(result Val, end End) {
	if end.Outcome == OK {
		end.Outcome = OutcomeOf(end.Err)
	}
	if end.Err == nil && !result.IsZero() {
		c.results = []Val{result}
	}
	if c.work == nil || end.Err != nil {
		if c.state.Swap(crossingLeft) != crossingLeft {
			c.hooks.Exit(&c.Call, end)
		}
		return
	}
	c.work.end = end
	if r, ok := c.hooks.(Returner); ok {
		r.Returned(&c.Call)
	}
	c.args, c.results = nil, nil
	if !c.state.CompareAndSwap(crossingEntered, crossingReturned) {
		c.settle(crossingFinished)
	}
}

// finish is the end of a held call's work, from any goroutine.
func (c *Crossing) finish(value any, err error) {
	w := c.work
	if w.ended.Swap(true) {
		return
	}
	w.value, w.failure = value, err
	if !c.state.CompareAndSwap(crossingEntered, crossingFinished) {
		c.settle(crossingReturned)
	}
}

// settle reports the end of a held call, if it is in the state where nothing else is to come.
func (c *Crossing) settle(last int32) {
	if !c.state.CompareAndSwap(last, crossingLeft) {
		return
	}
	w := c.work
	w.end.Value = w.value
	if w.failure != nil {
		errors.As(w.failure, &w.end.Limit)
		w.end.Outcome, w.end.Err = OutcomeOf(w.failure), w.failure
	}
	c.hooks.Exit(&c.Call, w.end)
}
