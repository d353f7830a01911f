package wasi_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wasi"
	"github.com/vitrine-wasm/vitrine/wasi/sockets"
)

const (
	udp    = "sockets/udp#udp-socket."
	udpIn  = "sockets/udp#incoming-datagram-stream."
	udpOut = "sockets/udp#outgoing-datagram-stream."
)

func (g *guest) udp(n *cm.Resource) (*cm.Resource, netip.AddrPort) {
	g.t.Helper()
	u := g.res("sockets/udp-create-socket#create-udp-socket", "ipv4")
	g.ok(udp+"start-bind", u, n, ip4("127.0.0.1:0"))
	g.ok(udp+"finish-bind", u)
	return u, addrPort(g.ok(udp+"local-address", u))
}

// stream returns the streams of a socket; to may be nil.
func (g *guest) stream(u *cm.Resource, to any) (in, out *cm.Resource) {
	g.t.Helper()
	s := g.ok(udp+"stream", u, to).([]any)
	return s[0].(*cm.Resource), s[1].(*cm.Resource)
}

func datagram(data string, to any) map[string]any {
	return map[string]any{"data": []byte(data), "remote-address": to}
}

func TestUDP(t *testing.T) {
	g := serve(t, allowSockets, noHTTP)
	n := g.res("sockets/instance-network#instance-network")
	a, atA := g.udp(n)
	b, atB := g.udp(n)
	g.equal("ipv4", udp+"address-family", a)
	g.ok("io/poll#pollable.block", g.res(udp+"subscribe", a))
	aIn, aOut := g.stream(a, address(atB)) // connected
	bIn, bOut := g.stream(b, nil)          // not
	g.equal(address(atB), udp+"remote-address", a)
	g.fail("invalid-state", udp+"remote-address", b)
	g.equal([]map[string]any{}, udpIn+"receive", bIn, 5)
	here := g.res(udpIn+"subscribe", bIn)
	g.equal(false, "io/poll#pollable.ready", here)
	g.ok("io/poll#pollable.block", g.res(udpOut+"subscribe", aOut))
	if k := g.ok(udpOut+"check-send", aOut).(uint64); k < 2 {
		t.Errorf("%d datagrams may be sent", k)
	}
	g.equal(uint64(2), udpOut+"send", aOut, []any{datagram("one", nil), datagram("", address(atB))})
	for _, want := range []string{"one", ""} {
		g.ok("io/poll#pollable.block", here)
		g.equal([]map[string]any{{"data": []byte(want), "remote-address": address(atA)}}, udpIn+"receive", bIn, 1)
	}
	g.ok(udpOut+"check-send", bOut)
	g.equal(uint64(1), udpOut+"send", bOut, []any{datagram("back", address(atA))})
	g.ok("io/poll#pollable.block", g.res(udpIn+"subscribe", aIn))
	g.equal([]map[string]any{{"data": []byte("back"), "remote-address": address(atB)}}, udpIn+"receive", aIn, 10)

	stranger, _ := g.udp(n)
	sIn, sOut := g.stream(stranger, nil)
	g.ok(udpOut+"check-send", sOut)
	g.equal(uint64(1), udpOut+"send", sOut, []any{datagram("who?", address(atA))})
	g.ok(udpOut+"check-send", bOut)
	g.equal(uint64(1), udpOut+"send", bOut, []any{datagram("me", address(atA))})
	for { // the first datagram was not the peer's, and is dropped
		g.ok("io/poll#pollable.block", g.res(udpIn+"subscribe", aIn))
		if ds := g.ok(udpIn+"receive", aIn, 10).([]map[string]any); len(ds) > 0 {
			if string(ds[0]["data"].([]byte)) != "me" || len(ds) != 1 {
				t.Errorf("heard %v", ds)
			}
			break
		}
	}
	for _, c := range []struct {
		want string
		out  *cm.Resource
		d    map[string]any
	}{
		{"invalid-argument", aOut, datagram("to another", address(atA))},
		{"invalid-argument", bOut, datagram("to nobody", nil)},
		{"invalid-argument", bOut, datagram("port 0", ip4("127.0.0.1:0"))},
		{"invalid-argument", bOut, datagram("nowhere", ip4("0.0.0.0:9"))},
		{"invalid-argument", bOut, datagram("other family", address(netip.MustParseAddrPort("[::1]:9")))},
		{"datagram-too-large", bOut, datagram(string(make([]byte, 70_000)), address(atA))},
	} {
		g.ok(udpOut+"check-send", c.out)
		g.fail(c.want, udpOut+"send", c.out, []any{c.d})
	}
	// New streams replace the old ones, and need not have the same peer.
	g.ok(udpOut+"check-send", aOut)
	a2In, a2Out := g.stream(a, nil)
	g.fail("invalid-state", udpIn+"receive", aIn, 1)
	g.fail("invalid-state", udpOut+"send", aOut, []any{datagram("x", nil)})
	g.fail("invalid-state", udpOut+"check-send", aOut)
	g.fail("invalid-state", udp+"remote-address", a)
	g.drop(aIn, aOut, bIn, bOut, sIn, sOut, a2In, a2Out, a, b, stranger)
}

func TestUDPStates(t *testing.T) {
	g := serve(t, allowSockets, noHTTP)
	n := g.res("sockets/instance-network#instance-network")
	u := g.res("sockets/udp-create-socket#create-udp-socket", "ipv4")
	here := ip4("127.0.0.1:0")
	g.fail("invalid-state", udp+"stream", u, nil)
	g.fail("invalid-state", udp+"local-address", u)
	g.fail("invalid-state", udp+"remote-address", u)
	g.fail("not-in-progress", udp+"finish-bind", u)
	g.fail("invalid-argument", udp+"start-bind", u, n, address(netip.MustParseAddrPort("[::1]:0")))
	g.fail("address-not-bindable", udp+"start-bind", u, n, ip4("192.0.2.1:0"))
	g.ok(udp+"start-bind", u, n, here)
	g.fail("concurrency-conflict", udp+"start-bind", u, n, here)
	g.fail("invalid-state", udp+"stream", u, nil)
	g.ok(udp+"finish-bind", u)
	g.fail("not-in-progress", udp+"finish-bind", u)
	g.fail("invalid-state", udp+"start-bind", u, n, here)
	g.fail("invalid-argument", udp+"stream", u, ip4("127.0.0.1:0"))
	_, at := g.udp(n)
	other := g.res("sockets/udp-create-socket#create-udp-socket", "ipv4")
	g.fail("address-in-use", udp+"start-bind", other, n, address(at))
	for _, o := range []struct {
		name string
		set  any
	}{{"unicast-hop-limit", uint8(7)}, {"receive-buffer-size", uint64(32768)}, {"send-buffer-size", uint64(32768)}} {
		g.ok(udp+o.name, u)
		g.ok(udp+"set-"+o.name, u, o.set)
		g.equal(o.set, udp+o.name, u)
		g.fail("invalid-argument", udp+"set-"+o.name, u, 0)
	}
}

// TestUDPRefused: a connected socket reports that its peer does not listen.
func TestUDPRefused(t *testing.T) {
	g := serve(t, allowSockets, noHTTP)
	n := g.res("sockets/instance-network#instance-network")
	gone, at := g.udp(n)
	g.drop(gone)
	u, _ := g.udp(n)
	in, out := g.stream(u, address(at))
	g.ok(udpOut+"check-send", out)
	g.ok(udpOut+"send", out, []any{datagram("anybody?", nil)})
	g.ok("io/poll#pollable.block", g.res(udpIn+"subscribe", in))
	g.fail("connection-refused", udpIn+"receive", in, 1)
}

// TestUDPGrants: a guest sends to and receives from only the addresses that it may connect to.
func TestUDPGrants(t *testing.T) {
	friend, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer friend.Close()
	stranger, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	g := serve(t, wasi.Config{Sockets: sockets.Grants{Connect: []string{friend.LocalAddr().String()}}}, noHTTP)
	n := g.res("sockets/instance-network#instance-network")
	u, at := g.udp(n)
	g.fail("access-denied", udp+"stream", u, ip4(stranger.LocalAddr().String()))
	in, out := g.stream(u, nil)
	g.ok(udpOut+"check-send", out)
	g.fail("access-denied", udpOut+"send", out, []any{datagram("x", ip4(stranger.LocalAddr().String()))})
	for _, from := range []net.PacketConn{stranger, friend} {
		if _, err := from.WriteTo([]byte(from.LocalAddr().String()), net.UDPAddrFromAddrPort(at)); err != nil {
			t.Fatal(err)
		}
	}
	for {
		g.ok("io/poll#pollable.block", g.res(udpIn+"subscribe", in))
		if ds := g.ok(udpIn+"receive", in, 10).([]map[string]any); len(ds) > 0 {
			if len(ds) != 1 || string(ds[0]["data"].([]byte)) != friend.LocalAddr().String() {
				t.Errorf("heard %v", ds)
			}
			return
		}
	}
}

// resolver replaces the process's resolver by f, which answers a DNS query.
func resolver(t *testing.T, f func(query []byte) (answer []byte, err error)) {
	old := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return &dnsConn{answer: f}, nil
	}}
	t.Cleanup(func() { net.DefaultResolver = old })
}

// dnsConn is a datagram connection to a name server.
type dnsConn struct {
	net.Conn
	answer func([]byte) ([]byte, error)
	query  []byte
}

func (c *dnsConn) Write(p []byte) (int, error) {
	c.query = append([]byte(nil), p...)
	return len(p), nil
}

func (c *dnsConn) Read(p []byte) (int, error) {
	a, err := c.answer(c.query)
	return copy(p, a), err
}

func (c *dnsConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, err := c.Read(p)
	return n, nil, err
}

func (c *dnsConn) WriteTo([]byte, net.Addr) (int, error) { return 0, io.ErrClosedPipe }
func (c *dnsConn) LocalAddr() net.Addr                   { return &net.UDPAddr{} }
func (c *dnsConn) RemoteAddr() net.Addr                  { return &net.UDPAddr{} }
func (c *dnsConn) SetDeadline(time.Time) error           { return nil }
func (c *dnsConn) Close() error                          { return nil }

// dns answers a query with a code and, for A records, addresses.
func dns(query []byte, code byte, addrs ...netip.Addr) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5
	a := append([]byte(nil), query[:end]...)
	a[2], a[3] = 0x81, 0x80|code
	binary.BigEndian.PutUint16(a[6:], 0)
	binary.BigEndian.PutUint16(a[8:], 0)
	binary.BigEndian.PutUint16(a[10:], 0)
	if query[end-3] != 1 { // not a query for an A record
		return a
	}
	for i, addr := range addrs {
		binary.BigEndian.PutUint16(a[6:], uint16(i+1))
		a = append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4)
		a = append(a, addr.AsSlice()...)
	}
	return a
}

func TestNames(t *testing.T) {
	const resolve, next = "sockets/ip-name-lookup#resolve-addresses", "sockets/ip-name-lookup#resolve-address-stream.resolve-next-address"
	peer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	_, port, _ := net.SplitHostPort(peer.Addr().String())
	release := make(chan struct{})
	resolver(t, func(q []byte) ([]byte, error) {
		switch q[13] { // the first letter of the name
		case 'd':
			<-release
			return dns(q, 0, netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")), nil
		case 'n':
			return dns(q, 3), nil
		case 's':
			return dns(q, 2), nil
		case 'r':
			return dns(q, 5), nil
		}
		return nil, os.ErrDeadlineExceeded
	})
	g := serve(t, wasi.Config{Sockets: sockets.Grants{Connect: []string{"db.example:" + port, "none.example:1", "slow.example:1", "refused.example:1", "timeout.example:1"}}}, noHTTP)
	n := g.res("sockets/instance-network#instance-network")
	s := g.tcp()
	g.fail("access-denied", tcp+"start-connect", s, n, ip4(peer.Addr().String()))
	l := g.res(resolve, n, "db.example")
	ready := g.res("sockets/ip-name-lookup#resolve-address-stream.subscribe", l)
	g.fail("would-block", next, l)
	g.equal(false, "io/poll#pollable.ready", ready)
	close(release)
	var addrs []cm.Variant
	for {
		v, outcome := g.retry(ready, next, l)
		if outcome != "ok" {
			t.Fatal(outcome)
		}
		a := v.(*cm.Variant)
		if a == nil {
			break
		}
		addrs = append(addrs, *a)
	}
	if len(addrs) != 2 || addrs[0].Case != "ipv4" || addrs[1].Case != "ipv4" {
		t.Errorf("db.example is %v", addrs)
	}
	// The addresses of a granted name are granted, at its port.
	g.ok(tcp+"start-connect", s, n, ip4(peer.Addr().String()))
	g.fail("access-denied", tcp+"start-connect", g.tcp(), n, ip4("127.0.0.1:1"))
	g.drop(ready, l)

	literal := g.res(resolve, n, "::1")
	g.equal(&cm.Variant{Case: "ipv6", Value: []any{uint16(0), uint16(0), uint16(0), uint16(0), uint16(0), uint16(0), uint16(0), uint16(1)}}, next, literal)
	g.fail("invalid-argument", resolve, n, "a b")
	g.fail("access-denied", resolve, n, "other.example")
	for name, want := range map[string]string{
		"none.example": "name-unresolvable", "slow.example": "temporary-resolver-failure", "timeout.example": "temporary-resolver-failure",
		"refused.example": "permanent-resolver-failure",
	} {
		l := g.res(resolve, n, name)
		if _, outcome := g.retry(g.res("sockets/ip-name-lookup#resolve-address-stream.subscribe", l), next, l); outcome != want {
			t.Errorf("%s: %s, want %s", name, outcome, want)
		}
	}
}
