package http

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
	"github.com/vitrine-wasm/vitrine/workload"
)

// inside is a client of components that g stands for, by http://NAME.internal. All of their invocations have ended with the test.
func inside(t *testing.T, inv *invoker, g guest) *http.Client {
	t.Helper()
	tr := New(Config{Adapters: handler(g)})
	w := &workload.Spec{Name: "test", Components: []workload.Component{{Name: "b", Grants: workload.Grants{HTTP: []string{"http://b.internal"}}}}}
	h := tr.Internal(w, inv)
	t.Cleanup(func() {
		p := h.(*internal)
		for range 2000 {
			if r := p.route("b"); r == nil || r.idleForTest() {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Error("an exchange has not ended")
	})
	return &http.Client{Transport: wasihttp.LocalTransport(h)}
}

func (r *route) idleForTest() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.running) == 0
}

// echoBody answers with the request's body, as it comes, and with its trailers.
func echoBody(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
	f := wasihttp.Limits{}.NewFields()
	for name, value := range map[string]string{"x-method": in.Method(), "x-target": in.PathWithQuery(), "x-authority": in.Authority()} {
		if err := f.Append(name, value); err != nil {
			return err
		}
	}
	o := wasihttp.NewOutgoingResponse(f)
	sent := o.Body().Forward(in.Body())
	out.Respond(o)
	select {
	case <-sent:
	case <-ctx.Done():
	}
	return nil
}

// source is a body of n bytes and a sum, without a length.
type source struct {
	left int
	sum  hash.Hash
	end  error
}

func (s *source) Read(p []byte) (int, error) {
	if s.left == 0 {
		if s.end == nil {
			return 0, io.EOF
		}
		return 0, s.end
	}
	n := min(len(p), s.left, 5000)
	for i := range p[:n] {
		p[i] = byte(s.left + i)
	}
	s.sum.Write(p[:n])
	s.left -= n
	return n, nil
}

// TestInternalEcho: 20 MB each way, with trailers, several at a time.
func TestInternalEcho(t *testing.T) {
	inv := &invoker{}
	c := inside(t, inv, echoBody)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			src := &source{left: 20 << 20, sum: sha256.New()}
			req, _ := http.NewRequest("POST", "http://b.internal/x?y=%20z", io.NopCloser(src))
			req.Trailer = http.Header{"X-Sum": nil}
			req.Body = trailing{src, req}
			resp, err := c.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			got := sha256.New()
			n, err := io.Copy(got, resp.Body)
			if err != nil || n != 20<<20 || !bytes.Equal(got.Sum(nil), src.sum.Sum(nil)) {
				t.Errorf("%d bytes, %v", n, err)
			}
			if resp.Trailer.Get("X-Sum") != "at the end" || resp.StatusCode != 200 || resp.Header.Get("X-Target") != "/x?y=%20z" || resp.Header.Get("X-Authority") != "b.internal" {
				t.Errorf("%+v", resp)
			}
		})
	}
	all.Wait()
	for range 4 {
		if e := inv.end(t); e.err != nil || e.in != 20<<20 || e.out != 20<<20 || e.status != 200 || e.inv.Component != "b" || e.inv.NoWait {
			t.Errorf("%+v", e)
		}
	}
}

// trailing sets a trailer at the end of a body.
type trailing struct {
	io.Reader
	req *http.Request
}

func (r trailing) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err == io.EOF {
		r.req.Trailer.Set("X-Sum", "at the end")
	}
	return n, err
}

func (trailing) Close() error { return nil }

// TestInternalAnswers: answers without a body, with a length, and none.
func TestInternalAnswers(t *testing.T) {
	inv := &invoker{}
	c := inside(t, inv, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		switch in.PathWithQuery() {
		case "/204":
			b, _ := respond(out, 204)
			return b.Finish(nil)
		case "/length":
			b, w := respond(out, 200, "content-length", "5")
			if err := wasiio.WriteAndFlush(ctx, w, []byte("hello")); err != nil {
				return err
			}
			return b.Finish(nil)
		case "/none":
			return nil
		case "/error":
			out.Fail(wasihttp.Errorf(wasihttp.ConfigurationError, "x"))
			return nil
		case "/trap":
			return cm.Trapf(cm.TrapUnreachable, "told to")
		case "/broken":
			_, w := respond(out, 200)
			if err := wasiio.WriteAndFlush(ctx, w, []byte("part")); err != nil {
				return err
			}
			return cm.Trapf(cm.TrapUnreachable, "told to")
		}
		return text(ctx, out, 200, "fine")
	})
	for _, r := range []struct {
		method, path, want string
	}{
		{"GET", "/", `200 -1 "fine" <nil>`}, {"HEAD", "/", `200 -1 "" <nil>`}, {"GET", "/204", `204 -1 "" <nil>`}, {"HEAD", "/length", `200 5 "" <nil>`},
		{"GET", "/length", `200 5 "hello" <nil>`}, {"GET", "/none", `500 21 "the component failed\n" <nil>`}, {"GET", "/error", `500 21 "the component failed\n" <nil>`},
		{"GET", "/trap", `500 21 "the component failed\n" <nil>`}, {"GET", "/broken", `200 -1 "part" http: HTTP-response-incomplete`},
		{"POST", "/", `200 -1 "fine" <nil>`}, // whose body nobody reads
	} {
		var body io.Reader
		if r.method == "POST" {
			body = bytes.NewReader(make([]byte, 1<<20))
		}
		req, _ := http.NewRequest(r.method, "http://b.internal"+r.path, body)
		resp, err := c.Do(req)
		if err != nil {
			t.Errorf("%s %s: %v", r.method, r.path, err)
			continue
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if have := fmt.Sprintf("%d %d %q %v", resp.StatusCode, resp.ContentLength, got, err); have != r.want {
			t.Errorf("%s %s: %s, want %s", r.method, r.path, have, r.want)
		}
	}
	var dns *wasihttp.Error
	if _, err := c.Get("http://missing.internal/"); !errors.As(err, &dns) || dns.Code != wasihttp.DNSError {
		t.Errorf("an unknown component: %v", err)
	}
}

// TestInternalBackpressure: who does not read stops who writes, in both directions.
func TestInternalBackpressure(t *testing.T) {
	var written atomic.Int64
	release := make(chan struct{})
	c := inside(t, &invoker{}, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		b, w := respond(out, 200)
		if in.Method() == "POST" { // reads nothing
			select {
			case <-release:
			case <-ctx.Done():
			}
			return b.Finish(nil)
		}
		chunk := make([]byte, 64<<10)
		for range 20 << 20 / len(chunk) {
			if err := wasiio.WriteAndFlush(ctx, w, chunk); err != nil {
				return err
			}
			written.Add(int64(len(chunk)))
		}
		return b.Finish(nil)
	})
	resp, err := c.Get("http://b.internal/")
	if err != nil {
		t.Fatal(err)
	}
	last := int64(-1)
	for n := written.Load(); n != last; n = written.Load() { // until it stands still
		last = n
		time.Sleep(50 * time.Millisecond)
	}
	if last > 512<<10 {
		t.Errorf("the component has written %d bytes that nobody has read", last)
	}
	if n, err := io.Copy(io.Discard, resp.Body); n != 20<<20 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	resp.Body.Close()
	var read atomic.Int64 // a rest of it may be read for a while after the answer
	src := &source{left: 20 << 20, sum: sha256.New()}
	req, _ := http.NewRequest("POST", "http://b.internal/", io.NopCloser(io.TeeReader(src, counter{&read})))
	if resp, err = c.Do(req); err != nil {
		t.Fatal(err)
	}
	close(release)
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Error(err)
	}
	resp.Body.Close()
	if n := read.Load(); n > 512<<10 {
		t.Errorf("%d bytes were read that the component has not asked for", n)
	}
}

// counter counts what is written to it.
type counter struct{ n *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}

// TestInternalEnds: the end of who has sent the request ends the exchange, before the head, behind it, and while it writes.
func TestInternalEnds(t *testing.T) {
	ended := make(chan error, 1)
	began := make(chan struct{}, 1)
	inv := &invoker{}
	c := inside(t, inv, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		began <- struct{}{}
		var w wasiio.OutputStream
		if in.PathWithQuery() != "/silent" {
			_, w = respond(out, 200)
		}
		var err error
		for in.PathWithQuery() == "/writes" && err == nil {
			err = wasiio.WriteAndFlush(ctx, w, make([]byte, 10_000))
		}
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return context.Cause(ctx)
	})
	for _, path := range []string{"/silent", "/head", "/writes"} {
		for _, how := range []string{"cancel", "deadline", "close"} {
			ctx, cancel := context.WithCancel(t.Context())
			if how == "deadline" {
				ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
			}
			if path == "/silent" && how != "deadline" {
				go func() {
					<-began
					cancel()
				}()
			}
			req, _ := http.NewRequestWithContext(ctx, "POST", "http://b.internal"+path, io.NopCloser(&source{left: 1 << 30, sum: sha256.New()}))
			resp, err := c.Do(req)
			if (err != nil) != (path == "/silent") {
				t.Errorf("%s, %s: %v", path, how, err)
			}
			if resp != nil {
				switch how {
				case "cancel":
					cancel()
				case "close":
					resp.Body.Close()
				}
				_, err = io.Copy(io.Discard, resp.Body)
				if err == nil {
					t.Errorf("%s, %s: the body ends as if it were whole", path, how)
				}
				resp.Body.Close()
			}
			if why := <-ended; !strings.Contains(why.Error(), "went away") {
				t.Errorf("%s, %s: the exchange ended with %v", path, how, why)
			}
			cancel()
			select {
			case <-began:
			default:
			}
			if e := inv.end(t); e.err == nil {
				t.Errorf("%s, %s: %+v", path, how, e)
			}
		}
	}
}

// TestInternalNests: a component that calls itself without end is told that it loops, at a bound, and where it already is it waits for no
// instance; what is not nested has neither.
func TestInternalNests(t *testing.T) {
	var c *http.Client
	var deepest atomic.Int64
	inv := &invoker{}
	c = inside(t, inv, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		deepest.Add(1)
		req, _ := http.NewRequestWithContext(context.WithoutCancel(ctx), "GET", "http://b.internal/", nil)
		resp, err := c.Do(req)
		if err != nil {
			return text(ctx, out, 508, err.Error())
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return text(ctx, out, resp.StatusCode, string(body))
	})
	resp, err := c.Get("http://b.internal/")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 508 || !strings.Contains(string(body), "loop-detected: 16 requests") || deepest.Load() != maxNested+1 {
		t.Errorf("%d, %q, %d deep", resp.StatusCode, body, deepest.Load())
	}
	waits := 0
	for range maxNested + 1 {
		if !inv.end(t).inv.NoWait {
			waits++
		}
	}
	if waits != 1 {
		t.Errorf("%d of the invocations may wait", waits)
	}
}

// TestInternalCircles: which requests might wait for themselves, by what grants allow.
func TestInternalCircles(t *testing.T) {
	grant := func(name string, links map[string]string, to ...string) workload.Component {
		return workload.Component{Name: name, Links: links, Grants: workload.Grants{HTTP: to}}
	}
	p := &internal{w: &workload.Spec{Components: []workload.Component{
		grant("a", nil, "http://b.internal"), grant("b", map[string]string{"x:y/z": "part"}, "http://leaf.internal"),
		grant("part", nil, "http://a.internal"), grant("leaf", nil, "https://a.internal", "http://a.internal:81"), grant("front", nil, "*"),
	}}}
	for _, c := range []struct {
		through []string // outermost first
		to      string
		want    bool
	}{
		{nil, "a", false}, {[]string{"a"}, "a", true}, {[]string{"a"}, "b", true}, {[]string{"b"}, "a", true}, {[]string{"a", "b"}, "leaf", false},
		{[]string{"front"}, "b", false}, {[]string{"front"}, "front", true}, {[]string{"auth > a"}, "b", false}, {[]string{"leaf", "b"}, "a", true},
	} {
		var n *nesting
		for _, target := range c.through {
			n = &nesting{target: target, outer: n}
		}
		if got := p.circular(n, c.to); got != c.want {
			t.Errorf("%v to %s: %t", c.through, c.to, got)
		}
	}
}
