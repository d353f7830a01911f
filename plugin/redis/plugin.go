package redis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/redis/bindings/inbound"
	"github.com/vitrine-wasm/vitrine/plugin/redis/bindings/spin2"
	"github.com/vitrine-wasm/vitrine/plugin/redis/bindings/spin3"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Plugin serves fermyon:spin/redis@2.0.0 and spin:redis/redis@3.0.0, and the types of handlers of messages, which the trigger in trigger/redis calls.
type Plugin struct{ backends *backend.Set[Backend] }

var _ host.Plugin = (*Plugin)(nil)

// New makes a plugin, whose backends are those of the types that AddType adds. Without grants a component has none.
func New() *Plugin { return &Plugin{backend.NewTypes[Backend]().StoresNothing()} }

// AddType adds a type of backend that grants configure, and returns the plugin: see [backend.Set.AddType].
func (p *Plugin) AddType(t workload.BackendType, open func(ctx context.Context, config any) (Backend, error)) *Plugin {
	p.backends.AddType(t, open)
	return p
}

// Name implements host.Plugin.
func (*Plugin) Name() string { return "redis" }

// Backends returns the backends' names, for grants.
func (p *Plugin) Backends() []string { return p.backends.Names() }

// BackendTypes returns the types of backends that grants configure.
func (p *Plugin) BackendTypes() []workload.BackendType { return p.backends.Types() }

// Serves implements host.Plugin.
func (*Plugin) Serves() []wit.InterfaceID {
	return []wit.InterfaceID{spin2.RedisID, spin3.RedisID, inbound.RedisTypesID}
}

// Bind implements host.Plugin. A component reaches the servers that its grants name, and no others.
func (p *Plugin) Bind(ctx context.Context, l *component.Linker, b *host.Binding) (release func(), err error) {
	s := &servers{component: b.Component.Name, lines: b.Lines}
	release = func() {}
	if grants := b.Component.Grants.Redis; len(grants) > 0 {
		for _, name := range slices.Sorted(maps.Keys(grants)) {
			if err := CheckName(name); err != nil {
				return nil, fmt.Errorf("grants.redis: a name: %w", err)
			}
		}
		if s.routes, release, err = p.backends.Bind(ctx, b, "redis", grants); err != nil {
			return nil, err
		}
	}
	spin2.AddRedis(l, spin2Servers{s})
	spin3.AddRedis(l, spin3Servers{s})
	inbound.AddRedisTypes(l)
	return release, nil
}

// servers are those of one component.
type servers struct {
	component string
	lines     *host.Lines
	routes    map[string]backend.Route[Backend]
}

// Errors that are the interfaces' case invalid-address.
var (
	errInvalid = errors.New("the address is invalid")
	errDenied  = errors.New("the component may not use this server")
)

// open is a client for what the guest has given: the name of a grant, or an address that one covers, the one with the database before the one
// without.
func (s *servers) open(ctx context.Context, given string) (*connection, error) {
	to, login, err := s.find(ctx, given)
	if err != nil {
		return nil, err
	}
	client, err := to.Backend.Open(login)
	if err != nil {
		return nil, err
	}
	return &connection{client, to.Watch}, nil
}

func (s *servers) find(ctx context.Context, given string) (backend.Route[Backend], Login, error) {
	if r, ok := s.routes[given]; ok && !isAddress(given) {
		return r, Login{}, nil
	}
	a, err := ParseAddress(given)
	if err != nil {
		s.deny(ctx, "a server that is not among the granted ones", "NAME")
		return backend.Route[Backend]{}, Login{}, fmt.Errorf("%w: %w", errInvalid, err)
	}
	var best *Address
	var at backend.Route[Backend]
	for name, r := range s.routes {
		if !isAddress(name) {
			continue
		}
		if g, err := ParseAddress(name); err == nil && g.covers(&a) && (best == nil || best.AnyDatabase) {
			best, at = &g, r
		}
	}
	if best == nil {
		s.deny(ctx, a.Place(), strconv.Quote(a.Place()))
		return backend.Route[Backend]{}, Login{}, errDenied
	}
	return at, a.Login, nil
}

// deny tells the operator what is not granted. Neither names nor logins are in the line: they may be anything.
func (s *servers) deny(ctx context.Context, what, grant string) {
	s.lines.Log(ctx, host.LogLine{Stream: host.StreamDenied, Severity: host.SeverityWarn, Text: fmt.Sprintf(
		"%s is not granted; to allow it, add %s: {redis: URL} to grants.redis of component %s", what, grant, s.component)})
}

// connection is the resource, whatever its interface. Its methods may be called at once.
type connection struct {
	client Client
	watch  *backend.Watch
}

// StoreSystem is the name of the database's kind.
func (*connection) StoreSystem() string { return "redis" }

// StoreNamespace is the number of the database.
func (c *connection) StoreNamespace() string { return strconv.Itoa(c.client.Database()) }

// Drop ends the use of the client.
func (c *connection) Drop(context.Context) error {
	c.client.Close()
	return nil
}

// kind is a case of the interfaces' error.
type kind int

const (
	kindAddress kind = iota
	kindConnections
	kindType
	kindOther
)

// failure splits an error into the guest's case, with its text, and the cause for operators. ok is false if the call has no error for the
// guest, because its context has ended: cause is its error.
func failure(ctx context.Context, err error) (k kind, text string, cause error, ok bool) {
	var server *ServerError
	var command *CommandError
	switch {
	case ctx.Err() != nil:
		return 0, "", err, false
	case errors.Is(err, errInvalid), errors.Is(err, errDenied):
		return kindAddress, "", err, true
	case errors.Is(err, ErrConnections):
		return kindConnections, "", &cm.BackendError{Text: ErrConnections.Error(), Err: err}, true
	case errors.Is(err, errType):
		return kindType, "", err, true
	case errors.Is(err, ErrUnavailable):
		return kindOther, ErrUnavailable.Error(), &cm.BackendError{Text: ErrUnavailable.Error(), Err: err}, true
	case errors.As(err, &server) && isType(server):
		return kindType, "", err, true
	case errors.As(err, &server):
		return kindOther, server.Text, err, true
	case errors.As(err, &command):
		return kindOther, command.Error(), err, true
	}
	text, cause, ok = backend.Failure(ctx, err, ErrTooLarge)
	return kindOther, text, cause, ok
}
