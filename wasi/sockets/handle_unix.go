//go:build linux || darwin || freebsd

package sockets

import (
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// handle is a file descriptor of a socket.
type handle = int

const (
	streamKind   = unix.SOCK_STREAM
	datagramKind = unix.SOCK_DGRAM
)

// openHandle makes a socket that is not inherited by other programs. kind may have the system's flags.
func openHandle(f Family, kind int) (handle, error) {
	domain := unix.AF_INET
	if f == IPv6 {
		domain = unix.AF_INET6
	}
	h, err := cloexecSocket(domain, kind)
	if err != nil {
		return 0, err
	}
	if f == IPv6 {
		if err := unix.SetsockoptInt(h, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			closeHandle(h)
			return 0, err
		}
	}
	return h, nil
}

func closeHandle(h handle) { _ = unix.Close(h) } // nothing was written

// bindHandle allows an address that a recently closed socket is still bound to (tcp.wit §start-bind, implementors note).
func bindHandle(h handle, at netip.AddrPort) error {
	if kind, err := unix.GetsockoptInt(h, unix.SOL_SOCKET, unix.SO_TYPE); err == nil && kind == unix.SOCK_STREAM {
		if err := reuseAddress(h); err != nil {
			return err
		}
	}
	return unix.Bind(h, sockaddr(at))
}

func reuseAddress(h handle) error {
	return unix.SetsockoptInt(h, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
}

func listenHandle(h handle, backlog int) error { return unix.Listen(h, backlog) }

func noBroadcast(h handle) error { return unix.SetsockoptInt(h, unix.SOL_SOCKET, unix.SO_BROADCAST, 0) }

func localOf(h handle) (netip.AddrPort, error) { return addrPort(unix.Getsockname(h)) }

func remoteOf(h handle) (netip.AddrPort, error) { return addrPort(unix.Getpeername(h)) }

// where names an option for the system.
func (o option) where(f Family) (level, name int) {
	switch o {
	case keepAlive:
		return unix.SOL_SOCKET, unix.SO_KEEPALIVE
	case keepAliveIdle:
		return unix.IPPROTO_TCP, tcpKeepIdle
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

func getOption(h handle, f Family, o option) (int, error) {
	level, name := o.where(f)
	v, err := unix.GetsockoptInt(h, level, name)
	if o == receiveBuffer || o == sendBuffer {
		v /= bufferFactor
	}
	return v, err
}

func setOption(h handle, f Family, o option, v int) error {
	level, name := o.where(f)
	return unix.SetsockoptInt(h, level, name, v)
}

func sockaddr(at netip.AddrPort) unix.Sockaddr {
	if a := at.Addr(); a.Is4() {
		return &unix.SockaddrInet4{Port: int(at.Port()), Addr: a.As4()}
	}
	zone, _ := strconv.ParseUint(at.Addr().Zone(), 10, 32)
	return &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16(), ZoneId: uint32(zone)}
}

func addrPort(sa unix.Sockaddr, err error) (netip.AddrPort, error) {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)), err
	case *unix.SockaddrInet6:
		return addrPort6(sa.Addr, sa.Port, sa.ZoneId), err
	}
	return netip.AddrPort{}, err
}
