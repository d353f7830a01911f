package cm

import (
	"context"
	"fmt"
)

// HostFunc is a host function as the linker takes it: arguments in, at most one result out. args is reused after the
// call. The context is cancelled when the calling task is; a function that blocks must heed it. The function runs on
// the goroutine of the guest's store and may block without harm to other stores.
//
// An error traps the guest, unless it is an *ExitError. A WIT error is no Go error: return it as a value.
type HostFunc func(ctx context.Context, args []Val) (Val, error)

// ResultError carries a WIT error value through a Go error return: typed bindings turn it into the error arm of a
// result<_, E>. Any other error of a host function is a host error and traps the guest.
type ResultError[E any] struct {
	Value E
	Cause error // why, if that is of interest to others than the guest: a *LimitError; else nil
}

// Error describes the value.
func (e *ResultError[E]) Error() string { return fmt.Sprintf("wit error: %v", e.Value) }

// Unwrap gives the cause.
func (e *ResultError[E]) Unwrap() error { return e.Cause }

// FailFor makes a ResultError with a cause.
func FailFor[E any](v E, cause error) error { return &ResultError[E]{Value: v, Cause: cause} }

// Fail makes a ResultError.
func Fail[E any](v E) error { return &ResultError[E]{Value: v} }
