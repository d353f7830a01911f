package component

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/instance"
	"github.com/vitrine-wasm/vitrine/internal/cm/plan"
	"github.com/vitrine-wasm/vitrine/wit"
)

// Linked is a component that is compiled and linked, and can be instantiated any number of times. Immutable; safe
// for concurrent use.
type Linked struct {
	engine      *Engine
	name        string
	linked      *instance.Linked
	interceptor cm.Interceptor
	fits        map[*plan.ExportFunc]*atomic.Pointer[cm.FuncType] // the type that TypedFunc last found to fit
	aliases     versionAliases
	resets      *resetOperations
}

func (l *Linker) link(ctx context.Context, c *Component, p *plan.Program) (*Linked, error) {
	host, err := l.resolve(c, p)
	if err != nil {
		return nil, err
	}
	var linked *instance.Linked
	var unlinked error
	var aside sync.WaitGroup
	aside.Go(func() { linked, unlinked = instance.Link(ctx, l.engine.core, p, host, l.interceptor) })
	op := &cm.Operation{Name: "compile", Component: cm.Path(c.name)}
	cctx, end := cm.Begin(ctx, l.interceptor, op)
	modules, sum, err := instance.Compile(cctx, l.engine.core, p)
	op.Set("modules", int64(sum.Modules))
	op.Set("cached", int64(sum.Cached))
	op.Set("cache.hit", sum.Cached == sum.Modules)
	op.Set("size", int64(sum.Bytes))
	end(err)
	aside.Wait()
	if err != nil {
		if unlinked == nil {
			_ = linked.Close(ctx) // it has not been used
		}
		return nil, c.refusal(ctx, p, err)
	}
	if unlinked != nil {
		return nil, fmt.Errorf("%s: %w", c.name, unlinked)
	}
	linked.Complete(modules)
	fits := map[*plan.ExportFunc]*atomic.Pointer[cm.FuncType]{}
	for i := range p.Exports {
		for k := range p.Exports[i].Funcs {
			fits[&p.Exports[i].Funcs[k]] = &atomic.Pointer[cm.FuncType]{}
		}
	}
	return &Linked{l.engine, c.name, linked, l.interceptor, fits, maps.Clone(l.aliases), resetsOf(c.name)}, nil
}

// Close releases what linking made; close every Instance first. An Engine that is closed does it too.
func (l *Linked) Close(ctx context.Context) error { return l.linked.Close(ctx) }

// Interceptor is that of the linker that linked it; nil if it had none.
func (l *Linked) Interceptor() cm.Interceptor { return l.interceptor }

// Name is the name of the component that was linked.
func (l *Linked) Name() string { return l.name }

// Boundaries are the component's edges, in order of their ID.
func (l *Linked) Boundaries() []*cm.Boundary { return l.linked.Program.Boundaries }

// Exports lists the exported interfaces whose functions can be called; the zero ID stands for root functions.
func (l *Linked) Exports() []wit.InterfaceID {
	var out []wit.InterfaceID
	for _, x := range l.linked.Program.Exports {
		if len(x.Funcs) > 0 {
			out = append(out, x.ID)
		}
	}
	return out
}

// Concurrent says whether several calls from the host may be inside an instance at once: whether it exports a function whose type is async,
// lifted by the asynchronous ABI. Calls of other functions come one after the other.
func (l *Linked) Concurrent() bool {
	for i := range l.linked.Program.Exports {
		if l.concurrent(&l.linked.Program.Exports[i]) {
			return true
		}
	}
	return false
}

func (l *Linked) concurrent(x *plan.Export) bool {
	for k := range x.Funcs {
		f := &x.Funcs[k]
		if f.Type.Async && f.Lift >= 0 && l.linked.Program.Lifts[f.Lift].Async {
			return true
		}
	}
	for k := range x.Instances {
		if l.concurrent(&x.Instances[k]) {
			return true
		}
	}
	return false
}

// FindExport finds the exported interface that serves id, by version rules.
func (l *Linked) FindExport(id wit.InterfaceID) (wit.InterfaceID, bool) {
	if x := l.export(id); x != nil {
		return x.ID, true
	}
	return wit.InterfaceID{}, false
}

func (l *Linked) export(id wit.InterfaceID) *plan.Export {
	var compatible *plan.Export
	for i := range l.linked.Program.Exports {
		x := &l.linked.Program.Exports[i]
		if x.ID == id {
			return x
		}
		has, _ := l.aliases.resolve(x.ID)
		if x.ID.Unversioned() == id.Unversioned() && (wit.Compatible(id.Version, x.ID.Version) || wit.Compatible(id.Version, has.Version)) {
			compatible = x
		}
	}
	return compatible
}

// StoreOption configures the store of an Instance.
type StoreOption func(*storeOptions)

// storeOptions are the values that StoreOptions set.
type storeOptions struct{ store instance.Options }

// optionsOf applies opts.
func optionsOf(opts []StoreOption) (set storeOptions) {
	for _, o := range opts {
		o(&set)
	}
	return set
}

// WithMemory bounds all memories of the store together, in bytes; 0 leaves them unbounded.
func WithMemory(bytes uint64) StoreOption {
	return func(o *storeOptions) { o.store.Limits.Memory = bytes }
}

// WithStack bounds the stack of each thread of control in the store, in bytes: of nested calls, through
// the host too. It is at most 1 GiB; 0 is a default of 128 MiB.
func WithStack(bytes uint64) StoreOption {
	return func(o *storeOptions) { o.store.Limits.Stack = bytes }
}

// WithStackHeld keeps in bytes the sum of the stacks beyond 2 MiB each of all threads of control, in all stores that have the option, in
// steps of 1 MiB. A bound of [WithHostMemory] counts them, too.
func WithStackHeld(bytes *atomic.Int64) StoreOption {
	return func(o *storeOptions) { o.store.Limits.StackHeld = bytes }
}

// WithTables bounds the elements of all tables of the store together; 0 is a default of 10 million.
func WithTables(n uint32) StoreOption { return func(o *storeOptions) { o.store.Limits.Tables = n } }

// WithFuel bounds the guest work of the store from when it is made or reset, in the units of [Instance.Fuel]; 0 leaves it
// unbounded.
func WithFuel(n uint64) StoreOption { return func(o *storeOptions) { o.store.Limits.Fuel = n } }

// WithHandles bounds the resources that each component instance holds at a time; 0 is the specification's bound.
func WithHandles(n int) StoreOption { return func(o *storeOptions) { o.store.Handles = n } }

// WithCallDepth bounds the nested calls into component instances: from component to component, and
// from a host function that a guest has called back into a guest, of this store or another. 0 is a default of 100.
func WithCallDepth(n int) StoreOption { return func(o *storeOptions) { o.store.Depth = n } }

// WithCancelGrace is how long a call of an async function may take to end once it has been cancelled because its context has
// ended; then its instance is ended. 0 is a default of 1 s.
func WithCancelGrace(d time.Duration) StoreOption {
	return func(o *storeOptions) { o.store.Grace = d }
}

// WithHostMemory bounds what the host holds for the store's guests, in bytes: resources, their buffers, the values of calls under
// way, and stack beyond 2 MiB; see [cm.Account]. 0 is the bound of WithMemory, and leaves stacks to WithStack. Where memory is unbounded,
// too, only the values of each call have a bound.
func WithHostMemory(bytes uint64) StoreOption {
	return func(o *storeOptions) { o.store.HostMemory = bytes }
}

// WithInfo sets the InstanceInfo of calls.
func WithInfo(i cm.InstanceInfo) StoreOption { return func(o *storeOptions) { o.store.Info = i } }

// StoreValue finds the value that key has in the store behind ctx (the store that the host function was called from),
// making it with mk the first time: the state of a capability that belongs to one store. A value that is an io.Closer is
// closed when the store is closed, or released to be reset. Outside a store it is made anew
// at each call. Safe for concurrent use, also by work that goes on outside the store. mk must have no other effect, because it may be called
// several times at once, and one value is kept.
func StoreValue(ctx context.Context, key any, mk func() any) any {
	if s, _ := instance.FromContext(ctx); s != nil {
		return s.Value(key, mk)
	}
	return mk()
}

// TaskValue is [StoreValue] for the state of one invocation, rather than of the store: the bytes that it may still write, or the work that
// it has begun outside. It is the value of the [Instance.Use] whose call the host function was called
// in, and is closed at its end; of a call without a Use it is the instance's own, and closed with the store's. If mk is
// nil, no value is made, and the result may be nil.
func TaskValue(ctx context.Context, key any, mk func() any) any {
	if _, i := instance.FromContext(ctx); i != nil {
		return i.Value(key, mk)
	}
	if mk == nil {
		return nil
	}
	return mk()
}

// NoteStderr notes what the guest behind ctx has written to standard error, for a plugin that serves it: if the call traps, the panic
// message in what the invocation has written last is the trap's detail. It keeps none of p. Safe for concurrent use.
func NoteStderr(ctx context.Context, p []byte) { instance.NoteStderr(ctx, p) }

// ByAdapter says, to the host function descriptor.open-at, whether the adapter of WASI preview 1 calls it, which cannot
// ask for rights that preview 1 does not have.
func ByAdapter(ctx context.Context) bool { return instance.ByAdapter(ctx) }

// Instantiate makes a store and an instance in it. ctx bounds initialisation and is seen by host functions called in it.
// When ctx ends, guest code is interrupted: trap code deadline or cancelled, or the trap that is the context's cause.
func (l *Linked) Instantiate(ctx context.Context, opts ...StoreOption) (*Instance, error) {
	o := optionsOf(opts).store
	op := &cm.Operation{Name: "instantiate", Component: cm.Path(l.name)}
	ctx, end := cm.Begin(ctx, l.interceptor, op)
	s, err := l.linked.NewStore(ctx, o)
	if err == nil && (Isolation(o.Reset.Isolation) != NoReset || o.Reset.Refused != "") {
		if why := (*ResetError)(nil); errors.As(resetError(s.Resettable()), &why) {
			op.Set("not_resettable", why.Reason)
		}
	}
	end(err)
	if err != nil {
		return nil, err
	}
	return &Instance{linked: l, store: s, invocation: s.Own()}, nil
}
