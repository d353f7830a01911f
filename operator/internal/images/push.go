package images

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/vitrine-wasm/vitrine/artifact"
)

// Push brings an image with its lists of modules to a repository, REGISTRY/PATH/NAME:TAG, signs it if there is a key, and returns its reference with the digest.
// Credentials are Docker's.
func Push(ctx context.Context, b *Built, to string, key *artifact.PrivateKey) (string, error) {
	ref, err := name.ParseReference(to)
	if err != nil {
		return "", err
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithUserAgent("vitrine")}
	if err := remote.WriteIndex(ref, b.Index, options...); err != nil {
		return "", fmt.Errorf("pushing %s: %w", to, err)
	}
	digest, err := b.Index.Digest()
	if err != nil {
		return "", err
	}
	exact := ref.Context().Digest(digest.String()).String()
	for _, bom := range b.BOMs {
		d, err := bom.Digest()
		if err == nil {
			err = remote.Write(ref.Context().Digest(d.String()), bom, options...)
		}
		if err != nil {
			return "", fmt.Errorf("pushing what %s is made of: %w", to, err)
		}
	}
	if key == nil {
		return exact, nil
	}
	store, err := artifact.New(artifact.Config{UserAgent: "vitrine"})
	if err != nil {
		return "", err
	}
	defer store.Close()
	signed, err := artifact.ParseReference(exact)
	if err != nil {
		return "", err
	}
	if _, err := store.Sign(ctx, signed, key); err != nil {
		return "", fmt.Errorf("signing %s: %w", exact, err)
	}
	return exact, nil
}
