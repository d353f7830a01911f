package cm

import (
	"context"
	"errors"
	"time"
)

// Interceptor is asked once per boundary, when a component is linked. A nil Hooks costs one nil check a call.
// Bind may be called from several goroutines for different links.
type Interceptor interface{ Bind(b *Boundary) Hooks }

// Hooks see the crossings of one boundary. They are called from the goroutine that crosses it, which belongs to the
// guest's store: they must not block and must not call into the store. Hooks of one boundary may run concurrently for
// different stores.
type Hooks interface {
	// Enter is called before the callee runs. The context it returns is what the callee (and everything that it calls)
	// sees; return c.Context to leave it.
	Enter(c *Call) context.Context
	// Exit is called exactly once for each Enter: after the callee has ended and, for a call that was held
	// ([Call.Hold]), after the work that it started has ended. Exit of a held call, and of an event, may run on another goroutine than Enter.
	Exit(c *Call, end End)
}

// Returner is an optional interface of Hooks: Returned is called when a result has been handed over while the call goes on
// (a held call; in 0.3 a task after task.return). Exit still follows.
type Returner interface{ Returned(c *Call) }

// CountOnly is an optional interface of the Hooks of guest→host boundaries that only count most calls. A call for which
// CountOnly returns true is made without a [Call], and Count gets its begin and its duration when it ends. If it fails, or Count
// returns true, Enter and Exit are called at its end. An asynchronous call, which the guest does not wait for, has a Call always.
//
// begun is exact in comparison with other times of this process; its time of day may be off by what the system's clock was
// corrected since the process began. ctx is the caller's.
type CountOnly interface {
	CountOnly() bool
	Count(ctx context.Context, begun time.Time, took time.Duration) (see bool)
}

// Skipper is an optional interface of the Hooks of boundaries into guests. A call from the host for which Skip returns true, and calls
// with CountOnly that it makes, are made without a [Call] and without being measured while they succeed: what they cause is part of
// the call around them. If one fails or reaches a limit, Enter and Exit are called at its end. ctx is the caller's.
type Skipper interface {
	Skip(ctx context.Context) bool
}

// Outcome says how a call ended.
type Outcome uint8

// The outcomes.
const (
	OK        Outcome = iota // it returned; the result may still be a WIT error
	Cancelled                // its caller went away
	Trapped                  // it trapped, or a callee did
	Aborted                  // a host error or a limit ended it
)

// String is the outcome in a word.
func (o Outcome) String() string {
	switch o {
	case OK:
		return "ok"
	case Cancelled:
		return "cancelled"
	case Trapped:
		return "trap"
	case Aborted:
		return "aborted"
	}
	return "unknown"
}

// OutcomeOf classifies how a call ended by its error. An exit of the guest's own ([*ExitError]) is OK.
func OutcomeOf(err error) Outcome {
	if err == nil {
		return OK
	}
	var exit *ExitError
	var t *Trap
	switch {
	case errors.As(err, &exit):
		return OK
	case errors.As(err, &t):
		if t.Code == TrapCancel {
			return Cancelled
		}
		if t.Blame() == BlameGuest {
			return Trapped
		}
	case errors.Is(err, context.Canceled):
		return Cancelled
	}
	return Aborted
}

// End is how a call ended.
type End struct {
	Outcome Outcome
	Err     error // the trap or host error; nil when OK
	Value   any   // what a held call reports at its end (an *http.Response, say); nil otherwise
	// Guest, Host, Wait and Callees add up to the time between Enter and Exit. Guest is the callee's own code; Host and Wait are the host
	// functions that it called, at work and waiting for something outside; Callees are its calls of other components that are observed
	// themselves, their hooks included. GuestTotal is Guest and that of all components below. All are zero when not measured. A call of a
	// host function has Host and Wait only.
	Guest, Host, Wait, Callees, GuestTotal time.Duration
	// Fuel is the work that the callee's own code has done, in loop iterations and function entries; FuelTotal has that of
	// all components below in it.
	Fuel, FuelTotal uint64
	// MemoryPeak is the largest size of the store's memories so far, in bytes. Set on host→guest boundaries only.
	MemoryPeak uint64
	// Limit is a limit that the guest reached and that was reported to it without a trap; nil if none. On guest→host boundaries the call's
	// result reports it. On host→guest ones a memory or a table was refused to grow, in this call or since the one before, and the guest
	// may have trapped because of it.
	Limit *LimitError
	// Cause is why the result of a guest→host call is an error, if the host function knows more than it tells its guest: see
	// [FailFor]; [Detail] is its text. Nil otherwise. It wraps Limit.
	Cause error
}
