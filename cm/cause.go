package cm

import (
	"context"
	"errors"
)

// BackendError says that what serves a host function has failed: a database, a service. A host function returns it below the
// [ResultError] that the guest gets ([FailFor]); hooks see it as End.Cause. What the backend says may hold addresses,
// statements and credentials: it is in Err, for the operator, and Error does not tell it, so that no way by which a guest reads
// an error gives it away.
type BackendError struct {
	Text string // what guests may read: "the backend failed"
	Err  error  // what the backend says
}

// Error is the text for guests.
func (e *BackendError) Error() string { return e.Text }

// Unwrap gives what the backend says.
func (e *BackendError) Unwrap() error { return e.Err }

// Detail is what operators read of err, which is the Cause of an [End]: its text and, where a *[BackendError] is in it, what the
// backend says. It is not redacted.
func Detail(err error) string {
	var backend *BackendError
	if errors.As(err, &backend) && backend.Err != nil {
		return err.Error() + ": " + backend.Err.Error()
	}
	return err.Error()
}

type causeKey struct{}

// CauseKey is the key under which the context of a host function gives a func(error) that notes the cause of the error which the
// guest is told of; see End.Cause. The engine's own.
func CauseKey() any { return causeKey{} }

// NoteCause tells the call in ctx why its guest is given an error: what err says beyond the guest's value, if it is or wraps a
// [WITError], or else err itself. Bindings do it with what host functions return; it is for a function that tells its guest by other
// means. Nil is nothing.
func NoteCause(ctx context.Context, err error) {
	var carried WITError
	if errors.As(err, &carried) && err == error(carried) {
		err = errors.Unwrap(err)
	}
	if err == nil {
		return
	}
	if note, ok := ctx.Value(causeKey{}).(func(error)); ok {
		note(err)
	}
}
