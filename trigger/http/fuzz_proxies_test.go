package http

import (
	"net/http"
	"net/netip"
	"testing"
)

// FuzzForwarded: whatever stands in front of what a trusted proxy has added, the client is the one that the proxy has seen.
func FuzzForwarded(f *testing.F) {
	for _, s := range []string{"", "6.6.6.6", "for=6.6.6.6;proto=https", `for="[::1]:5";host="a\"b,`, "unknown, 10.0.0.1", ",;=", `for=_x;for="y`} {
		f.Add(s, s)
	}
	p, err := parseProxies([]string{"10.0.0.0/8"})
	if err != nil {
		f.Fatal(err)
	}
	client := netip.MustParseAddr("1.2.3.4")
	f.Fuzz(func(t *testing.T, common, standard string) {
		h := http.Header{forwardedFor: {common + ", 1.2.3.4"}, forwardedProto: {standard}, forwardedHost: {standard}}
		if c, ok := p.clientOf(h); !ok || c.addr.Addr() != client {
			t.Errorf("X-Forwarded-For: the client is %v, %t", c.addr, ok)
		}
		h = http.Header{forwardedField: {standard, "for=1.2.3.4;proto=https;host=a"}}
		if c, ok := p.clientOf(h); ok && (c.addr.Addr() != client || c.proto != "https" || c.host != "a") {
			t.Errorf("Forwarded: the client is %+v", c)
		}
	})
}

// FuzzPattern: a path that is accepted covers what it looks like, and never panics.
func FuzzPattern(f *testing.F) {
	for _, s := range []string{"/", "/a/:b", "/a/*", "/*/x", "/a//b/", "/:a/:a", "a"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, path, asked string) {
		p, err := parsePattern(path)
		if err != nil {
			return
		}
		if p.prefix && !p.covers(path) {
			t.Errorf("%q does not cover itself", path)
		}
		rest, ok := p.match(asked, func(int, string) {})
		if ok != p.covers(asked) || ok && len(rest) > len(asked) {
			t.Errorf("%q: %q, %t", asked, rest, ok)
		}
		if p.compare(&p) != 0 || p.shape() == "" {
			t.Errorf("%q is not like itself", path)
		}
	})
}
