package socketsp3

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/tests/leak"
	"github.com/vitrine-wasm/vitrine/wasi/sockets"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

func granted(t *testing.T, g sockets.Grants) *sockets.Network {
	t.Helper()
	policy, err := sockets.NewPolicy(g)
	if err != nil {
		t.Fatal(err)
	}
	return sockets.NewNetwork(policy)
}

func tcp(t *testing.T, n *sockets.Network) *tcpSocket {
	t.Helper()
	s, err := n.NewTCP(sockets.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	return &tcpSocket{newConnection(s, n)}
}

func udp(t *testing.T, n *sockets.Network) *udpSocket {
	t.Helper()
	s, err := n.NewUDP(sockets.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	return &udpSocket{s: s, network: n}
}

var loopback = IPSocketAddressIPv4(IPv4SocketAddress{Address: IPv4Address{F0: 127, F3: 1}})

func want(t *testing.T, what string, err error, code TypesErrorCode) {
	t.Helper()
	var fail *cm.ResultError[TypesErrorCode]
	if !errors.As(err, &fail) || fail.Value != code {
		t.Errorf("%s: %v, want %v", what, err, code)
	}
}

func outcome(t *testing.T, ended resultReader) *TypesErrorCode {
	t.Helper()
	got, err := ended.Await(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.IsErr {
		return &got.Err
	}
	return nil
}

// send sends text, and then that there is no more.
func send(t *testing.T, s *tcpSocket, text string) *TypesErrorCode {
	t.Helper()
	w, r := cm.NewStream[uint8]()
	ended, err := s.Send(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(cm.WriteStream(t.Context(), w), text)
	_ = w.Close()
	return outcome(t, ended)
}

func receive(t *testing.T, s *tcpSocket) (string, *TypesErrorCode) {
	t.Helper()
	in, err := s.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(cm.ReadStream(t.Context(), in.F0))
	if err != nil {
		t.Error(err)
	}
	_ = in.F0.Close()
	return string(text), outcome(t, in.F1)
}

// TestTCP: a listener on a port of the system's choice, one connection and its two directions, each used once; the streams go on when
// the handles are gone.
func TestTCP(t *testing.T) {
	ctx := t.Context()
	n := granted(t, sockets.Grants{Connect: []string{"*"}, Listen: []string{"*"}})
	l := tcp(t, n)
	if err := l.Bind(ctx, loopback); err != nil {
		t.Fatal(err)
	}
	want(t, "bind twice", l.Bind(ctx, loopback), TypesErrorCodeInvalidState())
	clients, err := l.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if on, _ := l.GetIsListening(ctx); !on {
		t.Error("it does not listen")
	}
	_, err = l.Listen(ctx)
	want(t, "listen twice", err, TypesErrorCodeInvalidState())
	at, err := l.GetLocalAddress(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Drop(ctx) // its stream goes on
	for range 2 {
		c := tcp(t, n)
		if err := c.Connect(ctx, at); err != nil {
			t.Fatal(err)
		}
		want(t, "connect twice", c.Connect(ctx, at), TypesErrorCodeInvalidState())
		var got [1]TCPSocket
		if n, err := clients.Read(ctx, got[:]); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		s := got[0].(*tcpSocket)
		if a, err := s.GetRemoteAddress(ctx); err != nil || a.IPv4.Port == 0 {
			t.Error(a, err)
		}
		echoed := make(chan string)
		go func() {
			text, code := receive(t, s)
			if code != nil {
				t.Error(code)
			}
			if code := send(t, s, text+"!"); code != nil {
				t.Error(code)
			}
			_ = s.Drop(ctx)
			echoed <- text
		}()
		if code := send(t, c, "hello"); code != nil {
			t.Error(code)
		}
		if code := send(t, c, "again"); code == nil || code.Tag != TypesErrorCodeTagInvalidState {
			t.Errorf("send twice: %v", code)
		}
		text, code := receive(t, c)
		if text != "hello!" || code != nil || <-echoed != "hello" {
			t.Errorf("%q, %v", text, code)
		}
		if _, code := receive(t, c); code == nil || code.Tag != TypesErrorCodeTagInvalidState {
			t.Errorf("receive twice: %v", code)
		}
		_ = c.Drop(ctx)
	}
	_ = clients.Close()
}

func TestTCPErrors(t *testing.T) {
	ctx := t.Context()
	n := granted(t, sockets.Grants{Connect: []string{"127.0.0.1:*"}, Listen: []string{"127.0.0.1:*"}})
	s := tcp(t, n)
	if code := send(t, s, ""); code == nil || code.Tag != TypesErrorCodeTagInvalidState {
		t.Errorf("send without a connection: %v", code)
	}
	elsewhere := IPSocketAddressIPv4(IPv4SocketAddress{Address: IPv4Address{F0: 192, F2: 2, F3: 1}, Port: 9})
	want(t, "not granted", s.Connect(ctx, elsewhere), TypesErrorCodeAccessDenied())
	want(t, "port 0", s.Connect(ctx, loopback), TypesErrorCodeInvalidArgument())
	_ = s.Drop(ctx)
	free := tcp(t, n) // a port that nobody listens on
	if err := free.Bind(ctx, loopback); err != nil {
		t.Fatal(err)
	}
	at, _ := free.GetLocalAddress(ctx)
	s = tcp(t, n)
	want(t, "refused", s.Connect(ctx, at), TypesErrorCodeConnectionRefused())
	want(t, "after a failure", s.Connect(ctx, at), TypesErrorCodeInvalidState())
	_ = s.Drop(ctx)
	_ = free.Drop(ctx)
	few := granted(t, sockets.Grants{Sockets: 1})
	one := tcp(t, few)
	defer one.Drop(ctx) //nolint:errcheck
	if _, err := few.NewTCP(sockets.IPv4); errorCode(err).Tag != TypesErrorCodeTagOutOfMemory {
		t.Error(err)
	}
}

// TestListenerEnds: who waits for a connection may stop waiting, and who drops the stream ends the wait for the next.
func TestListenerEnds(t *testing.T) {
	n := granted(t, sockets.Grants{Connect: []string{"*"}, Listen: []string{"*"}})
	l := tcp(t, n)
	clients, err := l.Listen(t.Context()) // on any address and a free port
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	var got [1]TCPSocket
	if _, err := clients.Read(ctx, got[:]); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	_ = clients.Close()
	_ = l.Drop(t.Context())
}

func TestUDP(t *testing.T) {
	ctx := t.Context()
	n := granted(t, sockets.Grants{Connect: []string{"127.0.0.1:*"}, Listen: []string{"127.0.0.1:*"}})
	a, b := udp(t, n), udp(t, n)
	defer a.Drop(ctx) //nolint:errcheck
	defer b.Drop(ctx) //nolint:errcheck
	_, err := a.Receive(ctx)
	want(t, "receive before bind", err, TypesErrorCodeInvalidState())
	want(t, "disconnect", a.Disconnect(ctx), TypesErrorCodeInvalidState())
	if err := a.Bind(ctx, loopback); err != nil {
		t.Fatal(err)
	}
	at, err := a.GetLocalAddress(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "send to nobody", a.Send(ctx, []byte("x"), nil), TypesErrorCodeInvalidArgument())
	if err := b.Bind(ctx, loopback); err != nil {
		t.Fatal(err)
	}
	got := make(chan cm.Tuple2[[]byte, IPSocketAddress])
	go func() {
		d, err := a.Receive(ctx)
		if err != nil {
			t.Error(err)
		}
		got <- d
	}()
	if err := b.Send(ctx, []byte("datagram"), &at); err != nil {
		t.Fatal(err)
	}
	d := <-got
	from, _ := b.GetLocalAddress(ctx)
	if string(d.F0) != "datagram" || d.F1 != from {
		t.Errorf("%q from %v, want %v", d.F0, d.F1, from)
	}
	if err := b.Connect(ctx, at); err != nil {
		t.Fatal(err)
	}
	if r, err := b.GetRemoteAddress(ctx); err != nil || r != at {
		t.Error(r, err)
	}
	want(t, "another peer", b.Send(ctx, []byte("x"), &from), TypesErrorCodeInvalidArgument())
	if err := b.Send(ctx, []byte("again"), nil); err != nil {
		t.Error(err)
	}
	if d, err := a.Receive(ctx); err != nil || string(d.F0) != "again" {
		t.Errorf("%q, %v", d.F0, err)
	}
	// A wait goes on by what the socket receives by then.
	ctx2, cancel := context.WithCancel(ctx)
	ended := make(chan error)
	go func() { _, err := b.Receive(ctx2); ended <- err }()
	if err := b.Disconnect(ctx); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestResolve(t *testing.T) {
	h := host{&sockets.Policy{}}
	got, err := h.ResolveAddresses(t.Context(), "127.0.0.1")
	if err != nil || len(got) != 1 || got[0].IPv4 != (IPv4Address{F0: 127, F3: 1}) {
		t.Errorf("%v, %v", got, err)
	}
	for name, code := range map[string]ErrorCodeTag{"": ErrorCodeTagInvalidArgument, "example.com": ErrorCodeTagAccessDenied} {
		_, err := h.ResolveAddresses(t.Context(), name)
		var fail *cm.ResultError[ErrorCode]
		if !errors.As(err, &fail) || fail.Value.Tag != code {
			t.Errorf("%q: %v", name, err)
		}
	}
}
