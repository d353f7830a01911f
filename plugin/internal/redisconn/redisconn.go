// Package redisconn connects the plugins that need one to a Redis or Valkey server: what a grant says of the server, and the bounds of calls.
package redisconn

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vitrine-wasm/vitrine/workload"
)

// Config is what a grant says. Configs of backends have the same fields, and their own tags.
type Config struct {
	URL      string
	Username string
	Password workload.Secret
}

// Check finds a mistake, as workload.BackendType.Check does. problem has no password.
func (c Config) Check() (key, problem string) {
	if _, err := c.options(); err != nil {
		return "url", err.Error()
	}
	return "", ""
}

// options are those of a config, without the password.
func (c Config) options() (*redis.Options, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, errors.New("this is no URL; want redis://HOST:PORT/N") // err quotes it, with what may be a password
	}
	if _, has := u.User.Password(); has {
		return nil, errors.New("the URL has a password; leave it out, and say where it is: password: {env: NAME} or {file: PATH}")
	}
	o, err := redis.ParseURL(c.URL)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u.Redacted(), err)
	}
	if c.Username != "" {
		o.Username = c.Username
	}
	return o, nil
}

// A server that does not answer costs a call no more than these together. The invocation's deadline counts as well.
const (
	dialTime = 2 * time.Second
	CallTime = 3 * time.Second
)

// silence keeps the library's own lines off the console: each call says what happened to it.
var silence = sync.OnceFunc(func() { redis.SetLogger(noLog{}) })

type noLog struct{}

func (noLog) Printf(context.Context, string, ...any) {}

// Options are those of a config. The password is read at once.
func (c Config) Options() (*redis.Options, error) {
	o, err := c.options()
	if err != nil {
		return nil, err
	}
	if o.Password, err = c.Password.Read(); err != nil {
		return nil, fmt.Errorf("password: %w", err)
	}
	return o, nil
}

// Open makes a client, which connects to the server when it is needed, and must be closed. It reads the password at once.
func (c Config) Open() (*redis.Client, error) {
	o, err := c.Options()
	if err != nil {
		return nil, err
	}
	return Client(o), nil
}

// Client makes a client of options that say where the server is; the bounds of calls are set here.
func Client(o *redis.Options) *redis.Client {
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = dialTime, CallTime, CallTime, CallTime
	o.DialerRetries = 1
	o.MaxRetries = -1 // a command whose answer was lost must not be tried again
	o.ContextTimeoutEnabled = true
	o.DisableIdentity = true
	silence()
	return redis.NewClient(o)
}
