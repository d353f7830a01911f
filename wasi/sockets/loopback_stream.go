package sockets

import (
	"context"
	"net/netip"
	"sync"
	"time"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// loopStream is a TCP socket of a member of a Loopback: one of the loopback, one of the system, or, for a published port, a listener of
// both. Which it is shows when it is bound or connected.
type loopStream struct {
	net   *Loopback
	guest *Network
	make  func(Family) (streamSystem, error)

	family Family

	mu       sync.Mutex
	outer    streamSystem // nil: there is none
	settings settings
	set      [options]bool  // by the guest
	inner    bool           // it is bound in the loopback
	local    netip.AddrPort // there
	publish  bool           // the address that it is bound to may be listened on outside

	clients   []*loopStream // that were not accepted; of a listener
	backlog   int           // 0: it does not listen
	arrived   wasiio.Event
	conn      *loopConn // nil: not connected in the loopback
	connected wasiio.Flag
	err       error  // of connect
	peer      string // the component that listens
	ended     func(Traffic)
	closed    bool
}

var _ streamSystem = (*loopStream)(nil)

func newLoopStream(l *Loopback, n *Network, f Family, outer func(Family) (streamSystem, error)) *loopStream {
	return &loopStream{net: l, guest: n, family: f, make: outer, settings: defaultSettings()}
}

// open makes the socket of the system, with the options that the guest has set. s.mu is held.
func (s *loopStream) open() error {
	if s.outer != nil {
		return nil
	}
	o, err := s.make(s.family)
	if err != nil {
		return err
	}
	for i, set := range s.set {
		if set && err == nil {
			err = o.setOption(option(i), s.settings[i])
		}
	}
	if err != nil {
		o.close()
		return err
	}
	s.outer = o
	return nil
}

func (s *loopStream) bind(at netip.AddrPort) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publish = s.guest.listens(at)
	number := at.Port()
	if s.publish || at.Port() == 0 && len(s.guest.policy.connect) > 0 || !s.guest.binds(at) {
		if err := s.open(); err != nil {
			return err
		}
		if err := s.outer.bind(at); err != nil {
			return err
		}
		got, err := s.outer.localAddr()
		if err != nil {
			return err
		}
		number = got.Port()
	}
	if !s.guest.binds(at) {
		return nil
	}
	number, err := reservePort(s.net, s.net.streams, s.family, number, s)
	if err != nil {
		return err
	}
	s.inner, s.local = true, netip.AddrPortFrom(at.Addr(), number)
	return nil
}

func (s *loopStream) localAddr() (netip.AddrPort, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.conn != nil:
		return s.conn.local, nil
	case s.inner:
		return s.local, nil
	case s.outer != nil:
		return s.outer.localAddr()
	}
	return netip.AddrPort{}, failed(CodeInvalidState)
}

func (s *loopStream) remoteAddr() (netip.AddrPort, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.conn != nil:
		return s.conn.remote, nil
	case s.outer != nil:
		return s.outer.remoteAddr()
	}
	return netip.AddrPort{}, failed(CodeInvalidState)
}

func (s *loopStream) option(o option) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outer != nil {
		return s.outer.option(o)
	}
	return s.settings[o], nil
}

func (s *loopStream) setOption(o option, v int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings[o], s.set[o] = v, true
	if s.outer != nil {
		return s.outer.setOption(o, v)
	}
	return nil
}

func (s *loopStream) listen(backlog int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.publish {
		if err := s.outer.listen(backlog); err != nil {
			return err
		}
	} else if s.outer != nil { // it was bound to connect, too, which it will not now
		s.outer.close()
		s.outer = nil
	}
	if s.inner && s.guest.policy.member.Serves {
		s.net.listen(s)
		s.backlog = backlog
	}
	return nil
}

func (s *loopStream) accept() (streamSystem, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.clients) > 0 {
		c := s.clients[0]
		s.clients[0] = nil
		s.clients = s.clients[1:]
		return c, nil
	}
	if s.outer == nil || !s.publish {
		return nil, failed(CodeWouldBlock)
	}
	return s.outer.accept()
}

// connect connects to a service, or by the system.
func (s *loopStream) connect(to netip.AddrPort) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	owned := s.guest.inside(to) && s.net.owns(false, to.Port())
	if !owned && s.guest.granted(to) {
		s.free()
		if err := s.open(); err != nil {
			return err
		}
		return s.outer.connect(to)
	}
	if s.outer != nil {
		s.outer.close()
		s.outer = nil
	}
	s.err = s.join(to)
	s.connected.Set()
	return nil
}

// free gives up the port in the loopback. s.mu is held.
func (s *loopStream) free() {
	if s.inner {
		freePort(s.net, s.net.streams, s.family, s.local.Port())
		if s.backlog > 0 {
			freePort(s.net, s.net.listeners, s.family, s.local.Port())
		}
		s.inner = false
	}
}

// join connects to the service that listens at an address. s.mu is held.
func (s *loopStream) join(to netip.AddrPort) error {
	l := s.net.listener(s.family, to) // its lock is taken with s's held: a listener does not connect
	if l == nil {
		return failed(CodeConnectionRefused)
	}
	if !s.inner {
		number, err := reservePort(s.net, s.net.streams, s.family, 0, s)
		if err != nil {
			return err
		}
		s.inner, s.local = true, netip.AddrPortFrom(to.Addr(), number)
	}
	near := s.local
	if near.Addr().IsUnspecified() {
		near = netip.AddrPortFrom(to.Addr(), near.Port())
	}
	there, back := newPipe(), newPipe()
	peer := newLoopStream(s.net, l.guest, s.family, l.make)
	peer.conn = &loopConn{in: there, out: back, local: to, remote: near}
	if !l.offer(peer) {
		return failed(CodeConnectionRefused)
	}
	s.conn = &loopConn{in: back, out: there, local: near, remote: to}
	s.peer = l.guest.policy.member.Component
	return nil
}

// listen makes s a listener, and its port the workload's. s.mu is held.
func (l *Loopback) listen(s *loopStream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listeners[port{s.family, s.local.Port()}] = s
	l.owned[ownedPort{false, s.local.Port()}] = true
}

// listener is the socket that listens at an address; nil if there is none.
func (l *Loopback) listener(f Family, at netip.AddrPort) *loopStream {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.listeners[port{f, at.Port()}]
	if s == nil || !s.local.Addr().IsUnspecified() && s.local.Addr() != at.Addr() {
		return nil
	}
	return s
}

// offer gives a listener a client, unless it does not listen or too many wait already.
func (s *loopStream) offer(c *loopStream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.clients) >= s.backlog {
		return false
	}
	c.settings, c.set = s.settings, s.set
	s.clients = append(s.clients, c)
	s.arrived.Notify()
	return true
}

func (s *loopStream) pending() error {
	s.mu.Lock()
	outer, conn, err := s.outer, s.conn, s.err
	s.mu.Unlock()
	if conn == nil && err == nil && outer != nil {
		return outer.pending()
	}
	return err
}

// observe tells the member of a connection that the guest has begun, in the context of its call.
func (s *loopStream) observe(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.guest.policy.member.Connected; f != nil && s.conn != nil && s.ended == nil {
		s.ended = f(ctx, Connection{Peer: s.peer, To: s.conn.remote})
	}
}

// link is the connection in the loopback, or the system's socket.
func (s *loopStream) link() (*loopConn, streamSystem, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil && s.outer == nil {
		return nil, nil, failed(CodeInvalidState)
	}
	return s.conn, s.outer, nil
}

func (s *loopStream) recv(p []byte) (int, error) {
	c, outer, err := s.link()
	switch {
	case err != nil:
		return 0, err
	case c != nil:
		return c.in.read(p)
	}
	return outer.recv(p)
}

func (s *loopStream) write(p []byte) (int, error) {
	c, outer, err := s.link()
	switch {
	case err != nil:
		return 0, err
	case c != nil:
		return c.out.write(p)
	}
	return outer.write(p)
}

func (s *loopStream) setWriteDeadline(t time.Time) error {
	c, outer, err := s.link()
	switch {
	case err != nil:
		return err
	case c != nil:
		c.out.setDeadline(t)
		return nil
	}
	return outer.setWriteDeadline(t)
}

func (s *loopStream) shutdown(receive, send bool) error {
	c, outer, err := s.link()
	switch {
	case err != nil:
		return err
	case c == nil:
		return outer.shutdown(receive, send)
	}
	if receive {
		c.in.ignore()
	}
	if send {
		c.out.end()
	}
	return nil
}

func (s *loopStream) readable() wasiio.Pollable {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.conn != nil:
		return s.conn.in
	case s.backlog > 0 && s.publish:
		return either{(*arrivals)(s), s.outer.readable()}
	case s.backlog > 0:
		return (*arrivals)(s)
	case s.outer != nil:
		return s.outer.readable()
	}
	return always
}

// arrivals is ready when a client can be accepted, or the listener was closed.
type arrivals loopStream

func (a *arrivals) Ready() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.clients) > 0 || a.closed
}

func (a *arrivals) Watch(wake chan<- struct{}) (stop func()) { return a.arrived.Watch(wake) }

func (s *loopStream) writable() wasiio.Pollable {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil && s.outer != nil {
		return s.outer.writable()
	}
	return &s.connected
}

func (s *loopStream) close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	s.free()
	outer, clients, conn, ended := s.outer, s.clients, s.conn, s.ended
	s.clients = nil
	s.mu.Unlock()
	s.arrived.Notify()
	if outer != nil {
		outer.close()
	}
	for _, c := range clients { // nobody has accepted them
		c.conn.in.refuse()
		c.conn.out.abort()
	}
	if conn == nil {
		return
	}
	conn.close()
	if ended != nil {
		ended(Traffic{Sent: conn.out.bytes(), Received: conn.in.bytes()})
	}
}
