package sockets

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

func network(t *testing.T, g Grants) *Network {
	t.Helper()
	p, err := NewPolicy(g)
	if err != nil {
		t.Fatal(err)
	}
	n := NewNetwork(p)
	n.sys = making
	return n
}

var everything = Grants{Connect: []string{"*"}, Listen: []string{"*"}}

func code(err error) Code {
	if err == nil {
		return "ok"
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Code("no *Error: " + err.Error())
}

func want(t *testing.T, what string, err error, allowed ...Code) {
	t.Helper()
	if c := code(err); !slices.Contains(allowed, c) {
		t.Errorf("%s: %s, want %v (%v)", what, c, allowed, err)
	}
}

func newTCP(t *testing.T, f Family) *TCP {
	t.Helper()
	s, err := network(t, Grants{}).NewTCP(f)
	if err != nil {
		if f == IPv6 {
			t.Skip("no IPv6 here: ", err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func loopback(f Family, port uint16) netip.AddrPort {
	if f == IPv6 {
		return netip.AddrPortFrom(netip.IPv6Loopback(), port)
	}
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
}

func listen(t *testing.T, n *Network, f Family) (*TCP, netip.AddrPort) {
	t.Helper()
	s := newTCP(t, f)
	for _, err := range []error{s.StartBind(n, loopback(f, 0)), s.FinishBind(), s.StartListen(), s.FinishListen()} {
		if err != nil {
			if f == IPv6 {
				t.Skip("no IPv6 here: ", err)
			}
			t.Fatal(err)
		}
	}
	at, err := s.LocalAddr()
	if err != nil || at.Port() == 0 {
		t.Fatal(at, err)
	}
	return s, at
}

// retry waits for the socket until f no longer would block, as a guest does.
func retry(t *testing.T, p wasiio.Pollable, f func() error) error {
	t.Helper()
	for {
		err := f()
		if code(err) != CodeWouldBlock {
			return err
		}
		if err := wasiio.Wait(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
}

type stream struct {
	in  wasiio.InputStream
	out wasiio.OutputStream
}

func connect(t *testing.T, n *Network, to netip.AddrPort) (*TCP, stream, error) {
	t.Helper()
	s := newTCP(t, familyOf(to.Addr()))
	if err := s.StartConnect(n, to); err != nil {
		return s, stream{}, err
	}
	var c stream
	err := retry(t, s, func() (err error) { c.in, c.out, err = s.FinishConnect(); return err })
	if err == nil {
		t.Cleanup(func() { c.in.Close(); c.out.Close() })
	}
	return s, c, err
}

func accept(t *testing.T, l *TCP) (*TCP, stream) {
	t.Helper()
	var s *TCP
	var c stream
	if err := retry(t, l, func() (err error) { s, c.in, c.out, err = l.Accept(); return err }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); c.in.Close(); c.out.Close() })
	return s, c
}

func pair(t *testing.T, f Family) (client *TCP, cs stream, server *TCP, ss stream) {
	t.Helper()
	n := network(t, everything)
	l, at := listen(t, n, f)
	client, cs, err := connect(t, n, at)
	if err != nil {
		t.Fatal(err)
	}
	server, ss = accept(t, l)
	return client, cs, server, ss
}

func readAll(t *testing.T, s wasiio.InputStream) ([]byte, error) {
	t.Helper()
	var got []byte
	buf := make([]byte, 5000)
	for {
		n, err := wasiio.BlockingRead(t.Context(), s, buf)
		got = append(got, buf[:n]...)
		if err == io.EOF {
			return got, nil
		}
		if err != nil {
			return got, err
		}
	}
}

func testTCPConversation(t *testing.T) {
	for name, f := range map[string]Family{"IPv4": IPv4, "IPv6": IPv6} {
		t.Run(name, func(t *testing.T) {
			client, cs, server, ss := pair(t, f)
			a, _ := client.LocalAddr()
			b, _ := server.RemoteAddr()
			c, _ := client.RemoteAddr()
			d, _ := server.LocalAddr()
			if a != b || c != d || a.Addr() != loopback(f, 0).Addr() || client.Family() != f || server.Family() != f {
				t.Errorf("addresses %v %v %v %v", a, b, c, d)
			}
			data := bytes.Repeat([]byte("all of it, in order. "), 200_000) // more than all buffers on the way hold
			go func() {
				wasiio.WriteAndFlush(t.Context(), cs.out, data)
				client.Shutdown(false, true)
			}()
			got, err := readAll(t, ss.in)
			if err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%d of %d bytes, %v", len(got), len(data), err)
			}
			if err := wasiio.WriteAndFlush(t.Context(), ss.out, []byte("thanks")); err != nil {
				t.Fatal(err)
			}
			ss.out.Close() // a dropped output stream is the end for the peer
			if got, err := readAll(t, cs.in); string(got) != "thanks" || err != nil {
				t.Fatalf("%q %v", got, err)
			}
			want(t, "write after shutdown", cs.out.Write(t.Context(), []byte("x")), Code("no *Error: EOF"))
			want(t, "shutdown again", client.Shutdown(true, true), "ok")
		})
	}
}

// A sender whose peer reads nothing is held back before it has sent more than buffers hold, and loses nothing: when the peer
// reads, room comes back and every byte arrives.
func testTCPHoldsBackTheSender(t *testing.T) {
	const most = 64 << 20 // far more than the buffers of a connection
	_, cs, _, ss := pair(t, IPv4)
	sent := 0
	for held := false; !held; {
		n, err := cs.out.CheckWrite(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			if err := cs.out.Write(t.Context(), make([]byte, n)); err != nil {
				t.Fatal(err)
			}
			if sent += int(n); sent > most {
				t.Fatalf("%d bytes sent and nobody reads", sent)
			}
			continue
		}
		// How long it is waited for room decides only how full the buffers get, and nothing of what is asserted.
		room := make(chan struct{}, 1)
		stop := cs.out.Watch(room)
		if !cs.out.Ready() {
			select {
			case <-room:
			case <-time.After(200 * time.Millisecond):
				held = true
			}
		}
		stop()
	}
	if sent < wasiio.WriteBuffer {
		t.Errorf("held back after %d bytes", sent)
	}
	got := make(chan int, 1)
	go func() {
		all, err := readAll(t, ss.in)
		if err != nil {
			t.Error(err)
		}
		got <- len(all)
	}()
	if err := wasiio.Wait(t.Context(), cs.out); err != nil { // for room
		t.Fatal(err)
	}
	cs.out.Close() // writes what it holds and is the end for the peer
	if n := <-got; n != sent {
		t.Errorf("%d bytes sent, %d have come", sent, n)
	}
}

func testTCPManyClientsInOnePoll(t *testing.T) {
	n := network(t, everything)
	l, at := listen(t, n, IPv4)
	const clients = 20
	go func() {
		for i := range clients {
			c, err := net.Dial("tcp", at.String())
			if err != nil {
				t.Error(err)
				return
			}
			c.Write([]byte{byte(i)})
			c.Close()
		}
	}()
	var streams []wasiio.InputStream
	seen, ended := map[byte]bool{}, 0
	for ended < clients {
		ps := []wasiio.Pollable{l}
		for _, s := range streams {
			ps = append(ps, s)
		}
		ready, err := wasiio.Poll(t.Context(), ps)
		if err != nil {
			t.Fatal(err)
		}
		var gone []wasiio.InputStream
		for _, i := range ready {
			if i == 0 {
				s, in, out, err := l.Accept()
				if err != nil {
					want(t, "accept", err, CodeWouldBlock)
					continue
				}
				s.Close()
				out.Close()
				streams = append(streams, in)
				continue
			}
			var b [8]byte
			switch k, err := streams[i-1].Read(t.Context(), b[:]); {
			case err == io.EOF:
				gone = append(gone, streams[i-1])
			case err != nil:
				t.Fatal(err)
			case k > 0:
				seen[b[0]] = true
			}
		}
		for _, g := range gone {
			ended++
			g.Close()
			streams = slices.DeleteFunc(streams, func(s wasiio.InputStream) bool { return s == g })
		}
	}
	if len(seen) != clients {
		t.Errorf("%d clients heard", len(seen))
	}
}

func testTCPStates(t *testing.T) {
	n := network(t, everything)
	l, at := listen(t, n, IPv4)
	fresh := newTCP(t, IPv4)
	_, err := fresh.LocalAddr()
	want(t, "local address unbound", err, CodeInvalidState)
	_, err = fresh.RemoteAddr()
	want(t, "remote address unbound", err, CodeInvalidState)
	want(t, "listen unbound", fresh.StartListen(), CodeInvalidState)
	want(t, "finish bind", fresh.FinishBind(), CodeNotInProgress)
	want(t, "finish listen", fresh.FinishListen(), CodeNotInProgress)
	_, _, err = fresh.FinishConnect()
	want(t, "finish connect", err, CodeNotInProgress)
	_, _, _, err = fresh.Accept()
	want(t, "accept unbound", err, CodeInvalidState)
	want(t, "shutdown unbound", fresh.Shutdown(true, true), CodeInvalidState)
	if fresh.Listening() || !l.Listening() || !fresh.Ready() {
		t.Error("listening or ready")
	}
	for what, c := range map[string]struct {
		at   string
		want Code
	}{
		"other family": {"[::1]:0", CodeInvalidArgument}, "mapped": {"[::ffff:127.0.0.1]:0", CodeInvalidArgument},
		"multicast": {"224.0.0.1:0", CodeInvalidArgument}, "broadcast": {"255.255.255.255:0", CodeInvalidArgument},
		"not here": {"192.0.2.1:0", "address-not-bindable"}, "taken": {at.String(), CodeAddressInUse},
	} {
		want(t, "bind "+what, fresh.StartBind(n, netip.MustParseAddrPort(c.at)), c.want)
	}
	want(t, "bind after failures", fresh.StartBind(n, loopback(IPv4, 0)), "ok")
	want(t, "connect while binding", fresh.StartConnect(n, at), CodeConcurrencyConflict)
	want(t, "bind while binding", fresh.StartBind(n, loopback(IPv4, 0)), CodeConcurrencyConflict)
	want(t, "finish bind", fresh.FinishBind(), "ok")
	want(t, "bind again", fresh.StartBind(n, loopback(IPv4, 0)), CodeInvalidState)
	for what, c := range map[string]string{"other family": "[::1]:1", "port 0": "127.0.0.1:0", "nowhere": "0.0.0.0:1", "multicast": "224.0.0.1:1"} {
		want(t, "connect "+what, fresh.StartConnect(n, netip.MustParseAddrPort(c)), CodeInvalidArgument)
	}
	want(t, "connect by another network", fresh.StartConnect(network(t, everything), at), CodeInvalidArgument)
	want(t, "connect bound", fresh.StartConnect(n, at), "ok")
	want(t, "connect twice", fresh.StartConnect(n, at), CodeConcurrencyConflict)
	var c stream
	want(t, "connected", retry(t, fresh, func() (err error) { c.in, c.out, err = fresh.FinishConnect(); return err }), "ok")
	defer c.in.Close()
	defer c.out.Close()
	want(t, "connect connected", fresh.StartConnect(n, at), CodeInvalidState)
	want(t, "listen connected", fresh.StartListen(), CodeInvalidState)
	want(t, "backlog connected", fresh.SetBacklog(5), CodeInvalidState)
	want(t, "connect listening", l.StartConnect(n, at), CodeInvalidState)
	want(t, "backlog listening", l.SetBacklog(5), "ok")
	want(t, "backlog 0", l.SetBacklog(0), CodeInvalidArgument)
	fresh.Close()
	want(t, "closed", fresh.StartConnect(n, at), CodeInvalidState)
	_, err = fresh.KeepAlive()
	want(t, "option closed", err, CodeInvalidState)
	want(t, "close twice", fresh.Close(), "ok")
}

func testTCPRefused(t *testing.T) {
	n := network(t, everything)
	l, at := listen(t, n, IPv4)
	l.Close()
	s, _, err := connect(t, n, at)
	want(t, "connect to nobody", err, CodeConnectionRefused)
	want(t, "connect after failure", s.StartConnect(n, at), CodeInvalidState)
	if !s.Ready() {
		t.Error("a closed socket is ready")
	}
}

func testTCPReset(t *testing.T) {
	n := network(t, everything)
	l, at := listen(t, n, IPv4)
	peer, err := net.Dial("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	_, s := accept(t, l)
	peer.(*net.TCPConn).SetLinger(0)
	peer.Close()
	_, err = readAll(t, s.in)
	want(t, "read", err, "connection-reset")
	if _, err := s.in.Read(t.Context(), make([]byte, 1)); err != io.EOF {
		t.Errorf("after the error: %v", err)
	}
	// Whom nobody hears any more is told that the stream is closed.
	if err := wasiio.WriteAndFlush(t.Context(), s.out, []byte("x")); err != wasiio.ErrReaderGone {
		t.Errorf("a write when the peer has gone: %v", err)
	}
}

func testSocketLimit(t *testing.T) {
	n := network(t, everything)
	l, err := n.NewTCP(IPv4)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{l.StartBind(n, loopback(IPv4, 0)), l.FinishBind(), l.StartListen(), l.FinishListen()} {
		want(t, "listen", err, "ok")
	}
	at, _ := l.LocalAddr()
	peer, err := net.Dial("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	n.open.Store(MaxSockets)
	_, err = n.NewTCP(IPv4)
	want(t, "one too many", err, CodeSocketLimit)
	_, err = n.NewUDP(IPv4)
	want(t, "one too many", err, CodeSocketLimit)
	if err := wasiio.Wait(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	_, _, _, err = l.Accept()
	want(t, "one too many", err, CodeSocketLimit)
	n.open.Store(1)
	s, in, out, err := l.Accept()
	want(t, "room again", err, "ok")
	_, _, _, err = l.Accept()
	want(t, "nobody there", err, CodeWouldBlock)
	for _, c := range []io.Closer{s, in, l} {
		c.Close()
	}
	if got := n.open.Load(); got != 1 {
		t.Errorf("%d sockets are counted, want that of the output stream", got)
	}
	out.Close()
	if got := n.open.Load(); got != 0 {
		t.Errorf("%d sockets are counted, want none", got)
	}
}

func testTCPOptions(t *testing.T) {
	for name, f := range map[string]Family{"IPv4": IPv4, "IPv6": IPv6} {
		t.Run(name, func(t *testing.T) {
			network(t, Grants{})
			s := newTCP(t, f)
			for what, err := range map[string]error{
				"idle": s.SetKeepAliveIdle(0), "interval": s.SetKeepAliveInterval(0), "count": s.SetKeepAliveCount(0),
				"hops": s.SetHopLimit(0), "receive": s.SetReceiveBuffer(0), "send": s.SetSendBuffer(0),
			} {
				want(t, what+" 0", err, CodeInvalidArgument)
			}
			for what, err := range map[string]error{
				"keep alive": s.SetKeepAlive(true), "idle": s.SetKeepAliveIdle(1_500_000_000), "idle huge": nil, "interval": s.SetKeepAliveInterval(7e9),
				"count": s.SetKeepAliveCount(9), "hops": s.SetHopLimit(42), "receive": s.SetReceiveBuffer(65536), "send": s.SetSendBuffer(65536),
			} {
				want(t, what, err, "ok")
			}
			on, _ := s.KeepAlive()
			idle, _ := s.KeepAliveIdle()
			interval, _ := s.KeepAliveInterval()
			count, _ := s.KeepAliveCount()
			hops, _ := s.HopLimit()
			rcv, _ := s.ReceiveBuffer()
			snd, _ := s.SendBuffer()
			if !on || idle != 2*time.Second || interval != 7*time.Second || count != 9 || hops != 42 || rcv != 65536 || snd != 65536 {
				t.Error(on, idle, interval, count, hops, rcv, snd)
			}
			for what, err := range map[string]error{"idle": s.SetKeepAliveIdle(1<<64 - 1), "count": s.SetKeepAliveCount(1<<32 - 1), "send": s.SetSendBuffer(1<<64 - 1)} {
				want(t, what+" huge", err, "ok")
			}
		})
	}
}

func testGrants(t *testing.T) {
	all := network(t, everything)
	_, at := listen(t, all, IPv4)
	port := strconv.Itoa(int(at.Port()))
	for name, c := range map[string]struct {
		g               Grants
		connect, listen Code
	}{
		"nothing":        {Grants{}, CodeAccessDenied, CodeAccessDenied},
		"everything":     {everything, "ok", "ok"},
		"exactly":        {Grants{Connect: []string{"127.0.0.1:" + port}}, "ok", CodeAccessDenied},
		"any host":       {Grants{Connect: []string{"*:" + port}}, "ok", CodeAccessDenied},
		"any port":       {Grants{Connect: []string{"127.0.0.1:*"}}, "ok", CodeAccessDenied},
		"localhost":      {Grants{Connect: []string{"LocalHost:" + port}}, "ok", CodeAccessDenied},
		"other port":     {Grants{Connect: []string{"127.0.0.1:1"}}, CodeAccessDenied, CodeAccessDenied},
		"other host":     {Grants{Connect: []string{"127.0.0.2:*", "example.com:*", "[::1]:*"}}, CodeAccessDenied, CodeAccessDenied},
		"listen only":    {Grants{Listen: []string{"127.0.0.1:*"}}, CodeAccessDenied, "ok"},
		"listen by name": {Grants{Listen: []string{"localhost:*"}}, CodeAccessDenied, "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			n := network(t, c.g)
			_, _, err := connect(t, n, at)
			want(t, "connect", err, c.connect)
			s := newTCP(t, IPv4)
			if err = s.StartBind(n, loopback(IPv4, 0)); err == nil {
				s.FinishBind()
				err = s.StartListen()
			}
			want(t, "listen", err, c.listen)
		})
	}
}

func TestGrantsThatDoNotParse(t *testing.T) {
	bad := []string{"", "host", "host:", ":80", "host:99999", "host:http", "a b:80", "::1:80", "host:0"}
	_, err := NewPolicy(Grants{Connect: bad})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, s := range bad {
		if !bytes.Contains([]byte(err.Error()), []byte(strconv.Quote(s)+": ")) {
			t.Errorf("%q is not in %v", s, err)
		}
	}
}

func TestResolve(t *testing.T) {
	n := network(t, Grants{Connect: []string{"localhost:80", "127.9.9.9:1"}})
	next := func(l *Lookup) (netip.Addr, error) {
		var a netip.Addr
		err := retry(t, l, func() (err error) { a, err = l.Next(); return err })
		return a, err
	}
	for literal, wantAddr := range map[string]string{"192.0.2.7": "192.0.2.7", "::1": "::1", "::ffff:192.0.2.7": "192.0.2.7"} {
		l, err := n.Resolve(literal)
		if err != nil {
			t.Fatal(err)
		}
		if a, err := next(l); a.String() != wantAddr || err != nil {
			t.Errorf("%s: %v %v", literal, a, err)
		}
		if a, err := next(l); a.IsValid() || err != nil {
			t.Errorf("%s: a second address %v %v", literal, a, err)
		}
	}
	_, err := n.Resolve("example.com")
	want(t, "a name that is not granted", err, CodeAccessDenied)
	for _, bad := range []string{"", "a b", "exa\x00mple", "-.-"} {
		_, err := network(t, everything).Resolve(bad)
		want(t, "name "+strconv.Quote(bad), err, CodeInvalidArgument)
	}
	l, err := n.Resolve("localhost")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err := next(l); err != nil || !a.IsLoopback() {
		t.Errorf("localhost is %v, %v", a, err)
	}
}

func TestResolvedNames(t *testing.T) {
	n := network(t, Grants{Connect: []string{"db.example:5432"}})
	at := netip.MustParseAddr("192.0.2.5")
	if n.mayConnect(netip.AddrPortFrom(at, 5432)) {
		t.Fatal("allowed before the name was looked up")
	}
	n.addResolved(n.grantsForName("db.example"), []netip.Addr{at})
	n.addResolved(n.grantsForName("db.example"), []netip.Addr{at})
	if !n.mayConnect(netip.AddrPortFrom(at, 5432)) || n.mayConnect(netip.AddrPortFrom(at, 22)) || len(n.resolved[at]) != 1 {
		t.Error("what a granted name stands for is allowed, at its port")
	}
}

func newUDP(t *testing.T, n *Network) *UDP {
	t.Helper()
	u, err := network(t, Grants{}).NewUDP(IPv4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	if n != nil {
		for _, err := range []error{u.StartBind(n, loopback(IPv4, 0)), u.FinishBind()} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return u
}

func receive(t *testing.T, in *Incoming) Datagram {
	t.Helper()
	for {
		ds, err := in.Receive(1)
		if err != nil {
			t.Fatal(err)
		}
		if len(ds) == 1 {
			return ds[0]
		}
		if err := wasiio.Wait(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
}

func testUDPConversation(t *testing.T) {
	n := network(t, everything)
	a, b := newUDP(t, n), newUDP(t, n)
	atA, _ := a.LocalAddr()
	atB, _ := b.LocalAddr()
	aIn, aOut, err := a.Stream(atB)
	if err != nil {
		t.Fatal(err)
	}
	bIn, bOut, err := b.Stream(netip.AddrPort{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []io.Closer{aIn, aOut, bIn, bOut} {
		defer c.Close()
	}
	if r, err := a.RemoteAddr(); r != atB || err != nil {
		t.Error(r, err)
	}
	_, err = b.RemoteAddr()
	want(t, "remote of the unconnected", err, CodeInvalidState)
	if ds, err := bIn.Receive(5); len(ds) != 0 || err != nil || bIn.Ready() {
		t.Error("something there before anything was sent", ds, err)
	}
	if k, err := aOut.CheckSend(); k == 0 || err != nil {
		t.Fatal(k, err)
	}
	if k, err := aOut.Send([]Datagram{{Data: []byte("one")}, {Data: []byte{}, Addr: atB}, {Data: []byte("three")}}); k != 3 || err != nil {
		t.Fatal(k, err)
	}
	for _, text := range []string{"one", "", "three"} {
		if d := receive(t, bIn); string(d.Data) != text || d.Addr != atA {
			t.Errorf("%q from %v", d.Data, d.Addr)
		}
	}
	if k, err := bOut.Send([]Datagram{{Data: []byte("back"), Addr: atA}}); k != 1 || err != nil {
		t.Fatal(k, err)
	}
	if d := receive(t, aIn); string(d.Data) != "back" || d.Addr != atB {
		t.Errorf("%q from %v", d.Data, d.Addr)
	}
	for what, c := range map[string]struct {
		out  *Outgoing
		d    Datagram
		want Code
	}{
		"connected, to another":  {aOut, Datagram{Addr: atA}, CodeInvalidArgument},
		"unconnected, to nobody": {bOut, Datagram{}, CodeInvalidArgument},
		"port 0":                 {bOut, Datagram{Addr: loopback(IPv4, 0)}, CodeInvalidArgument},
		"nowhere":                {bOut, Datagram{Addr: netip.MustParseAddrPort("0.0.0.0:9")}, CodeInvalidArgument},
		"other family":           {bOut, Datagram{Addr: loopback(IPv6, 9)}, CodeInvalidArgument},
		"too large":              {bOut, Datagram{Data: make([]byte, 70_000), Addr: atA}, CodeDatagramTooLarge},
	} {
		_, err := c.out.Send([]Datagram{c.d})
		want(t, what, err, c.want)
	}
	if k, err := bOut.Send([]Datagram{{Data: []byte("x"), Addr: atA}, {}}); k != 1 || err != nil {
		t.Errorf("a failure after a success: %d, %v", k, err)
	}
	// A new pair of streams replaces the old one, and may have no peer or another.
	in2, out2, err := a.Stream(netip.AddrPort{})
	if err != nil {
		t.Fatal(err)
	}
	defer in2.Close()
	defer out2.Close()
	_, err = aIn.Receive(1)
	want(t, "old stream", err, CodeInvalidState)
	_, err = aOut.CheckSend()
	want(t, "old stream", err, CodeInvalidState)
	_, err = a.RemoteAddr()
	want(t, "remote after dissolving", err, CodeInvalidState)
	if k, err := out2.Send([]Datagram{{Data: []byte("free"), Addr: atB}}); k != 1 || err != nil {
		t.Error(k, err)
	}
	if d := receive(t, bIn); string(d.Data) != "free" {
		t.Errorf("%q", d.Data)
	}
}

func testUDPStatesAndGrants(t *testing.T) {
	n := network(t, everything)
	u := newUDP(t, nil)
	_, _, err := u.Stream(netip.AddrPort{})
	want(t, "stream unbound", err, CodeInvalidState)
	want(t, "finish bind", u.FinishBind(), CodeNotInProgress)
	want(t, "other family", u.StartBind(n, loopback(IPv6, 0)), CodeInvalidArgument)
	want(t, "bind without grant", u.StartBind(network(t, Grants{}), loopback(IPv4, 0)), CodeAccessDenied)
	want(t, "bind", u.StartBind(n, loopback(IPv4, 0)), "ok")
	want(t, "bind while binding", u.StartBind(n, loopback(IPv4, 0)), CodeConcurrencyConflict)
	want(t, "finish bind", u.FinishBind(), "ok")
	want(t, "bind again", u.StartBind(n, loopback(IPv4, 0)), CodeInvalidState)
	want(t, "hops", u.SetHopLimit(7), "ok")
	if h, err := u.HopLimit(); h != 7 || err != nil {
		t.Error(h, err)
	}
	want(t, "buffer", u.SetReceiveBuffer(32768), "ok")
	if s, err := u.ReceiveBuffer(); s != 32768 || err != nil {
		t.Error(s, err)
	}

	friend, stranger := newUDP(t, n), newUDP(t, n)
	atFriend, _ := friend.LocalAddr()
	atStranger, _ := stranger.LocalAddr()
	few := newUDP(t, network(t, Grants{Connect: []string{atFriend.String()}}))
	atFew, _ := few.LocalAddr()
	_, _, err = few.Stream(atStranger)
	want(t, "stream to a stranger", err, CodeAccessDenied)
	in, out, err := few.Stream(netip.AddrPort{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	_, err = out.Send([]Datagram{{Data: []byte("x"), Addr: atStranger}})
	want(t, "send to a stranger", err, CodeAccessDenied)
	for _, from := range []*UDP{stranger, friend} {
		i, o, err := from.Stream(netip.AddrPort{})
		if err != nil {
			t.Fatal(err)
		}
		defer i.Close()
		defer o.Close()
		at, _ := from.LocalAddr()
		if k, err := o.Send([]Datagram{{Data: []byte(at.String()), Addr: atFew}}); k != 1 || err != nil {
			t.Fatal(k, err)
		}
	}
	if d := receive(t, in); d.Addr != atFriend {
		t.Errorf("heard of %v; only %v is granted", d.Addr, atFriend)
	}
}

func testUDPRefused(t *testing.T) {
	n := network(t, everything)
	gone := newUDP(t, n)
	at, _ := gone.LocalAddr()
	gone.Close()
	u := newUDP(t, n)
	in, out, err := u.Stream(at)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	if _, err := out.Send([]Datagram{{Data: []byte("anybody?")}}); err != nil {
		t.Fatal(err)
	}
	if makingByNet { // which tells of no refusal on Windows, and of none on a socket without a peer anywhere
		if ds, err := in.Receive(1); len(ds) != 0 || err != nil {
			t.Error("something from a peer that is gone", ds, err)
		}
		return
	}
	if err := wasiio.Wait(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	_, err = in.Receive(1)
	want(t, "receive", err, CodeConnectionRefused)
}

func testPortsOfAGrant(t *testing.T) {
	n := network(t, Grants{Connect: []string{"*"}, Sockets: 1})
	s, err := n.NewTCP(IPv4)
	want(t, "one", err, "ok")
	_, err = n.NewUDP(IPv4)
	want(t, "two", err, CodeSocketLimit)
	_, err = n.Resolve("example.com")
	want(t, "a lookup", err, CodeSocketLimit)
	l, err := n.Resolve("127.0.0.1")
	want(t, "an address needs no socket", err, "ok")
	l.Close()
	s.Close()
	if n.open.Load() != 0 {
		t.Errorf("%d are counted", n.open.Load())
	}
}
