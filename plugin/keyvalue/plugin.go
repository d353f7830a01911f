package keyvalue

import (
	"context"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/bindings"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/bindings/draft2"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/bindings/spin2"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/bindings/spin3"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/bindings/wasmcloud"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Plugin serves wasi:keyvalue 0.2.0-draft and 0.2.0-draft2, key-value of fermyon:spin 2.0.0,
// spin:key-value 3.0.0 and wasmcloud:keyvalue 0.2.0, all over the same buckets.
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
	return []wit.InterfaceID{
		bindings.StoreID, bindings.AtomicsID, bindings.BatchID,
		draft2.StoreID, draft2.AtomicsID, draft2.BatchID,
		spin2.KeyValueID, spin3.KeyValueID,
		wasmcloud.TypesID, wasmcloud.StoreID, wasmcloud.AtomicsID, wasmcloud.CasID, wasmcloud.BatchID,
	}
}

// Bind implements host.Plugin. A component can open the buckets that its grants name, each in the grant's backend, and no others.
// The last release of an owner has the backends drop its data, unless the grants keep it.
func (p *Plugin) Bind(ctx context.Context, l *component.Linker, b *host.Binding) (release func(), err error) {
	routes, release, err := p.backends.Bind(ctx, b, "keyvalue", b.Component.Grants.Keyvalue)
	if err != nil {
		return nil, err
	}
	s := stores{routes, func(ctx context.Context, name string) { backend.Denied(ctx, b, "keyvalue", "a bucket", name) }}
	bindings.AddStore(l, draft{s})
	bindings.AddAtomics(l, draft{s})
	bindings.AddBatch(l, draft{s})
	draft2.AddStore(l, secondDraft{s})
	draft2.AddAtomics(l, secondDraft{s})
	draft2.AddBatch(l, secondDraft{s})
	spin2.AddKeyValue(l, spin{s})
	spin3.AddKeyValue(l, asyncSpin{s})
	wasmcloud.AddTypes(l)
	wasmcloud.AddStore(l, wasmCloud{s})
	wasmcloud.AddAtomics(l, wasmCloud{s})
	wasmcloud.AddCas(l, wasmCloud{s})
	wasmcloud.AddBatch(l, wasmCloud{s})
	return release, nil
}
