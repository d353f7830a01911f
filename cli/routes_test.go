package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/ending"
)

// TestRoutesAtStart: behind the addresses there is a line for each trigger; startUp has read the first.
func TestRoutesAtStart(t *testing.T) {
	dir := t.TempDir()
	guest, err := filepath.Abs(helloGuest)
	if err != nil {
		t.Fatal(err)
	}
	manifest := `apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components:
    - {name: cart, source: {file: ` + guest + `}}
  triggers:
    - http: {path: /cart, host: shop.example.com, methods: [GET, POST], component: cart}
    - http: {path: /assets, static: .}
`
	file := filepath.Join(dir, "vitrine.yaml")
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startUp(t, file)
	for _, want := range []string{
		"  http      GET,POST shop.example.com/cart → cart\n",
		"  http      /assets (files of " + dir + ")\n",
	} {
		if line, err := s.stderr.ReadString('\n'); line != want {
			t.Errorf("%q, want %q (%v)", line, want, err)
		}
	}
	_ = ending.Terminate(s.cmd.Process)
}

// TestRoutesOfEveryType: each type of trigger that ships says in a few words what reaches a component.
func TestRoutesOfEveryType(t *testing.T) {
	for _, trigger := range Standard().Triggers {
		if trigger.Type.Reserved {
			continue
		}
		if trigger.Type.Summary == nil {
			t.Errorf("%s has no summary", trigger.Type.Name)
			continue
		}
		trigger.Type.Summary(trigger.Type.Config) // it takes the zero value, too
	}
}
