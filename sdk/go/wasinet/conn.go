package wasinet

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/sdk/go/async"
	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasinet/internal/bindings"
)

// keepAlive is how long a connection is silent before its peer is asked whether it is there, and how long until it is asked again.
const keepAlive = 15 * time.Second

// flushFor bounds how long a connection that is closed goes on sending what was written.
const flushFor = 5 * time.Second

// outcome is how a direction of a connection has ended.
type outcome = cabi.Result[struct{}, bindings.TypesErrorCode]

// conn is a connection. Each direction is for one goroutine at a time; others wait.
type conn struct {
	network       string
	local, remote net.Addr
	socket        bindings.TCPSocket
	close         sync.Once

	reading, writing deadline

	in       sync.Mutex // guards the next two
	content  *async.StreamReader[byte]
	received ending

	out  sync.Mutex // guards the next two
	sink *async.StreamWriter[byte]
	sent ending
}

// ending is how a direction ends.
type ending struct {
	told *async.FutureReader[outcome]
	why  error // once it is known; io.EOF is no failure
}

var _ net.Conn = (*conn)(nil)

func newConn(network string, socket bindings.TCPSocket, to netip.AddrPort) *conn {
	c := &conn{network: network, socket: socket, remote: net.TCPAddrFromAddrPort(to)}
	if from, err := socket.GetLocalAddress(); err == nil {
		c.local = net.TCPAddrFromAddrPort(addrPortOf(from))
	} else {
		c.local = &net.TCPAddr{}
	}
	received := socket.Receive()
	c.content, c.received.told = received.F0, received.F1
	data, sink := bindings.StreamOfU8.Open()
	c.sink, c.sent.told = sink, socket.Send(data)
	return c
}

// Read waits for bytes. At the end of what the peer sends the error is io.EOF.
func (c *conn) Read(b []byte) (int, error) {
	c.in.Lock()
	defer c.in.Unlock()
	if err := c.reading.err(); err != nil {
		return 0, c.failed("read", err)
	}
	if len(b) == 0 {
		return 0, nil
	}
	for {
		n, err := c.content.Read(c.reading.context(), b)
		if n > 0 {
			return n, nil
		}
		if err == io.EOF {
			err = c.received.wait(c.reading.context())
		}
		switch err {
		case nil: // no bytes, and no end
			continue
		case io.EOF:
			return 0, io.EOF
		}
		return 0, c.failed("read", err)
	}
}

// Write waits until the host has taken all bytes.
func (c *conn) Write(b []byte) (int, error) {
	c.out.Lock()
	defer c.out.Unlock()
	if err := c.writing.err(); err != nil {
		return 0, c.failed("write", err)
	}
	n, err := c.sink.Write(c.writing.context(), b)
	if errors.Is(err, async.ErrClosed) {
		if err = c.sent.wait(c.writing.context()); err == io.EOF {
			err = &Error{Code: "connection-broken"}
		}
	}
	if err != nil {
		return n, c.failed("write", err)
	}
	return n, nil
}

// wait waits for the host's word on why a direction has ended, and returns it; io.EOF if that was no failure.
func (e *ending) wait(ctx context.Context) error {
	if e.why != nil {
		return e.why
	}
	end, err := e.told.Read(ctx)
	switch {
	case err == io.EOF: // the host says nothing
		e.why = io.EOF
	case err != nil:
		return err
	case end.Failed:
		e.why = errorOf(end.Err.String(), end.Err.Other)
	default:
		e.why = io.EOF
	}
	return e.why
}

// CloseWrite ends what is sent: the peer reads the end, and may go on sending.
func (c *conn) CloseWrite() error {
	c.out.Lock()
	defer c.out.Unlock()
	if err := c.writing.err(); err != nil {
		return c.failed("close", err)
	}
	c.sink.Close()
	return nil
}

// Close ends both directions. Reads and writes that wait return net.ErrClosed; what was written is sent.
func (c *conn) Close() error {
	err := c.failed("close", net.ErrClosed)
	c.close.Do(func() {
		err = nil
		c.reading.end(net.ErrClosed)
		c.writing.end(net.ErrClosed)
		c.in.Lock()
		c.content.Close()
		c.received.told.Close()
		c.in.Unlock()
		c.out.Lock()
		c.sink.Close()
		c.out.Unlock()
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), flushFor)
			defer cancel()
			c.out.Lock()
			defer c.out.Unlock()
			_ = c.sent.wait(ctx) // nobody asks any more
			c.sent.told.Close()
			c.socket.Drop()
		}()
	})
	return err
}

func (c *conn) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: c.network, Source: c.local, Addr: c.remote, Err: err}
}

// LocalAddr is a *net.TCPAddr.
func (c *conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is a *net.TCPAddr.
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline bounds reads and writes, also those that wait already; none with the zero time.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline bounds reads.
func (c *conn) SetReadDeadline(t time.Time) error { return c.bound(&c.reading, t) }

// SetWriteDeadline bounds writes.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.bound(&c.writing, t) }

func (c *conn) bound(d *deadline, t time.Time) error {
	if !d.set(t) {
		return c.failed("set", net.ErrClosed)
	}
	return nil
}
