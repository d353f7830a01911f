package sockets

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// netStream is a TCP socket of Go's net: first a placeholder, then a listener or a connection.
type netStream struct {
	netSocket
	listener *net.TCPListener
	clients  *acceptQueue

	connected wasiio.Flag // connect has ended
	cancel    context.CancelFunc
	err       error // of connect
	conn      *net.TCPConn
	in        *wasiio.Reader
}

func newNetStream(f Family) (streamSystem, error) {
	s := &netStream{}
	if err := s.openPlaceholder(f, streamKind); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *netStream) bind(at netip.AddrPort) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return failed(CodeInvalidState)
	}
	err := bindHandle(s.handle, at)
	if err == nil {
		s.local, err = localOf(s.handle)
	}
	return failure(err)
}

func (s *netStream) listen(backlog int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	again := func(h handle) error { return listenHandle(h, backlog) } // net sets the system's maximum
	if s.listener != nil {
		return control(s.raw, again)
	}
	if !s.open {
		return failed(CodeInvalidState)
	}
	s.closePlaceholder()
	lc := net.ListenConfig{KeepAlive: -1, Control: func(_, _ string, c syscall.RawConn) error { return control(c, s.apply) }}
	lc.SetMultipathTCP(false)
	l, err := lc.Listen(context.Background(), s.protocol("tcp"), s.local.String())
	if err != nil {
		return failure(err)
	}
	s.listener = l.(*net.TCPListener)
	s.clients = &acceptQueue{from: s.listener}
	if err := s.adopt(s.listener); err != nil {
		return err
	}
	return control(s.raw, again)
}

func (s *netStream) accept() (streamSystem, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients == nil {
		return nil, failed(CodeInvalidState)
	}
	conn, err := s.clients.take()
	if err != nil {
		return nil, failure(err)
	}
	c := &netStream{netSocket: netSocket{family: s.family, settings: append([]setting(nil), s.settings...)}}
	if err := c.begin(conn); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

// begin takes over a connection. s.mu is held, or s is not shared yet.
func (s *netStream) begin(conn *net.TCPConn) error {
	s.conn, s.in = conn, wasiio.NewReader(translatingReader{conn})
	return s.adopt(conn)
}

// translatingReader turns read errors into this package's.
type translatingReader struct{ conn *net.TCPConn }

func (r translatingReader) Read(p []byte) (int, error) {
	n, err := r.conn.Read(p)
	if err != nil && err != io.EOF {
		err = failure(err)
	}
	return n, err
}

func (s *netStream) connect(to netip.AddrPort) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return failed(CodeInvalidState)
	}
	s.closePlaceholder()
	d := net.Dialer{KeepAlive: -1, Control: func(_, _ string, c syscall.RawConn) error {
		return control(c, func(h handle) error {
			if s.local.IsValid() {
				if err := reuseAddress(h); err != nil {
					return err
				}
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.apply(h)
		})
	}}
	d.SetMultipathTCP(false)
	if s.local.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(s.local)
	}
	ctx, cancel := context.WithCancel(context.Background()) // it outlives the guest's call
	s.cancel = cancel
	go func() {
		defer cancel()
		conn, err := d.DialContext(ctx, s.protocol("tcp"), to.String())
		s.dialed(conn, err)
		s.connected.Set()
	}()
	return nil
}

func (s *netStream) dialed(conn net.Conn, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var e *Error
	switch {
	case err != nil && errors.As(failure(err), &e) && e.Code == "address-not-bindable": // no local port is left
		s.err = &Error{CodeAddressInUse, e.Err}
	case err != nil:
		s.err = failure(err)
	case s.closed:
		conn.Close()
	default:
		s.err = s.begin(conn.(*net.TCPConn))
	}
}

func (s *netStream) pending() error {
	if !s.connected.Ready() {
		return failed(CodeWouldBlock)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *netStream) remoteAddr() (netip.AddrPort, error) { return s.addr(remoteOf) }

func (s *netStream) recv(p []byte) (int, error) {
	in := s.input()
	if in == nil {
		return 0, failed(CodeInvalidState)
	}
	n, err := in.Read(context.Background(), p)
	switch {
	case err == io.EOF:
		return 0, nil
	case err == nil && n == 0:
		return 0, failed(CodeWouldBlock)
	}
	return n, err
}

func (s *netStream) input() *wasiio.Reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.in
}

func (s *netStream) connection() (*net.TCPConn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		return nil, failed(CodeInvalidState)
	}
	return s.conn, nil
}

func (s *netStream) write(p []byte) (int, error) {
	conn, err := s.connection()
	if err != nil {
		return 0, err
	}
	n, err := conn.Write(p)
	return n, failure(err)
}

func (s *netStream) setWriteDeadline(t time.Time) error {
	conn, err := s.connection()
	if err != nil {
		return err
	}
	return failure(conn.SetWriteDeadline(t))
}

func (s *netStream) shutdown(receive, send bool) error {
	conn, err := s.connection()
	if err != nil {
		return err
	}
	var errs []error
	if receive {
		errs = append(errs, conn.CloseRead())
	}
	if send {
		errs = append(errs, conn.CloseWrite())
	}
	for _, err := range errs {
		if err != nil && !errors.Is(err, syscall.ENOTCONN) {
			return failure(err)
		}
	}
	return nil
}

func (s *netStream) readable() wasiio.Pollable {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.clients != nil:
		return s.clients
	case s.in != nil:
		return s.in
	}
	return always
}

// writable is ready when connect has ended, its only use.
func (s *netStream) writable() wasiio.Pollable { return &s.connected }

func (s *netStream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	s.closePlaceholder()
	if s.cancel != nil {
		s.cancel()
	}
	if s.clients != nil {
		s.clients.close()
	}
	if s.conn != nil {
		_ = s.conn.Close() // write errors have been reported
	}
}

// acceptQueue accepts connections, one ahead of the guest.
type acceptQueue struct {
	wasiio.Event
	from *net.TCPListener

	mu      sync.Mutex
	waiting bool // the goroutine runs
	next    *net.TCPConn
	err     error
	closed  bool
}

// Ready implements [wasiio.Pollable]. It starts to accept if no connection is queued.
func (c *acceptQueue) Ready() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next != nil || c.err != nil || c.closed {
		return true
	}
	c.wait()
	return false
}

// take returns the next connection, or fails with would-block.
func (c *acceptQueue) take() (*net.TCPConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	conn, err := c.next, c.err
	c.next, c.err = nil, nil
	if conn != nil || err != nil {
		return conn, err
	}
	if c.closed {
		return nil, failed(CodeInvalidState)
	}
	c.wait()
	return nil, failed(CodeWouldBlock)
}

// wait starts the goroutine that accepts the next connection if none runs. c.mu is held.
func (c *acceptQueue) wait() {
	if c.waiting {
		return
	}
	c.waiting = true
	go func() {
		conn, err := c.from.AcceptTCP()
		c.mu.Lock()
		c.waiting = false
		if c.closed {
			if conn != nil {
				conn.Close()
			}
		} else {
			c.next, c.err = conn, err
		}
		c.mu.Unlock()
		c.Notify()
	}()
}

func (c *acceptQueue) close() {
	c.mu.Lock()
	c.closed = true
	if c.next != nil {
		c.next.Close()
		c.next = nil
	}
	c.mu.Unlock()
	_ = c.from.Close()
	c.Notify()
}
