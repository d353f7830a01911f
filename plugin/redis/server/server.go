// Package server is a backend on a Redis or Valkey server: pools of connections, one a login, which are bounded, and connect anew by themselves.
package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/internal/redisconn"
	"github.com/vitrine-wasm/vitrine/plugin/redis"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Config is what a grant says: {redis: "redis://127.0.0.1:6379"}, or {redis: {url: …, password: {env: REDIS_PASSWORD}}}.
type Config struct {
	URL      string          `yaml:"url" required:"true" short:"true" minLength:"1" doc:"The server: redis://HOST:PORT, rediss://… with TLS, unix:///PATH. With the number of a database, redis://HOST:PORT/N, the component gets that one, whatever it asks for. It has no password."`
	Username string          `yaml:"username" doc:"The user, in place of the one that the component gives."`
	Password workload.Secret `yaml:"password" doc:"Where the password is, in place of the one that the component gives."`
}

// Type describes the backend to manifests. Its config is a [Config].
func Type() workload.BackendType {
	return workload.BackendType{Name: "redis", Doc: "A Redis or Valkey server.", Config: Config{}, Check: check}
}

func check(config any) (key, problem string) { return redisconn.Config(config.(Config)).Check() }

// The bounds of a backend.
const (
	maxConns  = 32              // of one login
	maxLogins = 16              // that are in use, or were not long ago
	maxIdle   = 5 * time.Minute // of a connection
)

// Backend implements redis.Backend.
type Backend struct {
	config   Config
	password string
	database string // of the URL; empty: the guest's

	mu     sync.Mutex
	pools  map[redis.Login]*pool
	used   int64 // counts uses of pools
	closed bool
}

// pool is a login's connections.
type pool struct {
	client *goredis.Client
	login  redis.Login
	users  int
	used   int64 // when it was used last
}

var (
	_ redis.Backend = (*Backend)(nil)
	_ io.Closer     = (*Backend)(nil)

	_ backend.Pinger = (*Backend)(nil)
)

// New makes a backend for a server, and connects to it when it is needed. It reads secrets at once. The backend must be closed.
func New(c Config) (*Backend, error) {
	o, err := redisconn.Config(c).Options()
	if err != nil {
		return nil, err
	}
	b := &Backend{config: c, password: o.Password, pools: map[redis.Login]*pool{}}
	b.config.Username = o.Username
	if _, place, _ := strings.Cut(c.URL, "://"); o.Network == "tcp" {
		_, b.database, _ = strings.Cut(place, "/")
	}
	return b, nil
}

// Name is the backend's name in grants of programs that add it by name.
func (*Backend) Name() string { return "redis" }

// Open implements redis.Backend.
func (b *Backend) Open(as redis.Login) (redis.Client, error) {
	o, err := redisconn.Config{URL: b.config.URL}.Options()
	if err != nil {
		return nil, err
	}
	if b.hasLogin() {
		as.User, as.Password = b.config.Username, b.password
	}
	if b.database != "" || o.DB != 0 {
		as.Database = o.DB
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errors.New("the backend is closed")
	}
	p := b.pools[as]
	if p == nil {
		if err := b.makeRoom(); err != nil {
			return nil, err
		}
		o.Username, o.Password, o.DB = as.User, as.Password, as.Database
		o.Protocol = 2 // whose answers are those that the interfaces know
		o.PoolSize, o.ConnMaxIdleTime = maxConns, maxIdle
		p = &pool{client: redisconn.Client(o), login: as}
		b.pools[as] = p
	}
	p.users++
	return &client{b: b, p: p}, nil
}

// makeRoom closes the pool that was not used for longest, if there are too many. b.mu is held.
func (b *Backend) makeRoom() error {
	if len(b.pools) < maxLogins {
		return nil
	}
	var oldest *pool
	for _, p := range b.pools {
		if p.users == 0 && (oldest == nil || p.used < oldest.used) {
			oldest = p
		}
	}
	if oldest == nil {
		return fmt.Errorf("%w: of %d users", redis.ErrConnections, maxLogins)
	}
	delete(b.pools, oldest.login)
	_ = oldest.client.Close()
	return nil
}

// Close closes all connections. Calls that are under way fail.
func (b *Backend) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	var errs []error
	for _, p := range b.pools {
		errs = append(errs, p.client.Close())
	}
	clear(b.pools)
	return errors.Join(errs...)
}

// client implements redis.Client.
type client struct {
	b    *Backend
	p    *pool
	once sync.Once
}

// Database implements redis.Client.
func (c *client) Database() int { return c.p.login.Database }

// Close implements redis.Client.
func (c *client) Close() {
	c.once.Do(func() {
		c.b.mu.Lock()
		defer c.b.mu.Unlock()
		c.b.used++
		c.p.users, c.p.used = c.p.users-1, c.b.used
	})
}

// Do implements redis.Client.
func (c *client) Do(ctx context.Context, hold func(bytes int) error, args ...any) (any, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	w := &answer{hold: hold}
	err := c.p.client.Process(ctx, goredis.NewRawWriteToCmd(ctx, w, args...))
	if w.failed != nil {
		return nil, w.failed
	}
	if err != nil {
		return nil, c.b.failure(ctx, err)
	}
	if err := hold(elementCost * bytes.Count(w.bytes, []byte("\r\n"))); err != nil {
		return nil, err
	}
	v, rest, err := parse(w.bytes, 0)
	if err == nil && len(rest) > 0 {
		err = errProtocol
	}
	if e, ok := v.(*redis.ServerError); ok && err == nil {
		return nil, c.b.named(e)
	}
	return v, err
}

// elementCost is what each element of an answer takes besides its bytes, until the guest has it.
const elementCost = 100

// answer takes the bytes of one.
type answer struct {
	bytes  []byte
	hold   func(bytes int) error
	failed error
}

// Write implements io.Writer. An error has the connection closed.
func (a *answer) Write(p []byte) (int, error) {
	switch {
	case a.failed != nil:
	case len(a.bytes)+len(p) > redis.MaxReply:
		a.failed = redis.ErrTooLarge
	default:
		a.failed = a.hold(2 * len(p)) // the buffer grows by doubling
	}
	if a.failed != nil {
		return 0, a.failed
	}
	a.bytes = append(a.bytes, p...)
	return len(p), nil
}

// failure names an error of the library.
func (b *Backend) failure(ctx context.Context, err error) error {
	var e goredis.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, goredis.ErrPoolTimeout):
		return fmt.Errorf("%w: %w", redis.ErrConnections, err)
	case errors.Is(err, goredis.ErrClosed):
		return err
	case errors.As(err, &e): // of the handshake: the login, the database
		return b.named(serverError(e.Error()))
	}
	return fmt.Errorf("%w: %w", redis.ErrUnavailable, err)
}

func serverError(text string) *redis.ServerError {
	code, _, _ := strings.Cut(text, " ")
	return &redis.ServerError{Code: code, Text: strings.ToValidUTF8(text, "\uFFFD")}
}

// unavailable are codes of a server that serves nothing now, and why that is so. Whether a login is refused because of the grant, only a grant with
// one tells.
var unavailable = map[string]string{
	"LOADING": workload.BackendUnavailable, "MASTERDOWN": workload.BackendUnavailable, "CLUSTERDOWN": workload.BackendUnavailable,
	"NOAUTH": workload.BackendDenied, "WRONGPASS": workload.BackendDenied,
}

// named wraps an error of the server's that has a name here.
func (b *Backend) named(e *redis.ServerError) error {
	reason, is := unavailable[e.Code]
	switch {
	case strings.HasPrefix(e.Text, "ERR max number of clients"):
		return fmt.Errorf("%w: %w", redis.ErrConnections, e)
	case is && (reason != workload.BackendDenied || b.hasLogin()):
		return &backend.DownError{Reason: reason, Err: fmt.Errorf("%w: %w", redis.ErrUnavailable, e)}
	case is:
		return fmt.Errorf("%w: %w", redis.ErrUnavailable, e)
	}
	return e
}

// hasLogin says that the grant has the login, and not the guest.
func (b *Backend) hasLogin() bool { return b.config.Username != "" || b.password != "" }

// Ping implements backend.Pinger.
func (b *Backend) Ping(ctx context.Context) error {
	c, err := b.Open(redis.Login{})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Do(ctx, func(int) error { return nil }, "PING")
	var e *redis.ServerError
	if errors.As(err, &e) && !errors.As(err, new(*backend.DownError)) { // it wants the guest's login: it is there
		return nil
	}
	return err
}
