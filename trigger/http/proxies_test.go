package http

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/host"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	"github.com/vitrine-wasm/vitrine/workload"
)

func TestClientOf(t *testing.T) {
	p, err := parseProxies([]string{"10.0.0.0/8", "127.0.0.1", "fd00::/8"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ fields, want string }{
		{"", "- - -"},
		{"X-Forwarded-For: 1.2.3.4", "1.2.3.4:0 - -"},
		{"X-Forwarded-For: 6.6.6.6, 1.2.3.4", "1.2.3.4:0 - -"}, // the client's own word in front
		{"X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.1.1.1", "1.2.3.4:0 - -"},
		{"X-Forwarded-For: 6.6.6.6|X-Forwarded-For: 1.2.3.4", "1.2.3.4:0 - -"},
		{"X-Forwarded-For: 10.2.2.2, 10.1.1.1", "10.2.2.2:0 - -"},
		{"X-Forwarded-For: 1.2.3.4:567", "1.2.3.4:567 - -"},
		{"X-Forwarded-For: ::ffff:1.2.3.4", "1.2.3.4:0 - -"},
		{"X-Forwarded-For: [2001:db8::1]:5, fd00::1", "[2001:db8::1]:5 - -"},
		{"X-Forwarded-For: 1.2.3.4, unknown", "- - -"},
		{"X-Forwarded-For: <script>, 10.1.1.1", "10.1.1.1:0 - -"},
		{"X-Forwarded-For: 1.2.3.4, 10.1.1.1|X-Forwarded-Proto: https, http|X-Forwarded-Host: shop.example, inner:80", "1.2.3.4:0 https shop.example"},
		{"X-Forwarded-For: 6.6.6.6, 1.2.3.4|X-Forwarded-Proto: http, https", "1.2.3.4:0 https -"},
		{"X-Forwarded-For: 6.6.6.6, 1.2.3.4|X-Forwarded-Proto: https", "1.2.3.4:0 https -"},
		{"X-Forwarded-Proto: ftp|X-Forwarded-Host: a b", "- - -"},
		{"X-Forwarded-Host: user@a", "- - -"},
		{"X-Forwarded-Host: a:x", "- - -"},
		{"Forwarded: for=1.2.3.4;proto=https;host=shop.example", "1.2.3.4:0 https shop.example"},
		{`Forwarded: For="[2001:db8::1]:47011" ; Proto=HTTPS`, "[2001:db8::1]:47011 https -"},
		{"Forwarded: for=6.6.6.6;proto=http, for=1.2.3.4;proto=https, for=10.1.1.1;proto=http", "1.2.3.4:0 https -"},
		{"Forwarded: for=1.2.3.4, for=_hidden;proto=https", "- https -"},
		{`Forwarded: for=1.2.3.4;host="a\"b"`, "1.2.3.4:0 - -"},
		{`Forwarded: for="1.2.3.4`, "- - -"},
		{"Forwarded: for=1.2.3.4;for=5.6.7.8", "- - -"},
		{"Forwarded: for", "- - -"},
		{"Forwarded: for=1.2.3.4|X-Forwarded-For: 1.2.3.4|X-Forwarded-Proto: https", "1.2.3.4:0 https -"},
		{"Forwarded: for=1.2.3.4|X-Forwarded-For: 5.6.7.8", "- - -"}, // one of the two is the client's own
		{"Forwarded: for=1.2.3.4;host=a|X-Forwarded-For: 1.2.3.4|X-Forwarded-Host: b", "- - -"},
	} {
		h := http.Header{}
		for line := range strings.SplitSeq(c.fields, "|") {
			if name, value, ok := strings.Cut(line, ": "); ok {
				h.Add(name, value)
			}
		}
		got, _ := p.clientOf(h)
		addr := "-"
		if got.addr.IsValid() {
			addr = got.addr.String()
		}
		text := addr
		for _, s := range []string{got.proto, got.host} {
			if s == "" {
				s = "-"
			}
			text += " " + s
		}
		if text != c.want {
			t.Errorf("%s: %s, want %s", c.fields, text, c.want)
		}
	}
}

func TestProxyMistakes(t *testing.T) {
	for s, want := range map[string]string{
		"10.0.0.1/8": "the address has bits behind the network's; want 10.0.0.0/8", "proxy": "want an address, a network", "": "want an address", "10.0.0.0/33": "want an address",
		"fe80::1%eth0": "want an address", "::ffff:10.0.0.0/104": "want an address",
	} {
		wrong := checkRoutes([]workload.TriggerSpec{{Config: Route{Path: "/", TrustedProxies: []string{"unix", s}}}})
		if len(wrong) != 1 || wrong[0].Key != "trustedProxies[1]" || !strings.Contains(wrong[0].Problem, want) {
			t.Errorf("%q: %v, want %q", s, wrong, want)
		}
	}
}

// TestTrustedProxies: what a component and telemetry see of a client behind a proxy, where the proxy is trusted and where not.
func TestTrustedProxies(t *testing.T) {
	inv := &invoker{}
	tr := New(Config{Adapters: handler(func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		return text(ctx, out, 200, fmt.Sprint(in.Scheme(), " ", in.Authority(), " ", in.Headers().Has("x-forwarded-for"), in.Headers().Has("forwarded")))
	})})
	w := spec()
	for _, r := range []Route{
		{Path: "/"}, {Path: "/in", TrustedProxies: []string{"127.0.0.0/8"}}, {Path: "/out", TrustedProxies: []string{"192.0.2.0/24"}},
		{Path: "/in", Host: "shop.example", TrustedProxies: []string{"127.0.0.0/8"}},
	} {
		w.Triggers = append(w.Triggers, workload.TriggerSpec{Type: TypeName, Component: "guest", Config: r})
	}
	if _, err := tr.Attach(t.Context(), w, inv); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- tr.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	addr := tr.Addr().String()
	for _, c := range []struct{ path, want, client string }{
		{"/", "http " + addr + " true true", ""}, // nobody has said that anybody is to be believed: as it came
		{"/in", "https shop.example true true", "1.2.3.4"},
		{"/out", "http " + addr + " false false", ""},
	} {
		req, err := http.NewRequest("GET", "http://"+addr+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"X-Forwarded-For": "6.6.6.6, 1.2.3.4", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example", "Forwarded": "for=1.2.3.4"} {
			req.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(b) != c.want {
			t.Errorf("%s: %s, %v; want %s", c.path, b, err, c.want)
		}
		subject := inv.end(t).inv.Subject.(host.HTTPSubject)
		if got := subject.(host.HTTPClient).HTTPClient(); got != c.client || !strings.HasPrefix(subject.HTTPRequest().RemoteAddr, "127.0.0.1:") {
			t.Errorf("%s: the client is %q, want %q; the peer %s", c.path, got, c.client, subject.HTTPRequest().RemoteAddr)
		}
	}
}
