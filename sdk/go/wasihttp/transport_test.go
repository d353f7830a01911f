package wasihttp

import (
	"context"
	"errors"
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
		if got := header(r).Get("Content-Length"); got != c.want {
			t.Errorf("%q with %v of %d bytes: %q, want %q", c.method, c.body, c.length, got, c.want)
		}
		if r.Header.Get("Content-Length") != "99" {
			t.Error("the caller's header was changed")
		}
	}
}

// TestHeeding: a body is not read on when its context has ended, and can be closed.
func TestHeeding(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	body := heeding{ctx, io.NopCloser(strings.NewReader("abc"))}
	b := make([]byte, 1)
	if n, err := body.Read(b); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	cancel()
	if n, err := body.Read(b); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d, %v", n, err)
	}
	if err := body.Close(); err != nil {
		t.Error(err)
	}
}
