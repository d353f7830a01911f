package sockets

import (
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// platformSystems makes the sockets of guests.
var platformSystems = systems{
	stream:   func(f Family) (streamSystem, error) { return newRawSock(f, streamKind) },
	datagram: func(f Family) (datagramSystem, error) { return newRawSock(f, datagramKind) },
}

// rawSock is a non-blocking socket of system calls. Nothing is read or accepted ahead of the guest, and a goroutine runs
// only while the socket is watched.
type rawSock struct {
	f       *os.File
	raw     syscall.RawConn
	family  Family
	in, out readiness
}

func newRawSock(f Family, kind int) (*rawSock, error) {
	fd, err := openHandle(f, kind|unix.SOCK_NONBLOCK)
	if err != nil {
		return nil, failure(err)
	}
	return wrapRawSock(f, fd)
}

func wrapRawSock(family Family, fd int) (*rawSock, error) {
	f := os.NewFile(uintptr(fd), "socket")
	raw, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return nil, failure(err)
	}
	s := &rawSock{f: f, raw: raw, family: family}
	s.in, s.out = readiness{s: s}, readiness{s: s, write: true}
	return s, nil
}

func (s *rawSock) readable() wasiio.Pollable { return &s.in }

func (s *rawSock) writable() wasiio.Pollable { return &s.out }

func (s *rawSock) close() { _ = s.f.Close() } // fails only if it is closed already

// on runs f with the file descriptor, which stays open meanwhile.
func (s *rawSock) on(f func(fd int) error) error {
	var inner error
	err := s.raw.Control(func(fd uintptr) {
		for inner = f(int(fd)); inner == syscall.EINTR; {
			inner = f(int(fd))
		}
	})
	if err == nil {
		err = inner
	}
	return failure(err)
}

// readiness is one direction of a socket as an event. While it is watched and not ready, one goroutine waits for the system;
// it ends when the direction is ready or the socket closed.
type readiness struct {
	wasiio.Event
	s     *rawSock
	write bool
	armed atomic.Bool
}

// Ready implements [wasiio.Pollable].
func (r *readiness) Ready() bool {
	ready := true // a closed socket is ready
	r.s.raw.Control(func(fd uintptr) { ready = pollNow(int(fd), r.write) })
	if !ready && r.Watched() {
		r.arm() // another reader or writer was faster
	}
	return ready
}

// Watch implements [wasiio.Pollable].
func (r *readiness) Watch(wake chan<- struct{}) (stop func()) {
	stop = r.Event.Watch(wake)
	r.arm()
	return stop
}

func (r *readiness) arm() {
	if !r.armed.CompareAndSwap(false, true) {
		return
	}
	go func() {
		wait := r.s.raw.Read
		if r.write {
			wait = r.s.raw.Write
		}
		wait(func(fd uintptr) bool { return pollNow(int(fd), r.write) })
		r.armed.Store(false)
		r.Notify()
	}()
}

// pollNow is readiness as the system has it now. Errors and hang-ups are readiness.
func pollNow(fd int, write bool) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if write {
		p[0].Events = unix.POLLOUT
	}
	for {
		n, err := unix.Poll(p, 0)
		if err != unix.EINTR {
			return n > 0 || err != nil
		}
	}
}

func (s *rawSock) bind(at netip.AddrPort) error {
	return s.on(func(fd int) error { return bindHandle(fd, at) })
}

func (s *rawSock) listen(backlog int) error {
	return s.on(func(fd int) error { return unix.Listen(fd, backlog) })
}

func (s *rawSock) connect(to netip.AddrPort) error {
	return s.on(func(fd int) error {
		err := unix.Connect(fd, sockaddr(to))
		switch err {
		case unix.EINPROGRESS, unix.EINTR: // under way
			return nil
		case unix.EADDRNOTAVAIL: // no local port is left
			return failed(CodeAddressInUse)
		}
		return err
	})
}

// disconnect dissolves the association of a datagram socket.
func (s *rawSock) disconnect() error {
	return s.on(func(fd int) error {
		none := unix.RawSockaddr{Family: unix.AF_UNSPEC}
		if _, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&none)), unsafe.Sizeof(none)); errno != 0 {
			return errno
		}
		return nil
	})
}

// pending takes the socket's error, if it has one.
func (s *rawSock) pending() error {
	if !s.out.Ready() {
		return failed(CodeWouldBlock)
	}
	return s.on(func(fd int) error {
		v, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && v != 0 {
			err = unix.Errno(v)
		}
		return err
	})
}

func (s *rawSock) accept() (streamSystem, error) {
	var conn int
	if err := s.on(func(fd int) (err error) {
		conn, _, err = unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		return err
	}); err != nil {
		return nil, err
	}
	return wrapRawSock(s.family, conn)
}

func (s *rawSock) recv(p []byte) (n int, err error) {
	err = s.on(func(fd int) (err error) {
		n, err = unix.Read(fd, p)
		return err
	})
	return n, err
}

func (s *rawSock) recvFrom(p []byte) (n int, from netip.AddrPort, err error) {
	err = s.on(func(fd int) error {
		k, sa, err := unix.Recvfrom(fd, p, unix.MSG_DONTWAIT)
		if err == nil {
			n = k
			from, err = addrPort(sa, nil)
		}
		return err
	})
	return n, from, err
}

func (s *rawSock) send(p []byte) error {
	return s.on(func(fd int) error { return unix.Send(fd, p, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL) })
}

func (s *rawSock) sendTo(p []byte, to netip.AddrPort) error {
	return s.on(func(fd int) error { return unix.Sendto(fd, p, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, sockaddr(to)) })
}

func (s *rawSock) shutdown(receive, send bool) error {
	how := unix.SHUT_RD
	switch {
	case receive && send:
		how = unix.SHUT_RDWR
	case send:
		how = unix.SHUT_WR
	}
	return s.on(func(fd int) error {
		if err := unix.Shutdown(fd, how); err != unix.ENOTCONN {
			return err
		}
		return nil
	})
}

func (s *rawSock) write(p []byte) (int, error) {
	n, err := s.f.Write(p)
	return n, failure(err)
}

func (s *rawSock) setWriteDeadline(t time.Time) error { return s.f.SetWriteDeadline(t) }

func (s *rawSock) localAddr() (netip.AddrPort, error) { return s.addr(localOf) }

func (s *rawSock) remoteAddr() (netip.AddrPort, error) { return s.addr(remoteOf) }

func (s *rawSock) addr(get func(int) (netip.AddrPort, error)) (at netip.AddrPort, err error) {
	err = s.on(func(fd int) (err error) {
		at, err = get(fd)
		return err
	})
	return at, err
}

func (s *rawSock) option(o option) (v int, err error) {
	err = s.on(func(fd int) (err error) {
		v, err = getOption(fd, s.family, o)
		return err
	})
	return v, err
}

func (s *rawSock) setOption(o option, v int) error {
	return s.on(func(fd int) error { return setOption(fd, s.family, o, v) })
}
