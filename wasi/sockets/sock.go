package sockets

import (
	"net/netip"
	"sync/atomic"
	"time"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// system is a socket of the operating system. Nothing of it blocks: what cannot be done now fails with would-block, and
// readable or writable tells when to try again. Two things are one: rawSock, by system calls, where sockets are open
// files that can be polled, and netStream and netDatagram, by Go's net, everywhere. The same tests hold for both.
//
// All errors are *Error. Safe for concurrent use.
type system interface {
	bind(at netip.AddrPort) error
	localAddr() (netip.AddrPort, error)
	option(o option) (int, error)
	setOption(o option, v int) error
	readable() wasiio.Pollable
	writable() wasiio.Pollable
	close()
}

// streamSystem is a TCP socket. What it accepts is one that is connected.
type streamSystem interface {
	system
	listen(backlog int) error // again: only the backlog changes
	accept() (streamSystem, error)
	connect(to netip.AddrPort) error // begins; writable tells the end
	pending() error                  // how connect ended; would-block before
	remoteAddr() (netip.AddrPort, error)
	recv(p []byte) (int, error)         // 0 bytes are the end
	write(p []byte) (int, error)        // blocks until all is with the system, the deadline has passed or the socket is closed
	setWriteDeadline(t time.Time) error // for write
	shutdown(receive, send bool) error  // that the peer was quicker is no error
}

// datagramSystem is a UDP socket.
type datagramSystem interface {
	system
	connect(to netip.AddrPort) error // chooses the peer of send
	disconnect() error               // leaves none
	recvFrom(p []byte) (int, netip.AddrPort, error)
	send(p []byte) error
	sendTo(p []byte, to netip.AddrPort) error
}

// systems makes sockets.
type systems struct {
	stream   func(Family) (streamSystem, error)
	datagram func(Family) (datagramSystem, error)
}

// sock is a system that a socket and its streams share. It is closed when the last of them lets go.
type sock[S system] struct {
	sys   S
	guest *Network // that it is counted for
	refs  atomic.Int32
}

// openSock opens a socket for the guest unless it has too many.
func openSock[S system](n *Network, open func() (S, error)) (*sock[S], error) {
	if err := n.reserve(); err != nil {
		return nil, err
	}
	sys, err := open()
	if err != nil {
		n.open.Add(-1)
		return nil, err
	}
	s := &sock[S]{sys: sys, guest: n}
	s.refs.Store(1)
	return s, nil
}

func (s *sock[S]) retain() *sock[S] {
	s.refs.Add(1)
	return s
}

func (s *sock[S]) release() {
	if s.refs.Add(-1) == 0 {
		s.sys.close()
		s.guest.open.Add(-1)
	}
}
