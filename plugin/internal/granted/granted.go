// Package granted finds the server that a guest means by a text of its own: the name of a grant, or an address that the name of a grant covers. A
// name that is an address stands for all addresses of its server, or of a part of it, a database, if it names one.
package granted

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Kind says what a plugin's servers are called, and how their addresses are read. A is an address.
type Kind[A any] struct {
	Key       string // in grants, and of the URL in a grant: "redis"
	Noun      string // with its article: "a server"
	IsAddress func(name string) bool
	// Check finds what is wrong with a grant's name. Its errors must not have parts of it: there may be a password.
	Check func(name string) error
	// Parse reads an address. Its errors must not have parts of it.
	Parse func(text string) (A, error)
	// Covers says whether the address of a grant's name stands for the one that a guest has given.
	Covers func(grant, given *A) bool
	// Part says that an address names a part of its server, which is preferred to one that does not; nil: none does.
	Part func(a *A) bool
	// Place is an address without login and part.
	Place func(a *A) string
	// Invalid and Denied are the errors where Parse fails and where no grant covers an address.
	Invalid, Denied error
}

// Servers are those that one component may reach. Safe for concurrent use.
type Servers[A, B any] struct {
	kind      *Kind[A]
	component string
	lines     *host.Lines
	routes    map[string]backend.Route[B]
}

// Bind finds the servers of a component's grants. Without grants it has none. release ends the binding, and must be called once.
func Bind[A, B any](ctx context.Context, k *Kind[A], of *backend.Set[B], b *host.Binding, grants map[string]workload.StoreGrant) (s *Servers[A, B], release func(), err error) {
	s = &Servers[A, B]{kind: k, component: b.Component.Name, lines: b.Lines}
	if len(grants) == 0 {
		return s, func() {}, nil
	}
	for _, name := range slices.Sorted(maps.Keys(grants)) {
		if err := k.Check(name); err != nil {
			return nil, nil, fmt.Errorf("grants.%s: a name: %w", k.Key, err)
		}
	}
	s.routes, release, err = of.Bind(ctx, b, k.Key, grants)
	return s, release, err
}

// Found is a server that a guest may reach.
type Found[A, B any] struct {
	Name  string // of the grant
	Route backend.Route[B]
	Given A // the address that the guest has given; zero: it gave the grant's name
}

// Find is the server that a guest has named. Where there is none, the operator is told.
func (s *Servers[A, B]) Find(ctx context.Context, given string) (f Found[A, B], err error) {
	if !s.kind.IsAddress(given) {
		if r, ok := s.routes[given]; ok {
			return Found[A, B]{Name: given, Route: r}, nil
		}
	}
	if f.Given, err = s.kind.Parse(given); err != nil {
		s.deny(ctx, s.kind.Noun+" that is not among the granted ones", "NAME")
		return f, fmt.Errorf("%w: %w", s.kind.Invalid, err)
	}
	if f.Name = s.covering(&f.Given); f.Name == "" {
		place := s.kind.Place(&f.Given)
		s.deny(ctx, place, strconv.Quote(place))
		return f, s.kind.Denied
	}
	f.Route = s.routes[f.Name]
	return f, nil
}

// covering is the name of the grant that covers an address, empty if none does: the first of those that name a part, or the first of all.
func (s *Servers[A, B]) covering(given *A) (best string) {
	for _, name := range slices.Sorted(maps.Keys(s.routes)) {
		if !s.kind.IsAddress(name) {
			continue
		}
		a, err := s.kind.Parse(name)
		if err != nil || !s.kind.Covers(&a, given) {
			continue
		}
		if s.kind.Part != nil && s.kind.Part(&a) {
			return name
		}
		if best == "" {
			best = name
		}
	}
	return best
}

// Named is the server of the grant of a name that the guest has not given. Where there is none, the operator is told.
func (s *Servers[A, B]) Named(ctx context.Context, name string) (r backend.Route[B], err error) {
	r, ok := s.routes[name]
	if !ok {
		s.deny(ctx, s.kind.Noun, name)
		return r, s.kind.Denied
	}
	return r, nil
}

// deny tells the operator what is not granted. Neither names nor logins of the guest's are in the line: they may be anything.
func (s *Servers[A, B]) deny(ctx context.Context, what, grant string) {
	s.lines.Log(ctx, host.LogLine{Stream: host.StreamDenied, Severity: host.SeverityWarn, Text: fmt.Sprintf(
		"%s is not granted; to allow it, add %s: {%s: URL} to grants.%s of component %s", what, grant, s.kind.Key, s.kind.Key, s.component)})
}
