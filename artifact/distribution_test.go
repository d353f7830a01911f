package artifact

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/vitrine-wasm/vitrine/tests/servers"
)

// What is wrong with the files of a registry is found by whoever reads them.
func TestDamagedFiles(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(file string) error
		want  string
	}{
		"another layer":   {func(file string) error { return os.WriteFile(file, wasm("a tart"), 0o600) }, "the layer is not what the manifest promises: want sha256:"},
		"truncated layer": {func(file string) error { return os.Truncate(file, 9) }, "had 9 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			f, real := newDistribution(t)
			text := "a cart"
			exact := push(t, f.ref(t, "shop/cart:1"), text)
			file := real.Blob(digestOf(wasm(text)))
			if err := c.spoil(file); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { // other tests have the same bytes
				if err := os.WriteFile(file, wasm(text), 0o600); err != nil {
					t.Error(err)
				}
			})
			s := newStore(t, t.TempDir())
			var damaged *IntegrityError
			if _, err := s.Fetch(t.Context(), exact, nil); !errors.As(err, &damaged) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("had %v; want %q", err, c.want)
			}
			if _, kept := s.cache.read(digestOf(wasm(text)), 1<<20); kept {
				t.Error("it is in the cache")
			}
		})
	}
}

// A registry that is killed and started again has what was pushed, and meanwhile the cache has it.
func TestKilledRegistry(t *testing.T) {
	real := servers.StartRegistry(t)
	ref, err := ParseReference(real.Addr + "/shop/cart:1")
	if err != nil {
		t.Fatal(err)
	}
	exact := push(t, ref, "a cart")
	dir := t.TempDir()
	if _, err := newStore(t, dir).Fetch(t.Context(), ref, nil); err != nil {
		t.Fatal(err)
	}
	real.Kill()
	a, err := newStore(t, dir).Fetch(t.Context(), ref, nil)
	if err != nil || !a.Stale || !bytes.Equal(a.Component, wasm("a cart")) {
		t.Errorf("by tag: %+v, %v", a, err)
	}
	if a, err := newStore(t, dir).Fetch(t.Context(), exact, nil); err != nil || a.Stale {
		t.Errorf("by digest: %+v, %v", a, err)
	}
	if _, err := newStore(t, "").Fetch(t.Context(), exact, nil); err == nil {
		t.Error("it was read from nowhere")
	}
	real.Start()
	if a, err := newStore(t, "").Fetch(t.Context(), ref, nil); err != nil || a.Stale {
		t.Errorf("afterwards: %+v, %v", a, err)
	}
}

// A registry with users takes what Docker's configuration has for it, and says 401 to others.
func TestUsers(t *testing.T) {
	real := servers.StartRegistry(t, "me", "planted-password")
	ref, err := ParseReference(real.Addr + "/shop/cart:1")
	if err != nil {
		t.Fatal(err)
	}
	config := t.TempDir()
	t.Setenv("DOCKER_CONFIG", config)
	login := func(password string) {
		t.Helper()
		text := fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, real.Addr, base64.StdEncoding.EncodeToString([]byte("me:"+password)))
		if err := os.WriteFile(filepath.Join(config, "config.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := newStore(t, "")
	s.cfg.keychain = logins{authn.DefaultKeychain}
	refused := func(when string) {
		t.Helper()
		_, err := s.PushComponent(t.Context(), ref, &Component{Wasm: wasm("a cart")})
		var answer *RegistryError
		if !errors.As(err, &answer) || answer.Status != http.StatusUnauthorized || answer.Tries != 1 || strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %v", when, err)
		}
	}
	refused("without a login")
	login("planted-other")
	refused("with another password")
	login("planted-password")
	if _, err := s.PushComponent(t.Context(), ref, &Component{Wasm: wasm("a cart")}); err != nil {
		t.Fatal(err)
	}
	if a, err := s.Fetch(t.Context(), ref, nil); err != nil || !bytes.Equal(a.Component, wasm("a cart")) {
		t.Errorf("%+v, %v", a, err)
	}
}
