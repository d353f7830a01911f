package http

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// seen is one request, as a guest sees it or as net/http reads it alone.
type seen struct {
	method, target string
	fields         []wasihttp.Field
	trailers       []wasihttp.Field
	body           string
	whole          bool // the body has been read to its end
}

// visits are the requests of one connection, as guests see them.
type visits struct {
	mode byte
	wg   sync.WaitGroup
	mu   sync.Mutex
	all  []*seen
}

// visit is the guest's part: it reads all of the body, none of it or the first bytes, before its answer or after it.
func (v *visits) visit(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
	s := &seen{method: in.Method(), target: in.PathWithQuery(), fields: in.Headers().Entries()}
	v.mu.Lock()
	v.all = append(v.all, s)
	v.mu.Unlock()
	read := func() error {
		if v.mode&3 == 3 {
			return nil
		}
		body := in.Body()
		r := body.Stream()
		b := make([]byte, 4096)
		for {
			n, err := wasiio.BlockingRead(ctx, r, b)
			s.body += string(b[:n])
			if err == io.EOF {
				break
			}
			if err != nil {
				return nil
			}
			if v.mode&3 == 2 {
				return nil
			}
		}
		body.Finish()
		t, err := body.Trailers(ctx)
		if s.whole = err == nil; t != nil {
			s.trailers = t.Entries()
		}
		return nil
	}
	if v.mode&4 == 0 {
		if err := read(); err != nil {
			return err
		}
		return text(ctx, out, 200, "seen")
	}
	if err := text(ctx, out, 200, "seen"); err != nil {
		return err
	}
	return read()
}

// alone reads requests as net/http does, and says whether the bytes end with the last of them.
func alone(in []byte) (all []*seen, ends bool) {
	r := bufio.NewReader(bytes.NewReader(in))
	for {
		if n := len(all); n > 0 && all[n-1].method == http.MethodPost { // net/http forgives old clients this
			start, _ := r.Peek(4)
			_, _ = r.Discard(len(start) - len(bytes.TrimLeft(start, "\r\n")))
		}
		if _, err := r.Peek(1); err != nil {
			return all, true
		}
		req, err := http.ReadRequest(r)
		if err != nil {
			return all, false
		}
		s := &seen{method: req.Method, target: req.RequestURI}
		if !strings.HasPrefix(s.target, "/") && s.target != "*" {
			s.target = req.URL.RequestURI()
		}
		for name, values := range req.Header {
			for _, v := range values {
				s.fields = append(s.fields, wasihttp.Field{Name: strings.ToLower(name), Value: v})
			}
		}
		s.fields = append(s.fields, wasihttp.Field{Name: "host", Value: req.Host})
		all = append(all, s)
		b, err := io.ReadAll(req.Body)
		s.body, s.whole = string(b), err == nil
		for name, values := range req.Trailer {
			for _, v := range values {
				s.trailers = append(s.trailers, wasihttp.Field{Name: strings.ToLower(name), Value: v})
			}
		}
		if err != nil {
			return all, false
		}
	}
}

// FuzzRequest says that guests see the requests of a connection where net/http alone sees them, whatever the guests do with
// the bodies: no part of a body is taken for a request, and no request for part of a body.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\nHost: h\n\n", "POST /a?b HTTP/1.1\nHost: h\nContent-Length: 5\n\nhello", "HEAD //x HTTP/1.1\nHost: h\n\n",
		"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\nTrailer: A\n\n5\nhello\n0\nA: b\n\n",
		"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\nContent-Length: 3\n\n1\nx\n0\n\n",
		"POST / HTTP/1.1\nHost: h\nContent-Length: 70\n\nGET /smuggled HTTP/1.1\nHost: h\n\n", "POST / HTTP/1.1\nHost: h\nExpect: 100-continue\nContent-Length: 3\n\nabc",
		"POST / HTTP/1.1\nHost: h\nContent-Length: 3\nContent-Length: 3\n\nabc", "GET http://o/a?b#c HTTP/1.1\nHost: h\n\n", "OPTIONS * HTTP/1.1\nHost: h\n\n",
		"CONNECT a:1 HTTP/1.1\nHost: h\n\n", "GET / HTTP/1.0\n\nGET / HTTP/1.1\nHost: h\n\n", "GET / HTTP/1.1\nHost: h\nConnection: close, x\nX: 1\n\n",
		"GET /%zz HTTP/1.1\nHost: h\n\n", "GET / HTTP/1.1\nHost: a b\n\n", "GET / HTTP/1.1\nHost: h\nA: b\n c\n\n", "POST / HTTP/1.1\nHost: h\nContent-Length: 9\n\nabc",
		"GET / HTTP/1.1\nHost: h\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\nConnection: Upgrade, HTTP2-Settings\n\n",
		"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\nffffffffffffffff1\nx\n0\n\n", "POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n1;a=b\nx\n0\n\n",
	} {
		for mode := range byte(8) {
			f.Add([]byte(s), mode)
		}
	}
	var conns sync.Map // remote address → *visits
	served := start(f, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		v, ok := conns.Load(in.HTTPRequest().RemoteAddr)
		if !ok {
			return fmt.Errorf("a request from nowhere: %s", in.HTTPRequest().RemoteAddr)
		}
		v.(*visits).wg.Add(1)
		defer v.(*visits).wg.Done()
		return v.(*visits).visit(ctx, in, out)
	})
	f.Fuzz(func(t *testing.T, in []byte, mode byte) {
		if len(in) > 4096 || bytes.Contains(in, []byte("PRI * HTTP/2.0")) {
			return
		}
		in = bytes.ReplaceAll(in, []byte("\n"), []byte("\r\n"))
		in = append(in, "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"...)
		want, ends := alone(in)
		c, err := net.Dial("tcp", served.Addr().String())
		if errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Skip(err) // out of ports
		} else if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		v := &visits{mode: mode}
		conns.Store(c.LocalAddr().String(), v)
		defer conns.Delete(c.LocalAddr().String())
		if _, err := c.Write(in); err == nil && (!ends || want[len(want)-1].target != "/last") {
			_ = c.(*net.TCPConn).CloseWrite() // the server would wait for the rest
		}
		r := bufio.NewReader(c)
		for i := 0; ; i++ {
			method := ""
			if i < len(want) {
				method = want[i].method
			}
			m, err := read(r, method)
			for err == nil && m.status < 200 {
				m, err = read(r, method)
			}
			if err != nil {
				break
			}
		}
		v.wg.Wait()
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, got := range v.all {
			for len(want) > 0 && !got.like(want[0]) {
				want = want[1:] // net/http answers some by itself, and some have no route
			}
			if len(want) == 0 {
				t.Fatalf("guest sees a request that is none: %+v in\n%q", got, in)
			}
			got.compare(t, want[0])
			want = want[1:]
		}
	})
}

// like says whether both have the same request line.
func (s *seen) like(want *seen) bool {
	return s.method == want.method && s.target == want.target
}

// compare holds a guest's view against net/http's.
func (s *seen) compare(t *testing.T, want *seen) {
	t.Helper()
	if !strings.HasPrefix(s.target, "/") && s.target != "*" {
		t.Fatalf("target %q of %+v", s.target, want)
	}
	if s.whole && (!want.whole || s.body != want.body) || !strings.HasPrefix(want.body, s.body) {
		t.Fatalf("guest reads %q (%v), net/http %q (%v)", s.body, s.whole, want.body, want.whole)
	}
	for _, f := range s.fields {
		if !slices.Contains(want.fields, f) || strings.ContainsAny(f.Name+f.Value, "\r\n\x00") || f.Name != strings.ToLower(f.Name) {
			t.Fatalf("field %+v, of %+v", f, want.fields)
		}
	}
	for _, f := range s.trailers {
		if !slices.Contains(want.trailers, f) {
			t.Fatalf("trailer %+v, of %+v", f, want.trailers)
		}
	}
}
