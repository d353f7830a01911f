package http

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestAnswersWithoutABody: their bodies end without trailers, whatever makes them empty.
func TestAnswersWithoutABody(t *testing.T) {
	for name, q := range map[string]struct{ method, answer string }{
		"204":              {"GET", "HTTP/1.1 204 No Content\r\n\r\n"},
		"304":              {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"},
		"201":              {"POST", "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"},
		"205":              {"GET", "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"},
		"407":              {"GET", "HTTP/1.1 407 x\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"},
		"500":              {"GET", "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n"},
		"HEAD":             {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"},
		"HEAD in chunks":   {"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
		"close":            {"GET", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"},
		"close and length": {"GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"},
		"HTTP/1.0":         {"GET", "HTTP/1.0 200 OK\r\n\r\n"},
		"no chunk":         {"GET", chunked + "0\r\n\r\n"},
		"after a 103":      {"GET", "HTTP/1.1 103 x\r\nLink: </a>\r\n\r\nHTTP/1.1 204 x\r\n\r\n"},
		"gzip":             {"GET", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n"},
		"trailers":         {"GET", chunked + "0\r\nX-A: 1\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			up := listen(t, q.answer)
			x, ends := begin(t, client(t, ClientConfig{}), request(t, q.method, "http://"+up.addr), Options{})
			resp, err := result(t, x)
			if err != nil {
				t.Fatal(err)
			}
			emptyBody(t, resp.Body(), name == "trailers")
			if e := <-ends; e.err != nil || e.status != resp.Status() {
				t.Errorf("ended as %+v", e)
			}
		})
	}
	eachServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "HEAD" {
			w.Header().Set("Content-Length", "9")
		}
		status, err := strconv.Atoi(r.URL.Path[1:])
		if err != nil {
			status = 200
		}
		w.WriteHeader(status)
	}, func(t *testing.T, c *Client, s *httptest.Server) {
		for _, q := range [][2]string{{"GET", "/204"}, {"GET", "/304"}, {"GET", "/205"}, {"GET", "/else"}, {"HEAD", "/else"}} {
			x, ends := begin(t, c, request(t, q[0], s.URL+q[1]), Options{})
			resp, err := result(t, x)
			if err != nil {
				t.Fatal(q, err)
			}
			emptyBody(t, resp.Body(), false)
			if e := <-ends; e.err != nil {
				t.Errorf("%v ended as %+v", q, e)
			}
		}
	})
}

func emptyBody(t *testing.T, b *IncomingBody, trailers bool) {
	t.Helper()
	if got, err := readAll(t.Context(), b); got != "" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	b.Finish()
	if f, err := b.Trailers(t.Context()); err != nil || (f != nil) != trailers {
		t.Errorf("trailers %v, %v", f, err)
	}
	_ = b.Close()
}

// listener answers one request and keeps its head.
type listener struct {
	addr string
	head chan string
}

func listen(t *testing.T, answer string) *listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	up := &listener{l.Addr().String(), make(chan string, 1)}
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		r := bufio.NewReader(c)
		var head strings.Builder
		for !strings.HasSuffix(head.String(), "\r\n\r\n") {
			line, err := r.ReadString('\n')
			if head.WriteString(line); err != nil {
				break
			}
		}
		up.head <- head.String()
		_, _ = io.WriteString(c, answer)
		if !strings.Contains(answer, "close") && !strings.Contains(answer, "HTTP/1.0") {
			_, _ = r.ReadByte() // the client ends it
		}
	}()
	return up
}

// TestTargetsAreSentUnchanged: byte for byte in HTTP/1 and in HTTP/2.
func TestTargetsAreSentUnchanged(t *testing.T) {
	targets := []string{"/", "/a%2Fb|c", "/a%2fb%7cc", "/a%2Fb?c|d=%2F&e", "/?", "/a?", "//double", "//a//b", "/./../a", "/a;b=c,d", "/%41%c3%a4",
		"/[a]", `/"<>\^{}` + "`", "/a?b?c", "/a?%zz", `/a?"<>\^{}|` + "`", "/a:b@c", "/a+b", "/a?b+c", "/http://x/y"}
	for _, target := range targets {
		up := listen(t, "HTTP/1.1 204 x\r\n\r\n")
		r := request(t, "GET", "http://"+up.addr)
		if err := r.SetPathWithQuery(target); err != nil {
			t.Error(err)
			continue
		}
		x, _ := begin(t, client(t, ClientConfig{}), r, Options{})
		if _, err := result(t, x); err != nil {
			t.Error(target, err)
		}
		if line, _, _ := strings.Cut(<-up.head, "\r\n"); line != "GET "+target+" HTTP/1.1" {
			t.Errorf("%q went out as %q", target, line)
		}
		x.Cancel()
	}
	eachServer(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RequestURI) },
		func(t *testing.T, c *Client, s *httptest.Server) {
			for _, target := range targets {
				r := request(t, "GET", s.URL)
				if err := r.SetPathWithQuery(target); err != nil {
					t.Error(err)
					continue
				}
				x, _ := begin(t, c, r, Options{})
				resp, err := result(t, x)
				if err != nil {
					t.Errorf("%q: %v", target, err)
					continue
				}
				if got, err := readAll(t.Context(), resp.Body()); err != nil || got != target {
					t.Errorf("%q came as %q, %v", target, got, err)
				}
				_ = resp.Body().Close()
			}
		})
}

// TestAsteriskTargetIsForOptions: RFC 9112 §3.2.4.
func TestAsteriskTargetIsForOptions(t *testing.T) {
	for method, want := range map[string]string{"OPTIONS": "<nil>", "GET": "HTTP-request-URI-invalid"} {
		r := request(t, method, "http://h/")
		if err := r.SetPathWithQuery("*"); err != nil {
			t.Fatal(err)
		}
		if got := code(client(t, ClientConfig{}).Check(context.Background(), r)); got != want {
			t.Errorf("%s *: %s", method, got)
		}
	}
}

// TestEncodingsAreUntouched: the client requests no encoding and decodes none.
func TestEncodingsAreUntouched(t *testing.T) {
	up := listen(t, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nzip!")
	x, _ := begin(t, client(t, ClientConfig{}), request(t, "GET", "http://"+up.addr), Options{})
	resp, err := result(t, x)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readAll(t.Context(), resp.Body())
	if head := <-up.head; strings.Contains(strings.ToLower(head), "encoding") || got != "zip!" || err != nil || !resp.Headers().Has("content-encoding") {
		t.Errorf("%q, %v for\n%s", got, err, head)
	}
}

// TestTimesExcludeTheGuest: a guest that reads slowly does not add to the server's time, whatever the size.
func TestTimesExcludeTheGuest(t *testing.T) {
	const size = 1 << 20
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := 10
		if r.URL.Path == "/large" {
			n = size
		}
		_, _ = io.WriteString(w, strings.Repeat("x", n))
	}))
	t.Cleanup(s.Close)
	for _, path := range []string{"/small", "/large"} {
		x, ends := begin(t, client(t, ClientConfig{}), request(t, "GET", s.URL+path), Options{})
		resp, err := result(t, x)
		if err != nil {
			t.Fatal(err)
		}
		// The guest comes when the host can take no more.
		for b := x.body; ; time.Sleep(time.Millisecond) {
			b.mu.Lock()
			waits := b.err != nil || !b.stalledSince.IsZero()
			b.mu.Unlock()
			if waits {
				break
			}
		}
		late := time.Now()
		time.Sleep(300 * time.Millisecond)
		slept := time.Since(late)
		if _, err := readAll(t.Context(), resp.Body()); err != nil {
			t.Fatal(err)
		}
		<-ends
		at := x.Times()
		if at.Head <= 0 || at.Total < at.Head || at.Total-at.Stalled > time.Since(x.start)-slept {
			t.Errorf("%s: %+v after %s", path, at, time.Since(x.start))
		}
		if small := path == "/small"; small != (at.Stalled == 0) || !small && at.Stalled < slept {
			t.Errorf("%s: %+v", path, at)
		}
	}
}
