package otlptest

import (
	"net"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
)

// Relay receives OTLP over gRPC for one test after another, and so can be the destination of a process that outlives them. Safe for
// concurrent use.
type Relay struct {
	current atomic.Pointer[Collector]
	server  *grpc.Server
}

// maxMessage bounds a message that a relay takes: what sends to it may have received the message by HTTP, where it may be larger than
// gRPC's default of 4 MiB.
const maxMessage = 64 << 20

// NewRelay serves a listener, which is closed by Close. Requests are refused while no test collects.
func NewRelay(l net.Listener) *Relay {
	r := &Relay{}
	r.server = server(r.current.Load, grpc.MaxRecvMsgSize(maxMessage))
	go func() { _ = r.server.Serve(l) }() // until Close
	return r
}

// Collect makes a collector that stores what the relay receives until the test ends. Its URL and GRPC are empty. The collector of a test
// that has not ended is replaced.
func (r *Relay) Collect(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{}
	r.current.Store(c)
	t.Cleanup(func() {
		c.Answer()
		r.current.CompareAndSwap(c, nil)
	})
	return c
}

// Close ends the server and its connections.
func (r *Relay) Close() { r.server.Stop() }
