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

// group composes root with everything that it is linked to. Each member's imports are served by a linker of its own, because each has
// grants of its own.
func (m *making) group(ctx context.Context, root *workload.Component, linker *component.Linker) (*component.Component, error) {
	members := reachable(m.w, root)
	var parts []component.Part
	for _, c := range members {
		if m.loaded[c.Name] == nil {
			loaded, err := m.h.load(ctx, c, linker)
			if err != nil {
				return nil, err
			}
			m.loaded[c.Name] = loaded
		}
		own := linker
		if c != root {
			own = m.h.cfg.Engine.NewLinker(nil)
		}
		if err := m.bind(ctx, linker.Interceptor(), own, c); err != nil {
			return nil, err
		}
		parts = append(parts, component.Part{Name: c.Name, Component: m.loaded[c.Name], Links: c.Links, Linker: own})
	}
	if len(members) == 1 {
		return m.loaded[root.Name], nil
	}
	return m.h.cfg.Engine.Compose(ctx, root.Name, parts)
}

// bind lets every plugin define what it serves to one component.
func (m *making) bind(ctx context.Context, i cm.Interceptor, l *component.Linker, c *workload.Component) error {
	part := m.part(c)
	b := &Binding{Workload: m.w, Component: c, Lines: part.lines, Telemetry: part.telemetry}
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

// reachable are root and the components that its links lead to, root first.
func reachable(w *workload.Spec, root *workload.Component) []*workload.Component {
	members := []*workload.Component{root}
	for i := 0; i < len(members); i++ {
		for _, imp := range slices.Sorted(maps.Keys(members[i].Links)) {
			if c := w.Component(members[i].Links[imp]); c != nil && !slices.Contains(members, c) {
				members = append(members, c)
			}
		}
	}
	return members
}
