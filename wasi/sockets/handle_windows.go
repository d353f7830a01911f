package sockets

import (
	"net/netip"
	"strconv"

	"golang.org/x/sys/windows"
)

// handle is a socket of Winsock.
type handle = windows.Handle

const (
	streamKind   = windows.SOCK_STREAM
	datagramKind = windows.SOCK_DGRAM
)

// openHandle makes a socket that is not inherited by other programs. Package net has started Winsock.
func openHandle(f Family, kind int) (handle, error) {
	domain := windows.AF_INET
	if f == IPv6 {
		domain = windows.AF_INET6
	}
	h, err := windows.WSASocket(int32(domain), int32(kind), 0, nil, 0, windows.WSA_FLAG_OVERLAPPED|windows.WSA_FLAG_NO_HANDLE_INHERIT)
	if err != nil {
		return 0, err
	}
	if f == IPv6 {
		if err := windows.SetsockoptInt(h, windows.IPPROTO_IPV6, windows.IPV6_V6ONLY, 1); err != nil {
			closeHandle(h)
			return 0, err
		}
	}
	return h, nil
}

func closeHandle(h handle) { _ = windows.Closesocket(h) } // nothing was written

func bindHandle(h handle, at netip.AddrPort) error { return windows.Bind(h, sockaddr(at)) }

// reuseAddress does nothing: the port of a closed socket is free on Windows, and SO_REUSEADDR would allow ports in use.
func reuseAddress(handle) error { return nil }

func listenHandle(h handle, backlog int) error { return windows.Listen(h, backlog) }

func noBroadcast(h handle) error {
	return windows.SetsockoptInt(h, windows.SOL_SOCKET, windows.SO_BROADCAST, 0)
}

func localOf(h handle) (netip.AddrPort, error) { return addrPort(windows.Getsockname(h)) }

func remoteOf(h handle) (netip.AddrPort, error) { return addrPort(windows.Getpeername(h)) }

// where names an option for the system.
func (o option) where(f Family) (level, name int) {
	switch o {
	case keepAlive:
		return windows.SOL_SOCKET, windows.SO_KEEPALIVE
	case keepAliveIdle:
		return windows.IPPROTO_TCP, windows.TCP_KEEPIDLE
	case keepAliveInterval:
		return windows.IPPROTO_TCP, windows.TCP_KEEPINTVL
	case keepAliveCount:
		return windows.IPPROTO_TCP, windows.TCP_KEEPCNT
	case receiveBuffer:
		return windows.SOL_SOCKET, windows.SO_RCVBUF
	case sendBuffer:
		return windows.SOL_SOCKET, windows.SO_SNDBUF
	}
	if f == IPv6 {
		return windows.IPPROTO_IPV6, windows.IPV6_UNICAST_HOPS
	}
	return windows.IPPROTO_IP, windows.IP_TTL
}

func getOption(h handle, f Family, o option) (int, error) {
	level, name := o.where(f)
	return windows.GetsockoptInt(h, level, name)
}

func setOption(h handle, f Family, o option, v int) error {
	level, name := o.where(f)
	return windows.SetsockoptInt(h, level, name, v)
}

func sockaddr(at netip.AddrPort) windows.Sockaddr {
	if a := at.Addr(); a.Is4() {
		return &windows.SockaddrInet4{Port: int(at.Port()), Addr: a.As4()}
	}
	zone, _ := strconv.ParseUint(at.Addr().Zone(), 10, 32)
	return &windows.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16(), ZoneId: uint32(zone)}
}

func addrPort(sa windows.Sockaddr, err error) (netip.AddrPort, error) {
	switch sa := sa.(type) {
	case *windows.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)), err
	case *windows.SockaddrInet6:
		return addrPort6(sa.Addr, sa.Port, sa.ZoneId), err
	}
	return netip.AddrPort{}, err
}
