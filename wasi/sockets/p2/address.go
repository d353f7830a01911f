package socketsp2

import (
	"net/netip"
	"strconv"
)

func ipAddress(a netip.Addr) IPAddress {
	if a = a.Unmap(); a.Is4() {
		return IPAddressIPv4(ipv4(a))
	}
	return IPAddressIPv6(ipv6(a))
}

func ipv4(a netip.Addr) IPv4Address {
	b := a.As4()
	return IPv4Address{F0: b[0], F1: b[1], F2: b[2], F3: b[3]}
}

func ipv6(a netip.Addr) IPv6Address {
	b := a.As16()
	w := func(i int) uint16 { return uint16(b[2*i])<<8 | uint16(b[2*i+1]) }
	return IPv6Address{F0: w(0), F1: w(1), F2: w(2), F3: w(3), F4: w(4), F5: w(5), F6: w(6), F7: w(7)}
}

// socketAddress leaves out flow information, which Go does not have.
func socketAddress(at netip.AddrPort) IPSocketAddress {
	a := at.Addr()
	if a.Is4() {
		return IPSocketAddressIPv4(IPv4SocketAddress{Port: at.Port(), Address: ipv4(a)})
	}
	scope, _ := strconv.ParseUint(a.Zone(), 10, 32)
	return IPSocketAddressIPv6(IPv6SocketAddress{Port: at.Port(), Address: ipv6(a), ScopeID: uint32(scope)})
}

// addrPort keeps an IPv4-mapped IPv6 address as it is: sockets refuse it.
func addrPort(at IPSocketAddress) netip.AddrPort {
	if at.Tag == IPSocketAddressTagIPv4 {
		b := at.IPv4.Address
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{b.F0, b.F1, b.F2, b.F3}), at.IPv4.Port)
	}
	w := at.IPv6.Address
	var b [16]byte
	for i, v := range [8]uint16{w.F0, w.F1, w.F2, w.F3, w.F4, w.F5, w.F6, w.F7} {
		b[2*i], b[2*i+1] = byte(v>>8), byte(v)
	}
	a := netip.AddrFrom16(b)
	if at.IPv6.ScopeID != 0 {
		a = a.WithZone(strconv.FormatUint(uint64(at.IPv6.ScopeID), 10))
	}
	return netip.AddrPortFrom(a, at.IPv6.Port)
}

// optional is the address, or an invalid one for none.
func optional(at *IPSocketAddress) netip.AddrPort {
	if at == nil {
		return netip.AddrPort{}
	}
	return addrPort(*at)
}

func result(at netip.AddrPort, err error) (IPSocketAddress, error) {
	if err != nil {
		return IPSocketAddress{}, failure(err)
	}
	return socketAddress(at), nil
}
