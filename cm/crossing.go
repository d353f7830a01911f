package cm

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// Crossing is the state machine of one observed call. It keeps the protocol of [Hooks] for the engine, for those who invoke
// events, and for tests:
//
//	entered ─────────────▶ left      the callee has returned or failed
//	entered ─▶ returned ─▶ left      it has returned, but holds its call (Call.Hold): its work goes on
//	entered ─▶ finished ─▶ left      the work of a held call has ended before the callee returned
//
// Fill in Boundary, Parent, Context and what else is known, then call Enter and, when the callee has ended, Leave. Hooks' Exit
// is called once, however often a crossing is left. A Crossing must not be copied, and belongs to the goroutine that makes
// the call; only the work of a held call may end on another one.
type Crossing struct {
	Call
	hooks Hooks
	begun time.Time // after Enter: the hooks' time is not the callee's
	state atomic.Int32
	work  *heldWork // of a held call; nil: most are not
}

// heldWork is the work that goes on after a held call has returned, and how both ended.
type heldWork struct {
	end   End         // of the call
	ended atomic.Bool // the work has ended

	// How the work ended; kept apart from end until the crossing is left.
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

// Enter tells h that the callee is about to run. The callee has to run under the context that it returns, in which [CallFrom]
// finds the call.
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

// Entered says whether the crossing has been entered and not left.
func (c *Crossing) Entered() bool {
	return c.state.Load() == crossingEntered || c.state.Load() == crossingFinished
}

// Resolved reports that the callee has given its result and goes on. Leave still follows.
func (c *Crossing) Resolved(result Val) {
	if !result.IsZero() {
		c.results = []Val{result}
	}
	if r, ok := c.hooks.(Returner); ok {
		r.Returned(&c.Call)
	}
	c.results = nil
}

// Leave reports that the callee has ended as end says, with result if it has one. An end without an Outcome gets that of its Err.
// A held call without an error goes on until its work ends.
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

// finish reports the end of a held call's work, from any goroutine.
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

// settle reports the end of a held call if both callee and work have ended.
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
