package socketsp3

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
	"github.com/vitrine-wasm/vitrine/wasi/sockets"
)

// connection is what a TCP socket and the streams that are made of it share. It is closed when the last of them is gone.
type connection struct {
	s       *sockets.TCP
	network *sockets.Network

	mu   sync.Mutex
	refs int
	in   wasiio.InputStream  // nil: not connected, or in use by a stream
	out  wasiio.OutputStream // likewise
}

func newConnection(s *sockets.TCP, n *sockets.Network) *connection {
	return &connection{s: s, network: n, refs: 1}
}

// connected notes the streams of a connection that has been made.
func (c *connection) connected(in wasiio.InputStream, out wasiio.OutputStream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in, c.out = in, out
}

func (c *connection) retain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refs++
}

// takeInput gives the stream that receives, once; nil if there is none. Whoever has it closes and releases it.
func (c *connection) takeInput() wasiio.InputStream {
	c.mu.Lock()
	defer c.mu.Unlock()
	in := c.in
	if c.in = nil; in != nil {
		c.refs++
	}
	return in
}

// takeOutput is takeInput for the stream that sends.
func (c *connection) takeOutput() wasiio.OutputStream {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.out
	if c.out = nil; out != nil {
		c.refs++
	}
	return out
}

func (c *connection) release() {
	c.mu.Lock()
	c.refs--
	last, in, out := c.refs == 0, c.in, c.out
	if last {
		c.in, c.out = nil, nil
	}
	c.mu.Unlock()
	if !last {
		return
	}
	if in != nil {
		_ = in.Close()
	}
	if out != nil {
		_ = out.Close()
	}
	_ = c.s.Close()
}

// bindAny binds a socket that is not bound to a free port.
func (c *connection) bindAny() error {
	any := netip.IPv4Unspecified()
	if c.s.Family() != sockets.IPv4 {
		any = netip.IPv6Unspecified()
	}
	return c.bind(netip.AddrPortFrom(any, 0))
}

func (c *connection) bind(at netip.AddrPort) error {
	if err := c.s.StartBind(c.network, at); err != nil {
		return err
	}
	return c.s.FinishBind()
}

// connect connects, and waits until that is done.
func (c *connection) connect(ctx context.Context, to netip.AddrPort) error {
	if err := c.s.StartConnect(c.network, to); err != nil {
		return err
	}
	c.s.Observe(ctx)
	for {
		if err := wasiio.Wait(ctx, c.s); err != nil {
			return err
		}
		in, out, err := c.s.FinishConnect()
		if wouldBlock(err) {
			continue
		}
		if err == nil {
			c.connected(in, out)
		}
		return err
	}
}

// listen starts to listen, on a free port if the socket is not bound.
func (c *connection) listen() error {
	err := c.s.StartListen()
	if code := errorCode(err); err != nil && code.Tag == TypesErrorCodeTagInvalidState {
		if bound := c.bindAny(); bound != nil {
			return err
		}
		err = c.s.StartListen()
	}
	if err != nil {
		return err
	}
	return c.s.FinishListen()
}

// busy is how long a socket that cannot take another connection waits before it tries again.
const busy = 50 * time.Millisecond

// accept waits for a connection. What goes wrong with one of them is no matter of the next.
func (c *connection) accept(ctx context.Context) (TCPSocket, error) {
	for {
		if err := wasiio.Wait(ctx, c.s); err != nil {
			return nil, err
		}
		s, in, out, err := c.s.Accept()
		if err == nil {
			accepted := newConnection(s, c.network)
			accepted.connected(in, out)
			return &tcpSocket{connection: accepted}, nil
		}
		if errors.Is(err, errState) || errorCode(err).Tag == TypesErrorCodeTagInvalidState {
			return nil, err
		}
		if wouldBlock(err) {
			continue
		}
		cm.NoteCause(ctx, err)
		select {
		case <-time.After(busy):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
