package sockets

import (
	"net/netip"
	"strconv"

	"github.com/vitrine-wasm/vitrine/cm"
)

// Address4 and Address6 are addresses as all versions of WASI have them.
type (
	Address4 = cm.Tuple4[uint8, uint8, uint8, uint8]
	Address6 = cm.Tuple8[uint16, uint16, uint16, uint16, uint16, uint16, uint16, uint16]
)

// IPv4Of converts an IPv4 address.
func IPv4Of(a netip.Addr) Address4 {
	b := a.As4()
	return Address4{F0: b[0], F1: b[1], F2: b[2], F3: b[3]}
}

// IPv6Of converts an IPv6 address, without its zone.
func IPv6Of(a netip.Addr) Address6 {
	b := a.As16()
	w := func(i int) uint16 { return uint16(b[2*i])<<8 | uint16(b[2*i+1]) }
	return Address6{F0: w(0), F1: w(1), F2: w(2), F3: w(3), F4: w(4), F5: w(5), F6: w(6), F7: w(7)}
}

// Scope is the zone of an IPv6 address as a number; 0 for none.
func Scope(a netip.Addr) uint32 {
	n, _ := strconv.ParseUint(a.Zone(), 10, 32)
	return uint32(n)
}

// AddrOfIPv4 is the opposite of IPv4Of.
func AddrOfIPv4(b Address4) netip.Addr { return netip.AddrFrom4([4]byte{b.F0, b.F1, b.F2, b.F3}) }

// AddrOfIPv6 is the opposite of IPv6Of and Scope. It keeps an IPv4-mapped address as it is: sockets refuse it.
func AddrOfIPv6(w Address6, scope uint32) netip.Addr {
	var b [16]byte
	for i, v := range [8]uint16{w.F0, w.F1, w.F2, w.F3, w.F4, w.F5, w.F6, w.F7} {
		b[2*i], b[2*i+1] = byte(v>>8), byte(v)
	}
	a := netip.AddrFrom16(b)
	if scope != 0 {
		a = a.WithZone(strconv.FormatUint(uint64(scope), 10))
	}
	return a
}
