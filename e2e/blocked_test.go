package e2e

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/vitrine-wasm/vitrine/tests/ending"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// stalledClients send a request and then read little or nothing, or do not send the body. Closing the connection ends them.
var stalledClients = map[string]func(t *testing.T, s *server) net.Conn{
	"HTTP/1": func(t *testing.T, s *server) net.Conn {
		c := s.dial()
		send(t, c, "GET /chunks?n=100000000&ms=0 HTTP/1.1\r\nHost: h\r\n\r\n")
		return c
	},
	"a byte a second": func(t *testing.T, s *server) net.Conn {
		c := s.dial()
		send(t, c, "GET /chunks?n=100000000&ms=0 HTTP/1.1\r\nHost: h\r\n\r\n")
		go func() {
			for b := []byte{0}; ; time.Sleep(time.Second) {
				if _, err := c.Read(b); err != nil {
					return
				}
			}
		}()
		return c
	},
	"HTTP/2 without a window": func(t *testing.T, s *server) net.Conn {
		c := s.dial()
		requestWithoutWindow(t, c, "/chunks?n=100000000&ms=0")
		go func() { _, _ = io.Copy(io.Discard, c) }()
		return c
	},
	"HTTP/2 that reads nothing": func(t *testing.T, s *server) net.Conn {
		c := s.dial()
		requestWithoutWindow(t, c, "/chunks?n=100000000&ms=0")
		return c
	},
	"a body that does not come": func(t *testing.T, s *server) net.Conn {
		c := s.dial()
		send(t, c, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nx")
		return c
	},
	"a body that was announced": func(t *testing.T, s *server) net.Conn {
		c := s.dial()
		send(t, c, "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n")
		return c
	},
}

// dial connects with the smallest receive buffer.
func (s *server) dial() net.Conn {
	s.t.Helper()
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(smallReceiveBuffer)
	}}
	c, err := d.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// requestWithoutWindow requests a path on an HTTP/2 stream without a flow-control window.
func requestWithoutWindow(t *testing.T, c net.Conn, path string) {
	t.Helper()
	send(t, c, http2.ClientPreface)
	f := http2.NewFramer(c, c)
	var head bytes.Buffer
	e := hpack.NewEncoder(&head)
	for _, h := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", path}} {
		if err := e.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}); err != nil {
		t.Fatal(err)
	}
	if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head.Bytes(), EndHeaders: true, EndStream: true}); err != nil {
		t.Fatal(err)
	}
}

// TestStalledClients: each of them holds the only instance until the deadline, and no longer; the console names the cause.
func TestStalledClients(t *testing.T) {
	for name, ask := range stalledClients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := up(t, nil, "--max-instances", "1", "--deadline", "2s", "--trace", testref.File(t, "rust-http-full-p2"))
			s.expect("/hello", "", 200, "hello from rust-http-full-p2\n")
			c := ask(t, s)
			time.Sleep(time.Second) // it has the instance
			begun := time.Now()
			// This request has the same deadline, so that it may need a second try.
			for {
				status, _, err := s.get("/hello", "")
				if err == nil && status == 200 {
					break
				}
				if time.Since(begun) > 10*time.Second {
					t.Fatalf("the instance is held: %d, %v", status, err)
				}
			}
			s.waitForConsole("took longer than 2s")
			_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
			if !strings.HasPrefix(name, "HTTP/2") { // whose connection may stay open
				r := bufio.NewReader(c)
				if _, err := io.Copy(io.Discard, r); err != nil && strings.Contains(err.Error(), "timeout") {
					t.Error("the connection stays")
				}
			}
		})
	}
}

// TestDrainOfStalledClients: requests that do not end within --drain are cancelled, with 503 if their response has not begun,
// and the server ends with status 0.
func TestDrainOfStalledClients(t *testing.T) {
	for name, ask := range stalledClients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := up(t, nil, "--deadline", "1h", "--drain", "1s", "--trace", testref.File(t, "rust-http-full-p2"))
			ask(t, s)
			var wg sync.WaitGroup
			wg.Go(func() {
				resp, err := http.Get(s.base + "/sleep?ms=3600000")
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				if b, _ := io.ReadAll(resp.Body); resp.StatusCode != 503 || string(b) != "shutting down, try again later\n" {
					t.Errorf("a request that is cancelled before its response gets %d %q", resp.StatusCode, b)
				}
			})
			time.Sleep(time.Second)
			begun := time.Now()
			_ = ending.Terminate(s.cmd.Process)
			select {
			case <-s.done:
			case <-time.After(40 * time.Second):
				t.Errorf("the server does not end")
			}
			wg.Wait()
			if took := time.Since(begun); took > 15*time.Second {
				t.Errorf("the end took %s", took)
			}
			if text := s.stderr(); strings.Count(text, "failed] :: http /: trap: cancelled: shutting down: the time to drain is over") != 2 || !strings.Contains(text, "shutdown") {
				t.Errorf("console: %s", text)
			}
		})
	}
}

// TestFailuresSayWhy: the console says why the host has sent a response of its own, and the client is not told.
func TestFailuresSayWhy(t *testing.T) {
	s := up(t, nil, "--deadline", "2s", "--trace", testref.File(t, "rust-http-full-p2"))
	for path, c := range map[string]struct {
		status     int
		text, says string
	}{
		"/noresponse": {500, "the component failed\n", "failed] :: http /: the handler returned and has set no response"},
		"/error":      {500, "the component failed\n", "failed] :: http /: the handler answered with an error: http: internal-error: told to fail"},
		"/panic":      {500, "the component failed\n", "failed] :: http /: trap: unreachable"},
		"/spin":       {504, "the component took too long\n", "took longer than 2s"},
	} {
		s.expect(path, "", c.status, c.text)
		s.waitForConsole(c.says)
	}
	if _, _, err := s.get("/abort", ""); err == nil {
		t.Error("a body that is dropped ends well")
	}
	s.waitForConsole("failed] :: http /: the handler's answer broke off: http: internal-error: the body was dropped before it was finished")
	s.waitForConsole("unfinished-body") // the trace
	s.waitForConsole("no-response")
}
