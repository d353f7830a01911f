package corewasm

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func rewriteFixture(t *testing.T, name string) (*Result, *module) {
	t.Helper()
	b := fixture(t, name)
	i, err := Inspect(b)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{}
	for k := range i.Imports {
		o.Slots = append(o.Slots, Slot{Module: "$" + string(rune('0'+k)), Field: "f" + i.Imports[k].Field})
	}
	r, err := Rewrite(b, o)
	if err != nil {
		t.Fatal(err)
	}
	m, err := parse(r.Wasm)
	if err != nil {
		t.Fatal(err)
	}
	return r, m
}

func TestRewriteKeepsIndices(t *testing.T) {
	old, err := parse(fixture(t, "all"))
	if err != nil {
		t.Fatal(err)
	}
	r, m := rewriteFixture(t, "all")

	if got := m.imports; len(got) != 3 || got[0].Module != "$0" || got[0].Field != "ff" || got[1].Module != "$1" ||
		got[2].Module != CheckModule || got[2].Field != CheckField {
		t.Errorf("imports %+v", got)
	}
	if !slices.Equal(m.globals[:len(old.globals)], old.globals) || len(m.globals) != len(old.globals)+1 {
		t.Errorf("globals were %v, are %v", old.globals, m.globals)
	}
	if !slices.Equal(m.tables, old.tables) || !slices.Equal(m.memories, old.memories) {
		t.Error("tables or memories changed")
	}
	if !bytes.HasPrefix(m.typeSec, old.typeSec) || !bytes.Equal(m.data, old.data) {
		t.Error("types or data changed")
	}
	if len(m.funcs) != len(old.funcs)+1 || m.exports[0].Name != "id" || m.exports[0].Index != old.exports[0].Index+1 {
		t.Errorf("exports %+v", m.exports)
	}
	if got := m.elems[0].indices; !slices.Equal(got, []uint32{2, 0}) { // $id moves, the import $imp does not
		t.Errorf("element segment has functions %v", got)
	}
	if got := m.elems[1].exprs[0]; !bytes.Equal(got, []byte{opRefFunc, 2, opEnd}) {
		t.Errorf("element expression % x", got)
	}
	if r.Fuel != "$fuel" || r.Start != "" || r.TableElements != 8 || r.Memory.Min != 1 || r.Memory.HasMax {
		t.Errorf("%+v", r)
	}
	var names []string
	for _, g := range r.Globals {
		names = append(names, g.Name)
	}
	if !slices.Equal(names, []string{"$g1", "$g2", "$g4"}) { // global 0 is imported, global 3 immutable
		t.Errorf("exported globals %v", names)
	}
	if m.names[2] != "id" || m.names[6] != "other" {
		t.Errorf("names %v", m.names)
	}
}

// TestChecks counts the places where each kind of function is charged.
func TestChecks(t *testing.T) {
	m, err := parse(fixture(t, "checks"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]struct {
		entry bool
		edits []editKind
	}{
		"leaf":       {false, nil},
		"calls":      {true, []editKind{editFunc}},
		"indirect":   {true, nil},
		"tail":       {true, []editKind{editFunc}},
		"loop":       {false, []editKind{editFuel}},
		"nested":     {false, []editKind{editFuel, editFuel}},
		"small_fill": {false, nil},
		"large_fill": {false, []editKind{editBulk}},
		"any_fill":   {false, []editKind{editBulk}},
		"grow":       {false, []editKind{editGrow}},
		"import":     {true, nil}, // its callee is imported, so its index stays
		"ref":        {false, []editKind{editFunc}},
	}
	seen := 0
	for i, b := range m.bodies {
		name := m.names[uint32(m.nImports.funcs+i)]
		w, ok := want[name]
		if !ok {
			t.Errorf("unexpected function %q", name)
			continue
		}
		seen++
		var s scan
		if err := m.scanBody(b, m.params(i), &s); err != nil {
			t.Fatal(err)
		}
		var kinds []editKind
		for _, e := range s.edits {
			kinds = append(kinds, e.kind)
		}
		if s.entry != w.entry || !slices.Equal(kinds, w.edits) {
			t.Errorf("%s: entry %v, edits %v; want %v, %v", name, s.entry, kinds, w.entry, w.edits)
		}
	}
	if seen != len(want) {
		t.Errorf("%d functions of %d", seen, len(want))
	}
}

func TestLongCodeWeighsMore(t *testing.T) {
	long := "\x03\x40" + strings.Repeat("\x01", 3*weightUnit) + "\x0b\x0b"
	m := &module{types: nil}
	var s scan
	if err := m.scanBody(body{bytes: []byte("\x00" + long)}, 0, &s); err != nil {
		t.Fatal(err)
	}
	if !s.entry || len(s.edits) != 1 || s.edits[0].arg != 4 {
		t.Errorf("%+v", s)
	}
}

func TestReservedNames(t *testing.T) {
	b := wasmOf(section(1, "\x01\x60\x00\x00"), section(3, "\x01\x00"),
		section(7, "\x02\x02$a\x00\x00\x04$$gg\x00\x00"), section(10, "\x01\x07\x00\x03\x40\x0c\x00\x0b\x0b"))
	r, err := Rewrite(b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Fuel != "$$$fuel" {
		t.Errorf("fuel is exported as %q", r.Fuel)
	}
}

func TestNamesWithoutNameSection(t *testing.T) {
	b := wasmOf(section(1, "\x01\x60\x00\x00"), section(3, "\x02\x00\x00"),
		section(7, "\x01\x03run\x00\x01"), section(10, "\x02\x07\x00\x03\x40\x0c\x00\x0b\x0b\x02\x00\x0b"),
		section(0, "\x04name\x01\x05broken"))
	r, err := Rewrite(b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := parse(r.Wasm)
	if err != nil {
		t.Fatal(err)
	}
	if m.names[1] != "func[0]" || m.names[2] != "run" {
		t.Errorf("names %v", m.names)
	}
}

// TestRewriteUnchanged is for modules that have nothing to count: no import is added and no index moves.
func TestRewriteUnchanged(t *testing.T) {
	b := wasmOf(section(1, "\x01\x60\x00\x00"), section(3, "\x01\x00"), section(10, "\x01\x02\x00\x0b"))
	r, err := Rewrite(b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(r.Wasm, b) || r.Fuel != "" || r.Checks != 0 {
		t.Errorf("% x", r.Wasm)
	}
}

func TestLEB(t *testing.T) {
	for _, v := range []int32{0, 1, -1, 63, 64, -64, -65, 1 << 30, -1 << 31, 1<<31 - 1} {
		r := &reader{b: appendI32(nil, v)}
		if got := r.sleb(32); got != int64(v) || r.err != nil || r.left() != 0 {
			t.Errorf("%d came back as %d, %v", v, got, r.err)
		}
	}
	for _, v := range []uint32{0, 127, 128, 1<<32 - 1} {
		r := &reader{b: appendU32(nil, v)}
		if got := r.u32(); got != v || r.err != nil || r.left() != 0 {
			t.Errorf("%d came back as %d, %v", v, got, r.err)
		}
	}
	for _, s := range []string{"\xff\xff\xff\xff\x4f", "\x80\x80\x80\x80\x08", "\xff\xff\xff\xff\x77"} {
		if r := (&reader{b: []byte(s)}); r.sleb(32) != 0 || r.err == nil {
			t.Errorf("% x is a signed number of 32 bits", s)
		}
	}
	if r := (&reader{b: []byte("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f")}); r.sleb(64) != -1<<63 || r.err != nil {
		t.Error("the smallest number of 64 bits", r.err)
	}
}
