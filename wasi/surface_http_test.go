package wasi_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wasi"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	httpp2 "github.com/vitrine-wasm/vitrine/wasi/http/p2"
)

const (
	httpTypes = "http/types#"
	send      = "http/outgoing-handler#handle"
)

func allowAll(_, _, _ string) bool { return true }

// fields makes fields of names and values.
func (g *guest) fields(list ...string) *cm.Resource {
	g.t.Helper()
	entries := [][]any{}
	for i := 0; i < len(list); i += 2 {
		entries = append(entries, []any{list[i], []byte(list[i+1])})
	}
	return g.res(httpTypes+"fields.from-list", entries)
}

// request makes a request to a URL.
func (g *guest) request(method, to string, header ...string) *cm.Resource {
	g.t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		g.t.Fatal(err)
	}
	r := g.res(httpTypes+"outgoing-request.new", g.fields(header...))
	g.ok(httpTypes+"outgoing-request.set-method", r, cm.Variant{Case: strings.ToLower(method)})
	g.ok(httpTypes+"outgoing-request.set-scheme", r, cm.Variant{Case: strings.ToUpper(u.Scheme)})
	g.ok(httpTypes+"outgoing-request.set-authority", r, u.Host)
	g.ok(httpTypes+"outgoing-request.set-path-with-query", r, u.RequestURI())
	return r
}

// answer waits for the response or the error code of a request.
func (g *guest) answer(future *cm.Resource) (*cm.Resource, cm.Variant) {
	g.t.Helper()
	p := g.res(httpTypes+"future-incoming-response.subscribe", future)
	g.ok("io/poll#pollable.block", p)
	g.drop(p)
	v := g.ok(httpTypes+"future-incoming-response.get", future).(*cm.Variant)
	if v == nil || v.Case != "ok" {
		g.t.Fatalf("what is ready gave %v", v)
	}
	inner := v.Value.(cm.Variant)
	if inner.Case == "ok" {
		return inner.Value.(*cm.Resource), cm.Variant{}
	}
	code := inner.Value.(cm.Variant)
	record(g.t, httpTypes+"future-incoming-response.get", code.Case)
	return nil, code
}

// body reads a body to its end and returns its text and its trailers, if any.
func (g *guest) body(b *cm.Resource) (text string, trailers *cm.Resource) {
	g.t.Helper()
	s := g.res(httpTypes+"incoming-body.stream", b)
	text = g.text(s)
	g.drop(s)
	return text, g.trailers(g.res(httpTypes+"incoming-body.finish", b))
}

func (g *guest) trailers(future *cm.Resource) *cm.Resource {
	g.t.Helper()
	g.ok("io/poll#pollable.block", g.res(httpTypes+"future-trailers.subscribe", future))
	v := g.ok(httpTypes+"future-trailers.get", future).(*cm.Variant)
	if v == nil || v.Case != "ok" || v.Value.(cm.Variant).Case != "ok" {
		g.t.Fatalf("trailers: %v", v)
	}
	if again := g.ok(httpTypes+"future-trailers.get", future).(*cm.Variant); again == nil || again.Case != "error" {
		g.t.Errorf("trailers can be had twice: %v", again)
	}
	r := v.Value.(cm.Variant).Value.(**cm.Resource)
	if r == nil {
		return nil
	}
	return *r
}

// trustServer trusts a server.
func trustServer(s *httptest.Server) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{RootCAs: roots}
}

func TestFields(t *testing.T) {
	g := serve(t, wasi.Config{}, noHTTP)
	f := g.res(httpTypes + "fields.new")
	g.ok(httpTypes+"fields.append", f, "X-A", []byte("1"))
	g.ok(httpTypes+"fields.append", f, "x-a", []byte{0xff})
	g.ok(httpTypes+"fields.set", f, "x-b", [][]byte{[]byte("2")})
	g.equal([][]byte{[]byte("1"), {0xff}}, httpTypes+"fields.get", f, "x-A")
	g.equal(true, httpTypes+"fields.has", f, "X-B")
	c := g.res(httpTypes+"fields.clone", f)
	g.ok(httpTypes+"fields.delete", f, "x-a")
	g.equal([][]any{{"x-b", []byte("2")}}, httpTypes+"fields.entries", f)
	g.equal(true, httpTypes+"fields.has", c, "x-a")
	g.fail("invalid-syntax", httpTypes+"fields.append", f, "a b", []byte("x"))
	g.fail("invalid-syntax", httpTypes+"fields.set", f, "a", [][]byte{[]byte("a\nb")})
	g.fail("invalid-syntax", httpTypes+"fields.delete", f, "")
	g.fail("invalid-syntax", httpTypes+"fields.from-list", [][]any{{"", []byte("x")}})
	g.fail("forbidden", httpTypes+"fields.append", f, "Host", []byte("x"))
	g.fail("forbidden", httpTypes+"fields.set", f, "Connection", [][]byte{[]byte("x")})
	g.fail("forbidden", httpTypes+"fields.from-list", [][]any{{"transfer-encoding", []byte("x")}})
	r := g.res(httpTypes+"outgoing-response.new", g.res(httpTypes+"fields.clone", c))
	h := g.res(httpTypes+"outgoing-response.headers", r)
	g.fail("immutable", httpTypes+"fields.append", h, "x", []byte("x"))
	g.fail("immutable", httpTypes+"fields.set", h, "x", [][]byte{[]byte("x")})
	g.fail("immutable", httpTypes+"fields.delete", h, "x-a")
	g.drop(h, f)
	g.fail("trap headers", httpTypes+"fields.append", c, "x", bytes.Repeat([]byte("x"), wasihttp.MaxFields))
}

func TestOutgoingRequest(t *testing.T) {
	g := serve(t, wasi.Config{}, noHTTP)
	r := g.request("POST", "http://h:1/p?q", "x-a", "1")
	g.equal(cm.Variant{Case: "post"}, httpTypes+"outgoing-request.method", r)
	g.equal(&cm.Variant{Case: "HTTP"}, httpTypes+"outgoing-request.scheme", r)
	for fn, want := range map[string]string{"authority": "h:1", "path-with-query": "/p?q"} {
		if s := g.ok(httpTypes+"outgoing-request."+fn, r).(*string); s == nil || *s != want {
			t.Errorf("%s is %v, want %s", fn, s, want)
		}
	}
	h := g.res(httpTypes+"outgoing-request.headers", r)
	g.equal([][]any{{"x-a", []byte("1")}}, httpTypes+"fields.entries", h)
	g.fail("error", httpTypes+"outgoing-request.set-method", r, cm.Variant{Case: "other", Value: "no token"})
	g.fail("error", httpTypes+"outgoing-request.set-scheme", r, cm.Variant{Case: "other", Value: "1"})
	g.fail("error", httpTypes+"outgoing-request.set-authority", r, "a b")
	g.fail("error", httpTypes+"outgoing-request.set-path-with-query", r, "no slash")
	for _, fn := range []string{"set-scheme", "set-authority", "set-path-with-query"} {
		g.ok(httpTypes+"outgoing-request."+fn, r, nil)
	}
	if s := g.ok(httpTypes+"outgoing-request.scheme", r).(*cm.Variant); s != nil {
		t.Errorf("the scheme is %v", *s)
	}
	b := g.res(httpTypes+"outgoing-request.body", r)
	g.fail("error", httpTypes+"outgoing-request.body", r)
	s := g.res(httpTypes+"outgoing-body.write", b)
	g.fail("error", httpTypes+"outgoing-body.write", b)
	g.drop(s, b, h, r)

	o := g.res(httpTypes + "request-options.new")
	for i, fn := range []string{"connect-timeout", "first-byte-timeout", "between-bytes-timeout"} {
		if d := g.ok(httpTypes+"request-options."+fn, o).(*uint64); d != nil {
			t.Errorf("%s is %d before it was set", fn, *d)
		}
		want := uint64(1000 + i)
		g.ok(httpTypes+"request-options.set-"+fn, o, want)
		g.equal(&want, httpTypes+"request-options."+fn, o)
	}
	g.drop(o)
}

// TestExchange: a request with a body and trailers, and its answer with a body and trailers.
func TestExchange(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			w.Header().Set("Trailer", "X-Sum")
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprintf(w, "%s %s %s %s %v", r.Proto, r.Method, r.URL, b, err)
			w.Header().Set("X-Sum", r.Trailer.Get("X-Count")+"!")
		}))
		s.EnableHTTP2 = h2
		s.StartTLS()
		t.Cleanup(s.Close)
		g := serve(t, wasi.Config{}, wasihttp.ClientConfig{Allow: allowAll, TLS: trustServer(s)})
		r := g.request("POST", s.URL+"/p?q", "trailer", "x-count")
		b := g.res(httpTypes+"outgoing-request.body", r)
		out := g.res(httpTypes+"outgoing-body.write", b)
		future := g.res(send, r, nil)
		if v := g.ok(httpTypes+"future-incoming-response.get", future).(*cm.Variant); v != nil {
			t.Errorf("an answer before the request is complete: %v", v)
		}
		g.ok("io/streams#output-stream.blocking-write-and-flush", out, []byte("some body"))
		g.drop(out)
		g.ok(httpTypes+"outgoing-body.finish", b, g.fields("x-count", "9"))
		resp, code := g.answer(future)
		if resp == nil {
			t.Fatal(code)
		}
		if v := g.ok(httpTypes+"future-incoming-response.get", future).(*cm.Variant); v == nil || v.Case != "error" {
			t.Errorf("the answer can be had twice: %v", v)
		}
		g.equal(uint16(202), httpTypes+"incoming-response.status", resp)
		h := g.res(httpTypes+"incoming-response.headers", resp)
		g.equal(true, httpTypes+"fields.has", h, "content-type")
		g.fail("immutable", httpTypes+"fields.delete", h, "content-type")
		in := g.res(httpTypes+"incoming-response.consume", resp)
		g.fail("error", httpTypes+"incoming-response.consume", resp)
		text, trailers := g.body(in)
		if want := map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"}[h2] + " POST /p?q some body <nil>"; text != want {
			t.Errorf("the answer is %q, want %q", text, want)
		}
		if trailers == nil {
			t.Fatal("no trailers came")
		}
		g.equal([][]any{{"x-sum", []byte("9!")}}, httpTypes+"fields.entries", trailers)
		g.drop(h, resp, future)
	}
}

// TestDropsEndAnExchange: a drop of the future, the response, the body or its trailers ends the exchange.
func TestDropsEndAnExchange(t *testing.T) {
	arrived, gone := make(chan struct{}, 1), make(chan struct{}, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/future" {
			_ = http.NewResponseController(w).Flush()
		}
		arrived <- struct{}{}
		<-r.Context().Done()
		gone <- struct{}{}
	}))
	t.Cleanup(s.Close)
	g := serve(t, wasi.Config{}, wasihttp.ClientConfig{Allow: allowAll})
	for _, what := range []string{"future", "response", "body", "trailers"} {
		future := g.res(send, g.request("GET", s.URL+"/"+what), nil)
		<-arrived
		if what == "future" {
			g.drop(future)
			<-gone
			continue
		}
		resp, code := g.answer(future)
		if resp == nil {
			t.Fatal(code)
		}
		if what == "response" {
			g.drop(resp)
			<-gone
			continue
		}
		b := g.res(httpTypes+"incoming-response.consume", resp)
		if what == "trailers" {
			b = g.res(httpTypes+"incoming-body.finish", b)
			if v := g.ok(httpTypes+"future-trailers.get", b).(*cm.Variant); v != nil {
				t.Errorf("trailers of a body that has not ended: %v", v)
			}
		}
		g.drop(b)
		<-gone
	}
}

// TestBodyMisuse: a body cannot be finished before its stream is dropped.
func TestBodyMisuse(t *testing.T) {
	g := serve(t, wasi.Config{}, noHTTP)
	b := g.res(httpTypes+"outgoing-response.body", g.res(httpTypes+"outgoing-response.new", g.fields()))
	g.res(httpTypes+"outgoing-body.write", b)
	g.fail("trap host-call-misuse", httpTypes+"outgoing-body.finish", b, nil)
}

// responder records a guest's response.
type responder struct {
	informs []string
	inform  error
	answer  *wasihttp.OutgoingResponse
	fail    *wasihttp.Error
}

func (r *responder) Inform(_ context.Context, status int, h *wasihttp.Fields) error {
	r.informs = append(r.informs, fmt.Sprint(status, h.Header()))
	return r.inform
}
func (r *responder) Respond(a *wasihttp.OutgoingResponse) { r.answer = a }
func (r *responder) Fail(err *wasihttp.Error)             { r.fail = err }

// handle passes a request to the guest's incoming-handler and returns the handler's arguments.
func (g *guest) handle(r *http.Request, out wasihttp.Responder) (request, param *cm.Resource) {
	g.t.Helper()
	g.seen.take()
	if err := httpp2.Handle(g.t.Context(), g.inst, wasihttp.NewIncomingRequest(r, r.Body), out); err != nil {
		g.t.Fatal(err)
	}
	if seen := g.seen.take(); !slices.Equal(seen, []string{"wasi:http/incoming-handler@0.2.12#handle ok"}) {
		g.t.Errorf("what crossed the boundary is %q", seen)
	}
	record(g.t, "http/incoming-handler#handle", "ok")
	for name, to := range map[string]**cm.Resource{"take-request": &request, "take-out": &param} {
		v, err := g.inst.Call(g.t.Context(), "surface:http/incoming-handler#"+name)
		if err != nil {
			g.t.Fatal(err)
		}
		*to = v.(*cm.Resource)
		g.given = append(g.given, *to)
	}
	return request, param
}

func TestIncomingRequest(t *testing.T) {
	g := serve(t, wasi.Config{}, noHTTP)
	hr := httptest.NewRequest("PURGE", "/a?b", strings.NewReader("body"))
	hr.Header.Set("X-A", "1")
	hr.Trailer = http.Header{"X-Sum": {"4"}}
	out := &responder{}
	r, param := g.handle(hr, out)
	g.equal(cm.Variant{Case: "other", Value: "PURGE"}, httpTypes+"incoming-request.method", r)
	g.equal(&cm.Variant{Case: "HTTP"}, httpTypes+"incoming-request.scheme", r)
	for fn, want := range map[string]string{"authority": "example.com", "path-with-query": "/a?b"} {
		if s := g.ok(httpTypes+"incoming-request."+fn, r).(*string); s == nil || *s != want {
			t.Errorf("%s is %v, want %s", fn, s, want)
		}
	}
	h := g.res(httpTypes+"incoming-request.headers", r)
	g.equal([][]byte{[]byte("1")}, httpTypes+"fields.get", h, "x-a")
	g.fail("immutable", httpTypes+"fields.append", h, "x", []byte("x"))
	b := g.res(httpTypes+"incoming-request.consume", r)
	g.fail("error", httpTypes+"incoming-request.consume", r)
	s := g.res(httpTypes+"incoming-body.stream", b)
	g.fail("error", httpTypes+"incoming-body.stream", b)
	if text := g.text(s); text != "body" {
		t.Errorf("the body is %q", text)
	}
	g.drop(s)
	future := g.res(httpTypes+"incoming-body.finish", b)
	trailers := g.trailers(future)
	g.equal([][]any{{"x-sum", []byte("4")}}, httpTypes+"fields.entries", trailers)

	g.fail("HTTP-protocol-error", httpTypes+"response-outparam.send-informational", param, 200, g.fields())
	g.fail("HTTP-protocol-error", httpTypes+"response-outparam.send-informational", param, 99, g.fields())
	g.fail("HTTP-upgrade-failed", httpTypes+"response-outparam.send-informational", param, 101, g.fields())
	g.ok(httpTypes+"response-outparam.send-informational", param, 103, g.fields("link", "</a>"))
	if !slices.Equal(out.informs, []string{"103 map[Link:[</a>]]"}) {
		t.Errorf("before the answer came %q", out.informs)
	}
	out.inform = wasihttp.Errorf(wasihttp.ConnectionTerminated, "")
	g.fail("connection-terminated", httpTypes+"response-outparam.send-informational", param, 103, g.fields())

	a := g.res(httpTypes+"outgoing-response.new", g.fields("x-b", "2"))
	g.equal(uint16(200), httpTypes+"outgoing-response.status-code", a)
	g.fail("error", httpTypes+"outgoing-response.set-status-code", a, 99)
	g.ok(httpTypes+"outgoing-response.set-status-code", a, 418)
	body := g.res(httpTypes+"outgoing-response.body", a)
	g.fail("error", httpTypes+"outgoing-response.body", a)
	g.ok(httpTypes+"response-outparam.set", param, cm.OKResult[*cm.Resource, string](a))
	if out.answer == nil || out.answer.Status() != 418 || len(out.answer.Headers().Get("X-B")) != 1 {
		t.Fatalf("the answer is %+v", out.answer)
	}
	w := g.res(httpTypes+"outgoing-body.write", body)
	g.ok("io/streams#output-stream.blocking-write-and-flush", w, []byte("short and stout"))
	g.drop(w)
	g.ok(httpTypes+"outgoing-body.finish", body, g.fields("x-end", "1"))
	text, err := io.ReadAll(out.answer.Body())
	if string(text) != "short and stout" || err != nil || out.answer.Body().Trailers().TrailerHeader().Get("X-End") != "1" {
		t.Errorf("its body is %q, %v, trailers %v", text, err, out.answer.Body().Trailers())
	}
	g.drop(h, trailers, future, r)

	// An outparam that is dropped without a response, and a body that is not finished.
	_, param = g.handle(httptest.NewRequest("GET", "/", nil), &responder{})
	g.drop(param)
	unsent := g.res(httpTypes+"outgoing-response.new", g.fields())
	unfinished := g.res(httpTypes+"outgoing-response.body", unsent)
	g.drop(unfinished, unsent)
	r, _ = g.handle(httptest.NewRequest("GET", "/", nil), &responder{})
	unread := g.res(httpTypes+"incoming-request.consume", r)
	g.drop(unread, g.res(httpTypes+"incoming-body.finish", g.res(httpTypes+"incoming-request.consume", firstResource(g.handle(httptest.NewRequest("GET", "/", nil), &responder{})))))

	r, _ = g.handle(httptest.NewRequest("POST", "/", strings.NewReader("x")), &responder{})
	b = g.res(httpTypes+"incoming-request.consume", r)
	g.res(httpTypes+"incoming-body.stream", b)
	g.fail("trap host-call-misuse", httpTypes+"incoming-body.finish", b)
}

func firstResource(a, _ *cm.Resource) *cm.Resource { return a }

// TestLongTrailers: trailers of a request that are too large are an error that says so.
func TestLongTrailers(t *testing.T) {
	requests, done := make(chan *http.Request), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests <- r
		<-done
	}))
	defer s.Close()
	defer close(done)
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-A: "+strings.Repeat("x", 100_000)+"\r\n\r\n")
	g := serve(t, wasi.Config{}, noHTTP)
	r, _ := g.handle(<-requests, &responder{})
	future := g.res(httpTypes+"incoming-body.finish", g.res(httpTypes+"incoming-request.consume", r))
	g.ok("io/poll#pollable.block", g.res(httpTypes+"future-trailers.subscribe", future))
	v := g.ok(httpTypes+"future-trailers.get", future).(*cm.Variant).Value.(cm.Variant)
	if v.Case != "error" || v.Value.(cm.Variant).Case != "HTTP-request-trailer-section-size" {
		t.Fatalf("got %v", v)
	}
	record(t, httpTypes+"future-trailers.get", "HTTP-request-trailer-section-size")
}

// TestResponseFieldsCanBeCopied: a guest can append all fields of a response to another one, as a proxy does.
func TestResponseFieldsCanBeCopied(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Host", "Proxy-Authenticate", "Proxy-Authorization", "Keep-Alive", "Proxy-Connection", "Upgrade", "Http2-Settings", "Te", "X-A", "Set-Cookie"} {
			w.Header()[name] = []string{"1", "2"}
		}
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer s.Close()
	g := serve(t, wasi.Config{}, wasihttp.ClientConfig{Allow: allowAll})
	resp, code := g.answer(g.res(send, g.request("GET", s.URL), nil))
	if resp == nil {
		t.Fatal(code)
	}
	h := g.res(httpTypes+"incoming-response.headers", resp)
	entries := g.ok(httpTypes+"fields.entries", h).([][]any)
	copied := g.res(httpTypes+"fields.from-list", entries)
	g.equal(entries, httpTypes+"fields.entries", copied)
	one := g.res(httpTypes + "fields.new")
	for _, e := range entries {
		g.ok(httpTypes+"fields.append", one, e[0], e[1])
	}
	if len(entries) < 4 {
		t.Errorf("given %v", entries)
	}
	b := g.res(httpTypes+"incoming-response.consume", resp)
	if text, trailers := g.body(b); text != "" || trailers != nil {
		t.Errorf("an answer without a body has %q, %v", text, trailers)
	}
}
