package cm

import (
	"context"
	"fmt"
)

// HostFunc is a host function as the linker takes it: arguments in, at most one result out. args is reused after the
// call. The context is cancelled when the calling task is; a function that blocks must return then. The function runs on
// the goroutine of the guest's store and may block without harm to other stores.
//
// An error traps the guest, unless it is an *ExitError. A WIT error is no Go error: return it as a value.
type HostFunc func(ctx context.Context, args []Val) (Val, error)

// HostDef is one host function with its name and type, as a linker defines it and generated bindings list it: with Func, or,
// where WIT says async, in Parts.
type HostDef struct {
	Name string // as in the component: "[method]pollable.ready"
	Type *FuncType
	Func HostFunc
	// Parts begins a call of a function whose work may block: it reads the arguments, which are valid until it returns, and
	// takes the resources that they own. An error ends the call.
	Parts func(ctx context.Context, args []Val) (Work, error)
	// BorrowsBytes says that Func neither keeps nor changes the bytes of the lists of u8 among its arguments: they are a view of
	// the guest's memory, which is valid until Func returns. A function in Parts must not set it: its work outlives the view.
	BorrowsBytes bool
}

// Work is the part of a host function that may block. It uses nothing that belongs to the guest's store: it may run on another
// goroutine, while other calls run in the store. ctx ends with the call.
type Work func(ctx context.Context) Finish

// Finish makes the function's result, or its error, from what the work has found. It runs in the store.
type Finish func(ctx context.Context) (Val, error)

// Sync is the function as one that runs in the store from its beginning to its end: Func, or the Parts one after the other.
func (d *HostDef) Sync() HostFunc {
	if d.Parts == nil {
		return d.Func
	}
	return func(ctx context.Context, args []Val) (Val, error) {
		work, err := d.Parts(ctx, args)
		if err != nil {
			return Val{}, err
		}
		return work(ctx)(ctx)
	}
}

// ResultError carries a WIT error value through a Go error return: typed bindings turn it into the error arm of a
// result<_, E>. Any other error of a host function is a host error and traps the guest.
type ResultError[E any] struct {
	Value E
	Cause error // why, for observers: it becomes End.Cause, and the guest does not see it; may be nil
}

// Error describes the value.
func (e *ResultError[E]) Error() string { return fmt.Sprintf("wit error: %v", e.Value) }

// Unwrap gives the cause.
func (e *ResultError[E]) Unwrap() error { return e.Cause }

// FailFor makes a ResultError with a cause: a *[LimitError], a *[BackendError], or any other error that says more than v.
func FailFor[E any](v E, cause error) error { return &ResultError[E]{Value: v, Cause: cause} }

// Fail makes a ResultError.
func Fail[E any](v E) error { return &ResultError[E]{Value: v} }
