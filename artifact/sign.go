package artifact

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"
)

// Sign signs what a reference stands for now, and puts the signature into its repository. Of a workload each component is signed, too, since each is
// checked when it is read. It returns the reference with the digest that was signed.
func (s *Store) Sign(ctx context.Context, ref Reference, key *PrivateKey) (Reference, error) {
	exact, err := s.now(ctx, ref)
	if err != nil {
		return Reference{}, err
	}
	m, raw, err := s.manifestOf(ctx, exact)
	if err != nil {
		return Reference{}, err
	}
	var signed []descriptor
	if _, ok := m.isWorkload(); ok { // the index last: it is signed where all that it names is
		signed = m.Manifests
	}
	signed = append(slices.Clip(signed), descriptor{MediaType: m.mediaType(), Digest: exact.Digest(), Size: int64(len(raw))})
	for _, d := range signed {
		if err := s.signOne(ctx, exact, d, key); err != nil {
			return Reference{}, err
		}
	}
	return exact, nil
}

// now is Resolve where only the registry's own answer will do: what is signed has to be what the tag stands for now.
func (s *Store) now(ctx context.Context, ref Reference) (Reference, error) {
	if ref.Digest() != "" {
		return ref, nil
	}
	raw, err := s.readManifest(ctx, ref, maxTries)
	if err != nil {
		return Reference{}, err
	}
	return ref.At(digestOf(raw)), nil
}

// signOne adds a signature of one manifest: a manifest that has it as its subject, and the bundle as its layer.
func (s *Store) signOne(ctx context.Context, ref Reference, subject descriptor, key *PrivateKey) error {
	b, err := key.sign(ref.ref.Context().Name(), subject.Digest)
	if err != nil {
		return err
	}
	config := describe(typeEmpty, blank)
	m := &manifest{
		SchemaVersion: 2, MediaType: typeManifest, ArtifactType: typeBundle, Config: &config, Layers: []descriptor{describe(typeBundle, b)},
		Subject: &descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size},
		Annotations: map[string]string{
			"org.opencontainers.image.created":  time.Now().UTC().Format(time.RFC3339),
			"dev.sigstore.bundle.content":       "dsse-envelope",
			"dev.sigstore.bundle.predicateType": signedBy,
		},
	}
	raw := encode(m)
	return s.upload(ctx, ref.At(digestOf(raw)), raw, typeManifest, blobOf(blank, typeEmpty), blobOf(b, typeBundle))
}

// Verify looks for a signature by a key of the policy over the digest that a reference stands for now, and returns the key's fingerprint. Nothing of the artifact is read
// but, for a tag, its manifest. The signature that was accepted last is kept and checked first, so that an artifact in the cache needs no registry. An error
// is a *SignatureError where what is there is not accepted, and any other where it cannot be known.
func (s *Store) Verify(ctx context.Context, ref Reference, policy *Policy) (key string, err error) {
	exact, _, err := s.Resolve(ctx, ref)
	if err != nil {
		return "", err
	}
	digest := exact.Digest()
	if raw, ok := s.cache.signature(digest); ok {
		if key, why := policy.check(raw, digest); why == "" {
			return key, nil
		}
	}
	bundles, more, err := s.bundles(ctx, exact)
	if err != nil {
		return "", err
	}
	refused := &SignatureError{Reference: exact.String(), Key: policy.file, Reason: Unsigned, More: more}
	var unread error // the first of those that may not be read
	for _, d := range bundles {
		raw, why, err := s.bundle(ctx, exact, d)
		if err != nil && why == "" {
			if answer := (*RegistryError)(nil); !errors.As(err, &answer) || !answer.final() {
				return "", err // there is no use in asking for the others
			}
			unread = cmp.Or(unread, err)
			continue
		}
		if why == "" {
			key, why = policy.check(raw, digest)
		}
		if why == "" {
			s.keep(ctx, s.cache.setSignature(digest, raw))
			return key, nil
		}
		if why != Unsigned {
			refused.Checked++
		}
		if nearer(why, refused.Reason) {
			refused.Reason = why
		}
	}
	if unread != nil {
		return "", unread // one of them might be the one
	}
	return "", refused
}

// nearer says whether a says more about why no signature is accepted than b does.
func nearer(a, b Reason) bool {
	order := []Reason{Unsigned, BadSignature, OtherKey, OtherArtifact}
	return slices.Index(order, a) > slices.Index(order, b)
}

// bundle reads the bundle that a manifest has as its layer. What it is not is a reason, as there may be other signatures.
func (s *Store) bundle(ctx context.Context, exact Reference, d descriptor) ([]byte, Reason, error) {
	if !isDigest(d.Digest) {
		return nil, BadSignature, nil
	}
	raw, err := s.readManifest(ctx, exact.At(d.Digest), maxTries)
	if err != nil {
		return nil, spoiled(err), err
	}
	m, err := parseManifest(exact.String(), raw)
	if err == nil && m.ArtifactType != typeBundle {
		return nil, Unsigned, nil // it is about the artifact, and something else
	}
	if err != nil || len(m.Layers) != 1 || m.Layers[0].MediaType != typeBundle || m.Layers[0].Size > maxBundle {
		return nil, BadSignature, nil
	}
	var b []byte
	err = s.ask(ctx, exact, "read a signature", maxTries, func(ctx context.Context) (err error) {
		b, err = s.download(ctx, exact, m.Layers[0])
		return err
	})
	return b, spoiled(err), err
}

// spoiled is BadSignature where an error is about what the registry has, or that it does not have what it names, and empty where it is not known what it has.
func spoiled(err error) Reason {
	var integrity *IntegrityError
	var format *FormatError
	var answer *RegistryError
	if errors.As(err, &integrity) || errors.As(err, &format) || errors.As(err, &answer) && answer.Status == http.StatusNotFound {
		return BadSignature
	}
	return ""
}
