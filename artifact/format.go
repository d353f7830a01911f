package artifact

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Media types of the CNCF Wasm working group's OCI artifact, of workloads, and of what others have pushed before there was the former.
const (
	typeConfig      = "application/vnd.wasm.config.v0+json"
	typeWasm        = "application/wasm"
	typeWorkload    = "application/vnd.vitrine.workload.v1alpha1+json" // of a layer, and as the artifact's type of its manifest
	typeEmpty       = "application/vnd.oci.empty.v1+json"
	typeBundle      = "application/vnd.dev.sigstore.bundle.v0.3+json"
	typeSpinConfig  = "application/vnd.fermyon.spin.application.v1+config"
	typeSpinWasm    = "application/vnd.wasm.content.layer.v1+wasm"
	typeModuleWasm  = "application/vnd.module.wasm.content.layer.v1+wasm" // wasmCloud's and others', before the working group's
	typeManifest    = string(types.OCIManifestSchema1)
	typeIndex       = string(types.OCIImageIndex)
	typeDockerImage = string(types.DockerManifestSchema2)
)

// Bounds of what a registry sends.
const (
	maxManifest = 4 << 20
	maxDocument = 1 << 20
	maxBundle   = 1 << 20
	maxBundles  = 1000 // signatures that are looked at
	maxPages    = 100  // of a list of them
	maxLayer    = 1 << 30
)

// descriptor is what a manifest says of a blob or another manifest.
type descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// manifest is an OCI image manifest or an index, as far as it is used.
type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType,omitempty"`
	ArtifactType  string            `json:"artifactType,omitempty"`
	Config        *descriptor       `json:"config,omitempty"`
	Layers        []descriptor      `json:"layers,omitempty"`
	Manifests     []descriptor      `json:"manifests,omitempty"`
	Subject       *descriptor       `json:"subject,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

// wasmConfig is the config of the working group's artifact.
type wasmConfig struct {
	Created      string         `json:"created"`
	Author       string         `json:"author,omitempty"`
	Architecture string         `json:"architecture"`
	OS           string         `json:"os"`
	LayerDigests []string       `json:"layerDigests"`
	Component    *wasmComponent `json:"component,omitempty"`
}

type wasmComponent struct {
	Exports []string `json:"exports"`
	Imports []string `json:"imports"`
}

// parseManifest reads the manifest of an artifact of ref.
func parseManifest(ref string, raw []byte) (*manifest, error) {
	m := &manifest{}
	if err := json.Unmarshal(raw, m); err != nil {
		return nil, &FormatError{ref, "the manifest is no JSON"}
	}
	if m.SchemaVersion != 2 {
		return nil, &FormatError{ref, fmt.Sprintf("the manifest has schema version %d; want 2", m.SchemaVersion)}
	}
	for _, d := range slices.Concat(m.Layers, m.Manifests) {
		if d.Size < 0 {
			return nil, &FormatError{ref, fmt.Sprintf("the manifest has the size %d; want no negative one", d.Size)}
		}
		if !isDigest(d.Digest) {
			return nil, &FormatError{ref, fmt.Sprintf("the manifest has the digest %q; want sha256: and 64 digits from 0 to f", d.Digest)}
		}
	}
	return m, nil
}

// mediaType is the manifest's type, which OCI lets a manifest leave out.
func (m *manifest) mediaType() string {
	switch {
	case m.MediaType != "":
		return m.MediaType
	case len(m.Manifests) > 0:
		return typeIndex
	}
	return typeManifest
}

// isWorkload says whether a manifest is the index of a workload, and which of its manifests has the document.
func (m *manifest) isWorkload() (descriptor, bool) {
	for _, d := range m.Manifests {
		if d.ArtifactType == typeWorkload {
			return d, true
		}
	}
	return descriptor{}, false
}

// isDocument says whether it is the manifest of a workload's document.
func (m *manifest) isDocument() bool { return m.ArtifactType == typeWorkload }

// layer finds the component's layer, whoever has pushed it. There must be one; an application of Spin may have several.
func (m *manifest) layer(ref string) (descriptor, error) {
	if len(m.Manifests) > 0 {
		return descriptor{}, &FormatError{ref, "it is an index of images, none of which is chosen; give one of them by its digest"}
	}
	var found []descriptor
	var had []string
	for _, l := range m.Layers {
		had = append(had, l.MediaType)
		switch l.MediaType {
		case typeWasm, typeSpinWasm, typeModuleWasm:
			found = append(found, l)
		}
	}
	switch {
	case len(found) == 1 && found[0].Size > maxLayer:
		return descriptor{}, &FormatError{ref, fmt.Sprintf("the layer has %d bytes; a component may have %d", found[0].Size, maxLayer)}
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1 && m.Config != nil && m.Config.MediaType == typeSpinConfig:
		return descriptor{}, &FormatError{ref, fmt.Sprintf("it is an application of Spin with %d components; push each as an artifact of its own, and name them in a manifest", len(found))}
	case len(found) > 1:
		return descriptor{}, &FormatError{ref, fmt.Sprintf("it has %d layers with WebAssembly; want one", len(found))}
	case len(had) == 0:
		return descriptor{}, &FormatError{ref, "it has no layer; want one of type " + typeWasm}
	}
	slices.Sort(had)
	return descriptor{}, &FormatError{ref, fmt.Sprintf("it is no component: its layers are %s; want one of type %s", strings.Join(slices.Compact(had), ", "), typeWasm)}
}

// digestOf is the digest of bytes.
func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// describe makes the descriptor of bytes.
func describe(mediaType string, b []byte) descriptor {
	return descriptor{MediaType: mediaType, Digest: digestOf(b), Size: int64(len(b))}
}

// encode writes a manifest. Its keys are in a fixed order, so that equal manifests have equal digests.
func encode(m *manifest) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(m) // plain data
	return bytes.TrimSpace(b.Bytes())
}

// blank are the config's bytes where there is nothing to say in it.
var blank = []byte("{}")

// merged are annotations, those of later maps before those of earlier ones; nil without any.
func merged(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
