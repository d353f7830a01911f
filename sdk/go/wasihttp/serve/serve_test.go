package serve

import (
	"net/http"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/message"
)

// body counts how often it is closed.
type body struct {
	strings.Reader
	closed int
}

func (b *body) Close() error { b.closed++; return nil }

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
		w := &writer{header: http.Header{}, err: message.ErrClosed} // nothing is sent to a host
		w.answer(h, &http.Request{Body: b})
		if b.closed != 1 {
			t.Errorf("%s: closed %d times", name, b.closed)
		}
	}
}
