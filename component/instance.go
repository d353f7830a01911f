package component

import (
	"context"
	"fmt"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/instance"
	"github.com/vitrine-wasm/vitrine/internal/cm/plan"
	"github.com/vitrine-wasm/vitrine/wit"
)

// Instance is a running component and its store. Safe for concurrent use: calls of asynchronous functions interleave in it, others
// run one after the other.
type Instance struct {
	linked     *Linked
	store      *instance.Store
	invocation *instance.Invocation
}

// Use is one invocation's use of an instance. It is for one [Instance.Use], and must not be copied.
type Use struct {
	Info cm.InstanceInfo // what its calls say of their instance
	Fuel uint64          // bounds the guest work of each of its calls, in the units of [Instance.Fuel]; 0: as the store is bounded

	inst       Instance
	invocation instance.Invocation
}

// Use returns the instance for one invocation, which has u and [TaskValue]s of its own, also while others are in the instance, parked
// in host functions. The caller has to call End.
func (i *Instance) Use(u *Use) *Instance {
	u.invocation.Begin(i.store, &u.Info, u.Fuel)
	u.inst = Instance{linked: i.linked, store: i.store, invocation: &u.invocation}
	return &u.inst
}

// End closes the values of an invocation ([TaskValue]), of an Instance that [Instance.Use] gave. What it has left in the
// store stays there until the store is released or closed, which also calls End.
func (i *Instance) End() error { return i.invocation.End() }

// Linked is the linked component that it is an instance of.
func (i *Instance) Linked() *Linked { return i.linked }

// Func finds an exported function. id is matched by version rules; the zero ID is the root.
func (i *Instance) Func(id wit.InterfaceID, name string) (*Func, error) {
	x := i.linked.export(id)
	if x == nil {
		return nil, fmt.Errorf("component %s: no export %s; it exports %s", i.linked.name, id, i.exported())
	}
	for k := range x.Funcs {
		if x.Funcs[k].Name == name {
			return &Func{i, &x.Funcs[k]}, nil
		}
	}
	names := make([]string, len(x.Funcs))
	for k := range x.Funcs {
		names[k] = x.Funcs[k].Name
	}
	where := "export " + id.String()
	if id == (wit.InterfaceID{}) {
		where = "the root"
	}
	return nil, fmt.Errorf("component %s: %s has no function %q; it has %s", i.linked.name, where, name, strings.Join(names, ", "))
}

// TypedFunc is Func for a function whose type is known: an error says how the component's type differs from want. Resource types
// are compared by name, because a guest's are made anew for each instance. The comparison is made once as long as callers pass the
// same want, which must not change. Generated bindings call it.
func (i *Instance) TypedFunc(id wit.InterfaceID, name string, want *cm.FuncType) (*Func, error) {
	f, err := i.Func(id, name)
	if err != nil {
		return nil, err
	}
	fits := i.linked.fits[f.def]
	if fits.Load() == want {
		return f, nil
	}
	if err := checkType(id, name, want, f.Type()); err != nil {
		return nil, err
	}
	fits.Store(want)
	return f, nil
}

func checkType(id wit.InterfaceID, name string, want, had *cm.FuncType) error {
	diff := cm.DiffFunc(want, had, func(w, h *cm.ResourceType) bool { return w.Name == h.Name })
	if diff == "" {
		return nil
	}
	if id != (wit.InterfaceID{}) {
		name = id.String() + "#" + name
	}
	return fmt.Errorf("%s: %s", name, diff)
}

func (i *Instance) exported() string {
	var names []string
	for _, x := range i.linked.linked.Program.Exports {
		if x.Name != "" {
			names = append(names, x.Name)
		}
		if x.Name == "" {
			for _, f := range x.Funcs {
				names = append(names, f.Name)
			}
		}
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

// Call calls an exported function by its full name, "ns:pkg/iface@1.0.0#func" or "func" at the root, with Go values; see
// [Func.Invoke].
func (i *Instance) Call(ctx context.Context, name string, args ...any) (any, error) {
	var id wit.InterfaceID
	if iface, fn, ok := strings.Cut(name, "#"); ok {
		var err error
		if id, err = wit.ParseID(iface); err != nil {
			return nil, err
		}
		name = fn
	}
	f, err := i.Func(id, name)
	if err != nil {
		return nil, err
	}
	return f.Invoke(ctx, args...)
}

// Fuel is the guest work done so far: loop iterations and function entries, to the check interval.
func (i *Instance) Fuel() uint64 { return i.store.Fuel() }

// MemoryPeak is the largest size of the store's memories so far, in bytes.
func (i *Instance) MemoryPeak() uint64 { return i.store.MemoryPeak() }

// Close drops the host resources that the store still holds, without running guest destructors, and releases its
// memory. Calls after it fail. No call may be under way.
func (i *Instance) Close(ctx context.Context) error { return i.store.Close(ctx) }

// Func is an exported function of an Instance.
type Func struct {
	inst *Instance
	def  *plan.ExportFunc
}

// Type is its type.
func (f *Func) Type() *cm.FuncType { return f.def.Type }

// Call calls it, and returns when the call has ended: of a function whose type is async, that is after its result ([Func.Start] returns
// in between). When ctx ends, a function whose type is async is cancelled, and interrupted if it does not end soon; any
// other one is interrupted at once. After a trap the instance is dead: every later call traps with code
// instance-trapped-before. The zero Val is returned for a function without result.
func (f *Func) Call(ctx context.Context, args ...cm.Val) (cm.Val, error) {
	return f.inst.invocation.Call(ctx, f.def, args)
}

// Start begins a call. Between its result and its end the guest may go on writing streams and futures that it has returned, which the
// host has to read: so a function that returns such values is called with Start. ctx bounds the whole call, as in
// [Func.Call]. An error is that of a call that could not be made.
func (f *Func) Start(ctx context.Context, args ...cm.Val) (*Running, error) {
	r, err := f.inst.invocation.Start(ctx, f.def, args)
	if err != nil {
		return nil, err
	}
	return &Running{r}, nil
}

// Running is a call that has begun. Safe for concurrent use.
type Running struct{ r *instance.Running }

// Result waits for the call's result. The error is the trap that has ended the call before it gave one, that of its
// cancellation, or the cause of ctx, which leaves the call as it is.
func (r *Running) Result(ctx context.Context) (cm.Val, error) { return r.r.Result(ctx) }

// OnResult has f called once, when Result does not have to wait any more: at once where that is so already, else on a goroutine that is in the
// instance, so that f must not block, nor call it. It is to be called once.
func (r *Running) OnResult(f func()) { r.r.OnResult(f) }

// Wait waits for the end of the call, which comes after its result, or until nothing in the instance can go on any more
// without another call. The error is the trap that has ended it, that of its cancellation, or the cause of ctx, which leaves
// the call as it is.
func (r *Running) Wait(ctx context.Context) error { return r.r.Wait(ctx) }

// Cancel asks the guest to end the call without a result, by the specification's cancellation. The guest may ignore that. A call that
// has given its result is not affected.
func (r *Running) Cancel() { r.r.Cancel() }

// Expect says that the instance may be called from outside at any time: until the function that it returns is called, calls in it that
// have nothing to wait for but another call are no deadlock.
func (i *Instance) Expect() (stop func()) { return i.store.Expect() }

// Drop drops a resource that the host owns: one that a guest's function returned or that the host made. The destructor runs, in the
// guest if the guest defines the type. A resource that was passed to a guest is the guest's to drop; it is an error here.
func (i *Instance) Drop(ctx context.Context, r *cm.Resource) error { return i.invocation.Drop(ctx, r) }
