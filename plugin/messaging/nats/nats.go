// Package nats is a broker on a NATS server. Plain subscriptions are those of core NATS; durable ones are consumers of a JetStream stream, which
// the server keeps. Fields of a message are NATS headers.
package nats

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
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Config is what a grant says: {nats: "nats://127.0.0.1:4222"}, or {nats: {url: …, stream: ORDERS, credentials: nats.creds}}.
type Config struct {
	URL         string          `yaml:"url" required:"true" short:"true" minLength:"1" doc:"The server: nats://HOST:PORT, tls://HOST:PORT; several with commas between. It has no password."`
	Stream      string          `yaml:"stream" doc:"The JetStream stream that keeps the messages of these subjects: a message is accepted when it is stored there, and durable subscriptions read it. A durable subscription makes it if it is missing."`
	Username    string          `yaml:"username" doc:"The user."`
	Password    workload.Secret `yaml:"password" doc:"Where the user's password is."`
	Token       workload.Secret `yaml:"token" doc:"Where a token is that stands for user and password."`
	Credentials string          `yaml:"credentials" path:"true" doc:"The file with a user's JWT and seed."`
}

// Type describes the backend to manifests. Its config is a [Config].
func Type() workload.BackendType {
	return workload.BackendType{Name: "nats", Doc: "A NATS server.", Config: Config{}, Check: check}
}

func check(config any) (key, problem string) {
	c := config.(Config)
	for server := range strings.SplitSeq(c.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		switch {
		case err != nil || u.Host == "" || u.Scheme != "nats" && u.Scheme != "tls" && u.Scheme != "ws" && u.Scheme != "wss":
			return "url", "want nats://HOST:PORT or tls://HOST:PORT" // err quotes it, with what may be a password
		case u.User != nil:
			return "url", "the URL has a user or a token; leave that out, and say where it is: username and password: {env: NAME}, or token: {env: NAME}"
		}
	}
	if strings.ContainsAny(c.Stream, ". *>/\\\t\r\n") {
		return "stream", "want a name without dots, spaces, slashes and wildcards"
	}
	return "", ""
}

// A server that does not answer costs a call no more than this. The invocation's deadline counts as well.
const (
	dialTime = 2 * time.Second
	callTime = 4 * time.Second
)

// Backend implements messaging.Backend, and is its own Bus: a server's subjects belong to all who have access to it.
type Backend struct {
	stream string
	ended  context.Context
	end    context.CancelFunc
	ready  chan struct{} // closed when nc or failed is set, after the first try to connect
	nc     *nats.Conn
	js     jetstream.JetStream
	failed error

	mu        sync.Mutex
	down      error // the reason; nil: connected
	listeners map[*func(error)]struct{}
}

var (
	_ messaging.Backend = (*Backend)(nil)
	_ messaging.Bus     = (*Backend)(nil)
	_ backend.Notifier  = (*Backend)(nil)
)

// Open makes a backend for a server, and connects to it in the background, for as long as it takes. It reads secrets at once. The backend must
// be closed.
func Open(c Config) (*Backend, error) {
	if key, problem := check(c); problem != "" {
		return nil, fmt.Errorf("%s: %s", key, problem)
	}
	b := &Backend{stream: c.Stream, ready: make(chan struct{}), listeners: map[*func(error)]struct{}{}}
	b.ended, b.end = context.WithCancel(context.Background())
	opts := []nats.Option{
		nats.Name("vitrine"), nats.Timeout(dialTime), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.CustomReconnectDelay(delay),
		nats.ReconnectBufSize(-1), // a message that is only in a buffer here is not with the broker
		nats.NoCallbacksAfterClientClose(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { b.changed(errors.Join(errDown, err)) }),
		nats.ConnectHandler(func(*nats.Conn) { b.changed(nil) }),
		nats.ReconnectHandler(func(*nats.Conn) { b.changed(nil) }),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // the library would print it; calls say what happened to them
		nats.IgnoreDiscoveredServers(),                                    // the grant names the servers
	}
	password, err := c.Password.Read()
	if err != nil {
		return nil, fmt.Errorf("password: %w", err)
	}
	token, err := c.Token.Read()
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	if c.Username != "" {
		opts = append(opts, nats.UserInfo(c.Username, password))
	}
	if token != "" {
		opts = append(opts, nats.Token(token))
	}
	if c.Credentials != "" {
		opts = append(opts, nats.UserCredentials(c.Credentials))
	}
	go func() { // the first try may wait for a server that does not answer
		defer close(b.ready)
		nc, err := nats.Connect(c.URL, opts...)
		if err != nil {
			b.failed = fmt.Errorf("%w: %w", messaging.ErrUnavailable, err)
			return
		}
		if b.nc = nc; !nc.IsConnected() {
			b.changed(errors.Join(errDown, nc.LastError()))
		}
		if b.js, err = jetstream.New(nc); err != nil {
			b.failed = err
		}
		if b.ended.Err() != nil {
			nc.Close()
		}
	}()
	return b, nil
}

var errDown = errors.New("not connected")

// delay is how long the next try to connect waits: it doubles, up to 8 s, and is never the same for all who wait.
func delay(attempts int) time.Duration {
	d := 8 * time.Second
	if attempts < 7 {
		d = 100 * time.Millisecond << attempts
	}
	return d/2 + rand.N(d/2)
}

// Name is the backend's name in grants of programs that add it by name.
func (*Backend) Name() string { return "nats" }

// System implements messaging.Backend.
func (*Backend) System() string { return "nats" }

// Bus implements messaging.Backend.
func (b *Backend) Bus(messaging.Owner) messaging.Bus { return b }

// Close ends the connection, and the tries to make one.
func (b *Backend) Close() error {
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
func (b *Backend) changed(err error) {
	b.mu.Lock()
	news := (b.down == nil) != (err == nil)
	b.down = err
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

// Notify implements backend.Notifier.
func (b *Backend) Notify(f func(err error)) (stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listeners[&f] = struct{}{}
	if b.down != nil {
		f(b.down)
	}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.listeners, &f)
	}
}

// conn is the connection, if it is there now.
func (b *Backend) conn(ctx context.Context) (*nats.Conn, error) {
	select {
	case <-b.ready:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	switch {
	case b.failed != nil:
		return nil, b.failed
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case b.nc.IsConnected():
		return b.nc, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return nil, fmt.Errorf("%w: %w", messaging.ErrUnavailable, errors.Join(errDown, b.nc.LastError()))
}

func toNATS(m *messaging.Message) *nats.Msg {
	out := &nats.Msg{Subject: m.Subject, Reply: m.Reply, Data: m.Body}
	if len(m.Header) > 0 {
		out.Header = make(nats.Header, len(m.Header))
		for name, v := range m.Header {
			out.Header[name] = []string{v}
		}
	}
	return out
}

func fromNATS(subject, reply string, data []byte, header nats.Header) *messaging.Message {
	m := &messaging.Message{Subject: subject, Body: data, Reply: reply}
	if len(header) > 0 {
		m.Header = make(map[string]string, len(header))
		for name, vs := range header { // other programs write them in capitals
			m.Header[strings.ToLower(name)] = strings.Join(vs, ",")
		}
	}
	return m
}

// inbox is where answers to requests go: no stream keeps them.
const inbox = "_INBOX."

// Publish implements messaging.Bus: the server has confirmed the message, or, if the grant names a stream, the stream has stored it. The stream's
// word comes as an answer, so that who subscribes to the subject without a stream sees a subject for answers; and a message that waits for
// another answer is not known to be stored.
func (b *Backend) Publish(ctx context.Context, m *messaging.Message) error {
	if err := messaging.CheckSubject(m.Subject); err != nil {
		return err
	}
	nc, err := b.conn(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if b.stream != "" && !strings.HasPrefix(m.Subject, inbox) && m.Reply == "" {
		_, err := b.js.PublishMsg(ctx, toNATS(m), jetstream.WithRetryAttempts(0))
		return failure(err)
	}
	if err := nc.PublishMsg(toNATS(m)); err != nil {
		return failure(err)
	}
	return failure(nc.FlushWithContext(ctx))
}

var errStreamAnswers = errors.New("a stream answers each message itself: grant the subjects of requests without a stream")

// Request implements messaging.Bus. If nobody listens it is an ErrTimeout at once.
func (b *Backend) Request(ctx context.Context, m *messaging.Message) (*messaging.Message, error) {
	if err := messaging.CheckSubject(m.Subject); err != nil {
		return nil, err
	}
	if b.stream != "" {
		return nil, errStreamAnswers
	}
	nc, err := b.conn(ctx)
	if err != nil {
		return nil, err
	}
	out := toNATS(m)
	out.Reply = ""
	answer, err := nc.RequestMsgWithContext(ctx, out)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return nil, fmt.Errorf("%w: nobody listens", messaging.ErrTimeout)
	case err != nil:
		return nil, failure(err)
	}
	return fromNATS(answer.Subject, answer.Reply, answer.Data, answer.Header), nil
}

// failure names an error that guests are told.
func failure(err error) error {
	named := func(e error) error { return fmt.Errorf("%w: %w", e, err) }
	var api *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrMaxPayload):
		return named(messaging.ErrTooLarge)
	case errors.Is(err, nats.ErrBadSubject):
		return named(messaging.ErrSubject)
	case errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrDisconnected), errors.Is(err, nats.ErrNoServers),
		errors.Is(err, nats.ErrConnectionReconnecting), errors.Is(err, nats.ErrStaleConnection):
		return named(messaging.ErrUnavailable)
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("the stream has no such subject, or is not there: %w", err)
	case errors.As(err, &api) && api.Code == 503:
		return named(messaging.ErrUnavailable)
	case errors.As(err, &api) && strings.Contains(api.Description, "maximum"):
		return named(messaging.ErrQuota)
	}
	return err
}
