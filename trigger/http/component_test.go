package http

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wasi"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	httpp2 "github.com/vitrine-wasm/vitrine/wasi/http/p2"
	httpp3 "github.com/vitrine-wasm/vitrine/wasi/http/p3"
)

// fresh is an Invoker that runs each invocation in an instance of its own.
type fresh struct {
	linked   *component.Linked
	deadline time.Duration
}

func (f *fresh) Linked(string) (*component.Linked, error) { return f.linked, nil }

func (f *fresh) Invoke(ctx context.Context, inv *host.Invocation) error {
	inner, cancel := context.WithTimeoutCause(ctx, f.deadline, &cm.Trap{Code: cm.TrapDeadline})
	defer cancel()
	inst, err := f.linked.Instantiate(inner)
	if err == nil {
		defer inst.Close(context.WithoutCancel(ctx))
		err = inv.Run(inner, inst)
	}
	inv.Settle(ctx, err)
	return err
}

// calls remembers how the calls that send requests ended.
type calls struct {
	mu   sync.Mutex
	ends []string
}

func (c *calls) Bind(b *cm.Boundary) cm.Hooks {
	if b.Interface.Interface == "outgoing-handler" || b.Interface.Interface == "client" {
		return c
	}
	return nil
}

type outgoing interface {
	OutgoingMethod() string
	OutgoingURL() *url.URL
	OutgoingHeader() http.Header
}

func (c *calls) Enter(call *cm.Call) context.Context {
	call.Args()[0].Resource().Obj.(outgoing).OutgoingHeader().Set("Traceparent", "from-the-hook")
	return call.Context
}

func (c *calls) Exit(call *cm.Call, end cm.End) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch v := end.Value.(type) {
	case *http.Response:
		c.ends = append(c.ends, fmt.Sprintf("%s %d", end.Outcome, v.StatusCode))
	default:
		c.ends = append(c.ends, fmt.Sprintf("%s %v", end.Outcome, end.Err))
	}
}

// served starts a prebuilt component behind a trigger.
func served(t *testing.T, name string, allow func(scheme, host, port string) bool) (*Trigger, *calls) {
	t.Helper()
	wasm := testref.Guest(t, name)
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close(ctx) })
	c, err := engine.Load(ctx, name, wasm)
	if err != nil {
		t.Fatal(err)
	}
	seen := &calls{}
	l := engine.NewLinker(seen)
	if err := wasi.Add(l, wasi.Config{}); err != nil {
		t.Fatal(err)
	}
	upstream := wasihttp.NewClient(wasihttp.ClientConfig{Allow: allow})
	t.Cleanup(func() { upstream.Close() })
	httpp2.Add(l, upstream)
	httpp3.Add(l, upstream)
	linked, err := l.Link(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	tr := New(Config{})
	if _, err := tr.Attach(ctx, spec("/"), &fresh{linked, 20 * time.Second}); err != nil {
		t.Fatal(err)
	}
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- tr.Run(running) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return tr, seen
}

func upstream(t *testing.T) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		default:
			w.WriteHeader(http.StatusTeapot)
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s %s %s", r.Method, r.URL, r.Header.Get("Traceparent"), body)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// TestRustGuest: the same answers by either version of WASI, of 0.3 also where the guest knows a newer one.
func TestRustGuest(t *testing.T) {
	for guest, name := range map[string]string{"rust-http-full-p2": "rust-http-full-p2", "rust-http-p3": "rust-http-p3", "rust-http-p3-next": "rust-http-p3"} {
		t.Run(guest, func(t *testing.T) { rustGuest(t, guest, name) })
	}
}

func rustGuest(t *testing.T, guest, name string) {
	up := upstream(t)
	tr, seen := served(t, guest, func(_, _, port string) bool { return strings.HasSuffix(up.URL, ":"+port) || port == "1" })
	base := "http://" + tr.Addr().String()
	large := strings.Repeat("0123456789", 50<<10)
	protocols(t, func(t *testing.T, c *http.Client) {
		for _, q := range []struct {
			path, body string
			status     int
			want       string
		}{
			{"/hello", "", 200, "hello from " + name + "\n"},
			{"/echo", "some bytes", 200, "some bytes"},
			{"/copy?buf=7", "some bytes", 200, "some bytes"},
			{"/echo", large, 200, large},
			{"/copy", large, 200, large},
			{"/count", "hello", 200, "bytes=5 sum=05e918d2 trailers=0\n"},
			{"/chunks?n=3&ms=5", "", 200, "chunk 0\nchunk 1\nchunk 2\n"},
			{"/status?code=418", "", 418, ""},
			{"/status?code=204", "", 204, ""},
			{"/status?code=99", "", 500, "status 99 refused\n"},
			{"/status?code=1000", "", 500, "status 1000 refused\n"},
			{"/error", "", 500, "the component failed\n"},
			{"/noresponse", "", map[bool]int{true: 500, false: 404}[name == "rust-http-full-p2"], "the component failed\n|no route /noresponse\n"},
			{"/trap", "", 500, "the component failed\n"},
			{"/panic", "", 500, "the component failed\n"},
			{"/zzz", "", 404, "no route /zzz\n"},
			{"/headers", "", 200, `(?s)method: Method::Get\nscheme: Some\(Scheme::Http\)\nauthority: Some\("127.*"\)\npath: /headers\nuser-agent: [^\n]*\n`},
			{"/fetch?url=" + up.URL + "/x%3Fa=b", "", 200, `GET /x\?a=b from-the-hook `},
			{"/proxy?url=" + up.URL + "/y", "through", 200, "POST /y from-the-hook through"},
			{"/fetch?url=" + up.URL + "/redirect", "", 200, `<a href="/elsewhere">Found</a>.\n\n`},
			{"/fetch?url=http://127.0.0.1:1/", "", 502, "upstream: ErrorCode::ConnectionRefused\n"},
			{"/fetch?url=http://127.0.0.1:2/", "", 502, "upstream: ErrorCode::HttpRequestDenied\n"},
			{"/fetch?url=ftp://127.0.0.1/", "", 502, "(?s).*"},
		} {
			method, body := "GET", io.Reader(nil)
			if q.body != "" {
				method, body = "POST", strings.NewReader(q.body)
			}
			req, _ := http.NewRequest(method, base+q.path, body)
			resp, err := c.Do(req)
			if err != nil {
				t.Errorf("%s: %v", q.path, err)
				continue
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			same := string(got) == q.want
			if !same && len(q.want) < 200 {
				same = regexp.MustCompile("^(?:" + q.want + ")$").Match(got)
			}
			if err != nil || resp.StatusCode != q.status || !same {
				t.Errorf("%s: got %d %.200q, %v; want %d %.200q", q.path, resp.StatusCode, got, err, q.status, q.want)
			}
		}
		t.Run("trailers", func(t *testing.T) {
			resp, body := get(t, c, base+"/trailers")
			if body != "body then trailers\n" || resp.Trailer.Get("X-N") != "1" {
				t.Errorf("got %q, trailers %v", body, resp.Trailer)
			}
			req, _ := http.NewRequest("POST", base+"/count", struct{ io.Reader }{strings.NewReader("hello")})
			req.Trailer = http.Header{"X-T": {"1"}}
			if resp, err := c.Do(req); err != nil {
				t.Error(err)
			} else if got, _ := io.ReadAll(resp.Body); string(got) != "bytes=5 sum=05e918d2 trailers=1\n" {
				t.Errorf("got %q", got)
			}
		})
		t.Run("abort", func(t *testing.T) {
			resp, err := c.Get(base + "/abort")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if got, err := io.ReadAll(resp.Body); err == nil || string(got) != "this body breaks off\n" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	})
	seen.mu.Lock()
	defer seen.mu.Unlock()
	ok := 0
	for _, e := range seen.ends {
		if e == "ok 418" || e == "ok 302" {
			ok++
		}
	}
	if ok != 6 {
		t.Errorf("the outgoing calls ended as %q", seen.ends)
	}
}

func TestOtherGuests(t *testing.T) {
	for name, want := range map[string]string{
		"rust-http-p2":   "hello rust p2 Method::Get /x\n",
		"go126-http-p2":  "hello from go1.26.8 /x\n",
		"js-qjs-http-p2": "hello qjs p2 get /x\n",
	} {
		t.Run(name, func(t *testing.T) {
			up := upstream(t)
			tr, _ := served(t, name, func(_, _, _ string) bool { return true })
			base := "http://" + tr.Addr().String()
			c := client(t, false)
			if resp, got := get(t, c, base+"/x"); resp.StatusCode != 200 || got != want {
				t.Errorf("/x: got %d %q", resp.StatusCode, got)
			}
			body := strings.Repeat("0123456789", 10<<10)
			resp, err := c.Post(base+"/echo", "", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || string(got) != body {
				t.Errorf("/echo: got %d bytes, %v", len(got), err)
			}
			if name == "go126-http-p2" {
				return // it fetches nothing
			}
			if resp, got := get(t, c, base+"/fetch/"+strings.TrimPrefix(up.URL, "http://")+"/y"); resp.Header.Get("X-Upstream-Status") != "418" || !strings.HasPrefix(got, "GET /y") {
				t.Errorf("/fetch: got %v %q", resp.Header, got)
			}
		})
	}
}

// TestOtherGuestsP3: guests of other languages answer by wasi:http/handler, alone and composed of several.
func TestOtherGuestsP3(t *testing.T) {
	for _, c := range []struct{ guest, path, want, field, value string }{
		{"c-http-p3", "/x", "chunk 0 of /x\nchunk 1 of /x\nchunk 2 of /x\n", "X-Guest", "c-p3"},
		{"go126-http-async-p3", "/x", "(?s)chunk 0 for /x from go1.26.8, GREETING=\"\"\n.*chunk 2 for .*\n", "X-Guest", "go-p3"},
		{"js-qjs-hello-http-p3", "/x", "hello p3 get /x\nsecond chunk\n", "X-Guest", "qjs-p3"},
		{"rust-http-pure-p3", "/hello", "hello from rust-http-p3\n", "X-Guest", "rust-http-p3"},
		{"mw2-composed-p3", "/hello", "hello from rust-http-p3\n", "X-Mw", "mw-a mw-b"},
		{"mw-upper-composed-p3", "/hello", "HELLO FROM RUST-HTTP-P3\n", "X-Mw", "mw-upper"},
		{"feed-composed-p3", "/ticks?n=3&ms=1", "(?s)0 item-1 0\n.*end Ok\\(3\\)\n", "", ""},
		{"feed-composed-p3", "/race", "20 won\n", "", ""},
	} {
		t.Run(c.guest+c.path, func(t *testing.T) {
			tr, _ := served(t, c.guest, func(_, _, _ string) bool { return true })
			protocols(t, func(t *testing.T, cl *http.Client) {
				resp, got := get(t, cl, "http://"+tr.Addr().String()+c.path)
				if resp.StatusCode != 200 || !regexp.MustCompile("^"+c.want+"$").MatchString(got) || c.field != "" && strings.Join(resp.Header[c.field], " ") != c.value {
					t.Errorf("%d %q, %v", resp.StatusCode, got, resp.Header)
				}
			})
		})
	}
}

// TestNamesAsWritten: names of fields go out as the guest has written them, but for those that net/http looks for.
func TestNamesAsWritten(t *testing.T) {
	tr, _ := served(t, "rust-http-p3", func(_, _, _ string) bool { return true })
	c, err := net.Dial("tcp", tr.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	all, err := io.ReadAll(c)
	if err != nil || !strings.Contains(string(all), "\r\nx-guest: rust-http-p3\r\n") || !strings.Contains(string(all), "\r\nContent-Type: text/plain\r\n") {
		t.Errorf("%q, %v", all, err)
	}
}
