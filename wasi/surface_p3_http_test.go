package wasi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wasi"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

const (
	request3  = httpTypes + "request."
	response3 = httpTypes + "response."
	options3  = httpTypes + "request-options."
	send3     = "http/client#send"
	handle3   = "http/handler#handle"
)

var noTrailers = cm.Variant{Case: "ok"}

func TestFields3(t *testing.T) {
	g := serve3(t, wasi.Config{}, noHTTP)
	f := g.res(httpTypes + "fields.new")
	g.ok(httpTypes+"fields.append", f, "X-A", []byte("1"))
	g.ok(httpTypes+"fields.append", f, "x-a", []byte{0xff})
	g.ok(httpTypes+"fields.set", f, "x-b", [][]byte{[]byte("2")})
	g.equal([][]byte{[]byte("1"), {0xff}}, httpTypes+"fields.get", f, "x-A")
	g.equal(true, httpTypes+"fields.has", f, "X-B")
	c := g.res(httpTypes+"fields.clone", f)
	g.ok(httpTypes+"fields.delete", f, "x-a")
	g.equal([][]any{{"x-b", []byte("2")}}, httpTypes+"fields.copy-all", f)
	g.equal([][]byte{[]byte("1"), {0xff}}, httpTypes+"fields.get-and-delete", c, "x-a")
	g.equal(false, httpTypes+"fields.has", c, "x-a")
	g.fail("invalid-syntax", httpTypes+"fields.append", f, "a b", []byte("x"))
	g.fail("invalid-syntax", httpTypes+"fields.set", f, "a", [][]byte{[]byte("a\nb")})
	g.fail("invalid-syntax", httpTypes+"fields.delete", f, "")
	g.fail("invalid-syntax", httpTypes+"fields.get-and-delete", f, "")
	g.fail("invalid-syntax", httpTypes+"fields.from-list", [][]any{{"", []byte("x")}})
	g.ok(httpTypes+"fields.from-list", [][]any{{"x", []byte("x")}})
	r := g.request3(t, "http://a.example/", nil, nil)
	kept := g.res(request3+"get-headers", r)
	g.fail("immutable", httpTypes+"fields.append", kept, "x", []byte("x"))
	g.drop(f)
}

// request3 makes a request to a URL; a body may be nil.
func (g *guest) request3(t *testing.T, to string, body, trailers any) *cm.Resource {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	if trailers == nil {
		trailers = g.future(noTrailers)
	}
	p := g.ok(request3+"new", g.res(httpTypes+"fields.from-list", [][]any{{"x-test", []byte("yes")}}), body, trailers, nil).([]any)
	r := p[0].(*cm.Resource)
	_ = p[1].(*cm.FutureReader[any]).Close()
	g.ok(request3+"set-method", r, cm.Variant{Case: "post"})
	g.ok(request3+"set-scheme", r, cm.Variant{Case: strings.ToUpper(u.Scheme)})
	g.ok(request3+"set-authority", r, u.Host)
	g.ok(request3+"set-path-with-query", r, u.RequestURI())
	return r
}

func TestRequests3(t *testing.T) {
	g := serve3(t, wasi.Config{}, noHTTP)
	opts := g.res(options3 + "new")
	for _, o := range []string{"connect-timeout", "first-byte-timeout", "between-bytes-timeout"} {
		g.ok(options3+"set-"+o, opts, 5_000_000)
		if d := g.ok(options3+"get-"+o, opts).(*uint64); d == nil || *d != 5_000_000 {
			t.Errorf("%s: %v", o, d)
		}
	}
	copied := g.res(options3+"clone", opts)
	r := g.ok(request3+"new", g.res(httpTypes+"fields.new"), g.give("give-u8", []byte("body")), g.future(noTrailers), opts).([]any)[0].(*cm.Resource)
	kept := *g.ok(request3+"get-options", r).(**cm.Resource)
	g.fail("immutable", options3+"set-connect-timeout", kept, 1)
	g.fail("immutable", options3+"set-first-byte-timeout", kept, 1)
	g.fail("immutable", options3+"set-between-bytes-timeout", kept, 1)
	g.drop(copied, kept)
	g.ok(request3+"set-method", r, cm.Variant{Case: "other", Value: "BREW"})
	g.equal(cm.Variant{Case: "other", Value: "BREW"}, request3+"get-method", r)
	g.fail("error", request3+"set-method", r, cm.Variant{Case: "other", Value: "a b"})
	g.ok(request3+"set-path-with-query", r, "/a?b")
	if p := g.ok(request3+"get-path-with-query", r).(*string); *p != "/a?b" {
		t.Error(*p)
	}
	g.fail("error", request3+"set-path-with-query", r, "/a\nb")
	g.ok(request3+"set-scheme", r, cm.Variant{Case: "HTTPS"})
	if s := g.ok(request3+"get-scheme", r).(*cm.Variant); s.Case != "HTTPS" {
		t.Error(s)
	}
	g.fail("error", request3+"set-scheme", r, cm.Variant{Case: "other", Value: "1 2"})
	g.ok(request3+"set-authority", r, "a.example:80")
	if a := g.ok(request3+"get-authority", r).(*string); *a != "a.example:80" {
		t.Error(*a)
	}
	g.fail("error", request3+"set-authority", r, "a b")
	headers := g.res(request3+"get-headers", r)
	g.equal([][]any{}, httpTypes+"fields.copy-all", headers)
	g.drop(headers)
	body, trailers := g.pair(request3+"consume-body", r, g.give("give-http", []any{noTrailers}))
	if got := g.take("take-u8", body, 4); string(got.([]byte)) != "body" {
		t.Errorf("%q", got)
	}
	if none := g.await("ok", request3+"consume-body", "await-http-trailers", trailers).(**cm.Resource); none != nil {
		t.Errorf("trailers %v", none)
	}
}

func TestSend3(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-End")
		w.Header().Set("X-Had", r.Header.Get("X-Test"))
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, r.Method+" "+r.URL.RequestURI()+" "+string(b))
		w.Header().Set("X-End", "yes")
	}))
	defer s.Close()
	g := serve3(t, wasi.Config{}, wasihttp.ClientConfig{Allow: allowAll})
	r := g.res(send3, g.request3(t, s.URL+"/p?q", g.bytes("the body"), g.give("give-http-trailers", []any{noTrailers})))
	g.equal(uint16(http.StatusTeapot), response3+"get-status-code", r)
	headers := g.res(response3+"get-headers", r)
	g.equal([][]byte{[]byte("yes")}, httpTypes+"fields.get", headers, "x-had")
	g.drop(headers)
	body, trailers := g.pair(response3+"consume-body", r, g.give("give-http", []any{noTrailers}))
	if got := g.take("take-u8", body, 1000); string(got.([]byte)) != "POST /p?q the body" {
		t.Errorf("%q", got)
	}
	end := *g.await("ok", response3+"consume-body", "await-http-trailers", trailers).(**cm.Resource)
	g.equal([][]byte{[]byte("yes")}, httpTypes+"fields.get", end, "x-end")
	s.Close()
	fresh := serve3(t, wasi.Config{}, wasihttp.ClientConfig{Allow: allowAll}) // which has no connection that ends
	fresh.fail("connection-refused", send3, fresh.request3(t, s.URL, nil, nil))
	denied := serve3(t, wasi.Config{}, noHTTP)
	denied.fail("HTTP-request-denied", send3, denied.request3(t, "http://a.example/", nil, nil))
}

func TestHandler3(t *testing.T) {
	g := serve3(t, wasi.Config{}, noHTTP)
	pair := g.ok(response3+"new", g.res(httpTypes+"fields.new"), g.bytes("answer"), g.future(noTrailers)).([]any)
	r, sent := pair[0].(*cm.Resource), pair[1]
	g.ok(response3+"set-status-code", r, 201)
	g.fail("error", response3+"set-status-code", r, 99)
	if _, err := g.inst.Call(t.Context(), "surface:http/handler#set-response", r); err != nil {
		t.Fatal(err)
	}
	call := func(r *cm.Resource) (any, error) {
		g.seen.take()
		return g.inst.Call(t.Context(), "wasi:http/handler@0.3.0#handle", r)
	}
	v, err := call(g.request3(t, "http://a.example/x", nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	g.ended("ok", handle3, v, err)
	answer := v.(*cm.Resource)
	g.equal(uint16(201), response3+"get-status-code", answer)
	got, err := g.inst.Call(t.Context(), "surface:http/handler#take-request")
	if err != nil {
		t.Fatal(err)
	}
	g.keep(reflect.ValueOf(got))
	if p := g.ok(request3+"get-path-with-query", got).(*string); *p != "/x" {
		t.Error(*p)
	}
	body, _ := g.pair(response3+"consume-body", answer, g.future(noTrailers))
	if text := g.text3(body); text != "answer" {
		t.Errorf("%q", text)
	}
	g.wait("ok", response3+"new", sent)
	_, err = call(g.request3(t, "http://a.example/x", nil, nil))
	g.fails("internal-error", handle3, err)
	p := g.ok(response3+"new", g.res(httpTypes+"fields.new"), nil, g.future(noTrailers)).([]any)
	dropped := p[0].(*cm.Resource)
	g.drop(dropped, g.request3(t, "http://a.example/x", nil, nil), g.res(options3+"new"))
}

func (g *guest) fails(want, fn string, err error) {
	g.t.Helper()
	if outcome, _ := outcomeOf(err); outcome != want {
		g.t.Fatalf("%s: %v, want %s", fn, err, want)
	}
	g.record(fn, want)
}
