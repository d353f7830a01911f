package head

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestLength: the length is that of the body which is sent, and not what a header that was copied says.
func TestLength(t *testing.T) {
	some := func() io.ReadCloser { return io.NopCloser(strings.NewReader("abc")) }
	for _, c := range []struct {
		method string
		body   io.ReadCloser
		length int64
		want   string
	}{
		{"GET", nil, 0, ""}, {"", http.NoBody, 0, ""}, {"DELETE", nil, 0, ""}, {"POST", nil, 0, "0"}, {"PUT", http.NoBody, -1, "0"},
		{"PATCH", nil, 5, "0"}, {"POST", some(), 3, "3"}, {"POST", some(), 0, ""}, {"POST", some(), -1, ""},
	} {
		r := &http.Request{Method: c.method, Body: c.body, ContentLength: c.length, Header: http.Header{"Content-Length": {"99"}}}
		if got := Sent(r).Get("Content-Length"); got != c.want {
			t.Errorf("%q with %v of %d bytes: %q, want %q", c.method, c.body, c.length, got, c.want)
		}
		if r.Header.Get("Content-Length") != "99" {
			t.Error("the caller's header was changed")
		}
	}
}
