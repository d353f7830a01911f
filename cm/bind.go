package cm

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/vitrine-wasm/vitrine/wit"
)

// This file is what generated bindings (internal/bindgen) are made of: conversions between a Val and typed Go values,
// by functions instead of reflection. Lift reads a Val, Lower makes one.

// HostDef is one host function as a generated binding defines it: with Func, or, where WIT says async, in Parts.
type HostDef struct {
	Name string // as in the component: "[method]pollable.ready"
	Type *FuncType
	Func HostFunc
	// Parts begins a call of a function whose work may block: it reads the arguments, which are good until it returns, and
	// takes what they own. Its error is that of the call.
	Parts func(ctx Context, args []Val) (Work, error)
	// Lent says that Func neither keeps nor changes the bytes of the lists of u8 among its arguments: they are a view of
	// the guest's memory, which is good until Func returns. A function in Parts cannot have it: its work outlives the view.
	Lent bool
}

// Work is the part of a host function that may block. It touches nothing that belongs to the guest's store: it may run on
// another goroutine than that is on, while others have their turn in it. ctx ends with the call.
type Work func(ctx Context) Finish

// Finish is what comes of the work: the function's result, or its error. It runs in the store.
type Finish func(ctx Context) (Val, error)

// Sync is the function as one that runs in the store from its beginning to its end: Func, or the Parts one after the other.
func (d *HostDef) Sync() HostFunc {
	if d.Parts == nil {
		return d.Func
	}
	return func(ctx Context, args []Val) (Val, error) {
		work, err := d.Parts(ctx, args)
		if err != nil {
			return Val{}, err
		}
		return work(ctx)(ctx)
	}
}

// Caller calls one exported function of an instance.
type Caller interface {
	Call(ctx Context, args ...Val) (Val, error)
}

// DropObject is the Drop of generated resource types: it calls the object's own Drop if it has one.
func DropObject(ctx Context, r *Resource) error {
	if d, ok := r.Obj.(interface{ Drop(Context) error }); ok {
		return d.Drop(ctx)
	}
	return nil
}

// LiftHandle is the Go object of a host-defined resource. A resource of that type that holds another kind of object was
// made by the host against the type's contract: it panics.
func LiftHandle[T any](v Val) T {
	r := v.Resource()
	obj, ok := r.Obj.(T)
	if !ok {
		panic(fmt.Sprintf("cm: a resource %s holds a %T, want a %T", r.Type, r.Obj, (*T)(nil)))
	}
	return obj
}

// LowerHandle makes a new resource that holds obj.
func LowerHandle(t *ResourceType, obj any) Val { return ResourceVal(NewResource(t, obj)) }

// LowerChild makes a new resource that holds obj and is a child of the resource in parent; see [NewChild].
func LowerChild(parent Val, t *ResourceType, obj any) Val {
	return ResourceVal(NewChild(parent.Resource(), t, obj))
}

// Consume ends the host-defined resources that the arguments of a host function own: a binding hands their objects to the
// function, and what becomes of them is for that to say. Where one has living children that is a *[Trap], and the function
// must not be called: the resources have been dropped.
func Consume(ctx Context, t *FuncType, args []Val) error {
	parents := false
	for i, p := range t.Params {
		EachOwned(p.Type, args[i], func(r *Resource) {
			if r.Type.Owner == nil {
				r.End()
				parents = parents || r.living > 0
			}
		})
	}
	if !parents {
		return nil
	}
	var err error // stays nil if the children ended in the same call
	for i, p := range t.Params {
		EachOwned(p.Type, args[i], func(r *Resource) {
			if err == nil {
				err = r.Childless("consumed")
			}
		})
	}
	if err == nil {
		return nil
	}
	for i, p := range t.Params {
		EachOwned(p.Type, args[i], func(r *Resource) {
			if r.Type.Owner == nil && r.Type.Drop != nil {
				_ = r.Type.Drop(ctx, r) // the guest is being trapped: nobody asks for this error
			}
		})
	}
	return err
}

// ConsumeResult ends the host-defined resources that the result of a guest's function owns: the host has their objects.
func ConsumeResult(t *FuncType, result Val) {
	EachOwned(t.Result, result, func(r *Resource) {
		if r.Type.Owner == nil {
			r.End()
		}
	})
}

// LiftList reads a list, element by element.
func LiftList[T any](v Val, lift func(Val) T) []T {
	vs := v.List()
	out := make([]T, len(vs))
	for i, e := range vs {
		out[i] = lift(e)
	}
	return out
}

// LowerList makes a list.
func LowerList[T any](ts []T, lower func(T) Val) Val {
	vs := make([]Val, len(ts))
	for i, t := range ts {
		vs[i] = lower(t)
	}
	return ListVal(vs)
}

// LiftOption reads an option: nil for none.
func LiftOption[T any](v Val, lift func(Val) T) *T {
	p, ok := v.Payload()
	if !ok {
		return nil
	}
	t := lift(p)
	return &t
}

// LowerOption makes an option from what LiftOption gives.
func LowerOption[T any](t *T, lower func(T) Val) Val {
	if t == nil {
		return None()
	}
	return Some(lower(*t))
}

// LiftMaybe reads an option of a handle: the zero T, a nil interface, for none.
func LiftMaybe[T any](v Val, lift func(Val) T) (t T) {
	if p, ok := v.Payload(); ok {
		t = lift(p)
	}
	return t
}

// LowerMaybe makes an option of a handle from an interface, of which nil is none.
func LowerMaybe[T any](t T, lower func(T) Val) Val {
	if any(t) == nil {
		return None()
	}
	return Some(lower(t))
}

// LiftResult reads a result; the function of an absent side is nil.
func LiftResult[T, E any](v Val, ok func(Val) T, fail func(Val) E) Result[T, E] {
	r := Result[T, E]{IsErr: v.Case() == 1}
	p, has := v.Payload()
	switch {
	case !has:
	case r.IsErr && fail != nil:
		r.Err = fail(p)
	case !r.IsErr && ok != nil:
		r.OK = ok(p)
	}
	return r
}

// LowerResult makes a result; the function of an absent side is nil.
func LowerResult[T, E any](r Result[T, E], ok func(T) Val, fail func(E) Val) Val {
	switch {
	case r.IsErr && fail != nil:
		return ErrVal(fail(r.Err))
	case r.IsErr:
		return CaseVal(1, nil)
	case ok != nil:
		return OKVal(ok(r.OK))
	}
	return CaseVal(0, nil)
}

// LiftMap reads a map; of entries with the same key, the last one counts.
func LiftMap[K comparable, T any](v Val, key func(Val) K, elem func(Val) T) map[K]T {
	m := make(map[K]T, v.Len())
	for _, e := range v.List() {
		kv := e.List()
		m[key(kv[0])] = elem(kv[1])
	}
	return m
}

// LowerMap makes a map, its entries in order of their keys.
func LowerMap[K comparable, T any](m map[K]T, key func(K) Val, elem func(T) Val) Val {
	vs := make([]Val, 0, len(m))
	for k, t := range m {
		vs = append(vs, ListVal([]Val{key(k), elem(t)}))
	}
	slices.SortFunc(vs, func(a, b Val) int {
		x, y := a.List()[0], b.List()[0]
		if x.form == formString {
			return cmp.Compare(x.Str(), y.Str())
		}
		return cmp.Compare(x.bits, y.bits)
	})
	return ListVal(vs)
}

// LowerError turns the error of a host function into its result: the error arm for a *[ResultError] of E, a host error
// for everything else. lower is nil where the arm has no payload. The call in ctx is told of a *[LimitError] below it.
func LowerError[E any](ctx Context, err error, lower func(E) Val) (Val, error) {
	var fail *ResultError[E]
	if !errors.As(err, &fail) {
		return Val{}, err
	}
	NoteLimit(ctx, err)
	if lower == nil {
		return CaseVal(1, nil), nil
	}
	return ErrVal(lower(fail.Value)), nil
}

// LiftError turns the result of a guest's function into an error: a *[ResultError] for the error arm, nil for the ok
// arm. lift is nil where the arm has no payload.
func LiftError[E any](v Val, lift func(Val) E) error {
	if v.Case() != 1 {
		return nil
	}
	var e E
	if p, ok := v.Payload(); ok && lift != nil {
		e = lift(p)
	}
	return Fail(e)
}

// LiftOK is the payload of an ok result.
func LiftOK[T any](v Val, lift func(Val) T) T {
	p, _ := v.Payload()
	return lift(p)
}

// CheckFunc compares the type of an exported function with what a generated binding wants. Resource types are compared
// by name: those of the guest are made anew for each instance.
func CheckFunc(id wit.InterfaceID, name string, want, had *FuncType) error {
	diff := DiffFunc(want, had, func(w, h *ResourceType) bool { return w.Name == h.Name })
	if diff == "" {
		return nil
	}
	if id != (wit.InterfaceID{}) {
		name = id.String() + "#" + name
	}
	return fmt.Errorf("%s: %s", name, diff)
}
