package artifact

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/vitrine-wasm/vitrine/tests/servers"
)

// faulty is a real registry behind a handler that may answer in its place.
type faulty struct {
	*httptest.Server
	space    string // begins the names of its repositories, as a registry may be shared
	requests atomic.Int64
	// instead answers a request and returns true, or leaves it to the registry.
	instead atomic.Pointer[func(w http.ResponseWriter, r *http.Request) bool]
}

// newRegistry has a registry in the process, go-containerregistry's.
func newRegistry(t *testing.T, referrers bool) *faulty {
	t.Helper()
	return before(t, "", registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(referrers)))
}

// before has a registry behind its handler.
func before(t *testing.T, space string, real http.Handler) *faulty {
	t.Helper()
	f := &faulty{space: space}
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

// distribution is CNCF Distribution for all tests of the package.
var distribution struct {
	mu    sync.Mutex
	real  *servers.Registry
	last  int
	owner *owner
}

// owner is a test that is as long as the package.
type owner struct {
	testing.TB
	cleanup []func()
	dirs    []string
}

func (o *owner) Helper()          {}
func (o *owner) Cleanup(f func()) { o.cleanup = append(o.cleanup, f) }

// TempDir returns a folder that is removed when all tests have ended.
func (o *owner) TempDir() string {
	dir, err := os.MkdirTemp("", "vitrine-registry")
	if err != nil {
		o.Fatal(err)
	}
	o.dirs = append(o.dirs, dir)
	return dir
}

func TestMain(m *testing.M) {
	code := m.Run()
	if o := distribution.owner; o != nil {
		for _, f := range o.cleanup {
			f()
		}
		for _, dir := range o.dirs {
			_ = os.RemoveAll(dir)
		}
	}
	os.Exit(code)
}

// newDistribution has repositories of their own in CNCF Distribution, which has no list of referrers.
func newDistribution(t *testing.T) (*faulty, *servers.Registry) {
	t.Helper()
	distribution.mu.Lock()
	defer distribution.mu.Unlock()
	if distribution.real == nil {
		o := &owner{TB: t}
		distribution.real = servers.StartRegistry(o)
		distribution.owner = o
	}
	distribution.last++
	to := &url.URL{Scheme: "http", Host: distribution.real.Addr}
	proxy := &httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host },
		ErrorLog: log.New(io.Discard, "", 0),
	}
	return before(t, fmt.Sprintf("t%d/", distribution.last), proxy), distribution.real
}

// eachRegistry runs a test against every registry.
func eachRegistry(t *testing.T, do func(t *testing.T, f *faulty)) {
	t.Run("go-containerregistry", func(t *testing.T) { do(t, newRegistry(t, true)) })
	t.Run("distribution", func(t *testing.T) {
		f, _ := newDistribution(t)
		do(t, f)
	})
}

func (f *faulty) host() string { return strings.TrimPrefix(f.URL, "http://") }

func (f *faulty) ref(t *testing.T, rest string) Reference {
	t.Helper()
	ref, err := ParseReference(f.host() + "/" + f.space + rest)
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
