package http

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

func TestTimeouts(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	eachServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/head" {
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
		}
		if r.URL.Path == "/between" {
			_, _ = io.WriteString(w, "some")
			_ = http.NewResponseController(w).Flush()
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}, func(t *testing.T, c *Client, s *httptest.Server) {
		short := 50 * time.Millisecond
		for path, o := range map[string]Options{"/head": {FirstByte: &short}, "/body": {FirstByte: &short}, "/between": {BetweenBytes: &short}} {
			x, ends := begin(t, c, request(t, "GET", s.URL+path), o)
			resp, err := result(t, x)
			if path != "/head" {
				if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				_, err = readAll(t.Context(), resp.Body())
			}
			if code(err) != "connection-read-timeout" {
				t.Errorf("%s: got %v", path, err)
			}
			if e := <-ends; code(e.err) != "connection-read-timeout" {
				t.Errorf("%s: ended as %+v", path, e)
			}
		}
	})
}

func TestConnectTimeout(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes the connection, and says nothing of TLS
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	short := 50 * time.Millisecond
	x, _ := begin(t, client(t, ClientConfig{}), request(t, "GET", "https://"+l.Addr().String()), Options{Connect: &short})
	if _, err := result(t, x); code(err) != "connection-timeout" {
		t.Errorf("got %v", err)
	}
}

func TestErrorCodes(t *testing.T) {
	refused := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = quiet
	secure.StartTLS()
	defer secure.Close()
	picky := httptest.NewUnstartedServer(http.NotFoundHandler())
	picky.Config.ErrorLog = quiet
	picky.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}
	picky.StartTLS()
	defer picky.Close()
	roots := x509.NewCertPool()
	roots.AddCert(picky.Certificate())
	for name, q := range map[string]struct {
		url  string
		tls  *tls.Config
		want string
		body bool
	}{
		"refused":             {url: "http://" + refused, want: "connection-refused"},
		"unknown name":        {url: "http://nowhere.invalid", want: "DNS-error"},
		"untrusted":           {url: secure.URL, want: "TLS-certificate-error"},
		"alert":               {url: picky.URL, tls: &tls.Config{RootCAs: roots}, want: "TLS-alert-received"},
		"no TLS":              {url: "https://" + testref.Talk(t, "HTTP/1.1 200 OK\r\n\r\n"), want: "TLS-protocol-error"},
		"garbage for TLS":     {url: "https://" + testref.Talk(t, "what is this?"), want: "TLS-protocol-error"},
		"closed":              {url: "http://" + testref.Talk(t, ""), want: "connection-terminated"},
		"garbage":             {url: "http://" + testref.Talk(t, "what is this?\r\n\r\n"), want: "HTTP-protocol-error"},
		"half a head":         {url: "http://" + testref.Talk(t, "HTTP/1.1 200 OK\r\nX-A"), want: "HTTP-protocol-error"},
		"large head":          {url: "http://" + testref.Talk(t, "HTTP/1.1 200 OK\r\nX-A: "+strings.Repeat("x", 2<<20)+"\r\n\r\n"), want: "HTTP-response-header-section-size"},
		"switching protocols": {url: "http://" + testref.Talk(t, "HTTP/1.1 101 Switching Protocols\r\n\r\n"), want: "HTTP-upgrade-failed"},
		"transfer coding":     {url: "http://" + testref.Talk(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: zip\r\n\r\n"), want: "HTTP-response-transfer-coding"},
		"short body":          {url: "http://" + testref.Talk(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nsome"), want: "HTTP-response-incomplete", body: true},
		"bad chunk size":      {url: "http://" + testref.Talk(t, chunked+"zz\r\nsome\r\n0\r\n\r\n"), want: "HTTP-protocol-error", body: true},
		"huge chunk size":     {url: "http://" + testref.Talk(t, chunked+"fffffffffffffffff\r\nsome"), want: "HTTP-protocol-error", body: true},
		"long chunk line":     {url: "http://" + testref.Talk(t, chunked+"4;"+strings.Repeat("x", 8<<10)+"\r\nsome"), want: "HTTP-protocol-error", body: true},
		"chunk without end":   {url: "http://" + testref.Talk(t, chunked+"4\r\nsomeXX0\r\n\r\n"), want: "HTTP-protocol-error", body: true},
		"bad trailer":         {url: "http://" + testref.Talk(t, chunked+"4\r\nsome\r\n0\r\nno trailer\r\n\r\n"), want: "HTTP-protocol-error", body: true},
		"bad status line":     {url: "http://" + testref.Talk(t, "HTTP/1.1 2\xff0 OK\r\n\r\n"), want: "HTTP-protocol-error"},
		"bad length":          {url: "http://" + testref.Talk(t, "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), want: "HTTP-protocol-error"},
		"two lengths":         {url: "http://" + testref.Talk(t, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), want: "HTTP-protocol-error"},
		"bytes in a name":     {url: "http://" + testref.Talk(t, "HTTP/1.1 200 OK\r\nx\xff: 1\r\n\r\n"), want: "HTTP-protocol-error"},
		"short chunks":        {url: "http://" + testref.Talk(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n"), want: "HTTP-response-incomplete", body: true},
	} {
		t.Run(name, func(t *testing.T) {
			x, ends := begin(t, client(t, ClientConfig{TLS: q.tls}), request(t, "GET", q.url), Options{})
			resp, err := result(t, x)
			if q.body {
				if err != nil {
					t.Fatal(err)
				}
				_, err = readAll(t.Context(), resp.Body())
			}
			if code(err) != q.want {
				t.Errorf("got %v, want %s (%v)", err, q.want, errors.Unwrap(err))
			}
			if e := <-ends; code(e.err) != q.want {
				t.Errorf("ended as %+v", e)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	arrived := make(chan struct{}, 10)
	eachServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			_ = http.NewResponseController(w).Flush()
		}
		arrived <- struct{}{}
		<-r.Context().Done()
	}, func(t *testing.T, c *Client, s *httptest.Server) {
		x, ends := begin(t, c, request(t, "GET", s.URL+"/head"), Options{})
		<-arrived
		x.Cancel()
		if e := <-ends; code(e.err) != "connection-terminated" {
			t.Errorf("before the head: ended as %+v", e)
		}
		x, ends = begin(t, c, request(t, "GET", s.URL+"/body"), Options{})
		<-arrived
		resp, err := result(t, x)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body().Stream().Ready() // reads
		x.Cancel()
		<-ends
		if err := wasiio.Wait(t.Context(), resp.Body().Done()); err != nil {
			t.Error(err)
		}
	})
}

func TestResponseLimits(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/head" {
			w.Header().Set("X-Large", strings.Repeat("x", 10<<10))
		}
		_, _ = io.WriteString(w, "123456")
	}))
	defer s.Close()
	for _, c := range []struct {
		path, body, code string
		limit            uint64
	}{
		{"/", "123456", "<nil>", 6},
		{"/", "12345", "HTTP-response-body-size", 5},
		{"/head", "", "HTTP-response-header-section-size", 6},
	} {
		cl := client(t, ClientConfig{Limits: Limits{Fields: 4 << 10, Body: c.limit}})
		x, ends := begin(t, cl, request(t, "GET", s.URL+c.path), Options{})
		resp, err := result(t, x)
		var got string
		if err == nil {
			got, err = readAll(t.Context(), resp.Body())
		}
		if got != c.body || code(err) != c.code {
			t.Errorf("%s: %q, %v; want %q, %s", c.path, got, err, c.body, c.code)
		}
		if e := <-ends; code(e.err) != c.code {
			t.Errorf("%s: ended as %+v", c.path, e)
		}
	}
}
