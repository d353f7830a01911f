package host

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// target is what events call: a component, or a chain of components that ends with it.
type target struct {
	name    string // workload.TriggerSpec.Target
	trigger int    // the index of the first one in the workload that has this target; -1: none has
	spec    *workload.TriggerSpec
	root    *workload.Component // whose observer, instances and limits count; nil: the workload has none of that name
}

// targets are what triggers of the workload call, the services, the components that others are granted to send requests to, and those that nobody
// else calls: single components in the order of the workload, then chains in the order of their triggers.
func targets(w *workload.Spec) []target {
	byName, called := map[string]target{}, map[string]bool{}
	var chains []target
	for i := range w.Triggers {
		t := &w.Triggers[i]
		name := t.Target()
		if _, known := byName[name]; known {
			continue
		}
		byName[name] = target{name, i, t, w.Component(t.Component)}
		if len(t.Chain) > 0 {
			chains = append(chains, byName[name])
			called[t.Component] = true
			for _, c := range t.Chain {
				called[c] = true
			}
		}
	}
	internal := map[string]bool{}
	for _, s := range w.Services {
		internal[s.Component] = true
	}
	for _, c := range w.Components {
		for _, to := range c.Links {
			called[to] = true
		}
		for _, to := range c.Grants.Internal() {
			internal[to] = true
		}
	}
	var out []target
	for i := range w.Components {
		c := &w.Components[i]
		t, known := byName[c.Name]
		switch {
		case known:
			out = append(out, t)
		case !called[c.Name] || internal[c.Name]:
			out = append(out, target{c.Name, -1, &workload.TriggerSpec{Component: c.Name}, c})
		}
	}
	return append(out, chains...)
}

// link is one component in its place in a chain.
type link struct {
	part      string // its path: its name, with a number where it stands there again
	component *workload.Component
}

// links are the components of the target from the first to its own.
func (t *target) links(w *workload.Spec) ([]link, error) {
	names := append(slices.Clone(t.spec.Chain), t.spec.Component)
	out := make([]link, len(names))
	times := map[string]int{}
	for i, name := range names {
		c := w.Component(name)
		if c == nil {
			return nil, t.mistake(i, fmt.Sprintf("there is no component %s", name))
		}
		out[i] = link{name, c}
		if times[name]++; times[name] > 1 {
			out[i].part = fmt.Sprintf("%s#%d", name, times[name])
		}
	}
	return out, nil
}

// ChainError says that a trigger's chain cannot be linked.
type ChainError struct {
	Trigger int    // the trigger's index in the workload
	Type    string // its type
	Link    int    // the index in its chain; -1: it is the trigger's component
	Problem string // what is wrong, and how to mend it
}

// Error says which component is in the wrong place, and why.
func (e *ChainError) Error() string {
	return fmt.Sprintf("trigger %s: %s", e.Type, e.Problem)
}

// mistake is a ChainError about link i.
func (t *target) mistake(i int, problem string) error {
	if i == len(t.spec.Chain) {
		i = -1
	}
	return &ChainError{Trigger: t.trigger, Type: t.spec.Type, Link: i, Problem: problem}
}

// handler is the interface by which the links of a chain call each other: the first one of handlers that they all have. The error is a
// *ChainError about the link that keeps the nearest one from it.
func (t *target) handler(links []link, loaded map[string]*component.Component, handlers []wit.InterfaceID) (wit.InterfaceID, error) {
	if len(handlers) == 0 {
		return wit.InterfaceID{}, t.mistake(0, fmt.Sprintf("events of type %s cannot pass through a chain of components", t.spec.Type))
	}
	var nearest error
	most := -1
	for _, h := range handlers {
		h = h.Unversioned()
		good, problem := t.chained(links, loaded, h, handlers)
		if problem == nil {
			return h, nil
		}
		if good > most {
			nearest, most = problem, good
		}
	}
	return wit.InterfaceID{}, nearest
}

// chained says whether each link imports h, and the next exports it: if not, how many imports and exports are as they should be, and what
// is wrong.
func (t *target) chained(links []link, loaded map[string]*component.Component, h wit.InterfaceID, handlers []wit.InterfaceID) (good int, _ error) {
	var wanted []wit.InterfaceID // what the link before imports
	for i, l := range links {
		name, c := l.component.Name, loaded[l.component.Name]
		exports, imports := of(h, c.Exports()), of(h, c.Imports())
		if len(exports) == 0 {
			return good, t.mistake(i, fmt.Sprintf("component %s does not export %s; %s", name, h, remedy(c.Exports(), handlers, i == len(links)-1)))
		}
		for _, want := range wanted {
			if !slices.ContainsFunc(exports, func(have wit.InterfaceID) bool { return wit.Compatible(want.Version, have.Version) }) {
				return good, t.mistake(i, fmt.Sprintf("component %s exports %s, and %s before it calls %s: build both for the same version",
					name, listed(exports), links[i-1].component.Name, want))
			}
		}
		good++
		if i == len(links)-1 {
			break
		}
		if len(imports) == 0 {
			return good, t.mistake(i, fmt.Sprintf(
				"component %s does not import %s, so that it passes nothing on: it can only be the last, the trigger's component; %s", name, h, asMiddleware))
		}
		if to, ok := linkOf(l.component, h); ok {
			return good, t.mistake(i, fmt.Sprintf("component %s is linked to %s for %s, which a chain links to the next component: take it out of its links, or out of the chain",
				name, to, h))
		}
		good, wanted = good+1, imports
	}
	return good, nil
}

// of are those of ids that are h in some version.
func of(h wit.InterfaceID, ids []wit.InterfaceID) []wit.InterfaceID {
	var out []wit.InterfaceID
	for _, id := range ids {
		if id.Unversioned() == h {
			out = append(out, id)
		}
	}
	return out
}

func listed(ids []wit.InterfaceID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return strings.Join(texts, " and ")
}

const asMiddleware = "build it as middleware, which imports and exports the same handler, or take it out of the chain"

// remedy is what to do about a component that does not export what a chain is of.
func remedy(exports, handlers []wit.InterfaceID, last bool) string {
	for _, h := range handlers {
		if have := of(h.Unversioned(), exports); len(have) > 0 {
			return fmt.Sprintf("it exports %s, and a chain is of one interface: build all of its components for the same version", listed(have))
		}
	}
	if last {
		return "give the trigger a component that answers its events"
	}
	return asMiddleware
}

// linkOf is the component that c is linked to for an interface.
func linkOf(c *workload.Component, h wit.InterfaceID) (to string, ok bool) {
	for imp, to := range c.Links {
		if id, err := wit.ParseID(imp); err == nil && id.Unversioned() == h {
			return to, true
		}
	}
	return "", false
}

// handlers are the interfaces by which chains of a type of trigger call.
func (h *Local) handlers(kind string) []wit.InterfaceID {
	for _, t := range h.cfg.Triggers {
		if c, ok := t.(Chainer); ok && t.Type() == kind {
			return c.Handlers()
		}
	}
	return nil
}
