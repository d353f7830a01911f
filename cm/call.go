package cm

import (
	"context"
	"sync/atomic"
	"time"
)

// Call is one crossing of a boundary. It belongs to the task that makes it, not to the instance: when several requests
// interleave in one instance, each sees its own calls only. A Call is valid from Enter to Exit and is not to be kept.
type Call struct {
	Boundary *Boundary
	Parent   *Call           // the call during which this one was made; nil for the outermost
	Context  context.Context // as it was before Enter
	Subject  any             // for an Event, what happened: one of the host's subjects
	Instance InstanceInfo    // of the callee (host→guest, guest→guest) or of the caller (guest→host)
	State    any             // the hooks' own, from Enter to Exit
	Start    time.Time       // set by the code that makes the call when hooks are bound; zero otherwise

	args, results []Val
	crossing      *Crossing // the one that has this Call in it; nil for a call of NewCall
	waited        atomic.Int64
}

// InstanceInfo tells which instance a call ran in.
type InstanceInfo struct {
	ID    uint64 // unique in the process; 0 when there is none
	Reuse string // fresh, reset, serial, concurrent
	Use   uint64 // the number of the invocation in this instance, from 1, resets included; 0 where invocations are not counted
	// Isolation is the state that each invocation finds: fresh, snapshot, reuse. Empty where none was chosen.
	Isolation string
	// NotResettable is why instances of this component are made anew each time ("table-changed" …); empty if they are not.
	NotResettable string
}

// NewCall makes a call by hand, for tests of hooks; see [Crossing] for the call as it is made.
func NewCall(b *Boundary, parent *Call, ctx context.Context) *Call {
	return &Call{Boundary: b, Parent: parent, Context: ctx}
}

// Args are the arguments, in order. Valid only during Enter and Exit; empty for an Event.
func (c *Call) Args() []Val { return c.args }

// Results are the results: none or one. Valid only during Exit and Returned.
func (c *Call) Results() []Val { return c.results }

// SetArgs sets the arguments; for code that makes calls.
func (c *Call) SetArgs(vs []Val) { c.args = vs }

// Hold keeps the call open after its host function has returned, because its work goes on: an outgoing request that waits for
// its answer, for one. The function it returns ends the call, from any goroutine; calls after the first do nothing.
// It is nil-safe: without a Call (no hooks are bound), and for a Call of another kind than guest→host (hooks are bound to
// a call around the host function's, not to its own), it returns a function that does nothing.
func (c *Call) Hold() func(value any, err error) {
	if c == nil || c.Boundary.Kind != GuestToHost || c.crossing == nil {
		return func(any, error) {}
	}
	if c.crossing.work == nil {
		c.crossing.work = &heldWork{}
	}
	return c.crossing.finish
}

// Held says whether Hold was called; for code that makes calls.
func (c *Call) Held() bool { return c.crossing != nil && c.crossing.work != nil }

// AddWait records that the host function of this call spent d waiting for something outside. The time is added to the caller's when the call
// ends. Nil-safe, and safe for concurrent use. Host functions that block call it through [Waiting].
func (c *Call) AddWait(d time.Duration) {
	if c != nil {
		c.waited.Add(int64(d))
	}
}

// Waited is the sum of AddWait. Nil-safe.
func (c *Call) Waited() time.Duration {
	if c == nil {
		return 0
	}
	return time.Duration(c.waited.Load())
}

type callKey struct{}

// WithCall returns a context in which [CallFrom] finds c. The engine and triggers use it.
func WithCall(ctx context.Context, c *Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// CallFrom finds the current call: inside a host function, the crossing that called it; nil where no hooks are bound.
func CallFrom(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// CallKey is the key under which a context gives its current *Call, for contexts that hold it themselves.
func CallKey() any { return callKey{} }

// Waiting measures a wait inside a host function: defer cm.Waiting(ctx)().
func Waiting(ctx context.Context) func() {
	c := CallFrom(ctx)
	if c == nil {
		return func() {}
	}
	start := time.Now()
	return func() { c.AddWait(time.Since(start)) }
}
