package host

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/workload"
)

// group gives what a target calls, together with everything that it is linked to, as one component. Each member's imports are
// served by a linker of its own, that of the target's root by linker: what one is granted, the others are not.
func (m *making) group(ctx context.Context, t *target, linker *component.Linker) (*component.Component, error) {
	chain, err := t.links(m.w)
	if err != nil {
		return nil, err
	}
	members := reachable(m.w, chain)
	linkers := map[string]*component.Linker{}
	for _, l := range members {
		c := l.component
		if linkers[c.Name] != nil {
			continue // a chain may have it twice
		}
		own := linker
		if c != t.root {
			own = m.h.cfg.Engine.NewLinker(nil)
		}
		linkers[c.Name] = own
		if err := m.member(ctx, c, linker, own); err != nil {
			return nil, err
		}
	}
	if len(members) == 1 {
		return m.loaded[t.root.Name], nil
	}
	var handler string // by which the links of the chain call
	if len(chain) > 1 {
		h, err := t.handler(chain, m.loaded, m.h.handlers(t.spec.Type))
		if err != nil {
			return nil, err
		}
		handler = h.String()
	}
	parts := make([]component.Part, len(members))
	for i, l := range members {
		name := l.component.Name
		links := l.component.Links
		if i+1 < len(chain) {
			links = maps.Clone(links)
			if links == nil {
				links = map[string]string{}
			}
			links[handler] = chain[i+1].part
		}
		parts[i] = component.Part{Name: l.part, Component: m.loaded[name], Links: links, Linker: linkers[name]}
	}
	return m.h.cfg.Engine.Compose(ctx, t.root.Name, parts)
}

// member loads a component, seen by linker's interceptor, and has plugins define in own what it imports.
func (m *making) member(ctx context.Context, c *workload.Component, linker, own *component.Linker) error {
	if m.loaded[c.Name] == nil {
		loaded, err := m.load(ctx, c, linker)
		if err != nil {
			return err
		}
		m.loaded[c.Name] = loaded
	}
	return m.bind(ctx, linker.Interceptor(), own, c)
}

// bind lets every plugin define what it serves to one component.
func (m *making) bind(ctx context.Context, i cm.Interceptor, l *component.Linker, c *workload.Component) error {
	part := m.part(c)
	b := &Binding{Workload: m.w, Component: c, Internal: m.internal, Connected: connected(part.interceptor(), c.Name), Lines: part.lines, Telemetry: part.telemetry}
	b.uses = func(s workload.BackendStatus, h *Health) { m.uses(part, s, h) }
	for _, p := range m.h.cfg.Plugins {
		op := &cm.Operation{Name: "plugin bind", Component: cm.Path(c.Name)}
		op.Set("plugin", p.Name())
		bctx, end := cm.Begin(ctx, i, op)
		release, err := p.Bind(bctx, l, b)
		m.onRelease(release)
		end(err)
		if err != nil {
			return fmt.Errorf("component %s: plugin %s: %w", c.Name, p.Name(), err)
		}
	}
	return nil
}

// reachable are the links of a chain and the components that links lead to from there. Who is linked to a component of the chain calls
// it in its first place there.
func reachable(w *workload.Spec, chain []link) []link {
	members := slices.Clone(chain)
	has := func(c *workload.Component) bool {
		return slices.ContainsFunc(members, func(l link) bool { return l.component == c })
	}
	for i := 0; i < len(members); i++ {
		links := members[i].component.Links
		for _, imp := range slices.Sorted(maps.Keys(links)) {
			if c := w.Component(links[imp]); c != nil && !has(c) {
				members = append(members, link{c.Name, c})
			}
		}
	}
	return members
}
