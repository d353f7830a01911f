package http

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wasi"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	httpp2 "github.com/vitrine-wasm/vitrine/wasi/http/p2"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
	"github.com/vitrine-wasm/vitrine/wit"
)

// events is an interceptor that notes how events end.
type events struct {
	mu   sync.Mutex
	ends []string
	errs []error
}

func (e *events) Bind(b *cm.Boundary) cm.Hooks {
	if b.Kind == cm.Event {
		return e
	}
	return nil
}
func (e *events) Enter(c *cm.Call) context.Context { return c.Context }
func (e *events) Exit(c *cm.Call, end cm.End) {
	s := c.Subject.(host.HTTPSubject)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ends = append(e.ends, fmt.Sprintf("%s %s %s %d %s", c.Boundary.Caller, c.Boundary.Callee, s.HTTPRoute(), s.HTTPStatus(), end.Outcome))
	e.errs = append(e.errs, end.Err)
}

// wait waits until n events have ended.
func (e *events) wait(t *testing.T, n int) []string {
	t.Helper()
	for range 6000 {
		e.mu.Lock()
		ends := slices.Clone(e.ends)
		e.mu.Unlock()
		if len(ends) >= n {
			return ends
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%d events have not ended", n)
	return nil
}

// embedded makes a Handler for rust-http-full-p2; g, if there is one, answers in its place.
func embedded(t *testing.T, c HandlerConfig, g guest) (*Handler, *events) {
	t.Helper()
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close(ctx) })
	loaded, err := engine.Load(ctx, "full", testref.Guest(t, "rust-http-full-p2"))
	if err != nil {
		t.Fatal(err)
	}
	seen := &events{}
	l := engine.NewLinker(seen)
	if err := wasi.Add(l, wasi.Config{}); err != nil {
		t.Fatal(err)
	}
	upstream := wasihttp.NewClient(wasihttp.ClientConfig{})
	t.Cleanup(func() { upstream.Close() })
	httpp2.Add(l, upstream)
	linked, err := l.Link(ctx, loaded)
	if err != nil {
		t.Fatal(err)
	}
	if g != nil {
		c.Adapters = handler(g)
		c.Adapters[0].Export = wit.MustParseID("wasi:http/incoming-handler@0.2.12")
	}
	h, err := NewHandler(ctx, linked, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(ctx); err != nil {
			t.Error(err)
		}
		if s := h.Stats(); s != (component.PoolStats{}) {
			t.Errorf("%+v are left", s)
		}
	})
	return h, seen
}

// server serves h, over HTTP/1 and HTTP/2.
func server(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

// TestHandlerTarget: the guest sees what the client sent, or what handlers in front have made of it.
func TestHandlerTarget(t *testing.T) {
	var saw, authority string
	h, _ := embedded(t, HandlerConfig{}, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		saw, authority = in.PathWithQuery(), in.Authority()
		return text(ctx, out, 200, "ok")
	})
	rewrite := func(f func(*url.URL)) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r2 := r.Clone(r.Context())
			f(r2.URL)
			h.ServeHTTP(w, r2)
		})
	}
	for _, c := range []struct {
		name    string
		handler http.Handler
		target  string
		want    string
	}{
		{"as it is", h, "/a/b?c=d", "/a/b?c=d"},
		{"escapes", h, "/a%2fb/%c3%A9/%7e?x=%zz&y=+;", "/a%2fb/%c3%A9/%7e?x=%zz&y=+;"},
		{"what need not be escaped", h, "/%61%2D", "/%61%2D"},
		{"an empty query", h, "/a?", "/a?"},
		{"two questions", h, "/a??b", "/a??b"},
		{"two slashes", h, "//a//b", "//a//b"},
		{"dots", h, "/a/../b", "/a/../b"},
		{"an absolute one", h, "http://other.example:81/p%2Fq?r", "/p%2Fq?r"},
		{"an absolute one without path", h, "http://other.example?r", "/?r"},
		{"stripped", http.StripPrefix("/app", h), "/app/a%2fb?c=%zz", "/a%2fb?c=%zz"},
		{"stripped whole", http.StripPrefix("/app", h), "/app?q", "/?q"},
		{"stripped with the slash", http.StripPrefix("/app/", h), "/app/x/y", "/x/y"},
		{"stripped of an escape", http.StripPrefix("/a b", h), "/a%20b/c%20d", "/c%20d"},
		{"a path that was changed", rewrite(func(u *url.URL) { u.Path, u.RawPath = "/new path", "" }), "/old", "/new%20path"},
		{"a path that was changed, with a stale RawPath", rewrite(func(u *url.URL) { u.Path = "/new" }), "/o%2fld", "/new"},
		{"a query that was changed", rewrite(func(u *url.URL) { u.RawQuery = "b=2" }), "/p%2f?a=1", "/p%2f?b=2"},
		{"a query that was taken away", rewrite(func(u *url.URL) { u.RawQuery = "" }), "/p?a=1", "/p"},
		{"in a mux", mux("GET /{rest...}", h), "/in/mux?x", "/in/mux?x"},
	} {
		saw = ""
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", c.target, nil)
		c.handler.ServeHTTP(w, r)
		if w.Code != 200 || saw != c.want {
			t.Errorf("%s: the guest saw %q, want %q; answered %d", c.name, saw, c.want, w.Code)
		}
	}
	made, err := http.NewRequest("", "https://made.example/by/hand?x=%41", nil)
	if err != nil {
		t.Fatal(err)
	}
	made.Method = ""
	for name, r := range map[string]*http.Request{
		"a client's": made,
		"by hand":    {URL: &url.URL{Scheme: "http", Host: "made.example", Path: "/by/hand", RawQuery: "x=%41"}},
	} {
		saw = ""
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 200 || saw != "/by/hand?x=%41" || authority != "made.example" || r.RequestURI != "" {
			t.Errorf("%s: the guest saw %q of %q; answered %d", name, saw, authority, w.Code)
		}
	}
	parsed := func(target string) *url.URL { // as a server does
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	saw = "none"
	for name, r := range map[string]*http.Request{
		"nothing at all": {}, "a fragment": {URL: parsed("/#x"), RequestURI: "/#x"}, "bytes": {URL: parsed("/\xff"), RequestURI: "/\xff"}, "a user": {URL: &url.URL{Path: "/", User: url.User("u")}},
		"control characters": {URL: &url.URL{Path: "/a"}, RequestURI: "/a b"}, "* of GET": {Method: "GET", URL: &url.URL{Path: "*"}, RequestURI: "*"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if ok := name == "nothing at all" || name == "control characters"; (w.Code == 200) != ok {
			t.Errorf("%s: %d, the guest saw %q", name, w.Code, saw)
		}
	}
}

func mux(pattern string, h http.Handler) http.Handler {
	m := http.NewServeMux()
	m.Handle(pattern, h)
	return m
}

// hidden is a ResponseWriter that has no more than a ResponseWriter must have.
type hidden struct{ http.ResponseWriter }

// unwraps is one as middleware should have it.
type unwraps struct {
	http.ResponseWriter
	status int
}

func (u *unwraps) Unwrap() http.ResponseWriter { return u.ResponseWriter }
func (u *unwraps) WriteHeader(status int) {
	u.status = status
	u.ResponseWriter.WriteHeader(status)
}

// TestHandlerBehind: a guest answers behind what stands in front of handlers, in both versions of HTTP.
func TestHandlerBehind(t *testing.T) {
	h, _ := embedded(t, HandlerConfig{}, nil)
	big := strings.Repeat("0123456789abcdef", 40_000)
	for name, front := range map[string]http.Handler{
		"nothing":      h,
		"StripPrefix":  http.StripPrefix("/app", h),
		"a writer":     http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(&unwraps{ResponseWriter: w}, r) }),
		"a poor one":   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(hidden{w}, r) }),
		"a timeout":    http.TimeoutHandler(h, time.Minute, "late"),
		"a body limit": http.MaxBytesHandler(h, 1<<20),
	} {
		base := server(t, front)
		if name == "StripPrefix" {
			base += "/app"
		}
		duplex := name != "a poor one" && name != "a timeout"
		protocols(t, func(t *testing.T, c *http.Client) {
			for range 3 { // on one connection
				if resp, got := get(t, c, base+"/hello"); resp.StatusCode != 200 || got != "hello from rust-http-full-p2\n" || resp.Header.Get("X-Guest") == "" {
					t.Errorf("%s: %d %q", name, resp.StatusCode, got)
				}
			}
			resp, err := c.Post(base+"/count", "", strings.NewReader(big))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || !strings.HasPrefix(string(got), "bytes=640000 ") {
				t.Errorf("%s: %q, %v", name, got, err)
			}
			if !duplex {
				return
			}
			resp, err = c.Post(base+"/echo", "", strings.NewReader(big))
			if err != nil {
				t.Fatal(err)
			}
			got, err = io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || string(got) != big {
				t.Errorf("%s: an echo of %d bytes, %v", name, len(got), err)
			}
			resp, got2 := get(t, c, base+"/trailers")
			if got2 == "" || len(resp.Trailer) != 1 {
				t.Errorf("%s: trailers %v behind %q", name, resp.Trailer, got2)
			}
			if resp, err := c.Get(base + "/abort"); err == nil {
				if b, err := io.ReadAll(resp.Body); err == nil {
					t.Errorf("%s: a body that broke off ended as if it were whole: %q", name, b)
				}
				resp.Body.Close()
			}
		})
	}
}

// TestHandlerRecorded: answers as tests without a server see them.
func TestHandlerRecorded(t *testing.T) {
	h, seen := embedded(t, HandlerConfig{Pool: component.PoolConfig{Deadline: 5 * time.Second}}, nil)
	for n, c := range []struct {
		method, target, body string
		status               int
		want                 string
	}{
		{"GET", "/hello", "", 200, "hello from rust-http-full-p2\n"},
		{"HEAD", "/hello", "", 200, ""},
		{"POST", "/echo", "a body", 200, "a body"},
		{"GET", "/status?code=204", "", 204, ""},
		{"GET", "/trap", "", 500, "the component failed\n"},
		{"GET", "/noresponse", "", 500, "the component failed\n"},
		{"GET", "/hello", "", 200, "hello from rust-http-full-p2\n"},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(c.method, c.target, strings.NewReader(c.body))
		r.Header.Set("Expect", "100-continue")
		h.ServeHTTP(w, r)
		if w.Code != c.status || c.want != w.Body.String() {
			t.Errorf("%s %s: %d %q", c.method, c.target, w.Code, w.Body)
		}
		outcome := map[bool]string{true: "ok", false: "aborted"}[c.status < 500]
		if c.target == "/trap" {
			outcome = "trap"
		}
		if got, want := seen.wait(t, n+1)[n], fmt.Sprintf("http full  %d %s", c.status, outcome); got != want {
			t.Errorf("%s %s: seen %q, want %q", c.method, c.target, got, want)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/trailers", nil))
	if got := w.Result().Trailer; len(got) != 1 {
		t.Errorf("trailers %v", got)
	}
	func() {
		defer func() {
			if p := recover(); p != http.ErrAbortHandler {
				t.Errorf("an answer that broke off: %v", p)
			}
		}()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/abort", nil))
	}()
}

// TestHandlerRoute: events are named by the mux's pattern, or by the config.
func TestHandlerRoute(t *testing.T) {
	h, seen := embedded(t, HandlerConfig{Route: "/named"}, func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		return text(ctx, out, 200, "ok")
	})
	m := http.NewServeMux()
	m.Handle("GET /shop/{id}", h)
	m.Handle("example.com/all/", http.StripPrefix("/all", h))
	for n, target := range []string{"/shop/17", "http://example.com/all/x"} {
		m.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", target, nil))
		seen.wait(t, n+1) // an event may end after its answer
	}
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	want := []string{"http full /shop/{id} 200 ok", "http full /all/ 200 ok", "http full /named 200 ok"}
	if got := seen.wait(t, 3); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestHandlerFields: what others have put into the header stays, unless the guest says otherwise.
func TestHandlerFields(t *testing.T) {
	h, _ := embedded(t, HandlerConfig{}, func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		hints := wasihttp.NewFields()
		if err := hints.Append("link", "</style.css>"); err != nil {
			return err
		}
		if err := out.Inform(ctx, 103, hints); err != nil {
			return err
		}
		b, w := respond(out, 200, "x-frame", "guest", "set-cookie", "b=2", "vary", "b", "x-own", "1", "x-own", "2")
		if err := wasiio.WriteAndFlush(ctx, w, []byte("ok")); err != nil {
			return err
		}
		return b.Finish(nil)
	})
	front := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for k, v := range map[string]string{"X-Frame": "front", "Set-Cookie": "a=1", "Vary": "a", "X-Front": "f", "Content-Length": "99"} {
			w.Header().Set(k, v)
		}
		h.ServeHTTP(w, r)
	})
	check := func(name string, h http.Header) {
		for k, want := range map[string]string{"X-Frame": "guest", "Set-Cookie": "a=1 b=2", "Vary": "a b", "X-Front": "f", "X-Own": "1 2", "Link": ""} {
			if got := strings.Join(h[k], " "); got != want {
				t.Errorf("%s: %s is %q, want %q", name, k, got, want)
			}
		}
	}
	w := httptest.NewRecorder()
	front.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	check("recorded", w.Result().Header)
	base := server(t, front)
	protocols(t, func(t *testing.T, c *http.Client) {
		resp, body := get(t, c, base)
		if body != "ok" {
			t.Errorf("%q", body)
		}
		check(t.Name(), resp.Header)
	})
}

// TestHandlerEnds: a request ends with its context, and is answered where somebody is left to answer.
func TestHandlerEnds(t *testing.T) {
	begun := make(chan struct{}, 1)
	h, seen := embedded(t, HandlerConfig{}, func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		begun <- struct{}{}
		<-ctx.Done()
		return context.Cause(ctx)
	})
	n := 0
	for _, c := range []struct {
		name   string
		end    func(context.Context) (context.Context, func())
		status int
		event  string
	}{
		{"a deadline in front", func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
			return ctx, cancel
		}, 504, "http full  504 aborted"},
		{"a cause", func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(ctx)
			go func() { <-begun; cancel(errors.New("enough")) }()
			return ctx, func() { cancel(nil) }
		}, 503, "http full  503 cancelled"},
	} {
		ctx, stop := c.end(t.Context())
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil).WithContext(ctx))
		stop()
		n++
		if got := seen.wait(t, n)[n-1]; w.Code != c.status || got != c.event {
			t.Errorf("%s: %d; %s", c.name, w.Code, got)
		}
		select {
		case <-begun:
		default:
		}
	}
	base := server(t, h)
	protocols(t, func(t *testing.T, c *http.Client) {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-begun; cancel() }()
		r, err := http.NewRequestWithContext(ctx, "GET", base, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := c.Do(r); err == nil {
			resp.Body.Close()
			t.Error("it was answered")
		}
		n++
		if got := seen.wait(t, n)[n-1]; got != "http full  0 cancelled" {
			t.Errorf("%s", got)
		}
	})
}

// panics is a writer, or a body, that panics where it is told to.
type panics struct {
	http.ResponseWriter
	where string
	done  int
}

func (p *panics) at(where string) {
	if p.where == where {
		panic(errors.New("outside: " + where))
	}
}
func (p *panics) WriteHeader(s int) { p.at("WriteHeader"); p.ResponseWriter.WriteHeader(s) }
func (p *panics) Flush()            { p.at("Flush") }
func (p *panics) Write(b []byte) (int, error) {
	p.at("Write")
	return p.ResponseWriter.Write(b)
}
func (p *panics) Read(b []byte) (int, error) {
	p.at("Read")
	p.done++
	if p.done > 1 {
		p.at("Read later")
		return 0, io.EOF
	}
	return copy(b, "x"), nil
}
func (p *panics) Close() error { return nil }

// TestHandlerPanics: a panic of what is around the handler goes on to whoever is in front, behind the end of the invocation; a panic
// of the body's reader, on whichever goroutine, fails the request alone.
func TestHandlerPanics(t *testing.T) {
	h, seen := embedded(t, HandlerConfig{Logger: slog.New(slog.DiscardHandler)}, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		if strings.HasPrefix(in.PathWithQuery(), "/unread") {
			return text(ctx, out, 200, "not read")
		}
		if strings.HasPrefix(in.PathWithQuery(), "/read") {
			s := in.Body().Stream()
			for {
				if _, err := wasiio.BlockingRead(ctx, s, make([]byte, 10)); err != nil {
					break
				}
			}
			return text(ctx, out, 200, "read")
		}
		b, w := respond(out, 200)
		for range 100 {
			if err := wasiio.WriteAndFlush(ctx, w, bytes.Repeat([]byte("x"), 4096)); err != nil {
				return nil
			}
			if in.PathWithQuery() == "/hold" { // what is written is flushed
				<-ctx.Done()
			}
		}
		return b.Finish(nil)
	})
	n := 0
	for _, c := range []struct {
		target, where string
		panics        bool
	}{
		{"/", "WriteHeader", true}, {"/", "Write", true}, {"/hold", "Flush", true},
		{"/read", "Read", false}, {"/read", "Read later", false}, {"/unread", "Read", false}, {"/unread", "Read later", false},
	} {
		func() {
			defer func() {
				if p := recover(); (p != nil) != c.panics || c.panics && !strings.Contains(fmt.Sprint(p), "outside: "+c.where) {
					t.Errorf("%s, %s: panics with %v", c.target, c.where, p)
				}
			}()
			w := &panics{ResponseWriter: httptest.NewRecorder(), where: c.where}
			r := httptest.NewRequest("POST", c.target, nil)
			r.Body, r.ContentLength = w, -1
			h.ServeHTTP(w, r)
		}()
		n++
		if got := seen.wait(t, n)[n-1]; c.panics && got != "http full  200 cancelled" {
			t.Errorf("%s, %s: %s", c.target, c.where, got)
		}
	}
	for range 1000 {
		if h.Stats().Busy == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%+v", h.Stats())
}

// TestHandlerLimits: limits of the pool, the store and the handler hold, and are answered for what they are.
func TestHandlerLimits(t *testing.T) {
	h, _ := embedded(t, HandlerConfig{MaxBody: 10, MaxHeader: 300, Pool: component.PoolConfig{Max: 1, Queue: -1, Deadline: 300 * time.Millisecond,
		Store: []component.StoreOption{component.WithMemory(8 << 20)}}}, nil)
	for _, c := range []struct {
		target, body, field string
		status              int
	}{
		{"/hello", "", "", 200}, {"/count", "small", "", 200}, {"/count", "larger than it", "", 413}, {"/hello", "", strings.Repeat("x", 300), 431},
		{"/spin", "", "", 504}, {"/alloc?mb=64", "", "", 500}, {"/hello", "", "", 200},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", c.target, strings.NewReader(c.body))
		r.Header.Set("X-Long", c.field)
		h.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: %d %s, want %d", c.target, w.Code, w.Body, c.status)
		}
		for s := h.Stats(); s.Busy+s.Resetting+s.Running > 0; s = h.Stats() { // behind the answer
			time.Sleep(time.Millisecond)
		}
	}
	for range 50 { // on a loaded machine the one that sleeps may be over before it is seen
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/sleep?ms=200", nil))
		}()
		over := func() bool {
			select {
			case <-done:
				return true
			default:
				return false
			}
		}
		for h.Stats().Busy == 0 && !over() {
			time.Sleep(time.Millisecond)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/hello", nil))
		missed := over()
		<-done
		if w.Code == 503 && w.Header().Get("Retry-After") != "" {
			return
		}
		if !missed {
			t.Errorf("one too many: %d", w.Code)
		}
	}
	t.Error("none of 50 that slept was seen")
}

// TestHandlerClose: what runs may end, or is cut; nothing new is taken.
func TestHandlerClose(t *testing.T) {
	for _, cut := range []bool{false, true} {
		begun, leave := make(chan struct{}), make(chan struct{})
		h, _ := embedded(t, HandlerConfig{}, func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
			close(begun)
			select {
			case <-leave:
				return text(ctx, out, 200, "ok")
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		answered := make(chan int, 1)
		go func() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			answered <- w.Code
		}()
		<-begun
		ctx, cancel := context.WithCancel(t.Context())
		closed := make(chan error, 1)
		go func() { closed <- h.Close(ctx) }()
		for { // until it is closing
			h.route.mu.Lock()
			draining := h.route.draining
			h.route.mu.Unlock()
			if draining {
				break
			}
			time.Sleep(time.Millisecond)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != 503 {
			t.Errorf("while it closes: %d", w.Code)
		}
		want := 503
		if cut {
			cancel()
		} else {
			want = 200
			close(leave)
		}
		if code, err := <-answered, <-closed; code != want || (err != nil) != cut {
			t.Errorf("cut %t: answered %d; closed: %v", cut, code, err)
		}
		cancel()
		w = httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != 503 {
			t.Errorf("closed: %d", w.Code)
		}
		if cut {
			h.closed = nil // embedded's clean-up asks once more
		}
	}
}

// TestHandlerIsNone: a component that no adapter can reach, that does not start, or a config that contradicts itself.
func TestHandlerIsNone(t *testing.T) {
	h, _ := embedded(t, HandlerConfig{}, nil)
	linked := h.pool.Linked()
	var none *host.NoExportError
	if _, err := NewHandler(t.Context(), linked, HandlerConfig{Adapters: []Adapter{}}); !errors.As(err, &none) || none.Component != "full" {
		t.Error(err)
	}
	var ready *host.ReadyError
	if _, err := NewHandler(t.Context(), linked, HandlerConfig{Pool: component.PoolConfig{Store: []component.StoreOption{component.WithMemory(1)}}}); !errors.As(err, &ready) {
		t.Error(err)
	}
	if _, err := NewHandler(t.Context(), linked, HandlerConfig{Pool: component.PoolConfig{Max: 1, Ready: 2}}); err == nil {
		t.Error("more are ready than may run")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := NewHandler(ctx, linked, HandlerConfig{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
