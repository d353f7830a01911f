package backend

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Owner is the component that stores something, or a workload whose components share it: then Component is "". Owners that differ in
// any field never see each other's data.
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

// Set holds the backends of one plugin: some by name, and types of backends that grants configure. B is the plugin's interface of
// backends. Make it with [NewSet]. Safe for concurrent use, except Add and AddType.
type Set[B any] struct {
	first    string
	backends map[string]*opened[B]
	types    []backendType[B]
	nothing  bool // nothing is stored

	mu       sync.Mutex
	open     []*opened[B]                 // of the types; grants with the same config share one
	bindings map[binding[B]]int           // bindings that were not released
	dropping map[binding[B]]chan struct{} // data that is being dropped, without mu; closed when that is done
}

// backendType is a type of backend that grants configure.
type backendType[B any] struct {
	workload.BackendType
	open func(ctx context.Context, config any) (B, error)
}

// opened is a backend. Those of a type are closed with the last binding.
type opened[B any] struct {
	backend B
	name    string // in messages: its own, or that of its type
	config  any    // of a type's
	watch   *Watch
	users   int // bindings, where it is a type's
}

// binding is an owner whose data one backend deletes after the last release.
type binding[B any] struct {
	in    *opened[B]
	owner Owner
}

// NewSet makes a set with the backend for components without grants. Its name is that of its method Name() string, or "default" if
// it has none.
func NewSet[B any](b B) *Set[B] {
	name := Default
	if n, ok := any(b).(interface{ Name() string }); ok {
		name = n.Name()
	}
	s := NewTypes[B]()
	s.first, s.backends[name] = name, &opened[B]{backend: b, name: name, watch: newWatch(b)}
	return s
}

// NewTypes makes a set without a backend: grants name one that Add has added, or configure one of a type.
func NewTypes[B any]() *Set[B] {
	return &Set[B]{backends: map[string]*opened[B]{}, bindings: map[binding[B]]int{}, dropping: map[binding[B]]chan struct{}{}}
}

// StoresNothing says that the backends store nothing that could be kept or dropped when a workload ends, and returns the set.
func (s *Set[B]) StoresNothing() *Set[B] {
	s.nothing = true
	return s
}

// Add adds a backend. It must be called before Bind. A duplicate name panics.
func (s *Set[B]) Add(name string, b B) {
	if _, taken := s.backends[name]; taken {
		panic(fmt.Sprintf("backend: there are two backends named %q", name))
	}
	s.backends[name] = &opened[B]{backend: b, name: name, watch: newWatch(b)}
}

// AddType adds a type of backend that grants configure. open gets the grant's config, of the type's own Go type, and must not wait for a
// server: a workload starts although its backend is down, and calls fail until it is up. Grants with equal configs share a backend. One
// that is an [io.Closer] is closed with its last binding. AddType must be called before Bind; a duplicate name panics.
func (s *Set[B]) AddType(t workload.BackendType, open func(ctx context.Context, config any) (B, error)) {
	if s.typeOf(t.Name) != nil {
		panic(fmt.Sprintf("backend: there are two types named %q", t.Name))
	}
	s.types = append(s.types, backendType[B]{t, open})
}

func (s *Set[B]) typeOf(name string) *backendType[B] {
	if i := slices.IndexFunc(s.types, func(t backendType[B]) bool { return t.Name == name }); i >= 0 {
		return &s.types[i]
	}
	return nil
}

func (s *Set[B]) typeNames() []string {
	var names []string
	for _, t := range s.types {
		names = append(names, t.Name)
	}
	return names
}

// Names returns the backends' names, in alphabetical order.
func (s *Set[B]) Names() []string { return slices.Sorted(maps.Keys(s.backends)) }

// Types returns the types of backends that grants configure.
func (s *Set[B]) Types() []workload.BackendType {
	var types []workload.BackendType
	for _, t := range s.types {
		types = append(types, t.BackendType)
	}
	return types
}

// Route is the backend for one of the guest's names.
type Route[B any] struct {
	Name    string // of the backend, or of its type
	Backend B
	Owner   Owner // of the data
	// Watch is to be told how calls of the backend have ended.
	Watch *Watch

	at binding[B]
}

// Key identifies the backend and the owner: routes of one component with the same key lead to the same data.
func (r *Route[B]) Key() any { return r.at }

// Bind returns the routes of one component of a workload, by the guest's names in its grants. kind is the grants' key in the
// manifest, for errors. release ends the binding, and must be called once; see [Dropper].
func (s *Set[B]) Bind(ctx context.Context, b *host.Binding, kind string, grants map[string]workload.StoreGrant) (routes map[string]Route[B], release func(), err error) {
	granted := len(grants) > 0
	if !granted {
		grants = map[string]workload.StoreGrant{Default: {}}
	}
	routes = make(map[string]Route[B], len(grants))
	keeps := map[binding[B]]bool{}
	for _, guest := range slices.Sorted(maps.Keys(grants)) {
		g := grants[guest]
		if routes[guest], err = s.route(ctx, b, &g, keeps); err != nil {
			s.release(keeps)
			return nil, nil, fmt.Errorf("grants.%s.%s: %w", kind, guest, err)
		}
		if granted {
			b.Uses(kind, guest, routes[guest].Name, &routes[guest].Watch.health)
		}
	}
	return routes, func() { s.release(keeps) }, nil
}

// route binds a component by one of its grants, and adds the binding to keeps if it has none there.
func (s *Set[B]) route(ctx context.Context, b *host.Binding, g *workload.StoreGrant, keeps map[binding[B]]bool) (Route[B], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		in, err := s.backendOf(ctx, g)
		if err != nil {
			return Route[B]{}, err
		}
		at := binding[B]{in, Owner{b.Workload.Namespace, b.Workload.Name, b.Component.Name}}
		if g.Scope == "workload" {
			at.owner.Component = ""
		}
		if done := s.dropping[at]; done != nil { // what is stored from now on must not be dropped
			s.mu.Unlock()
			select {
			case <-done:
			case <-ctx.Done():
			}
			s.mu.Lock()
			if ctx.Err() != nil {
				return Route[B]{}, context.Cause(ctx)
			}
			continue
		}
		other, twice := keeps[at]
		if !twice {
			in.users++
			keeps[at] = g.Keeps()
			if !g.Keeps() {
				s.bindings[at]++
			}
		}
		if s.nothing {
			return Route[B]{in.name, in.backend, at.owner, in.watch, at}, nil
		}
		if err := in.check(g.Keeps()); err != nil {
			return Route[B]{}, err
		}
		if twice && other != g.Keeps() {
			return Route[B]{}, fmt.Errorf("backend %s cannot keep a part of what a component stores; say data: keep in all of its grants, or in none", in.name)
		}
		return Route[B]{in.name, in.backend, at.owner, in.watch, at}, nil
	}
}

// backendOf returns a grant's backend, and opens it if it is the first with its config. s.mu is held.
func (s *Set[B]) backendOf(ctx context.Context, g *workload.StoreGrant) (*opened[B], error) {
	if g.Type == "" {
		name := cmp.Or(g.Backend, s.first)
		if in := s.backends[name]; in != nil {
			return in, nil
		}
		if name == "" {
			return nil, fmt.Errorf("the grant names no backend; want %s", cmp.Or(strings.Join(append(s.typeNames(), s.Names()...), " or "), "none"))
		}
		return nil, fmt.Errorf("there is no backend named %q; want %s", name, cmp.Or(strings.Join(s.Names(), " or "), "none"))
	}
	t := s.typeOf(g.Type)
	if t == nil {
		return nil, fmt.Errorf("there is no type of backend named %q; want %s", g.Type, cmp.Or(strings.Join(s.typeNames(), " or "), "none"))
	}
	if i := slices.IndexFunc(s.open, func(o *opened[B]) bool { return o.name == t.Name && reflect.DeepEqual(o.config, g.Config) }); i >= 0 {
		return s.open[i], nil
	}
	b, err := t.open(ctx, g.Config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	in := &opened[B]{backend: b, name: t.Name, config: g.Config, watch: newWatch(b)}
	s.open = append(s.open, in)
	return in, nil
}

// check finds out whether the backend can keep, or drop, what is stored.
func (o *opened[B]) check(keep bool) error {
	persistent, can := any(o.backend).(Persistent)
	if keep && (!can || !persistent.Persistent()) {
		return fmt.Errorf("backend %s cannot keep what is stored when the workload ends (data: keep); leave that out, or grant another", o.name)
	}
	if _, drops := any(o.backend).(Dropper); !keep && !drops {
		return fmt.Errorf("backend %s cannot forget what is stored when the workload ends; grant it with data: keep, or grant another", o.name)
	}
	return nil
}

// release ends a component's bindings, by whether each keeps its data. The last one drops the owner's data in a backend that does not
// keep it, and closes a backend that a grant has configured. A backend may take its time for both: other owners do not wait for it.
func (s *Set[B]) release(keeps map[binding[B]]bool) {
	s.mu.Lock()
	drops := map[binding[B]]chan struct{}{}
	for at, keep := range keeps {
		if keep {
			continue
		}
		if s.bindings[at]--; s.bindings[at] == 0 {
			delete(s.bindings, at)
			drops[at] = make(chan struct{})
			s.dropping[at] = drops[at]
		}
	}
	s.mu.Unlock()
	for at := range drops {
		if d, ok := any(at.in.backend).(Dropper); ok {
			d.Drop(at.owner)
		}
	}
	var unused []*opened[B]
	s.mu.Lock()
	for at := range keeps {
		at.in.users--
		if i := slices.Index(s.open, at.in); i >= 0 && at.in.users == 0 {
			s.open = slices.Delete(s.open, i, i+1)
			unused = append(unused, at.in)
		}
	}
	for at, done := range drops {
		delete(s.dropping, at)
		close(done)
	}
	s.mu.Unlock()
	for _, in := range unused {
		in.watch.close()
		if c, ok := any(in.backend).(io.Closer); ok {
			_ = c.Close() // what was acknowledged is stored; nobody is left to be told more
		}
	}
}
