// Package messaging serves wasmcloud:messaging to components, over any broker. The contract of brokers is the test suite in messagingtest; FUNCTIONS.md lists
// the functions and which outcomes of them are tested.
//
// A broker is small: it publishes a message, asks for an answer to one, and gives those of a subscription, one by one, to whoever asks for
// the next. There are two kinds of subscription. A plain one gets what is published while it is there, each message once at most. A durable
// one, of a broker that keeps messages, gets each message at least once: until it is told that it is done.
//
// What a component may send is in its grants, by subject: each names the broker that serves it. Messages are brought to components by
// the trigger in trigger/messaging, through the same grants. A component may also answer the message that it handles, wherever the sender
// waits for the answer.
//
// Nothing here makes telemetry. What observers add to a message on its way out is in [host.OutgoingMessage].
package messaging

import (
	"context"
	"errors"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
)

// Errors that guests get as a case of the interface's error, or by these texts. Brokers return errors that wrap them. For any other error
// guests get [backend.FailedText], and operators its text.
var (
	ErrSubject     = errors.New("the subject is invalid")
	ErrDenied      = errors.New("access denied")
	ErrTimeout     = errors.New("no answer came in time")
	ErrUnavailable = errors.New("the broker is unavailable")
	ErrTooLarge    = errors.New("the message is too large")
	ErrQuota       = errors.New("there are too many messages")
)

// ErrNoRetry says that the broker does not bring a message again: its subscription is a plain one.
var ErrNoRetry = errors.New("the broker does not bring messages of a plain subscription again")

// MaxBody bounds the body of a message, in bytes. A broker's own bound may be lower.
const MaxBody = 8 << 20

// Owner is a workload, whose components share the subjects of a broker that is in the process: Component is "".
type Owner = backend.Owner

// Message is what is sent. A broker keeps nothing of one after its call has returned.
type Message struct {
	Subject string
	Body    []byte
	Reply   string            // the subject on which the sender waits for an answer; empty: it does not
	Header  map[string]string // fields by lower-case names; a protocol without fields drops them
}

// Backend is a broker, or a connection to one. It must be safe for concurrent use. One that is an [io.Closer] is closed when nobody uses it.
type Backend interface {
	// System is OpenTelemetry's name of the system: the value of messaging.system.
	System() string
	// Bus is where an owner's messages go. Owners never see each other's on a broker that is in the process; one that is a server is
	// shared by all who have access to it.
	Bus(owner Owner) Bus
}

// Bus sends and receives. It must be safe for concurrent use. A call that waits must return an error when its context ends, and none may
// wait longer than some seconds for a broker that is down: that is an ErrUnavailable.
type Bus interface {
	// Publish returns when the broker has the message.
	Publish(ctx context.Context, m *Message) error
	// Request sends a message and returns the first answer to it. If there is none when ctx ends, the error is ctx's; a broker that knows
	// that nobody listens may say so earlier, by an ErrTimeout. m.Reply is the broker's to choose.
	Request(ctx context.Context, m *Message) (*Message, error)
	// Subscribe returns a subscription that has begun: it gets what is published from now on. ctx is for the call only.
	Subscribe(ctx context.Context, s Subscription) (Source, error)
}

// Subscription says which messages are wanted.
type Subscription struct {
	// Subject may have the wildcards of [Covers].
	Subject string
	// Group are consumers that share the messages: each goes to one of them. Empty: all messages come.
	Group string
	// Durable names a consumer whose messages the broker keeps until they are handled, also while nobody listens. Empty: a plain subscription.
	Durable string
	// Wait is how long the broker of a durable subscription waits for a message's end before it brings it again.
	Wait time.Duration
	// Pending is how many messages wait in the process at most. A plain subscription loses those that come beyond them.
	Pending int
}

// Source gives the messages of a subscription. It must be safe for concurrent use.
type Source interface {
	// Next waits for a message. An error other than ctx's says that the subscription has ended; the caller makes another.
	Next(ctx context.Context) (Delivery, error)
	// Lost is how many messages were lost since the subscription began, as too many were waiting.
	Lost() int64
	// Close ends the subscription. Messages that wait in a plain one are lost.
	Close() error
}

// Delivery is a message that has come. Done or Retry must be called once.
type Delivery interface {
	// Message is the caller's.
	Message() *Message
	// Attempt is 1 for a message that comes for the first time.
	Attempt() int
	// Done says that the message was handled, or is given up.
	Done(ctx context.Context) error
	// Retry asks for the message again, after a while. ErrNoRetry: it does not come again.
	Retry(ctx context.Context, after time.Duration) error
}
