package cm

import "reflect"

// ObjectAs converts obj, the object of a resource of type t, to T, the Go type that the calling implementation gives such
// resources. Bindings pass objects as interfaces. An object of another Go type comes from another implementation that the host has
// linked beside this one: then the error is a *[Trap] with code host-error that says so.
func ObjectAs[T any](t *ResourceType, obj any) (T, error) {
	own, ok := obj.(T)
	if !ok {
		return own, Trapf(TrapHost, "a resource %s holds a %T, want a %v: it was made by another implementation of its interface", t, obj, reflect.TypeFor[T]())
	}
	return own, nil
}
