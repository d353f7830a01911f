package sockets

import (
	"io"
	"net"
	"net/netip"
	"runtime"
	"testing"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// The implementation under test.
var (
	making      = platformSystems
	makingByNet = runtime.GOOS != "linux"
)

// TestContract runs the tests of sockets on each implementation of this system.
func TestContract(t *testing.T) {
	ways := map[string]systems{"net": netSystems}
	everybody, err := NewPolicy(Grants{Connect: []string{"*"}, Listen: []string{"*"}, Member: &Member{Net: NewLoopback("self"), Component: "self", Serves: true}})
	if err != nil {
		t.Fatal(err)
	}
	ways["loopback"] = NewNetwork(everybody).sys // with the system's sockets for those who are no members
	if runtime.GOOS == "linux" {
		ways["system calls"] = platformSystems
	}
	for way, sys := range ways {
		t.Run(way, func(t *testing.T) {
			was, wasNet := making, makingByNet
			making, makingByNet = sys, way == "net"
			defer func() { making, makingByNet = was, wasNet }()
			for name, test := range map[string]func(*testing.T){
				"TCPConversation":           testTCPConversation,
				"TCPHoldsBackTheSender":     testTCPBackPressure,
				"TCPManyClientsInOnePoll":   testTCPManyClientsInOnePoll,
				"TCPStates":                 testTCPStates,
				"TCPRefused":                testTCPRefused,
				"TCPReset":                  testTCPReset,
				"NobodyOpensEverything":     testSocketLimit,
				"TCPOptions":                testTCPOptions,
				"Grants":                    testGrants,
				"UDPConversation":           testUDPConversation,
				"UDPStatesAndGrants":        testUDPStatesAndGrants,
				"UDPRefused":                testUDPRefused,
				"SocketsOfAGrant":           testPortsOfAGrant,
				"TCPBoundThenConnected":     testTCPBoundThenConnected,
				"TCPDroppedWhileConnecting": testTCPDroppedWhileConnecting,
				"TCPAcceptedInherits":       testTCPAcceptedInherits,
				"TCPNobodyAccepted":         testTCPNobodyAccepted,
				"TCPBoundDoesNotListen":     testTCPBoundDoesNotListen,
				"UDPQueueIsBounded":         testUDPQueueIsBounded,
				"UDPGroups":                 testUDPGroups,
				"UDPPeerOnly":               testUDPPeerOnly,
			} {
				t.Run(name, test)
			}
		})
	}
}

// testTCPBoundThenConnected: a connection has the local address that the socket was bound to, and the options that were set
// at any time.
func testTCPBoundThenConnected(t *testing.T) {
	n := network(t, everything)
	l, at := listen(t, n, IPv4)
	s := newTCP(t, IPv4)
	want(t, "hops", s.SetHopLimit(33), "ok")
	want(t, "bind", s.StartBind(n, loopback(IPv4, 0)), "ok")
	want(t, "finish bind", s.FinishBind(), "ok")
	want(t, "count", s.SetKeepAliveCount(4), "ok")
	near, err := s.LocalAddr()
	want(t, "local address", err, "ok")
	want(t, "connect", s.StartConnect(n, at), "ok")
	want(t, "idle, while connecting", s.SetKeepAliveIdle(11e9), "ok")
	if hops, err := s.HopLimit(); hops != 33 || err != nil {
		t.Error("while connecting", hops, err)
	}
	var c stream
	want(t, "connected", retry(t, s, func() (err error) { c.in, c.out, err = s.FinishConnect(); return err }), "ok")
	defer c.in.Close()
	defer c.out.Close()
	peer, _ := accept(t, l)
	if from, err := peer.RemoteAddr(); from != near || err != nil {
		t.Errorf("connected from %v, bound to %v: %v", from, near, err)
	}
	if now, err := s.LocalAddr(); now != near || err != nil {
		t.Error(now, err)
	}
	hops, _ := s.HopLimit()
	count, _ := s.KeepAliveCount()
	idle, _ := s.KeepAliveIdle()
	on, _ := s.KeepAlive()
	if hops != 33 || count != 4 || idle.Seconds() != 11 || on {
		t.Error(hops, count, idle, on)
	}
}

// testTCPBoundDoesNotListen: a socket that is bound, but does not listen, refuses connections.
func testTCPBoundDoesNotListen(t *testing.T) {
	n := network(t, Grants{Connect: []string{"*"}})
	s := newTCP(t, IPv4)
	want(t, "bind", s.StartBind(n, loopback(IPv4, 0)), "ok")
	want(t, "finish bind", s.FinishBind(), "ok")
	at, _ := s.LocalAddr()
	if c, err := net.Dial("tcp", at.String()); err == nil {
		c.Close()
		t.Error("somebody has connected")
	}
}

// testTCPDroppedWhileConnecting: a socket that is dropped before it is connected is closed and no longer counted.
func testTCPDroppedWhileConnecting(t *testing.T) {
	n := network(t, everything)
	_, at := listen(t, n, IPv4)
	for range 20 {
		s, err := n.NewTCP(IPv4)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "connect", s.StartConnect(n, at), "ok")
		s.Close()
	}
	if open := n.open.Load(); open != 0 {
		t.Errorf("%d sockets are counted", open)
	}
}

// testTCPAcceptedInherits: a connection that was accepted has the options of its listener (tcp.wit §accept).
func testTCPAcceptedInherits(t *testing.T) {
	n := network(t, everything)
	for _, on := range []bool{false, true} {
		l := newTCP(t, IPv4)
		want(t, "keep alive", l.SetKeepAlive(on), "ok")
		want(t, "hops", l.SetHopLimit(9), "ok")
		for _, err := range []error{l.StartBind(n, loopback(IPv4, 0)), l.FinishBind(), l.StartListen(), l.FinishListen()} {
			want(t, "listen", err, "ok")
		}
		want(t, "idle, listening", l.SetKeepAliveIdle(77e9), "ok")
		at, _ := l.LocalAddr()
		c, err := net.Dial("tcp", at.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		s, _ := accept(t, l)
		alive, _ := s.KeepAlive()
		hops, _ := s.HopLimit()
		idle, _ := s.KeepAliveIdle()
		if alive != on || hops != 9 || idle.Seconds() != 77 {
			t.Errorf("keep alive %v: %v, %d hops, idle %v", on, alive, hops, idle)
		}
	}
}

// testTCPNobodyAccepted: connections that were not accepted are closed with the listener.
func testTCPNobodyAccepted(t *testing.T) {
	n := network(t, everything)
	l, at := listen(t, n, IPv4)
	c, err := net.Dial("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := wasiio.Wait(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("somebody has written")
	}
}

// testUDPQueueIsBounded: datagrams that a guest does not receive are dropped.
func testUDPQueueIsBounded(t *testing.T) {
	n := network(t, everything)
	a, b := newUDP(t, n), newUDP(t, n)
	at, _ := a.LocalAddr()
	in, out, err := a.Stream(netip.AddrPort{})
	if err != nil {
		t.Fatal(err)
	}
	bIn, bOut, err := b.Stream(at)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []io.Closer{in, out, bIn, bOut} {
		defer c.Close()
	}
	in.Ready() // starts to receive
	const sent = 2000
	data := make([]byte, 8000)
	for range sent {
		if _, err := bOut.Send([]Datagram{{Data: data}}); err != nil {
			t.Fatal(err)
		}
	}
	got := 0
	for {
		ds, err := in.Receive(MaxDatagrams)
		if err != nil {
			t.Fatal(err)
		}
		got += len(ds)
		if len(ds) == 0 && !in.Ready() {
			break
		}
	}
	if got == 0 || got > sent/2 {
		t.Errorf("%d of %d datagrams were kept", got, sent)
	}
}

// testUDPGroups: a socket receives nothing that is sent to other addresses, whether or not it is bound to a multicast group.
func testUDPGroups(t *testing.T) {
	group := netip.MustParseAddrPort("224.0.0.251:0")
	n := network(t, Grants{Listen: []string{"224.0.0.251:*"}, Connect: []string{"*"}})
	u := newUDP(t, nil)
	err := u.StartBind(n, group)
	want(t, "bind", err, "ok", "address-not-bindable")
	if err != nil {
		return
	}
	want(t, "finish bind", u.FinishBind(), "ok")
	if at, err := u.LocalAddr(); at.Addr() != group.Addr() || err != nil {
		t.Errorf("bound to %v, %v", at, err)
	}
}

// testUDPPeerOnly: a stream with a peer receives only the peer's datagrams.
func testUDPPeerOnly(t *testing.T) {
	n := network(t, everything)
	a, peer, other := newUDP(t, n), newUDP(t, n), newUDP(t, n)
	at, _ := a.LocalAddr()
	atPeer, _ := peer.LocalAddr()
	in, out, err := a.Stream(atPeer)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	for _, u := range []*UDP{other, peer} {
		i, o, err := u.Stream(netip.AddrPort{})
		if err != nil {
			t.Fatal(err)
		}
		defer i.Close()
		defer o.Close()
		if _, err := o.Send([]Datagram{{Data: []byte("hello"), Addr: at}}); err != nil {
			t.Fatal(err)
		}
	}
	if d := receive(t, in); d.Addr != atPeer {
		t.Errorf("heard of %v", d.Addr)
	}
}
