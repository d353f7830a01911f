package cm

import (
	"context"
	"errors"
)

// EndedTrap is the trap for a call whose context, ctx, has ended. Its code is that of the trap that is the cause of ctx, else
// deadline if a deadline has passed, else cancelled. Each call makes a new trap, because a trap is filled in on its way out; its
// Err is the cause.
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
