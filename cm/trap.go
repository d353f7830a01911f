package cm

import (
	"errors"
	"fmt"
	"strings"
)

// TrapCode names why a guest was stopped: the specification's word for a trap of WebAssembly or the canonical ABI, or
// one of Vitrine's own limits.
type TrapCode string

// Trap codes. The first group are core WebAssembly's, the second the Component Model's, the third operator's limits.
const (
	TrapUnreachable      TrapCode = "unreachable"
	TrapOutOfBounds      TrapCode = "out-of-bounds-memory-access"
	TrapTableOutOfBounds TrapCode = "out-of-bounds-table-access"
	TrapIndirectCall     TrapCode = "indirect-call-type-mismatch"
	TrapDivideByZero     TrapCode = "integer-divide-by-zero"
	TrapOverflow         TrapCode = "integer-overflow"
	TrapBadConversion    TrapCode = "invalid-conversion-to-integer"
	TrapStackOverflow    TrapCode = "call-stack-exhausted"
	TrapUninitialized    TrapCode = "uninitialized-element"

	TrapCannotEnter  TrapCode = "cannot-enter-component-instance"
	TrapCannotLeave  TrapCode = "cannot-leave-component-instance"
	TrapBadHandle    TrapCode = "invalid-handle"
	TrapHandleType   TrapCode = "handle-type-mismatch"
	TrapLent         TrapCode = "handle-still-lent"
	TrapBorrowsLeft  TrapCode = "borrow-handles-remain"
	TrapBadString    TrapCode = "invalid-string"
	TrapBadChar      TrapCode = "invalid-char"
	TrapBadDiscrim   TrapCode = "invalid-discriminant"
	TrapUnaligned    TrapCode = "unaligned-pointer"
	TrapBadPointer   TrapCode = "pointer-out-of-bounds"
	TrapBadRealloc   TrapCode = "realloc-out-of-bounds"
	TrapTooLong      TrapCode = "value-too-large"
	TrapHandlesFull  TrapCode = "handle-table-full"
	TrapBackpressure TrapCode = "backpressure-out-of-range"
	TrapDeadlock     TrapCode = "deadlock"            // nothing in the instance can go on any more
	TrapNoResult     TrapCode = "no-task-result"      // an asynchronous task has ended without task.return
	TrapTaskResolved TrapCode = "task-resolved"       // task.return or task.cancel was called when it must not be
	TrapTaskReturn   TrapCode = "task-return-invalid" // task.return of another type, or with other options, than the task's function
	TrapSubtask      TrapCode = "subtask-misuse"
	TrapWaitable     TrapCode = "waitable-misuse"
	TrapStream       TrapCode = "stream-misuse" // an end of a stream or future was used when it must not be
	TrapCallback     TrapCode = "unsupported-callback-code"
	TrapThread       TrapCode = "thread-misuse"
	TrapDead         TrapCode = "instance-trapped-before"
	TrapUnsupported  TrapCode = "unsupported"
	TrapMisuse       TrapCode = "host-call-misuse" // the guest broke the contract of a host function
	TrapHost         TrapCode = "host-error"
	TrapPanic        TrapCode = "host-panic" // a host function panicked
	TrapBug          TrapCode = "vitrine-bug"

	TrapDeadline TrapCode = "deadline"
	TrapCancel   TrapCode = "cancelled"
	TrapFuel     TrapCode = "fuel"
	TrapMemory   TrapCode = "memory"
	TrapDepth    TrapCode = "call-depth"
	TrapHeaders  TrapCode = "headers" // fields or a request's head are over the limit, where the interface has no error for it
	TrapBody     TrapCode = "body"    // a request's body is over the limit
	TrapOverload TrapCode = "overload"

	TrapHostMemory TrapCode = "host-memory" // the host may hold no more for the guest, where the interface has no error for it
)

// Blame says whose fault a failure is.
type Blame string

// The three who can be to blame.
const (
	BlameGuest Blame = "guest"
	BlameHost  Blame = "host"
	BlameLimit Blame = "limit"
)

// Trap ends a guest's call. It is an error; find it with errors.As.
type Trap struct {
	Code     TrapCode
	Boundary *Boundary // the innermost boundary that was being crossed; nil when no call was under way
	Detail   string    // what exactly, for people; may be empty
	Stack    []string  // guest frames, innermost first, as far as names are known
	Err      error     // the cause, if a host error caused the trap
	// HostStack is the stack of a host function that panicked, as runtime/debug has it. It is not part of the message.
	HostStack string
}

// Trapf makes a trap with a formatted detail; %w sets Err.
func Trapf(code TrapCode, format string, args ...any) *Trap {
	err := fmt.Errorf(format, args...)
	return &Trap{Code: code, Detail: err.Error(), Err: errors.Unwrap(err)}
}

// Error is "trap: CODE: detail".
func (t *Trap) Error() string {
	var b strings.Builder
	b.WriteString("trap: ")
	b.WriteString(strings.ReplaceAll(string(t.Code), "-", " "))
	if t.Detail != "" {
		b.WriteString(": ")
		b.WriteString(t.Detail)
	}
	return b.String()
}

// Unwrap gives the cause.
func (t *Trap) Unwrap() error { return t.Err }

// Blame says whose fault the trap is.
func (t *Trap) Blame() Blame {
	switch t.Code {
	case TrapHost, TrapPanic, TrapBug:
		return BlameHost
	case TrapDeadline, TrapCancel, TrapFuel, TrapMemory, TrapStackOverflow, TrapDepth, TrapHandlesFull, TrapHeaders, TrapBody, TrapOverload,
		TrapHostMemory:
		return BlameLimit
	}
	return BlameGuest
}

// Limit is the operator's limit that caused the trap, by its key in the workload; empty if none did.
func (t *Trap) Limit() string {
	var limit *LimitError
	if errors.As(t.Err, &limit) {
		return limit.Limit
	}
	switch t.Code {
	case TrapDeadline, TrapFuel, TrapMemory, TrapHeaders, TrapBody:
		return string(t.Code)
	case TrapStackOverflow:
		return "stack"
	case TrapDepth:
		return "callDepth"
	case TrapHandlesFull:
		return "handles"
	case TrapHostMemory:
		return "hostMemory"
	case TrapOverload:
		return "instances"
	}
	return ""
}

// ErrStopping is the cause of traps of a host that stops, for calls that it ends (cancelled) and calls that it refuses (overload).
var ErrStopping = errors.New("shutting down")

// AnswerError says that a guest has returned from an event without an answer, or with part of one. It is no trap: the guest's instance
// can be used again, unless Err is an [*ExitError].
type AnswerError struct {
	// Reason is no-response, unfinished-body, exit, or the interface's name of the error code with which the guest answered.
	Reason string
	// Answered says that the guest answered with an error, as its interface allows: nobody is blamed for that.
	Answered bool
	Detail   string // for people
	Err      error  // the cause, if there is one
}

// Error is the detail.
func (e *AnswerError) Error() string { return e.Detail }

// Unwrap gives the cause.
func (e *AnswerError) Unwrap() error { return e.Err }

// ExitError says that a guest asked to end its command (wasi:cli/exit). It unwinds the guest like a trap and is none.
type ExitError struct{ Code uint8 }

// Error is "exit status N".
func (e *ExitError) Error() string { return fmt.Sprintf("exit status %d", e.Code) }
