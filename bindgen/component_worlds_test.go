package bindgen

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	wasiwit "github.com/vitrine-wasm/vitrine/wasi/wit"
	"github.com/vitrine-wasm/vitrine/wit"
)

// TestInsideWorlds: a component may import each interface of the packages that hosts serve, export it, and do both: the bindings of such worlds are Go. VITRINE_WIT, a list
// of folders as
// PATH has them, adds packages.
func TestInsideWorlds(t *testing.T) {
	groups := []string{"../plugin/keyvalue/wit", "../plugin/blobstore/bindings/wasmcloud/wit", "../plugin/config/wit", "../plugin/messaging/wit/0.3", "../plugin/mqtt/wit/spin3"}
	groups = append(groups, filepath.SplitList(os.Getenv("VITRINE_WIT"))...)
	for _, group := range groups {
		t.Run(group, func(t *testing.T) {
			own, err := wit.LoadBeside(wasiwit.Files, group)
			if err != nil {
				t.Fatal(err)
			}
			var worlds strings.Builder
			worlds.WriteString("package test:worlds;\n")
			var without []bool // whether the interface that a world is about has no functions
			for _, p := range own.Packages {
				for _, i := range p.Interfaces {
					if p.Namespace == "wasi" && shipped(p.Name) {
						continue
					}
					fmt.Fprintf(&worlds, "world i%d { import %s; }\nworld e%[1]d { export %[2]s; }\nworld b%[1]d { import %[2]s; export %[2]s; }\n", len(without), i.ID)
					without = append(without, len(i.Funcs) == 0)
				}
			}
			file := filepath.Join(t.TempDir(), "worlds.wit")
			if err := os.WriteFile(file, []byte(worlds.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			set, err := wit.LoadBeside(wasiwit.Files, group, file)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range set.Package("test", "worlds", "").Worlds {
				files, err := Generate(set, Options{Bind: w.ID().String(), Package: "p", Component: true, Features: []string{"*"}})
				if err == nil {
					err = inside(files)
				}
				var n int
				if _, bad := fmt.Sscanf(w.Name[1:], "%d", &n); bad != nil {
					t.Fatal(bad)
				}
				switch {
				case err == nil:
				case without[n] && strings.Contains(err.Error(), "that no function has"): // a stream or future there is of no use
				default:
					t.Errorf("%s: %v\n%s", w.Name, err, worlds.String())
				}
			}
		})
	}
}

// shipped says whether a package of WASI is one of those that all others may stand on.
func shipped(name string) bool {
	entries, err := wasiwit.Files.ReadDir(".")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "wasi-"+name+"@") {
			return true
		}
	}
	return false
}
