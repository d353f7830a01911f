package cm

import "context"

// Running is a call of an asynchronous function of a guest. Its result may come before its end: a guest may go on after it has returned.
// Safe for concurrent use.
type Running interface {
	// Result waits for the result. The error is the trap that ended the call without one, or the cause of ctx.
	Result(ctx context.Context) (Val, error)
	// OnResult has f called once, when Result does not have to wait any more: at once where that is so already, else on a goroutine that is in
	// the guest's store, so that f must not block, nor call the guest. It is to be called once.
	OnResult(f func())
	// Wait waits for the end of the call. The error is the trap that ended it, or the cause of ctx.
	Wait(ctx context.Context) error
	// Cancel asks the guest to end the call early.
	Cancel()
}

// Started is a [Running] with a result of type T. Generated bindings make it.
type Started[T any] struct {
	Running
	lift func(Val) (T, error)
}

// NewStarted makes a Started of r. lift converts the result, and is called at most once.
func NewStarted[T any](r Running, lift func(Val) (T, error)) *Started[T] {
	return &Started[T]{r, lift}
}

// Result is [Running].Result, to be called once. An error arm of the function's result is a *[ResultError].
func (s *Started[T]) Result(ctx context.Context) (T, error) {
	v, err := s.Running.Result(ctx)
	if err != nil {
		var none T
		return none, err
	}
	return s.lift(v)
}
