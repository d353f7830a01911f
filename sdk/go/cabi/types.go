package cabi

import "fmt"

// Error is the error of a function whose WIT result is result<T, E>. What an export returns as one becomes the error of its
// result; any other error of an export traps.
type Error[E any] struct{ Value E }

// Fail makes an error of a WIT error.
func Fail[E any](value E) error { return &Error[E]{value} }

// Error is the WIT error in words.
func (e *Error[E]) Error() string {
	if _, none := any(e.Value).(struct{}); none {
		return "the call has failed, and its error says nothing"
	}
	return fmt.Sprint(e.Value)
}

// Result is a result<T, E> inside another type; Failed says which field counts.
type Result[T, E any] struct {
	OK     T
	Err    E
	Failed bool
}

// LowerResult writes a result, whose value is at an offset. A nil function is for a side without a value.
func LowerResult[T, E any](at uint32, v Result[T, E], offset uint32, ok func(uint32, T), err func(uint32, E)) {
	LowerBool(at, v.Failed)
	switch {
	case v.Failed && err != nil:
		err(at+offset, v.Err)
	case !v.Failed && ok != nil:
		ok(at+offset, v.OK)
	}
}

// LiftResult reads a result.
func LiftResult[T, E any](at uint32, offset uint32, ok func(uint32) T, err func(uint32) E) (v Result[T, E]) {
	v.Failed = LiftBool(at)
	switch {
	case v.Failed && err != nil:
		v.Err = err(at + offset)
	case !v.Failed && ok != nil:
		v.OK = ok(at + offset)
	}
	return v
}

// Unpack is a result as Go functions return it.
func (r Result[T, E]) Unpack() (T, error) {
	if r.Failed {
		return r.OK, Fail(r.Err)
	}
	return r.OK, nil
}

// Pack is the result of a Go function that an export calls. It panics on an error that is no *Error[E], which traps; where E has no value any
// error will do.
func Pack[T, E any](v T, err error) Result[T, E] {
	if err == nil {
		return Result[T, E]{OK: v}
	}
	if e, ok := err.(*Error[E]); ok {
		return Result[T, E]{Err: e.Value, Failed: true}
	}
	var none E
	if _, ok := any(none).(struct{}); ok {
		return Result[T, E]{Failed: true}
	}
	panic(err)
}
