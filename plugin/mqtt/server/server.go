// Package server is a backend on a broker of MQTT 5: one connection a login, which is made when it is needed, and again when it was lost.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/eclipse/paho.golang/paho"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/internal/mqttconn"
	"github.com/vitrine-wasm/vitrine/plugin/mqtt"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Config is what a grant says: {mqtt: "mqtt://127.0.0.1:1883"}, or {mqtt: {url: …, username: me, password: {env: MQTT_PASSWORD}}}.
type Config struct {
	URL      string          `yaml:"url" required:"true" short:"true" minLength:"1" doc:"The broker, which speaks MQTT 5: mqtt://HOST:PORT, mqtts://… with TLS. It has no user."`
	Username string          `yaml:"username" doc:"The user, in place of the one that the component gives."`
	Password workload.Secret `yaml:"password" doc:"Where the password is, in place of the one that the component gives."`
}

// Type describes the backend to manifests. Its config is a [Config].
func Type() workload.BackendType {
	return workload.BackendType{Name: "mqtt", Doc: "A broker of MQTT 5.", Config: Config{}, Check: check}
}

func check(config any) (key, problem string) { return mqttconn.Config(config.(Config)).Check() }

// maxLogins bounds the connections of a backend.
const maxLogins = 16

// Backend implements mqtt.Backend.
type Backend struct {
	target mqttconn.Target

	mu     sync.Mutex
	open   map[mqtt.Login]*login
	used   int64 // counts uses of logins
	closed bool
}

// login is a connection.
type login struct {
	as     mqtt.Login
	sender *mqttconn.Sender
	users  int
	used   int64 // when it was used last
}

var (
	_ mqtt.Backend = (*Backend)(nil)
	_ io.Closer    = (*Backend)(nil)

	_ backend.Pinger = (*Backend)(nil)
)

// New makes a backend for a broker, and connects to it when it is needed. It reads secrets at once. The backend must be closed.
func New(c Config) (*Backend, error) {
	t, err := mqttconn.Config(c).Target()
	if err != nil {
		return nil, err
	}
	return &Backend{target: t, open: map[mqtt.Login]*login{}}, nil
}

// Name is the backend's name in grants of programs that add it by name.
func (*Backend) Name() string { return "mqtt" }

// hasLogin says that the grant has the login, and not the guest.
func (b *Backend) hasLogin() bool { return b.target.Username != "" || b.target.Password != "" }

// Ping implements backend.Pinger.
func (b *Backend) Ping(ctx context.Context) error {
	c, err := b.Open(mqtt.Login{})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.(*client).l.sender.Conn(ctx)
	if err = b.failure(err); errors.As(err, new(*mqttconn.ReasonError)) && !errors.As(err, new(*backend.DownError)) { // it wants the guest's login: it is there
		return nil
	}
	return err
}

// Open implements mqtt.Backend.
func (b *Backend) Open(as mqtt.Login) (mqtt.Client, error) {
	t := b.target
	if !b.hasLogin() {
		t.Username, t.Password = as.User, as.Password
	}
	if t.Client == "" {
		t.Client = as.Client
	}
	as = mqtt.Login{User: t.Username, Password: t.Password, Client: t.Client}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errors.New("the backend is closed")
	}
	l := b.open[as]
	if l == nil {
		if err := b.makeRoom(); err != nil {
			return nil, err
		}
		l = &login{as: as, sender: mqttconn.NewSender(t)}
		b.open[as] = l
	}
	l.users++
	return &client{b: b, l: l}, nil
}

// makeRoom closes the connection that was not used for longest, if there are too many. b.mu is held.
func (b *Backend) makeRoom() error {
	if len(b.open) < maxLogins {
		return nil
	}
	var oldest *login
	for _, l := range b.open {
		if l.users == 0 && (oldest == nil || l.used < oldest.used) {
			oldest = l
		}
	}
	if oldest == nil {
		return fmt.Errorf("%w: of %d users", mqtt.ErrConnections, maxLogins)
	}
	delete(b.open, oldest.as)
	return oldest.sender.Close()
}

// Close closes all connections. Calls that are under way fail.
func (b *Backend) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	var errs []error
	for _, l := range b.open {
		errs = append(errs, l.sender.Close())
	}
	clear(b.open)
	return errors.Join(errs...)
}

// client implements mqtt.Client.
type client struct {
	b    *Backend
	l    *login
	once sync.Once
}

// Send implements mqtt.Client.
func (c *client) Send(ctx context.Context, m *mqtt.Message) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p := &paho.Publish{Topic: m.Topic, QoS: byte(m.QoS), Payload: m.Payload, Properties: &paho.PublishProperties{}}
	for name, v := range m.Header {
		p.Properties.User.Add(name, v)
	}
	_, err := c.l.sender.Send(ctx, p)
	return c.b.failure(err)
}

// failure names an error.
func (b *Backend) failure(err error) error {
	var reason *mqttconn.ReasonError
	switch {
	case errors.Is(err, mqttconn.ErrUnavailable) && errors.As(err, &reason) && (b.hasLogin() || reason.Down() != workload.BackendDenied):
		return &backend.DownError{Reason: reason.Down(), Err: fmt.Errorf("%w: %w", mqtt.ErrUnavailable, err)}
	case errors.Is(err, mqttconn.ErrUnavailable):
		return fmt.Errorf("%w: %w", mqtt.ErrUnavailable, err)
	case errors.As(err, &reason):
		return fmt.Errorf("%w: %w", mqtt.ErrRefused, err)
	}
	return err
}

// Close implements mqtt.Client.
func (c *client) Close() {
	c.once.Do(func() {
		c.b.mu.Lock()
		defer c.b.mu.Unlock()
		c.b.used++
		c.l.users, c.l.used = c.l.users-1, c.b.used
	})
}
