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

// group gives the component that root is together with everything it is linked to. Each member's imports are served by a
// linker of its own: what one is granted, the others are not.
func (h *Local) group(ctx context.Context, w *workload.Spec, root *workload.Component, linker *component.Linker, loaded map[string]*component.Component) (*component.Component, error) {
	members := reachable(w, root)
	var parts []component.Part
	for _, m := range members {
		if loaded[m.Name] == nil {
			c, err := h.load(ctx, m, linker)
			if err != nil {
				return nil, err
			}
			loaded[m.Name] = c
		}
		own := linker
		if m != root {
			own = h.cfg.Engine.NewLinker(nil)
		}
		if err := h.bind(ctx, linker.Interceptor(), own, w, m); err != nil {
			return nil, err
		}
		parts = append(parts, component.Part{Name: m.Name, Component: loaded[m.Name], Links: m.Links, Linker: own})
	}
	if len(members) == 1 {
		return loaded[root.Name], nil
	}
	return h.cfg.Engine.Compose(ctx, root.Name, parts)
}

// bind lets every plugin define what it serves to one component.
func (h *Local) bind(ctx context.Context, i cm.Interceptor, l *component.Linker, w *workload.Spec, c *workload.Component) error {
	for _, p := range h.cfg.Plugins {
		op := &cm.Operation{Name: "plugin bind", Component: cm.Path(c.Name)}
		op.Set("plugin", p.Name())
		bctx, end := cm.Begin(ctx, i, op)
		err := p.Bind(bctx, l, w, c)
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
