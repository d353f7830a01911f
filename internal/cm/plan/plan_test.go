package plan

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	cmbinary "github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/corewasm"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

var update = flag.Bool("update", false, "rewrite goldens")

func imports(module []byte) ([]CoreImport, error) {
	info, err := corewasm.Inspect(module)
	if err != nil {
		return nil, err
	}
	var out []CoreImport
	for _, im := range info.Imports {
		out = append(out, CoreImport{im.Module, im.Field})
	}
	return out, nil
}

func guest(t *testing.T, name string) *Program {
	t.Helper()
	c, err := cmbinary.Decode(testref.Guest(t, name))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Make([]Part{{Name: name, Component: c}}, imports, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEveryGuestIsPlanned(t *testing.T) {
	for _, name := range testref.Guests(t) {
		t.Run(name, func(t *testing.T) {
			p := guest(t, name)
			if len(p.Modules) == 0 || len(p.Boundaries) == 0 {
				t.Errorf("%d modules, %d boundaries: wanted some of each", len(p.Modules), len(p.Boundaries))
			}
			for _, m := range p.Modules {
				for i, s := range m.Slots {
					if s.Field == "" && m.Sources[s.Source] != HostSource {
						t.Errorf("module %q: import %d has no source", m.Name, i)
					}
				}
			}
		})
	}
}

func TestGoldens(t *testing.T) {
	for _, name := range []string{"shop-composed", "composed-c-shout", "rust-cart", "wat-async-builtins"} {
		t.Run(name, func(t *testing.T) {
			golden(t, name, guest(t, name).String())
		})
	}
}

// TestLinkedLikeComposed links the three shop components at run time: the guest→guest boundaries are those of the
// composed binary.
func TestLinkedLikeComposed(t *testing.T) {
	var parts []Part
	for _, name := range []string{"rust-shop-http", "rust-cart", "rust-price"} {
		c, err := cmbinary.Decode(testref.Guest(t, name))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, Part{Name: strings.TrimPrefix(name, "rust-"), Component: c})
	}
	link := func(p int, pattern string, to int) {
		for _, d := range parts[p].Component.Defs {
			if im, ok := d.(*cmbinary.Import); ok && strings.HasPrefix(im.Name.Name, pattern) {
				if parts[p].Links == nil {
					parts[p].Links = map[string]int{}
				}
				parts[p].Links[im.Name.Name] = to
			}
		}
	}
	link(0, "shop:cart", 1)
	link(0, "shop:price", 2)
	link(1, "shop:price", 2)
	p, err := Make(parts, imports, nil)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "shop-linked", p.String())

	link(0, "shop:cart", 2)
	if _, err := Make(parts, imports, nil); err == nil || !strings.Contains(err.Error(), "wanted an export") {
		t.Errorf("a link to a component without the export: %v", err)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".plan")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run with -update and look at the change\n%s", file, got)
	}
}

// TestAdapters: open-at is known where the adapter of WASI preview 1 imports it, and nowhere else.
func TestAdapters(t *testing.T) {
	wasm, err := os.ReadFile("../../../testdata/surface/surface.wasm")
	if err != nil {
		t.Fatal(err)
	}
	c, err := cmbinary.Decode(wasm)
	if err != nil {
		t.Fatal(err)
	}
	surface, err := Make([]Part{{Name: "surface", Component: c}}, imports, nil)
	if err != nil {
		t.Fatal(err)
	}
	for want, programs := range map[int][]*Program{
		0: {surface, guest(t, "shop-composed"), guest(t, "rust-http-full-p2")}, // an adapter without files imports none of them
		1: {guest(t, "rust-cli-hostile"), guest(t, "rust-cli-p2"), guest(t, "c-cli-p2")},
	} {
		for _, p := range programs {
			got := 0
			for _, tr := range p.Trampolines {
				if tr.Adapter {
					got++
					if tr.Boundary == nil || !strings.HasSuffix(tr.Boundary.Name(), "descriptor.open-at") {
						t.Errorf("%s: %v is marked", p.Name, tr.Boundary)
					}
				}
			}
			if got != want {
				t.Errorf("%s: %d are marked, wanted %d", p.Name, got, want)
			}
		}
	}
}
