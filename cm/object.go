package cm

import "reflect"

// ObjectAs is the object of a resource of type t as the Go type that an implementation makes for it. Bindings know objects by
// interfaces; an implementation that is handed one needs its own. One that holds another Go type was made by another
// implementation, which the host has linked beside this one: the error is a *[Trap] with code host-error that says so.
func ObjectAs[T any](t *ResourceType, obj any) (T, error) {
	own, ok := obj.(T)
	if !ok {
		return own, Trapf(TrapHost, "a resource %s holds a %T, want a %v: it was made by another implementation of its interface", t, obj, reflect.TypeFor[T]())
	}
	return own, nil
}
