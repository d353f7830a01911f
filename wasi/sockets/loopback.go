package sockets

import (
	"context"
	"net/netip"
	"sync"
	"time"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// Loopback is the network of one workload, in memory: its services listen on the addresses 127.0.0.0/8 and [::1] of it, and its components
// connect and send to them, without a grant and without a socket of the system. Safe for concurrent use.
//
// A guest that is a member reaches an address of the loopback in this order:
//
//  1. A port that a service listens on, or has listened on, is the workload's, also while the service is restarted: a connection is the
//     service's or is refused, and never comes to the machine's own loopback.
//  2. Another one is the machine's if a Connect grant covers it.
//  3. Otherwise the connection is refused, as nobody listens there.
//
// Only members that serve may listen. A service's port is published, besides, at the machine's address if a Listen grant covers the address that
// it binds to; then one socket accepts from both. Ports are numbered for each protocol, IPv4 and IPv6 apart; 127.0.0.1 and an unspecified
// address are one there.
type Loopback struct {
	names map[string]bool

	mu        sync.Mutex
	streams   map[port]*loopStream   // bound
	listeners map[port]*loopStream   // of those
	datagrams map[port]*loopDatagram // bound
	owned     map[ownedPort]bool     // which services have had
	last      uint16                 // the ephemeral port that was given out last
}

type port struct {
	family Family
	number uint16
}

type ownedPort struct {
	datagram bool
	number   uint16
}

// NewLoopback makes the network of a workload, where names are those of its services: members find the loopback's addresses by them, and by
// NAME.internal and localhost.
func NewLoopback(names ...string) *Loopback {
	l := &Loopback{names: map[string]bool{"localhost": true}, streams: map[port]*loopStream{}, listeners: map[port]*loopStream{}, datagrams: map[port]*loopDatagram{}, owned: map[ownedPort]bool{}}
	for _, n := range names {
		l.names[n], l.names[n+".internal"] = true, true
	}
	return l
}

// Member is a component's part in a Loopback.
type Member struct {
	Net       *Loopback
	Component string
	Serves    bool // may listen
	// Connected is called for each connection that a guest of the component begins in the loopback, in the context of the guest's call, with
	// the component that listens; what it returns is called once, when the connection has ended. May be nil.
	Connected func(ctx context.Context, c Connection) (ended func(Traffic))
}

// Connection is one that a member has begun.
type Connection struct {
	Peer string         // the component that listens
	To   netip.AddrPort // where
}

// Traffic is what a connection has carried.
type Traffic struct{ Sent, Received uint64 } // bytes that the peer, and the guest, could read

// inside says whether an address is one of the loopback's.
func (n *Network) inside(at netip.AddrPort) bool {
	return n.policy.member != nil && at.Addr().Unmap().IsLoopback()
}

// serves says whether the guest may listen on an address of the loopback.
func (n *Network) serves(at netip.AddrPort) bool {
	return n.binds(at) && n.policy.member.Serves
}

// binds says whether the guest can be bound to an address of the loopback: to a port of the network's choice if it does not serve.
func (n *Network) binds(at netip.AddrPort) bool {
	m := n.policy.member
	return m != nil && (at.Addr().IsLoopback() || at.Addr().IsUnspecified()) && (m.Serves || at.Port() == 0)
}

// resolves says whether a name is that of a service.
func (n *Network) resolves(name string) bool {
	m := n.policy.member
	return m != nil && m.Net.names[name]
}

// loopbackAddrs are the addresses of services.
func loopbackAddrs() []netip.Addr {
	return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
}

// systems makes sockets of a member: of the loopback, of outer, or of both.
func (l *Loopback) systems(n *Network, outer systems) systems {
	return systems{
		stream:   func(f Family) (streamSystem, error) { return newLoopStream(l, n, f, outer.stream), nil },
		datagram: func(f Family) (datagramSystem, error) { return newLoopDatagram(l, n, f, outer.datagram), nil },
	}
}

// The ports that are given to who does not ask for one: systems use lower ones, so that both are rarely the same.
const (
	firstEphemeral = 61000
	lastEphemeral  = 65535
)

// ephemeral is a free port; 0 if there is none. l.mu is held.
func (l *Loopback) ephemeral(free func(uint16) bool) uint16 {
	for range lastEphemeral - firstEphemeral + 1 {
		if l.last < firstEphemeral || l.last == lastEphemeral {
			l.last = firstEphemeral - 1
		}
		l.last++
		if free(l.last) {
			return l.last
		}
	}
	return 0
}

// reservePort reserves a port of m for s; want 0 is a free one. It fails with address-in-use.
func reservePort[S any](l *Loopback, m map[port]S, f Family, want uint16, s S) (uint16, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if want == 0 {
		want = l.ephemeral(func(n uint16) bool { _, taken := m[port{f, n}]; return !taken })
	}
	if _, taken := m[port{f, want}]; taken || want == 0 {
		return 0, failed(CodeAddressInUse)
	}
	m[port{f, want}] = s
	return want, nil
}

// freePort frees a port of m.
func freePort[S any](l *Loopback, m map[port]S, f Family, number uint16) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(m, port{f, number})
}

// owns says whether a port is the workload's.
func (l *Loopback) owns(datagram bool, number uint16) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.owned[ownedPort{datagram, number}]
}

// settings are the values of options, for sockets that have none of the system.
type settings [options]int

func defaultSettings() settings {
	return settings{keepAliveIdle: 7200, keepAliveInterval: 75, keepAliveCount: 9, hopLimit: 64, receiveBuffer: pipeBytes, sendBuffer: pipeBytes}
}

// either is ready when one of two pollables is.
type either struct{ a, b wasiio.Pollable }

func (e either) Ready() bool {
	a := e.a.Ready()
	return e.b.Ready() || a // both begin what they do ahead
}

func (e either) Watch(wake chan<- struct{}) (stop func()) {
	a, b := e.a.Watch(wake), e.b.Watch(wake)
	return func() { a(); b() }
}

// timeout is a channel that is ready at a time; nil if there is none.
func timeout(at time.Time) (c <-chan time.Time, stop func()) {
	if at.IsZero() {
		return nil, func() {}
	}
	t := time.NewTimer(time.Until(at))
	return t.C, func() { t.Stop() }
}
