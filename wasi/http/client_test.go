package http

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
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
	if err := c.Check(context.Background(), r); err != nil {
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
		if got := code(c.Check(context.Background(), r)); got != q.want || strings.Join(asked, ",") != q.asked {
			t.Errorf("%s %s://%s: got %s, asked %q", q.method, q.scheme, q.authority, got, asked)
		}
	}
	if err := NewClient(ClientConfig{}).Check(context.Background(), request(t, "GET", "http://good/")); code(err) != "HTTP-request-denied" {
		t.Errorf("a client without grants: %v", err)
	}
	long := request(t, "GET", "http://good/"+strings.Repeat("x", maxTarget))
	if got := code(c.Check(context.Background(), long)); got != "HTTP-request-URI-too-long" {
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

const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

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
