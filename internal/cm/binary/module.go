package binary

import "bytes"

// Module is what the outside of a core module shows: its imports and exports, and what is needed to type them. Funcs,
// Tables, Memories, Globals and Tags are whole index spaces, imports first.
type Module struct {
	Types    []*CoreType
	Imports  []CoreImport
	Funcs    []uint32 // type index of each
	Tables   []CoreExternDesc
	Memories []CoreExternDesc
	Globals  []CoreExternDesc
	Tags     []CoreExternDesc
	Exports  []ModuleExport
}

// ModuleExport is one export of a core module; Index is of the index space of Sort.
type ModuleExport struct {
	Name string
	SortIndex
}

var coreSectionNames = [...]string{
	"custom", "type", "import", "function", "table", "memory", "global", "export", "start", "element", "code", "data",
	"data count", "tag",
}

// coreOrder is the rank of each core section; sections but custom ones come in its order, each at most once.
var coreOrder = [...]int{0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 11, 6}

// DecodeModule reads the outside of a core module that stands at offset base of the file. Bodies, segments and most of
// the module's validity stay unread: compiling it finds what is wrong there.
func DecodeModule(b []byte, base int) (*Module, error) {
	r := &reader{state: &state{defs: defsFor(len(b)), core: true, base: base}, b: b, end: len(b), section: -1}
	m := &Module{}
	if head := r.bytes(8, "the preamble"); r.ok() && !bytes.Equal(head, []byte("\x00asm\x01\x00\x00\x00")) {
		r.malformed(0, "expected a version header for a module")
	}
	for last := 0; r.ok() && r.left() > 0; {
		last = r.moduleSection(m, last)
	}
	if r.err != nil {
		return nil, r.err
	}
	return m, nil
}

func (r *reader) moduleSection(m *Module, last int) int {
	start := r.pos
	id := r.u8()
	if int(id) >= len(coreSectionNames) {
		r.malformed(start, "malformed section id %d of a core module", id)
		return last
	}
	rank := coreOrder[id]
	if id != 0 && rank <= last {
		r.malformed(start, "section out of order in a core module: %s", coreSectionNames[id])
	}
	size := r.u32()
	body := r.pos
	r.bytes(size, "the section")
	if !r.ok() {
		return last
	}
	s := &reader{state: r.state, b: r.b, pos: body, end: r.pos, section: int(id)}
	if s.moduleBody(m) && s.ok() && s.left() > 0 {
		s.malformed(s.pos, "section size mismatch: %d bytes are left over", s.left())
	}
	return max(last, rank)
}

// moduleBody reads a section of which something shows outside, and says whether it did.
func (r *reader) moduleBody(m *Module) bool {
	switch r.section {
	case 0:
		r.name()
		return false
	case 1:
		r.vec("types", maxDefs, func() { m.Types = append(m.Types, r.recType(r.pos)...) })
	case 2:
		r.vec("imports", maxDefs, func() {
			i := CoreImport{Module: r.name(), Field: r.name(), Desc: r.coreExternDesc()}
			m.Imports = append(m.Imports, i)
			m.addItem(i.Desc)
		})
	case 3:
		r.vec("functions", maxDefs, func() { m.Funcs = append(m.Funcs, r.index()) })
	case 4:
		r.vec("tables", maxDefs, func() { m.addItem(r.moduleTable()) })
	case 5:
		r.vec("memories", maxDefs, func() {
			d := CoreExternDesc{Sort: SortCoreMemory}
			r.limits(&d)
			m.addItem(d)
		})
	case 6:
		r.vec("globals", maxDefs, func() {
			d := CoreExternDesc{Sort: SortCoreGlobal, Val: r.coreValType()}
			d.Mutable, d.Shared = r.mutability()
			r.constExpr()
			m.addItem(d)
		})
	case 7:
		r.vec("exports", maxDefs, func() {
			e := ModuleExport{Name: r.name()}
			at := r.pos
			if e.Sort = r.coreSort("a core export"); e.Sort > SortCoreTag {
				r.malformed(at, "a core module does not export a %s", e.Sort)
			}
			e.Index = r.index()
			m.Exports = append(m.Exports, e)
		})
	case 13:
		r.vec("tags", maxDefs, func() {
			at := r.pos
			if a := r.u8(); r.ok() && a != 0 {
				r.badByte(at, a, "tag attribute")
			}
			m.addItem(CoreExternDesc{Sort: SortCoreTag, Type: r.index()})
		})
	default:
		return false
	}
	return true
}

func (m *Module) addItem(d CoreExternDesc) {
	switch d.Sort {
	case SortCoreFunc:
		m.Funcs = append(m.Funcs, d.Type)
	case SortCoreTable:
		m.Tables = append(m.Tables, d)
	case SortCoreMemory:
		m.Memories = append(m.Memories, d)
	case SortCoreGlobal:
		m.Globals = append(m.Globals, d)
	case SortCoreTag:
		m.Tags = append(m.Tags, d)
	}
}

// moduleTable reads a table of the table section, which may have an initializer.
func (r *reader) moduleTable() CoreExternDesc {
	init := false
	if b, _ := r.peek(); b == 0x40 {
		r.u8()
		at := r.pos
		if z := r.u8(); r.ok() && z != 0 {
			r.badByte(at, z, "table with an initializer")
		}
		init = true
	}
	d := CoreExternDesc{Sort: SortCoreTable, Val: r.coreValType()}
	r.limits(&d)
	if init {
		r.constExpr()
	}
	return d
}

func (r *reader) mutability() (mutable, shared bool) {
	at := r.pos
	m := r.u8()
	if m > 3 {
		r.badByte(at, m, "global mutability")
	}
	return m&1 != 0, m&2 != 0
}

// constExpr skips a constant expression.
func (r *reader) constExpr() {
	for r.ok() {
		at := r.pos
		switch op := r.u8(); op {
		case 0x0b: // end
			return
		case 0x41: // i32.const
			r.skipLEB(5)
		case 0x42: // i64.const
			r.skipLEB(10)
		case 0x43: // f32.const
			r.bytes(4, "a constant")
		case 0x44: // f64.const
			r.bytes(8, "a constant")
		case 0x23, 0xd2: // global.get, ref.func
			r.u32()
		case 0xd0: // ref.null
			r.heapType()
		case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e: // i32 and i64 add, sub, mul
		case 0xfb:
			r.constGC()
		case 0xfd: // v128.const
			if sub := r.u32(); r.ok() && sub != 12 {
				r.malformed(at, "constant expression required: vector instruction %d", sub)
			}
			r.bytes(16, "a constant")
		default:
			if r.ok() {
				r.malformed(at, "constant expression required: opcode %#x", op)
			}
		}
	}
}

// constGC skips the rest of a GC instruction that constant expressions allow.
func (r *reader) constGC() {
	at := r.pos
	switch sub := r.u32(); sub {
	case 0, 1, 6, 7: // struct.new, struct.new_default, array.new, array.new_default
		r.u32()
	case 8: // array.new_fixed
		r.u32()
		r.u32()
	case 26, 27, 28: // any.convert_extern, extern.convert_any, ref.i31
	default:
		if r.ok() {
			r.malformed(at, "constant expression required: GC instruction %d", sub)
		}
	}
}

func (r *reader) skipLEB(most int) {
	at := r.pos
	for range most {
		if b := r.u8(); b&0x80 == 0 {
			return
		}
	}
	r.malformed(at, "integer representation too long")
}
