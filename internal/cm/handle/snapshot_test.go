package handle

import (
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
)

func TestRestore(t *testing.T) {
	typ := &cm.ResourceType{Name: "r"}
	res := func() Entry { return Own(&cm.Resource{Type: typ}) }
	var tab Table
	add := func() uint32 {
		h, err := tab.Add(res())
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	remove := func(h uint32) {
		if _, err := tab.Remove(h, typ); err != nil {
			t.Fatal(err)
		}
	}
	one, two, three := add(), add(), add()
	remove(two)
	remove(one)
	kept, _ := tab.Get(three, typ)
	resource := kept.Resource
	then := tab.Copy()

	for round := range 3 {
		// The next handles are the freed ones, last freed first, as they were after the copy.
		if a, b, c := add(), add(), add(); a != one || b != two || c != 4 {
			t.Fatalf("round %d: handles %d %d %d", round, a, b, c)
		}
		if !tab.Has(three, resource, true) || tab.Has(three, resource, false) || tab.Has(one, resource, true) {
			t.Errorf("round %d: Has", round)
		}
		if _, err := tab.Lend(three, typ); err != nil {
			t.Fatal(err)
		}
		if tab.Has(three, resource, true) {
			t.Error("a lent handle counts as it was")
		}
		tab.Return(three)
		if round == 1 {
			for range 3 * maxSpare {
				add()
			}
		}
		tab.Restore(&then)
		n := 0
		tab.All(func(h uint32, e *Entry) {
			n++
			if h != three || e.Resource != resource {
				t.Errorf("round %d: handle %d", round, h)
			}
		})
		if n != 1 || tab.Len() != 1 || cap(tab.slots) > maxSpare {
			t.Errorf("round %d: %d handles, Len %d, room for %d", round, n, tab.Len(), cap(tab.slots))
		}
	}
}
