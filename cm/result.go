package cm

// Variant is a variant value in Go terms: the case's name, and its payload or nil.
type Variant struct {
	Case  string
	Value any
}

// Result is a result<T, E> inside another type, in generated bindings; an absent side is struct{}. The result of a
// function is a Go (T, error) instead: see [ResultError].
type Result[T, E any] struct {
	IsErr bool
	OK    T
	Err   E
}

// OKResult makes an ok result.
func OKResult[T, E any](v T) Result[T, E] { return Result[T, E]{OK: v} }

// ErrResult makes an error result.
func ErrResult[T, E any](e E) Result[T, E] { return Result[T, E]{IsErr: true, Err: e} }

// Variant is the result's case, ok or error, and its payload, for code that does not know T and E.
func (r Result[T, E]) Variant() Variant {
	if r.IsErr {
		return Variant{Case: "error", Value: r.Err}
	}
	return Variant{Case: "ok", Value: r.OK}
}
