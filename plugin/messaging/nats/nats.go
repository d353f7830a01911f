// Package nats is a broker on a NATS server. Plain subscriptions are those of core NATS; durable ones are consumers of a JetStream stream, which
// the server keeps. Fields of a message are NATS headers.
package nats

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/backend/natsconn"
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
	if key, problem = c.server().Check(); problem != "" {
		return key, problem
	}
	if strings.ContainsAny(c.Stream, ". *>/\\\t\r\n") {
		return "stream", "want a name without dots, spaces, slashes and wildcards"
	}
	return "", ""
}

// server is what the config says of the connection.
func (c Config) server() natsconn.Config {
	return natsconn.Config{URL: c.URL, Username: c.Username, Password: c.Password, Token: c.Token, Credentials: c.Credentials}
}

// callTime is what a call may wait for a server that does not answer.
const callTime = natsconn.CallTime

// Backend implements messaging.Backend, and is its own Bus: a server's subjects belong to all who have access to it.
type Backend struct {
	server *natsconn.Conn
	stream string
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
	conn, err := natsconn.Open(c.server())
	if err != nil {
		return nil, err
	}
	return &Backend{conn, c.Stream}, nil
}

// Name is the backend's name in grants of programs that add it by name.
func (*Backend) Name() string { return "nats" }

// System implements messaging.Backend.
func (*Backend) System() string { return "nats" }

// Bus implements messaging.Backend.
func (b *Backend) Bus(messaging.Owner) messaging.Bus { return b }

// Close ends the connection, and the tries to make one.
func (b *Backend) Close() error { return b.server.Close() }

// Notify implements backend.Notifier.
func (b *Backend) Notify(f func(err error)) (stop func()) { return b.server.Notify(f) }

// conn is the connection and its JetStream, if it is there now.
func (b *Backend) conn(ctx context.Context) (*nats.Conn, jetstream.JetStream, error) {
	nc, js, err := b.server.Get(ctx)
	if errors.Is(err, natsconn.ErrDown) {
		err = fmt.Errorf("%w: %w", messaging.ErrUnavailable, err)
	}
	return nc, js, err
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
	nc, js, err := b.conn(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if b.stream != "" && !strings.HasPrefix(m.Subject, inbox) && m.Reply == "" {
		_, err := js.PublishMsg(ctx, toNATS(m), jetstream.WithRetryAttempts(0))
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
	nc, _, err := b.conn(ctx)
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
	case natsconn.Unreachable(err):
		return named(messaging.ErrUnavailable)
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("the stream has no such subject, or is not there: %w", err)
	case errors.As(err, &api) && strings.Contains(api.Description, "maximum"):
		return named(messaging.ErrQuota)
	}
	return err
}
