package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// sends writes bytes to a server and returns the status of each answer.
func (s *server) sends(raw string, answers int) (statuses []int) {
	s.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	go func() { _, _ = io.WriteString(c, raw) }() // the server may answer before it has read all
	r := bufio.NewReader(c)
	for range answers {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			s.t.Fatalf("%.80q: %v", raw, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		statuses = append(statuses, resp.StatusCode)
	}
	return statuses
}

// TestRejectedRequestsAreTold: a request that reaches no component has a line in the access log, whoever has answered it; nothing has two.
func TestRejectedRequestsAreTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "vitrine.yaml")
	if err := os.WriteFile(file, []byte(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components:
    - {name: cart, source: {file: `+testref.File(t, "rust-http-full-p2")+`}, limits: {body: 40, headers: 2Ki}}
  triggers:
    - http: {path: /hello, methods: [GET], component: cart}
    - http: {path: /echo, component: cart}
    - http: {path: /env, host: shop.example, component: cart}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		raw    string
		status int
		line   string // of the access log, behind the time
	}{
		{"GET /nowhere?token=hunter2 HTTP/1.1\r\nHost: a\r\n\r\n", 404, `GET /nowhere 404 TOOK -`},
		{"GET /env HTTP/1.1\r\nHost: other.example\r\n\r\n", 404, `GET /env 404 TOOK -`},
		{"PUT /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405, `PUT /hello 405 TOOK -`},
		{"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501, `CONNECT \S+ 501 TOOK -`},
		{"GET /hello HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", 400, `- - 400 TOOK -`},
		{"GET /hello HTTP/1.1\r\n\r\n", 400, `- - 400 TOOK -`},
		{"GET /hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, `- - 501 TOOK -`},
		{"GET /hello HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 200_000) + "\r\n\r\n", 431, `- - 431 TOOK -`},
		{"GET /hello HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 3000) + "\r\n\r\n", 431, `GET /hello 431 TOOK cart headers`},
		{"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 41\r\n\r\n" + strings.Repeat("x", 41), 413, `POST /echo 413 TOOK cart body`},
		{"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", 200, `GET /hello 200 TOOK cart`},
	}
	s := up(t, nil, "--access-log", file)
	for _, c := range cases {
		if got := s.sends(c.raw, 1); got[0] != c.status {
			t.Errorf("%.80q: %d, wanted %d", c.raw, got[0], c.status)
		}
	}
	s.stop()
	lines := anyAccessLine.FindAllString(s.stderr(), -1)
	if len(lines) != len(cases) || strings.Contains(s.stderr(), "hunter2") {
		t.Errorf("%d lines of %d requests: %q", len(lines), len(cases), lines)
	}
	want := map[string]int{}
	for _, c := range cases {
		want[c.line]++
	}
	for line, times := range want {
		re := regexp.MustCompile(`^\d\d:\d\d:\d\d ` + strings.ReplaceAll(line, "TOOK", `[\d.]+(?:µs|ms|s)`) + `(?: [0-9a-f]{8})?$`)
		n := 0
		for _, l := range lines {
			if re.MatchString(l) {
				n++
			}
		}
		if n != times {
			t.Errorf("%s is there %d times, wanted %d: %q", line, n, times, lines)
		}
	}
}

// TestRejectedRequestsAreNotForged: an answer whose bytes are those of a refusal makes no line of a request that there was not; a refusal on a
// connection that has answered a request does.
func TestRejectedRequestsAreNotForged(t *testing.T) {
	s := up(t, nil, "--access-log", member(t, t.TempDir(), "one", "/", ""))
	c, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	refusal := "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"
	fmt.Fprintf(c, "POST /echo HTTP/1.0\r\nHost: a\r\nContent-Length: %d\r\n\r\na", 1+len(refusal)) // to HTTP/1.0 no chunks are sent
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 1)); err != nil { // the rest is written apart
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, refusal)
	if rest, err := io.ReadAll(resp.Body); string(rest) != refusal || err != nil {
		t.Fatalf("%q, %v", rest, err)
	}
	s.sends("GET /hello HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\n\r\n", 2)
	s.stop()
	if lines := anyAccessLine.FindAllString(s.stderr(), -1); len(lines) != 3 || strings.Count(s.stderr(), " - - 400 ") != 1 {
		t.Errorf("want lines of /echo, /hello and a refusal: %q", lines)
	}
}

// TestRejectedRequestsJSON: the same as records, without fields that are not known.
func TestRejectedRequestsJSON(t *testing.T) {
	s := up(t, nil, "--access-log", "--log-format", "json", member(t, t.TempDir(), "one", "/hello", ""))
	s.sends("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 1)
	s.sends("GET / HTTP/1.1\r\n\r\n", 1)
	s.stop()
	all := s.stderr()
	for _, want := range []string{`"msg":"request","method":"GET","path":"/nowhere","status":404,"duration_ms":`, `"msg":"request","status":400,"duration_ms":`} {
		if strings.Count(all, want) != 1 {
			t.Errorf("no %s, or several, in\n%s", want, all)
		}
	}
}
