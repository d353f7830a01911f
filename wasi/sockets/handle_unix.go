//go:build linux || darwin || freebsd

package sockets

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// handle is a file descriptor of a socket.
type handle = int

// The system's types and numbers, by the names that handle.go has for them.
type (
	sysAddr  = unix.Sockaddr
	sysAddr4 = unix.SockaddrInet4
	sysAddr6 = unix.SockaddrInet6
)

const (
	streamKind   = unix.SOCK_STREAM
	datagramKind = unix.SOCK_DGRAM

	familyIPv4 = unix.AF_INET
	familyIPv6 = unix.AF_INET6

	levelSocket = unix.SOL_SOCKET
	levelTCP    = unix.IPPROTO_TCP
	levelIPv4   = unix.IPPROTO_IP
	levelIPv6   = unix.IPPROTO_IPV6

	optBroadcast     = unix.SO_BROADCAST
	optHopsIPv4      = unix.IP_TTL
	optHopsIPv6      = unix.IPV6_UNICAST_HOPS
	optIPv6Only      = unix.IPV6_V6ONLY
	optKeepAlive     = unix.SO_KEEPALIVE
	optKeepCount     = unix.TCP_KEEPCNT
	optKeepIdle      = tcpKeepIdle
	optKeepInterval  = unix.TCP_KEEPINTVL
	optReceiveBuffer = unix.SO_RCVBUF
	optSendBuffer    = unix.SO_SNDBUF
)

func newHandle(domain, kind int) (handle, error) { return cloexecSocket(domain, kind) }

func setInt(h handle, level, name, v int) error { return unix.SetsockoptInt(h, level, name, v) }

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

func localOf(h handle) (netip.AddrPort, error) { return addrPort(unix.Getsockname(h)) }

func remoteOf(h handle) (netip.AddrPort, error) { return addrPort(unix.Getpeername(h)) }

func getOption(h handle, f Family, o option) (int, error) {
	level, name := o.where(f)
	v, err := unix.GetsockoptInt(h, level, name)
	if o == receiveBuffer || o == sendBuffer {
		v /= bufferFactor
	}
	return v, err
}
