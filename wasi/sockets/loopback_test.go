package sockets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// member is a guest of a component in a loopback.
func member(tb testing.TB, l *Loopback, component string, serves bool, g Grants) *Network {
	tb.Helper()
	g.Member = &Member{Net: l, Component: component, Serves: serves}
	p, err := NewPolicy(g)
	if err != nil {
		tb.Fatal(err)
	}
	return NewNetwork(p)
}

// as runs f with sockets of the network n.
func as(n *Network, f func()) {
	was := making
	making = n.sys
	defer func() { making = was }()
	f()
}

// listenAt listens for the guest n.
func listenAt(t *testing.T, n *Network, at netip.AddrPort) (l *TCP, err error) {
	as(n, func() {
		l = newTCP(t, familyOf(at.Addr()))
		for _, step := range []func() error{func() error { return l.StartBind(n, at) }, l.FinishBind, l.StartListen, l.FinishListen} {
			if err == nil {
				err = step()
			}
		}
	})
	return l, err
}

func connectAs(t *testing.T, n *Network, to netip.AddrPort) (s *TCP, c stream, err error) {
	as(n, func() { s, c, err = connect(t, n, to) })
	return s, c, err
}

// machine listens on the machine's loopback, and says which port.
func machine(t *testing.T) (port uint16, accepted func() net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().(*net.TCPAddr).AddrPort().Port(), func() net.Conn {
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
}

// TestLoopbackReach: who reaches what, with and without grants. A service's port wins over the machine's also when the service is away.
func TestLoopbackReach(t *testing.T) {
	l := NewLoopback("svc")
	svc, client := member(t, l, "svc", true, Grants{}), member(t, l, "client", false, Grants{})
	port, accepted := machine(t)
	at := loopback(IPv4, port)
	granted := member(t, l, "granted", false, Grants{Connect: []string{at.String()}})
	stranger := member(t, NewLoopback("svc"), "svc", true, Grants{})

	_, _, err := connectAs(t, client, at)
	want(t, "the machine's, without a grant", err, CodeConnectionRefused)
	_, _, err = connectAs(t, granted, at)
	want(t, "the machine's, with a grant", err, "ok")
	accepted()
	_, err = listenAt(t, client, at)
	want(t, "to listen without being a service", err, CodeAccessDenied)
	_, err = listenAt(t, client, loopback(IPv4, 0))
	want(t, "to listen without being a service, on any port", err, CodeAccessDenied)
	_, err = listenAt(t, svc, netip.MustParseAddrPort("192.0.2.1:80"))
	want(t, "to listen elsewhere", err, CodeAccessDenied)

	listener, err := listenAt(t, svc, at) // the machine's of this port is another
	want(t, "listen", err, "ok")
	_, err = listenAt(t, svc, netip.AddrPortFrom(netip.IPv4Unspecified(), port))
	want(t, "listen again", err, CodeAddressInUse)
	for _, n := range []*Network{client, granted, svc} {
		s, c, err := connectAs(t, n, at)
		want(t, "the service", err, "ok")
		peer, pc := accept(t, listener)
		local, _ := s.LocalAddr()
		if remote, err := peer.RemoteAddr(); err != nil || remote != local || !local.Addr().IsLoopback() {
			t.Errorf("from %v, accepted from %v: %v", local, remote, err)
		}
		say(t, c.out, "hello")
		if got := hear(t, pc.in, 5); got != "hello" {
			t.Errorf("the service has heard %q", got)
		}
		s.Close()
		peer.Close()
	}
	_, _, err = connectAs(t, stranger, at)
	want(t, "the service of another workload", err, CodeConnectionRefused)
	_, _, err = connectAs(t, client, netip.MustParseAddrPort("192.0.2.1:80"))
	want(t, "elsewhere", err, CodeAccessDenied)
	_, _, err = connectAs(t, client, loopback(IPv6, port))
	want(t, "the other family", err, CodeConnectionRefused)
	listener.Close()
	_, _, err = connectAs(t, granted, at)
	want(t, "the service, while it is away", err, CodeConnectionRefused)
	again, err := listenAt(t, svc, netip.AddrPortFrom(netip.IPv4Unspecified(), port))
	want(t, "listen when it is back", err, "ok")
	_, _, err = connectAs(t, granted, netip.AddrPortFrom(netip.MustParseAddr("127.9.9.9"), port))
	want(t, "any address of the loopback", err, "ok")
	again.Close()
}

// TestLoopbackPublished: with a Listen grant one listener has the clients of the workload and those of the machine.
func TestLoopbackPublished(t *testing.T) {
	l := NewLoopback("svc")
	svc, client := member(t, l, "svc", true, Grants{Listen: []string{"127.0.0.1:*"}}), member(t, l, "client", false, Grants{})
	listener, err := listenAt(t, svc, loopback(IPv4, 0))
	want(t, "listen", err, "ok")
	at, _ := listener.LocalAddr()
	outside, err := net.Dial("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	if _, err := outside.Write([]byte("outside")); err != nil {
		t.Fatal(err)
	}
	_, pc := accept(t, listener)
	if got := hear(t, pc.in, 7); got != "outside" {
		t.Errorf("%q", got)
	}
	_, c, err := connectAs(t, client, at)
	want(t, "from inside", err, "ok")
	say(t, c.out, "inside")
	_, pc = accept(t, listener)
	if got := hear(t, pc.in, 6); got != "inside" {
		t.Errorf("%q", got)
	}
}

// TestLoopbackNames: services are found by their names, by nobody else.
func TestLoopbackNames(t *testing.T) {
	l := NewLoopback("svc")
	n := member(t, l, "client", false, Grants{})
	for _, name := range []string{"svc", "SVC", "svc.", "svc.internal", "localhost"} {
		look, err := n.Resolve(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		a, _ := look.Next()
		b, _ := look.Next()
		if a != netip.MustParseAddr("127.0.0.1") || b != netip.IPv6Loopback() {
			t.Errorf("%s is %v, %v", name, a, b)
		}
	}
	_, err := n.Resolve("other")
	want(t, "another name", err, CodeAccessDenied)
	_, err = network(t, Grants{}).Resolve("svc")
	want(t, "of no member", err, CodeAccessDenied)
}

// loopPair is a connection in a loopback.
func loopPair(t *testing.T) (client *TCP, c stream, server *TCP, s stream) {
	t.Helper()
	l := NewLoopback("svc")
	listener, err := listenAt(t, member(t, l, "svc", true, Grants{}), loopback(IPv4, 0))
	want(t, "listen", err, "ok")
	at, _ := listener.LocalAddr()
	client, c, err = connectAs(t, member(t, l, "client", false, Grants{}), at)
	want(t, "connect", err, "ok")
	server, s = accept(t, listener)
	return client, c, server, s
}

// TestLoopbackHalfClose: one direction ends behind its last byte, the other goes on.
func TestLoopbackHalfClose(t *testing.T) {
	client, c, _, s := loopPair(t)
	say(t, c.out, "all")
	want(t, "shutdown", client.Shutdown(false, true), "ok")
	if got := hear(t, s.in, 3); got != "all" {
		t.Errorf("%q", got)
	}
	if _, err := readOnce(t, s.in); err != io.EOF {
		t.Errorf("behind the last byte: %v", err)
	}
	say(t, s.out, "answer")
	if got := hear(t, c.in, 6); got != "answer" {
		t.Errorf("%q", got)
	}
}

// TestLoopbackReset: who goes with bytes unread resets the connection; who goes with none unread ends it.
func TestLoopbackReset(t *testing.T) {
	for unread, wanted := range map[bool]Code{true: "connection-reset", false: "ok"} {
		_, c, server, s := loopPair(t)
		if unread {
			say(t, c.out, "nobody reads this")
			if err := wasiio.Wait(t.Context(), s.in); err != nil {
				t.Fatal(err)
			}
		}
		s.in.Close()
		s.out.Close()
		server.Close()
		_, err := readOnce(t, c.in)
		if err == io.EOF {
			err = nil
		}
		want(t, fmt.Sprint("read, unread ", unread), err, wanted)
		if unread {
			continue
		}
		if err := wasiio.WriteAndFlush(t.Context(), c.out, []byte("x")); !errors.Is(err, wasiio.ErrReaderGone) && err != io.EOF {
			t.Errorf("a write to who has gone: %v", err)
		}
	}
}

// TestLoopbackBackPressure: a writer is held back by a reader that does not read, and gets on when it does; a deadline ends its wait.
func TestLoopbackBackPressure(t *testing.T) {
	p := newPipe()
	data := bytes.Repeat([]byte("0123456789"), 50_000)
	written := make(chan error, 1)
	go func() {
		n, err := p.write(data)
		if n != len(data) {
			err = errors.Join(err, fmt.Errorf("%d bytes", n))
		}
		written <- err
	}()
	var got []byte
	buf := make([]byte, 7777)
	for len(got) < len(data) {
		if err := wasiio.Wait(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		n, err := p.read(buf)
		if err != nil {
			t.Fatal(err)
		}
		p.mu.Lock()
		held := p.n
		p.mu.Unlock()
		if held > pipeBytes {
			t.Fatalf("%d bytes are held", held)
		}
		got = append(got, buf[:n]...)
	}
	if err := <-written; err != nil || !bytes.Equal(got, data) {
		t.Fatal(err)
	}
	p.setDeadline(time.Now().Add(time.Millisecond))
	n, err := p.write(data)
	if n != pipeBytes {
		t.Errorf("%d bytes were written to who does not read", n)
	}
	want(t, "the deadline", err, CodeTimeout)
}

// TestLoopbackUDP: datagrams stay in the workload; those that nobody receives are dropped beyond a bound.
func TestLoopbackUDP(t *testing.T) {
	l := NewLoopback("svc")
	bind := func(n *Network, at netip.AddrPort) (u *UDP) {
		as(n, func() {
			u = newUDP(t, nil)
			want(t, "bind", u.StartBind(n, at), "ok")
			want(t, "bound", u.FinishBind(), "ok")
		})
		return u
	}
	svc := bind(member(t, l, "svc", true, Grants{}), loopback(IPv4, 5353))
	in, out, err := svc.Stream(netip.AddrPort{})
	want(t, "stream", err, "ok")
	defer in.Close()
	defer out.Close()
	client := bind(member(t, l, "client", false, Grants{}), netip.AddrPortFrom(netip.IPv4Unspecified(), 0))
	cin, cout, err := client.Stream(loopback(IPv4, 5353))
	want(t, "stream", err, "ok")
	defer cin.Close()
	defer cout.Close()
	if n, err := cout.Send([]Datagram{{Data: []byte("question")}}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	d := receive(t, in)
	if _, err := out.Send([]Datagram{{Data: []byte("answer"), Addr: d.Addr}}); err != nil || string(d.Data) != "question" {
		t.Fatal(err, d)
	}
	if a := receive(t, cin); string(a.Data) != "answer" || a.Addr != loopback(IPv4, 5353) {
		t.Errorf("%+v", a)
	}
	for range 10 * maxQueued {
		if _, err := cout.Send([]Datagram{{Data: make([]byte, 1000)}}); err != nil {
			t.Fatal(err)
		}
	}
	sys := svc.s.sys.(*loopDatagram)
	if sys.bytes > queuedBytes || len(sys.queue) > maxQueued || len(sys.queue) == 0 {
		t.Errorf("%d datagrams wait, of %d bytes", len(sys.queue), sys.bytes)
	}
	at := loopback(IPv4, 5354)
	if _, err := out.Send([]Datagram{{Data: []byte("x"), Addr: netip.MustParseAddrPort("192.0.2.1:9")}}); code(err) != CodeAccessDenied {
		t.Errorf("elsewhere: %v", err)
	}
	if _, err := out.Send([]Datagram{{Data: []byte("x"), Addr: at}}); err != nil {
		t.Errorf("where nobody is: %v", err)
	}
}

// TestLoopbackObserved: the member is told of each connection of its guests once, with what it has carried.
func TestLoopbackObserved(t *testing.T) {
	l := NewLoopback("svc")
	listener, err := listenAt(t, member(t, l, "svc", true, Grants{}), loopback(IPv4, 80))
	want(t, "listen", err, "ok")
	client := member(t, l, "client", false, Grants{})
	var told []string
	client.policy.member.Connected = func(_ context.Context, c Connection) func(Traffic) {
		told = append(told, fmt.Sprint("to ", c.Peer, " ", c.To))
		return func(tr Traffic) { told = append(told, fmt.Sprint("sent ", tr.Sent, ", received ", tr.Received)) }
	}
	as(client, func() {
		s := newTCP(t, IPv4)
		want(t, "connect", s.StartConnect(client, loopback(IPv4, 80)), "ok")
		s.Observe(t.Context())
		s.Observe(t.Context())
		in, out, err := s.FinishConnect()
		want(t, "connected", err, "ok")
		_, pc := accept(t, listener)
		say(t, out, "12345")
		hear(t, pc.in, 5)
		say(t, pc.out, "678")
		hear(t, in, 3)
		in.Close()
		out.Close()
		s.Close()
		refused := newTCP(t, IPv4)
		want(t, "connect", refused.StartConnect(client, loopback(IPv4, 81)), "ok")
		refused.Observe(t.Context())
		refused.Close()
	})
	if wanted := []string{"to svc 127.0.0.1:80", "sent 5, received 3"}; !slices.Equal(told, wanted) {
		t.Errorf("told %q", told)
	}
}

// TestLoopbackBacklog: clients that nobody accepts are bounded, and are reset when the listener goes.
func TestLoopbackBacklog(t *testing.T) {
	l := NewLoopback("svc")
	listener, err := listenAt(t, member(t, l, "svc", true, Grants{}), loopback(IPv4, 80))
	want(t, "listen", err, "ok")
	client := member(t, l, "client", false, Grants{Sockets: 2 * defaultBacklog})
	var waiting []stream
	for i := range defaultBacklog + 1 {
		_, c, err := connectAs(t, client, loopback(IPv4, 80))
		if i == defaultBacklog {
			want(t, "one more", err, CodeConnectionRefused)
			break
		}
		want(t, "connect", err, "ok")
		waiting = append(waiting, c)
	}
	listener.Close()
	for _, c := range waiting {
		_, err := readOnce(t, c.in)
		want(t, "read", err, "connection-reset")
	}
	if n := len(l.listeners); n != 0 {
		t.Errorf("%d listeners are left", n)
	}
}

func say(t *testing.T, out wasiio.OutputStream, text string) {
	t.Helper()
	if err := wasiio.WriteAndFlush(t.Context(), out, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func readOnce(t *testing.T, in wasiio.InputStream) (string, error) {
	t.Helper()
	buf := make([]byte, 100)
	n, err := wasiio.BlockingRead(t.Context(), in, buf)
	return string(buf[:n]), err
}

func hear(t *testing.T, in wasiio.InputStream, n int) string {
	t.Helper()
	text := ""
	for len(text) < n {
		part, err := readOnce(t, in)
		if err != nil {
			t.Fatalf("%v after %q", err, text)
		}
		text += part
	}
	return text
}

// BenchmarkLoopback carries bytes, and short questions with their answers, between two guests' sockets: in the loopback of a workload, and by the
// kernel's.
func BenchmarkLoopback(b *testing.B) {
	pairs := map[string]func(b *testing.B) (client, server streamSystem){
		"workload": func(b *testing.B) (client, server streamSystem) {
			l := NewLoopback("svc")
			return sysPair(b, member(b, l, "svc", true, Grants{}).sys, member(b, l, "client", false, Grants{}).sys)
		},
		"kernel": func(b *testing.B) (client, server streamSystem) { return sysPair(b, platformSystems, platformSystems) },
	}
	for _, name := range []string{"workload", "kernel"} {
		b.Run("bytes/"+name, func(b *testing.B) {
			client, server := pairs[name](b)
			chunk := make([]byte, 64<<10)
			b.SetBytes(int64(len(chunk)))
			go func() {
				for range b.N {
					if _, err := client.write(chunk); err != nil {
						b.Error(err)
						return
					}
				}
			}()
			for want := b.N * len(chunk); want > 0; {
				want -= take(b, server, chunk)
			}
		})
		b.Run("questions/"+name, func(b *testing.B) {
			client, server := pairs[name](b)
			go func() {
				one := make([]byte, 64)
				for range b.N {
					take(b, server, one)
					if _, err := server.write(one); err != nil {
						b.Error(err)
						return
					}
				}
			}()
			one := make([]byte, 64)
			for range b.N {
				if _, err := client.write(one); err != nil {
					b.Fatal(err)
				}
				take(b, client, one)
			}
		})
	}
}

// take reads what there is, and waits for it.
func take(b *testing.B, s streamSystem, p []byte) int {
	for {
		n, err := s.recv(p)
		if err == nil {
			return n
		}
		if !wouldBlock(err) || wasiio.Wait(context.Background(), s.readable()) != nil {
			b.Error(err)
			return len(p)
		}
	}
}

func sysPair(b *testing.B, serving, calling systems) (client, server streamSystem) {
	l, err := serving.stream(IPv4)
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(l.bind(loopback(IPv4, 0)), l.listen(1)); err != nil {
		b.Fatal(err)
	}
	at, _ := l.localAddr()
	if client, err = calling.stream(IPv4); err != nil {
		b.Fatal(err)
	}
	if err := client.connect(at); err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(wasiio.Wait(b.Context(), client.writable()), client.pending(), wasiio.Wait(b.Context(), l.readable())); err != nil {
		b.Fatal(err)
	}
	if server, err = l.accept(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { client.close(); server.close(); l.close() })
	return client, server
}
