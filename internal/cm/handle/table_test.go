package handle

import (
	"errors"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
)

func wantTrap(t *testing.T, err error, code cm.TrapCode) {
	t.Helper()
	var trap *cm.Trap
	if !errors.As(err, &trap) || trap.Code != code {
		t.Fatalf("got %v, want a trap with code %s", err, code)
	}
}

func add(t *testing.T, tb *Table, rt *cm.ResourceType) uint32 {
	t.Helper()
	h, err := tb.Add(Own(cm.NewResource(rt, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func remove(t *testing.T, tb *Table, h uint32) {
	t.Helper()
	if _, err := tb.Remove(h, nil); err != nil {
		t.Fatal(err)
	}
}

func TestIndicesStartAtOneAndComeBackLastFreedFirst(t *testing.T) {
	var tb Table
	rt := &cm.ResourceType{Name: "r"}
	for want := uint32(1); want <= 4; want++ {
		if h := add(t, &tb, rt); h != want {
			t.Fatalf("handle %d, want %d", h, want)
		}
	}
	for _, h := range []uint32{2, 4, 1} {
		remove(t, &tb, h)
	}
	for _, want := range []uint32{1, 4, 2, 5} {
		if h := add(t, &tb, rt); h != want {
			t.Fatalf("handle %d, want %d", h, want)
		}
	}
	if tb.Len() != 5 {
		t.Fatalf("Len %d, want 5", tb.Len())
	}
}

func TestUnknownHandles(t *testing.T) {
	rt := &cm.ResourceType{Name: "r"}
	var tb Table
	add(t, &tb, rt)
	dropped := add(t, &tb, rt)
	remove(t, &tb, dropped)
	for name, h := range map[string]uint32{"zero": 0, "never allocated": 5, "dropped": dropped, "largest": 1<<32 - 1} {
		t.Run(name, func(t *testing.T) {
			_, err := tb.Get(h, rt)
			wantTrap(t, err, cm.TrapBadHandle)
			_, err = tb.Remove(h, nil)
			wantTrap(t, err, cm.TrapBadHandle)
			_, err = tb.Lend(h, nil)
			wantTrap(t, err, cm.TrapBadHandle)
			tb.Return(h)
		})
	}
	var empty Table
	_, err := empty.Get(1, nil)
	wantTrap(t, err, cm.TrapBadHandle)
}

func TestTypesAreComparedByPointer(t *testing.T) {
	var tb Table
	a, b := &cm.ResourceType{Name: "r"}, &cm.ResourceType{Name: "r"}
	h := add(t, &tb, a)
	_, err := tb.Get(h, b)
	wantTrap(t, err, cm.TrapHandleType)
	_, err = tb.Remove(h, b)
	wantTrap(t, err, cm.TrapHandleType)
	if e, err := tb.Get(h, a); err != nil || e.Resource.Type != a {
		t.Fatal(e, err)
	}
	if tb.Len() != 1 {
		t.Fatal("a refused Remove took the entry out")
	}
}

func TestLentHandlesStay(t *testing.T) {
	var tb Table
	rt := &cm.ResourceType{Name: "r"}
	h := add(t, &tb, rt)
	for range 2 {
		if _, err := tb.Lend(h, rt); err != nil {
			t.Fatal(err)
		}
	}
	_, err := tb.Remove(h, rt)
	wantTrap(t, err, cm.TrapLent)
	tb.Return(h)
	_, err = tb.Remove(h, rt)
	wantTrap(t, err, cm.TrapLent)
	tb.Return(h)
	tb.Return(h) // one too many does no harm
	e, err := tb.Remove(h, rt)
	if err != nil || e.Resource == nil || e.Lends != 0 {
		t.Fatal(e, err)
	}
}

func TestFreedSlotForgetsItsEntry(t *testing.T) {
	var tb Table
	rt := &cm.ResourceType{Name: "r"}
	var sc Scope
	h, _ := tb.Add(Borrow(cm.NewResource(rt, nil), &sc))
	remove(t, &tb, h)
	again := add(t, &tb, rt)
	e, err := tb.Get(again, rt)
	if err != nil || again != h || e.Scope != nil || e.Lends != 0 || !e.Own {
		t.Fatalf("%+v %v", e, err)
	}
}

func TestMax(t *testing.T) {
	tb := Table{Max: 2}
	rt := &cm.ResourceType{Name: "r"}
	add(t, &tb, rt)
	h := add(t, &tb, rt)
	_, err := tb.Add(Borrow(cm.NewResource(rt, nil), nil))
	wantTrap(t, err, cm.TrapHandlesFull)
	remove(t, &tb, h)
	add(t, &tb, rt)
}

func TestEachVisitsLiveEntriesInOrder(t *testing.T) {
	var tb Table
	rt := &cm.ResourceType{Name: "r"}
	for i := range 4 {
		e := Own(cm.NewResource(rt, i))
		e.Own = i != 2
		if _, err := tb.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	remove(t, &tb, 2)
	var got []any
	tb.All(func(_ uint32, e *Entry) {
		if e.Own {
			got = append(got, e.Resource.Obj)
		}
	})
	if len(got) != 2 || got[0] != 0 || got[1] != 3 {
		t.Fatalf("got %v, want [0 3]", got)
	}
}

func TestScopeCounts(t *testing.T) {
	var sc Scope
	sc.Borrowed()
	sc.Borrowed()
	sc.Dropped()
	if sc.Count() != 1 {
		t.Fatalf("Count %d, want 1", sc.Count())
	}
}

// TestKinds: a table holds things of several kinds side by side, and a number is good for its own kind only.
func TestKinds(t *testing.T) {
	var tb Table
	rt := &cm.ResourceType{Name: "r"}
	r := add(t, &tb, rt)
	if !tb.Plain() {
		t.Error("a table of resources is not plain")
	}
	objects := map[Kind]uint32{}
	for k := Subtask; k <= ErrorContext; k++ {
		h, err := tb.Add(Of(k, k.String()))
		if err != nil {
			t.Fatal(err)
		}
		objects[k] = h
	}
	if tb.Plain() || tb.Len() != 6 {
		t.Errorf("plain %t, Len %d", tb.Plain(), tb.Len())
	}
	for k, h := range objects {
		for other := range objects {
			o, err := tb.Object(h, other)
			if other == k {
				if err != nil || o != k.String() {
					t.Errorf("%s: %v, %v", k, o, err)
				}
				continue
			}
			wantTrap(t, err, cm.TrapHandleType)
			_, err = tb.Take(h, other)
			wantTrap(t, err, cm.TrapHandleType)
		}
		_, err := tb.Get(h, nil)
		wantTrap(t, err, cm.TrapHandleType)
		_, err = tb.Lend(h, rt)
		wantTrap(t, err, cm.TrapHandleType)
		_, err = tb.Remove(h, nil)
		wantTrap(t, err, cm.TrapHandleType)
		_, err = tb.Object(r, k)
		wantTrap(t, err, cm.TrapHandleType)
	}
	resources := 0
	tb.All(func(h uint32, _ *Entry) {
		resources++
		if h != r {
			t.Errorf("handle %d is a resource", h)
		}
	})
	if o, err := tb.Take(objects[StreamEnd], StreamEnd); err != nil || o != "stream end" || resources != 1 {
		t.Errorf("%v, %v; %d resources", o, err, resources)
	}
	_, err := tb.Object(objects[StreamEnd], StreamEnd)
	wantTrap(t, err, cm.TrapBadHandle)
	if h := add(t, &tb, rt); h != objects[StreamEnd] {
		t.Errorf("the freed index %d is not the next one, %d is", objects[StreamEnd], h)
	}
}

func BenchmarkAddRemove(b *testing.B) {
	var tb Table
	r := cm.NewResource(&cm.ResourceType{Name: "r"}, nil)
	b.ReportAllocs()
	for b.Loop() {
		h, _ := tb.Add(Own(r))
		if _, err := tb.Remove(h, r.Type); err != nil {
			b.Fatal(err)
		}
	}
}
