package sqlite

import (
	"context"
	"errors"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite/bindings/spin2"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite/bindings/spin3"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Plugin serves fermyon:spin/sqlite@2.0.0 and spin:sqlite/sqlite@3.1.0.
type Plugin struct{ backends *backend.Set[Backend] }

var _ host.Plugin = (*Plugin)(nil)

// New makes a plugin with a backend for components whose grants name none. Its name in grants is that of its method Name() string,
// or "default" if it has none.
func New(b Backend) *Plugin { return &Plugin{backend.NewSet(b)} }

// AddType adds a type of backend that grants configure, and returns the plugin: see [backend.Set.AddType].
func (p *Plugin) AddType(t workload.BackendType, open func(ctx context.Context, config any) (Backend, error)) *Plugin {
	p.backends.AddType(t, open)
	return p
}

// Name implements host.Plugin.
func (*Plugin) Name() string { return "sqlite" }

// Backends returns the backends' names, for grants.
func (p *Plugin) Backends() []string { return p.backends.Names() }

// BackendTypes returns the types of backends that grants configure.
func (p *Plugin) BackendTypes() []workload.BackendType { return p.backends.Types() }

// Serves implements host.Plugin.
func (*Plugin) Serves() []wit.InterfaceID { return []wit.InterfaceID{spin2.SqliteID, spin3.SqliteID} }

// Bind implements host.Plugin. A component can open the databases that its grants name, each in the grant's backend, and no others. The
// last release of an owner has the backends drop its data, unless the grants keep it.
func (p *Plugin) Bind(ctx context.Context, l *component.Linker, b *host.Binding) (release func(), err error) {
	routes, release, err := p.backends.Bind(ctx, b, "sqlite", b.Component.Grants.SQLite)
	if err != nil {
		return nil, err
	}
	d := databases{routes}
	spin2.AddSqlite(l, spin2Databases{d})
	spin3.AddSqlite(l, spin3Databases{d})
	return release, nil
}

// databases are those of one component.
type databases struct {
	routes map[string]backend.Route[Backend]
}

// errNoDatabase says that no grant has the name.
var errNoDatabase = errors.New("no such database")

// connection is the resource, whatever its interface. Its methods may be called at once.
type connection struct {
	name  string
	watch *backend.Watch

	busy   chan struct{} // holds one element while a call uses the fields below
	conn   Conn          // nil when it has been dropped
	insert int64
	change uint64
}

func (d databases) open(ctx context.Context, name string) (*connection, error) {
	r, granted := d.routes[name]
	if !granted {
		return nil, errNoDatabase
	}
	conn, err := r.Backend.Open(ctx, r.Owner, name)
	r.Watch.Met(ctx, err)
	if err != nil {
		return nil, err
	}
	return &connection{name: name, watch: r.Watch, busy: make(chan struct{}, 1), conn: conn}, nil
}

// StoreSystem is the name of the database's kind.
func (c *connection) StoreSystem() string { return "sqlite" }

// StoreNamespace is the guest's name for the database, which its component's grants have.
func (c *connection) StoreNamespace() string { return c.name }

// Drop closes the connection.
func (c *connection) Drop(context.Context) error {
	c.busy <- struct{}{} // no call is under way: each has borrowed the connection
	defer func() { <-c.busy }()
	if c.conn != nil {
		_ = c.conn.Close() // there is no way to report an error
		c.conn = nil
	}
	return nil
}

// errDropped says that a call was under way, or began, when the guest dropped the connection.
var errDropped = errors.New("the connection was dropped")

// query runs a statement. held is what the result costs the host's memory until the guest has it.
func (c *connection) query(ctx context.Context, statement string, args []Value, held *cm.Holding) (Result, error) {
	if err := c.lock(ctx); err != nil {
		return Result{}, err
	}
	defer func() { <-c.busy }()
	if c.conn == nil {
		return Result{}, errDropped
	}
	r, err := c.conn.Query(ctx, statement, args, func(bytes int) error { return held.Hold(ctx, held.Bytes()+bytes) })
	c.watch.Met(ctx, err)
	c.insert, c.change = c.conn.LastInsertID(), c.conn.Changes()
	return r, err
}

// lock waits for the call under way. The error is ctx's.
func (c *connection) lock(ctx context.Context) error {
	select {
	case c.busy <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *connection) lastInsertID(ctx context.Context) (int64, error) {
	if err := c.lock(ctx); err != nil {
		return 0, err
	}
	defer func() { <-c.busy }()
	return c.insert, nil
}

func (c *connection) changes(ctx context.Context) (uint64, error) {
	if err := c.lock(ctx); err != nil {
		return 0, err
	}
	defer func() { <-c.busy }()
	return c.change, nil
}

// kind is a case of the interfaces' error.
type kind int

const (
	kindNoDatabase kind = iota
	kindDenied
	kindInvalid
	kindFull
	kindIO
)

// failure splits an error into the guest's case, with its text, and the cause for operators. ok is false if the call has no error for the
// guest, because its context has ended: cause is its error.
func failure(ctx context.Context, err error) (k kind, text string, cause error, ok bool) {
	var statement *StatementError
	switch {
	case ctx.Err() != nil:
		return 0, "", err, false
	case errors.Is(err, errNoDatabase):
		return kindNoDatabase, "", nil, true // the case says it all
	case errors.Is(err, errDropped):
		return kindInvalid, "", err, true
	case errors.Is(err, ErrAccessDenied):
		return kindDenied, "", err, true
	case errors.Is(err, ErrFull):
		return kindFull, "", err, true
	case errors.As(err, &statement):
		return kindIO, statement.Text, err, true
	}
	text, cause, ok = backend.Failure(ctx, err)
	return kindIO, text, cause, ok
}
