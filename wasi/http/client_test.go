package http

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

func anywhere(_, _, _ string) bool { return true }

func request(t *testing.T, method, to string, fields ...string) *OutgoingRequest {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	f := NewFields()
	for i := 0; i < len(fields); i += 2 {
		if err := f.Append(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	r := NewOutgoingRequest(f)
	for _, err := range []error{r.SetMethod(method), r.SetScheme(u.Scheme), r.SetAuthority(u.Host), r.SetPathWithQuery(u.RequestURI())} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// exchangeEnd has the arguments of an exchange's done.
type exchangeEnd struct {
	status int
	err    error
}

func begin(t *testing.T, c *Client, r *OutgoingRequest, o Options) (*Exchange, <-chan exchangeEnd) {
	t.Helper()
	if err := c.Check(r); err != nil {
		t.Fatal(err)
	}
	ends := make(chan exchangeEnd, 2)
	x := c.Start(t.Context(), r, o, func(resp *http.Response, err error) {
		e := exchangeEnd{err: err}
		if resp != nil {
			e.status = resp.StatusCode
		}
		ends <- e
	})
	t.Cleanup(x.Cancel)
	return x, ends
}

// result waits for the answer.
func result(t *testing.T, x *Exchange) (*IncomingResponse, error) {
	t.Helper()
	if err := wasiio.Wait(t.Context(), x.Ready()); err != nil {
		t.Fatal(err)
	}
	return x.Result()
}

func readAll(ctx context.Context, b *IncomingBody) (string, error) {
	var all strings.Builder
	s := b.Stream()
	defer s.Close()
	for buf := make([]byte, 1000); ; {
		n, err := wasiio.BlockingRead(ctx, s, buf)
		if err == io.EOF {
			return all.String(), nil
		}
		if err != nil {
			return all.String(), err
		}
		all.Write(buf[:n])
	}
}

func code(err error) string {
	var e *Error
	if !errors.As(err, &e) {
		return fmt.Sprint(err)
	}
	return e.Code.String()
}

func client(t *testing.T, c ClientConfig) *Client {
	if c.Allow == nil {
		c.Allow = anywhere
	}
	cl := NewClient(c)
	t.Cleanup(func() { cl.Close() })
	return cl
}

func TestCheck(t *testing.T) {
	var asked []string
	c := NewClient(ClientConfig{Allow: func(scheme, host, port string) bool {
		asked = append(asked, scheme+" "+host+" "+port)
		return host == "good"
	}})
	for _, q := range []struct {
		method, scheme, authority string
		want, asked               string
	}{
		{"GET", "http", "good", "<nil>", "http good 80"},
		{"GET", "https", "GOOD:1", "<nil>", "https good 1"},
		{"GET", "", "good", "<nil>", "https good 443"},
		{"GET", "http", "bad", "HTTP-request-denied", "http bad 80"},
		{"GET", "http", "[::1]:2", "HTTP-request-denied", "http ::1 2"},
		{"GET", "http", "", "HTTP-request-URI-invalid", ""},
		{"GET", "http", "me@good", "HTTP-request-URI-invalid", ""},
		{"GET", "http", ":80", "HTTP-request-URI-invalid", ""},
		{"GET", "ftp", "good", "HTTP-request-URI-invalid", ""},
		{"CONNECT", "http", "good", "HTTP-request-method-invalid", ""},
		{"connect", "http", "good", "HTTP-request-method-invalid", ""},
	} {
		asked = nil
		r := NewOutgoingRequest(NewFields())
		for _, err := range []error{r.SetMethod(q.method), r.SetScheme(q.scheme), r.SetAuthority(q.authority)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if got := code(c.Check(r)); got != q.want || strings.Join(asked, ",") != q.asked {
			t.Errorf("%s %s://%s: got %s, asked %q", q.method, q.scheme, q.authority, got, asked)
		}
	}
	if err := NewClient(ClientConfig{}).Check(request(t, "GET", "http://good/")); code(err) != "HTTP-request-denied" {
		t.Errorf("a client without grants: %v", err)
	}
	long := request(t, "GET", "http://good/"+strings.Repeat("x", maxTarget))
	if got := code(c.Check(long)); got != "HTTP-request-URI-too-long" {
		t.Errorf("a long path: %s", got)
	}
}

// eachServer runs f against an HTTP/1.1 server, one over TLS, and an HTTP/2 one.
func eachServer(t *testing.T, h http.HandlerFunc, f func(t *testing.T, c *Client, s *httptest.Server)) {
	for name, start := range map[string]func(s *httptest.Server){
		"h1":  (*httptest.Server).Start,
		"tls": (*httptest.Server).StartTLS,
		"h2":  func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() },
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(h)
			s.Config.ErrorLog = quiet
			start(s)
			t.Cleanup(s.Close)
			var config *tls.Config
			if s.TLS != nil {
				roots := x509.NewCertPool()
				roots.AddCert(s.Certificate())
				config = &tls.Config{RootCAs: roots}
			}
			f(t, client(t, ClientConfig{TLS: config}), s)
		})
	}
}

func TestExchange(t *testing.T) {
	eachServer(t, func(w http.ResponseWriter, r *http.Request) {
		_, agent := r.Header["User-Agent"]
		fmt.Fprintf(w, "%s %s %s %s %v %v %d", r.Proto, r.Method, r.RequestURI, r.Header.Get("X-A"), agent, r.Header["Accept-Encoding"], r.ContentLength)
	}, func(t *testing.T, c *Client, s *httptest.Server) {
		x, ends := begin(t, c, request(t, "GET", s.URL+"/a%2fb?c", "x-a", "1"), Options{})
		resp, err := result(t, x)
		if err != nil {
			t.Fatal(err)
		}
		select {
		case e := <-ends:
			t.Errorf("ended before the body was read: %+v", e)
		default:
		}
		got, err := readAll(t.Context(), resp.Body())
		proto := "HTTP/1.1"
		if s.EnableHTTP2 {
			proto = "HTTP/2.0"
		}
		if want := proto + " GET /a%2fb?c 1 false [] 0"; err != nil || got != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
		if e := <-ends; e.status != 200 || e.err != nil {
			t.Errorf("ended as %+v", e)
		}
		x.Cancel()
		resp.Body().Close()
		if len(ends) > 0 {
			t.Error("ended twice")
		}
	})
}

func TestBodiesAndTrailers(t *testing.T) {
	eachServer(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("Trailer", "X-Back")
		_, _ = io.Copy(flushing{w}, r.Body)
		w.Header().Set("X-Back", r.Trailer.Get("X-Sum")+r.Trailer.Get("X-More"))
	}, func(t *testing.T, c *Client, s *httptest.Server) {
		ctx := t.Context()
		r := request(t, "POST", s.URL, "trailer", "x-sum")
		b := r.Body()
		w := b.Stream()
		x, ends := begin(t, c, r, Options{})
		if err := wasiio.WriteAndFlush(ctx, w, []byte("one")); err != nil {
			t.Fatal(err)
		}
		resp, err := result(t, x)
		if err != nil {
			t.Fatal(err)
		}
		in := resp.Body().Stream()
		buf := make([]byte, 100)
		for _, s := range []string{"one", "two", "three"} {
			if s != "one" {
				if err := wasiio.WriteAndFlush(ctx, w, []byte(s)); err != nil {
					t.Fatal(err)
				}
			}
			if n, err := wasiio.BlockingRead(ctx, in, buf); err != nil || string(buf[:n]) != s {
				t.Fatalf("got %q, %v: want %q back before more is sent", buf[:n], err, s)
			}
		}
		trailers := NewFields()
		_ = trailers.Append("X-Sum", "11")
		_ = trailers.Append("x-more", "!")
		_ = trailers.Append("content-length", "3") // not one that can be a trailer
		if err := b.Finish(trailers); err != nil {
			t.Fatal(err)
		}
		in.Close()
		resp.Body().Finish()
		got, err := resp.Body().Trailers(ctx)
		want := "11!"
		if s.EnableHTTP2 {
			want = "11" // the server takes only what was announced
		}
		if err != nil || got == nil || len(got.Get("x-back")) != 1 || got.Get("x-back")[0] != want {
			t.Errorf("trailers %+v, %v", got, err)
		}
		if err := got.Set("x", nil); !errors.Is(err, ErrImmutable) {
			t.Errorf("trailers can be changed: %v", err)
		}
		if e := <-ends; e.status != 200 || e.err != nil {
			t.Errorf("ended as %+v", e)
		}
	})
}

type flushing struct{ http.ResponseWriter }

func (f flushing) Write(p []byte) (int, error) {
	n, err := f.ResponseWriter.Write(p)
	_ = http.NewResponseController(f.ResponseWriter).Flush()
	return n, err
}

func TestRequestBodies(t *testing.T) {
	eachServer(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%d %s %v", r.ContentLength, b, err)
	}, func(t *testing.T, c *Client, s *httptest.Server) {
		for name, q := range map[string]struct {
			method, length, text string
			late                 bool
			want                 string
		}{
			"finished before": {"POST", "", "abc", false, "3 abc <nil>"},
			"finished later":  {"POST", "", "abc", true, "-1 abc <nil>"},
			"declared":        {"POST", "3", "abc", true, "3 abc <nil>"},
			"empty":           {"POST", "", "", false, "0  <nil>"},
			"empty GET":       {"GET", "", "", false, "0  <nil>"},
		} {
			t.Run(name, func(t *testing.T) {
				var fields []string
				if q.length != "" {
					fields = []string{"content-length", q.length}
				}
				r := request(t, q.method, s.URL, fields...)
				b := r.Body()
				end := func() {
					if err := b.Stream().Write(t.Context(), []byte(q.text)); err != nil {
						t.Error(err)
					}
					if err := b.Finish(nil); err != nil {
						t.Error(err)
					}
				}
				if !q.late {
					end()
				}
				x, _ := begin(t, c, r, Options{})
				if q.late {
					end()
				}
				resp, err := result(t, x)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := readAll(t.Context(), resp.Body()); got != q.want {
					t.Errorf("got %q, %v; want %q", got, err, q.want)
				}
			})
		}
		t.Run("dropped", func(t *testing.T) {
			r := request(t, "POST", s.URL)
			b := r.Body()
			x, ends := begin(t, c, r, Options{})
			_ = b.Stream().Write(t.Context(), []byte("abc"))
			b.Abort(ErrUnfinished)
			if _, err := result(t, x); code(err) != "internal-error" {
				t.Errorf("got %v", err)
			}
			if e := <-ends; e.err == nil {
				t.Errorf("ended as %+v", e)
			}
		})
	})
}

func TestRedirectsAreAnswers(t *testing.T) {
	eachServer(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}, func(t *testing.T, c *Client, s *httptest.Server) {
		x, _ := begin(t, c, request(t, "GET", s.URL), Options{})
		if resp, err := result(t, x); err != nil || resp.Status() != 302 || resp.Headers().Get("Location")[0] != "/elsewhere" {
			t.Errorf("got %+v, %v", resp, err)
		}
	})
}

func TestNoProxyFromTheEnvironment(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	if NewClient(ClientConfig{}).transport.Proxy != nil {
		t.Error("there is a proxy")
	}
}

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

const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

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

func TestExchangeOutlivesItsCall(t *testing.T) {
	over := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-over }))
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	x := client(t, ClientConfig{}).Start(ctx, request(t, "GET", s.URL), Options{}, func(*http.Response, error) {})
	cancel()
	close(over)
	if resp, err := result(t, x); err != nil || resp.Status() != 200 {
		t.Errorf("got %+v, %v", resp, err)
	}
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
