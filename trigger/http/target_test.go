package http

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// told answers with what it sees of a target.
func told(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
	return text(ctx, out, 200, in.Method()+" "+in.Authority()+" "+in.PathWithQuery())
}

// TestTargetsComeInAsTheyAre: byte for byte, or not at all.
func TestTargetsComeInAsTheyAre(t *testing.T) {
	var seen atomic.Int64
	f := start(t, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		seen.Add(1)
		return told(ctx, in, out)
	})
	same := []string{"/", "/a%2Fb|c", "/a%2fb%7cc", "/?", "/a?", "//double", "/./../a", "/a?%zz&\xc3\xa4", "/%41%ff", "/a?b?c", "/\xc3\xa4", `/"<>\^{}|` + "`", "/[a];b=c:@"}
	for _, target := range same {
		checkHTTP1(t, f, "GET "+target+" HTTP/1.1", "GET h "+target)
		checkHTTP1(t, f, "GET http://o:80"+target+" HTTP/1.1", "GET o:80 "+target)
		checkHTTP2(t, f, "GET", target, "GET h "+target)
	}
	for line, want := range map[string]string{
		"GET http://o HTTP/1.1":       "GET o /",
		"GET HTTP://o?q|r HTTP/1.1":   "GET o /?q|r",
		"OPTIONS * HTTP/1.1":          "OPTIONS h *",
		"GET https://[::1]/ HTTP/1.1": "GET [::1] /",
	} {
		checkHTTP1(t, f, line, want)
	}
	checkHTTP2(t, f, "OPTIONS", "*", "OPTIONS h *")
	whole := seen.Load()
	for _, line := range []string{
		"GET /\xff HTTP/1.1", "GET /?\xff HTTP/1.1", "GET /\xc3 HTTP/1.1", "GET /a#b HTTP/1.1", "GET /a b HTTP/1.1", "GET /\x01 HTTP/1.1", "GET /\x7f HTTP/1.1",
		"GET /%zz HTTP/1.1", "GET * HTTP/1.1", "GET a HTTP/1.1", "GET ?a HTTP/1.1", "GET mailto:a HTTP/1.1", "GET ftp://o/ HTTP/1.1", "GET http:///a HTTP/1.1",
		"GET http://\xff/ HTTP/1.1", "GET http://%ff/ HTTP/1.1", "GET http://u@o/ HTTP/1.1", "GET http://o/\xff HTTP/1.1",
		"CONNECT / HTTP/1.1", "CONNECT o HTTP/1.1", "CONNECT o: HTTP/1.1", "CONNECT o:0 HTTP/1.1", "CONNECT o:http HTTP/1.1", "CONNECT :80 HTTP/1.1", "CONNECT http://o:80/ HTTP/1.1",
		"CONNECT o:80/a HTTP/1.1", "CONNECT u@o:80 HTTP/1.1", "CONNECT \xff:80 HTTP/1.1", "CONNECT * HTTP/1.1", "G\xffT / HTTP/1.1",
	} {
		checkHTTP1(t, f, line, "")
	}
	for _, target := range []string{"/\xff", "/?\xff", "/a#b", "/a b", "/\x7f", "a", "*", "http://o/", "?a", ""} {
		checkHTTP2(t, f, "GET", target, "")
	}
	if n := seen.Load() - whole; n > 0 {
		t.Errorf("guests saw %d requests that are none", n)
	}
}

// TestConnectIsNotImplemented: a tunnel is nothing that a guest could serve. Whoever asks for one is told so, sees no guest, and what it sends into
// the tunnel is no request.
func TestConnectIsNotImplemented(t *testing.T) {
	var seen atomic.Int64
	f := start(t, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		seen.Add(1)
		return told(ctx, in, out)
	})
	for _, head := range []string{
		"CONNECT o:80 HTTP/1.1\nHost: o:80\n\n", "CONNECT [::1]:443 HTTP/1.1\nHost: h\n\n", "CONNECT o:80 HTTP/1.0\n\n",
		"CONNECT o:80 HTTP/1.1\nHost: o:80\nContent-Length: 3\n\nabc", "CONNECT o:80 HTTP/1.0\nConnection: keep-alive\n\n",
	} {
		c, r := raw(t, f, head+"GET /smuggled HTTP/1.1\nHost: h\n\n")
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		resp, err := http.ReadResponse(r, &http.Request{Method: "GET"})
		if err != nil {
			t.Errorf("%q: %v", head, err)
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		if rest, _ := io.ReadAll(r); resp.StatusCode != 501 || len(body) == 0 || len(rest) != 0 {
			t.Errorf("%q: %d %q, then %q", head, resp.StatusCode, body, rest)
		}
	}
	c := speakFrames(t, f.Addr(), 1<<20)
	defer c.conn.Close()
	c.request(1, true, ":method", "CONNECT", ":authority", "o:80")
	if status, _ := c.answer(1); status != 501 {
		t.Errorf("HTTP/2: %d", status)
	}
	if n := seen.Load(); n > 0 {
		t.Errorf("guests saw %d requests", n)
	}
}

// checkHTTP1 asks by a request line: want is the body of the answer, or empty for the status 400 and the end of the connection.
func checkHTTP1(t *testing.T, f *fixture, line, want string) {
	t.Helper()
	c, r := raw(t, f, line+"\nHost: h\n\n")
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Errorf("%q: %v", line, err)
		return
	}
	body, err := io.ReadAll(resp.Body)
	if want == "" {
		if _, end := r.ReadByte(); resp.StatusCode != 400 || end != io.EOF {
			t.Errorf("%q: got %d %q, then %v", line, resp.StatusCode, body, end)
		}
		return
	}
	if err != nil || resp.StatusCode != 200 || string(body) != want {
		t.Errorf("%q: got %d %q, %v; want %q", line, resp.StatusCode, body, err, want)
	}
}

// checkHTTP2 is the same by frames; what is refused may be reset, too.
func checkHTTP2(t *testing.T, f *fixture, method, path, want string) {
	t.Helper()
	c := speakFrames(t, f.Addr(), 1<<20)
	defer c.conn.Close()
	c.request(1, true, ":method", method, ":scheme", "http", ":authority", "h", ":path", path)
	status, body := c.answer(1)
	if want == "" && (status == 400 || status == 0) || want != "" && status == 200 && body == want {
		return
	}
	t.Errorf("%s %q: got %d %q, want %q", method, path, status, body, want)
}

// TestEscapedSlashesDivideNothing: such a path lies below no route that its parts would name.
func TestEscapedSlashesDivideNothing(t *testing.T) {
	tr := New(Config{})
	inv := &invoker{}
	if _, err := tr.Attach(t.Context(), spec("/", "/shop"), inv); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.close() })
	for target, prefix := range map[string]string{"/shop/cart": "/shop", "/%73hop/cart": "/shop", "/shop%2Fcart": "/", "/shop%2fcart": "/", "/shop/a%2Fb|c": "/shop", "/shop?a=%2F": "/shop"} {
		r, err := http.NewRequest("GET", "http://h"+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.RequestURI = target
		if got := tr.table.at(routePath(r)); got == nil || got.pattern.text != prefix {
			t.Errorf("%s goes to %+v, want %s", target, got, prefix)
		}
	}
}

// TestLengthOfAHead: what a guest says of the length of the body that a GET would bring is kept.
func TestLengthOfAHead(t *testing.T) {
	f := start(t, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		h := wasihttp.NewFields()
		_ = h.Append("content-length", "1234")
		r := wasihttp.NewOutgoingResponse(h)
		if in.PathWithQuery() == "/body" {
			b := r.Body()
			out.Respond(r)
			return b.Finish(nil)
		}
		out.Respond(r)
		return nil
	})
	protocols(t, func(t *testing.T, c *http.Client) {
		for _, path := range []string{"/", "/body"} {
			resp, err := c.Head(f.url + path)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.ContentLength != 1234 || strings.Join(resp.Header["Content-Length"], ",") != "1234" {
				t.Errorf("%s: length %d, %v", path, resp.ContentLength, resp.Header)
			}
		}
		resp, err := c.Get(f.url + "/")
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(resp.Body); len(b) > 0 || err != nil || resp.ContentLength != 0 {
			t.Errorf("GET without a body: length %d, %q, %v", resp.ContentLength, b, err)
		}
		resp.Body.Close()
	})
}
