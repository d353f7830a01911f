package messaging

import (
	"path/filepath"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wit"
)

// TestWorlds: our texts have the worlds of the published ones, with the same imports and exports, and no others but those of 0.2.0, which was
// published without.
func TestWorlds(t *testing.T) {
	worlds := func(dir string) map[string]string {
		s, err := wit.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, p := range s.Packages {
			p.StripDocs()
			for _, w := range p.Worlds {
				if p.Version != "0.2.0" {
					out[w.ID().String()] = w.Print()
				}
			}
		}
		return out
	}
	for ours, reference := range map[string]string{"wit/0.2": "wasmcloud-messaging@0.2.0", "wit/0.3": "wasmcloud-messaging@0.3.0"} {
		had, want := worlds(ours), worlds(filepath.Join(testref.WIT(t), reference))
		for name, text := range want {
			if had[name] != text {
				t.Errorf("%s is\n%s\nwant\n%s", name, had[name], text)
			}
		}
		for name := range had {
			if want[name] == "" {
				t.Errorf("%s is not in the reference", name)
			}
		}
	}
}
