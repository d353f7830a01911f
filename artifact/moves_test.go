package artifact

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// A registry that stops taking what it is sent is an error, with its reason, and not a wait for ever.
func TestStalledUpload(t *testing.T) {
	f := newRegistry(t, true)
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	instead := func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch || r.ContentLength < 1<<20 {
			return false
		}
		_, _ = io.ReadFull(r.Body, make([]byte, 1))
		<-over // the connection stays, and nothing more is read of it
		return true
	}
	f.instead.Store(&instead)
	s := newStore(t, "")
	s.transport.silence = 50 * time.Millisecond
	_, err := s.PushComponent(t.Context(), f.ref(t, "shop/cart:1"), &Component{Wasm: make([]byte, 64<<20)})
	var failed *RegistryError
	if !errors.As(err, &failed) || failed.Status != 0 || failed.Tries != maxTries || !strings.Contains(err.Error(), "has taken nothing for 50ms") {
		t.Errorf("had %v", err)
	}
}

// A registry that stops in the middle of an answer is an error, with its reason.
func TestStalledDownload(t *testing.T) {
	f := newRegistry(t, true)
	exact := push(t, f.ref(t, "shop/cart:1"), "a cart")
	f.fail("/blobs/", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(wasm("a cart")[:5])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	s := newStore(t, "")
	s.transport.silence = 50 * time.Millisecond
	if _, err := s.Fetch(t.Context(), exact, nil); err == nil || !strings.Contains(err.Error(), "has sent nothing for 50ms") {
		t.Errorf("had %v", err)
	}
}

// A registry that is slow and moves is waited for.
func TestSlow(t *testing.T) { eachRegistry(t, testSlow) }

func testSlow(t *testing.T, f *faulty) {
	exact := push(t, f.ref(t, "shop/cart:1"), "a cart")
	f.fail("/blobs/", func(w http.ResponseWriter, _ *http.Request) {
		for _, b := range wasm("a cart") {
			_, _ = w.Write([]byte{b})
			w.(http.Flusher).Flush()
			time.Sleep(time.Millisecond)
		}
	})
	a, err := newStore(t, "").Fetch(t.Context(), exact, nil)
	if err != nil || !bytes.Equal(a.Component, wasm("a cart")) {
		t.Errorf("%+v, %v", a, err)
	}
}

// What a layer takes in memory is about its size, once, and what a manifest promises takes none before it has come.
func TestLayerIsThereOnce(t *testing.T) {
	const size = 40 << 20
	f := newRegistry(t, true)
	s := newStore(t, "")
	big := make([]byte, size)
	exact, err := s.PushComponent(t.Context(), f.ref(t, "shop/big:1"), &Component{Wasm: big})
	if err != nil {
		t.Fatal(err)
	}
	instead := func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		w.Header().Set("Content-Length", "41943040")
		for block := make([]byte, 32<<10); ; {
			if _, err := w.Write(block); err != nil {
				return true // all of it was written
			}
		}
	}
	f.instead.Store(&instead)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	a, err := s.Fetch(t.Context(), exact, nil)
	runtime.ReadMemStats(&after)
	if err != nil || len(a.Component) != size {
		t.Fatal(err)
	}
	if had := after.TotalAlloc - before.TotalAlloc; had > size*5/4 {
		t.Errorf("a layer of %d bytes has allocated %d", size, had)
	}
	b := &grown{most: 1 << 30}
	if _, err := b.Write([]byte("x")); err != nil || cap(b.bytes) > firstGrown {
		t.Errorf("one byte has reserved %d, %v", cap(b.bytes), err)
	}
}

// What is moved is told, in both directions, to the end.
func TestProgress(t *testing.T) {
	f := newRegistry(t, true)
	var mu sync.Mutex
	last := map[bool]Progress{}
	s := newStore(t, "")
	s.cfg.Progress = func(p Progress) {
		mu.Lock()
		defer mu.Unlock()
		if p.Digest == digestOf(wasm("a cart")) {
			last[p.Sent] = p
		}
	}
	exact, err := s.PushComponent(t.Context(), f.ref(t, "shop/cart:1"), &Component{Wasm: wasm("a cart")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fetch(t.Context(), exact, nil); err != nil {
		t.Fatal(err)
	}
	size := int64(len(wasm("a cart")))
	for _, sent := range []bool{true, false} {
		if want := (Progress{digestOf(wasm("a cart")), sent, size, size}); last[sent] != want {
			t.Errorf("had %+v; want %+v", last[sent], want)
		}
	}
}

// Tags and signatures have bounds, too, and what was used last stays.
func TestSmallFilesAreBounded(t *testing.T) {
	dir := t.TempDir()
	for i := range 10 {
		file := filepath.Join(dir, string(rune('a'+i)))
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(time.Duration(i-20) * time.Hour)
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	used(filepath.Join(dir, "a"))
	trim(filepath.Join(dir, "b"), 4*minFile, minFile)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	had := ""
	for _, e := range entries {
		had += e.Name()
	}
	if had != "abij" {
		t.Errorf("kept %q", had)
	}
	c, err := openCache(t.TempDir(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"tags", "signatures"} { // of files that are there from before
		for i := range 3 {
			old := filepath.Join(c.dir, folder, string(rune('a'+i)))
			if err := os.WriteFile(old, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(old, maxSignatures); err != nil { // a hole: it takes no space
				t.Fatal(err)
			}
		}
	}
	f, err := ParseReference("registry.example.com/shop/cart:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.setTag(f, digestOf(nil)), c.setSignature(digestOf(nil), []byte("{}"))); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"tags", "signatures"} {
		if entries, err := os.ReadDir(filepath.Join(c.dir, folder)); err != nil || len(entries) != 1 {
			t.Errorf("%s: %v, %v", folder, entries, err)
		}
	}
}
