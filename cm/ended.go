package cm

import (
	"context"
	"errors"
)

// EndedTrap is the trap that the end of ctx means: of the code of the one that is its cause, else deadline where a deadline
// passed, else cancelled. It is a new one at each call, as a trap is filled in on its way out; the cause is its Err.
func EndedTrap(ctx context.Context) *Trap {
	cause := context.Cause(ctx)
	t := &Trap{Code: TrapCancel, Detail: "the caller went away", Err: cause}
	var trap *Trap
	if errors.As(cause, &trap) {
		t.Code, t.Detail = trap.Code, trap.Detail
	} else if errors.Is(cause, context.DeadlineExceeded) {
		t.Code, t.Detail = TrapDeadline, "the caller's deadline passed"
	}
	return t
}
