package backend

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Owner is the component that stores something. Owners that differ in any field never see each other's data.
type Owner struct{ Namespace, Workload, Component string }

// Dropper is an optional interface of backends that can delete data with the workload. Drop deletes all data of an owner. It is
// called when the last binding of the owner is released: the workload was stopped, or its start has failed.
type Dropper interface {
	Drop(owner Owner)
}

// Persistent is an optional interface of backends that can keep an owner's data for the next workload of the same name, also beyond
// the end of the process.
type Persistent interface {
	Persistent() bool
}

// Default is the name in grants for buckets and containers that no other grant names.
const Default = "default"

// Set holds the backends of one plugin by name. B is the plugin's interface of backends. Make it with [NewSet]. Safe for concurrent
// use, except Add.
type Set[B any] struct {
	first    string
	backends map[string]B

	mu       sync.Mutex
	bindings map[binding]int // bindings that were not released
}

// binding is an owner whose data one backend deletes after the last release.
type binding struct {
	backend string
	owner   Owner
}

// NewSet makes a set with the backend for components without grants. Its name is that of its method Name() string, or "default" if
// it has none.
func NewSet[B any](b B) *Set[B] {
	name := Default
	if n, ok := any(b).(interface{ Name() string }); ok {
		name = n.Name()
	}
	return &Set[B]{first: name, backends: map[string]B{name: b}, bindings: map[binding]int{}}
}

// Add adds a backend. It must be called before Bind. A duplicate name panics.
func (s *Set[B]) Add(name string, b B) {
	if _, taken := s.backends[name]; taken {
		panic(fmt.Sprintf("backend: there are two backends named %q", name))
	}
	s.backends[name] = b
}

// Names returns the backends' names, in alphabetical order.
func (s *Set[B]) Names() []string { return slices.Sorted(maps.Keys(s.backends)) }

// Route is the backend for one of the guest's names.
type Route[B any] struct {
	Name    string // of the backend
	Backend B
}

// Bind returns the routes of one component of a workload, by the guest's names in its grants. kind is the grants' key in the
// manifest, for errors. release ends the binding, and must be called once; see [Dropper].
func (s *Set[B]) Bind(b *host.Binding, kind string, grants map[string]workload.StoreGrant) (owner Owner, routes map[string]Route[B], release func(), err error) {
	owner = Owner{b.Workload.Namespace, b.Workload.Name, b.Component.Name}
	if len(grants) == 0 {
		grants = map[string]workload.StoreGrant{Default: {}}
	}
	routes = make(map[string]Route[B], len(grants))
	keeps := map[string]bool{}
	for _, guest := range slices.Sorted(maps.Keys(grants)) {
		g := grants[guest]
		name := cmp.Or(g.Backend, s.first)
		if err := s.check(name, g, keeps); err != nil {
			return owner, nil, nil, fmt.Errorf("grants.%s.%s: %w", kind, guest, err)
		}
		keeps[name] = g.Keep
		routes[guest] = Route[B]{name, s.backends[name]}
	}
	return owner, routes, s.countBinding(owner, keeps), nil
}

// check finds the mistake in a grant of backend name. keeps has the Keep of the component's other grants, by backend.
func (s *Set[B]) check(name string, g workload.StoreGrant, keeps map[string]bool) error {
	b, known := s.backends[name]
	if !known {
		return fmt.Errorf("there is no backend named %q; want %s", name, strings.Join(s.Names(), " or "))
	}
	persistent, can := any(b).(Persistent)
	if g.Keep && (!can || !persistent.Persistent()) {
		return fmt.Errorf("backend %s cannot keep what is stored when the workload ends (data: keep); leave that out, or grant another", name)
	}
	if _, drops := any(b).(Dropper); !g.Keep && !drops {
		return fmt.Errorf("backend %s cannot forget what is stored when the workload ends; grant it with data: keep, or grant another", name)
	}
	if other, twice := keeps[name]; twice && other != g.Keep {
		return fmt.Errorf("backend %s cannot keep a part of what a component stores; say data: keep in all of its grants, or in none", name)
	}
	return nil
}

// countBinding counts a binding of owner to the backends in keeps until release. The last release drops the owner's data in those
// that do not keep it.
func (s *Set[B]) countBinding(owner Owner, keeps map[string]bool) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, keep := range keeps {
		if !keep {
			s.bindings[binding{name, owner}]++
		}
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for name, keep := range keeps {
			if keep {
				continue
			}
			key := binding{name, owner}
			if s.bindings[key]--; s.bindings[key] == 0 {
				delete(s.bindings, key)
				any(s.backends[name]).(Dropper).Drop(owner)
			}
		}
	}
}
