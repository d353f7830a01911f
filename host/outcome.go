package host

import (
	"context"
	"errors"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/text"
)

// classify is the outcome of an invocation that ran in ctx and ended with err. The error that it returns holds a *cm.Trap if the guest, the
// host or a limit ended the invocation, also if err is only a context's error.
//
// A guest that exited by itself (*cm.ExitError) has not failed: the outcome is OK.
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
	// A host function that ends with its context returns the context's error, for which the host is not to blame.
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

// severityOf is the severity of a failure for an operator: a caller that went away is normal; a full queue, a request that is too large, or
// one that the stop of the host has cut off is a warning.
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

// failure is one line for people about a failed invocation: the event, the trap, the boundary that was being crossed, the innermost
// frames, and what an operator can do about it.
func failure(inv *Invocation, err error) string {
	do := cureOf(err).inFull()
	if do == "" {
		return text.Cut(failed(inv, err), maxFailure)
	}
	return text.Cut(failed(inv, err), maxFailure-len(do)) + "; " + do
}

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
