package artifact

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the goldens")

// TestForm: what is pushed has the form of the CNCF's Wasm working group ("Wasm OCI Artifact Layout", v0), byte for byte: the digest is that of these bytes.
func TestForm(t *testing.T) {
	m, config := componentManifest(&Component{
		Wasm: wasm("a cart"), Imports: []string{"wasi:io/streams@0.2.12", "shop:price/price@0.1.0"}, Exports: []string{"wasi:http/incoming-handler@0.2.12"},
		Annotations: map[string]string{"org.opencontainers.image.authors": "Ada", "org.opencontainers.image.version": "1.2.0"}, Created: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC),
	})
	for name, b := range map[string][]byte{"manifest.json": encode(m), "config.json": config} {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b, bytes.TrimSuffix(want, []byte("\n"))) {
			t.Errorf("%s is\n%s\nwant\n%s", name, b, want)
		}
	}
	// The layout's own words, apart from what is ours.
	var had struct {
		SchemaVersion int
		MediaType     string
		Config        struct{ MediaType string }
		Layers        []struct{ MediaType, Digest string }
	}
	if err := json.Unmarshal(encode(m), &had); err != nil {
		t.Fatal(err)
	}
	if had.SchemaVersion != 2 || had.MediaType != "application/vnd.oci.image.manifest.v1+json" || had.Config.MediaType != "application/vnd.wasm.config.v0+json" ||
		len(had.Layers) != 1 || had.Layers[0].MediaType != "application/wasm" {
		t.Errorf("had %+v", had)
	}
}
