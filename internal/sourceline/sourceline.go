// Package sourceline answers which line of source an address of a program is of. In go the line tables of DWARF (versions 2 to 5, DWARF
// Version 5 §6.2), out comes "src/lib.rs:42:9". Nothing else of the debugging information is read: a line needs no more.
//
// Anybody can have written what it reads. All that is kept is bounded, and all work by the bytes that are read once. debug/dwarf
// is not used for that reason: a header of a few bytes can make it allocate without bound.
package sourceline

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
)

// Bounds of what is read and kept. What exceeds them has no lines.
const (
	maxBytes = 64 << 20 // of the sections
	maxRows  = 1 << 20  // of 16 bytes each
	maxFiles = 20_000
	maxPaths = 1 << 17 // put together, in all units: a few bytes can ask for three names
	maxName  = 512     // bytes of a folder's or a file's name; longer ones are cut
)

// Sections are those of the debugging information that are read.
type Sections struct {
	Line    []byte // .debug_line
	Str     []byte // .debug_str
	LineStr []byte // .debug_line_str
}

// Table has the lines of a program. A nil *Table has none. Safe for concurrent use.
type Table struct {
	files []string
	rows  []row // by address
}

// row says that code from addr on, up to the next row, is of a line. Line 0: of none.
type row struct {
	addr, line, file uint32
	column           uint16
}

// New reads line tables. It keeps none of the bytes. It is nil where there are no lines, or too many; what is malformed is left out.
func New(s Sections) *Table {
	if len(s.Line)+len(s.Str)+len(s.LineStr) > maxBytes {
		return nil
	}
	r := &tables{sections: s, table: &Table{}, known: map[string]uint32{}}
	b := &buffer{b: s.Line}
	for b.left() > 4 && len(r.table.rows) < maxRows {
		length := b.fixed(4)
		if length >= 0xfffffff0 || length > uint64(b.left()) {
			break // of 64 bits, which no WebAssembly has, or malformed
		}
		r.unit(&buffer{b: b.bytes(int(length))})
	}
	if len(r.table.rows) == 0 || len(r.table.rows) >= maxRows {
		return nil
	}
	slices.SortStableFunc(r.table.rows, func(a, b row) int {
		// Where one sequence ends and another begins, the latter counts.
		return cmp.Or(cmp.Compare(a.addr, b.addr), cmp.Compare(min(a.line, 1), min(b.line, 1)))
	})
	return r.table
}

// Line is the place of the code at an address as FILE:LINE or FILE:LINE:COLUMN; "" if it is not known.
func (t *Table) Line(addr uint64) string {
	if t == nil {
		return ""
	}
	i := sort.Search(len(t.rows), func(i int) bool { return uint64(t.rows[i].addr) > addr })
	if i == 0 || t.rows[i-1].line == 0 {
		return ""
	}
	r := t.rows[i-1]
	if r.column == 0 {
		return fmt.Sprintf("%s:%d", t.files[r.file], r.line)
	}
	return fmt.Sprintf("%s:%d:%d", t.files[r.file], r.line, r.column)
}

// tables is the reading of all units.
type tables struct {
	sections Sections
	table    *Table
	known    map[string]uint32 // index of files by name
	paths    int               // how many were put together
}

// fileIndex is the index of a file in the table; false if there are too many.
func (r *tables) fileIndex(name string) (uint32, bool) {
	i, ok := r.known[name]
	if !ok {
		if len(r.table.files) == maxFiles {
			return 0, false
		}
		i = uint32(len(r.table.files))
		r.known[name] = i
		r.table.files = append(r.table.files, name)
	}
	return i, true
}

// unit adds the lines of one line number program.
func (r *tables) unit(b *buffer) {
	h, ok := r.header(b)
	if !ok {
		return
	}
	p := program{tables: r, header: h, buffer: h.code, begin: len(r.table.rows)}
	p.run()
	r.table.rows = r.table.rows[:p.begin] // a sequence without an end says nothing
}

// removed says that linkers write this address for code that they have left out.
func removed(addr uint32) bool { return addr == 0 || addr >= 1<<32-2 }
