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

// Dropper is an optional power of backends whose data goes with the workload: Drop forgets all that is of an owner. It is
// called once the last binding of the owner has been released: the workload has been stopped, or its start has failed.
type Dropper interface {
	Drop(owner Owner)
}

// Persistent is an optional power of backends that can keep what an owner has stored for the next workload of that name, also
// over the end of the process.
type Persistent interface {
	Persistent() bool
}

// Default is the name in grants that stands for what has no name.
const Default = "default"

// Set holds the backends of one plugin by their names. B is the plugin's interface of backends. The zero Set is not ready for
// use; see [NewSet]. Safe for concurrent use, except Add.
type Set[B any] struct {
	first    string
	backends map[string]B

	mu    sync.Mutex
	bound map[bound]int // bindings that were not released
}

// bound is an owner that one backend must forget when nobody is bound to it any more.
type bound struct {
	backend string
	owner   Owner
}

// NewSet makes a set with the backend that serves whoever has no grant. Its name is what its method Name() string says, or
// "default" if it has none.
func NewSet[B any](b B) *Set[B] {
	name := Default
	if n, ok := any(b).(interface{ Name() string }); ok {
		name = n.Name()
	}
	return &Set[B]{first: name, backends: map[string]B{name: b}, bound: map[bound]int{}}
}

// Add puts in another backend. It must not be called once something is bound; a name that is taken is a mistake of the program,
// and panics.
func (s *Set[B]) Add(name string, b B) {
	if _, taken := s.backends[name]; taken {
		panic(fmt.Sprintf("backend: there are two backends named %q", name))
	}
	s.backends[name] = b
}

// Names are the backends' names, in alphabetical order.
func (s *Set[B]) Names() []string { return slices.Sorted(maps.Keys(s.backends)) }

// Route is the backend behind one name of the guest's.
type Route[B any] struct {
	Name    string // of the backend
	Backend B
}

// Bind gives the routes of one component of a workload, by the guest's names, as its grants say. kind is the key of the grants in
// the manifest, for errors. release ends the binding; see [Dropper].
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
	return owner, routes, s.hold(owner, keeps), nil
}

// check says what is wrong with a grant. keeps has what other grants of the component say of the backends.
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

// hold counts a binding of owner to the backends that keeps has, until release is called; those that keep nothing drop its data
// then.
func (s *Set[B]) hold(owner Owner, keeps map[string]bool) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, keep := range keeps {
		if !keep {
			s.bound[bound{name, owner}]++
		}
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for name, keep := range keeps {
			if keep {
				continue
			}
			key := bound{name, owner}
			if s.bound[key]--; s.bound[key] == 0 {
				delete(s.bound, key)
				any(s.backends[name]).(Dropper).Drop(owner)
			}
		}
	}
}
