package keyvalue

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/bindings"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Plugin serves wasi:keyvalue 0.2.0-draft.
type Plugin struct{ backends *backend.Set[Backend] }

var _ host.Plugin = (*Plugin)(nil)

// New makes a plugin with a backend for components whose grants name none. Its name in grants is that of its method Name() string,
// or "default" if it has none.
func New(b Backend) *Plugin { return &Plugin{backend.NewSet(b)} }

// Add adds a backend for components whose grants name it, and returns the plugin. It must be called before the plugin is used. A
// duplicate name panics.
func (p *Plugin) Add(name string, b Backend) *Plugin {
	p.backends.Add(name, b)
	return p
}

// Name implements host.Plugin.
func (*Plugin) Name() string { return "keyvalue" }

// AddType adds a type of backend that grants configure, and returns the plugin: see [backend.Set.AddType].
func (p *Plugin) AddType(t workload.BackendType, open func(ctx context.Context, config any) (Backend, error)) *Plugin {
	p.backends.AddType(t, open)
	return p
}

// Backends returns the backends' names, for grants.
func (p *Plugin) Backends() []string { return p.backends.Names() }

// BackendTypes returns the types of backends that grants configure.
func (p *Plugin) BackendTypes() []workload.BackendType { return p.backends.Types() }

// Serves implements host.Plugin.
func (*Plugin) Serves() []wit.InterfaceID {
	return []wit.InterfaceID{bindings.StoreID, bindings.AtomicsID, bindings.BatchID}
}

// Bind implements host.Plugin. A component can open the buckets that its grants name, each in the grant's backend, and no others.
// The last release of an owner has the backends drop its data, unless the grants keep it.
func (p *Plugin) Bind(ctx context.Context, l *component.Linker, b *host.Binding) (release func(), err error) {
	routes, release, err := p.backends.Bind(ctx, b, "keyvalue", b.Component.Grants.Keyvalue)
	if err != nil {
		return nil, err
	}
	s := stores{routes}
	bindings.AddStore(l, s)
	bindings.AddAtomics(l, s)
	bindings.AddBatch(l, s)
	return release, nil
}

// guestErrors are the errors that guests get, by a case of the interface's error or by their text.
var guestErrors = []error{ErrNoSuchStore, ErrAccessDenied, ErrFull, ErrNotNumber, ErrOverflow, ErrCursor, errNotAtomic}

// fail turns a backend's error into a WIT error.
func fail(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	text, cause, ok := backend.Failure(ctx, err, guestErrors...)
	switch {
	case !ok:
		return cause
	case text == ErrNoSuchStore.Error():
		return cm.FailFor(bindings.ErrorNoSuchStore(), cause)
	case text == ErrAccessDenied.Error():
		return cm.FailFor(bindings.ErrorAccessDenied(), cause)
	}
	return cm.FailFor(bindings.ErrorOther(text), cause)
}

// stores implements the free functions of the interfaces for one component.
type stores struct {
	routes map[string]backend.Route[Backend]
}

// Open implements bindings.Store. Guests may leave out the name of the bucket "default".
func (s stores) Open(ctx context.Context, name string) (bindings.Bucket, error) {
	if name == "" {
		name = backend.Default
	}
	r, granted := s.routes[name]
	if !granted {
		return nil, cm.Fail(bindings.ErrorNoSuchStore())
	}
	b, err := r.Backend.Open(ctx, r.Owner, name)
	if err != nil {
		return nil, fail(ctx, err)
	}
	return &bucket{Bucket: b, system: r.Name, name: name}, nil
}

// bucketOf returns the bucket of a resource.
func bucketOf(b bindings.Bucket) (*bucket, error) {
	return cm.ObjectAs[*bucket](bindings.BucketType, b)
}
