package sockets

import (
	"net/netip"
	"sync"
	"syscall"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// maxQueued bounds how many datagrams wait in the loopback for a socket that does not receive them; queuedBytes bounds their bytes. Further
// ones are dropped, as UDP does.
const maxQueued = 256

// loopDatagram is a UDP socket of a member of a Loopback: of the loopback, of the system, or of both.
type loopDatagram struct {
	net   *Loopback
	guest *Network
	make  func(Family) (datagramSystem, error)

	family Family

	mu       sync.Mutex
	outer    datagramSystem // nil: there is none
	settings settings
	set      [options]bool
	inner    bool
	local    netip.AddrPort
	remote   netip.AddrPort // the peer of send; invalid: there is none
	open     bool           // anybody may send to the system's socket
	refused  bool           // nobody was there for what was sent to the peer
	outward  bool           // the system's socket is connected to it
	closed   bool

	queue []Datagram
	bytes int
	came  wasiio.Event
}

var _ datagramSystem = (*loopDatagram)(nil)

func newLoopDatagram(l *Loopback, n *Network, f Family, outer func(Family) (datagramSystem, error)) *loopDatagram {
	return &loopDatagram{net: l, guest: n, family: f, make: outer, settings: defaultSettings()}
}

func (s *loopDatagram) bind(at netip.AddrPort) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	number := at.Port()
	s.open = s.guest.listens(at)
	if s.open || at.Port() == 0 && len(s.guest.policy.connect) > 0 || !s.guest.binds(at) {
		o, err := s.make(s.family)
		if err != nil {
			return err
		}
		for i, set := range s.set {
			if set && err == nil {
				err = o.setOption(option(i), s.settings[i])
			}
		}
		if err == nil {
			err = o.bind(at)
		}
		var got netip.AddrPort
		if err == nil {
			got, err = o.localAddr()
		}
		if err != nil {
			o.close()
			return err
		}
		s.outer, number = o, got.Port()
	}
	if !s.guest.binds(at) {
		return nil
	}
	number, err := reservePort(s.net, s.net.datagrams, s.family, number, s)
	if err != nil {
		return err
	}
	s.inner, s.local = true, netip.AddrPortFrom(at.Addr(), number)
	if s.guest.policy.member.Serves {
		s.net.own(number)
	}
	return nil
}

func (s *loopDatagram) localAddr() (netip.AddrPort, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.inner:
		return s.local, nil
	case s.outer != nil:
		return s.outer.localAddr()
	}
	return netip.AddrPort{}, failed(CodeInvalidState)
}

func (s *loopDatagram) option(o option) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outer != nil {
		return s.outer.option(o)
	}
	return s.settings[o], nil
}

func (s *loopDatagram) setOption(o option, v int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings[o], s.set[o] = v, true
	if s.outer != nil {
		return s.outer.setOption(o, v)
	}
	return nil
}

// own notes that a port of UDP is the workload's from now on.
func (l *Loopback) own(number uint16) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owned[ownedPort{true, number}] = true
}

// within says whether a datagram to an address stays in the loopback. s.mu is held.
func (s *loopDatagram) within(to netip.AddrPort) bool {
	return s.guest.inside(to) && (s.net.owns(true, to.Port()) || s.net.receiver(s.family, to) != nil || !s.guest.granted(to))
}

func (s *loopDatagram) connect(to netip.AddrPort) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remote = to
	if s.within(to) || s.outer == nil {
		return nil
	}
	s.outward = true
	return s.outer.connect(to)
}

func (s *loopDatagram) disconnect() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remote = netip.AddrPort{}
	if !s.outward {
		return nil
	}
	s.outward = false
	return s.outer.disconnect()
}

func (s *loopDatagram) send(p []byte) error {
	s.mu.Lock()
	outer, to, outward := s.outer, s.remote, s.outward
	s.mu.Unlock()
	if outward {
		return outer.send(p)
	}
	return s.sendTo(p, to)
}

func (s *loopDatagram) sendTo(p []byte, to netip.AddrPort) error {
	s.mu.Lock()
	within, outer, from := s.within(to), s.outer, s.local
	s.mu.Unlock()
	switch {
	case len(p) > maxDatagram:
		return failed(CodeDatagramTooLarge)
	case !within && outer != nil:
		return outer.sendTo(p, to)
	case !within:
		return failed(CodeAccessDenied)
	}
	if from.Addr().IsUnspecified() {
		from = netip.AddrPortFrom(to.Addr(), from.Port())
	}
	if peer := s.net.receiver(s.family, to); peer != nil {
		peer.deliver(p, from)
		return nil
	}
	s.mu.Lock()
	s.refused = s.remote == to // as systems do, which tell a socket that has one peer
	s.mu.Unlock()
	s.came.Notify()
	return nil
}

// receiver is the socket that receives at an address; nil if there is none.
func (l *Loopback) receiver(f Family, at netip.AddrPort) *loopDatagram {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.datagrams[port{f, at.Port()}]
	if s == nil || !s.local.Addr().IsUnspecified() && s.local.Addr() != at.Addr() {
		return nil
	}
	return s
}

// deliver queues a datagram, or drops it if there is no room or another peer is wanted.
func (s *loopDatagram) deliver(p []byte, from netip.AddrPort) {
	s.mu.Lock()
	if s.closed || s.remote.IsValid() && s.remote != from || len(s.queue) >= maxQueued || s.bytes+len(p) > queuedBytes && len(s.queue) > 0 {
		s.mu.Unlock()
		return
	}
	s.queue = append(s.queue, Datagram{Data: append([]byte(nil), p...), Addr: from})
	s.bytes += len(p)
	s.mu.Unlock()
	s.came.Notify()
}

func (s *loopDatagram) recvFrom(p []byte) (int, netip.AddrPort, error) {
	s.mu.Lock()
	if len(s.queue) > 0 {
		d := s.queue[0]
		s.queue[0] = Datagram{}
		s.queue = s.queue[1:]
		s.bytes -= len(d.Data)
		s.mu.Unlock()
		return copy(p, d.Data), d.Addr, nil
	}
	if s.refused {
		s.refused = false
		s.mu.Unlock()
		return 0, netip.AddrPort{}, failure(syscall.ECONNREFUSED)
	}
	outer, all := s.outer, s.open || !s.inner
	s.mu.Unlock()
	if outer == nil {
		return 0, netip.AddrPort{}, failed(CodeWouldBlock)
	}
	for {
		n, from, err := outer.recvFrom(p)
		if err != nil || all || s.guest.granted(from) { // the machine's loopback is no peer without a grant
			return n, from, err
		}
	}
}

func (s *loopDatagram) readable() wasiio.Pollable {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.outer == nil:
		return (*deliveries)(s)
	case !s.inner:
		return s.outer.readable()
	}
	return either{(*deliveries)(s), s.outer.readable()}
}

// deliveries is ready when a datagram of the loopback can be received.
type deliveries loopDatagram

func (d *deliveries) Ready() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.queue) > 0 || d.refused || d.closed
}

func (d *deliveries) Watch(wake chan<- struct{}) (stop func()) { return d.came.Watch(wake) }

func (s *loopDatagram) writable() wasiio.Pollable {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outer != nil {
		return s.outer.writable()
	}
	return always
}

func (s *loopDatagram) close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed, s.queue = true, nil
	outer, inner, number := s.outer, s.inner, s.local.Port()
	s.mu.Unlock()
	s.came.Notify()
	if inner {
		freePort(s.net, s.net.datagrams, s.family, number)
	}
	if outer != nil {
		outer.close()
	}
}
