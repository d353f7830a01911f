package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// What rust-wasmcloud-p3 answers when all is well, with the value or the object.
const (
	wasmcloudKeyvalue = `open set get Some("%s") exists true set-new true increment 41 increment 42 current swap true swap true set-many ` +
		`get-many [Some("2"), None] list-keys 2 delete-many delete delete exists false` + "\n"
	wasmcloudBlobstore = `container-exists false create-container create-container write-data object-info true copy-object move-object has-object false ` +
		`get-data %s get-data %s list-objects ["moved"] get-container name true info true delete-object delete-objects clear delete-container delete-container container-exists false` + "\n"
)

// TestWasmcloud: a component built with wasmCloud's interfaces runs as it is, on what grants name, and each of its calls is a span.
func TestWasmcloud(t *testing.T) {
	file := filepath.Join(t.TempDir(), "vitrine.yaml")
	text := fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components:
    - name: c
      source: {file: %q}
      grants: {keyvalue: {default: {sqlite: data.db}}, blobstore: {default: {folder: .}, "in-memory": {backend: memory}, "in-memory-copies": {backend: memory}}}
  triggers: [{http: {path: /, component: c}}]
`, testref.File(t, "rust-wasmcloud-p3"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := otlptest.New(t)
	s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, file)
	s.expect("/kv", "key=value=1", 200, fmt.Sprintf(wasmcloudKeyvalue, "value=1"))
	s.expect("/kv?name=other", "key=value", 200, "open error Error::NoSuchStore\n")
	s.expect("/blobs?name=photos", "abcdef", 200, fmt.Sprintf(wasmcloudBlobstore, "abcdef", "bcd"))
	s.expect("/blobs?name=in-memory", "abcdef", 200, fmt.Sprintf(wasmcloudBlobstore, "abcdef", "bcd"))
	large := strings.Repeat("0123456789", 30_000)
	s.expect("/blobs?name=photos", large, 200, fmt.Sprintf(wasmcloudBlobstore, large, "123"))
	s.stop()

	seen := map[string][]string{} // the systems of each call
	for _, x := range c.Spans() {
		if !strings.HasPrefix(x.Name, "wasmcloud:") || strings.Contains(x.Name, "[resource-drop]") {
			continue
		}
		system := "" // of a bucket that is not granted there is none
		for _, a := range x.Attributes {
			if a.Key == "db.system.name" {
				system = a.Value.GetStringValue()
			}
		}
		seen[x.Name] = append(seen[x.Name], system)
	}
	for call, want := range map[string]string{
		"wasmcloud:keyvalue/store@0.2.0#open": " sqlite", "wasmcloud:keyvalue/cas@0.2.0#swap": "sqlite sqlite",
		"wasmcloud:blobstore/blobstore@0.1.0#container-exists": "folder folder folder folder memory memory",
		"wasmcloud:blobstore/blobstore@0.1.0#delete-container": "folder folder folder folder memory memory",
		"wasmcloud:blobstore/blobstore@0.1.0#copy-object":      "folder folder memory", "wasmcloud:blobstore/blobstore@0.1.0#move-object": "folder folder memory",
		"wasmcloud:blobstore/container@0.1.0#[method]container.list-objects": "folder folder memory",
	} {
		slices.Sort(seen[call])
		if got := strings.Join(seen[call], " "); got != want {
			t.Errorf("%s: the systems are %q, wanted %q", call, got, want)
		}
	}
}
