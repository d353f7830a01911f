package wasinet

import (
	"encoding/binary"
	"net/netip"

	"github.com/vitrine-wasm/vitrine/sdk/go/wasinet/internal/bindings"
)

// name is an address that is not known otherwise, for errors.
type name string

// Network is tcp.
func (name) Network() string { return "tcp" }

// String is the address as it was given.
func (n name) String() string { return string(n) }

func addrOf(a bindings.IPAddress) netip.Addr {
	if a.Tag == bindings.IPAddressTagIPv4 {
		return addr4(a.IPv4)
	}
	return addr6(a.IPv6)
}

func addr4(a bindings.IPv4Address) netip.Addr {
	return netip.AddrFrom4([4]byte{a.F0, a.F1, a.F2, a.F3})
}

func addr6(a bindings.IPv6Address) netip.Addr {
	var b [16]byte
	for i, part := range []uint16{a.F0, a.F1, a.F2, a.F3, a.F4, a.F5, a.F6, a.F7} {
		binary.BigEndian.PutUint16(b[2*i:], part)
	}
	return netip.AddrFrom16(b)
}

func addrPortOf(a bindings.IPSocketAddress) netip.AddrPort {
	if a.Tag == bindings.IPSocketAddressTagIPv4 {
		return netip.AddrPortFrom(addr4(a.IPv4.Address), a.IPv4.Port)
	}
	return netip.AddrPortFrom(addr6(a.IPv6.Address), a.IPv6.Port)
}

func socketAddress(to netip.AddrPort) bindings.IPSocketAddress {
	if to.Addr().Is4() {
		b := to.Addr().As4()
		return bindings.IPSocketAddressIPv4(bindings.IPv4SocketAddress{Port: to.Port(), Address: bindings.IPv4Address{F0: b[0], F1: b[1], F2: b[2], F3: b[3]}})
	}
	b := to.Addr().As16()
	part := func(i int) uint16 { return binary.BigEndian.Uint16(b[2*i:]) }
	return bindings.IPSocketAddressIPv6(bindings.IPv6SocketAddress{Port: to.Port(), Address: bindings.IPv6Address{
		F0: part(0), F1: part(1), F2: part(2), F3: part(3), F4: part(4), F5: part(5), F6: part(6), F7: part(7),
	}})
}
