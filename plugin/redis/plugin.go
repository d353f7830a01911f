package redis

import (
	"context"
	"errors"
	"strconv"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/internal/granted"
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
func (p *Plugin) Bind(ctx context.Context, l *component.Linker, b *host.Binding) (func(), error) {
	to, release, err := granted.Bind(ctx, &kinds, p.backends, b, b.Component.Grants.Redis)
	if err != nil {
		return nil, err
	}
	s := &servers{to}
	spin2.AddRedis(l, spin2Servers{s})
	spin3.AddRedis(l, spin3Servers{s})
	inbound.AddRedisTypes(l)
	return release, nil
}

// servers are those of one component.
type servers struct {
	*granted.Servers[Address, Backend]
}

var kinds = granted.Kind[Address]{
	Key: "redis", Noun: "a server", IsAddress: isAddress, Check: CheckName, Parse: ParseAddress, Covers: (*Address).covers,
	Part: func(a *Address) bool { return !a.AnyDatabase }, Place: (*Address).Place, Invalid: errInvalid, Denied: errDenied,
}

// Errors that are the interfaces' case invalid-address.
var (
	errInvalid = errors.New("the address is invalid")
	errDenied  = errors.New("the component may not use this server")
)

// open is a client for what the guest has given: the name of a grant, or an address that one covers, the one with the database before the one
// without.
func (s *servers) open(ctx context.Context, given string) (*connection, error) {
	f, err := s.Find(ctx, given)
	if err != nil {
		return nil, err
	}
	client, err := f.Route.Backend.Open(f.Given.Login)
	if err != nil {
		return nil, err
	}
	return &connection{client, f.Route.Watch}, nil
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
