package wasi_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wasi"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
	"github.com/vitrine-wasm/vitrine/wasi/sockets"
)

// labels are the cases of an error-code.
func labels(t *testing.T, iface string) []string {
	t.Helper()
	e := errorCodes[slices.IndexFunc(errorCodes, func(c interfaceCodes) bool { return c.id == iface })]
	var all []string
	for _, c := range e.cases() {
		all = append(all, c.Name)
	}
	return all
}

// TestErrorCodesCross: every error code is the same on both sides of the boundary, both ways where WIT has both.
func TestErrorCodesCross(t *testing.T) {
	g := serve(t, wasi.Config{}, noHTTP)
	number := uint64(7)
	for i, name := range labels(t, "http/types") {
		e := &wasihttp.Error{Code: wasihttp.Code(i), Text: "text", Number: &number}
		v := g.ok(httpTypes+"http-error-code", g.resource(iop2.ErrorType, iop2.NewError(fmt.Errorf("while reading: %w", e)))).(*cm.Variant)
		if v == nil || v.Case != name {
			t.Fatalf("%s comes out as %v", name, v)
		}
		out := &responder{}
		_, param := g.handle(httptest.NewRequest("GET", "/", nil), out)
		g.ok(httpTypes+"response-outparam.set", param, cm.Variant{Case: "error", Value: *v})
		if out.fail == nil || out.fail.Code.String() != name {
			t.Errorf("%s goes in as %v", name, out.fail)
		}
	}
	for _, name := range labels(t, "sockets/network") {
		e := g.resource(iop2.ErrorType, iop2.NewError(&sockets.Error{Code: sockets.Code(name)}))
		if c := g.ok("sockets/network#network-error-code", e).(*string); c == nil || *c != name {
			t.Errorf("%s comes out as %v", name, c)
		}
	}
	for _, name := range labels(t, "filesystem/types") {
		e := g.resource(iop2.ErrorType, iop2.NewError(&filesystem.Error{Code: filesystem.Code(name)}))
		if c := g.ok(files+"filesystem-error-code", e).(*string); c == nil || *c != name {
			t.Errorf("%s comes out as %v", name, c)
		}
	}
	if v := g.ok(httpTypes+"http-error-code", g.resource(iop2.ErrorType, iop2.NewError(errors.New("no HTTP")))).(*cm.Variant); v != nil {
		t.Errorf("the code of another error is %v", v)
	}
}

var nolog = log.New(io.Discard, "", 0)

// dial makes connections that fail with an error of the system.
func dial(errno syscall.Errno) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", errno)}
	}
}

type stuckConn struct{ net.Conn }

func (stuckConn) Write([]byte) (int, error) {
	return 0, &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.ETIMEDOUT)}
}

func dialStuck(context.Context, string, string) (net.Conn, error) {
	a, _ := net.Pipe()
	return stuckConn{a}, nil
}

// TestHTTPErrorCodes provokes each error code of a request that is possible.
func TestHTTPErrorCodes(t *testing.T) {
	resolver(t, func(q []byte) ([]byte, error) {
		switch q[13] {
		case 'n':
			return dns(q, 3), nil
		case 's':
			return dns(q, 2), nil
		}
		return nil, os.ErrDeadlineExceeded
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := l.Addr().String()
	l.Close()
	quiet := func(config *tls.Config) *httptest.Server {
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.Config.ErrorLog = nolog
		s.TLS = config
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	plain, picky := quiet(nil), quiet(&tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12})
	roots := x509.NewCertPool()
	roots.AddCert(picky.Certificate())
	const ok = "HTTP/1.1 200 OK\r\n"
	chunks := ok + "Transfer-Encoding: chunked\r\n\r\n"
	for _, c := range []struct {
		want, url string
		client    wasihttp.ClientConfig
		at        string // what fails: "" is the head, "body", "trailers"
	}{
		{want: "DNS-timeout", url: "http://timeout.example/"},
		{want: "DNS-error", url: "http://none.example/"},
		{want: "DNS-error", url: "http://servfail.example/"},
		{want: "destination-unavailable", url: "http://x/", client: wasihttp.ClientConfig{Dial: dial(syscall.EINVAL)}},
		{want: "destination-IP-prohibited", url: "http://x/", client: wasihttp.ClientConfig{Dial: dial(syscall.EACCES)}},
		{want: "destination-IP-unroutable", url: "http://x/", client: wasihttp.ClientConfig{Dial: dial(syscall.ENETUNREACH)}},
		{want: "connection-limit-reached", url: "http://x/", client: wasihttp.ClientConfig{Dial: dial(syscall.EMFILE)}},
		{want: "connection-timeout", url: "http://x/", client: wasihttp.ClientConfig{Dial: dial(syscall.ETIMEDOUT)}},
		{want: "connection-refused", url: "http://" + refused},
		{want: "connection-terminated", url: "http://" + testref.Talk(t, "")},
		{want: "connection-write-timeout", url: "http://x/", client: wasihttp.ClientConfig{Dial: dialStuck}},
		{want: "TLS-protocol-error", url: "https://" + testref.Talk(t, "what is this?")},
		{want: "TLS-protocol-error", url: "https://" + testref.Talk(t, ok+"\r\n")},
		{want: "TLS-certificate-error", url: plain.URL},
		{want: "TLS-alert-received", url: picky.URL, client: wasihttp.ClientConfig{TLS: &tls.Config{RootCAs: roots}}},
		{want: "HTTP-response-header-section-size", url: "http://" + testref.Talk(t, ok+"X-A: "+strings.Repeat("x", 2<<20)+"\r\n\r\n")},
		{want: "HTTP-response-transfer-coding", url: "http://" + testref.Talk(t, ok+"Transfer-Encoding: zip\r\n\r\n")},
		{want: "HTTP-upgrade-failed", url: "http://" + testref.Talk(t, "HTTP/1.1 101 Switching Protocols\r\n\r\n")},
		{want: "HTTP-protocol-error", url: "http://" + testref.Talk(t, "what is this?\r\n\r\n")},
		{want: "HTTP-response-incomplete", url: "http://" + testref.Talk(t, ok+"Content-Length: 10\r\n\r\nsome"), at: "body"},
		{want: "HTTP-response-incomplete", url: "http://" + testref.Talk(t, chunks+"4\r\nsome\r\n"), at: "trailers"},
		{want: "HTTP-response-body-size", url: "http://" + testref.Talk(t, ok+"Content-Length: 10\r\n\r\n0123456789"), client: wasihttp.ClientConfig{Limits: wasihttp.Limits{Body: 5}}, at: "body"},
		{want: "HTTP-response-trailer-section-size", url: "http://" + testref.Talk(t, chunks+"0\r\nX-A: "+strings.Repeat("x", 1<<20)+"\r\n\r\n"), at: "trailers"},
	} {
		t.Run(c.want, func(t *testing.T) {
			c.client.Allow = allowAll
			g := serve(t, wasi.Config{}, c.client)
			resp, code := g.answer(g.res(send, g.request("GET", c.url), nil))
			if c.at == "" {
				if code.Case != c.want {
					t.Errorf("%v, want %s", code, c.want)
				}
				return
			}
			if resp == nil {
				t.Fatalf("no answer: %v", code)
			}
			b := g.res(httpTypes+"incoming-response.consume", resp)
			if c.at == "trailers" {
				future := g.res(httpTypes+"incoming-body.finish", b)
				g.ok("io/poll#pollable.block", g.res(httpTypes+"future-trailers.subscribe", future))
				v := g.ok(httpTypes+"future-trailers.get", future).(*cm.Variant).Value.(cm.Variant)
				if v.Case != "error" || v.Value.(cm.Variant).Case != c.want {
					t.Fatalf("%v, want %s", v, c.want)
				}
				record(t, httpTypes+"future-trailers.get", c.want)
				return
			}
			s := g.res(httpTypes+"incoming-body.stream", b)
			for {
				_, outcome, err := g.call(t.Context(), "io/streams#input-stream.blocking-read", s, 100)
				if outcome == "ok" {
					continue
				}
				v := g.ok(httpTypes+"http-error-code", g.ioError(err)).(*cm.Variant)
				if v == nil || v.Case != c.want {
					t.Fatalf("%v, want %s", v, c.want)
				}
				record(t, httpTypes+"http-error-code", c.want)
				return
			}
		})
	}
}

// TestHTTPTimeouts: each of the three timeouts ends its own phase, and no other.
func TestHTTPTimeouts(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts connections without a TLS handshake
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/head" {
			_ = http.NewResponseController(w).Flush()
		}
		if r.URL.Path == "/between" {
			_, _ = io.WriteString(w, "some")
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
	}))
	defer s.Close()
	g := serve(t, wasi.Config{}, wasihttp.ClientConfig{Allow: allowAll})
	for _, c := range []struct{ option, url, want, at string }{
		{"connect-timeout", "https://" + silent.Addr().String(), "connection-timeout", ""},
		{"first-byte-timeout", s.URL + "/head", "connection-read-timeout", ""},
		{"first-byte-timeout", s.URL + "/body", "connection-read-timeout", "body"},
		{"between-bytes-timeout", s.URL + "/between", "connection-read-timeout", "between"},
	} {
		o := g.res(httpTypes + "request-options.new")
		g.ok(httpTypes+"request-options.set-"+c.option, o, 50_000_000)
		resp, code := g.answer(g.res(send, g.request("GET", c.url), o))
		if c.at == "" {
			if code.Case != c.want {
				t.Errorf("%s: %v, want %s", c.option, code, c.want)
			}
			continue
		}
		if resp == nil {
			t.Fatalf("%s: %v before there was an answer", c.option, code)
		}
		in := g.res(httpTypes+"incoming-body.stream", g.res(httpTypes+"incoming-response.consume", resp))
		if c.at == "between" {
			g.equal([]byte("some"), "io/streams#input-stream.blocking-read", in, 100)
		}
		e := g.ioError(g.fail("last-operation-failed", "io/streams#input-stream.blocking-read", in, 100))
		if v := g.ok(httpTypes+"http-error-code", e).(*cm.Variant); v == nil || v.Case != c.want {
			t.Errorf("%s: %v, want %s", c.option, v, c.want)
		}
		record(t, httpTypes+"http-error-code", c.want)
	}
}

// TestHTTPRefusals: requests that are not sent, and bodies that do not have the declared length.
func TestHTTPRefusals(t *testing.T) {
	hold := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-hold }))
	defer s.Close()
	defer close(hold)
	g := serve(t, wasi.Config{}, wasihttp.ClientConfig{
		Allow:  func(_, host, _ string) bool { return host == "127.0.0.1" },
		Limits: wasihttp.Limits{Requests: 1, Body: 10},
	})
	g.fail("HTTP-request-denied", send, g.request("GET", "http://elsewhere/"), nil)
	g.fail("HTTP-request-method-invalid", send, g.request("CONNECT", s.URL), nil)
	g.fail("HTTP-request-URI-too-long", send, g.request("GET", s.URL+"/"+strings.Repeat("x", 100_000)), nil)
	g.fail("HTTP-request-URI-invalid", send, g.res(httpTypes+"outgoing-request.new", g.fields()), nil)
	g.res(send, g.request("GET", s.URL), nil)
	g.fail("connection-limit-reached", send, g.request("GET", s.URL), nil)

	for _, c := range []struct{ message, want string }{{"request", "HTTP-request-body-size"}, {"response", "HTTP-response-body-size"}} {
		short := g.res(httpTypes+"outgoing-"+c.message+".body", g.res(httpTypes+"outgoing-"+c.message+".new", g.fields("content-length", "5")))
		g.fail(c.want, httpTypes+"outgoing-body.finish", short, nil)
		long := g.res(httpTypes+"outgoing-"+c.message+".body", g.res(httpTypes+"outgoing-"+c.message+".new", g.fields()))
		w := g.res(httpTypes+"outgoing-body.write", long)
		e := g.ioError(g.fail("last-operation-failed", "io/streams#output-stream.blocking-write-and-flush", w, []byte("more than ten")))
		if v := g.ok(httpTypes+"http-error-code", e).(*cm.Variant); v == nil || v.Case != c.want {
			t.Errorf("%v, want %s", v, c.want)
		}
		g.drop(w)
		g.fail(c.want, httpTypes+"outgoing-body.finish", long, nil)
	}

	other := serve(t, wasi.Config{}, wasihttp.ClientConfig{Allow: allowAll})
	r := other.request("POST", s.URL)
	b := other.res(httpTypes+"outgoing-request.body", r)
	future := other.res(send, r, nil)
	other.drop(b) // unfinished
	if _, code := other.answer(future); code.Case != "internal-error" {
		t.Errorf("a request whose body was dropped: %v", code)
	}
}

// TestHTTPBackPressure: a body that the server does not read stops accepting bytes.
func TestHTTPBackPressure(t *testing.T) {
	read := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-read
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, " ", err)
	}))
	defer s.Close()
	g := serve(t, wasi.Config{}, wasihttp.ClientConfig{Allow: allowAll})
	r := g.request("POST", s.URL)
	b := g.res(httpTypes+"outgoing-request.body", r)
	out := g.res(httpTypes+"outgoing-body.write", b)
	future := g.res(send, r, nil)
	room := g.res("io/streams#output-stream.subscribe", out)
	sent := 0
	for {
		n := g.ok("io/streams#output-stream.check-write", out).(uint64)
		if n == 0 {
			timer := g.res("clocks/monotonic-clock#subscribe-duration", 100_000_000)
			if ready := g.ok("io/poll#poll", []*cm.Resource{room, timer}).([]uint32); len(ready) == 1 && ready[0] == 1 {
				break
			}
			continue
		}
		g.ok("io/streams#output-stream.write", out, make([]byte, n))
		if sent += int(n); sent > 1<<28 {
			t.Fatal("256 MiB are taken and nobody reads")
		}
	}
	close(read)
	g.ok("io/poll#pollable.block", room)
	g.drop(room, out)
	g.ok(httpTypes+"outgoing-body.finish", b, nil)
	resp, code := g.answer(future)
	if resp == nil {
		t.Fatal(code)
	}
	if text, _ := g.body(g.res(httpTypes+"incoming-response.consume", resp)); text != fmt.Sprint(sent, " <nil>") {
		t.Errorf("%q came, %d bytes were sent", text, sent)
	}
}
