package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestCompose: what vitrine compose writes answers as what wac has composed of the same components, and its trace is the same.
func TestCompose(t *testing.T) {
	dir := t.TempDir()
	guest := func(name string) string {
		t.Helper()
		file, err := filepath.Abs(testref.File(t, name))
		if err != nil {
			t.Fatal(err)
		}
		return "'" + file + "'"
	}
	manifest, composed := filepath.Join(dir, "vitrine.yaml"), filepath.Join(dir, "shop-composed.component.wasm")
	if err := os.WriteFile(manifest, []byte(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components:
    - {name: http, source: {file: `+guest("rust-shop-http")+`}, links: {"shop:cart/cart": cart}}
    - {name: cart, source: {file: `+guest("rust-cart")+`}, links: {"shop:price/price": price}}
    - {name: price, source: {file: `+guest("rust-price")+`}}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(binary, "compose", manifest, "-o", composed).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const tree = `GET / /total?items=1 → 200
└─ http wasi:http/incoming-handler@0.2.12#handle
   └─ cart shop:cart/cart@0.1.0#total
      └─ price shop:price/price@0.1.0#quote`
	var answers []string
	for _, wasm := range []string{composed, testref.File(t, "shop-composed")} {
		s := up(t, nil, "--trace", wasm)
		var got strings.Builder
		for _, path := range []string{"/total?items=1", "/total?items=3", "/total?items=13", "/basket?add=item-2:3,item-5:1", "/basket?add=pear:1"} {
			status, body, err := s.get(path, "")
			if err != nil {
				t.Fatal(err)
			}
			got.WriteString(path + " " + http.StatusText(status) + " " + body)
		}
		answers = append(answers, got.String())
		if got := s.tree(tree); got != tree {
			t.Errorf("the trace of %s is\n%s\nwant\n%s", wasm, got, tree)
		}
	}
	if answers[0] != answers[1] {
		t.Errorf("the answers are\n%s\nof wac's\n%s", answers[0], answers[1])
	}
}
