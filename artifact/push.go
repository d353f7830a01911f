package artifact

import (
	"context"
	"encoding/json"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Component is a component that is pushed: its bytes, and what the artifact says of it.
type Component struct {
	Wasm             []byte
	Imports, Exports []string // names of interfaces
	Annotations      map[string]string
	// Created is the artifact's time, which is a part of its digest. Zero: 1970, so that equal components have equal digests.
	Created time.Time
}

// PushComponent pushes a component, as the working group's artifact, and returns its reference with the digest. A reference that has a
// digest must be of these bytes.
func (s *Store) PushComponent(ctx context.Context, ref Reference, c *Component) (Reference, error) {
	m, config := componentManifest(c)
	return s.push(ctx, ref, m, config, c.Wasm)
}

// componentManifest makes the manifest of a component, and its config.
func componentManifest(c *Component) (*manifest, []byte) {
	created := c.Created
	if created.IsZero() {
		created = time.Unix(0, 0)
	}
	layer := describe(typeWasm, c.Wasm)
	annotations := merged(metadata(c.Wasm), c.Annotations)
	config, _ := json.Marshal(&wasmConfig{ // plain data
		Created: created.UTC().Format(time.RFC3339), Author: annotations["org.opencontainers.image.authors"], Architecture: "wasm", OS: "wasip2",
		LayerDigests: []string{layer.Digest}, Component: &wasmComponent{Exports: list(c.Exports), Imports: list(c.Imports)},
	})
	d := describe(typeConfig, config)
	return &manifest{SchemaVersion: 2, MediaType: typeManifest, Config: &d, Layers: []descriptor{layer}, Annotations: annotations}, config
}

// list is never null in JSON.
func list(in []string) []string {
	if in == nil {
		return []string{}
	}
	return in
}

// PushWorkload pushes a workload: its components, which the document names by the returned references, and an index of all.
// document gets the components' references by their names, and returns the document that is pushed, as JSON. What it returns is the reference of the
// index.
func (s *Store) PushWorkload(ctx context.Context, ref Reference, components map[string]*Component, annotations map[string]string,
	document func(digests map[string]string) ([]byte, error),
) (Reference, error) {
	index := &manifest{SchemaVersion: 2, MediaType: typeIndex, ArtifactType: typeWorkload, Annotations: merged(annotations)}
	digests := map[string]string{}
	for _, name := range sortedKeys(components) {
		m, config := componentManifest(components[name])
		raw := encode(m)
		if err := s.upload(ctx, ref.At(digestOf(raw)), raw, m.MediaType, blobOf(config, typeConfig), blobOf(components[name].Wasm, typeWasm)); err != nil {
			return Reference{}, err
		}
		d := describe(typeManifest, raw)
		d.Annotations = map[string]string{"org.opencontainers.image.title": name}
		digests[name] = d.Digest
		index.Manifests = append(index.Manifests, d)
	}
	doc, err := document(digests)
	if err != nil {
		return Reference{}, err
	}
	m := &manifest{SchemaVersion: 2, MediaType: typeManifest, ArtifactType: typeWorkload, Layers: []descriptor{describe(typeWorkload, doc)}}
	config := describe(typeEmpty, blank)
	m.Config = &config
	raw := encode(m)
	if err := s.upload(ctx, ref.At(digestOf(raw)), raw, m.MediaType, blobOf(blank, typeEmpty), blobOf(doc, typeWorkload)); err != nil {
		return Reference{}, err
	}
	d := describe(typeManifest, raw)
	d.ArtifactType = typeWorkload
	index.Manifests = append([]descriptor{d}, index.Manifests...)
	return s.finish(ctx, ref, encode(index), typeIndex)
}

// push pushes a manifest with its config and its layer.
func (s *Store) push(ctx context.Context, ref Reference, m *manifest, config, layer []byte) (Reference, error) {
	return s.finish(ctx, ref, encode(m), m.MediaType, blobOf(config, m.Config.MediaType), blobOf(layer, m.Layers[0].MediaType))
}

// finish uploads the manifest that ref is to stand for.
func (s *Store) finish(ctx context.Context, ref Reference, raw []byte, mediaType string, blobs ...v1.Layer) (Reference, error) {
	digest := digestOf(raw)
	if want := ref.Digest(); want != "" && want != digest {
		return Reference{}, &IntegrityError{ref.String(), "what is pushed", want, digest}
	}
	if err := s.upload(ctx, ref, raw, mediaType, blobs...); err != nil {
		return Reference{}, err
	}
	return ref.At(digest), nil
}

func blobOf(b []byte, mediaType string) v1.Layer {
	return static.NewLayer(b, types.MediaType(mediaType))
}

// upload brings blobs and then the manifest to the registry. Blobs that are there are not sent again.
func (s *Store) upload(ctx context.Context, ref Reference, raw []byte, mediaType string, blobs ...v1.Layer) error {
	for _, b := range blobs {
		err := s.ask(ctx, ref, "write a layer", maxTries, func(ctx context.Context) error {
			return remote.WriteLayer(s.client(ref).Context(), &told{b, s.cfg.Progress}, s.options(ctx)...)
		})
		if err != nil {
			return err
		}
	}
	return s.ask(ctx, ref, "write the manifest", maxTries, func(ctx context.Context) error {
		return remote.Put(s.client(ref), rawManifest{raw, types.MediaType(mediaType)}, s.options(ctx)...)
	})
}

// told is a layer that tells how much of it was sent.
type told struct {
	v1.Layer
	tell func(Progress)
}

// Compressed returns the layer's bytes.
func (t *told) Compressed() (io.ReadCloser, error) {
	r, err := t.Layer.Compressed()
	if err != nil {
		return nil, err
	}
	digest, err := t.Digest()
	if err != nil {
		return nil, err
	}
	size, err := t.Size()
	return struct {
		io.Reader
		io.Closer
	}{&counting{r: r, at: Progress{Digest: digest.String(), Sent: true, Total: size}, tell: t.tell}, r}, err
}

// rawManifest is a manifest as the registry's client takes it.
type rawManifest struct {
	raw       []byte
	mediaType types.MediaType
}

func (r rawManifest) RawManifest() ([]byte, error)        { return r.raw, nil }
func (r rawManifest) MediaType() (types.MediaType, error) { return r.mediaType, nil }
