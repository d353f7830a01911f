package component

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wit"
)

// Option configures an Engine.
type Option func(*options)

type options struct{ cacheDir string }

// WithCacheDir keeps compiled code in dir between processes.
func WithCacheDir(dir string) Option { return func(o *options) { o.cacheDir = dir } }

// Engine compiles components and shares compiled code. Safe for concurrent use.
type Engine struct{}

// NewEngine makes an engine.
func NewEngine(ctx context.Context, opts ...Option) (*Engine, error) { panic("unwritten") }

// Close releases the engine; close every Instance first.
func (e *Engine) Close(ctx context.Context) error { panic("unwritten") }

// Component is a decoded and validated component. Immutable; safe for concurrent use.
type Component struct{}

// Load decodes and validates a component. name is its path in boundaries and messages ("cart"). The bytes are kept; do
// not change them. Operations "decode" and "validate" go to the interceptor in ctx's linker only when loaded through
// [Linker.Load].
func (e *Engine) Load(ctx context.Context, name string, wasm []byte) (*Component, error) {
	panic("unwritten")
}

// Part is one component of a composition made at run time.
type Part struct {
	Name      string            // its path in boundaries
	Component *Component        // what runs
	Links     map[string]string // import name (version may be left out) → Name of the part that serves it
}

// Compose links parts to one component, as if they had been composed statically: the first part's exports are the
// whole's exports; imports that no link serves are the whole's imports. A link to an unknown part, a cycle, or an
// import that the linked part does not export is an error.
func (e *Engine) Compose(ctx context.Context, name string, parts []Part) (*Component, error) {
	panic("unwritten")
}

// Linker gives components what they import.
type Linker struct{}

// NewLinker makes an empty linker; i may be nil.
func (e *Engine) NewLinker(i cm.Interceptor) *Linker { panic("unwritten") }

// Interceptor is the one that the linker was made with; nil if none.
func (l *Linker) Interceptor() cm.Interceptor { panic("unwritten") }

// Instance begins or continues the definition of an interface. The zero ID is the root of the world.
func (l *Linker) Instance(id wit.InterfaceID) *HostInstance { panic("unwritten") }

// HostInstance is one interface that the host serves. Defining a name twice is an error at Link.
type HostInstance struct{}

// Func defines a function.
func (h *HostInstance) Func(name string, t *cm.FuncType, f cm.HostFunc) { panic("unwritten") }

// GoFunc defines a function from a Go function: parameters and result are Go values as [Func.Invoke] has them, with an
// optional leading context.Context and an optional trailing error. The component's own type decides; a mismatch is found
// at Link.
func (h *HostInstance) GoFunc(name string, f any) { panic("unwritten") }

// Resource defines a resource type.
func (h *HostInstance) Resource(name string, t *cm.ResourceType) { panic("unwritten") }

// Link plans and compiles a component, checks each import against what is defined (name, version, type), and binds the
// interceptor to each boundary. All missing and ill-typed imports are in the one error.
func (l *Linker) Link(ctx context.Context, c *Component) (*Linked, error) { panic("unwritten") }

// Linked is a component with everything decided but its state: instantiating it is all that is left. Immutable; safe
// for concurrent use.
type Linked struct{}

// Boundaries are the component's edges, in order of their ID.
func (l *Linked) Boundaries() []*cm.Boundary { panic("unwritten") }

// Exports lists the exported interfaces whose functions can be called; the zero ID stands for root functions.
func (l *Linked) Exports() []wit.InterfaceID { panic("unwritten") }

// FindExport finds the exported interface that serves id, by version rules.
func (l *Linked) FindExport(id wit.InterfaceID) (wit.InterfaceID, bool) { panic("unwritten") }

// StoreOption configures the store of an Instance.
type StoreOption func(*storeOptions)

type storeOptions struct {
	memory uint64
	tables uint32
	info   cm.InstanceInfo
}

// WithMemory bounds all memories of the store together, in bytes.
func WithMemory(bytes uint64) StoreOption { return func(o *storeOptions) { o.memory = bytes } }

// WithTables bounds the elements of each table.
func WithTables(n uint32) StoreOption { return func(o *storeOptions) { o.tables = n } }

// WithInfo sets what calls say of their instance.
func WithInfo(i cm.InstanceInfo) StoreOption { return func(o *storeOptions) { o.info = i } }

// StoreValue finds the value that key has in the store behind ctx (the store that the host function was called from),
// making it with mk the first time: the state of a capability that belongs to one store. A value that is an io.Closer is
// closed with the store. Outside a store it is made anew at each call.
func StoreValue(ctx context.Context, key any, mk func() any) any { panic("unwritten") }

// Instantiate makes a store and an instance in it. ctx bounds initialisation and is seen by host functions called in it.
// When ctx ends, guest code is interrupted: trap code deadline or cancelled, by the context's cause.
func (l *Linked) Instantiate(ctx context.Context, opts ...StoreOption) (*Instance, error) {
	panic("unwritten")
}

// Instance is a running component and the store that it lives in. Not safe for concurrent use.
type Instance struct{}

// Linked is what it was made from.
func (i *Instance) Linked() *Linked { panic("unwritten") }

// Func finds an exported function. id is matched by version rules; the zero ID is the root.
func (i *Instance) Func(id wit.InterfaceID, name string) (*Func, error) { panic("unwritten") }

// Call calls an exported function by its full name, "ns:pkg/iface@1.0.0#func" or "func" at the root, with Go values; see
// [Func.Invoke].
func (i *Instance) Call(ctx context.Context, name string, args ...any) (any, error) {
	panic("unwritten")
}

// Fuel is the guest work done so far, and MemoryPeak the largest size of its memories in bytes.
func (i *Instance) Fuel() uint64 { panic("unwritten") }

// MemoryPeak is the largest size of the store's memories so far, in bytes.
func (i *Instance) MemoryPeak() uint64 { panic("unwritten") }

// Close drops what the store still holds (host resources are dropped, guest destructors are not run) and releases its
// memory. Calls after it fail.
func (i *Instance) Close(ctx context.Context) error { panic("unwritten") }

// Func is an exported function of an Instance.
type Func struct{}

// Type is its type, with the resource types of its instance.
func (f *Func) Type() *cm.FuncType { panic("unwritten") }

// Call calls it. When ctx ends, guest code is interrupted. After a trap the instance is dead: every later call traps
// with code instance-trapped-before. The zero Val is returned for a function without result.
func (f *Func) Call(ctx context.Context, args ...cm.Val) (cm.Val, error) { panic("unwritten") }

// Invoke is Call with Go values: bool, sized integers and floats, rune for char, string, []T and []byte for lists,
// structs for records (field names matched in kebab or camel case) and tuples (or []any), *T for options, [cm.Variant]
// for variants, string for enums, []string for flags, *cm.Resource for resources. An ok result gives its payload, an
// error result a Go error that holds a *cm.ResultError[any].
func (f *Func) Invoke(ctx context.Context, args ...any) (any, error) { panic("unwritten") }
