package socketsp3

import (
	"net/netip"

	"github.com/vitrine-wasm/vitrine/wasi/sockets"
)

func ipAddress(a netip.Addr) IPAddress {
	if a = a.Unmap(); a.Is4() {
		return IPAddressIPv4(sockets.IPv4Of(a))
	}
	return IPAddressIPv6(sockets.IPv6Of(a))
}

// socketAddress leaves out flow information, which Go does not have.
func socketAddress(at netip.AddrPort) IPSocketAddress {
	a := at.Addr()
	if a.Is4() {
		return IPSocketAddressIPv4(IPv4SocketAddress{Port: at.Port(), Address: sockets.IPv4Of(a)})
	}
	return IPSocketAddressIPv6(IPv6SocketAddress{Port: at.Port(), Address: sockets.IPv6Of(a), ScopeID: sockets.Scope(a)})
}

func addrPort(at IPSocketAddress) netip.AddrPort {
	if at.Tag == IPSocketAddressTagIPv4 {
		return netip.AddrPortFrom(sockets.AddrOfIPv4(at.IPv4.Address), at.IPv4.Port)
	}
	return netip.AddrPortFrom(sockets.AddrOfIPv6(at.IPv6.Address, at.IPv6.ScopeID), at.IPv6.Port)
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
