package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

const innerManifest = `apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components:
    - {name: auth, source: {file: rust-mw-a-p3}}
    - {name: upper, source: {file: rust-mw-upper-p3}}
    - name: a
      source: {file: rust-http-p3}
      grants: {http: ["http://a.internal", "http://b.internal", "http://c.internal", "http://one.internal", "http://*.internal"]}
    - {name: b, source: {file: rust-http-full-p2}, limits: {deadline: 500ms, body: 3Mi}}
    - {name: c, source: {file: go126-http-async-p3}}
    - name: one
      source: {file: rust-http-p3}
      grants: {http: ["http://one.internal"]}
      instances: {max: 1, concurrency: 1}
  triggers:
    - http: {path: /, component: a}
    - http: {path: /hello, component: a, chain: [auth, upper]}
    - http: {path: /fetch, component: a, chain: [auth]}
`

// inner starts the workload whose components call each other.
func inner(t *testing.T) *server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "vitrine.yaml")
	guest := regexp.MustCompile(`file: ([a-z0-9-]+)`)
	text := guest.ReplaceAllStringFunc(innerManifest, func(s string) string {
		path, err := filepath.Abs(testref.File(t, strings.TrimPrefix(s, "file: ")))
		if err != nil {
			t.Fatal(err)
		}
		return "file: " + path
	})
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return up(t, nil, "--trace", file)
}

var treeTimes = regexp.MustCompile(`  [0-9.]+(ns|µs|ms|s)( \([^)]*(ns|µs|ms|s)\))?`)

// tree is the trace whose first span has a text, without times, waits and what the pool does.
func (s *server) tree(want string) (got string) {
	s.t.Helper()
	first, _, _ := strings.Cut(want, "\n")
	s.waitForConsole(first)
	for range 1000 { // a part of it may come first
		_, rest, _ := strings.Cut(s.stderr(), first)
		var lines []string
		for _, line := range strings.Split(first+rest, "\n") {
			if len(lines) > 0 && !strings.ContainsAny(line[:min(len(line), 3)], "└├│ ") {
				break
			}
			if !strings.Contains(line, "instantiate ") && !strings.Contains(line, "pool wait ") && !strings.Contains(line, " wasi:io/") && !strings.Contains(line, " wasi:clocks/") {
				lines = append(lines, strings.TrimRight(treeTimes.ReplaceAllString(line, ""), " "))
			}
		}
		if got = strings.ReplaceAll(strings.Join(lines, "\n"), "├", "└"); got == want {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return got
}

// TestChainedAndInternal: a chain in front of a component, and calls of components to each other, each in one trace.
func TestChainedAndInternal(t *testing.T) {
	s := inner(t)
	for _, c := range []struct{ path, body, want, tree string }{
		{path: "/hello", want: "HELLO FROM RUST-HTTP-P3\n", tree: `GET /hello → 200
└─ auth wasi:http/handler@0.3.0#handle
   └─ upper wasi:http/handler@0.3.0#handle
      └─ a wasi:http/handler@0.3.0#handle`},
		{path: "/fetch?url=http://b.internal/hello", want: "hello from rust-http-full-p2\n", tree: `GET /fetch /fetch?url=http://b.internal/hello → 200
└─ auth wasi:http/handler@0.3.0#handle
   └─ a wasi:http/handler@0.3.0#handle
      └─ GET http://b.internal/hello → 200
         └─ GET /hello → 200
            └─ b wasi:http/incoming-handler@0.2.12#handle`},
		{path: "/fetch?url=http://a.internal/fetch%3Furl%3Dhttp://c.internal/x", want: "chunk 0 for /x from go1.26.8, GREETING=\"\"\nchunk 1 for /x from go1.26.8, GREETING=\"\"\nchunk 2 for /x from go1.26.8, GREETING=\"\"\n",
			tree: `GET /fetch /fetch?url=http://a.internal/fetch%3Furl%3Dhttp://c.internal/x → 200
└─ auth wasi:http/handler@0.3.0#handle
   └─ a wasi:http/handler@0.3.0#handle
      └─ GET http://a.internal/fetch?url=http://c.internal/x → 200
         └─ GET /fetch?url=http://c.internal/x → 200
            └─ a wasi:http/handler@0.3.0#handle
               └─ GET http://c.internal/x → 200
                  └─ GET /x → 200
                     └─ c wasi:http/handler@0.3.0#handle`},
	} {
		s.expect(c.path, c.body, 200, c.want)
		if got := s.tree(c.tree); got != c.tree {
			t.Errorf("%s: the trace is\n%s\nwant\n%s", c.path, got, c.tree)
		}
	}
	for _, c := range []struct{ name, path, body, want string }{
		{"a trap in the other component", "/fetch?url=http://b.internal/trap", "", "the component failed\n"},
		{"the other component's deadline", "/fetch?url=http://b.internal/sleep?ms=20000", "", "the component took too long\n"},
		{"the other component's limit", "/proxy?url=http://b.internal/count", strings.Repeat("x", 4<<20), "the request's body is too large\n"},
		{"a component that would wait for itself", "/fetch?url=http://one.internal/fetch%3Furl%3Dhttp://one.internal/hello", "", "too busy, try again later\n"},
		{"no grant", "/fetch?url=http://one.internal/fetch%3Furl%3Dhttp://a.internal/hello", "", "upstream: ErrorCode::HttpRequestDenied\n"},
		{"no such component", "/fetch?url=http://nobody.internal/", "", "upstream: ErrorCode::DnsError(DnsErrorPayload { rcode: Some(\"NXDOMAIN\"), info-code: None })\n"},
	} {
		began := time.Now()
		if _, got, err := s.get(c.path, c.body); got != c.want || err != nil {
			t.Errorf("%s: %.100q, %v", c.name, got, err)
		}
		if took := time.Since(began); took > 20*time.Second { // the deadline is 30 s
			t.Errorf("%s: it took %s", c.name, took)
		}
	}
	if _, got, err := s.get("/fetch?url=http://b.internal/abort", ""); err == nil || got != "this body breaks off\n" {
		t.Errorf("the other component's body breaks off: %q, %v", got, err)
	}
	for _, line := range []string{
		`[one denied] :: http://a.internal is not granted; to allow it, add "http://a.internal" to grants.http of component one`,
		"one: 1 instances run, and this one must not wait: they might wait for what has led to it",
		"a component asks for one that the workload does not have",
	} {
		s.waitForConsole(line)
	}
}

// TestInternalBodies: 20 MB through two components, each way, and a small body and its trailers.
func TestInternalBodies(t *testing.T) {
	s := inner(t)
	body := strings.Repeat("0123456789abcdef", 20<<20/16)
	for _, to := range []string{"c.internal/echo", "one.internal/echo", "one.internal/copy"} {
		if status, got, err := s.get("/proxy?url=http://"+to, body); status != 200 || got != body || err != nil {
			t.Errorf("%s: %d, %d bytes, %v", to, status, len(got), err)
		}
	}
	s.expect("/proxy?url=http://one.internal/count", "hello", 200, "bytes=5 sum=05e918d2 trailers=0\n")
}
