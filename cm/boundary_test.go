package cm

import (
	"fmt"
	"testing"

	"github.com/vitrine-wasm/vitrine/wit"
)

func TestPath(t *testing.T) {
	for _, c := range []struct{ path, name Path }{
		{Path("").Inner("shop"), "shop"},
		{Path("shop").Inner("cart"), "cart"},
		{Path("shop").Unnamed(3), "shop"},
		{Path("shop").Unnamed(3).Unnamed(4), "shop"},
		{Path("shop").Unnamed(3).Inner("cart"), "cart"},
		{Path("shop").Inner("instance-of-mine"), "instance-of-mine"},
		{Path("").Unnamed(3), "instance-3"}, // there is no other
		{"", ""},
	} {
		if got := c.path.Name(); got != string(c.name) {
			t.Errorf("%s: %q, want %q", c.path, got, c.name)
		}
	}
	if p := Path("shop").Unnamed(12); p != "shop/instance-12" {
		t.Error(p)
	}
}

func TestBoundaryString(t *testing.T) {
	clock := wit.InterfaceID{Namespace: "wasi", Package: "clocks", Interface: "wall-clock", Version: "0.2.12"}
	for _, c := range []struct {
		b    *Boundary
		want string
	}{
		{&Boundary{Kind: GuestToHost, Caller: "shop/cart", Callee: "host", Interface: clock, Func: "now"}, "shop/cart → host: wasi:clocks/wall-clock@0.2.12#now"},
		{&Boundary{Kind: HostToGuest, Caller: "host", Callee: "adder", Func: "add"}, "host → adder: add"},
		{&Boundary{Kind: HostToGuest, Callee: "adder", Func: "add"}, "host → adder: add"},
		{&Boundary{Kind: Event, Caller: "http", Callee: "shop", Func: "GET"}, "http → shop: GET"},
		{nil, "no boundary"},
	} {
		if got := fmt.Sprint(c.b.String()); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
