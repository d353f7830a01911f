package host

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/workload"
)

// group gives the component that root is together with everything it is linked to, and the specification that plugins
// bind for it.
func (h *Local) group(ctx context.Context, w *workload.Spec, root *workload.Component, linker *component.Linker, loaded map[string]*component.Component) (*component.Component, *workload.Component, error) {
	members := reachable(w, root)
	for _, m := range members {
		if loaded[m.Name] != nil {
			continue
		}
		c, err := h.load(ctx, m, linker)
		if err != nil {
			return nil, nil, err
		}
		loaded[m.Name] = c
	}
	if len(members) == 1 {
		return loaded[root.Name], root, nil
	}
	var parts []component.Part
	imports := map[string]map[string]bool{}
	for _, m := range members {
		c := loaded[m.Name]
		parts = append(parts, component.Part{Name: m.Name, Component: c, Links: m.Links})
		boundaries, err := c.Boundaries()
		if err != nil {
			return nil, nil, err
		}
		imports[m.Name] = map[string]bool{}
		for _, b := range boundaries {
			if b.Kind == cm.GuestToHost {
				imports[m.Name][b.Interface.Namespace+":"+b.Interface.Package] = true
			}
		}
	}
	bound, err := agree(root, members, imports)
	if err != nil {
		return nil, nil, err
	}
	c, err := h.cfg.Engine.Compose(ctx, root.Name, parts)
	return c, bound, err
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

// settings are what a component is given, each with the WIT packages through which it is reached.
var settings = []struct {
	name     string
	packages []string
	get      func(c *workload.Component) any
	set      func(to, from *workload.Component)
}{
	{"environment", []string{"wasi:cli"}, func(c *workload.Component) any { return c.Environment },
		func(to, from *workload.Component) { to.Environment = from.Environment }},
	{"args", []string{"wasi:cli"}, func(c *workload.Component) any { return c.Args },
		func(to, from *workload.Component) { to.Args = from.Args }},
	{"config", []string{"wasi:config"}, func(c *workload.Component) any { return c.Config },
		func(to, from *workload.Component) { to.Config = from.Config }},
	{"grants.http", []string{"wasi:http"}, func(c *workload.Component) any { return c.Grants.HTTP },
		func(to, from *workload.Component) { to.Grants.HTTP = from.Grants.HTTP }},
	{"grants.files", []string{"wasi:filesystem"}, func(c *workload.Component) any { return c.Grants.Files },
		func(to, from *workload.Component) { to.Grants.Files = from.Grants.Files }},
	{"grants.sockets", []string{"wasi:sockets"}, func(c *workload.Component) any { return c.Grants.Sockets },
		func(to, from *workload.Component) { to.Grants.Sockets = from.Grants.Sockets }},
}

// agree gives the specification for a group: linked components share their imports, so a setting cannot be given to one
// of them and kept from another. Where two that can reach a setting differ in it, that is refused rather than widened.
// imports has the WIT packages that each member imports functions of.
func agree(root *workload.Component, members []*workload.Component, imports map[string]map[string]bool) (*workload.Component, error) {
	out := *root
	for _, s := range settings {
		var first *workload.Component
		for _, m := range members {
			if !slices.ContainsFunc(s.packages, func(p string) bool { return imports[m.Name][p] }) {
				continue
			}
			if first == nil {
				first = m
				s.set(&out, m)
				continue
			}
			if !same(s.get(first), s.get(m)) {
				return nil, fmt.Errorf("components %s and %s are linked and both import %s, but differ in %s; linked components share their imports: give both the same",
					first.Name, m.Name, s.packages[0], s.name)
			}
		}
	}
	return &out, nil
}

// same is deep equality in which empty and absent are one.
func same(a, b any) bool {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	if (x.Kind() == reflect.Map || x.Kind() == reflect.Slice) && x.Len() == 0 && y.Len() == 0 {
		return true
	}
	if s, ok := a.(workload.SocketGrants); ok {
		t := b.(workload.SocketGrants)
		return slices.Equal(s.Connect, t.Connect) && slices.Equal(s.Listen, t.Listen)
	}
	return reflect.DeepEqual(a, b)
}
