package sockets

import (
	"net/netip"
	"slices"
	"testing"
)

// TestDeniedIsTold: the operator is told of each address and name that no grant covers, and of none that one covers.
func TestDeniedIsTold(t *testing.T) {
	var told []string
	p, err := NewPolicy(Grants{Connect: []string{"127.0.0.1:1"}, Denied: func(use, address string) { told = append(told, use+" "+address) }})
	if err != nil {
		t.Fatal(err)
	}
	n := NewNetwork(p)
	if n.refused(useConnect, "x:1") == nil {
		t.Error("it is no error")
	}
	told = nil
	tcp, err := n.NewTCP(IPv4)
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	if err := tcp.StartConnect(n, netip.MustParseAddrPort("127.0.0.2:9")); err == nil {
		t.Error("it connects")
	}
	if err := tcp.StartBind(n, netip.MustParseAddrPort("127.0.0.1:80")); err == nil {
		t.Error("it binds")
	}
	if _, err := n.Resolve("example.com"); err == nil {
		t.Error("it looks up")
	}
	if want := []string{"connect 127.0.0.2:9", "listen 127.0.0.1:80", "connect example.com:*"}; !slices.Equal(told, want) {
		t.Errorf("%q, want %q", told, want)
	}
}
