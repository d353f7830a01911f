package main

import (
	"strings"
	"testing"
	"time"
)

// TestReply feeds answers in pieces of every size: what comes of them does not depend on how they were cut.
func TestReply(t *testing.T) {
	for _, c := range []struct {
		text         string
		status, body int
		close        bool
	}{
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, 5, false},
		{"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nConnection: close\r\n\r\n", 200, 0, true},
		{"HTTP/1.1 204 No Content\r\n\r\n", 204, 0, false},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\na;x=y\r\n0123456789\r\n0\r\n\r\n", 200, 13, false},
		{"HTTP/1.1 503 Service Unavailable\r\ntransfer-encoding: chunked\r\n\r\n1\r\n\r\r\n0\r\nx-n: 1\r\nx-m: 2\r\n\r\n", 503, 1, false},
	} {
		for piece := 1; piece <= len(c.text); piece++ {
			var r reply
			r.reset()
			for at := 0; at < len(c.text); at += piece {
				done, err := r.feed([]byte(c.text[at:min(at+piece, len(c.text))]))
				if err != nil {
					t.Fatalf("%q in pieces of %d: %v", c.text, piece, err)
				}
				if last := at+piece >= len(c.text); done != last {
					t.Fatalf("%q in pieces of %d: done at %d: %v", c.text, piece, at, done)
				}
			}
			if r.status != c.status || r.body != c.body || r.close != c.close {
				t.Errorf("%q in pieces of %d: status %d, %d bytes, close %v", c.text, piece, r.status, r.body, r.close)
			}
		}
	}
	for _, bad := range []string{
		"HTTP/1.0 200 OK\r\n\r\n", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nrest without a length", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	} {
		var r reply
		if _, err := r.feed([]byte(bad)); err == nil || !strings.Contains(err.Error(), "HTTP/1.1") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestParseWrk(t *testing.T) {
	got := parseWrk(`Running 1s test @ http://127.0.0.1:8000/hello
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.72ms    4.80ms  61.63ms   92.58%
    Req/Sec    39.17k     6.49k   47.72k    85.00%
  Latency Distribution
     50%  612.00us
     75%    1.01ms
     90%    3.53ms
     99%   25.40ms
  78019 requests in 2.02s, 10.19MB read
  Socket errors: connect 0, read 3, write 0, timeout 1
  Non-2xx or 3xx responses: 7
Requests/sec:  38623.27
Transfer/sec:      5.04MB
`)
	want := load{Requests: 78019, Errors: 11, FirstErr: "Non-2xx or 3xx responses: 7", PerSec: 38623.27, P50: 612 * time.Microsecond, P99: 25400 * time.Microsecond, Max: 61630 * time.Microsecond}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
