package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestHostileWASI: limits bound hostile calls of WASI by a guest, its clients and its upstreams, while the component serves
// other requests.
func TestHostileWASI(t *testing.T) {
	over := make(chan struct{})
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/endless":
			for chunk := make([]byte, 64<<10); ; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		case "/bomb":
			for i := range 1000 {
				w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 1000))
			}
		case "/silent":
			select {
			case <-over:
			case <-r.Context().Done():
			}
		}
	}))
	defer peer.Close()
	defer close(over)
	s := up(t, nil, "--deadline", "2s", "--body", "1Mi", "--max-instances", "4", "--queue", "2", "--allow-http", "*", httpGuest)
	fetch := func(from string) string { return "/fetch?url=" + url.QueryEscape(from) }
	recursion := s.base + "/hello"
	for range 6 {
		recursion = s.base + fetch(recursion)
	}
	bomb := make([]string, 0, 8000)
	for i := range cap(bomb) / 2 {
		bomb = append(bomb, fmt.Sprintf("X-%d", i), strings.Repeat("x", 40))
	}
	large := strings.Repeat("x", 1<<19)
	for _, c := range []struct {
		name, path, body string
		header           []string
		status, or       int
		text             string // its beginning
		length           int    // 0: any
		broken           bool
	}{
		{name: "a wait of 584 years", path: "/join?n=1&ms=18446744073709", status: 504, text: "the component took too long"},
		{name: "a poll of 20000", path: "/join?n=20000&ms=1", status: 200, text: "20000 timers"},
		{name: "a body that nobody reads", path: "/hello", body: large, status: 200, text: "hello"},
		{name: "a body that is larger than may be", path: "/hello", body: large + large + "x", status: 413},
		{name: "a response without end", path: "/chunks?n=10000000&ms=0&size=65536", status: 200, text: "chunk 0", broken: true},
		{name: "an answer without end", path: fetch(peer.URL + "/endless"), status: 200, length: 1 << 20},
		{name: "an answer that does not come", path: fetch(peer.URL + "/silent"), status: 504},
		{name: "a bomb of headers", path: "/hello", header: bomb, status: 431},
		{name: "a bomb of headers in an answer", path: fetch(peer.URL + "/bomb"), status: 502, text: "upstream: ErrorCode::HttpResponseHeaderSectionSize"},
		// All levels end at the same time: if an inner one is first, the outer ones pass its response on.
		{name: "guest→host→guest recursion", path: strings.TrimPrefix(recursion, s.base), status: 504, or: 200, text: "the component took too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			stop := func() (int, error) { return 1, nil }
			if !strings.Contains(c.name, "recursion") { // which uses all instances
				stop = s.probeNeighbour()
			}
			status, text, err := s.get(c.path, c.body, c.header...)
			if status != c.status && (c.or == 0 || status != c.or) || (err != nil) != c.broken || !strings.HasPrefix(text, c.text) || c.length != 0 && len(text) != c.length {
				t.Errorf("%d, %d bytes %.200q, %v", status, len(text), text, err)
			}
			if n, err := stop(); err != nil {
				t.Errorf("after %d answers another request failed: %v", n, err)
			}
			s.expect("/hello", "", 200, "hello from rust-http-full-p2\n")
		})
	}
	// A client that announces a body and sends none.
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "POST /count HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n")
	answer := make([]byte, 100)
	n, err := conn.Read(answer)
	if err != nil && !errors.Is(err, io.EOF) || !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 504 ")) {
		t.Errorf("a body that does not come: %q, %v", answer[:n], err)
	}
	s.expect("/hello", "", 200, "hello from rust-http-full-p2\n")
}

// TestHostileCommands: commands that use as much as their limits allow.
func TestHostileCommands(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		out  string // all of it
	}{
		{[]string{"run", "--tables", "200000", "--memory", "16Mi", testref.File(t, "wat-table-grow")}, 0, ""},
		{[]string{"run", "--memory", "64Mi", testref.File(t, "wat-table-grow")}, 0, ""}, // the tables to their default
		{[]string{"run", testref.File(t, "rust-cli-ctors-p2")}, 0,
			"args=[\"rust-cli-ctors-p2.component.wasm\"] greeting=Err(NotPresent)\n/: Capabilities insufficient (os error 76)\n.: Capabilities insufficient (os error 76)\nstdin lines=0\n"},
		{[]string{"run", "--dir", t.TempDir() + "::.", "--files", "10", testref.File(t, "rust-cli-hostile"), "files", "1000"}, 0, "9 open, then OutOfMemory\n"},
	} {
		if code, out, errs := run(t, "", c.args...); code != c.code || out != c.out {
			t.Errorf("%v: exit %d, %q %s", c.args, code, out, errs)
		}
	}
}
