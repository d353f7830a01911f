//go:build linux || darwin || freebsd || windows

package sockets

import (
	"net/netip"
	"strconv"
)

// What the calls of all systems have in common. Each system's own file has the rest, and names for its package's types and numbers.

// openHandle makes a socket that is not inherited by other programs. kind may have the system's flags.
func openHandle(f Family, kind int) (handle, error) {
	domain := familyIPv4
	if f == IPv6 {
		domain = familyIPv6
	}
	h, err := newHandle(domain, kind)
	if err != nil {
		return 0, err
	}
	if f == IPv6 {
		if err := setInt(h, levelIPv6, optIPv6Only, 1); err != nil {
			closeHandle(h)
			return 0, err
		}
	}
	return h, nil
}

func noBroadcast(h handle) error { return setInt(h, levelSocket, optBroadcast, 0) }

// where names an option for the system.
func (o option) where(f Family) (level, name int) {
	switch o {
	case keepAlive:
		return levelSocket, optKeepAlive
	case keepAliveIdle:
		return levelTCP, optKeepIdle
	case keepAliveInterval:
		return levelTCP, optKeepInterval
	case keepAliveCount:
		return levelTCP, optKeepCount
	case receiveBuffer:
		return levelSocket, optReceiveBuffer
	case sendBuffer:
		return levelSocket, optSendBuffer
	}
	if f == IPv6 {
		return levelIPv6, optHopsIPv6
	}
	return levelIPv4, optHopsIPv4
}

func setOption(h handle, f Family, o option, v int) error {
	level, name := o.where(f)
	return setInt(h, level, name, v)
}

func sockaddr(at netip.AddrPort) sysAddr {
	if a := at.Addr(); a.Is4() {
		return &sysAddr4{Port: int(at.Port()), Addr: a.As4()}
	}
	zone, _ := strconv.ParseUint(at.Addr().Zone(), 10, 32)
	return &sysAddr6{Port: int(at.Port()), Addr: at.Addr().As16(), ZoneId: uint32(zone)}
}

func addrPort(sa sysAddr, err error) (netip.AddrPort, error) {
	switch sa := sa.(type) {
	case *sysAddr4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)), err
	case *sysAddr6:
		return addrPort6(sa.Addr, sa.Port, sa.ZoneId), err
	}
	return netip.AddrPort{}, err
}
