package http

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"time"
)

// Rejection is a request that was answered before it was known for which workload it is: there is no route for it, or it is malformed.
type Rejection struct {
	// Request is the request; nil where even its head could not be read. It must not be changed.
	Request *http.Request
	Start   time.Time
	End     time.Time
	Status  int   // 404, 405, 400, 431 …
	Sent    int64 // bytes of the answer's body
}

// begin is when a request begins that may be rejected; zero where nobody asks, so that it costs no look at the clock.
func (f *front) begin() (start time.Time) {
	if f.rejected != nil {
		start = time.Now()
	}
	return start
}

// tellRejected tells of a request that was rejected.
func (f *front) tellRejected(r *http.Request, start time.Time, status int, sent int64) {
	if f.rejected != nil {
		f.rejected(r.Context(), Rejection{Request: r, Start: start, End: time.Now(), Status: status, Sent: sent})
	}
}

// statusLine begins an answer of HTTP/1.1, and refusedFields follow in one that net/http gives to a request whose head it refuses: in no other that it writes
// are these all of its fields.
var (
	statusLine    = []byte("HTTP/1.1 ")
	refusedFields = []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")
)

// refusal finds the status in such an answer, and how long its body is.
func refusal(p []byte) (status int, sent int64, ok bool) {
	line, found := bytes.CutPrefix(p, statusLine)
	if !found || len(line) < 3 || line[0] != '4' && line[0] != '5' {
		return 0, 0, false
	}
	at := bytes.Index(line, refusedFields)
	if at < 0 || bytes.IndexByte(line[:at], '\r') >= 0 {
		return 0, 0, false
	}
	status, err := strconv.Atoi(string(line[:3]))
	return status, int64(len(line) - at - len(refusedFields)), err == nil
}

// watch has a connection tell of requests that net/http refuses by itself, while no handler answers one.
func (f *front) watch(ctx context.Context, c *framedConn) {
	if f.rejected == nil {
		return
	}
	c.wrote = func(p []byte) {
		if status, sent, ok := refusal(p); ok {
			now := time.Now()
			f.rejected(ctx, Rejection{Start: now, End: now, Status: status, Sent: sent})
		}
	}
}
