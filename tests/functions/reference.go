package functions

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wit"
)

// interfaces are those of a set that the plugin serves, or passes to components, without their comments.
func (s *Served) interfaces(set *wit.Set) (out []*wit.Interface) {
	for _, p := range set.Packages {
		p.StripDocs()
		for _, i := range p.Interfaces {
			if s.Only == nil || slices.Contains(s.Only, i.ID.Interface) {
				out = append(out, i)
			}
		}
	}
	return out
}

// Reference compares the interfaces with the WIT of record, both ways: their names, and their functions' signatures. serves is what the
// plugin says that it serves: all of them but those that components export, and those of Also.
func (tb *Table) Reference(t *testing.T, serves []wit.InterfaceID) {
	t.Helper()
	dir := testref.WIT(t)
	var served, says []string
	for i := range tb.Served {
		s := &tb.Served[i]
		paths := []string{filepath.Join(dir, s.Reference)}
		for _, u := range s.Uses {
			paths = append(paths, filepath.Join(dir, u))
		}
		reference, err := wit.Load(paths...)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := s.Of.Load(testref.Root())
		if err != nil {
			t.Fatal(err)
		}
		want, had := map[string]string{}, map[string]string{}
		for _, i := range s.interfaces(reference) {
			want[i.ID.String()] = i.Print()
		}
		for _, i := range s.interfaces(ours) {
			had[i.ID.String()] = i.Print()
			if !slices.Contains(s.Of.Exported, i.ID.String()) {
				served = append(served, i.ID.String())
			}
		}
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
	served = append(served, tb.Also...)
	for _, id := range serves {
		says = append(says, id.String())
	}
	slices.Sort(served)
	slices.Sort(says)
	if !slices.Equal(served, says) {
		t.Errorf("the plugin serves %v; tested are %v", says, served)
	}
}
