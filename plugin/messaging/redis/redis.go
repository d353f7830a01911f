// Package redis is a broker on a Redis or Valkey server, by its pub/sub: a subject is the channel of the same name. That brings a message to who
// subscribes at the time, once at most: there is no acknowledgement, no group, no durable subscription, no field (so that no trace goes on
// where a message is handled) and no answer. Each that is asked for is an error that says so.
package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/internal/redisconn"
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Config is what a grant says: {redis: "redis://127.0.0.1:6379"}, or {redis: {url: …, password: {env: REDIS_PASSWORD}}}.
type Config struct {
	URL      string          `yaml:"url" required:"true" short:"true" minLength:"1" doc:"The server: redis://HOST:PORT, rediss://… with TLS, unix:///PATH. It has no password."`
	Username string          `yaml:"username" doc:"The user; default that of the URL, or the server's default."`
	Password workload.Secret `yaml:"password" doc:"Where the password is."`
}

// Type describes the backend to manifests. Its config is a [Config].
func Type() workload.BackendType {
	return workload.BackendType{Name: "redis", Doc: "The pub/sub of a Redis or Valkey server.", Config: Config{}, Check: check}
}

func check(config any) (key, problem string) { return redisconn.Config(config.(Config)).Check() }

// Backend implements messaging.Backend, and is its own Bus: a server's channels belong to all who have access to it.
type Backend struct{ client *redis.Client }

var (
	_ messaging.Backend = (*Backend)(nil)
	_ messaging.Bus     = (*Backend)(nil)
	_ io.Closer         = (*Backend)(nil)
	_ backend.Pinger    = (*Backend)(nil)
)

// Open makes a backend for a server, and connects to it when it is needed. It reads secrets at once. The backend must be closed.
func Open(c Config) (*Backend, error) {
	client, err := redisconn.Config(c).Open()
	if err != nil {
		return nil, err
	}
	return &Backend{client}, nil
}

// Name is the backend's name in grants of programs that add it by name.
func (*Backend) Name() string { return "redis" }

// System implements messaging.Backend.
func (*Backend) System() string { return "redis" }

// Bus implements messaging.Backend.
func (b *Backend) Bus(messaging.Owner) messaging.Bus { return b }

// Ping implements backend.Pinger.
func (b *Backend) Ping(ctx context.Context) error { return failure(b.client.Ping(ctx).Err()) }

// Close closes the connections. Subscriptions are closed on their own.
func (b *Backend) Close() error { return b.client.Close() }

// Errors of what pub/sub does not have.
var (
	errFields  = errors.New("pub/sub of Redis has no answers: a message has no room for where they go")
	errGroup   = errors.New("pub/sub of Redis has no groups: each who subscribes gets each message")
	errDurable = errors.New("pub/sub of Redis keeps no messages: a subscription cannot be durable")
)

// Publish implements messaging.Bus. Fields of the message, and the subject for answers, stay here.
func (b *Backend) Publish(ctx context.Context, m *messaging.Message) error {
	if err := messaging.CheckSubject(m.Subject); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	return failure(b.client.Publish(ctx, m.Subject, m.Body).Err())
}

// Request implements messaging.Bus: it is an error.
func (b *Backend) Request(_ context.Context, m *messaging.Message) (*messaging.Message, error) {
	if err := messaging.CheckSubject(m.Subject); err != nil {
		return nil, err
	}
	return nil, errFields
}

// failure names an error that guests are told.
func failure(err error) error {
	var net net.Error
	var answer redis.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &answer) && !errors.Is(err, redis.ErrPoolTimeout):
		switch word, _, _ := strings.Cut(err.Error(), " "); word {
		case "LOADING", "MASTERDOWN", "CLUSTERDOWN":
			return &backend.DownError{Reason: workload.BackendUnavailable, Err: fmt.Errorf("%w: %w", messaging.ErrUnavailable, err)}
		case "NOAUTH", "WRONGPASS", "NOPERM":
			return &backend.DownError{Reason: workload.BackendDenied, Err: err}
		}
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &net):
		return err
	case errors.Is(err, redis.ErrClosed):
		return err
	}
	return fmt.Errorf("%w: %w", messaging.ErrUnavailable, err)
}

// glob is the pattern of PSUBSCRIBE for a subject with wildcards. It covers more, as * there stands for dots, too.
func glob(pattern string) string {
	escaped := strings.NewReplacer(`\`, `\\`, "?", `\?`, "[", `\[`, "]", `\]`, "^", `\^`).Replace(pattern)
	parts := strings.Split(escaped, ".")
	if last := len(parts) - 1; parts[last] == ">" {
		parts[last] = "*"
	}
	return strings.Join(parts, ".")
}
