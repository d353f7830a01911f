package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/internal/granted"
	"github.com/vitrine-wasm/vitrine/plugin/postgres/bindings/spin2"
	"github.com/vitrine-wasm/vitrine/plugin/postgres/bindings/spin3"
	"github.com/vitrine-wasm/vitrine/plugin/postgres/bindings/spin4"
	"github.com/vitrine-wasm/vitrine/plugin/postgres/bindings/wasmcloud"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Plugin serves fermyon:spin/postgres@2.0.0, spin:postgres 3.0.0 and 4.2.0, and wasmcloud:postgres 0.2.0.
type Plugin struct{ backends *backend.Set[Backend] }

var _ host.Plugin = (*Plugin)(nil)

// New makes a plugin, whose backends are those of the types that AddType adds. Without grants a component has none.
func New() *Plugin { return &Plugin{backend.NewTypes[Backend]().StoresNothing()} }

// Add adds a backend for components whose grants name it, and returns the plugin. It must be called before the plugin is used. A
// duplicate name panics.
func (p *Plugin) Add(name string, b Backend) *Plugin {
	p.backends.Add(name, b)
	return p
}

// AddType adds a type of backend that grants configure, and returns the plugin: see [backend.Set.AddType].
func (p *Plugin) AddType(t workload.BackendType, open func(ctx context.Context, config any) (Backend, error)) *Plugin {
	p.backends.AddType(t, open)
	return p
}

// Name implements host.Plugin.
func (*Plugin) Name() string { return "postgres" }

// Backends returns the backends' names, for grants.
func (p *Plugin) Backends() []string { return p.backends.Names() }

// BackendTypes returns the types of backends that grants configure.
func (p *Plugin) BackendTypes() []workload.BackendType { return p.backends.Types() }

// Serves implements host.Plugin.
func (*Plugin) Serves() []wit.InterfaceID {
	return []wit.InterfaceID{
		spin2.RdbmsTypesID, spin2.PostgresID, spin3.PostgresID, spin4.PostgresID, wasmcloud.TypesID, wasmcloud.QueryID, wasmcloud.PreparedID,
	}
}

// Bind implements host.Plugin. A component reaches the servers that its grants name, and no others.
func (p *Plugin) Bind(ctx context.Context, l *component.Linker, b *host.Binding) (func(), error) {
	to, release, err := granted.Bind(ctx, &kinds, p.backends, b, b.Component.Grants.Postgres)
	if err != nil {
		return nil, err
	}
	d := &databases{to}
	spin2.AddRdbmsTypes(l)
	spin2.AddPostgres(l, spin2Databases{d})
	spin3.AddPostgres(l, spin3Databases{d})
	spin4.AddPostgres(l, spin4Databases{d})
	wasmcloud.AddTypes(l)
	w := &wasmcloudDatabase{databases: d}
	wasmcloud.AddQuery(l, w)
	wasmcloud.AddPrepared(l, w)
	return release, nil
}

// databases are those of one component.
type databases struct {
	*granted.Servers[Address, Backend]
}

var kinds = granted.Kind[Address]{
	Key: "postgres", Noun: "a database", IsAddress: isAddress, Check: CheckName, Parse: ParseAddress, Covers: (*Address).covers,
	Part: func(a *Address) bool { return a.Database != "" }, Place: (*Address).Place, Invalid: errDenied, Denied: errDenied,
}

// errDenied says that no grant has the database.
var errDenied = errors.New("the component may not use this database")

// target is where a connection goes.
type target struct {
	backend Backend
	watch   *backend.Watch
	login   Login
}

// open opens a connection there.
func (t *target) open(ctx context.Context) (Conn, error) {
	conn, err := t.backend.Open(ctx, t.login)
	t.watch.Met(ctx, err)
	return conn, err
}

// query runs a statement, and notes how the backend has met it.
func (t *target) query(ctx context.Context, conn Conn, s Statement) (Rows, error) {
	rows, err := conn.Query(ctx, s)
	t.watch.Met(ctx, err)
	if err != nil {
		return nil, err
	}
	return watched{rows, t.watch}, nil
}

// watched are rows whose end is noted.
type watched struct {
	Rows
	watch *backend.Watch
}

// Next implements Rows.
func (w watched) Next(ctx context.Context) ([][]byte, error) {
	row, err := w.Rows.Next(ctx)
	if err != nil && !errors.Is(err, io.EOF) {
		w.watch.Met(ctx, err)
	}
	return row, err
}

// open opens a connection, and is the first part of every function that does.
func (d *databases) open(ctx context.Context, address, ca string) (*connection, error) {
	f, err := d.Find(ctx, address)
	if err != nil {
		return nil, err
	}
	t := target{f.Route.Backend, f.Route.Watch, f.Given.Login}
	t.login.CA = ca
	conn, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	return &connection{target: t, database: conn.Database(), busy: make(chan struct{}, 1), conn: conn}, nil
}

// kind is a case of the interfaces' errors.
type kind int

const (
	kindUnavailable kind = iota
	kindDenied
	kindParameter
	kindStatement
	kindServer
	kindValue
	kindTimeout
	kindOther
)

// failure is an error as its parts: the guest's case with its text, the server's error where that is the reason, and the cause for
// operators.
type failure struct {
	kind   kind
	text   string
	server *ServerError
	cause  error
}

// failureOf splits an error. ok is false if the call has no error for the guest, because its context has ended: cause is its error.
func failureOf(ctx context.Context, err error) (f failure, ok bool) {
	if ctx.Err() != nil {
		return failure{cause: err}, false
	}
	var parameter *ParameterError
	var value *valueError
	switch {
	case errors.Is(err, errDenied):
		return failure{kind: kindDenied, text: errDenied.Error(), cause: err}, true
	case errors.Is(err, ErrUnavailable):
		text := ErrUnavailable.Error()
		if f.server = serverError(err); f.server != nil {
			text += " (SQLSTATE " + f.server.Code + ")" // not its message, which may name a user that the grant gives
		}
		return failure{kind: kindUnavailable, text: text, cause: &cm.BackendError{Text: ErrUnavailable.Error(), Err: err}}, true
	case errors.Is(err, ErrTimeout):
		return failure{kind: kindTimeout, text: ErrTimeout.Error(), cause: &cm.BackendError{Text: ErrTimeout.Error(), Err: err}}, true
	case errors.Is(err, ErrStatement):
		return failure{kind: kindStatement, text: ErrStatement.Error(), cause: err}, true
	case errors.As(err, &parameter):
		return failure{kind: kindParameter, text: parameter.Text, cause: err}, true
	case errors.As(err, &value):
		return failure{kind: kindValue, text: value.Error(), cause: err}, true
	}
	if e := serverError(err); e != nil {
		return failure{kind: kindServer, text: e.text(), server: e, cause: err}, true
	}
	f.kind = kindOther
	f.text, f.cause, ok = backend.Failure(ctx, err, errDropped, errLost, errPrepared)
	return f, ok
}

func serverError(err error) *ServerError {
	var e *ServerError
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// valueError says that a value of a result has no form in the interface. Its text has the type's name alone.
type valueError struct{ typ, why string }

func (e *valueError) Error() string {
	return fmt.Sprintf("a value of type %s has no form here: %s", e.typ, e.why)
}
