package artifact

import (
	"context"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/registry"
)

// faulty is a real registry, in the process, behind a handler that may answer in its place.
type faulty struct {
	*httptest.Server
	requests atomic.Int64
	// instead answers a request and returns true, or leaves it to the registry.
	instead atomic.Pointer[func(w http.ResponseWriter, r *http.Request) bool]
}

func newRegistry(t *testing.T, referrers bool) *faulty {
	t.Helper()
	f := &faulty{}
	real := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(referrers))
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.requests.Add(1)
		if instead := f.instead.Load(); instead != nil && (*instead)(w, r) {
			return
		}
		real.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *faulty) host() string { return strings.TrimPrefix(f.URL, "http://") }

func (f *faulty) ref(t *testing.T, rest string) Reference {
	t.Helper()
	ref, err := ParseReference(f.host() + "/" + rest)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// fail answers requests whose path has part.
func (f *faulty) fail(part string, h http.HandlerFunc) {
	instead := func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, part) {
			h(w, r)
			return true
		}
		return false
	}
	f.instead.Store(&instead)
}

// anonymous has no credentials, whatever the machine has.
type anonymous struct{}

func (anonymous) Resolve(authn.Resource) (authn.Authenticator, error) { return authn.Anonymous, nil }

func newStore(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := New(Config{CacheDir: dir, Logger: slog.New(slog.DiscardHandler), keychain: anonymous{}, backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// wasm is a component without anything, with a custom section that makes it another one.
func wasm(text string) []byte {
	body := append([]byte{byte(len("description"))}, "description"+text...)
	return append([]byte("\x00asm\x0d\x00\x01\x00"), append([]byte{0, byte(len(body))}, body...)...)
}

func push(t *testing.T, ref Reference, text string) Reference {
	t.Helper()
	exact, err := newStore(t, "").PushComponent(context.Background(), ref, &Component{Wasm: wasm(text), Exports: []string{"wasi:cli/run@0.2.0"}})
	if err != nil {
		t.Fatal(err)
	}
	return exact
}
