package http

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	"github.com/vitrine-wasm/vitrine/workload"
)

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		pattern string
		yes, no []string
	}{
		{"/", []string{"/", "/a", "//"}, []string{"", "*"}},
		{"/shop", []string{"/shop", "/shop/", "/shop/a/b"}, []string{"/", "/shopping", "/a/shop"}},
		{"/shop/", []string{"/shop/", "/shop/a"}, []string{"/shop"}},
		{"/users/:id", []string{"/users/7", "/users/a%2Fb", "/users/:id"}, []string{"/users", "/users/", "/users/7/", "/users/7/x", "/user/7"}},
		{"/users/:id/orders/:order", []string{"/users/7/orders/8"}, []string{"/users/7/orders", "/users//orders/8", "/users/7/order/8"}},
		{"/files/*", []string{"/files/", "/files/a", "/files/a/b/", "/files//"}, []string{"/files", "/filesystem/a", "/"}},
		{"/a/*/c", []string{"/a/b/c"}, []string{"/a/c", "/a//c", "/a/b/b/c", "/a/b/c/d"}},
		{"/:tenant/*", []string{"/x/", "/x/y/z"}, []string{"/x", "//y", "/"}},
		{"/*", []string{"/", "/a/b"}, []string{"", "*"}},
		{"/users/:id/", []string{"/users/7/"}, []string{"/users/7", "/users/7/x"}},
	} {
		p, err := parsePattern(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range c.yes {
			if !p.covers(path) {
				t.Errorf("%s does not cover %s", c.pattern, path)
			}
		}
		for _, path := range c.no {
			if p.covers(path) {
				t.Errorf("%s covers %q", c.pattern, path)
			}
		}
	}
}

func TestRouteMistakes(t *testing.T) {
	for _, c := range []struct {
		route Route
		want  string
	}{
		{Route{Path: "shop"}, `path: "shop": want a path that begins with /`},
		{Route{Path: "/a?b"}, "without a query"},
		{Route{Path: "/a/:"}, "a parameter has no name"},
		{Route{Path: "/:a/:A"}, "the parameter :A is there twice"},
		{Route{Path: "/:a.b"}, "has a character other than"},
		{Route{Path: "/a*"}, "* stands for a whole segment"},
		{Route{Path: "/**"}, "* stands for a whole segment"},
		{Route{Path: "/", Host: "http://a"}, "host: \"http://a\": want a host without scheme and port"},
		{Route{Path: "/", Host: "a:80"}, "want a host without scheme and port"},
		{Route{Path: "/", Host: "a.*"}, "* stands for the names before the first dot"},
		{Route{Path: "/", Host: "*"}, "* stands for the names before the first dot"},
		{Route{Path: "/", Host: "a/b"}, "want a host such as"},
		{Route{Path: "/", Methods: []string{"GET", "get"}}, `methods[1]: "get": methods are in capitals; want GET`},
		{Route{Path: "/", Methods: []string{"GET", "GET"}}, `methods[1]: "GET" is there twice`},
		{Route{Path: "/", Methods: []string{"G T"}}, "want a method such as GET"},
		{Route{Path: "/", Methods: []string{"CONNECT"}}, "no component can serve a tunnel"},
	} {
		var all []string
		for _, m := range checkRoutes([]workload.TriggerSpec{{Config: c.route}}) {
			all = append(all, m.Key+": "+m.Problem)
		}
		if len(all) != 1 || !strings.Contains(all[0], c.want) {
			t.Errorf("%+v: %q, want %q", c.route, all, c.want)
		}
	}
}

func TestRouteConflicts(t *testing.T) {
	for _, c := range []struct {
		a, b Route
		want bool
	}{
		{Route{Path: "/a"}, Route{Path: "/a"}, true},
		{Route{Path: "/users/:id"}, Route{Path: "/users/:name"}, true},
		{Route{Path: "/users/:id"}, Route{Path: "/users/*"}, false},
		{Route{Path: "/a/:x/c"}, Route{Path: "/a/*/c"}, true},
		{Route{Path: "/"}, Route{Path: "/*"}, true},
		{Route{Path: "/files/"}, Route{Path: "/files/*"}, true},
		{Route{Path: "/files"}, Route{Path: "/files/*"}, false},
		{Route{Path: "/a/:x"}, Route{Path: "/:y/b"}, false},
		{Route{Path: "/a", Host: "x"}, Route{Path: "/a"}, false},
		{Route{Path: "/a", Host: "X"}, Route{Path: "/a", Host: "x"}, true},
		{Route{Path: "/a", Methods: []string{"GET"}}, Route{Path: "/a", Methods: []string{"POST"}}, false},
		{Route{Path: "/a", Methods: []string{"GET", "PUT"}}, Route{Path: "/a", Methods: []string{"POST", "PUT"}}, true},
		{Route{Path: "/a", Methods: []string{"GET"}}, Route{Path: "/a", Methods: []string{"HEAD"}}, false},
		{Route{Path: "/a", Methods: []string{"GET"}}, Route{Path: "/a"}, false},
	} {
		wrong := checkRoutes([]workload.TriggerSpec{{Config: c.a}, {Config: c.b}})
		if got := len(wrong) > 0; got != c.want || got && (wrong[0].Trigger != 1 || wrong[0].Key != "path") {
			t.Errorf("%+v and %+v: %v", c.a, c.b, wrong)
		}
	}
}

// TestSpecificRoute: the most specific route gets a request, in whatever order they came.
func TestSpecificRoute(t *testing.T) {
	all := []Route{
		{Path: "/"}, {Path: "/users"}, {Path: "/users/:id"}, {Path: "/users/me"}, {Path: "/users/*"}, {Path: "/users/:id/orders"}, {Path: "/users/:id/*"},
		{Path: "/:x/:y/orders"}, {Path: "/users/:id", Methods: []string{"POST", "DELETE"}}, {Path: "/head", Methods: []string{"GET"}}, {Path: "/head", Methods: []string{"HEAD"}},
		{Path: "/only", Methods: []string{"PUT", "GET"}, Host: "a.example"}, {Path: "/", Host: "a.example"}, {Path: "/", Host: "*.example"}, {Path: "/", Host: "*.b.example"},
		{Path: "/[::1]", Host: "[::1]"},
	}
	name := func(r Route) string {
		return strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Host, r.Path, strings.Join(r.Methods, ",")))
	}
	for range 50 {
		rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		var tab table
		names := map[*route]string{}
		for _, r := range all {
			x := routeFor(t, r)
			if err := tab.add([]*route{x}, nil); err != nil {
				t.Fatal(err)
			}
			names[x] = name(r)
		}
		for _, c := range []struct{ request, want string }{
			{"GET h /", "/"}, {"GET h /nope", "/"}, {"GET h /users", "/users"}, {"GET h /users/", "/users/*"}, {"GET h /users/7", "/users/:id"},
			{"GET h /users/me", "/users/me"}, {"GET h /users/me/x", "/users/me"}, {"GET h /users/me/orders", "/users/me"},
			{"GET h /users/7/orders", "/users/:id/orders"}, {"GET h /users/7/x", "/users/:id/*"}, {"GET h /a/b/orders", "/:x/:y/orders"},
			{"POST h /users/7", "/users/:id POST,DELETE"}, {"PATCH h /users/7", "/users/:id"}, {"HEAD h /head", "/head HEAD"}, {"GET h /head", "/head GET"},
			{"POST h /head", "/"}, {"GET A.example:80 /only", "a.example /only PUT,GET"}, {"POST a.example /only", "a.example /"}, {"HEAD a.example. /only", "a.example /only PUT,GET"},
			{"GET x.b.example /users", "*.b.example /"}, {"GET b.example /users", "*.example /"}, {"GET example /users", "/users"}, {"GET [::1]:3000 /[::1]", "[::1] /[::1]"},
		} {
			f := strings.Fields(c.request)
			r, _ := tab.find(f[0], hostOf(&http.Request{Host: f[1]}), f[2])
			if got := names[r]; got != c.want {
				t.Fatalf("%s goes to %q, want %q", c.request, got, c.want)
			}
		}
	}
}

// routed starts a trigger with routes, whose guest answers with the fields of the mount that it sees.
func routed(t *testing.T, routes ...Route) (url string) {
	t.Helper()
	tr := New(Config{Adapters: handler(func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		var lines []string
		for _, f := range in.Headers().Entries() {
			if strings.HasPrefix(f.Name, "spin-") {
				lines = append(lines, f.Name+": "+f.Value)
			}
		}
		return text(ctx, out, 200, strings.Join(lines, "\n"))
	})})
	w := spec()
	for _, r := range routes {
		w.Triggers = append(w.Triggers, workload.TriggerSpec{Type: TypeName, Component: "guest", Config: r})
	}
	if _, err := tr.Attach(t.Context(), w, &invoker{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- tr.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + tr.Addr().String()
}

func TestMethodNotAllowed(t *testing.T) {
	url := routed(t, Route{Path: "/a", Methods: []string{"GET"}}, Route{Path: "/a", Methods: []string{"PUT", "DELETE"}})
	for method, want := range map[string]int{"GET": 200, "HEAD": 200, "PUT": 200, "POST": 405, "get": 405, "OPTIONS": 405} {
		req, err := http.NewRequest(method, url+"/a", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want || want == 405 && resp.Header.Get("Allow") != "DELETE, GET, HEAD, PUT" {
			t.Errorf("%s: %d, Allow: %q", method, resp.StatusCode, resp.Header.Get("Allow"))
		}
	}
	resp, err := http.Get(url + "/b")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 404 {
		t.Error(resp.Status)
	}
}

// TestMount: a component is told where it is mounted, where the manifest says so, and never what a client says of it.
func TestMount(t *testing.T) {
	url := routed(t, Route{Path: "/plain"}, Route{Path: "/shop", SpinHeaders: true}, Route{Path: "/", SpinHeaders: true}, Route{Path: "/files/*", SpinHeaders: true},
		Route{Path: "/users/:userId/:x", SpinHeaders: true})
	for path, want := range map[string][]string{
		"/plain/x":         nil,
		"/shop":            {"spin-component-route: /shop", "spin-matched-route: /shop/...", "spin-path-info: ", "spin-raw-component-route: /shop/..."},
		"/%73hop/a%2Fb/c?": {"spin-component-route: /shop", "spin-matched-route: /shop/...", "spin-path-info: /a%2Fb/c", "spin-raw-component-route: /shop/..."},
		"/x/y":             {"spin-component-route: ", "spin-matched-route: /...", "spin-path-info: /x/y", "spin-raw-component-route: /..."},
		"/files/":          {"spin-component-route: /files", "spin-matched-route: /files/...", "spin-path-info: /", "spin-raw-component-route: /files/..."},
		"/users/a%0A/ü?q=1": {"spin-component-route: /users/:userId/:x", "spin-matched-route: /users/:userId/:x", "spin-path-info: ", "spin-path-match-userid: a%0A",
			"spin-path-match-x: %C3%BC", "spin-raw-component-route: /users/:userId/:x"},
	} {
		req, err := http.NewRequest("GET", url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"spin-path-info", "spin-full-url", "SPIN-CLIENT-ADDR", "spin-base-path", "spin-matched-route", "spin-component-route", "spin-raw-component-route", "spin-path-match-userid", "spin-path-match-other"} {
			req.Header.Set(name, "forged")
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, line := range strings.Split(string(body), "\n") {
			switch name, value, _ := strings.Cut(line, ": "); name {
			case "":
			case "spin-client-addr":
				if !strings.HasPrefix(value, "127.0.0.1:") {
					t.Errorf("%s: %s", path, line)
				}
			case "spin-full-url":
				if sent := url + req.URL.RequestURI(); value != sent {
					t.Errorf("%s: %s, want %s", path, line, sent)
				}
			case "spin-base-path":
				if value != "/" {
					t.Errorf("%s: %s", path, line)
				}
			default:
				got = append(got, line)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
