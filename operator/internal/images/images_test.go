package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/vitrine-wasm/vitrine/artifact"
)

// TestImages: an image for two processors, as a registry has it: static binaries that run, nobody's user, the authorities of the web, what it is made of, a signature;
// and the same again has the same digest.
func TestImages(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	img := Image{Name: "render", Programs: []Program{{"/render", filepath.Join("..", ".."), "./internal/install/render"}}, Entrypoint: []string{"/render"}, Folders: []string{"/var/x"}}
	options := Options{Platforms: []v1.Platform{{OS: "linux", Architecture: runtime.GOARCH}}, Certificates: []byte("certificates"), Version: "1.2.3", Source: "https://example.com/vitrine"}
	built, err := Build(t.Context(), img, options)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Build(t.Context(), img, options)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := built.Index.Digest()
	if second, _ := again.Index.Digest(); first != second {
		t.Errorf("the same sources are %s and %s", first, second)
	}
	dir := t.TempDir()
	private, public, err := artifact.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string][]byte{"key": private, "key.pub": public} {
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key, err := artifact.ReadPrivateKey(filepath.Join(dir, "key"), func() ([]byte, error) { return nil, errors.New("no password is wanted") })
	if err != nil {
		t.Fatal(err)
	}
	exact, err := Push(t.Context(), built, host+"/vitrine/render:1.2.3", key)
	if err != nil {
		t.Fatal(err)
	}

	ref, err := name.ParseReference(exact)
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := remote.Image(ref, remote.WithPlatform(options.Platforms[0]))
	if err != nil {
		t.Fatal(err)
	}
	config, err := pulled.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "65532:65532" || !slices.Equal(config.Config.Entrypoint, img.Entrypoint) || config.Config.Labels["org.opencontainers.image.version"] != "1.2.3" {
		t.Errorf("%+v", config.Config)
	}
	files := map[string]*tar.Header{}
	binary := filepath.Join(dir, "render")
	content := mutate.Extract(pulled)
	defer content.Close()
	for r := tar.NewReader(content); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = h
		if h.Name == "render" {
			text, err := io.ReadAll(r)
			if err == nil {
				err = os.WriteFile(binary, text, 0o700)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if f := files["render"]; f == nil || f.Mode != 0o555 || f.Uid != 0 {
		t.Errorf("%+v", files)
	}
	if f := files["var/x"]; f == nil || f.Uid != 65532 || f.Mode != 0o700 {
		t.Errorf("%+v", files)
	}
	if files["etc/ssl/certs/ca-certificates.crt"] == nil || len(files) > 6 {
		t.Errorf("%v", files)
	}
	if out, _ := exec.Command(binary).CombinedOutput(); !strings.Contains(string(out), "want the folder of the chart") {
		t.Errorf("the binary says %q", out)
	}

	digest, _ := pulled.Digest()
	referrers, err := remote.Referrers(ref.Context().Digest(digest.String()))
	if err != nil {
		t.Fatal(err)
	}
	list, err := referrers.IndexManifest()
	if err != nil || len(list.Manifests) != 1 || list.Manifests[0].ArtifactType != string(bomType) {
		t.Fatalf("%+v, %v", list, err)
	}
	bom, err := remote.Image(ref.Context().Digest(list.Manifests[0].Digest.String()))
	if err != nil {
		t.Fatal(err)
	}
	layers, err := bom.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatal(layers, err)
	}
	text, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(text)
	if err != nil {
		t.Fatal(err)
	}
	var got cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(raw), cdx.BOMFileFormatJSON).Decode(&got); err != nil {
		t.Fatal(err)
	}
	has := func(url string) bool {
		return slices.ContainsFunc(*got.Components, func(c cdx.Component) bool { return strings.HasPrefix(c.PackageURL, url) })
	}
	if !has("pkg:golang/stdlib@1.") || !has("pkg:golang/sigs.k8s.io/yaml@v") || !has("pkg:golang/github.com/vitrine-wasm/vitrine/operator") {
		t.Errorf("%s", raw)
	}

	store, err := artifact.New(artifact.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	signed, err := artifact.ParseReference(exact)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := artifact.ReadPolicy(filepath.Join(dir, "key.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if by, err := store.Verify(t.Context(), signed, policy); err != nil || by != key.Fingerprint() {
		t.Errorf("%s, %v", by, err)
	}
	_, other, err := artifact.GenerateKey(nil)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "other.pub"), other, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if policy, err = artifact.ReadPolicy(filepath.Join(dir, "other.pub")); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Verify(t.Context(), signed, policy); err == nil {
		t.Error("another key has signed it")
	}
}
