package sockets

import (
	"net/netip"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

func newTCPSock(f Family) (*sock, error) { return open(f, unix.SOCK_STREAM, unix.IPPROTO_TCP) }

func newUDPSock(f Family) (*sock, error) { return open(f, unix.SOCK_DGRAM, unix.IPPROTO_UDP) }

func open(f Family, kind, proto int) (*sock, error) {
	domain := unix.AF_INET
	if f == IPv6 {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return nil, failure(err)
	}
	if f == IPv6 {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			unix.Close(fd)
			return nil, failure(err)
		}
	}
	return newSock(os.NewFile(uintptr(fd), "socket"))
}

// pollNow asks the system for readiness without waiting. Errors and hang-ups are readiness.
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

// bind allows an address that a socket closed a moment ago still lingers on (tcp.wit §start-bind, implementors note).
func (s *sock) bind(at netip.AddrPort) error {
	return s.on(func(fd int) error {
		if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err == nil && kind == unix.SOCK_STREAM {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
				return err
			}
		}
		return unix.Bind(fd, sockaddr(at))
	})
}

func (s *sock) listen(backlog int) error {
	return s.on(func(fd int) error { return unix.Listen(fd, backlog) })
}

func (s *sock) connect(to netip.AddrPort) error {
	return s.on(func(fd int) error {
		err := unix.Connect(fd, sockaddr(to))
		switch err {
		case unix.EINPROGRESS, unix.EINTR: // under way
			return nil
		case unix.EADDRNOTAVAIL: // no port left for the near end
			return failed(CodeAddressInUse)
		}
		return err
	})
}

// disconnect dissolves the association of a datagram socket.
func (s *sock) disconnect() error {
	return s.on(func(fd int) error {
		none := unix.RawSockaddr{Family: unix.AF_UNSPEC}
		if _, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&none)), unsafe.Sizeof(none)); errno != 0 {
			return errno
		}
		return nil
	})
}

// pending takes the socket's error, if it has one.
func (s *sock) pending() error {
	return s.on(func(fd int) error {
		v, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && v != 0 {
			err = unix.Errno(v)
		}
		return err
	})
}

func (s *sock) accept() (*sock, error) {
	var conn int
	if err := s.on(func(fd int) (err error) {
		conn, _, err = unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		return err
	}); err != nil {
		return nil, err
	}
	return newSock(os.NewFile(uintptr(conn), "socket"))
}

func (s *sock) recv(p []byte) (n int, err error) {
	err = s.on(func(fd int) (err error) {
		n, err = unix.Read(fd, p)
		return err
	})
	return n, err
}

func (s *sock) recvFrom(p []byte) (n int, from netip.AddrPort, err error) {
	err = s.on(func(fd int) error {
		k, sa, err := unix.Recvfrom(fd, p, unix.MSG_DONTWAIT)
		if err == nil {
			n, from = k, addrPort(sa)
		}
		return err
	})
	return n, from, err
}

func (s *sock) send(p []byte) error {
	return s.on(func(fd int) error { return unix.Send(fd, p, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL) })
}

func (s *sock) sendTo(p []byte, to netip.AddrPort) error {
	return s.on(func(fd int) error { return unix.Sendto(fd, p, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, sockaddr(to)) })
}

// shutdown ends directions. That the peer was quicker is no error.
func (s *sock) shutdown(receive, send bool) error {
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

func (s *sock) localAddr() (netip.AddrPort, error) { return s.addr(unix.Getsockname) }

func (s *sock) remoteAddr() (netip.AddrPort, error) { return s.addr(unix.Getpeername) }

func (s *sock) addr(get func(int) (unix.Sockaddr, error)) (at netip.AddrPort, err error) {
	err = s.on(func(fd int) error {
		sa, err := get(fd)
		if err == nil {
			at = addrPort(sa)
		}
		return err
	})
	return at, err
}

// where names an option for the system.
func (o option) where(f Family) (level, name int) {
	switch o {
	case keepAlive:
		return unix.SOL_SOCKET, unix.SO_KEEPALIVE
	case keepAliveIdle:
		return unix.IPPROTO_TCP, unix.TCP_KEEPIDLE
	case keepAliveInterval:
		return unix.IPPROTO_TCP, unix.TCP_KEEPINTVL
	case keepAliveCount:
		return unix.IPPROTO_TCP, unix.TCP_KEEPCNT
	case receiveBuffer:
		return unix.SOL_SOCKET, unix.SO_RCVBUF
	case sendBuffer:
		return unix.SOL_SOCKET, unix.SO_SNDBUF
	}
	if f == IPv6 {
		return unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS
	}
	return unix.IPPROTO_IP, unix.IP_TTL
}

func (s *sock) option(o option, f Family) (v int, err error) {
	err = s.on(func(fd int) (err error) {
		level, name := o.where(f)
		v, err = unix.GetsockoptInt(fd, level, name)
		return err
	})
	if o == receiveBuffer || o == sendBuffer {
		v /= 2 // Linux doubles what it is asked for, to have room for its own (socket(7))
	}
	return v, err
}

func (s *sock) setOption(o option, f Family, v int) error {
	return s.on(func(fd int) error {
		level, name := o.where(f)
		return unix.SetsockoptInt(fd, level, name, v)
	})
}

func sockaddr(at netip.AddrPort) unix.Sockaddr {
	if a := at.Addr(); a.Is4() {
		return &unix.SockaddrInet4{Port: int(at.Port()), Addr: a.As4()}
	}
	zone, _ := strconv.ParseUint(at.Addr().Zone(), 10, 32)
	return &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16(), ZoneId: uint32(zone)}
}

func addrPort(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		a := netip.AddrFrom16(sa.Addr)
		if sa.ZoneId != 0 {
			a = a.WithZone(strconv.FormatUint(uint64(sa.ZoneId), 10))
		}
		return netip.AddrPortFrom(a, uint16(sa.Port))
	}
	return netip.AddrPort{}
}
