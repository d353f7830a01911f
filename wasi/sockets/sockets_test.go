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

func loopback(f Family, port uint16) netip.AddrPort {
	if f == IPv6 {
		return netip.AddrPortFrom(netip.IPv6Loopback(), port)
	}
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
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
