package cm

import (
	"context"
	"errors"
)

// BackendError says that what serves a host function has failed: a database, a service. A host function returns it below the
// [ResultError] that the guest gets ([FailFor]); hooks see it as End.Cause. What the backend says may contain addresses,
// statements and credentials: it is in Err, for the operator, and Error leaves it out, so that a guest cannot read it.
type BackendError struct {
	Text string // what guests may read: "the backend failed"
	Err  error  // what the backend says
}

// Error is the text for guests.
func (e *BackendError) Error() string { return e.Text }

// Unwrap gives what the backend says.
func (e *BackendError) Unwrap() error { return e.Err }

// Detail is the text of err, the Cause of an [End], for operators; if err wraps a *[BackendError], with the backend's message. It is not redacted.
func Detail(err error) string {
	var backend *BackendError
	if errors.As(err, &backend) && backend.Err != nil {
		return err.Error() + ": " + backend.Err.Error()
	}
	return err.Error()
}

type causeKey struct{}

// CauseKey is the key under which the context of a host function gives a func(error) that notes the cause of the error which the
// guest gets; see End.Cause. The engine's own.
func CauseKey() any { return causeKey{} }

// NoteCause records on the call in ctx why its guest gets an error: the cause in err, if err is or wraps a [WITError], or else err
// itself. Bindings call it with the errors that host functions return; a host function calls it where the guest gets the error by
// other means, a stream for one. A nil err does nothing.
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
