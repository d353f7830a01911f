package sockets

import (
	"io"
	"net/netip"
	"testing"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

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
