package sockets

import (
	"net/netip"
	"sync/atomic"
	"time"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// system is a socket of the operating system. Its operations do not block but fail with would-block; readable or writable is
// ready when to try again. Implementations: rawSock, by system calls, where sockets are file descriptors that can be polled;
// netStream and netDatagram, by Go's net, everywhere. The same tests run on both.
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

// streamSystem is a TCP socket.
type streamSystem interface {
	system
	listen(backlog int) error // again: only the backlog changes
	accept() (streamSystem, error)
	connect(to netip.AddrPort) error // begins; writable is ready at the end
	pending() error                  // the result of connect; would-block before
	remoteAddr() (netip.AddrPort, error)
	recv(p []byte) (int, error)         // 0 bytes are the end
	write(p []byte) (int, error)        // blocks until the system has accepted all, the deadline has passed or the socket is closed
	setWriteDeadline(t time.Time) error // for write
	shutdown(receive, send bool) error  // no error if the peer has closed already
}

// datagramSystem is a UDP socket.
type datagramSystem interface {
	system
	connect(to netip.AddrPort) error // sets the peer of send
	disconnect() error               // removes it
	recvFrom(p []byte) (int, netip.AddrPort, error)
	send(p []byte) error
	sendTo(p []byte, to netip.AddrPort) error
}

// systems makes sockets.
type systems struct {
	stream   func(Family) (streamSystem, error)
	datagram func(Family) (datagramSystem, error)
}

// sock is a reference-counted system, shared by a socket and its streams and closed with the last of them.
type sock[S system] struct {
	sys   S
	guest *Network // counts it
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
