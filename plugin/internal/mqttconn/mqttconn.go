// Package mqttconn connects the plugins that need one to a broker of MQTT 5: what a grant says of the broker, one connection, and one for sending that
// is made again when it was lost.
package mqttconn

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
	"github.com/eclipse/paho.golang/paho/session"
	"github.com/eclipse/paho.golang/paho/session/state"

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
	if _, err := ParseURL(c.URL); err != nil {
		return "url", err.Error()
	}
	return "", ""
}

// Target is a broker and a login.
type Target struct {
	TLS                bool
	Host, Port         string // without brackets, in lower case
	Client             string // what the broker knows the client by, before a random part; empty: a default
	Username, Password string
}

var errURL = errors.New("want mqtt://HOST:PORT, or mqtts://HOST:PORT with TLS")

// ParseURL parses a broker's URL. Its query may have a client_id. Errors never have parts of it, in which may be a password.
func ParseURL(text string) (t Target, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "mqtt" && u.Scheme != "mqtts" || u.Hostname() == "" || u.Opaque != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return t, errURL
	}
	if u.User != nil {
		return t, errors.New("the URL has a user; leave that out, and say it apart: username, and password: {env: NAME} or {file: PATH}")
	}
	t = Target{TLS: u.Scheme == "mqtts", Host: strings.ToLower(u.Hostname()), Port: u.Port()}
	if t.Port == "" {
		t.Port = map[bool]string{false: "1883", true: "8883"}[t.TLS]
	}
	if n, err := strconv.ParseUint(t.Port, 10, 16); err != nil || n == 0 {
		return t, errURL
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return t, errURL
	}
	for key, values := range query {
		if key != "client_id" || len(values) != 1 || len(values[0]) > 64 || strings.ContainsFunc(values[0], func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return t, errors.New("the URL has a wrong query; the only parameter is client_id, of 64 bytes at most")
		}
		t.Client = values[0]
	}
	return t, nil
}

// Target is the broker of a config, and the login. It reads the password at once.
func (c Config) Target() (Target, error) {
	t, err := ParseURL(c.URL)
	if err != nil {
		return t, err
	}
	t.Username = c.Username
	if t.Password, err = c.Password.Read(); err != nil {
		return t, fmt.Errorf("password: %w", err)
	}
	return t, nil
}

// The bounds of a connection: how long it may take to be made, and a packet to be acknowledged; how soon a broker that does not answer is noticed; and the
// largest packet, in bytes.
const (
	dialTime  = 2 * time.Second
	CallTime  = 4 * time.Second
	keepAlive = 10 * time.Second
	maxPacket = 16 << 20
)

// Options are those of one connection.
type Options struct {
	// ID is what the broker knows the client by. Empty: a random one.
	ID string
	// Keep has the broker keep the session of the ID, its subscriptions and what comes for them, for so long after the connection. 0: it ends with it.
	Keep time.Duration
	// Receive is how many messages the broker sends before one of them is acknowledged; 0 is 1.
	Receive int
	// Got is called with each message, one after another, and must not block. A message of a quality of service above 0 has to be acknowledged by Conn.Ack.
	Got func(*paho.Publish)
}

// RandomID is an ID that nobody else has.
func RandomID(prefix string) string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return prefix + "-" + hex.EncodeToString(b[:])
}

// Conn is a connection.
type Conn struct {
	*paho.Client
	session session.SessionManager
	net     net.Conn
}

// ErrUnavailable says that the broker does not answer, refuses the login, or that the connection was lost.
var ErrUnavailable = errors.New("the broker is unavailable")

// ReasonError is a refusal of the broker's.
type ReasonError struct{ Code byte }

// reasons are the refusals that people can do something about (MQTT 5, 2.4).
var reasons = map[byte]string{
	0x10: "nobody subscribes", 0x84: "it does not speak MQTT 5", 0x85: "the client identifier is not valid", 0x86: "bad user name or password", 0x87: "not authorized",
	0x88: "server unavailable", 0x89: "server busy", 0x8a: "banned", 0x8f: "topic filter invalid", 0x90: "topic name invalid", 0x95: "packet too large", 0x97: "quota exceeded",
	0x9b: "quality of service not supported", 0x9e: "shared subscriptions not supported", 0xa2: "wildcard subscriptions not supported",
}

// Error names the reason.
func (e *ReasonError) Error() string {
	if text, ok := reasons[e.Code]; ok {
		return "the broker says: " + text
	}
	return fmt.Sprintf("the broker says: reason 0x%02x", e.Code)
}

// Down is why a broker that refuses a connection is down: one of the reasons of workload.BackendState.
func (e *ReasonError) Down() string {
	switch e.Code {
	case 0x85, 0x86, 0x87, 0x8a, 0x8c:
		return workload.BackendDenied
	}
	return workload.BackendUnavailable
}

// Dial connects.
func Dial(ctx context.Context, t Target, o Options) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTime)
	defer cancel()
	dialer := &net.Dialer{Timeout: dialTime}
	nc, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(t.Host, t.Port))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if t.TLS {
		secure := tls.Client(nc, &tls.Config{ServerName: t.Host})
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = nc.Close()
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		nc = secure
	}
	inner := state.NewInMemory()
	c := &Conn{session: inner, net: nc}
	c.Client = paho.NewClient(paho.ClientConfig{
		Conn: packets.NewThreadSafeConn(boundedConn{nc}), Session: ownAcks{inner}, PacketTimeout: CallTime, EnableManualAcknowledgment: true,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			if o.Got != nil {
				o.Got(p.Packet)
			}
			return true, nil
		}},
	})
	receive, size, expiry := uint16(min(max(o.Receive, 1), 65535)), uint32(maxPacket), uint32(o.Keep/time.Second)
	if o.ID == "" {
		o.ID = RandomID("vitrine")
	}
	ack, err := c.Client.Connect(ctx, &paho.Connect{
		ClientID: o.ID, KeepAlive: uint16(keepAlive / time.Second), CleanStart: o.Keep == 0,
		Username: t.Username, UsernameFlag: t.Username != "", Password: []byte(t.Password), PasswordFlag: t.Password != "",
		Properties: &paho.ConnectProperties{ReceiveMaximum: &receive, MaximumPacketSize: &size, SessionExpiryInterval: &expiry},
	})
	if err != nil {
		_ = inner.Close()
		if ack != nil && ack.ReasonCode >= 0x80 { // the library's error has the broker's own text
			err = &ReasonError{ack.ReasonCode}
		}
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return c, nil
}

// boundedConn ends a connection whose other end does not read.
type boundedConn struct{ net.Conn }

// Write implements net.Conn.
func (c boundedConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(CallTime)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// ownAcks keeps the library from acknowledging messages: it does so some time after Client.Ack, and who closes the connection cannot wait for
// that. Conn.Ack does it at once.
type ownAcks struct{ session.SessionManager }

// Ack implements session.SessionManager.
func (ownAcks) Ack(*packets.Publish) error { return nil }

// Ack acknowledges a message. Messages are to be acknowledged in the order in which they came (MQTT 5, 4.6).
func (c *Conn) Ack(p *paho.Publish) error {
	if p.QoS == 0 {
		return nil
	}
	_ = c.Client.Ack(p) // the library forgets it
	select {
	case <-c.Done():
		return fmt.Errorf("%w: the connection was lost", ErrUnavailable)
	default:
	}
	if err := c.session.Ack(p.Packet()); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// Send publishes, and returns when the broker has the message, where the quality of service says so. none says that nobody subscribes, which a
// broker may know.
func (c *Conn) Send(ctx context.Context, p *paho.Publish) (none bool, err error) {
	r, err := c.Client.Publish(ctx, p)
	switch {
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case r != nil && r.ReasonCode >= 0x80:
		return false, &ReasonError{r.ReasonCode}
	case errors.Is(err, paho.ErrInvalidArguments):
		return false, err
	case err != nil && c.lost():
		return false, fmt.Errorf("%w: the connection was lost: %w", ErrUnavailable, net.ErrClosed)
	case err != nil:
		return false, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return r != nil && r.ReasonCode == 0x10, nil
}

func (c *Conn) lost() bool {
	select {
	case <-c.Done():
		return true
	default:
		return false
	}
}

// Listen subscribes to a filter.
func (c *Conn) Listen(ctx context.Context, filter string, qos byte, retained bool) error {
	handling := byte(2) // none
	if retained {
		handling = 0
	}
	ack, err := c.Client.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: filter, QoS: qos, RetainHandling: handling}}})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case ack != nil && len(ack.Reasons) == 1 && ack.Reasons[0] >= 0x80:
		return &ReasonError{ack.Reasons[0]}
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// Flush waits until the broker has taken what was sent before: it answers in order. The end of a connection may overtake acknowledgements otherwise,
// as TCP drops what was not read where something comes for a connection that is closed.
func (c *Conn) Flush(ctx context.Context) {
	_, _ = c.Client.Unsubscribe(ctx, &paho.Unsubscribe{Topics: []string{"vitrine/none"}}) // nobody has subscribed to it
}

// Forget ends the connection, and the session with it.
func (c *Conn) Forget() {
	select {
	case <-c.Done():
	default:
		now := uint32(0)
		_ = c.Client.Disconnect(&paho.Disconnect{Properties: &paho.DisconnectProperties{SessionExpiryInterval: &now}})
	}
}

// Close ends the connection, and waits until the library has ended.
func (c *Conn) Close() {
	select {
	case <-c.Done():
	default:
		_ = c.Client.Disconnect(&paho.Disconnect{})
	}
	_ = c.session.Close()
	<-c.Done()
}
