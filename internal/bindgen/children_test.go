package bindgen

import (
	"maps"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/wit"
)

var isChild = regexp.MustCompile(`\b(is|are|and) a child\b`)

// TestChildren compares the functions that the house says to give children with those of which the text of the reference
// says so, both ways.
func TestChildren(t *testing.T) {
	_, reference := houseAndReference(t)
	total := 0
	for _, b := range House {
		p, _, err := find(reference, b.WIT)
		if err != nil {
			t.Fatal(err)
		}
		children := map[string]bool{}
		for _, i := range p.Interfaces {
			for _, f := range i.AllFuncs() {
				text := strings.Join(strings.Fields(f.Docs), " ")
				if !isChild.MatchString(text) {
					continue
				}
				children[f.Name] = true
			}
		}
		total += len(children)
		if len(children)+len(b.Children) > 0 && !maps.Equal(children, b.Children) {
			t.Errorf("%s: the text calls what these give children: %v; the house: %v", b.WIT, children, b.Children)
		}
	}
	if total != 10 {
		t.Errorf("%d functions give children, want 10", total)
	}
}

// TestNoChild: a function that cannot give a child is not said to.
func TestNoChild(t *testing.T) {
	set, err := wit.Load(filepath.Join(root, filepath.FromSlash(fixtures[0].wit)))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"[method]counter.add", "[static]counter.merge"} {
		b := fixtures[0].bindings[1].children(name)
		if _, err := Generate(set, b, fixtures[0].bindings[:1]); err == nil || !strings.Contains(err.Error(), name+" has no child to give") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
