package artifact

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
)

// failing is a keychain whose helper fails.
type failing struct{}

func (failing) Resolve(authn.Resource) (authn.Authenticator, error) {
	return nil, errors.New("error getting credentials - err: exit status 1, out: `planted-password`")
}

// TestFailingHelper: credentials that cannot be had are an error at once, without what a helper has printed.
func TestFailingHelper(t *testing.T) {
	f := newRegistry(t, true)
	exact := push(t, f.ref(t, "shop/cart:1"), "a cart")
	s := newStore(t, "")
	s.cfg.keychain = logins{failing{}}
	before := f.requests.Load()
	_, policy := pair(t)
	_, fetch := s.Fetch(t.Context(), exact, nil)
	_, verify := s.Verify(t.Context(), exact, policy)
	_, push := s.PushComponent(t.Context(), exact, &Component{Wasm: wasm("a cart"), Exports: []string{"wasi:cli/run@0.2.0"}})
	for what, err := range map[string]error{"fetch": fetch, "verify": verify, "push": push} {
		var login *CredentialsError
		var failed *RegistryError
		if !errors.As(err, &login) || !errors.As(err, &failed) || failed.Tries != 1 || strings.Contains(err.Error(), "planted") || !strings.Contains(err.Error(), "exit status 1") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := f.requests.Load() - before; n != 0 {
		t.Errorf("there were %d requests", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (logins{failing{}}).ResolveContext(ctx, exact.ref.Context()); err == nil {
		t.Error("there are credentials")
	}
}
