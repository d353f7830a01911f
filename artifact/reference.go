package artifact

import (
	"net"
	"net/netip"
	"path"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// Reference names an artifact in a registry: HOST/REPOSITORY, with :TAG, @DIGEST, or both, of which the digest counts.
type Reference struct{ ref name.Reference }

// ParseReference reads a reference. The registry must be named, other than Docker allows: shop/cart is a folder to most who type it.
// Without a tag or digest it is the tag latest. An error is a *ReferenceError.
func ParseReference(text string) (Reference, error) {
	if i := strings.LastIndexByte(text, '@'); i >= 0 && (strings.Contains(text[i:], "/") || !strings.Contains(text[i:], ":")) {
		// What stands before may be a password.
		return Reference{}, &ReferenceError{"***" + text[i:], "@ begins a digest; a login is no part of it: registries get what docker login has stored"}
	}
	bare, digest, hasDigest := strings.Cut(text, "@")
	if !named(bare) {
		return Reference{}, &ReferenceError{text, "the registry is missing: want HOST/REPOSITORY:TAG, such as registry.example.com/shop/cart:1.2"}
	}
	tagged, err := name.NewTag(bare, name.WithDefaultTag("latest"))
	if err != nil {
		return Reference{}, &ReferenceError{text, "want HOST/REPOSITORY:TAG or HOST/REPOSITORY@sha256:DIGEST, in lower case"}
	}
	if !hasDigest {
		return Reference{tagged}, nil
	}
	exact, err := name.NewDigest(tagged.Context().Name() + "@" + digest)
	if err != nil || !isDigest(digest) {
		return Reference{}, &ReferenceError{text, "the digest is none: want sha256: and 64 digits from 0 to f"}
	}
	return Reference{exact}, nil
}

// IsReference says whether a text that names no file may be meant as a reference: it begins with a host, which has a dot or a port or
// is localhost, and does not end like a file that a workload may be.
func IsReference(text string) bool {
	switch path.Ext(text) {
	case ".wasm", ".yaml", ".yml", ".json":
		return false
	}
	return named(text)
}

// named says whether a reference begins with a host.
func named(text string) bool {
	host, rest, ok := strings.Cut(text, "/")
	return ok && rest != "" && !strings.HasPrefix(host, ".") && (strings.ContainsAny(host, ".:") || host == "localhost")
}

// isDigest says whether text is a digest of SHA-256, the only kind that is stored.
func isDigest(text string) bool {
	hex, ok := strings.CutPrefix(text, "sha256:")
	return ok && len(hex) == 64 && strings.Trim(hex, "0123456789abcdef") == ""
}

// String is the reference, in full.
func (r Reference) String() string {
	if r.ref == nil {
		return ""
	}
	return r.ref.Name()
}

// Digest is that of the reference; empty where it is a tag.
func (r Reference) Digest() string {
	if d, ok := r.ref.(name.Digest); ok {
		return d.DigestStr()
	}
	return ""
}

// Name is the last part of the repository's name, for what needs a name: cart of registry.example.com/shop/cart:1.2.
func (r Reference) Name() string { return path.Base(r.ref.Context().RepositoryStr()) }

// Registry is the host, with its port where it has one.
func (r Reference) Registry() string { return r.ref.Context().RegistryStr() }

// At is the same repository's artifact of a digest.
func (r Reference) At(digest string) Reference {
	return Reference{r.ref.Context().Digest(digest)}
}

// loopback says whether a host, with or without a port, is this machine by its name or number.
func loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.Unmap().IsLoopback()
}
