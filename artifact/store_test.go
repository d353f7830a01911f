package artifact

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

func TestPushAndFetch(t *testing.T) { eachRegistry(t, testPushAndFetch) }

func testPushAndFetch(t *testing.T, f *faulty) {
	exact := push(t, f.ref(t, "shop/cart:1"), "a cart")
	if again := push(t, f.ref(t, "shop/cart:2"), "a cart"); again.Digest() != exact.Digest() {
		t.Errorf("the same component has the digests %s and %s", exact.Digest(), again.Digest())
	}
	s := newStore(t, t.TempDir())
	a, err := s.Fetch(t.Context(), f.ref(t, "shop/cart:1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Component, wasm("a cart")) || a.Reference.Digest() != exact.Digest() || a.MediaType != typeWasm ||
		a.Annotations["org.opencontainers.image.description"] != "a cart" || a.Stale || a.Key != "" {
		t.Errorf("had %+v", a)
	}
	_, raw, err := s.manifestOf(t.Context(), exact)
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	if m.Config.MediaType != typeConfig || m.Layers[0].MediaType != typeWasm {
		t.Errorf("the manifest is %s", raw)
	}
	config, err := s.blob(t.Context(), exact, *m.Config)
	want := `{"created":"1970-01-01T00:00:00Z","architecture":"wasm","os":"wasip2","layerDigests":["` + m.Layers[0].Digest + `"],"component":{"exports":["wasi:cli/run@0.2.0"],"imports":[]}}`
	if err != nil || string(config) != want {
		t.Errorf("the config is %s, %v; want %s", config, err, want)
	}
}

// A registry that is gone delays and changes nothing that is in the cache, by digest or by a tag that was asked for before.
func TestOffline(t *testing.T) { eachRegistry(t, testOffline) }

func testOffline(t *testing.T, f *faulty) {
	tag, exact := f.ref(t, "shop/cart:1"), push(t, f.ref(t, "shop/cart:1"), "a cart")
	dir := t.TempDir()
	if _, err := newStore(t, dir).Fetch(t.Context(), tag, nil); err != nil {
		t.Fatal(err)
	}
	before := f.requests.Load()
	if _, err := newStore(t, dir).Fetch(t.Context(), exact, nil); err != nil || f.requests.Load() != before {
		t.Errorf("by digest: %v, after %d requests; want none", err, f.requests.Load()-before)
	}
	for _, answer := range []int{500, 503, 429} {
		f.fail("/v2/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(answer) })
		a, err := newStore(t, dir).Fetch(t.Context(), tag, nil)
		if err != nil || !a.Stale || a.Reference.Digest() != exact.Digest() {
			t.Errorf("status %d: %+v, %v", answer, a, err)
		}
	}
	for _, answer := range []int{401, 403, 404} { // it says that the tag is not there, or not for us
		f.fail("/manifests/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(answer) })
		var refused *RegistryError
		if _, err := newStore(t, dir).Fetch(t.Context(), tag, nil); !errors.As(err, &refused) || refused.Status != answer {
			t.Errorf("status %d: %v", answer, err)
		}
	}
	f.Close()
	a, err := newStore(t, dir).Fetch(t.Context(), tag, nil)
	if err != nil || !a.Stale || !bytes.Equal(a.Component, wasm("a cart")) {
		t.Errorf("no registry: %+v, %v", a, err)
	}
	var none *RegistryError
	if _, err := newStore(t, dir).Fetch(t.Context(), f.ref(t, "shop/cart:other"), nil); !errors.As(err, &none) || none.Status != 0 || none.Tries != maxTries {
		t.Errorf("a tag that was never asked for: %v", err)
	}
}

// A registry that takes the connection and then says nothing has TagTime to answer.
func TestSilentRegistry(t *testing.T) { eachRegistry(t, testSilentRegistry) }

func testSilentRegistry(t *testing.T, f *faulty) {
	tag := f.ref(t, "shop/cart:1")
	push(t, tag, "a cart")
	dir := t.TempDir()
	if _, err := newStore(t, dir).Fetch(t.Context(), tag, nil); err != nil {
		t.Fatal(err)
	}
	f.fail("/manifests/", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s := newStore(t, dir)
	s.cfg.TagTime = 10 * time.Millisecond
	a, err := s.Fetch(t.Context(), tag, nil)
	if err != nil || !a.Stale {
		t.Errorf("%+v, %v", a, err)
	}
}

// A tag that was moved is what it stands for now.
func TestMovedTag(t *testing.T) { eachRegistry(t, testMovedTag) }

func testMovedTag(t *testing.T, f *faulty) {
	tag, dir := f.ref(t, "shop/cart:1"), t.TempDir()
	for _, text := range []string{"one", "two"} {
		exact := push(t, tag, text)
		a, err := newStore(t, dir).Fetch(t.Context(), tag, nil)
		if err != nil || a.Reference.Digest() != exact.Digest() || !bytes.Equal(a.Component, wasm(text)) {
			t.Errorf("%s: %+v, %v", text, a, err)
		}
	}
}

// Bytes are what their digests promise, wherever they come from, and none that are not are kept.
func TestIntegrity(t *testing.T) { eachRegistry(t, testIntegrity) }

func testIntegrity(t *testing.T, f *faulty) {
	layer := digestOf(wasm("a cart"))
	for name, c := range map[string]struct {
		path   string
		answer func(w http.ResponseWriter)
		want   string
	}{
		"another manifest": {"/manifests/sha256:", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", typeManifest)
			fmt.Fprint(w, `{"schemaVersion":2}`)
		}, "the manifest is not what the reference promises: want sha256:"},
		"another layer":  {"/blobs/", func(w http.ResponseWriter) { _, _ = w.Write(wasm("a tart")) }, "the layer is not what the manifest promises"},
		"a short layer":  {"/blobs/", func(w http.ResponseWriter) { _, _ = w.Write(wasm("a cart")[:9]) }, "had 9 bytes"},
		"a long layer":   {"/blobs/", func(w http.ResponseWriter) { _, _ = w.Write(append(wasm("a cart"), 0)) }, "had more"},
		"an empty layer": {"/blobs/", func(http.ResponseWriter) {}, "had 0 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			f.instead.Store(nil)
			exact := push(t, f.ref(t, "shop/cart:1"), "a cart")
			dir := t.TempDir()
			f.fail(c.path, func(w http.ResponseWriter, _ *http.Request) { c.answer(w) })
			s := newStore(t, dir)
			var damaged *IntegrityError
			if _, err := s.Fetch(t.Context(), exact, nil); !errors.As(err, &damaged) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("had %v; want %q", err, c.want)
			}
			if _, kept := s.cache.read(layer, 1<<20); kept {
				t.Error("the layer is in the cache")
			}
			f.instead.Store(nil)
			if _, err := s.Fetch(t.Context(), exact, nil); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// What others have written into the cache is fetched again.
func TestChangedCache(t *testing.T) { eachRegistry(t, testChangedCache) }

func testChangedCache(t *testing.T, f *faulty) {
	exact := push(t, f.ref(t, "shop/cart:1"), "a cart")
	dir := t.TempDir()
	s := newStore(t, dir)
	if _, err := s.Fetch(t.Context(), exact, nil); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, cacheFolder, "blobs", "*"))
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if err := os.WriteFile(file, []byte("changed"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a, err := s.Fetch(t.Context(), exact, nil)
	if err != nil || !bytes.Equal(a.Component, wasm("a cart")) {
		t.Errorf("%+v, %v", a, err)
	}
	f.Close()
	if err := os.WriteFile(s.cache.blob(exact.Digest()), []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fetch(t.Context(), exact, nil); err == nil {
		t.Error("a changed manifest is taken where no registry has another")
	}
}

// What may be another answer later is asked for again; what would not is not.
func TestTries(t *testing.T) { eachRegistry(t, testTries) }

func testTries(t *testing.T, f *faulty) {
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter)
		status int
		tries  int
	}{
		"401": {func(w http.ResponseWriter) { w.WriteHeader(401) }, 401, 1},
		"403": {func(w http.ResponseWriter) { w.WriteHeader(403) }, 403, 1},
		"404": {func(w http.ResponseWriter) { w.WriteHeader(404) }, 404, 1},
		"429": {func(w http.ResponseWriter) { w.WriteHeader(429) }, 429, maxTries},
		"500": {func(w http.ResponseWriter) { w.WriteHeader(500) }, 500, maxTries},
		"429, in an hour": {func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
		}, 429, 1},
		"gone": {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, 0, maxTries},
	} {
		t.Run(name, func(t *testing.T) {
			f.instead.Store(nil)
			exact := push(t, f.ref(t, "shop/cart:1"), "a cart")
			f.fail("/blobs/", func(w http.ResponseWriter, _ *http.Request) { c.answer(w) })
			_, err := newStore(t, t.TempDir()).Fetch(t.Context(), exact, nil)
			var e *RegistryError
			if !errors.As(err, &e) || e.Status != c.status || e.Tries != c.tries {
				t.Errorf("had %v; want status %d after %d tries", err, c.status, c.tries)
			}
			if err != nil && strings.Contains(err.Error(), "http://") {
				t.Errorf("the error has an address: %v", err)
			}
		})
	}
}

// A layer whose connection ends in the middle is read again, and so is one for which the registry asks to wait.
func TestComesBack(t *testing.T) { eachRegistry(t, testComesBack) }

func testComesBack(t *testing.T, f *faulty) {
	for name, fault := range map[string]http.HandlerFunc{
		"gone in the middle": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(wasm("a cart"))))
			_, _ = w.Write(wasm("a cart")[:5])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
		"too many requests": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(429)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f.instead.Store(nil)
			exact := push(t, f.ref(t, "shop/cart:1"), "a cart")
			var n atomic.Int64
			instead := func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.Contains(r.URL.Path, "/blobs/") || n.Add(1) > 2 {
					return false
				}
				fault(w, r)
				return true
			}
			f.instead.Store(&instead)
			a, err := newStore(t, t.TempDir()).Fetch(t.Context(), exact, nil)
			if err != nil || !bytes.Equal(a.Component, wasm("a cart")) || n.Load() != 3 {
				t.Errorf("%+v, %v, after %d requests", a, err, n.Load())
			}
		})
	}
}

// Retry-After is waited for.
func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore(t, "")
		var times []time.Time
		err := s.ask(t.Context(), Reference{}, "read", 3, func(ctx context.Context) error {
			times = append(times, time.Now())
			ctx.Value(heardKey{}).(*heard).wait.Store(int64(7 * time.Second))
			return errors.New("busy")
		})
		if err == nil || len(times) != 3 || times[1].Sub(times[0]) != 7*time.Second {
			t.Errorf("%v, at %v", err, times)
		}
	})
}

// The context of the caller ends the wait for another try.
func TestCancelled(t *testing.T) {
	s := newStore(t, "")
	s.cfg.backoff = time.Hour / maxTries
	ctx, cancel := context.WithCancel(t.Context())
	err := s.ask(ctx, Reference{}, "read", maxTries, func(context.Context) error {
		cancel()
		return context.Canceled
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	s.cfg.backoff = maxWait / 2
	s.cfg.Logger = slog.New(onRecord(cancel)) // it is told that the wait begins
	err = s.ask(ctx, Reference{}, "read", maxTries, func(context.Context) error { return io.ErrUnexpectedEOF })
	if !errors.Is(err, context.Canceled) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("in the wait: %v", err)
	}
}

// onRecord is a handler of records that calls a function for each.
type onRecord func()

func (f onRecord) Enabled(context.Context, slog.Level) bool  { return true }
func (f onRecord) Handle(context.Context, slog.Record) error { f(); return nil }
func (f onRecord) WithAttrs([]slog.Attr) slog.Handler        { return f }
func (f onRecord) WithGroup(string) slog.Handler             { return f }

// The URLs of requests stay out of errors, also that of a request for a token, which is within another.
func TestURLsAreLeftOut(t *testing.T) {
	inner := &url.Error{Op: "Get", URL: "https://auth.example.com/?secret=1", Err: io.ErrUnexpectedEOF}
	err := cause(&url.Error{Op: "Get", URL: "https://r.example.com/?secret=2", Err: fmt.Errorf("token: %w", inner)})
	if strings.Contains(err.Error(), "secret") || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

// A stream of HTTP/2 that is reset in the middle of a layer is the connection's fault, and not the layer's.
func TestResetStream(t *testing.T) {
	f := newRegistry(t, true)
	exact := push(t, f.ref(t, "shop/cart:1"), "a cart")
	var resets atomic.Int64
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/blobs/") && resets.Add(1) == 1 {
			_, _ = w.Write([]byte("\x00asm"))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		f.Config.Handler.ServeHTTP(w, r)
	}))
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	s := newStore(t, "")
	s.transport.base.TLSClientConfig = secure.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	s.transport.base.TLSClientConfig.NextProtos = nil
	s.transport.base.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, secure.Listener.Addr().String())
	}
	ref, err := ParseReference("example.com/shop/cart@" + exact.Digest()) // this machine's names are asked without TLS
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Fetch(t.Context(), ref, nil)
	if err != nil || !bytes.Equal(a.Component, wasm("a cart")) || resets.Load() != 2 {
		t.Errorf("%+v, %v, after %d requests", a, err, resets.Load())
	}
}

// An empty layer is an empty component, and not a workload.
func TestEmptyComponent(t *testing.T) { eachRegistry(t, testEmptyComponent) }

func testEmptyComponent(t *testing.T, f *faulty) {
	s := newStore(t, t.TempDir())
	exact, err := s.PushComponent(t.Context(), f.ref(t, "shop/nothing:1"), &Component{})
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{"the registry", "the cache"} {
		a, err := s.Fetch(t.Context(), exact, nil)
		if err != nil || a.Component == nil || len(a.Component) != 0 || a.Document != nil {
			t.Errorf("from %s: %+v, %v", from, a, err)
		}
	}
}

// Requests without TLS stay on this machine, also where a registry redirects them.
func TestPlainHTTP(t *testing.T) {
	s := newStore(t, "")
	for _, text := range []string{"192.0.2.1/shop/cart:1", "10.0.0.1:5000/shop/cart:1", "registry.local/shop/cart:1"} {
		ref, err := ParseReference(text)
		if err != nil {
			t.Fatal(err)
		}
		if ref.ref.Context().Scheme() != "http" {
			continue
		}
		r, _ := http.NewRequest(http.MethodGet, "http://"+ref.Registry()+"/v2/", nil)
		var plain *plainError
		if _, err := s.transport.RoundTrip(r); !errors.As(err, &plain) {
			t.Errorf("%s: %v", text, err)
		}
	}
	f := newRegistry(t, true)
	exact := push(t, f.ref(t, "shop/cart:1"), "a cart")
	f.fail("/blobs/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://blobs.example.com/x", http.StatusTemporaryRedirect)
	})
	_, err := s.Fetch(t.Context(), exact, nil)
	var e *RegistryError
	if !errors.As(err, &e) || e.Tries != 1 || !strings.Contains(err.Error(), "without TLS") {
		t.Error(err)
	}
}

// Credentials are those that a keychain has for the registry.
func TestCredentials(t *testing.T) {
	f := newRegistry(t, true)
	exact := push(t, f.ref(t, "shop/cart:1"), "a cart")
	instead := func(w http.ResponseWriter, r *http.Request) bool {
		if _, password, _ := r.BasicAuth(); password == "right" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="shop"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	f.instead.Store(&instead)
	for password, good := range map[string]bool{"right": true, "hunter2": false} {
		s := newStore(t, "")
		s.cfg.keychain = keychain{password}
		_, err := s.Fetch(t.Context(), exact, nil)
		var refused *RegistryError
		if good != (err == nil) || !good && (!errors.As(err, &refused) || refused.Status != 401) || err != nil && strings.Contains(err.Error(), password) {
			t.Errorf("%s: %v", password, err)
		}
	}
}

type keychain struct{ password string }

func (k keychain) Resolve(authn.Resource) (authn.Authenticator, error) {
	return &authn.Basic{Username: "me", Password: k.password}, nil
}

// What others push is read, and what is no component is refused with what it is.
func TestFormats(t *testing.T) { eachRegistry(t, testFormats) }

func testFormats(t *testing.T, f *faulty) {
	s := newStore(t, "")
	body := wasm("a cart")
	pushed := func(config string, layers ...string) Reference {
		c := describe(config, blank)
		m := &manifest{SchemaVersion: 2, MediaType: typeManifest, Config: &c}
		blobs := []string{}
		for _, l := range layers {
			m.Layers = append(m.Layers, describe(l, body))
			blobs = append(blobs, l)
		}
		ref := f.ref(t, "shop/cart:x")
		for _, l := range blobs {
			if err := s.upload(t.Context(), ref, encode(m), typeManifest, blobOf(blank, config), blobOf(body, l)); err != nil {
				t.Fatal(err)
			}
		}
		if len(blobs) == 0 {
			if err := s.upload(t.Context(), ref, encode(m), typeManifest, blobOf(blank, config)); err != nil {
				t.Fatal(err)
			}
		}
		return ref.At(digestOf(encode(m)))
	}
	for name, c := range map[string]struct {
		config string
		layers []string
		want   string // empty: it is a component
	}{
		"working group":    {typeConfig, []string{typeWasm}, ""},
		"wasmCloud, older": {"application/vnd.wasmcloud.actor.archive.config", []string{typeModuleWasm}, ""},
		"Spin":             {typeSpinConfig, []string{typeSpinWasm, "application/vnd.wasm.content.layer.v1+data"}, ""},
		"Spin, two":        {typeSpinConfig, []string{typeSpinWasm, typeSpinWasm}, "an application of Spin with 2 components"},
		"two":              {typeConfig, []string{typeWasm, typeWasm}, "2 layers with WebAssembly"},
		"image":            {"application/vnd.oci.image.config.v1+json", []string{"application/vnd.oci.image.layer.v1.tar+gzip"}, "its layers are application/vnd.oci.image.layer.v1.tar+gzip"},
		"nothing":          {typeConfig, nil, "it has no layer"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := s.Fetch(t.Context(), pushed(c.config, c.layers...), nil)
			switch {
			case c.want == "" && (err != nil || !bytes.Equal(a.Component, body)):
				t.Errorf("%+v, %v", a, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("had %v; want %q", err, c.want)
			}
		})
	}
}

// A manifest cannot have more read than a component may be, or have a digest that leads out of the cache.
func TestHostileManifests(t *testing.T) { eachRegistry(t, testHostileManifests) }

func testHostileManifests(t *testing.T, f *faulty) {
	for name, c := range map[string]struct{ text, want string }{
		"huge":       {`{"schemaVersion":2,"layers":[{"mediaType":"application/wasm","size":9000000000000,"digest":"` + digestOf(nil) + `"}]}`, "9000000000000 bytes"},
		"negative":   {`{"schemaVersion":2,"layers":[{"mediaType":"application/wasm","size":-1,"digest":"` + digestOf(nil) + `"}]}`, "the manifest has the size -1"},
		"path":       {`{"schemaVersion":2,"layers":[{"mediaType":"application/wasm","size":1,"digest":"sha256:../../../etc/passwd"}]}`, "sha256:../../../etc/passwd"},
		"other hash": {`{"schemaVersion":2,"layers":[{"mediaType":"application/wasm","size":1,"digest":"md5:00"}]}`, "want sha256:"},
		"no JSON":    {`<html>`, "no JSON"},
		"other form": {`{"schemaVersion":1}`, "schema version 1"},
		"types":      {`{"schemaVersion":2,"layers":"x"}`, "no JSON"},
		"index":      {`{"schemaVersion":2,"manifests":[{"mediaType":"x","size":1,"digest":"` + digestOf(nil) + `"}]}`, "an index of images"},
	} {
		t.Run(name, func(t *testing.T) {
			f.fail("/manifests/", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", typeManifest)
				fmt.Fprint(w, c.text)
			})
			_, err := newStore(t, t.TempDir()).Fetch(t.Context(), f.ref(t, "shop/cart:1"), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("had %v; want %q", err, c.want)
			}
		})
	}
}

// Of a manifest, or a list of signatures, without an end a bounded part is read, once.
func TestEndless(t *testing.T) { eachRegistry(t, testEndless) }

func testEndless(t *testing.T, f *faulty) {
	exact := push(t, f.ref(t, "shop/cart:1"), "a cart")
	_, policy := pair(t)
	for part, do := range map[string]func(s *Store) error{
		"/manifests/": func(s *Store) error { _, err := s.Fetch(t.Context(), exact, nil); return err },
		"/referrers/": func(s *Store) error { _, err := s.Verify(t.Context(), exact, policy); return err },
	} {
		var sent, asked atomic.Int64
		f.fail(part, func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.Header().Set("Content-Type", typeIndex)
			for block := bytes.Repeat([]byte(" "), 1<<20); sent.Load() < 90<<20; sent.Add(1 << 20) {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		})
		err := do(newStore(t, t.TempDir()))
		if err == nil || !strings.Contains(err.Error(), "is larger than 4194304 bytes") {
			t.Errorf("%s: %v", part, err)
		}
		if n := asked.Load(); n != 1 || sent.Load() > 60<<20 {
			t.Errorf("%s: asked %d times, had %d bytes", part, n, sent.Load())
		}
	}
}

func TestCacheFolder(t *testing.T) {
	dir := t.TempDir()
	newStore(t, dir)
	if runtime.GOOS == "windows" {
		return
	}
	info, err := os.Stat(filepath.Join(dir, cacheFolder))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Fatal(info.Mode(), err)
	}
	if err := os.Chmod(filepath.Join(dir, cacheFolder, "tags"), 0o777); err != nil {
		t.Fatal(err)
	}
	var untrusted *UntrustedCacheError
	if _, err := New(Config{CacheDir: dir}); !errors.As(err, &untrusted) {
		t.Error(err)
	}
}

// The cache keeps what was used last, within its bound.
func TestCacheBound(t *testing.T) {
	c, err := openCache(t.TempDir(), 100)
	if err != nil {
		t.Fatal(err)
	}
	blobs := make([][]byte, 4)
	for i := range blobs {
		blobs[i] = bytes.Repeat([]byte{byte(i)}, 40)
		if err := c.write(digestOf(blobs[i]), blobs[i]); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(time.Duration(i-10) * time.Hour)
		if err := os.Chtimes(c.blob(digestOf(blobs[i])), at, at); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []bool{false, false, true, true} {
		if _, had := c.read(digestOf(blobs[i]), 100); had != want {
			t.Errorf("blob %d is kept: %v, want %v", i, had, want)
		}
	}
}

// Several may use one cache and one store.
func TestAtOnce(t *testing.T) { eachRegistry(t, testAtOnce) }

func testAtOnce(t *testing.T, f *faulty) {
	tag := f.ref(t, "shop/cart:1")
	push(t, tag, "a cart")
	dir := t.TempDir()
	shared := newStore(t, dir)
	var wg sync.WaitGroup
	for i := range 8 {
		s := shared
		if i%2 == 0 {
			s = newStore(t, dir)
		}
		wg.Go(func() {
			if a, err := s.Fetch(t.Context(), tag, nil); err != nil || !bytes.Equal(a.Component, wasm("a cart")) {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
	wg.Wait()
}

func TestReferences(t *testing.T) {
	digest := digestOf(nil)
	for text, want := range map[string]string{
		"registry.example.com/shop/cart:1.2":         "registry.example.com/shop/cart:1.2",
		"registry.example.com/shop/cart":             "registry.example.com/shop/cart:latest",
		"localhost:5000/cart:x":                      "localhost:5000/cart:x",
		"localhost/cart@" + digest:                   "localhost/cart@" + digest,
		"registry.example.com/shop/cart:1@" + digest: "registry.example.com/shop/cart@" + digest,
		"shop/cart":                            "",
		"cart":                                 "",
		"":                                     "",
		"registry.example.com/":                "",
		"registry.example.com/Shop:1":          "",
		"registry.example.com/a@sha256:12":     "",
		"registry.example.com/a@md5:" + digest: "",
		"./a.b/c":                              "",
		"registry.example.com/a b":             "",
	} {
		ref, err := ParseReference(text)
		var bad *ReferenceError
		if want == "" && !errors.As(err, &bad) || want != "" && (err != nil || ref.String() != want) {
			t.Errorf("%q: %s, %v; want %q", text, ref, err, want)
		}
	}
	for text, want := range map[string]bool{
		"registry.example.com/shop/cart:1": true, "localhost:5000/cart": true, "shop/cart.wasm": false, "./shop": false, "../shop/x": false,
		"my.folder/cart.wasm": false, "my.folder/vitrine.yaml": false, "shop": false, "/abs.x/y": false, "": false,
	} {
		if IsReference(text) != want {
			t.Errorf("%q is a reference: %v", text, !want)
		}
	}
}

func TestMetadata(t *testing.T) {
	good := wasm("a cart")
	if m := metadata(good); m["org.opencontainers.image.description"] != "a cart" {
		t.Error(m)
	}
	for n := range good {
		metadata(good[:n]) // it must not panic
	}
	if m := metadata([]byte("\x00asm\x0d\x00\x01\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")); m != nil {
		t.Error(m)
	}
}

// TestReferencesHideLogins: a login that somebody has put into a reference is in no error.
func TestReferencesHideLogins(t *testing.T) {
	for _, text := range []string{
		"me:planted@registry.example.com/shop/cart:1.2", "https://me:planted@registry.example.com/shop/cart", "me:plan/ted@registry:5000/shop", "me:planted@registry", "planted@registry.example.com/x@sha256:/1",
	} {
		_, err := ParseReference(text)
		var bad *ReferenceError
		if !errors.As(err, &bad) || strings.Contains(err.Error(), "plan") || !strings.Contains(err.Error(), "login") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
