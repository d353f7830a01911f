package http

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

func TestAnswer(t *testing.T) {
	f := start(t, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		return text(ctx, out, 201, fmt.Sprintf("%s %s %s %s", in.Method(), in.Scheme(), in.Authority(), in.PathWithQuery()))
	})
	protocols(t, func(t *testing.T, c *http.Client) {
		resp, body := get(t, c, f.url+"/a%2fb?c=d")
		if want := "GET http " + f.Addr().String() + " /a%2fb?c=d"; resp.StatusCode != 201 || body != want {
			t.Errorf("got %d %q, want %q", resp.StatusCode, body, want)
		}
		e := f.inv.end(t)
		if e.err != nil || e.status != 201 || e.out != int64(len(body)) || e.inv.Name != "/" || e.inv.Trigger != "http" || e.inv.Component != "c/" {
			t.Errorf("ended as %+v", e)
		}
	})
}

func TestAbsoluteForm(t *testing.T) {
	f := start(t, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		return text(ctx, out, 200, in.Authority()+in.PathWithQuery())
	})
	_, r := raw(t, f, "GET http://shop.example/a?b HTTP/1.1\nHost: other\nConnection: close\n\n")
	all, _ := io.ReadAll(r)
	if !strings.Contains(string(all), "shop.example/a?b") {
		t.Errorf("got %s", all)
	}
}

func TestFieldsOfOneConnectionStay(t *testing.T) {
	f := start(t, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		var names []string
		for _, e := range in.Headers().Entries() {
			names = append(names, e.Name+"="+e.Value)
		}
		return text(ctx, out, 200, strings.Join(names, "\n"))
	})
	_, r := raw(t, f, "GET / HTTP/1.1\nHost: h\nConnection: close, X-Hop\nKeep-Alive: 5\nTE: trailers\nUpgrade: x\nX-Hop: 1\nX-End: 2\n\n")
	all, _ := io.ReadAll(r)
	if _, body, _ := strings.Cut(string(all), "\r\n\r\n"); body != "x-end=2" { // host is the authority
		t.Errorf("got %s", all)
	}
}

func TestEndings(t *testing.T) {
	trap := cm.Trapf(cm.TrapUnreachable, "secret detail")
	for name, c := range map[string]struct {
		refuse, err error
		fail        *wasihttp.Error
		status      int
		retry       string
	}{
		"trap":       {err: trap, status: 500},
		"host error": {err: errors.New("secret detail"), status: 500},
		"no answer":  {status: 500},
		"deadline":   {err: cm.Trapf(cm.TrapDeadline, "secret detail"), status: 504},
		"overload":   {refuse: cm.Trapf(cm.TrapOverload, "secret detail"), status: 503, retry: "1"},
		"stopped":    {err: cm.Trapf(cm.TrapCancel, "secret detail"), status: 503, retry: "1"},
		"memory":     {err: cm.Trapf(cm.TrapMemory, "secret detail"), status: 500},
		"error code": {fail: wasihttp.Errorf(wasihttp.InternalError, "secret detail"), status: 500},
		"upstream":   {fail: wasihttp.Errorf(wasihttp.ConnectionRefused, "secret detail"), status: 502},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, Config{}, &invoker{refuse: c.refuse}, func(_ context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
				if c.fail != nil {
					out.Fail(c.fail)
				}
				return c.err
			})
			protocols(t, func(t *testing.T, h *http.Client) {
				resp, body := get(t, h, f.url)
				if resp.StatusCode != c.status || strings.Contains(body, "secret") || body == "" || resp.Header.Get("Retry-After") != c.retry {
					t.Errorf("got %d %q %v", resp.StatusCode, body, resp.Header)
				}
				if e := f.inv.end(t); e.status != c.status {
					t.Errorf("status is told as %d", e.status)
				}
			})
		})
	}
}

func TestBrokenOff(t *testing.T) {
	for name, g := range map[string]guest{
		"dropped": func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
			b, w := respond(out, 200)
			err := wasiio.WriteAndFlush(ctx, w, []byte("some"))
			b.Abort(wasihttp.ErrUnfinished)
			return err
		},
		"left open": func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
			_, w := respond(out, 200)
			return wasiio.WriteAndFlush(ctx, w, []byte("some"))
		},
		"trap": func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
			_, w := respond(out, 200)
			_ = wasiio.WriteAndFlush(ctx, w, []byte("some"))
			return cm.Trapf(cm.TrapUnreachable, "after the head")
		},
		"too short": func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
			b, w := respond(out, 200, "content-length", "10")
			_ = wasiio.WriteAndFlush(ctx, w, []byte("some"))
			var e *wasihttp.Error
			if err := b.Finish(nil); !errors.As(err, &e) || e.Code != wasihttp.ResponseBodySize || *e.Number != 4 {
				t.Errorf("finish gave %v", err)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, Config{}, nil, g)
			protocols(t, func(t *testing.T, c *http.Client) {
				resp, err := c.Get(f.url)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				if err == nil || string(body) != "some" || resp.StatusCode != 200 {
					t.Errorf("got %d %q, %v: want a transfer that breaks off", resp.StatusCode, body, err)
				}
				if e := f.inv.end(t); e.status != 200 || e.out != 4 {
					t.Errorf("ended as %+v", e)
				}
			})
			t.Run("http/1.0", func(t *testing.T) {
				_, r := raw(t, f, "GET / HTTP/1.0\n\n")
				if all, err := io.ReadAll(r); err == nil {
					t.Errorf("got %q and a clean end", all)
				}
			})
		})
	}
}

// TestBrokenOffInAFile: what tells the client of a socket in a file that a body broke off. HTTP/1.0 has nothing for a body of no said length.
func TestBrokenOffInAFile(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	f := start(t, Config{Also: []string{"unix:" + socket}}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		fields := []string{}
		if in.Method() == "POST" {
			fields = []string{"content-length", "9"}
		}
		_, w := respond(out, 200, fields...)
		if err := wasiio.WriteAndFlush(ctx, w, []byte("some")); err != nil {
			return err
		}
		return cm.Trapf(cm.TrapUnreachable, "unreachable")
	})
	for head, want := range map[string]error{
		"GET / HTTP/1.1\r\nHost: h\r\n\r\n":                       io.ErrUnexpectedEOF,
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n": io.ErrUnexpectedEOF,
		"POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n":            io.ErrUnexpectedEOF,
		"GET / HTTP/1.0\r\n\r\n":                                  nil, // as abort says
	} {
		c, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		if _, err := io.WriteString(c, head); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); string(body) != "some" || !errors.Is(err, want) {
			t.Errorf("%q: %q, %v; want %v", head, body, err, want)
		}
		_ = c.Close()
		if e := f.inv.end(t); e.err == nil {
			t.Errorf("%q: the event is not told of it", head)
		}
	}
}

func echo(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
	b, w := respond(out, 200, "trailer", "x-sum")
	r := in.Body().Stream()
	buf := make([]byte, 64<<10)
	for {
		n, err := wasiio.BlockingRead(ctx, r, buf)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := wasiio.WriteAndFlush(ctx, w, buf[:n]); err != nil {
			return err
		}
	}
	in.Body().Finish()
	trailers, err := in.Body().Trailers(ctx)
	if err != nil {
		return err
	}
	if trailers != nil {
		trailers = trailers.Clone()
		_ = trailers.Append("x-more", "undeclared")
	}
	return b.Finish(trailers)
}

func TestBothWaysAtOnceWithTrailers(t *testing.T) {
	f := start(t, Config{}, nil, echo)
	protocols(t, func(t *testing.T, c *http.Client) {
		pr, pw := io.Pipe()
		req, _ := http.NewRequest("POST", f.url, pr)
		req.Trailer = http.Header{"X-Sum": nil}
		go io.WriteString(pw, "one")
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		buf := make([]byte, 10)
		for _, s := range []string{"one", "two", "three"} {
			if s != "one" {
				go io.WriteString(pw, s)
			}
			if _, err := io.ReadFull(resp.Body, buf[:len(s)]); err != nil || string(buf[:len(s)]) != s {
				t.Fatalf("got %q, %v: want %q back before more is sent", buf[:len(s)], err, s)
			}
		}
		req.Trailer.Set("X-Sum", "11")
		pw.Close()
		rest, err := io.ReadAll(resp.Body)
		if err != nil || len(rest) > 0 || resp.Trailer.Get("X-Sum") != "11" || resp.Trailer.Get("X-More") != "undeclared" {
			t.Errorf("got %q %v, trailers %v", rest, err, resp.Trailer)
		}
		if e := f.inv.end(t); e.in != 11 || e.out != 11 {
			t.Errorf("ended as %+v", e)
		}
	})
}

// zeros is a body of n bytes.
type zeros struct{ n int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), z.n))
	clear(p[:n])
	z.n -= int64(n)
	return n, nil
}

func TestLargeBodiesAreNotHeld(t *testing.T) {
	const size = 100 << 20
	f := start(t, Config{}, nil, echo)
	protocols(t, func(t *testing.T, c *http.Client) {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		resp, err := c.Post(f.url, "", &zeros{size})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		n, err := io.CopyN(io.Discard, resp.Body, size)
		if err != nil {
			t.Fatalf("%d bytes, then %v", n, err)
		}
		runtime.ReadMemStats(&after)
		if held := int64(after.HeapSys) - int64(before.HeapSys); held > 32<<20 {
			t.Errorf("the heap has grown by %d bytes", held)
		}
	})
}

func TestBodiless(t *testing.T) {
	f := start(t, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		switch in.PathWithQuery() {
		case "/204":
			b, w := respond(out, 204, "content-length", "4")
			_ = wasiio.WriteAndFlush(ctx, w, []byte("some"))
			return b.Finish(nil)
		case "/304":
			b, _ := respond(out, 304)
			return b.Finish(nil)
		case "/nobody":
			out.Respond(wasihttp.NewOutgoingResponse(wasihttp.NewFields()))
			return nil
		}
		b, _ := respond(out, 200, "content-length", "4")
		return b.Finish(nil) // an answer to HEAD need not write what it declares
	})
	protocols(t, func(t *testing.T, c *http.Client) {
		for path, status := range map[string]int{"/204": 204, "/304": 304, "/nobody": 200} {
			if resp, body := get(t, c, f.url+path); resp.StatusCode != status || body != "" {
				t.Errorf("%s: got %d %q", path, resp.StatusCode, body)
			}
		}
		resp, err := c.Head(f.url)
		if err != nil || resp.StatusCode != 200 || resp.ContentLength != 4 {
			t.Errorf("HEAD: got %+v, %v", resp, err)
		}
		if resp != nil {
			resp.Body.Close()
		}
	})
}

func TestHeadIsSentAtOnce(t *testing.T) {
	release := make(chan struct{})
	f := start(t, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		b, _ := respond(out, 200, "x-early", "1")
		<-release
		return b.Finish(nil)
	})
	resp, err := client(t, false).Get(f.url)
	if err != nil || resp.Header.Get("X-Early") != "1" || resp.Header.Get("Content-Type") != "" {
		t.Fatalf("got %+v, %v", resp, err)
	}
	close(release)
	resp.Body.Close()
}

func TestAnswerEndsBeforeTheGuest(t *testing.T) {
	release := make(chan struct{})
	f := start(t, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		if err := text(ctx, out, 200, "done"); err != nil {
			return err
		}
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	protocols(t, func(t *testing.T, c *http.Client) {
		if _, body := get(t, c, f.url); body != "done" {
			t.Errorf("got %q", body)
		}
		c.CloseIdleConnections()
		f.inv.mu.Lock()
		if len(f.inv.ends) != 0 {
			t.Errorf("the invocation ended before its guest: %+v", f.inv.ends)
		}
		f.inv.mu.Unlock()
	})
	close(release)
	f.stop()
	if len(f.inv.ends) != 2 || f.inv.ends[0].err != nil || f.inv.ends[1].err != nil {
		t.Errorf("ended as %+v", f.inv.ends)
	}
}

func TestDisconnectCancels(t *testing.T) {
	waits := make(chan struct{}) // the guest has done all that it does before its client leaves
	f := start(t, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		if path := in.PathWithQuery(); path != "/early" {
			_, w := respond(out, 200)
			if size := map[string]int{"/little": 1 << 10, "/much": 8 << 10}[path]; size > 0 {
				if err := w.Write(ctx, make([]byte, size)); err != nil {
					return err
				}
			}
		}
		waits <- struct{}{}
		<-ctx.Done()
		return context.Cause(ctx)
	})
	for _, path := range []string{"/early", "/late", "/little", "/much"} {
		protocols(t, func(t *testing.T, c *http.Client) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			req, _ := http.NewRequestWithContext(ctx, "GET", f.url+path, nil)
			go func() {
				<-waits
				cancel()
			}()
			resp, err := c.Do(req)
			if err == nil { // the head came before the client left
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if !errors.Is(err, context.Canceled) || path == "/early" && resp != nil {
				t.Errorf("%s: got %v, %v", path, resp, err)
			}
			e := f.inv.end(t)
			var trap *cm.Trap
			if !errors.As(e.err, &trap) || trap.Code != cm.TrapCancel {
				t.Errorf("ended with %v", e.err)
			}
			if path == "/early" && e.status != 0 {
				t.Errorf("an answer that nobody got is told as %d", e.status)
			}
		})
	}
}

func TestExpectContinue(t *testing.T) {
	f := start(t, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		switch in.PathWithQuery() {
		case "/read-first":
			s := in.Body().Stream()
			buf := make([]byte, 4)
			n, err := wasiio.BlockingRead(ctx, s, buf)
			if err != nil {
				return err
			}
			return text(ctx, out, 200, string(buf[:n]))
		case "/answer-first":
			return echo(ctx, in, out)
		}
		return text(ctx, out, 403, "no")
	})
	for path, want := range map[string]string{"/read-first": "200 OK", "/answer-first": "200 OK", "/refuse": "403 Forbidden"} {
		for range 20 { // whoever comes first, the guest's reading or its answer
			c, r := raw(t, f, "POST "+path+" HTTP/1.1\nHost: h\nContent-Length: 4\nExpect: 100-continue\n\n")
			_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
			if path != "/refuse" {
				if line, err := r.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
					t.Fatalf("%s: got %q, %v", path, line, err)
				}
				if line, err := r.ReadString('\n'); err != nil || line != "\r\n" {
					t.Fatalf("%s: got %q, %v", path, line, err)
				}
				_, _ = io.WriteString(c, "body")
			}
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || !strings.HasSuffix(resp.Status, want) || path != "/refuse" && string(body) != "body" {
				t.Errorf("%s: got %s %q, %v", path, resp.Status, body, err)
			}
			c.Close()
		}
	}
}

func TestIncompressible(t *testing.T) {
	want := make([]byte, 300<<10)
	_, _ = rand.Read(want)
	f := start(t, Config{}, nil, echo)
	protocols(t, func(t *testing.T, c *http.Client) {
		resp, err := c.Post(f.url, "", bytes.NewReader(want))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if got, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes came back, %v", len(got), err)
		}
	})
}
