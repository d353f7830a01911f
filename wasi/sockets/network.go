package sockets

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/net/idna"

	"github.com/vitrine-wasm/vitrine/cm"
)

// Grants are addresses "host:port" that a guest may connect to and listen on. Either part may be "*"; "*" alone is any
// address. A host is an IP address or a name; an IPv6 address is in brackets.
type Grants struct {
	Connect, Listen []string
	Sockets         int // how many sockets and lookups a guest may have open at a time; 0: MaxSockets
	// Denied is told of an address or a name that no grant covers: use is connect, or listen. It must not block. May be nil.
	Denied func(use, address string)
	// Member makes guests members of a loopback in memory, which they need no grant for; nil: the loopback is the machine's.
	Member *Member
}

// pattern is one parsed grant.
type pattern struct {
	any  bool
	addr netip.Addr // valid if the host is an address
	name string     // lower case; empty if the host is an address or any
	port uint16     // 0 is any
}

func parsePattern(s string) (pattern, error) {
	if s == "*" {
		return pattern{any: true}, nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" {
		return pattern{}, fmt.Errorf("%q: want host:port, host:* or *", s)
	}
	var p pattern
	if port != "*" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return pattern{}, fmt.Errorf("%q: %q is no port; want 1 to 65535 or *", s, port)
		}
		p.port = uint16(n)
	}
	if host == "*" {
		p.any = true
		return p, nil
	}
	if a, err := netip.ParseAddr(host); err == nil {
		p.addr = a.Unmap().WithZone("")
		return p, nil
	}
	if p.name, err = asciiName(host); err != nil {
		return pattern{}, fmt.Errorf("%q: %q is neither an IP address nor a name", s, host)
	}
	return p, nil
}

// asciiName is a name in the form in which names are compared and looked up.
func asciiName(name string) (string, error) {
	a, err := idna.Lookup.ToASCII(strings.TrimSuffix(name, "."))
	if err == nil && a == "" {
		err = fmt.Errorf("name is empty")
	}
	return strings.ToLower(a), err
}

// allows says whether the pattern covers an address without name resolution.
func (p pattern) allows(at netip.AddrPort) bool {
	if p.port != 0 && p.port != at.Port() {
		return false
	}
	a := at.Addr().Unmap().WithZone("")
	return p.any || p.addr.IsValid() && p.addr == a || p.name == "localhost" && a.IsLoopback()
}

// Policy is Grants, parsed. It is immutable and may be shared.
type Policy struct {
	denied          func(use, address string) // may be nil
	connect, listen []pattern
	sockets         int
	member          *Member // nil: of no loopback
}

// NewPolicy parses grants. The error names all that are malformed.
func NewPolicy(g Grants) (*Policy, error) {
	p := &Policy{sockets: g.Sockets, member: g.Member, denied: g.Denied}
	var bad []string
	for _, list := range []struct {
		from []string
		to   *[]pattern
	}{{g.Connect, &p.connect}, {g.Listen, &p.listen}} {
		for _, s := range list.from {
			pat, err := parsePattern(s)
			if err != nil {
				bad = append(bad, err.Error())
				continue
			}
			*list.to = append(*list.to, pat)
		}
	}
	if len(bad) > 0 {
		return nil, fmt.Errorf("socket grants: %s", strings.Join(bad, "; "))
	}
	return p, nil
}

// Network is one guest's policy, its number of open sockets and the addresses that its lookups have returned.
type Network struct {
	policy   *Policy
	sys      systems
	open     atomic.Int32
	mu       sync.Mutex
	resolved map[netip.Addr][]pattern // by address: grants of the names that it was returned for
}

// StoreKey is the key of the [Network] of a store, which all versions of WASI share.
type StoreKey struct{}

// NewNetwork makes a Network for one guest.
func NewNetwork(p *Policy) *Network {
	n := &Network{policy: p, sys: platformSystems, resolved: map[netip.Addr][]pattern{}}
	if p.member != nil {
		n.sys = p.member.Net.systems(n, n.sys)
	}
	return n
}

// MaxSockets is the default of Grants.Sockets: one guest must not use up the process's file descriptors.
const MaxSockets = 256

// reserve counts one more socket; its owner subtracts it from n.open when it is closed.
func (n *Network) reserve() error {
	if most := cmp.Or(n.policy.sockets, MaxSockets); int(n.open.Add(1)) > most {
		n.open.Add(-1)
		return &Error{CodeSocketLimit, &cm.LimitError{Limit: "sockets", Detail: fmt.Sprintf("%d sockets and lookups are open", most)}}
	}
	return nil
}

// What a guest may not do with an address, as Grants.Denied is told.
const (
	useConnect = "connect"
	useListen  = "listen"
)

// refused is the error of an address that no grant covers, of which the operator is told.
func (n *Network) refused(use, address string) error {
	if n.policy.denied != nil {
		n.policy.denied(use, address)
	}
	return failed(CodeAccessDenied)
}

// mayConnect says whether a guest may connect and send to an address: to any of its loopback, and elsewhere with a grant.
func (n *Network) mayConnect(at netip.AddrPort) bool { return n.inside(at) || n.granted(at) }

// granted says whether a Connect grant covers an address.
func (n *Network) granted(at netip.AddrPort) bool {
	for _, p := range n.policy.connect {
		if p.allows(at) {
			return true
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.resolved[at.Addr().Unmap().WithZone("")] {
		if p.port == 0 || p.port == at.Port() {
			return true
		}
	}
	return false
}

// mayListen says whether a guest may listen on an address: on any of its loopback if it serves, and elsewhere with a grant.
func (n *Network) mayListen(at netip.AddrPort) bool { return n.serves(at) || n.listens(at) }

// listens says whether a Listen grant covers an address.
func (n *Network) listens(at netip.AddrPort) bool {
	for _, p := range n.policy.listen {
		if p.allows(at) {
			return true
		}
	}
	return false
}

// mayBind allows addresses with a Listen grant, and to guests with a Connect grant any port of the system's choice: without
// a Listen grant such a socket can only connect, and receive from its peers.
func (n *Network) mayBind(at netip.AddrPort) bool {
	return n.mayListen(at) || n.binds(at) || at.Port() == 0 && len(n.policy.connect) > 0
}

// grantsForName lists the connect grants that cover a name.
func (n *Network) grantsForName(name string) []pattern {
	var ps []pattern
	for _, p := range n.policy.connect {
		if p.any || p.name == name {
			ps = append(ps, p)
		}
	}
	return ps
}

// maxResolved bounds the stored addresses: a name may resolve to others each time.
const maxResolved = 4096

// addResolved stores the addresses that a lookup of a granted name has returned.
func (n *Network) addResolved(ps []pattern, addrs []netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.resolved) > maxResolved {
		clear(n.resolved) // the guest has to look older names up again
	}
	for _, a := range addrs[:min(len(addrs), MaxAddresses)] {
		for _, p := range ps {
			if p.name != "" && !contains(n.resolved[a], p) {
				n.resolved[a] = append(n.resolved[a], p)
			}
		}
	}
}

func contains(ps []pattern, p pattern) bool {
	for _, q := range ps {
		if q == p {
			return true
		}
	}
	return false
}

// Family is IPv4 or IPv6, in WIT's order.
type Family uint8

// The families.
const (
	IPv4 Family = iota
	IPv6
)

func familyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

// checkFamily refuses an address of another family than the socket's, and an IPv4-mapped IPv6 address.
func checkFamily(f Family, at netip.AddrPort) error {
	if !at.Addr().IsValid() || familyOf(at.Addr()) != f || at.Addr().Is4In6() {
		return failed(CodeInvalidArgument)
	}
	return nil
}

// addrPort6 converts an IPv6 address of a system call.
func addrPort6(a [16]byte, port int, zone uint32) netip.AddrPort {
	addr := netip.AddrFrom16(a)
	if zone != 0 {
		addr = addr.WithZone(strconv.FormatUint(uint64(zone), 10))
	}
	return netip.AddrPortFrom(addr, uint16(port))
}

func isUnicast(a netip.Addr) bool {
	return !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// checkRemote refuses addresses that cannot be a destination.
func checkRemote(f Family, at netip.AddrPort) error {
	if err := checkFamily(f, at); err != nil {
		return err
	}
	if at.Addr().IsUnspecified() || at.Port() == 0 {
		return failed(CodeInvalidArgument)
	}
	return nil
}
