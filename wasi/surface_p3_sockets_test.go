package wasi_test

import (
	"net/netip"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wasi"
)

const (
	tcp3 = "sockets/types#tcp-socket."
	udp3 = "sockets/types#udp-socket."
)

func TestTCP3(t *testing.T) {
	g := serve3(t, allowSockets, noHTTP)
	l := g.res(tcp3+"create", "ipv4")
	g.equal(false, tcp3+"get-is-listening", l)
	g.equal("ipv4", tcp3+"get-address-family", l)
	g.fail("invalid-state", tcp3+"get-local-address", l)
	g.ok(tcp3+"bind", l, ip4("127.0.0.1:0"))
	g.fail("invalid-state", tcp3+"bind", l, ip4("127.0.0.1:0"))
	g.ok(tcp3+"set-listen-backlog-size", l, 10)
	coming := g.ok(tcp3+"listen", l).(*cm.StreamReader[any])
	g.fail("invalid-state", tcp3+"listen", l)
	g.equal(true, tcp3+"get-is-listening", l)
	at := addrPort(g.ok(tcp3+"get-local-address", l))
	c := g.res(tcp3+"create", "ipv4")
	g.fail("invalid-state", tcp3+"get-remote-address", c)
	g.ok(tcp3+"connect", c, address(at))
	g.fail("invalid-state", tcp3+"connect", c, address(at))
	if to := addrPort(g.ok(tcp3+"get-remote-address", c)); to != at {
		t.Errorf("%v, want %v", to, at)
	}
	peers := g.take("take-tcp-socket", coming, 1).([]*cm.Resource)
	if len(peers) != 1 {
		t.Fatalf("%d sockets", len(peers))
	}
	sent := g.ok(tcp3+"send", c, g.bytes("to the peer")) // the guest is busy until it has all, and would not end one of its own
	in, ended := g.pair(tcp3+"receive", peers[0])
	if got := g.take("take-u8", in, 100); string(got.([]byte)) != "to the peer" {
		t.Errorf("%q", got)
	}
	g.await("ok", tcp3+"receive", "await-sockets", ended)
	g.wait("ok", tcp3+"send", sent)
	fresh := g.res(tcp3+"create", "ipv4")
	g.await("invalid-state", tcp3+"send", "await-sockets", g.ok(tcp3+"send", fresh, g.bytes("x")))
	in, ended = g.pair(tcp3+"receive", fresh)
	g.take("take-u8", in, 1)
	g.await("invalid-state", tcp3+"receive", "await-sockets", ended)
	g.drop(c, peers[0], l, fresh)
	denied := serve3(t, wasi.Config{}, noHTTP)
	s := denied.res(tcp3+"create", "ipv4")
	denied.fail("access-denied", tcp3+"connect", s, ip4("127.0.0.1:1"))
	gone := g.res(tcp3+"create", "ipv4")
	g.fail("connection-refused", tcp3+"connect", gone, address(at))
}

func TestSocketOptions3(t *testing.T) {
	g := serve3(t, allowSockets, noHTTP)
	s := g.res(tcp3+"create", "ipv4")
	for name, v := range map[string]any{
		"keep-alive-enabled": true, "keep-alive-idle-time": uint64(5e9), "keep-alive-interval": uint64(2e9), "keep-alive-count": uint32(3), "hop-limit": uint8(9),
	} {
		g.ok(tcp3+"set-"+name, s, v)
		g.equal(v, tcp3+"get-"+name, s)
	}
	for _, name := range []string{"keep-alive-idle-time", "keep-alive-interval", "keep-alive-count", "hop-limit", "listen-backlog-size"} {
		g.fail("invalid-argument", tcp3+"set-"+name, s, 0)
	}
	u := g.res(udp3+"create", "ipv4")
	for of, at := range map[string]*cm.Resource{tcp3: s, udp3: u} {
		for _, name := range []string{"receive-buffer-size", "send-buffer-size"} {
			g.ok(of+"set-"+name, at, 70000)
			if n := g.ok(of+"get-"+name, at).(uint64); n < 4096 {
				t.Errorf("%s of %s is %d", name, of, n)
			}
			g.fail("invalid-argument", of+"set-"+name, at, 0)
		}
	}
	g.ok(udp3+"set-unicast-hop-limit", u, 8)
	g.equal(uint8(8), udp3+"get-unicast-hop-limit", u)
	g.fail("invalid-argument", udp3+"set-unicast-hop-limit", u, 0)
}

func TestUDP3(t *testing.T) {
	g := serve3(t, allowSockets, noHTTP)
	a, b := g.res(udp3+"create", "ipv4"), g.res(udp3+"create", "ipv4")
	g.equal("ipv4", udp3+"get-address-family", a)
	g.fail("invalid-state", udp3+"get-local-address", a)
	g.ok(udp3+"bind", a, ip4("127.0.0.1:0"))
	g.fail("invalid-state", udp3+"bind", a, ip4("127.0.0.1:0"))
	at := addrPort(g.ok(udp3+"get-local-address", a))
	g.ok(udp3+"send", b, []byte("one"), address(at))
	got := g.ok(udp3+"receive", a).([]any)
	if string(got[0].([]byte)) != "one" || addrPort(got[1]).Addr() != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("%v", got)
	}
	g.fail("invalid-state", udp3+"get-remote-address", b)
	g.fail("invalid-state", udp3+"disconnect", b)
	g.ok(udp3+"connect", b, address(at))
	if to := addrPort(g.ok(udp3+"get-remote-address", b)); to != at {
		t.Errorf("%v, want %v", to, at)
	}
	g.ok(udp3+"send", b, []byte("two"), nil)
	if got := g.ok(udp3+"receive", a).([]any); string(got[0].([]byte)) != "two" {
		t.Errorf("%v", got)
	}
	g.ok(udp3+"disconnect", b)
	g.fail("invalid-argument", udp3+"send", b, []byte("x"), nil)
	g.fail("datagram-too-large", udp3+"send", b, make([]byte, 70000), address(at))
	c := g.res(udp3+"create", "ipv4")
	g.fail("invalid-state", udp3+"receive", c)
	g.drop(a, b, c)
}

func TestNames3(t *testing.T) {
	const resolve = "sockets/ip-name-lookup#resolve-addresses"
	g := serve3(t, allowSockets, noHTTP)
	resolver(t, func(q []byte) ([]byte, error) { return dns(q, 0, netip.MustParseAddr("127.0.0.1")), nil })
	if got := g.ok(resolve, "here.example").([]cm.Variant); len(got) == 0 || got[0].Case != "ipv4" {
		t.Errorf("%v", got)
	}
	g.fail("invalid-argument", resolve, "a b")
	denied := serve3(t, wasi.Config{}, noHTTP)
	denied.fail("access-denied", resolve, "here.example")
	resolver(t, func(q []byte) ([]byte, error) { return dns(q, 3), nil })
	g.fail("name-unresolvable", resolve, "nowhere.example")
}
