package host

import (
	"context"
	"sync"
)

// OutgoingMessage is what an observer and a plugin tell each other of a message that a component sends. The observer makes it, at the
// boundary of the call that sends: its Header goes out with the message, where the protocol has room, so that the trace goes on where the
// message is handled. The plugin says where the message goes, which only it knows. Safe for concurrent use.
type OutgoingMessage struct {
	// Header are fields by their lower-case names. They are not changed once the call has begun.
	Header map[string]string

	mu                  sync.Mutex
	system, destination string
	size                int
}

// Sent says where the message goes: the system by OpenTelemetry's name (messaging.system), and the destination, low in cardinality and
// without secrets, which is the part of the workload's grants that covers the subject. size is of the body, in bytes. m may be nil.
func (m *OutgoingMessage) Sent(system, destination string, size int) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.system, m.destination, m.size = system, destination, size
}

// Destination is what Sent was told; empty without it.
func (m *OutgoingMessage) Destination() (system, destination string, size int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.system, m.destination, m.size
}

type outgoingMessageKey struct{}

// WithOutgoingMessage is ctx for a call that sends m.
func WithOutgoingMessage(ctx context.Context, m *OutgoingMessage) context.Context {
	return context.WithValue(ctx, outgoingMessageKey{}, m)
}

// OutgoingMessageFrom is the message of the call that ctx is of; nil if nobody observes it.
func OutgoingMessageFrom(ctx context.Context) *OutgoingMessage {
	m, _ := ctx.Value(outgoingMessageKey{}).(*OutgoingMessage)
	return m
}
