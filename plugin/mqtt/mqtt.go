// Package mqtt serves brokers of MQTT to components, by the interfaces that Spin's SDKs call: mqtt of fermyon:spin@2.0.0 and spin:mqtt@3.0.0, with
// which they send messages. FUNCTIONS.md lists the functions and which outcomes of them are tested. The trigger in trigger/mqtt brings messages to components.
//
// A component gives the address of a broker, or the name of one, and its grants say which brokers those are: any other is denied. What may be sent to
// which topic is decided by the rights of the user as whom the broker knows the connection, which the grant gives, or leaves to the guest.
//
// Nothing here makes telemetry. What observers add to a message on its way out is in [host.OutgoingMessage]; it goes out as user properties.
package mqtt

import (
	"context"
	"errors"
)

// Errors of backends, which they return or wrap.
var (
	// ErrUnavailable says that the broker does not answer, refuses the login, or that the connection was lost. A message that was under way may have been
	// sent.
	ErrUnavailable = errors.New("the broker cannot be reached")
	// ErrConnections says that there are too many connections.
	ErrConnections = errors.New("there are too many open connections")
	// ErrRefused says that the broker does not take the message: of that topic, that size, that quality of service, from that user.
	ErrRefused = errors.New("the broker has refused the message")
)

// MaxPayload bounds the body of a message, in bytes. A broker's own bound may be lower.
const MaxPayload = 8 << 20

// Login is what the guest says of the login. User and Password count where the grant says nothing of them.
type Login struct {
	User, Password string
	Client         string // what the broker is to know the client by, before a random part; empty: the backend's choice
}

// Message is what is sent. A backend keeps nothing of one after its call has returned.
type Message struct {
	Topic   string // without wildcards
	Payload []byte
	QoS     int               // 0: once at most, 1: once at least, 2: once
	Header  map[string]string // user properties
}

// Backend is a broker. It must be safe for concurrent use. One that is an [io.Closer] is closed when nobody uses it.
type Backend interface {
	// Open returns a client, and need not connect: its calls do. The error wraps ErrConnections where there are too many logins.
	Open(as Login) (Client, error)
}

// Client sends messages. It must be safe for concurrent use.
type Client interface {
	// Send sends a message, within some seconds and within ctx. It returns when the broker has the message, but for a QoS of 0, when it is on its way.
	Send(ctx context.Context, m *Message) error
	// Close ends the use of the client.
	Close()
}
