package sockets

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

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
func testTCPBackPressure(t *testing.T) {
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
