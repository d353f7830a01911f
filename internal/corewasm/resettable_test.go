package corewasm

import (
	"slices"
	"testing"
)

// moduleWith is a module with one function of the body given, a table, a memory and passive segments.
func moduleWith(body string) []byte {
	sec := func(id byte, content string) string { return string([]byte{id, byte(len(content))}) + content }
	m := "\x00asm\x01\x00\x00\x00" +
		sec(1, "\x01\x60\x00\x00") + // type: func ()
		sec(3, "\x01\x00") +
		sec(4, "\x01\x70\x00\x04") + // table 4 funcref
		sec(5, "\x01\x00\x01") + // memory 1
		sec(9, "\x01\x01\x00\x01\x00") + // passive element segment: function 0
		sec(12, "\x01") +
		sec(10, "\x01"+string([]byte{byte(len(body) + 2)})+"\x00"+body+"\x0b") +
		sec(11, "\x01\x01\x01x") // passive data segment
	return []byte(m)
}

func TestNotResettable(t *testing.T) {
	const c0 = "\x41\x00" // i32.const 0
	for _, c := range []struct {
		name, body string
		want       []string
	}{
		{"nothing", "", nil},
		{"table.get", c0 + "\x25\x00\x1a", nil},
		{"table.size", "\xfc\x10\x00\x1a", nil},
		{"memory.init", c0 + c0 + c0 + "\xfc\x08\x00\x00", nil},
		{"memory.grow", c0 + "\x40\x00\x1a", nil},
		{"memory.fill", c0 + c0 + c0 + "\xfc\x0b\x00", nil},
		{"table.set", c0 + "\xd0\x70\x26\x00", []string{"table-changed"}},
		{"table.init", c0 + c0 + c0 + "\xfc\x0c\x00\x00", []string{"table-changed"}},
		{"table.copy", c0 + c0 + c0 + "\xfc\x0e\x00\x00", []string{"table-changed"}},
		{"table.grow", "\xd0\x70" + c0 + "\xfc\x0f\x00\x1a", []string{"table-changed"}},
		{"table.fill", c0 + "\xd0\x70" + c0 + "\xfc\x11\x00", []string{"table-changed"}},
		{"elem.drop", "\xfc\x0d\x00", []string{"segment-dropped"}},
		{"data.drop", "\xfc\x09\x00", []string{"segment-dropped"}},
		{"in dead code", "\x00" + "\xfc\x09\x00", []string{"segment-dropped"}},
	} {
		wasm := moduleWith(c.body)
		info, err := Inspect(wasm)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !slices.Equal(info.NotResettable, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, info.NotResettable, c.want)
		}
		if info.FillsImports {
			t.Errorf("%s: it imports nothing to fill", c.name)
		}
		r, err := Rewrite(wasm, Options{})
		if err != nil || !slices.Equal(r.NotResettable, c.want) {
			t.Errorf("%s: rewriting says %v, %v", c.name, r.NotResettable, err)
		}
	}
}

func TestFillsImports(t *testing.T) {
	head := "\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00" // type: func ()
	for _, c := range []struct {
		name, rest string
		want       bool
	}{
		{"data in an imported memory", "\x02\x06\x01\x00\x00\x02\x00\x01" + "\x0b\x07\x01\x00\x41\x00\x0b\x01x", true},
		{"data in its own memory", "\x05\x03\x01\x00\x01" + "\x0b\x07\x01\x00\x41\x00\x0b\x01x", false},
		{"passive data, imported memory", "\x02\x06\x01\x00\x00\x02\x00\x01" + "\x0b\x04\x01\x01\x01x", false},
		{"elements in an imported table", "\x02\x07\x01\x00\x00\x01\x70\x00\x01" + "\x03\x02\x01\x00" + "\x09\x07\x01\x00\x41\x00\x0b\x01\x00" + "\x0a\x04\x01\x02\x00\x0b", true},
		{"no elements in an imported table", "\x02\x07\x01\x00\x00\x01\x70\x00\x01" + "\x09\x06\x01\x00\x41\x00\x0b\x00", false},
		{"elements in its own table", "\x03\x02\x01\x00" + "\x04\x04\x01\x70\x00\x01" + "\x09\x07\x01\x00\x41\x00\x0b\x01\x00" + "\x0a\x04\x01\x02\x00\x0b", false},
	} {
		info, err := Inspect([]byte(head + c.rest))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if info.FillsImports != c.want {
			t.Errorf("%s: got %v", c.name, info.FillsImports)
		}
	}
}
