package e2e

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// rawUpstream responds to each connection with fixed bytes and returns the heads of the requests.
func rawUpstream(t *testing.T, answer string) (addr string, heads <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	got := make(chan string, 100)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			var head strings.Builder
			for r := bufio.NewReader(c); !strings.HasSuffix(head.String(), "\r\n\r\n"); {
				line, err := r.ReadString('\n')
				if head.WriteString(line); err != nil {
					break
				}
			}
			got <- head.String()
			_, _ = io.WriteString(c, answer)
			c.Close()
		}
	}()
	return l.Addr().String(), got
}

// roundTrip sends bytes on a new connection and reads the response.
func (s *server) roundTrip(text string) (status int, body string, closed bool) {
	s.t.Helper()
	c := s.dial()
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	send(s.t, c, text)
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		s.t.Errorf("%.100q: %v", text, err)
		return 0, "", true
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Errorf("%.100q: %v", text, err)
	}
	return resp.StatusCode, string(b), resp.Close
}

// TestBytesAreUnchanged: guests send and receive the bytes of the wire, and malformed requests get 400.
func TestBytesAreUnchanged(t *testing.T) {
	addr, heads := rawUpstream(t, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
	s := up(t, nil, "--allow-http", "*", testref.File(t, "rust-http-full-p2"))
	for sent, want := range map[string]string{"/a%252Fb%7Cc": "/a%2Fb|c", "//double": "//double", "/a%3F": "/a?", "/%2541%3Fb%7C%3D%2525": "/%41?b|=%25"} {
		s.expect("/fetch?url=http://"+addr+sent, "", 200, "")
		if line, _, _ := strings.Cut(<-heads, "\r\n"); line != "GET "+want+" HTTP/1.1" {
			t.Errorf("%s went out as %q", sent, line)
		}
	}
	if strings.Contains(s.stderr(), "splice") {
		t.Errorf("an answer without a body does not end well: %s", s.stderr())
	}
	for _, target := range []string{"/\xff", "/?\xc3", "http://\xff/", "/a#b", "*"} {
		if status, body, closed := s.roundTrip("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n"); status != 400 || !closed {
			t.Errorf("%q: %d %q, closed %v", target, status, body, closed)
		}
	}
	for _, target := range []string{"CONNECT / HTTP/1.1", "CONNECT h HTTP/1.1"} {
		if status, body, _ := s.roundTrip(target + "\r\nHost: h\r\n\r\n"); status != 400 {
			t.Errorf("%q: %d %q", target, status, body)
		}
	}
	chunked := "POST /count HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, body := range []string{"zz\r\n", "5\r\nhelloXX", "0\r\nno trailer\r\n\r\n"} {
		if status, body, closed := s.roundTrip(chunked + body); status != 400 || !closed {
			t.Errorf("%q: %d, closed %v", body, status, closed)
		}
	}
	if status, body, _ := s.roundTrip("GET /headers HTTP/1.1\r\nHost: h\r\nProxy-Authorization: x\r\nX-A: \xff\r\n\r\n"); status != 200 ||
		strings.Contains(body, "host:") || strings.Contains(body, "proxy-") || !strings.Contains(body, `authority: Some("h")`) || !strings.Contains(body, "x-a: ") {
		t.Errorf("headers: %d\n%s", status, body)
	}
	if said := s.stderr(); strings.Contains(said, "trap") || strings.Contains(said, "went away") {
		t.Errorf("malformed requests are reported as failures of guests: %s", said)
	}
}

// TestContextWithoutTelemetry: the trace context is propagated even if nothing is exported.
func TestContextWithoutTelemetry(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, env := range map[string][]string{
		"no exporter": nil, "SDK off": {"OTEL_SDK_DISABLED=true", "OTEL_TRACES_EXPORTER=console"}, "no propagator": {"OTEL_PROPAGATORS=none"},
	} {
		t.Run(name, func(t *testing.T) {
			addr, heads := rawUpstream(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			s := up(t, env, "--allow-http", "*", testref.File(t, "rust-http-full-p2"))
			status, body, err := s.get("/fetch?url=http://"+addr+"/", "", "traceparent", parent, "tracestate", "a=1", "baggage", "k=v")
			if status != 200 || body != "ok" || err != nil {
				t.Fatal(status, body, err)
			}
			head := strings.ToLower(<-heads)
			for _, line := range []string{"traceparent: " + parent, "tracestate: a=1", "baggage: k=v"} {
				if strings.Contains(head, "\r\n"+line+"\r\n") != (name != "no propagator") {
					t.Errorf("%s: upstream got\n%s", line, head)
				}
			}
		})
	}
}
