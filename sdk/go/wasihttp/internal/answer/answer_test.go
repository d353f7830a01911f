package answer

import (
	"net/http"
	"strings"
	"testing"
)

// body counts how often it is closed.
type body struct {
	strings.Reader
	closed int
}

func (b *body) Close() error { b.closed++; return nil }

// nowhere refuses every response.
type nowhere struct{}

func (nowhere) Begin(int, http.Header, bool) (Body, error) { return nil, ErrClosed }
func (nowhere) Fail(string)                                {}

// TestBodyIsClosed: the request's body is closed whatever a handler puts in its place, and when the handler aborts.
func TestBodyIsClosed(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"as it is":     func(http.ResponseWriter, *http.Request) {},
		"another body": func(_ http.ResponseWriter, r *http.Request) { r.Body = http.NoBody },
		"none":         func(_ http.ResponseWriter, r *http.Request) { r.Body = nil },
		"aborted": func(_ http.ResponseWriter, r *http.Request) {
			r.Body = nil
			panic(http.ErrAbortHandler)
		},
	} {
		b := &body{}
		Serve(h, &http.Request{Body: b}, nowhere{})
		if b.closed != 1 {
			t.Errorf("%s: closed %d times", name, b.closed)
		}
	}
}
