package messaging

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/messaging/bindings/messaging2"
	"github.com/vitrine-wasm/vitrine/plugin/messaging/bindings/messaging3"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Plugin serves wasmcloud:messaging 0.2.0 and 0.3.0: what components send.
type Plugin struct{ backends *backend.Set[Backend] }

var _ host.Plugin = (*Plugin)(nil)

// New makes a plugin with a backend for grants that name none. Its name in grants is that of its method Name() string, or "default" if it
// has none.
func New(b Backend) *Plugin { return &Plugin{backend.NewSet(b).StoresNothing()} }

// Add adds a backend for components whose grants name it, and returns the plugin. It must be called before the plugin is used. A
// duplicate name panics.
func (p *Plugin) Add(name string, b Backend) *Plugin {
	p.backends.Add(name, b)
	return p
}

// AddType adds a type of backend that grants configure, and returns the plugin: see [backend.Set.AddType].
func (p *Plugin) AddType(t workload.BackendType, open func(ctx context.Context, config any) (Backend, error)) *Plugin {
	p.backends.AddType(t, open)
	return p
}

// Name implements host.Plugin.
func (*Plugin) Name() string { return "messaging" }

// Backends returns the backends' names, for grants.
func (p *Plugin) Backends() []string { return p.backends.Names() }

// BackendTypes returns the types of backends that grants configure.
func (p *Plugin) BackendTypes() []workload.BackendType { return p.backends.Types() }

// Serves implements host.Plugin.
func (*Plugin) Serves() []wit.InterfaceID {
	return []wit.InterfaceID{messaging2.TypesID, messaging2.ConsumerID, messaging3.TypesID, messaging3.ConsumerID}
}

// Bind implements host.Plugin. A component can send to the subjects that its grants name, each by the grant's backend, and to no others.
func (p *Plugin) Bind(ctx context.Context, l *component.Linker, b *host.Binding) (release func(), err error) {
	routes, release, err := p.routes(ctx, b)
	if err != nil {
		return nil, err
	}
	c := &client{routes: routes, component: b.Component.Name, lines: b.Lines}
	messaging2.AddTypes(l)
	messaging2.AddConsumer(l, client2{c})
	messaging3.AddTypes(l)
	messaging3.AddConsumer(l, client3{c})
	return release, nil
}

// Route is a part of a component's grants.
type Route struct {
	Pattern string
	Backend Backend
	Bus     Bus
	// Watch is to be told how calls of the backend have ended.
	Watch *backend.Watch
}

// routes are those of a component, the narrowest first.
func (p *Plugin) routes(ctx context.Context, b *host.Binding) (routes []Route, release func(), err error) {
	grants := b.Component.Grants.Messaging
	if len(grants) == 0 {
		return nil, func() {}, nil
	}
	shared := make(map[string]workload.StoreGrant, len(grants))
	for pattern, g := range grants {
		if err := CheckPattern(pattern); err != nil {
			return nil, nil, fmt.Errorf("grants.messaging.%q: %w", pattern, err)
		}
		g.Scope = "workload"
		shared[pattern] = g
	}
	bound, release, err := p.backends.Bind(ctx, b, "messaging", shared)
	if err != nil {
		return nil, nil, err
	}
	for _, pattern := range slices.SortedFunc(maps.Keys(bound), func(a, b string) int {
		switch {
		case narrower(a, b):
			return -1
		case narrower(b, a):
			return 1
		}
		return strings.Compare(a, b)
	}) {
		r := bound[pattern]
		routes = append(routes, Route{pattern, r.Backend, r.Backend.Bus(r.Owner), r.Watch})
	}
	return routes, release, nil
}

// find is the narrowest route that covers a subject, or a pattern.
func find(routes []Route, subject string) (Route, bool) {
	i := slices.IndexFunc(routes, func(r Route) bool { return Covers(r.Pattern, subject) })
	if i < 0 {
		return Route{}, false
	}
	return routes[i], true
}

// Connect is the route by which a component of a workload receives the messages of a subject, which may have wildcards: that of the narrowest
// grant that covers it. release must be called once, when it is no longer used.
func (p *Plugin) Connect(ctx context.Context, w *workload.Spec, component, subject string) (r Route, release func(), err error) {
	if err := p.Granted(w, component, subject); err != nil {
		return Route{}, nil, err
	}
	routes, release, err := p.routes(ctx, &host.Binding{Workload: w, Component: w.Component(component)})
	if err != nil {
		return Route{}, nil, err
	}
	r, _ = find(routes, subject)
	return r, release, nil
}

// Granted finds what keeps a component from receiving the messages of a subject, and opens nothing.
func (p *Plugin) Granted(w *workload.Spec, component, subject string) error {
	if err := CheckPattern(subject); err != nil {
		return err
	}
	c := w.Component(component)
	if c == nil {
		return fmt.Errorf("there is no component %s", component)
	}
	for pattern := range c.Grants.Messaging {
		if CheckPattern(pattern) == nil && Covers(pattern, subject) {
			return nil
		}
	}
	return fmt.Errorf("%q is not granted; to allow it, add grants: {messaging: {%q: {}}} to component %s, with its broker", subject, subject, component)
}
