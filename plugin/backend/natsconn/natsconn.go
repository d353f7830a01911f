// Package natsconn connects backends to NATS servers: what brokers, buckets and objects there share. A connection is made in the background and again
// whenever it is lost, so that nothing waits for a server that is down, and everything goes on by itself when it is there.
package natsconn

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Config says where a server is, and who connects. It is what a grant says where there is nothing else to be said: {nats: "nats://127.0.0.1:4222"}.
type Config struct {
	URL         string          `yaml:"url" required:"true" short:"true" minLength:"1" doc:"The server: nats://HOST:PORT, tls://HOST:PORT; several with commas between. It has no password."`
	Username    string          `yaml:"username" doc:"The user."`
	Password    workload.Secret `yaml:"password" doc:"Where the user's password is."`
	Token       workload.Secret `yaml:"token" doc:"Where a token is that stands for user and password."`
	Credentials string          `yaml:"credentials" path:"true" doc:"The file with a user's JWT and seed."`
}

// Check finds a mistake: the key, and what is wrong and what is wanted.
func (c Config) Check() (key, problem string) {
	for server := range strings.SplitSeq(c.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		switch {
		case err != nil || u.Host == "" || u.Scheme != "nats" && u.Scheme != "tls" && u.Scheme != "ws" && u.Scheme != "wss":
			return "url", "want nats://HOST:PORT or tls://HOST:PORT" // err quotes it, with what may be a password
		case u.User != nil:
			return "url", "the URL has a user or a token; leave that out, and say where it is: username and password: {env: NAME}, or token: {env: NAME}"
		}
	}
	return "", ""
}

// options are the library's, with the secrets.
func (c Config) options() ([]nats.Option, error) {
	password, err := c.Password.Read()
	if err != nil {
		return nil, fmt.Errorf("password: %w", err)
	}
	token, err := c.Token.Read()
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	var opts []nats.Option
	if c.Username != "" {
		opts = append(opts, nats.UserInfo(c.Username, password))
	}
	if token != "" {
		opts = append(opts, nats.Token(token))
	}
	if c.Credentials != "" {
		opts = append(opts, nats.UserCredentials(c.Credentials))
	}
	return opts, nil
}

// dialTime bounds a try to connect.
const dialTime = 2 * time.Second

// CallTime is what a call may wait for a server that does not answer. The invocation's deadline counts as well.
const CallTime = 4 * time.Second

// ErrDown says that there is no connection now.
var ErrDown error = &backend.DownError{Reason: workload.BackendConnection, Err: errors.New("not connected")}

// ErrNoAnswer says that the server has not answered in the time of a call.
var ErrNoAnswer error = &backend.DownError{Reason: workload.BackendTimeout, Err: errors.New("the server does not answer in time")}

// Conn is a connection, or the tries to make one. It is safe for concurrent use.
type Conn struct {
	ended  context.Context
	end    context.CancelFunc
	ready  chan struct{} // closed when nc or failed is set, after the first try to connect
	nc     *nats.Conn
	js     jetstream.JetStream
	failed error

	mu        sync.Mutex
	down      bool
	connected context.Context // ends when the connection is lost
	lose      context.CancelFunc
	listeners map[*func(error)]struct{}
}

// Open connects in the background, for as long as it takes. It reads secrets at once. The connection must be closed.
func Open(c Config) (*Conn, error) {
	if key, problem := c.Check(); problem != "" {
		return nil, fmt.Errorf("%s: %s", key, problem)
	}
	opts, err := c.options()
	if err != nil {
		return nil, err
	}
	b := &Conn{ready: make(chan struct{}), listeners: map[*func(error)]struct{}{}}
	b.ended, b.end = context.WithCancel(context.Background())
	b.connected, b.lose = context.WithCancel(b.ended)
	opts = append(opts,
		nats.Name("vitrine"), nats.Timeout(dialTime), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.CustomReconnectDelay(delay),
		nats.ReconnectBufSize(-1), // a message that is only in a buffer here is not with the server
		nats.NoCallbacksAfterClientClose(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { b.changed(errors.Join(ErrDown, err)) }),
		nats.ConnectHandler(func(*nats.Conn) { b.changed(nil) }),
		nats.ReconnectHandler(func(*nats.Conn) { b.changed(nil) }),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // the library would print it; calls say what happened to them
		nats.IgnoreDiscoveredServers(),                                    // the grant names the servers
	)
	go b.connect(c.URL, opts)
	return b, nil
}

// connect makes the first try, which may wait for a server that does not answer.
func (b *Conn) connect(url string, opts []nats.Option) {
	defer close(b.ready)
	nc, err := nats.Connect(url, opts...)
	if err != nil {
		b.failed = fmt.Errorf("%w: %w", ErrDown, err)
		return
	}
	if b.nc = nc; !nc.IsConnected() {
		b.changed(errors.Join(ErrDown, nc.LastError()))
	}
	if b.js, err = jetstream.New(nc); err != nil {
		b.failed = err
	}
	if b.ended.Err() != nil {
		nc.Close()
	}
}

// delay is how long the next try to connect waits: it doubles, up to 8 s, and is never the same for all who wait.
func delay(attempts int) time.Duration {
	d := 8 * time.Second
	if attempts < 7 {
		d = 100 * time.Millisecond << attempts
	}
	return d/2 + rand.N(d/2)
}

// Ended ends with Close.
func (b *Conn) Ended() context.Context { return b.ended }

// Close ends the connection, and the tries to make one.
func (b *Conn) Close() error {
	b.end()
	select {
	case <-b.ready:
		if b.nc != nil {
			b.nc.Close()
		}
	default: // the first try ends it
	}
	return nil
}

// changed notes that the connection was lost or made, and tells the listeners, if that is news.
func (b *Conn) changed(err error) {
	b.mu.Lock()
	news := b.down != (err != nil)
	b.down = err != nil
	if b.down {
		b.lose()
	} else if b.connected.Err() != nil {
		b.connected, b.lose = context.WithCancel(b.ended)
	}
	var tell []func(error)
	for f := range b.listeners {
		tell = append(tell, *f)
	}
	b.mu.Unlock()
	if news {
		for _, f := range tell {
			f(err)
		}
	}
}

// Notify calls f with each change of the connection: why there is none, or nil; and at once where there is none already. f must not wait.
func (b *Conn) Notify(f func(err error)) (stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listeners[&f] = struct{}{}
	if b.down {
		f(ErrDown)
	}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.listeners, &f)
	}
}

// Get returns the connection and its JetStream, if it is there now, and else an ErrDown. It waits for nothing but the first try to connect.
func (b *Conn) Get(ctx context.Context) (*nats.Conn, jetstream.JetStream, error) {
	select {
	case <-b.ready:
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	switch {
	case b.failed != nil:
		return nil, nil, b.failed
	case ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	case b.nc.IsConnected():
		return b.nc, b.js, nil
	}
	return nil, nil, errors.Join(ErrDown, b.nc.LastError())
}

// Unreachable says that err is of a connection that was lost, or of a JetStream that has nobody to answer.
func Unreachable(err error) bool {
	for _, e := range []error{nats.ErrReconnectBufExceeded, nats.ErrConnectionClosed, nats.ErrDisconnected, nats.ErrNoServers, nats.ErrConnectionReconnecting, nats.ErrStaleConnection} {
		if errors.Is(err, e) {
			return true
		}
	}
	var api *jetstream.APIError
	return errors.As(err, &api) && api.Code == 503
}
