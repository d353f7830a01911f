// Package images makes the images that the chart names: nothing but static Go binaries and the authorities of the web, for several processors, each with a list of the
// modules that it is made of (CycloneDX, from what Go's toolchain has written into the binary), and pushes and signs them. Equal sources have equal digests. It needs no
// container runtime.
package images

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// user is who runs in an image: nobody that a machine has.
const user = "65532:65532"

// certificates is where Go looks for the authorities of the web.
const certificates = "/etc/ssl/certs/ca-certificates.crt"

// bomType is the media type of the list of modules.
const bomType types.MediaType = "application/vnd.cyclonedx+json"

// Image says what an image has.
type Image struct {
	Name       string // of its repository: vitrine
	Programs   []Program
	Entrypoint []string
	Folders    []string // that the user may write to
}

// Program is a static binary.
type Program struct {
	Path    string // in the image
	Dir     string // the folder of its module
	Package string // ./cmd/vitrine
}

// All are the images of the chart. root is the folder of the repository.
func All(root string) []Image {
	operator := filepath.Join(root, "operator")
	vitrine := Program{"/vitrine", root, "./cmd/vitrine"}
	return []Image{
		{Name: "vitrine", Programs: []Program{vitrine}, Entrypoint: []string{"/vitrine"}},
		{Name: "vitrine-host", Programs: []Program{vitrine, {"/vitrine-host", operator, "./cmd/vitrine-host"}}, Entrypoint: []string{"/vitrine-host"}},
		{Name: "vitrine-operator", Programs: []Program{{"/vitrine-operator", operator, "./cmd/vitrine-operator"}}, Entrypoint: []string{"/vitrine-operator"}},
	}
}

// Options of a build.
type Options struct {
	Platforms    []v1.Platform
	Certificates []byte    // PEM; empty: the image reaches no server over TLS
	Created      time.Time // a part of the digest; zero: 1970
	Version      string    // org.opencontainers.image.version
	Source       string    // org.opencontainers.image.source; may be empty
}

// Built is an image for all platforms, and what it is made of.
type Built struct {
	Index v1.ImageIndex
	// BOMs are artifacts whose subject is the image of a platform, in the order of the platforms.
	BOMs []v1.Image
}

// Build builds an image.
func Build(ctx context.Context, img Image, o Options) (*Built, error) {
	if o.Created.IsZero() {
		o.Created = time.Unix(0, 0).UTC()
	}
	out := &Built{Index: mutate.IndexMediaType(empty.Index, types.OCIImageIndex)}
	for _, p := range o.Platforms {
		one, bom, err := forPlatform(ctx, img, p, o)
		if err != nil {
			return nil, fmt.Errorf("image %s for %s: %w", img.Name, p.String(), err)
		}
		out.Index = mutate.AppendManifests(out.Index, mutate.IndexAddendum{Add: one, Descriptor: v1.Descriptor{Platform: &p}})
		out.BOMs = append(out.BOMs, bom)
	}
	return out, nil
}

func forPlatform(ctx context.Context, img Image, p v1.Platform, o Options) (v1.Image, v1.Image, error) {
	dir, err := os.MkdirTemp("", "vitrine-image")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(dir)
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Timestamp: o.Created.Format(time.RFC3339), Component: &cdx.Component{Type: cdx.ComponentTypeContainer, Name: img.Name, Version: o.Version}}
	parts := map[string]cdx.Component{}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	add := func(write func(*tar.Writer) error, by string) error {
		layer, err := layerOf(write)
		if err == nil {
			image, err = mutate.Append(image, mutate.Addendum{Layer: layer, MediaType: types.OCILayer, History: v1.History{Created: v1.Time{Time: o.Created}, CreatedBy: by}})
		}
		return err
	}
	base := func(w *tar.Writer) error {
		for _, f := range img.Folders {
			if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: strings.TrimPrefix(f, "/") + "/", Mode: 0o700, Uid: 65532, Gid: 65532, ModTime: o.Created}); err != nil {
				return err
			}
		}
		return writeFile(w, certificates, 0o444, o.Certificates, o.Created)
	}
	if err := add(base, "authorities of the web"); err != nil {
		return nil, nil, err
	}
	for _, program := range img.Programs {
		file := filepath.Join(dir, path.Base(program.Path))
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, program.Package)
		build.Dir = program.Dir
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.OS, "GOARCH="+p.Architecture, "GOWORK=off")
		if text, err := build.CombinedOutput(); err != nil {
			return nil, nil, fmt.Errorf("building %s: %w\n%s", program.Package, err, text)
		}
		binary, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, err
		}
		if err := add(func(w *tar.Writer) error { return writeFile(w, program.Path, 0o555, binary, o.Created) }, "go build "+program.Package); err != nil {
			return nil, nil, err
		}
		if err := modules(parts, file); err != nil {
			return nil, nil, err
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant, config.Created = p.OS, p.Architecture, p.Variant, v1.Time{Time: o.Created}
	config.Config = v1.Config{User: user, Entrypoint: img.Entrypoint, WorkingDir: "/", Labels: map[string]string{"org.opencontainers.image.title": img.Name, "org.opencontainers.image.version": o.Version}}
	if o.Source != "" {
		config.Config.Labels["org.opencontainers.image.source"] = o.Source
	}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return nil, nil, err
	}
	names := make([]string, 0, len(parts))
	for name := range parts {
		names = append(names, name)
	}
	slices.Sort(names)
	all := make([]cdx.Component, len(names))
	for i, name := range names {
		all[i] = parts[name]
	}
	bom.Components = &all
	list, err := artifactOf(bom, image)
	return image, list, err
}

// modules adds the modules of a binary, by their package URLs.
func modules(parts map[string]cdx.Component, file string) error {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return fmt.Errorf("what %s is made of: %w", filepath.Base(file), err)
	}
	add := func(kind cdx.ComponentType, name, version string) {
		url := "pkg:golang/" + name
		if version != "" && version != "(devel)" {
			url += "@" + version
		}
		parts[url] = cdx.Component{Type: kind, BOMRef: url, Name: name, Version: version, PackageURL: url}
	}
	add(cdx.ComponentTypeLibrary, "stdlib", strings.TrimPrefix(info.GoVersion, "go"))
	add(cdx.ComponentTypeApplication, info.Main.Path, info.Main.Version)
	for _, m := range info.Deps {
		if m.Replace != nil && m.Replace.Version != "" {
			m = m.Replace
		}
		add(cdx.ComponentTypeLibrary, m.Path, m.Version)
	}
	return nil
}

// artifactOf makes the artifact of a list, whose subject is the image.
func artifactOf(bom *cdx.BOM, of v1.Image) (v1.Image, error) {
	var text bytes.Buffer
	if err := cdx.NewBOMEncoder(&text, cdx.BOMFileFormatJSON).Encode(bom); err != nil {
		return nil, err
	}
	list, err := mutate.Append(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), bomType), mutate.Addendum{Layer: static.NewLayer(text.Bytes(), bomType)})
	if err != nil {
		return nil, err
	}
	digest, err := of.Digest()
	if err != nil {
		return nil, err
	}
	size, err := of.Size()
	if err != nil {
		return nil, err
	}
	return mutate.Subject(list, v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: digest, Size: size}).(v1.Image), nil
}

func layerOf(write func(*tar.Writer) error) (v1.Layer, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := write(w); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }, tarball.WithMediaType(types.OCILayer))
}

// writeFile writes a file with its folders.
func writeFile(w *tar.Writer, name string, mode int64, content []byte, at time.Time) error {
	name = strings.TrimPrefix(name, "/")
	for i, c := range name {
		if c == '/' {
			if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name[:i+1], Mode: 0o755, ModTime: at}); err != nil {
				return err
			}
		}
	}
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content)), ModTime: at}); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}
