package hostwasi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/workload"
)

// granted calls what the plugin serves for a component of a workload, by testdata/surface.
func granted(t *testing.T, change func(c *workload.Component)) func(fn string, args ...any) (any, string) {
	t.Helper()
	ctx := context.Background()
	e, err := component.NewEngine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	wasm, err := os.ReadFile("../../testdata/surface/surface.wasm")
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := e.Load(ctx, "surface", wasm)
	if err != nil {
		t.Fatal(err)
	}
	c := workload.Component{Name: "it"}
	change(&c)
	w := &workload.Spec{Name: "w", Components: []workload.Component{c}}
	p, l := New(Config{}), e.NewLinker(nil)
	release, err := p.Bind(ctx, l, &host.Binding{Workload: w, Component: &w.Components[0]})
	if err != nil {
		t.Fatal(err)
	}
	linked, err := l.Link(ctx, loaded)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := linked.Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		release()
		if err := errors.Join(inst.Close(ctx), e.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	return func(fn string, args ...any) (any, string) {
		t.Helper()
		v, err := inst.Call(ctx, "surface:"+fn, args...)
		var fail *cm.ResultError[any]
		switch {
		case err == nil:
			return v, "ok"
		case !errors.As(err, &fail):
			t.Fatalf("%s: %v", fn, err)
		}
		if c, ok := fail.Value.(cm.Variant); ok {
			return nil, c.Case
		}
		return nil, fail.Value.(string)
	}
}

func socketAddress(s string) cm.Variant {
	at := netip.MustParseAddrPort(s)
	b := at.Addr().As4()
	return cm.Variant{Case: "ipv4", Value: map[string]any{"port": at.Port(), "address": []any{b[0], b[1], b[2], b[3]}}}
}

// TestEachGrantIsForItself: a component has what its workload grants it, and nothing else.
func TestEachGrantIsForItself(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	at := strings.TrimPrefix(s.URL, "http://")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv("OF_THE_HOST", "secret")
	nothing := map[string]string{"environment": "[]", "arguments": "[it]", "folders": "0", "http": "HTTP-request-denied",
		"connect": "access-denied", "bind": "access-denied", "listen": "invalid-state", "udp": "access-denied", "name": "access-denied"}
	for name, c := range map[string]struct {
		change func(c *workload.Component)
		want   map[string]string // what differs from nothing
	}{
		"nothing":     {func(*workload.Component) {}, nil},
		"environment": {func(c *workload.Component) { c.Environment = map[string]string{"A": "b"} }, map[string]string{"environment": "[[A b]]"}},
		"arguments":   {func(c *workload.Component) { c.Args = []string{"me", "x"} }, map[string]string{"arguments": "[me x]"}},
		"files":       {func(c *workload.Component) { c.Grants.Files = []workload.FileGrant{{Host: dir, Guest: "/d"}} }, map[string]string{"folders": "1"}},
		"http":        {func(c *workload.Component) { c.Grants.HTTP = []string{s.URL} }, map[string]string{"http": "ok"}},
		"connect": {func(c *workload.Component) { c.Grants.Sockets.Connect = []string{at} },
			map[string]string{"connect": "ok", "bind": "ok", "listen": "access-denied", "udp": "ok"}},
		"listen": {func(c *workload.Component) { c.Grants.Sockets.Listen = []string{"127.0.0.1:*"} },
			map[string]string{"bind": "ok", "listen": "ok", "udp": "ok"}},
		"name": {func(c *workload.Component) { c.Grants.Sockets.Connect = []string{"localhost:1"} },
			map[string]string{"name": "ok", "bind": "ok", "listen": "access-denied", "udp": "ok"}},
	} {
		t.Run(name, func(t *testing.T) {
			call := granted(t, c.change)
			value := func(v any, _ string) any { return v }
			got := map[string]string{}
			got["environment"] = fmt.Sprint(value(call("cli/environment#get-environment")))
			got["arguments"] = fmt.Sprint(value(call("cli/environment#get-arguments")))
			got["folders"] = fmt.Sprint(reflect.ValueOf(value(call("filesystem/preopens#get-directories"))).Len())
			r := value(call("http/types#new-outgoing-request", value(call("http/types#new-fields"))))
			call("http/types#outgoing-request-set-scheme", r, cm.Variant{Case: "HTTP"})
			call("http/types#outgoing-request-set-authority", r, at)
			_, got["http"] = call("http/outgoing-handler#handle", r, nil)
			n := value(call("sockets/instance-network#instance-network"))
			tcp := func() any { return value(call("sockets/tcp-create-socket#create-tcp-socket", "ipv4")) }
			_, got["connect"] = call("sockets/tcp#tcp-socket-start-connect", tcp(), n, socketAddress(at))
			l := tcp()
			_, got["bind"] = call("sockets/tcp#tcp-socket-start-bind", l, n, socketAddress("127.0.0.1:0"))
			call("sockets/tcp#tcp-socket-finish-bind", l)
			_, got["listen"] = call("sockets/tcp#tcp-socket-start-listen", l)
			u := value(call("sockets/udp-create-socket#create-udp-socket", "ipv4"))
			_, got["udp"] = call("sockets/udp#udp-socket-start-bind", u, n, socketAddress("127.0.0.1:0"))
			_, got["name"] = call("sockets/ip-name-lookup#resolve-addresses", n, "localhost")
			for what, want := range nothing {
				if w, ok := c.want[what]; ok {
					want = w
				}
				if got[what] != want {
					t.Errorf("%s: %s, want %s", what, got[what], want)
				}
			}
		})
	}
}
