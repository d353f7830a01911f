package wasi_test

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wasi"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
	"github.com/vitrine-wasm/vitrine/wasi/sockets"
)

var allowSockets = wasi.Config{Sockets: sockets.Grants{Connect: []string{"*"}, Listen: []string{"*"}}}

const tcp = "sockets/tcp#tcp-socket."

// ip4 and address are WIT values of addresses.
func ip4(s string) cm.Variant { return address(netip.MustParseAddrPort(s)) }

func address(at netip.AddrPort) cm.Variant {
	if at.Addr().Is4() {
		b := at.Addr().As4()
		return cm.Variant{Case: "ipv4", Value: map[string]any{"port": at.Port(), "address": []any{b[0], b[1], b[2], b[3]}}}
	}
	b := at.Addr().As16()
	words := make([]any, 8)
	for i := range words {
		words[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
	}
	return cm.Variant{Case: "ipv6", Value: map[string]any{"port": at.Port(), "flow-info": uint32(0), "address": words, "scope-id": uint32(0)}}
}

func addrPort(v any) netip.AddrPort {
	r := v.(cm.Variant).Value.(map[string]any)
	var b [4]byte
	for i, x := range r["address"].([]any) {
		b[i] = x.(uint8)
	}
	return netip.AddrPortFrom(netip.AddrFrom4(b), r["port"].(uint16))
}

func (g *guest) tcp() *cm.Resource {
	g.t.Helper()
	return g.res("sockets/tcp-create-socket#create-tcp-socket", "ipv4")
}

// listener is a socket that listens on this machine.
func (g *guest) listener(n *cm.Resource) (*cm.Resource, netip.AddrPort) {
	g.t.Helper()
	l := g.tcp()
	g.ok(tcp+"start-bind", l, n, ip4("127.0.0.1:0"))
	g.ok(tcp+"finish-bind", l)
	g.ok(tcp+"start-listen", l)
	g.ok(tcp+"finish-listen", l)
	return l, addrPort(g.ok(tcp+"local-address", l))
}

// connect returns a connected socket and its streams.
func (g *guest) connect(n *cm.Resource, to netip.AddrPort) (s, in, out *cm.Resource) {
	g.t.Helper()
	s = g.tcp()
	g.ok(tcp+"start-connect", s, n, address(to))
	v, outcome := g.retry(g.res(tcp+"subscribe", s), tcp+"finish-connect", s)
	if outcome != "ok" {
		g.t.Fatalf("connect: %s", outcome)
	}
	streams := v.([]any)
	return s, streams[0].(*cm.Resource), streams[1].(*cm.Resource)
}

// TestTCP: two sockets of a guest exchange bytes up to the ends of their streams.
func TestTCP(t *testing.T) {
	g := serve(t, allowSockets, noHTTP)
	n := g.res("sockets/instance-network#instance-network")
	l, at := g.listener(n)
	g.equal(true, tcp+"is-listening", l)
	g.equal("ipv4", tcp+"address-family", l)
	ready := g.res(tcp+"subscribe", l)
	g.fail("would-block", tcp+"accept", l)
	c, cin, cout := g.connect(n, at)
	g.equal(false, tcp+"is-listening", c)
	v, outcome := g.retry(ready, tcp+"accept", l)
	if outcome != "ok" {
		t.Fatal(outcome)
	}
	accepted := v.([]any)
	s, sin, sout := accepted[0].(*cm.Resource), accepted[1].(*cm.Resource), accepted[2].(*cm.Resource)
	g.equal(address(at), tcp+"remote-address", c)
	g.equal(address(at), tcp+"local-address", s)
	g.equal(g.ok(tcp+"local-address", c), tcp+"remote-address", s)

	g.ok("io/streams#output-stream.blocking-write-and-flush", cout, []byte("question"))
	g.equal([]byte("question"), "io/streams#input-stream.blocking-read", sin, 100)
	g.ok(tcp+"shutdown", c, "send")
	g.fail("closed", "io/streams#input-stream.blocking-read", sin, 1)
	g.fail("closed", "io/streams#output-stream.check-write", cout)
	g.ok("io/streams#output-stream.blocking-write-and-flush", sout, []byte("answer"))
	g.equal([]byte("answer"), "io/streams#input-stream.blocking-read", cin, 100)
	g.ok(tcp+"shutdown", c, "receive")
	g.fail("closed", "io/streams#input-stream.blocking-read", cin, 1)
	g.ok(tcp+"shutdown", s, "both")
	g.drop(cin, cout, c, sin, sout, s, ready, l, n)
}

// TestTCPBackPressure: a stream to a peer that does not read stops accepting bytes until the peer reads.
func TestTCPBackPressure(t *testing.T) {
	peer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	g := serve(t, allowSockets, noHTTP)
	_, _, out := g.connect(g.res("sockets/instance-network#instance-network"), netip.MustParseAddrPort(peer.Addr().String()))
	conn, err := peer.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	room := g.res("io/streams#output-stream.subscribe", out)
	soon := func() *cm.Resource { return g.res("clocks/monotonic-clock#subscribe-duration", 100_000_000) }
	sent := 0
	for {
		n := g.ok("io/streams#output-stream.check-write", out).(uint64)
		if n == 0 {
			timer := soon()
			ready := g.ok("io/poll#poll", []*cm.Resource{room, timer}).([]uint32)
			g.drop(timer)
			if len(ready) == 1 && ready[0] == 1 {
				break // the system's buffers are full as well
			}
			continue
		}
		g.ok("io/streams#output-stream.write", out, bytes.Repeat([]byte("x"), int(n)))
		if sent += int(n); sent > 1<<30 {
			t.Fatal("a GiB is taken and nobody reads")
		}
	}
	got := make(chan int, 1)
	go func() {
		total, buf := 0, make([]byte, 64<<10)
		for {
			n, err := conn.Read(buf)
			if total += n; err != nil {
				got <- total
				return
			}
		}
	}()
	g.ok("io/poll#pollable.block", room)
	if n := g.ok("io/streams#output-stream.check-write", out).(uint64); n == 0 {
		t.Error("ready, and no room")
	}
	g.ok("io/streams#output-stream.blocking-flush", out)
	g.drop(room, out)
	for _, r := range g.given {
		if r.Type.Name == "tcp-socket" && !r.Dropped {
			g.drop(r)
		}
	}
	for _, r := range g.given {
		if r.Type.Name == "input-stream" && !r.Dropped {
			g.drop(r)
		}
	}
	if n := <-got; n != sent {
		t.Errorf("%d bytes came, %d were sent", n, sent)
	}
}

func TestTCPStates(t *testing.T) {
	g := serve(t, allowSockets, noHTTP)
	n := g.res("sockets/instance-network#instance-network")
	l, at := g.listener(n)
	s := g.tcp()
	here := ip4("127.0.0.1:0")
	// unbound
	g.fail("invalid-state", tcp+"local-address", s)
	g.fail("invalid-state", tcp+"remote-address", s)
	g.fail("invalid-state", tcp+"start-listen", s)
	g.fail("invalid-state", tcp+"accept", s)
	g.fail("invalid-state", tcp+"shutdown", s, "both")
	g.fail("not-in-progress", tcp+"finish-bind", s)
	g.fail("not-in-progress", tcp+"finish-listen", s)
	g.fail("not-in-progress", tcp+"finish-connect", s)
	for what, code := range map[string]string{
		"[::1]:0": "invalid-argument", "[::ffff:127.0.0.1]:0": "invalid-argument", "224.0.0.1:0": "invalid-argument",
		"255.255.255.255:0": "invalid-argument", "192.0.2.1:0": "address-not-bindable", at.String(): "address-in-use",
	} {
		g.fail(code, tcp+"start-bind", s, n, address(netip.MustParseAddrPort(what)))
	}
	for _, what := range []string{"[::1]:1", "127.0.0.1:0", "0.0.0.0:1", "224.0.0.1:1", "255.255.255.255:1"} {
		g.fail("invalid-argument", tcp+"start-connect", s, n, address(netip.MustParseAddrPort(what)))
	}
	// On Linux the last address of the loopback network is a broadcast address, which refuses connections.
	g.fail("remote-unreachable", tcp+"start-connect", g.tcp(), n, ip4("127.255.255.255:1"))
	// bind in progress
	g.ok(tcp+"start-bind", s, n, here)
	g.fail("concurrency-conflict", tcp+"start-bind", s, n, here)
	g.fail("concurrency-conflict", tcp+"start-connect", s, n, address(at))
	g.fail("concurrency-conflict", tcp+"start-listen", s)
	g.fail("invalid-state", tcp+"local-address", s)
	g.ok(tcp+"finish-bind", s)
	// bound
	g.fail("invalid-state", tcp+"start-bind", s, n, here)
	g.fail("not-in-progress", tcp+"finish-bind", s)
	g.fail("invalid-state", tcp+"accept", s)
	// connect in progress
	g.ok(tcp+"start-connect", s, n, address(at))
	g.fail("concurrency-conflict", tcp+"start-connect", s, n, address(at))
	g.fail("concurrency-conflict", tcp+"start-listen", s)
	g.fail("concurrency-conflict", tcp+"start-bind", s, n, here)
	g.fail("invalid-state", tcp+"shutdown", s, "both")
	if _, outcome := g.retry(g.res(tcp+"subscribe", s), tcp+"finish-connect", s); outcome != "ok" {
		t.Fatal(outcome)
	}
	// connected
	g.fail("not-in-progress", tcp+"finish-connect", s)
	g.fail("invalid-state", tcp+"start-connect", s, n, address(at))
	g.fail("invalid-state", tcp+"start-listen", s)
	g.fail("invalid-state", tcp+"start-bind", s, n, here)
	g.fail("invalid-state", tcp+"accept", s)
	g.fail("invalid-state", tcp+"set-listen-backlog-size", s, 5)
	// listen in progress, listening
	m := g.tcp()
	g.ok(tcp+"start-bind", m, n, here)
	g.ok(tcp+"finish-bind", m)
	g.ok(tcp+"start-listen", m)
	g.fail("concurrency-conflict", tcp+"start-listen", m)
	g.fail("concurrency-conflict", tcp+"start-connect", m, n, address(at))
	g.fail("invalid-state", tcp+"accept", m)
	g.equal(false, tcp+"is-listening", m)
	g.ok(tcp+"finish-listen", m)
	g.fail("not-in-progress", tcp+"finish-listen", m)
	g.fail("invalid-state", tcp+"start-connect", m, n, address(at))
	g.fail("invalid-state", tcp+"start-bind", m, n, here)
	g.fail("invalid-state", tcp+"remote-address", m)
	g.ok(tcp+"set-listen-backlog-size", m, 5)
	g.fail("invalid-argument", tcp+"set-listen-backlog-size", m, 0)
	// closed: there is no listener any more
	g.drop(l)
	dead := g.tcp()
	g.ok(tcp+"start-connect", dead, n, address(at))
	if _, outcome := g.retry(g.res(tcp+"subscribe", dead), tcp+"finish-connect", dead); outcome != "connection-refused" {
		t.Errorf("connect to nobody: %s", outcome)
	}
	g.fail("invalid-state", tcp+"start-connect", dead, n, address(at))
	g.fail("invalid-state", tcp+"start-bind", dead, n, here)
	g.fail("not-in-progress", tcp+"finish-connect", dead)
	g.fail("invalid-state", tcp+"keep-alive-enabled", dead)
}

// TestTCPReset: a reset by the peer is an error of the stream, whose code the guest can read.
func TestTCPReset(t *testing.T) {
	peer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	g := serve(t, allowSockets, noHTTP)
	_, in, _ := g.connect(g.res("sockets/instance-network#instance-network"), netip.MustParseAddrPort(peer.Addr().String()))
	conn, err := peer.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	e := g.ioError(g.fail("last-operation-failed", "io/streams#input-stream.blocking-read", in, 1))
	if c := g.ok("sockets/network#network-error-code", e).(*string); c == nil || *c != "connection-reset" {
		t.Errorf("its code is %v", c)
	}
	record(t, "sockets/network#network-error-code", "connection-reset")
	other := g.resource(iop2.ErrorType, iop2.NewError(net.ErrClosed))
	if c := g.ok("sockets/network#network-error-code", other).(*string); c != nil {
		t.Errorf("the code of another error is %v", *c)
	}
}

func TestTCPOptions(t *testing.T) {
	g := serve(t, allowSockets, noHTTP)
	for _, family := range []string{"ipv4", "ipv6"} {
		v, outcome, _ := g.call(t.Context(), "sockets/tcp-create-socket#create-tcp-socket", family)
		if outcome == "not-supported" && family == "ipv6" {
			continue // this system has none
		}
		s := v.(*cm.Resource)
		g.equal(family, tcp+"address-family", s)
		for _, o := range []struct {
			name      string
			set, want any
		}{
			{"keep-alive-enabled", true, true},
			{"keep-alive-idle-time", uint64(1_500_000_000), uint64(2_000_000_000)},
			{"keep-alive-interval", uint64(7_000_000_000), uint64(7_000_000_000)},
			{"keep-alive-count", uint32(9), uint32(9)},
			{"hop-limit", uint8(42), uint8(42)},
			{"receive-buffer-size", uint64(65536), uint64(65536)},
			{"send-buffer-size", uint64(65536), uint64(65536)},
		} {
			g.ok(tcp+o.name, s)
			g.ok(tcp+"set-"+o.name, s, o.set)
			g.equal(o.want, tcp+o.name, s)
			if o.set != true {
				g.fail("invalid-argument", tcp+"set-"+o.name, s, 0)
			}
		}
		g.ok(tcp+"set-listen-backlog-size", s, 1)
	}
}

// TestSocketLimit: the number of open sockets is limited, and a drop frees one.
func TestSocketLimit(t *testing.T) {
	cfg := allowSockets
	cfg.Sockets.Sockets = 2
	g := serve(t, cfg, noHTTP)
	n := g.res("sockets/instance-network#instance-network")
	a := g.tcp()
	b := g.res("sockets/udp-create-socket#create-udp-socket", "ipv4")
	g.fail("new-socket-limit", "sockets/tcp-create-socket#create-tcp-socket", "ipv4")
	g.fail("new-socket-limit", "sockets/udp-create-socket#create-udp-socket", "ipv4")
	g.fail("new-socket-limit", "sockets/ip-name-lookup#resolve-addresses", n, "name.example")
	g.drop(a)
	g.drop(b)
	g.drop(g.tcp())
}

// TestSocketGrants: connecting and listening are granted separately.
func TestSocketGrants(t *testing.T) {
	peer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	at := peer.Addr().String()
	for _, c := range []struct {
		grants          sockets.Grants
		connect, listen string
	}{
		{sockets.Grants{}, "access-denied", "access-denied"},
		{sockets.Grants{Connect: []string{at}}, "ok", "access-denied"},
		{sockets.Grants{Connect: []string{"127.0.0.1:1", "127.0.0.2:*", "db.example:*"}}, "access-denied", "access-denied"},
		{sockets.Grants{Listen: []string{"127.0.0.1:*"}}, "access-denied", "ok"},
	} {
		g := serve(t, wasi.Config{Sockets: c.grants}, noHTTP)
		n := g.res("sockets/instance-network#instance-network")
		judge := func(want, fn string, args ...any) {
			t.Helper()
			if want == "ok" {
				g.ok(fn, args...)
			} else {
				g.fail(want, fn, args...)
			}
		}
		judge(c.connect, tcp+"start-connect", g.tcp(), n, ip4(at))
		u := g.res("sockets/udp-create-socket#create-udp-socket", "ipv4")
		if l := g.tcp(); len(c.grants.Connect)+len(c.grants.Listen) > 0 {
			g.ok(tcp+"start-bind", l, n, ip4("127.0.0.1:0"))
			g.ok(tcp+"finish-bind", l)
			judge(c.listen, tcp+"start-listen", l)
			g.ok(udp+"start-bind", u, n, ip4("127.0.0.1:0"))
			g.ok(udp+"finish-bind", u)
			judge(c.connect, udp+"stream", u, ip4(at))
		} else {
			judge(c.listen, tcp+"start-bind", l, n, ip4("127.0.0.1:0"))
			judge(c.listen, udp+"start-bind", u, n, ip4("127.0.0.1:0"))
		}
	}
}
