package socketsp2

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/cm/bind"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
	"github.com/vitrine-wasm/vitrine/wasi/sockets"
)

func code(err error) string {
	var e *cm.ResultError[ErrorCode]
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &e):
		return e.Value.String()
	}
	return "host error: " + err.Error()
}

func newHost(t *testing.T, g sockets.Grants) (host, Network) {
	t.Helper()
	p, err := sockets.NewPolicy(g)
	if err != nil {
		t.Fatal(err)
	}
	h := host{p}
	n, err := h.InstanceNetwork(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return h, n
}

func drop(t *testing.T, objs ...any) {
	t.Cleanup(func() {
		for _, o := range objs {
			if err := bind.DropObject(context.Background(), cm.NewResource(TCPSocketType, o)); err != nil {
				t.Error(err)
			}
		}
	})
}

func ok(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %s", what, code(err))
	}
}

// finish retries f when p says so.
func finish(t *testing.T, subscribe func(context.Context) (iop2.Pollable, error), f func() error) error {
	t.Helper()
	p, err := subscribe(t.Context())
	ok(t, "subscribe", err)
	for {
		if err := f(); code(err) != "would-block" {
			return err
		}
		ok(t, "block", p.Block(t.Context()))
	}
}

var local = IPSocketAddressIPv4(IPv4SocketAddress{Address: IPv4Address{F0: 127, F3: 1}})

func TestTCP(t *testing.T) {
	ctx := t.Context()
	h, n := newHost(t, sockets.Grants{Connect: []string{"127.0.0.1:*"}, Listen: []string{"127.0.0.1:*"}})
	l, err := h.CreateTCPSocket(ctx, IPAddressFamilyIPv4)
	ok(t, "create", err)
	drop(t, l)
	ok(t, "start-bind", l.StartBind(ctx, n, local))
	ok(t, "finish-bind", l.FinishBind(ctx))
	ok(t, "backlog", l.SetListenBacklogSize(ctx, 7))
	ok(t, "start-listen", l.StartListen(ctx))
	ok(t, "finish-listen", l.FinishListen(ctx))
	at, err := l.LocalAddress(ctx)
	ok(t, "local-address", err)
	if listening, _ := l.IsListening(ctx); !listening || at.IPv4.Port == 0 {
		t.Error(listening, at)
	}
	c, err := h.CreateTCPSocket(ctx, IPAddressFamilyIPv4)
	ok(t, "create", err)
	drop(t, c)
	ok(t, "start-connect", c.StartConnect(ctx, n, at))
	var cs cm.Tuple2[iop2.InputStream, iop2.OutputStream]
	ok(t, "finish-connect", finish(t, c.Subscribe, func() (err error) { cs, err = c.FinishConnect(ctx); return err }))
	drop(t, cs.F0, cs.F1)
	var s cm.Tuple3[TCPSocket, iop2.InputStream, iop2.OutputStream]
	ok(t, "accept", finish(t, l.Subscribe, func() (err error) { s, err = l.Accept(ctx); return err }))
	drop(t, s.F0, s.F1, s.F2)
	ok(t, "write", cs.F1.BlockingWriteAndFlush(ctx, []byte("ping")))
	if b, err := s.F1.BlockingRead(ctx, 10); string(b) != "ping" || err != nil {
		t.Errorf("%q %v", b, err)
	}
	if n, err := s.F2.BlockingSplice(ctx, iop2.NewInputStream(nothing{}), 0); n != 0 || err != nil {
		t.Error(n, err)
	}
	if a, err := c.RemoteAddress(ctx); a != at || err != nil {
		t.Error(a, err)
	}
	if f, _ := c.AddressFamily(ctx); f != IPAddressFamilyIPv4 {
		t.Error(f)
	}
	ok(t, "keep alive", c.SetKeepAliveEnabled(ctx, true))
	ok(t, "idle", c.SetKeepAliveIdleTime(ctx, 5e9))
	ok(t, "interval", c.SetKeepAliveInterval(ctx, 6e9))
	ok(t, "count", c.SetKeepAliveCount(ctx, 4))
	ok(t, "hops", c.SetHopLimit(ctx, 9))
	ok(t, "receive", c.SetReceiveBufferSize(ctx, 40_000))
	ok(t, "send", c.SetSendBufferSize(ctx, 50_000))
	on, _ := c.KeepAliveEnabled(ctx)
	idle, _ := c.KeepAliveIdleTime(ctx)
	interval, _ := c.KeepAliveInterval(ctx)
	count, _ := c.KeepAliveCount(ctx)
	hops, _ := c.HopLimit(ctx)
	receive, _ := c.ReceiveBufferSize(ctx)
	send, _ := c.SendBufferSize(ctx)
	if !on || idle != 5e9 || interval != 6e9 || count != 4 || hops != 9 || receive != 40_000 || send != 50_000 {
		t.Error(on, idle, interval, count, hops, receive, send)
	}
	ok(t, "shutdown", c.Shutdown(ctx, ShutdownTypeSend))
	_, err = s.F1.BlockingRead(ctx, 10)
	if _, closed := streamEnd(err); !closed {
		t.Errorf("after the peer's shutdown: %v", err)
	}
	ok(t, "shutdown", c.Shutdown(ctx, ShutdownTypeReceive))
	_, err = cs.F0.Read(ctx, 10)
	if _, closed := streamEnd(err); !closed {
		t.Errorf("after one's own shutdown: %v", err)
	}
}

func streamEnd(err error) (iop2.Error, bool) {
	var e *cm.ResultError[iop2.StreamError]
	if !errors.As(err, &e) {
		return nil, false
	}
	return e.Value.LastOperationFailed, e.Value.Tag == iop2.StreamErrorTagClosed
}

// nothing is a stream with nothing in it yet.
type nothing struct{}

func (nothing) Ready() bool                               { return false }
func (nothing) Watch(chan<- struct{}) func()              { return func() {} }
func (nothing) Read(context.Context, []byte) (int, error) { return 0, nil }
func (nothing) Close() error                              { return nil }

func TestDenied(t *testing.T) {
	ctx := t.Context()
	h, n := newHost(t, sockets.Grants{})
	s, err := h.CreateTCPSocket(ctx, IPAddressFamilyIPv4)
	ok(t, "create", err)
	u, err := h.CreateUDPSocket(ctx, IPAddressFamilyIPv4)
	ok(t, "create", err)
	drop(t, s, u)
	_, lookup := h.ResolveAddresses(ctx, n, "localhost")
	for what, err := range map[string]error{
		"connect": s.StartConnect(ctx, n, IPSocketAddressIPv4(IPv4SocketAddress{Port: 9, Address: local.IPv4.Address})), "bind": s.StartBind(ctx, n, local),
		"bind udp": u.StartBind(ctx, n, local), "lookup": lookup,
	} {
		if got := code(err); got != "access-denied" {
			t.Errorf("%s: %s", what, got)
		}
	}
}

func TestUDP(t *testing.T) {
	ctx := t.Context()
	h, n := newHost(t, sockets.Grants{Connect: []string{"*"}, Listen: []string{"*"}})
	open := func() (UDPSocket, IPSocketAddress) {
		u, err := h.CreateUDPSocket(ctx, IPAddressFamilyIPv4)
		ok(t, "create", err)
		drop(t, u)
		ok(t, "start-bind", u.StartBind(ctx, n, local))
		ok(t, "finish-bind", u.FinishBind(ctx))
		at, err := u.LocalAddress(ctx)
		ok(t, "local-address", err)
		return u, at
	}
	a, _ := open()
	b, atB := open()
	as, err := a.Stream(ctx, &atB)
	ok(t, "stream", err)
	bs, err := b.Stream(ctx, nil)
	ok(t, "stream", err)
	drop(t, as.F0, as.F1, bs.F0, bs.F1)
	var trap *cm.Trap
	if _, err := as.F1.Send(ctx, []OutgoingDatagram{{}}); !errors.As(err, &trap) {
		t.Error("sent unasked", err)
	}
	permit, err := as.F1.CheckSend(ctx)
	if ok(t, "check-send", err); permit == 0 {
		t.Fatal("busy at the start")
	}
	if n, err := as.F1.Send(ctx, []OutgoingDatagram{{Data: []byte("x"), RemoteAddress: &atB}, {Data: []byte("y")}}); n != 2 || err != nil {
		t.Error(n, err)
	}
	if _, err := as.F1.Send(ctx, make([]OutgoingDatagram, permit)); !errors.As(err, &trap) {
		t.Error("sent more than permitted", err)
	}
	var got string
	p, err := bs.F0.Subscribe(ctx)
	ok(t, "subscribe", err)
	for len(got) < 2 {
		ok(t, "block", p.Block(ctx))
		ds, err := bs.F0.Receive(ctx, 10)
		ok(t, "receive", err)
		for _, d := range ds {
			got += string(d.Data)
			if from, _ := a.LocalAddress(ctx); d.RemoteAddress != from {
				t.Error(d.RemoteAddress)
			}
		}
	}
	if got != "xy" {
		t.Error(got)
	}
	if r, err := a.RemoteAddress(ctx); r != atB || err != nil {
		t.Error(r, err)
	}
	ok(t, "hops", a.SetUnicastHopLimit(ctx, 3))
	if v, err := a.UnicastHopLimit(ctx); v != 3 || err != nil {
		t.Error(v, err)
	}
	ok(t, "receive", a.SetReceiveBufferSize(ctx, 10_000))
	ok(t, "send", a.SetSendBufferSize(ctx, 10_000))
}

func TestLookup(t *testing.T) {
	ctx := t.Context()
	h, n := newHost(t, sockets.Grants{})
	l, err := h.ResolveAddresses(ctx, n, "2001:db8::7")
	ok(t, "resolve-addresses", err)
	drop(t, l)
	var a *IPAddress
	ok(t, "resolve-next-address", finish(t, l.Subscribe, func() (err error) { a, err = l.ResolveNextAddress(ctx); return err }))
	if a == nil || a.Tag != IPAddressTagIPv6 || a.IPv6 != (IPv6Address{F0: 0x2001, F1: 0xdb8, F7: 7}) {
		t.Error(a)
	}
	if a, err := l.ResolveNextAddress(ctx); a != nil || err != nil {
		t.Error(a, err)
	}
}

func TestAddresses(t *testing.T) {
	for _, s := range []string{"1.2.3.4:5", "[::1]:80", "[2001:db8:1:2:3:4:5:6]:65535", "[fe80::1%7]:9", "[::ffff:1.2.3.4]:1"} {
		at := netip.MustParseAddrPort(s)
		if got := addrPort(socketAddress(at)); got != at {
			t.Errorf("%s becomes %s", at, got)
		}
	}
	if optional(nil).IsValid() {
		t.Error("an address out of nothing")
	}
}

func TestErrorCodes(t *testing.T) {
	for _, c := range []sockets.Code{"access-denied", "permanent-resolver-failure", "datagram-too-large"} {
		if errorCode(c).String() != string(c) {
			t.Errorf("%s becomes %s", c, errorCode(c))
		}
	}
	if errorCode("what is this") != ErrorCodeUnknown {
		t.Error("an unknown code is known")
	}
	c, err := host{}.NetworkErrorCode(t.Context(), iop2.NewError(&sockets.Error{Code: "connection-reset"}))
	if err != nil || c == nil || *c != ErrorCodeConnectionReset {
		t.Error(c, err)
	}
	if c, _ := (host{}).NetworkErrorCode(t.Context(), iop2.NewError(errors.New("x"))); c != nil {
		t.Error(*c)
	}
}
