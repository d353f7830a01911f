package wasi_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wasi"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// childResources are the pairs of parent and child in the WIT of WASI 0.2.12, with the ways in which a parent must not end
// before its child.
var childResources = map[string]struct {
	make func(g *guest) (parent, child *cm.Resource)
	// consume has the parent consumed; nil if WIT mentions only its drop.
	consume func(g *guest, parent *cm.Resource, want string)
}{
	"input-stream": {make: func(g *guest) (parent, child *cm.Resource) {
		s := g.input(strings.NewReader("x"))
		return s, g.res("io/streams#input-stream.subscribe", s)
	}},
	"output-stream": {make: func(g *guest) (parent, child *cm.Resource) {
		s := g.output(io.Discard)
		return s, g.res("io/streams#output-stream.subscribe", s)
	}},
	"incoming-request": {make: func(g *guest) (parent, child *cm.Resource) {
		r, _ := g.handle(httptest.NewRequest("GET", "/", nil), &responder{})
		return r, g.res(httpTypes+"incoming-request.headers", r)
	}},
	"outgoing-request": {
		make: func(g *guest) (parent, child *cm.Resource) {
			r := g.request("GET", g.url)
			return r, g.res(httpTypes+"outgoing-request.headers", r)
		},
		consume: func(g *guest, parent *cm.Resource, want string) { g.outcomeIs(want, send, parent, nil) },
	},
	"incoming-response": {make: func(g *guest) (parent, child *cm.Resource) {
		r, _ := g.answer(g.res(send, g.request("GET", g.url), nil))
		return r, g.res(httpTypes+"incoming-response.headers", r)
	}},
	"incoming-body": {
		make: func(g *guest) (parent, child *cm.Resource) {
			r, _ := g.handle(httptest.NewRequest("POST", "/", strings.NewReader("x")), &responder{})
			b := g.res(httpTypes+"incoming-request.consume", r)
			return b, g.res(httpTypes+"incoming-body.stream", b)
		},
		consume: func(g *guest, parent *cm.Resource, want string) {
			g.outcomeIs(want, httpTypes+"incoming-body.finish", parent)
		},
	},
	"future-trailers": {make: func(g *guest) (parent, child *cm.Resource) {
		hr := httptest.NewRequest("POST", "/", strings.NewReader("x"))
		hr.Trailer = http.Header{"X-Sum": {"4"}}
		r, _ := g.handle(hr, &responder{})
		f := g.res(httpTypes+"incoming-body.finish", g.res(httpTypes+"incoming-request.consume", r))
		return f, g.trailers(f)
	}},
	"outgoing-response": {
		make: func(g *guest) (parent, child *cm.Resource) {
			r := g.res(httpTypes+"outgoing-response.new", g.fields())
			return r, g.res(httpTypes+"outgoing-response.headers", r)
		},
		consume: func(g *guest, parent *cm.Resource, want string) {
			_, param := g.handle(httptest.NewRequest("GET", "/", nil), &responder{})
			g.outcomeIs(want, httpTypes+"response-outparam.set", param, cm.OKResult[*cm.Resource, string](parent))
		},
	},
	"outgoing-body": {
		make: func(g *guest) (parent, child *cm.Resource) {
			b := g.res(httpTypes+"outgoing-response.body", g.res(httpTypes+"outgoing-response.new", g.fields()))
			return b, g.res(httpTypes+"outgoing-body.write", b)
		},
		consume: func(g *guest, parent *cm.Resource, want string) {
			g.outcomeIs(want, httpTypes+"outgoing-body.finish", parent, nil)
		},
	},
}

const misuse = "trap host-call-misuse"

// outcomeIs is ok if want is "ok", else fail.
func (g *guest) outcomeIs(want, fn string, args ...any) {
	g.t.Helper()
	if want == "ok" {
		g.ok(fn, args...)
		return
	}
	g.fail(want, fn, args...)
}

// dropTraps has the guest drop a parent before its child, which must trap.
func (g *guest) dropTraps(parent, child *cm.Resource) {
	g.t.Helper()
	where := parent.Type.Interface.Package + "/" + parent.Type.Interface.Interface
	name := "surface:" + where + "#drop-" + parent.Type.Name
	g.seen.take()
	_, err := g.inst.Call(g.t.Context(), name, parent)
	var trap *cm.Trap
	if want := parent.Type.String() + " dropped while its child " + child.Type.String() + " is alive"; !errors.As(err, &trap) ||
		trap.Code != cm.TrapMisuse || trap.Detail != want || trap.Boundary == nil || trap.Boundary.Name() != name || trap.Blame() != cm.BlameGuest {
		g.t.Fatalf("%s: %v, want %s", name, err, want)
	}
	if seen := g.seen.take(); !slices.Equal(seen, []string{name + " " + misuse}) {
		g.t.Errorf("what crossed the boundary was %q", seen)
	}
	record(g.t, where+"."+parent.Type.Name, misuse)
}

// TestChildren: a parent that ends before its children traps, and one that ends after them does not.
func TestChildren(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") }))
	t.Cleanup(s.Close)
	first := serve(t, wasi.Config{}, wasihttp.ClientConfig{Allow: allowAll})
	first.url = s.URL
	for name, f := range childResources {
		t.Run(name, func(t *testing.T) {
			begin := func() (g *guest, parent, child *cm.Resource) {
				g = first.restart()
				g.t = t
				parent, child = f.make(g)
				if parent.Type.Name != name {
					t.Fatalf("the parent is a %s", parent.Type)
				}
				return g, parent, child
			}
			g, parent, child := begin()
			g.dropTraps(parent, child)
			if parent.Dropped || child.Dropped {
				t.Errorf("dropped: parent %v, child %v", parent.Dropped, child.Dropped)
			}
			if err := g.inst.Close(t.Context()); err != nil || !parent.Dropped {
				t.Errorf("the end of the instance: %v, parent dropped: %v", err, parent.Dropped)
			}
			if err := g.inst.Drop(t.Context(), child); err != nil {
				t.Errorf("drop of the orphan: %v", err)
			}

			g, parent, child = begin()
			g.drop(child, parent)

			// The host may drop in any order.
			g, parent, child = begin()
			if err := errors.Join(g.inst.Drop(t.Context(), parent), g.inst.Drop(t.Context(), child)); err != nil {
				t.Errorf("drops by the host: %v", err)
			}
			if f.consume == nil {
				return
			}
			g, parent, _ = begin()
			f.consume(g, parent, misuse)
			if !parent.Dropped {
				t.Error("what the call had taken is not dropped")
			}
			g, parent, child = begin()
			g.drop(child)
			f.consume(g, parent, "ok")
		})
	}
}

// TestChildConsumed: a child that a call has consumed does not keep its parent.
func TestChildConsumed(t *testing.T) {
	g := serve(t, wasi.Config{}, noHTTP)
	r, _ := g.handle(httptest.NewRequest("GET", "/", nil), &responder{})
	g.res(httpTypes+"outgoing-response.new", g.res(httpTypes+"incoming-request.headers", r))
	second := g.res(httpTypes+"incoming-request.headers", r)
	g.ok(httpTypes+"fields.entries", second)
	g.drop(second, r)

	b := g.res(httpTypes+"outgoing-response.body", g.res(httpTypes+"outgoing-response.new", g.fields()))
	a := g.res(httpTypes+"outgoing-response.new", g.fields())
	g.ok(httpTypes+"outgoing-body.finish", b, g.res(httpTypes+"outgoing-response.headers", a))
	g.drop(a)
}

// TestClonesHaveNoParent: a resource that is made from a child, or with one, has no parent.
func TestClonesHaveNoParent(t *testing.T) {
	g := serve(t, wasi.Config{}, noHTTP)
	r, _ := g.handle(httptest.NewRequest("GET", "/", nil), &responder{})
	h := g.res(httpTypes+"incoming-request.headers", r)
	clone := g.res(httpTypes+"fields.clone", h)
	g.drop(h, r, clone)
}

// TestNonChildrenInAnyOrder: resources that WIT does not call children may be dropped in any order.
func TestNonChildrenInAnyOrder(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") }))
	t.Cleanup(s.Close)
	g := serve(t, allowSockets, wasihttp.ClientConfig{Allow: allowAll})

	r, _ := g.handle(httptest.NewRequest("POST", "/", strings.NewReader("x")), &responder{})
	body := g.res(httpTypes+"incoming-request.consume", r)
	g.drop(r, body)

	o := g.request("GET", s.URL)
	out := g.res(httpTypes+"outgoing-request.body", o)
	g.drop(o, out)
	a := g.res(httpTypes+"outgoing-response.new", g.fields())
	out = g.res(httpTypes+"outgoing-response.body", a)
	g.drop(a, out)

	future := g.res(send, g.request("GET", s.URL), nil)
	p := g.res(httpTypes+"future-incoming-response.subscribe", future)
	resp, _ := g.answer(future)
	g.drop(future, p)
	in := g.res(httpTypes+"incoming-response.consume", resp)
	g.drop(resp)
	trailers := g.res(httpTypes+"incoming-body.finish", in)
	p = g.res(httpTypes+"future-trailers.subscribe", trailers)
	g.drop(trailers, p)

	n := g.res("sockets/instance-network#instance-network")
	sock, at := g.listener(n)
	p = g.res("sockets/tcp#tcp-socket.subscribe", sock)
	conn, input, output := g.connect(n, at)
	g.drop(n, conn, sock, p, input, output)
	n = g.res("sockets/instance-network#instance-network")
	u, _ := g.udp(n)
	incoming, outgoing := g.stream(u, ip4(netip.AddrPortFrom(at.Addr(), 9).String()))
	p = g.res("sockets/udp#incoming-datagram-stream.subscribe", incoming)
	g.drop(u, incoming, p, outgoing)
}
