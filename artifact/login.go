package artifact

import (
	"context"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
)

// CredentialsError says that it is not known by which credentials a registry is to be asked: Docker's configuration cannot be read, or a helper that it names
// has failed.
type CredentialsError struct{ Registry, Why string }

// Error has no part of what a helper has printed.
func (e *CredentialsError) Error() string {
	return "the credentials for " + e.Registry + " cannot be had: " + e.Why
}

// logins are the credentials of a keychain, whose errors are *CredentialsError.
type logins struct{ authn.Keychain }

func (l logins) Resolve(to authn.Resource) (authn.Authenticator, error) {
	return l.ResolveContext(context.Background(), to)
}

// ResolveContext returns the credentials for a registry.
func (l logins) ResolveContext(ctx context.Context, to authn.Resource) (authn.Authenticator, error) {
	auth, err := authn.Resolve(ctx, l.Keychain, to)
	if err == nil || ctx.Err() != nil {
		return auth, err
	}
	why, _, _ := strings.Cut(err.Error(), ", out: `") // a helper's output
	return nil, &CredentialsError{to.RegistryStr(), strings.TrimPrefix(why, "error getting credentials - err: ")}
}
