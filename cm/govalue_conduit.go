package cm

import (
	"fmt"
	"reflect"
)

// goEnd is a readable end whose elements are Go values of some type, to conversions by reflection: a *StreamReader[T] or a
// *FutureReader[T].
type goEnd interface {
	ofKind() Kind
	checkElem(t *Type) error
	give(t *Type) Val                  // passes it on, as a value of type t
	take(t *Type, v Val) reflect.Value // a new one of the same Go type
	isNil() bool
}

var (
	byteStreamGo = reflect.TypeFor[*StreamReader[uint8]]()
	streamGo     = reflect.TypeFor[*StreamReader[any]]()
	futureGo     = reflect.TypeFor[*FutureReader[any]]()
)

// endOf is a Go type of readable ends of t's kind; nil if it is none.
func endOf(t *Type, g reflect.Type) goEnd {
	if g.Kind() != reflect.Pointer {
		return nil
	}
	e, ok := reflect.Zero(g).Interface().(goEnd)
	if !ok || e.ofKind() != t.Kind {
		return nil
	}
	return e
}

func endFromGo(t *Type, g reflect.Value) (Val, error) {
	e := endOf(t, g.Type())
	if e == nil {
		return Val{}, wantGot(t, g.Type())
	}
	if e = g.Interface().(goEnd); e.isNil() {
		return Val{}, wantGot(t, "nil "+g.Type().String())
	}
	if err := e.checkElem(t); err != nil {
		return Val{}, err
	}
	return e.give(t), nil
}

func endToGo(t *Type, v Val, out reflect.Value) error {
	e := endOf(t, out.Type())
	if _, ok := v.Any().(*Conduit); !ok || e == nil {
		return misfit(t, out)
	}
	if err := e.checkElem(t); err != nil {
		return err
	}
	out.Set(e.take(t, v))
	return nil
}

// checkGoElem says why elements of t can never be of a Go type. A stream without an element type has any.
func checkGoElem(t *Type, g reflect.Type) error {
	if t.Elem == nil {
		return nil
	}
	return at("element of "+t.String(), CheckGo(t.Elem, g))
}

// lifting is the conversion of elements of t to Go; the first that does not fit is noted.
func lifting[T any](t *Type, misfit *error) func(Val) T {
	return func(v Val) (to T) {
		g, err := ToGoAs(t.Elem, v, reflect.TypeFor[T]())
		if err != nil {
			if *misfit == nil {
				*misfit = fmt.Errorf("element of %s: %w", t, err)
			}
			return to
		}
		to, _ = g.Interface().(T)
		return to
	}
}

// lowering is the conversion of elements of t from Go, for a host's writer.
func lowering[T any](t *Type) func(T) (Val, error) {
	return func(v T) (Val, error) {
		if t.Elem == nil {
			return Val{}, nil
		}
		return FromGo(t.Elem, v)
	}
}

func give[T any](h *hostEnd, t *Type) Val {
	h.c.lowerWith(lowering[T](t))
	return AnyVal(h.c)
}

func (r *StreamReader[T]) ofKind() Kind            { return KindStream }
func (r *StreamReader[T]) isNil() bool             { return r == nil }
func (r *StreamReader[T]) checkElem(t *Type) error { return checkGoElem(t, reflect.TypeFor[T]()) }
func (r *StreamReader[T]) give(t *Type) Val        { return give[T](&r.hostEnd, t) }

func (r *StreamReader[T]) take(t *Type, v Val) reflect.Value {
	to := LiftStream[T](v, nil)
	to.lift = lifting[T](t, &to.misfit)
	return reflect.ValueOf(to)
}

func (r *FutureReader[T]) ofKind() Kind            { return KindFuture }
func (r *FutureReader[T]) isNil() bool             { return r == nil }
func (r *FutureReader[T]) checkElem(t *Type) error { return checkGoElem(t, reflect.TypeFor[T]()) }
func (r *FutureReader[T]) give(t *Type) Val        { return give[T](&r.hostEnd, t) }

func (r *FutureReader[T]) take(t *Type, v Val) reflect.Value {
	to := LiftFuture[T](v, nil)
	to.lift = lifting[T](t, &to.misfit)
	return reflect.ValueOf(to)
}
