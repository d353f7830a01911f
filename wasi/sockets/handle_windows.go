package sockets

import (
	"net/netip"

	"golang.org/x/sys/windows"
)

// handle is a socket of Winsock.
type handle = windows.Handle

// The system's types and numbers, by the names that handle.go has for them.
type (
	sysAddr  = windows.Sockaddr
	sysAddr4 = windows.SockaddrInet4
	sysAddr6 = windows.SockaddrInet6
)

const (
	streamKind   = windows.SOCK_STREAM
	datagramKind = windows.SOCK_DGRAM

	familyIPv4 = windows.AF_INET
	familyIPv6 = windows.AF_INET6

	levelSocket = windows.SOL_SOCKET
	levelTCP    = windows.IPPROTO_TCP
	levelIPv4   = windows.IPPROTO_IP
	levelIPv6   = windows.IPPROTO_IPV6

	optBroadcast     = windows.SO_BROADCAST
	optHopsIPv4      = windows.IP_TTL
	optHopsIPv6      = windows.IPV6_UNICAST_HOPS
	optIPv6Only      = windows.IPV6_V6ONLY
	optKeepAlive     = windows.SO_KEEPALIVE
	optKeepCount     = windows.TCP_KEEPCNT
	optKeepIdle      = windows.TCP_KEEPIDLE
	optKeepInterval  = windows.TCP_KEEPINTVL
	optReceiveBuffer = windows.SO_RCVBUF
	optSendBuffer    = windows.SO_SNDBUF
)

// newHandle makes a socket. Package net has started Winsock.
func newHandle(domain, kind int) (handle, error) {
	return windows.WSASocket(int32(domain), int32(kind), 0, nil, 0, windows.WSA_FLAG_OVERLAPPED|windows.WSA_FLAG_NO_HANDLE_INHERIT)
}

func setInt(h handle, level, name, v int) error { return windows.SetsockoptInt(h, level, name, v) }

func closeHandle(h handle) { _ = windows.Closesocket(h) } // nothing was written

func bindHandle(h handle, at netip.AddrPort) error { return windows.Bind(h, sockaddr(at)) }

// reuseAddress does nothing: the port of a closed socket is free on Windows, and SO_REUSEADDR would allow ports in use.
func reuseAddress(handle) error { return nil }

func listenHandle(h handle, backlog int) error { return windows.Listen(h, backlog) }

func localOf(h handle) (netip.AddrPort, error) { return addrPort(windows.Getsockname(h)) }

func remoteOf(h handle) (netip.AddrPort, error) { return addrPort(windows.Getpeername(h)) }

func getOption(h handle, f Family, o option) (int, error) {
	level, name := o.where(f)
	return windows.GetsockoptInt(h, level, name)
}
