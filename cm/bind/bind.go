package bind

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/vitrine-wasm/vitrine/cm"
)

// Caller calls one exported function of an instance, as *component.Func does.
type Caller interface {
	Call(ctx context.Context, args ...cm.Val) (cm.Val, error)
}

// Starter calls an exported asynchronous function, or begins to.
type Starter interface {
	Caller
	Start(ctx context.Context, args ...cm.Val) (cm.Running, error)
}

// AsStarter makes a Starter of f, a component's function, unless err is an error.
func AsStarter[R cm.Running](f starts[R], err error) (Starter, error) {
	if err != nil {
		return nil, err
	}
	return starter[R]{f}, nil
}

type starts[R cm.Running] interface {
	Caller
	Start(ctx context.Context, args ...cm.Val) (R, error)
}

type starter[R cm.Running] struct{ starts[R] }

// Start implements Starter.
func (s starter[R]) Start(ctx context.Context, args ...cm.Val) (cm.Running, error) {
	return s.starts.Start(ctx, args...)
}

// DropObject is the Drop of generated resource types: it calls the object's own Drop if it has one.
func DropObject(ctx context.Context, r *cm.Resource) error {
	if d, ok := r.Obj.(interface{ Drop(context.Context) error }); ok {
		return d.Drop(ctx)
	}
	return nil
}

// LiftHandle is the Go object of a host-defined resource. If the resource holds an object of another kind, the host has broken
// the type's contract: it panics with the error of [cm.ObjectAs].
func LiftHandle[T any](v cm.Val) T {
	r := v.Resource()
	obj, err := cm.ObjectAs[T](r.Type, r.Obj)
	if err != nil {
		panic(err)
	}
	return obj
}

// LowerHandle makes a new resource that holds obj.
func LowerHandle(t *cm.ResourceType, obj any) cm.Val { return cm.ResourceVal(cm.NewResource(t, obj)) }

// LowerChild makes a new resource that holds obj and is a child of the resource in parent; see [cm.NewChild].
func LowerChild(parent cm.Val, t *cm.ResourceType, obj any) cm.Val {
	return cm.ResourceVal(cm.NewChild(parent.Resource(), t, obj))
}

// Consume ends the host-defined resources that the arguments of a host function own: a binding passes their objects to the
// function, which owns them from then on. If a resource has living children, the error is a *[cm.Trap], and the function must not be
// called: the resources have been dropped.
func Consume(ctx context.Context, t *cm.FuncType, args []cm.Val) error {
	parents := false
	for i, p := range t.Params {
		cm.EachOwned(p.Type, args[i], func(r *cm.Resource) {
			if r.Type.Owner == nil {
				r.End()
				parents = parents || r.CheckNoChildren("consumed") != nil
			}
		})
	}
	if !parents {
		return nil
	}
	var err error // stays nil if the children ended in the same call
	for i, p := range t.Params {
		cm.EachOwned(p.Type, args[i], func(r *cm.Resource) {
			if err == nil {
				err = r.CheckNoChildren("consumed")
			}
		})
	}
	if err == nil {
		return nil
	}
	for i, p := range t.Params {
		cm.EachOwned(p.Type, args[i], func(r *cm.Resource) {
			if r.Type.Owner == nil && r.Type.Drop != nil {
				_ = r.Type.Drop(ctx, r) // the guest is trapped already: this error would be a second one
			}
		})
	}
	return err
}

// ConsumeResult ends the host-defined resources that the result of a guest's function owns: the host has their objects.
func ConsumeResult(t *cm.FuncType, result cm.Val) { consume(t.Result, result) }

// consume ends the host-defined resources that v owns.
func consume(t *cm.Type, v cm.Val) {
	cm.EachOwned(t, v, func(r *cm.Resource) {
		if r.Type.Owner == nil {
			r.End()
		}
	})
}

// LiftList reads a list, element by element.
func LiftList[T any](v cm.Val, lift func(cm.Val) T) []T {
	vs := v.List()
	out := make([]T, len(vs))
	for i, e := range vs {
		out[i] = lift(e)
	}
	return out
}

// LowerList makes a list.
func LowerList[T any](ts []T, lower func(T) cm.Val) cm.Val {
	vs := make([]cm.Val, len(ts))
	for i, t := range ts {
		vs[i] = lower(t)
	}
	return cm.ListVal(vs)
}

// LiftOption reads an option: nil for none.
func LiftOption[T any](v cm.Val, lift func(cm.Val) T) *T {
	p, ok := v.Payload()
	if !ok {
		return nil
	}
	t := lift(p)
	return &t
}

// LowerOption makes an option: none for nil.
func LowerOption[T any](t *T, lower func(T) cm.Val) cm.Val {
	if t == nil {
		return cm.None()
	}
	return cm.Some(lower(*t))
}

// LiftMaybe reads an option of a handle: the zero T, a nil interface, for none.
func LiftMaybe[T any](v cm.Val, lift func(cm.Val) T) (t T) {
	if p, ok := v.Payload(); ok {
		t = lift(p)
	}
	return t
}

// LowerMaybe makes an option of a handle from an interface, of which nil is none.
func LowerMaybe[T any](t T, lower func(T) cm.Val) cm.Val {
	if any(t) == nil {
		return cm.None()
	}
	return cm.Some(lower(t))
}

// LowerMaybeEnd makes an option of a stream or future from its reader, of which nil is none.
func LowerMaybeEnd[T any](r *T, lower func(*T) cm.Val) cm.Val {
	if r == nil {
		return cm.None()
	}
	return cm.Some(lower(r))
}

// LiftOwned wraps lift for values of type t that come by a stream or a future, after the call: it ends the host-defined resources
// that they own, as [ConsumeResult] does.
func LiftOwned[T any](t *cm.Type, lift func(cm.Val) T) func(cm.Val) T {
	return func(v cm.Val) T {
		consume(t, v)
		return lift(v)
	}
}

// LiftResult reads a result; the function of an absent side is nil.
func LiftResult[T, E any](v cm.Val, ok func(cm.Val) T, fail func(cm.Val) E) cm.Result[T, E] {
	r := cm.Result[T, E]{IsErr: v.Case() == 1}
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
func LowerResult[T, E any](r cm.Result[T, E], ok func(T) cm.Val, fail func(E) cm.Val) cm.Val {
	switch {
	case r.IsErr && fail != nil:
		return cm.ErrVal(fail(r.Err))
	case r.IsErr:
		return cm.CaseVal(1, nil)
	case ok != nil:
		return cm.OKVal(ok(r.OK))
	}
	return cm.CaseVal(0, nil)
}

// LiftMap reads a map; of entries with the same key, the last one counts.
func LiftMap[K comparable, T any](v cm.Val, key func(cm.Val) K, elem func(cm.Val) T) map[K]T {
	m := make(map[K]T, v.Len())
	for _, e := range v.List() {
		kv := e.List()
		m[key(kv[0])] = elem(kv[1])
	}
	return m
}

// LowerMap makes a map, its entries in order of their keys.
func LowerMap[K comparable, T any](m map[K]T, key func(K) cm.Val, elem func(T) cm.Val) cm.Val {
	vs := make([]cm.Val, 0, len(m))
	for k, t := range m {
		vs = append(vs, cm.ListVal([]cm.Val{key(k), elem(t)}))
	}
	slices.SortFunc(vs, func(a, b cm.Val) int {
		x, y := a.List()[0], b.List()[0]
		if x.Holds(cm.KindString) {
			return cmp.Compare(x.Str(), y.Str())
		}
		return cmp.Compare(x.Bits(), y.Bits())
	})
	return cm.ListVal(vs)
}

// LowerError turns the error of a host function into its result: the error arm for a *[cm.ResultError] of E, a host error
// for everything else. lower is nil where the arm has no payload. The cause is noted on the call in ctx.
func LowerError[E any](ctx context.Context, err error, lower func(E) cm.Val) (cm.Val, error) {
	var fail *cm.ResultError[E]
	if !errors.As(err, &fail) {
		return cm.Val{}, err
	}
	cm.NoteCause(ctx, err)
	if lower == nil {
		return cm.CaseVal(1, nil), nil
	}
	return cm.ErrVal(lower(fail.Value)), nil
}

// LiftError turns the result of a guest's function into an error: a *[cm.ResultError] for the error arm, nil for the ok
// arm. lift is nil where the arm has no payload.
func LiftError[E any](v cm.Val, lift func(cm.Val) E) error {
	if v.Case() != 1 {
		return nil
	}
	var e E
	if p, ok := v.Payload(); ok && lift != nil {
		e = lift(p)
	}
	return cm.Fail(e)
}

// LiftOK is the payload of an ok result.
func LiftOK[T any](v cm.Val, lift func(cm.Val) T) T {
	p, _ := v.Payload()
	return lift(p)
}
