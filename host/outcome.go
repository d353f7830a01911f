package host

import (
	"context"
	"errors"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/text"
)

// classify says how an invocation ended that ran in ctx and came back with err. What it returns in err's place holds a
// *cm.Trap wherever the guest, the host or a limit ended the invocation, also where only a context's error came back.
//
// A guest that exited by itself (*cm.ExitError) has ended as it wished: the outcome is OK.
func classify(ctx context.Context, err error) (cm.Outcome, error) {
	if err == nil {
		return cm.OK, nil
	}
	var answer *cm.AnswerError
	if errors.As(err, &answer) {
		return cm.Aborted, err
	}
	var exit *cm.ExitError
	if errors.As(err, &exit) {
		return cm.OK, err
	}
	var trap *cm.Trap
	found := errors.As(err, &trap)
	// A host function that heeds its context fails with the context's error, which is then no fault of the host.
	if ctx.Err() != nil && isContextError(ctx, err) && (!found || trap.Code == cm.TrapHost) {
		ended := cm.EndedTrap(ctx)
		if found {
			ended.Boundary, ended.Stack = trap.Boundary, trap.Stack
		}
		trap, err = ended, ended
		found = true
	}
	switch {
	case !found:
		return cm.Aborted, err
	case trap.Code == cm.TrapCancel:
		return cm.Cancelled, err
	case trap.Blame() == cm.BlameGuest:
		return cm.Trapped, err
	}
	return cm.Aborted, err
}

func isContextError(ctx context.Context, err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Cause(ctx))
}

// severityOf is how much an operator cares: a caller that went away is everyday life, a full queue,
// a request that is too large or one that the host's end has cut a warning.
func severityOf(o cm.Outcome, err error) Severity {
	var trap *cm.Trap
	switch {
	case errors.Is(err, cm.ErrStopping):
		return SeverityWarn
	case o == cm.Cancelled:
		return SeverityDebug
	case !errors.As(err, &trap):
		return SeverityError
	}
	switch trap.Code {
	case cm.TrapOverload, cm.TrapHeaders, cm.TrapBody:
		return SeverityWarn
	}
	return SeverityError
}

// maxFrames is how much of a guest's stack one line shows, maxFailure how long such a line is, in bytes.
const (
	maxFrames  = 5
	maxFailure = 8 << 10
)

// failure tells people in one line what failed: the event, the trap, the boundary that was being crossed, the innermost
// frames.
func failure(inv *Invocation, err error) string { return text.Cut(failed(inv, err), maxFailure) }

func failed(inv *Invocation, err error) string {
	var b strings.Builder
	b.WriteString(inv.Trigger)
	if inv.Name != "" {
		b.WriteString(" " + inv.Name)
	}
	b.WriteString(": " + err.Error())
	var trap *cm.Trap
	if !errors.As(err, &trap) {
		return b.String()
	}
	if trap.Boundary != nil {
		b.WriteString("; in " + string(trap.Boundary.Callee) + " " + trap.Boundary.Name())
	}
	if n := min(len(trap.Stack), maxFrames); n > 0 {
		b.WriteString("; at " + strings.Join(trap.Stack[:n], " < "))
	}
	return b.String()
}
