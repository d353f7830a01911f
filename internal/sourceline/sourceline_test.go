package sourceline

import (
	"encoding/binary"
	"strings"
	"testing"
)

// unit4 is a line number program of version 4: files in the folder "src", then the opcodes.
func unit4(files []string, opcodes ...byte) []byte {
	var head []byte
	head = append(head, 1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1)
	head = append(head, "src\x00\x00"...)
	for _, f := range files {
		head = append(append(head, f...), 0, 1, 0, 0)
	}
	head = append(head, 0)
	return finish(4, nil, head, opcodes)
}

func finish(version uint16, sizes, head, opcodes []byte) []byte {
	b := binary.LittleEndian.AppendUint16(nil, version)
	b = append(b, sizes...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(head)))
	b = append(append(b, head...), opcodes...)
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...)
}

func at(addr uint32) []byte { return binary.LittleEndian.AppendUint32([]byte{0, 5, 2}, addr) }

func join(parts ...[]byte) (b []byte) {
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// two are rows at 0x100 (lib.rs:10:7) and 0x110 (main.rs:13), and the end at 0x120.
var two = join(at(0x100), []byte{3, 9, 5, 7, 1}, []byte{2, 0x10, 4, 2, 5, 0, 3, 3, 1}, []byte{2, 0x10, 0, 1, 1})

func TestLine(t *testing.T) {
	table := New(Sections{Line: unit4([]string{"lib.rs", "main.rs"}, two...)})
	for addr, want := range map[uint64]string{0: "", 0xff: "", 0x100: "src/lib.rs:10:7", 0x10f: "src/lib.rs:10:7", 0x110: "src/main.rs:13", 0x11f: "src/main.rs:13", 0x120: "", 1 << 40: ""} {
		if got := table.Line(addr); got != want {
			t.Errorf("%#x: %q, want %q", addr, got, want)
		}
	}
}

// TestRemovedCode: what linkers have left out does not cover what is there.
func TestRemovedCode(t *testing.T) {
	gone := join(at(0), []byte{3, 99, 1, 2}, []byte{0xff, 0xff, 3}, []byte{0, 1, 1})
	table := New(Sections{Line: join(unit4([]string{"lib.rs", "main.rs"}, two...), unit4([]string{"gone.rs"}, gone...))})
	if got := table.Line(0x100); got != "src/lib.rs:10:7" {
		t.Errorf("%q", got)
	}
}

// TestVersion5: folders and files are in sections of their own, and number 0 is the compilation's folder.
func TestVersion5(t *testing.T) {
	names := []byte("/home/me\x00shop\x00cart.c\x00")
	u32 := func(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }
	head := join([]byte{1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1},
		[]byte{1, contentPath, formLineStr, 2}, u32(0), u32(9),
		[]byte{2, contentPath, formLineStr, contentFolder, formUdata, 1}, u32(14), []byte{1})
	table := New(Sections{LineStr: names, Line: finish(5, []byte{4, 0}, head, join(at(0x40), []byte{4, 0, 3, 41, 1, 2, 4, 0, 1, 1}))})
	if got := table.Line(0x41); got != "/home/me/shop/cart.c:42" {
		t.Errorf("%q", got)
	}
}

// TestMalformed: what is cut or inconsistent has no lines, and costs nothing.
func TestMalformed(t *testing.T) {
	whole := unit4([]string{"lib.rs"}, two...)
	for n := range whole {
		New(Sections{Line: whole[:n]}).Line(0x100)
	}
	many := strings.Repeat("\xff", 9) + "\x01"
	head := append([]byte{1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0}, many...) // no fields, and 2⁶⁴-1 folders
	if New(Sections{Line: finish(5, []byte{4, 0}, head, nil)}) != nil {
		t.Error("a unit without lines has some")
	}
	if (*Table)(nil).Line(1) != "" {
		t.Error("a table that is not there has lines")
	}
}

// TestTooMany: more rows than are kept are none.
func TestTooMany(t *testing.T) {
	rows := make([]byte, maxRows+10)
	for i := range rows {
		rows[i] = 14
	}
	if New(Sections{Line: unit4([]string{"lib.rs"}, append(at(1), rows...)...)}) != nil {
		t.Error("all rows were kept")
	}
}

// TestManyPaths: what a few bytes ask for is bounded. Files beyond the bound have no lines, and the others do.
func TestManyPaths(t *testing.T) {
	var units []byte
	for n := range uint32(maxPaths + 1) {
		units = append(units, unit4([]string{"lib.rs"}, join(at(0x100+4*n), []byte{1, 2, 2, 0, 1, 1})...)...)
	}
	table := New(Sections{Line: units})
	if got := table.Line(0x100 + 4*(maxPaths-1)); got != "src/lib.rs:1" {
		t.Errorf("within the bound: %q", got)
	}
	if got := table.Line(0x100 + 4*maxPaths); got != "" {
		t.Errorf("beyond the bound: %q", got)
	}
	var rows []byte // each of another file, of which there is none
	for n := range 3 * maxFiles {
		rows = append(rows, 4, byte(n)|0x80, byte(n>>7)|0x80, byte(n>>14), 1)
	}
	r := &tables{table: &Table{}, known: map[string]uint32{}}
	h, ok := r.header(&buffer{b: unit4([]string{"lib.rs"}, rows...)[4:]})
	if p := (program{tables: r, header: h, buffer: h.code}); !ok {
		t.Error("the header is not read")
	} else if p.run(); len(h.index) > maxFiles {
		t.Errorf("%d files were kept", len(h.index))
	}
}

// What a guest says of its lines does not harm the host.
func FuzzNew(f *testing.F) {
	f.Add(unit4([]string{"lib.rs", "main.rs"}, two...), []byte("a\x00"))
	f.Add(finish(5, []byte{4, 0}, []byte{1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 1, 1, 0x1f, 1, 0, 0, 0, 0, 1, 1, 0x1f, 1, 0, 0, 0, 0}, two), []byte("cart.c\x00"))
	f.Fuzz(func(t *testing.T, line, str []byte) {
		table := New(Sections{Line: line, Str: str, LineStr: str})
		for _, addr := range []uint64{0, 1, 0x100, 1 << 31} {
			if s := table.Line(addr); len(s) > 3*maxName+64 {
				t.Errorf("%d bytes", len(s))
			}
		}
	})
}
