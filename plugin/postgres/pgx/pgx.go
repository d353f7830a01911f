// Package pgx connects to PostgreSQL servers, by the library of that name.
//
// Nothing of a connection comes from the host's environment or files, as libpq and the library have it by themselves: the grant, and the
// guest's login where the grant leaves that open, say all.
package pgx

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/postgres"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Config is what a grant says: {postgres: "postgres://app@db.example.com/shop"}, or {postgres: {url: …, password: {env: PGPASSWORD}}}.
type Config struct {
	URL         string          `yaml:"url" required:"true" short:"true" minLength:"1" doc:"The server: postgres://USER@HOST:PORT/DATABASE?sslmode=require. Without a user, the component's address says as whom it logs in, and without a database, to which. It has no password."`
	Password    workload.Secret `yaml:"password" doc:"Where the user's password is."`
	Connections int             `yaml:"connections" minimum:"0" maximum:"1000" doc:"How many connections there may be at once; default 20."`
	Timeout     string          `yaml:"timeout" doc:"How long a statement may take until its next row; default 30s."`
}

// Type describes the backend to manifests. Its config is a [Config].
func Type() workload.BackendType {
	return workload.BackendType{Name: "postgres", Doc: "A PostgreSQL server.", Config: Config{}, Check: check}
}

func check(config any) (key, problem string) {
	c := config.(Config)
	a, err := postgres.ParseAddress(c.URL)
	switch {
	case err != nil:
		return "url", err.Error()
	case a.Password != "":
		return "url", "the URL has a password; leave it out, and say where it is: password: {env: NAME} or {file: PATH}"
	case a.User == "" && c.Password != (workload.Secret{}):
		return "url", "there is a password, and no user; want postgres://USER@HOST"
	case c.Connections < 0 || c.Connections > maxConnections:
		return "connections", fmt.Sprintf("want a number up to %d", maxConnections)
	}
	if c.Timeout != "" {
		if d, err := time.ParseDuration(c.Timeout); err != nil || d <= 0 {
			return "timeout", "want a duration, for example 30s"
		}
	}
	return "", ""
}

// Bounds of a backend.
const (
	defaultConnections = 20
	maxConnections     = 1000
	maxLogins          = 64       // pools at once, where guests say who logs in
	maxMessage         = 64 << 20 // of the server, in bytes: a row, or an error
	dialTime           = 5 * time.Second
	idleTime           = time.Minute
	resetTime          = 2 * time.Second
)

// Backend implements postgres.Backend.
type Backend struct {
	address postgres.Address
	most    int
	timeout time.Duration
	slots   chan struct{} // holds an element for each connection in use

	mu     sync.Mutex
	pools  map[postgres.Login]*pgxpool.Pool
	closed bool
	names  map[typeKey]string // of types that are not PostgreSQL's own
}

var (
	_ postgres.Backend = (*Backend)(nil)
	_ backend.Pinger   = (*Backend)(nil)
)

// New makes a backend for a server, and connects to it when it is needed. It reads the password at once. The backend must be closed.
func New(c Config) (*Backend, error) {
	if key, problem := check(c); problem != "" {
		return nil, fmt.Errorf("%s: %s", key, problem)
	}
	b := &Backend{
		most: cmp.Or(c.Connections, defaultConnections), timeout: postgres.DefaultTimeout,
		pools: map[postgres.Login]*pgxpool.Pool{}, names: map[typeKey]string{},
	}
	b.slots = make(chan struct{}, b.most)
	var err error
	if b.address, err = postgres.ParseAddress(c.URL); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	if c.Timeout != "" {
		if b.timeout, err = time.ParseDuration(c.Timeout); err != nil {
			return nil, fmt.Errorf("timeout: %w", err)
		}
	}
	if b.address.Password, err = c.Password.Read(); err != nil {
		return nil, fmt.Errorf("password: %w", err)
	}
	return b, nil
}

// Name is the backend's name in grants of programs that add it by name.
func (*Backend) Name() string { return "postgres" }

// closeTime bounds how long Close waits for connections in use.
const closeTime = 5 * time.Second

// Close closes the connections. It waits for those in use, for some seconds; later they are closed with the end of their use.
func (b *Backend) Close() error {
	b.mu.Lock()
	b.closed = true
	pools := b.pools
	b.pools = nil
	b.mu.Unlock()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for _, p := range pools {
			p.Close()
		}
	}()
	select {
	case <-closed:
		return nil
	case <-time.After(closeTime):
		return errors.New("some connections are still in use; they are closed when they are not")
	}
}

// login is what a connection logs in with: what the grant says, and otherwise what the guest says.
func (b *Backend) login(as postgres.Login) postgres.Login {
	if b.address.User != "" {
		as.User, as.Password = b.address.User, b.address.Password
	}
	as.Database = cmp.Or(b.address.Database, as.Database, as.User)
	if as.CA != "" && b.address.TLS == "" && as.TLS != "disable" {
		as.TLS = "verify-full" // or the certificate would be of no use
	}
	as.TLS = cmp.Or(b.address.TLS, as.TLS, "prefer")
	return as
}

// Open implements postgres.Backend.
func (b *Backend) Open(ctx context.Context, as postgres.Login) (postgres.Conn, error) {
	as = b.login(as)
	if as.User == "" {
		return nil, fmt.Errorf("%w: neither the grant nor the address says as which user", postgres.ErrUnavailable)
	}
	bounded, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	select {
	case b.slots <- struct{}{}:
	case <-bounded.Done():
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("%w: all %d connections were in use for %s", postgres.ErrUnavailable, b.most, b.timeout)
	}
	connecting, done := context.WithTimeout(ctx, dialTime)
	defer done()
	c, err := b.acquire(connecting, as)
	if err != nil {
		<-b.slots
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	return &conn{backend: b, pooled: c, pg: c.Conn().PgConn(), login: as}, nil
}

func (b *Backend) acquire(ctx context.Context, as postgres.Login) (*pgxpool.Conn, error) {
	p, err := b.pool(as)
	if err != nil {
		return nil, err
	}
	c, err := p.Acquire(ctx)
	if err != nil {
		return nil, b.unavailable(err)
	}
	return c, nil
}

// errClosed says that the workload has ended.
var errClosed = fmt.Errorf("%w: the backend is closed", postgres.ErrUnavailable)

// pool returns the pool of a login, and closes those without connections if there are too many.
func (b *Backend) pool(as postgres.Login) (*pgxpool.Pool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errClosed
	}
	if p := b.pools[as]; p != nil {
		return p, nil
	}
	for login, p := range b.pools {
		if len(b.pools) < maxLogins {
			break
		}
		if p.Stat().AcquiredConns() == 0 && p.Stat().ConstructingConns() == 0 {
			delete(b.pools, login)
			go p.Close() // it waits for those who got the pool just before
		}
	}
	if len(b.pools) >= maxLogins {
		return nil, fmt.Errorf("%w: there are connections of %d different logins", postgres.ErrUnavailable, maxLogins)
	}
	c, err := b.poolConfig(as)
	if err != nil {
		return nil, err
	}
	p, err := pgxpool.NewWithConfig(context.Background(), c) // which connects when a connection is wanted
	if err != nil {
		return nil, fmt.Errorf("%w: %w", postgres.ErrUnavailable, err)
	}
	b.pools[as] = p
	return p, nil
}

func (b *Backend) poolConfig(as postgres.Login) (*pgxpool.Config, error) {
	c, err := pgxpool.ParseConfig("host=x sslmode=disable passfile=''")
	if err != nil {
		return nil, fmt.Errorf("making a config: %w", err)
	}
	c.MaxConns, c.MinConns, c.MaxConnIdleTime, c.HealthCheckPeriod, c.PingTimeout = int32(b.most), 0, idleTime, idleTime/2, dialTime
	c.AfterConnect, c.AfterRelease = prepare, reset
	pg := &c.ConnConfig.Config
	pg.Host, pg.Port, pg.User, pg.Password, pg.Database = b.address.Host, b.address.Port, as.User, as.Password, as.Database
	pg.ConnectTimeout, pg.MaxProtocolMessageBodyLen = dialTime, maxMessage
	pg.RuntimeParams = map[string]string{"client_encoding": "UTF8", "application_name": "vitrine"}
	dialer := &net.Dialer{Timeout: dialTime, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}}
	pg.DialFunc = dialer.DialContext
	pg.LookupFunc = net.DefaultResolver.LookupHost
	pg.Fallbacks = nil
	modes, err := tlsModes(as, b.address.Host)
	if err != nil {
		return nil, err
	}
	pg.TLSConfig = modes[0]
	for _, m := range modes[1:] {
		pg.Fallbacks = append(pg.Fallbacks, &pgconn.FallbackConfig{Host: pg.Host, Port: pg.Port, TLSConfig: m})
	}
	pg.SSLNegotiation, pg.SSLCertMode, pg.KerberosSrvName, pg.KerberosSpn = "", "disable", "", ""
	pg.ValidateConnect, pg.OnNotice, pg.OnNotification = nil, nil, nil
	c.ConnConfig.Tracer = nil
	c.ConnConfig.StatementCacheCapacity, c.ConnConfig.DescriptionCacheCapacity = 0, 0
	return c, nil
}

// tlsModes are the ways to connect, the first one first; nil: without TLS (PostgreSQL 15, 34.19.3).
func tlsModes(as postgres.Login, host string) ([]*tls.Config, error) {
	if as.TLS == "disable" || host[0] == '/' {
		return []*tls.Config{nil}, nil
	}
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if as.CA != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(as.CA)) {
			return nil, &postgres.ParameterError{Text: "want a certificate in PEM"}
		}
	}
	switch as.TLS {
	case "verify-full":
		return []*tls.Config{c}, nil
	case "verify-ca":
		roots := c.RootCAs
		c.InsecureSkipVerify = true // of the name; the chain is checked here
		c.VerifyConnection = func(s tls.ConnectionState) error { return verifyChain(s, roots) }
		return []*tls.Config{c}, nil
	}
	c.InsecureSkipVerify = true
	switch as.TLS {
	case "require":
		return []*tls.Config{c}, nil
	case "allow":
		return []*tls.Config{nil, c}, nil
	}
	return []*tls.Config{c, nil}, nil // prefer
}

func verifyChain(s tls.ConnectionState, roots *x509.CertPool) error {
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range s.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(o)
	return err
}

// reset makes a connection as new for the next guest. It is not asked for one within a transaction, which the pool closes.
func reset(c *pgx.Conn) bool {
	ctx, cancel := context.WithTimeout(context.Background(), resetTime)
	defer cancel()
	_, err := c.PgConn().Exec(ctx, "DISCARD ALL").ReadAll()
	return err == nil && prepare(ctx, c) == nil
}

// prepare has the server see when a client has gone while a statement runs: the library asks it to end the statement, too, but that may
// come before the statement has begun. Servers before version 14 have no such setting.
func prepare(ctx context.Context, c *pgx.Conn) error {
	_, err := c.PgConn().Exec(ctx, "SET client_connection_check_interval = '2s'").ReadAll()
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Severity == "ERROR" {
		return nil
	}
	return err
}

// Ping implements backend.Pinger. Where guests log in, the server is asked for a connection of the network only.
func (b *Backend) Ping(ctx context.Context) error {
	as := b.login(postgres.Login{})
	if as.User == "" {
		network, address := pgconn.NetworkAddress(b.address.Host, b.address.Port)
		c, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, network, address)
		if err != nil {
			return err
		}
		return c.Close()
	}
	c, err := b.Open(ctx, postgres.Login{})
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Batch(ctx, "SELECT 1")
}

// unavailable says why there is no connection, without the login, which the library's own text has.
func (b *Backend) unavailable(err error) error {
	reason, why := b.reason(err)
	out := fmt.Errorf("%w: %s: %w", postgres.ErrUnavailable, b.address.Place(), why)
	if reason == "" {
		return out
	}
	return &backend.DownError{Reason: reason, Err: out}
}

// reason is that of [workload.BackendState], and empty where a guest's own login is wrong; why says it in words.
func (b *Backend) reason(err error) (reason string, why error) {
	var refused *pgconn.PgError
	var network *net.OpError
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var connecting *pgconn.ConnectError
	switch {
	case errors.As(err, &refused) && b.address.User == "" && (strings.HasPrefix(refused.Code, "28") || refused.Code == "3D000"):
		return "", serverError(refused)
	case errors.As(err, &refused) && strings.HasPrefix(refused.Code, "28"):
		return workload.BackendDenied, serverError(refused)
	case errors.As(err, &refused):
		return workload.BackendUnavailable, serverError(refused)
	case errors.Is(err, context.DeadlineExceeded):
		return workload.BackendTimeout, errors.New("it does not answer")
	case errors.As(err, &dns):
		return workload.BackendDNS, dns
	case errors.As(err, &network):
		return workload.BackendConnection, network
	case errors.As(err, &certificate):
		return workload.BackendTLS, certificate
	case errors.As(err, &connecting):
		return workload.BackendConnection, errors.New("the server does not speak the protocol, or not as sslmode wants")
	}
	return workload.BackendConnection, errors.New("the connection was lost")
}

func serverError(e *pgconn.PgError) *postgres.ServerError {
	out := &postgres.ServerError{Severity: cmp.Or(e.SeverityUnlocalized, e.Severity), Code: e.Code, Message: e.Message, Detail: e.Detail}
	position := func(n int32) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(int(n))
	}
	for _, x := range [][2]string{
		{"hint", e.Hint}, {"position", position(e.Position)}, {"internal_position", position(e.InternalPosition)}, {"internal_query", e.InternalQuery}, {"where", e.Where},
		{"schema_name", e.SchemaName}, {"table_name", e.TableName}, {"column_name", e.ColumnName}, {"data_type_name", e.DataTypeName}, {"constraint_name", e.ConstraintName},
		{"file", e.File}, {"line", position(e.Line)}, {"routine", e.Routine},
	} {
		if x[1] != "" {
			out.Extras = append(out.Extras, x)
		}
	}
	return out
}
