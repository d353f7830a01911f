package corewasm

import (
	"slices"
	"sort"
)

// debugPrefix begins the names of the custom sections with debugging information (DWARF for WebAssembly).
const debugPrefix = ".debug_"

// maxDebugCode bounds the code of modules for which an engine keeps where its machine code comes from, in bytes: that takes memory.
const maxDebugCode = 16 << 20

// tracing appends debugging information by which an engine's stack traces tell offsets in the rewritten code: the whole code
// is one line of a file named after the module. wazero tells offsets only where it finds a line.
func (w *writer) tracing(b []byte) []byte {
	if w.o.Trace == "" || !w.m.debug || w.m.codeLen > maxDebugCode {
		return b
	}
	const first, size = 1, 1<<31 - 2                                          // from 1, since DWARF has 0 for code that has been removed
	abbrev := []byte{1, 0x11, 0, 0x10, 0x17, 0x11, 0x01, 0x12, 0x06, 0, 0, 0} // compile_unit: stmt_list, low_pc, high_pc as a size
	info := append([]byte{4, 0, 0, 0, 0, 0, 4, 1}, 0, 0, 0, 0)                // version 4, addresses of 4 bytes; lines at 0
	info = appendFixed(appendFixed(info, first), size)
	head := []byte{1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0} // no folders
	head = append(append(head, w.o.Trace...), 0, 0, 0, 0, 0)
	line := appendFixed([]byte{4, 0}, uint32(len(head)))
	line = append(append(line, head...), 0, 5, 2) // set the address
	line = append(appendFixed(line, first), 1, 2) // a row; advance the address
	line = append(appendU32(line, size), 1, 0, 1, 1)
	for _, s := range []struct {
		name    string
		content []byte
	}{{"abbrev", abbrev}, {"info", append(appendFixed(nil, uint32(len(info))), info...)}, {"line", append(appendFixed(nil, uint32(len(line))), line...)}} {
		b = appendSection(b, 0, append(appendName(nil, debugPrefix+s.name), s.content...))
	}
	return b
}

// appendFixed writes a number as DWARF has it: 4 bytes, the lowest first.
func appendFixed(b []byte, n uint32) []byte {
	return append(b, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
}

// Locations says where the code of a rewritten module comes from. Safe for concurrent use.
type Locations struct{ marks []mark }

// A mark says that code from offset written on was at offset read. Both count from the start of the code section's content.
type mark struct {
	written, read uint32
	added         bool // all of it, up to the next mark, belongs to the one instruction at read
}

// Locate rewrites a module again, with the options it was rewritten with, and returns where its code comes from.
func Locate(wasm []byte, o Options) (*Locations, error) {
	m, err := parse(wasm)
	if err != nil {
		return nil, err
	}
	w := &writer{m: m, o: o, start: -1, res: &Result{}, locations: &Locations{}}
	if err := w.scanBodies(); err != nil {
		return nil, err
	}
	return w.locations, w.run(len(wasm))
}

// Original is the offset in the original module's code of what is at an offset of the rewritten one; false for an offset that is in no
// function. Both count from the start of the code section's content, as addresses in DWARF do.
func (l *Locations) Original(offset uint64) (uint64, bool) {
	i := sort.Search(len(l.marks), func(i int) bool { return uint64(l.marks[i].written) > offset })
	if i == 0 {
		return 0, false
	}
	m := l.marks[i-1]
	if m.added {
		return uint64(m.read), true
	}
	return uint64(m.read) + offset - uint64(m.written), true
}

// mark says that what is written next to function body i, of which b is written, was at offset read of the body.
func (w *writer) mark(b []byte, i, read int, added bool) {
	if w.locations == nil {
		return
	}
	bd := &w.m.bodies[i]
	w.locations.marks = append(w.locations.marks, mark{uint32(len(b)), uint32(bd.base - w.m.codeBase + read), added})
}

// placed says that the body with the marks from number first on begins at offset at.
func (w *writer) placed(first, at int) {
	if w.locations != nil {
		for i := range w.locations.marks[first:] {
			w.locations.marks[first+i].written += uint32(at)
		}
	}
}

func (w *writer) marked() int {
	if w.locations == nil {
		return 0
	}
	return len(w.locations.marks)
}

// DebugSections returns the custom sections of a module with debugging information, by their names without ".debug_"; nil if the module has
// none, or is malformed before them. They are parts of wasm.
func DebugSections(wasm []byte) map[string][]byte {
	if len(wasm) < 8 {
		return nil
	}
	var found map[string][]byte
	r := &reader{b: wasm}
	r.bytes(8)
	for r.left() > 0 && r.err == nil {
		id := r.byte()
		size := r.u32()
		if int64(size) > int64(r.left()) {
			break
		}
		s := &reader{b: r.bytes(int(size))}
		if id != 0 {
			continue
		}
		name := s.name()
		if s.err != nil || len(name) <= len(debugPrefix) || name[:len(debugPrefix)] != debugPrefix {
			continue
		}
		if found == nil {
			found = map[string][]byte{}
		}
		found[name[len(debugPrefix):]] = slices.Clip(s.b[s.pos:])
	}
	return found
}
