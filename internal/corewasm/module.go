package corewasm

import (
	"math"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// Import is one import.
type Import struct {
	Module, Field string
	Desc          binary.CoreExternDesc // Type is an index of Info.Types
}

// Export is one export.
type Export struct {
	Name  string
	Desc  binary.CoreExternDesc // Type is an index of Info.Types
	Index uint32                // in the index space of its sort
}

// module is a core module, parsed as far as rewriting needs.
type module struct {
	types        []binary.CoreFuncType
	groups       int    // entries of the type section
	typeSec      []byte // the entries' bytes
	imports      []Import
	importDescs  [][]byte // the imports' descriptions, encoded
	nImports     struct{ funcs, tables, memories, globals int }
	funcs        []uint32                // type of each function, imports first
	tables       []binary.CoreExternDesc // imports first
	memories     []binary.CoreExternDesc // imports first
	globals      []binary.CoreExternDesc // imports first
	tableTypes   [][]byte                // the defined tables' types, encoded
	memSec       []byte
	globalInits  [][]byte // initialisers of the defined globals
	globalTypes  [][]byte // their types, encoded
	exports      []Export
	start        int64 // -1: none
	elems        []element
	dataCount    int64 // -1: no section
	bodies       []body
	data         []byte // the section's content
	dataLen      int
	names        map[uint32]string
	debug        bool // there are lines of source
	codeBase     int  // offset of the code section's content
	used         feature
	unresettable unresettable
	activeData   bool   // some data segment is active
	locals       uint64 // of the bodies scanned so far
	mutable      int    // globals that can be written
	codeLen      int    // bytes of all bodies
	cost         uint64 // of compiling the bodies scanned so far
	exposed      exposed
	blocks       []openBlock // of the body that is being scanned; room that is used again
}

type element struct {
	flags   uint32
	table   uint32
	offset  []byte
	head    []byte // element kind or type, encoded
	indices []uint32
	exprs   [][]byte
}

func (e *element) active() bool { return e.flags&1 == 0 }

func (e *element) size() int { return len(e.indices) + len(e.exprs) }

// body is one function body: local declarations and code, and its offset in the module.
type body struct {
	bytes   []byte
	base    int
	results int // of its function
}

var sectionOrder = [...]uint8{1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 7, 7: 8, 8: 9, 9: 10, 10: 12, 11: 13, 12: 11, 13: 6}

// parse reads a module. Function bodies are left as bytes.
func parse(wasm []byte) (*module, error) {
	m, r := readSections(wasm, math.MaxUint8)
	if r.err == nil && len(m.funcs)-m.nImports.funcs != len(m.bodies) {
		r.fail("%d functions, %d bodies", len(m.funcs)-m.nImports.funcs, len(m.bodies))
	}
	if r.err == nil {
		m.checkWhole(r)
	}
	return m, r.err
}

// readSections reads the sections whose place in the order is at most upTo.
func readSections(wasm []byte, upTo uint8) (*module, *reader) {
	r := &reader{b: wasm}
	m := &module{start: -1, dataCount: -1}
	if len(wasm) < 8 || string(wasm[:4]) != "\x00asm" {
		r.fail("not a core module: no magic number")
		return m, r
	}
	if string(wasm[4:8]) != "\x01\x00\x00\x00" {
		r.fail("not a core module: unknown version")
		return m, r
	}
	r.pos = 8
	var last uint8
	for r.left() > 0 && r.err == nil {
		at := r.pos
		id := r.byte()
		size := r.u32()
		if int64(size) > int64(r.left()) {
			r.fail("section: %w", errEnd)
			break
		}
		base := r.pos // before the bytes are read: the order within a literal is not defined
		s := &reader{base: base, b: r.bytes(int(size))}
		if id != 0 {
			if int(id) >= len(sectionOrder) {
				r.pos = at
				r.fail("unknown section %d", id)
				break
			}
			if sectionOrder[id] <= last {
				r.pos = at
				r.fail("section %d is out of order or doubled", id)
				break
			}
			if last = sectionOrder[id]; last > upTo {
				return m, r
			}
		}
		m.section(id, s)
		if s.err == nil && s.left() > 0 {
			s.fail("%d bytes after the end of section %d", s.left(), id)
		}
		if s.err != nil {
			r.err = s.err
		}
	}
	return m, r
}

func (m *module) section(id byte, r *reader) {
	switch id {
	case 0:
		name := r.name()
		if name == "name" && r.err == nil && m.names == nil {
			m.names = readNames(r.b[r.pos:])
		}
		m.debug = m.debug || name == debugPrefix+"line"
		r.pos = len(r.b)
	case 1:
		m.typeSection(r)
	case 2:
		m.importSection(r)
	case 3:
		for n := r.count("functions", maxFuncs-m.nImports.funcs); n > 0 && r.err == nil; n-- {
			m.funcs = append(m.funcs, m.typeIndex(r))
		}
	case 4:
		m.tableSection(r)
	case 5:
		n := r.count("memories", 100)
		if n+m.nImports.memories > 1 {
			r.unsupported(multiMemory)
		}
		start := r.pos
		for ; n > 0 && r.err == nil; n-- {
			var d binary.CoreExternDesc
			r.memoryType(&d)
			m.memories = append(m.memories, d)
		}
		m.memSec = r.b[start:r.pos]
	case 6:
		for n := r.count("globals", maxGlobals-m.nImports.globals); n > 0 && r.err == nil; n-- {
			var d binary.CoreExternDesc
			start := r.pos
			r.globalType(&d, &m.used)
			m.globalTypes = append(m.globalTypes, r.b[min(start, r.pos):r.pos])
			m.globalInits = append(m.globalInits, m.constExpr(r))
			m.globals = append(m.globals, d)
		}
	case 7:
		m.exportSection(r)
	case 8:
		m.start = int64(r.u32())
	case 9:
		m.elementSection(r)
	case 10:
		m.codeBase = r.base
		n := r.count("function bodies", maxFuncs)
		m.bodies = make([]body, 0, n)
		for ; n > 0 && r.err == nil; n-- {
			size := r.count("bytes of a function body", maxBody)
			b := body{base: r.base + r.pos} // before the bytes are read
			b.bytes = r.bytes(size)
			if i := m.nImports.funcs + len(m.bodies); i < len(m.funcs) {
				b.results = len(m.types[m.funcs[i]].Results)
			}
			m.bodies = append(m.bodies, b)
			m.codeLen += size
		}
	case 11:
		m.dataSection(r)
	case 12:
		m.used |= bulkMemory
		m.dataCount = int64(r.u32())
	case 13:
		r.pos = 0
		r.unsupported(exceptions)
	}
}

// params is the number of parameters of defined function i.
func (m *module) params(i int) int { return len(m.types[m.funcs[m.nImports.funcs+i]].Params) }

// typeIndex reads the index of a function type.
func (m *module) typeIndex(r *reader) uint32 {
	i := r.u32()
	if r.err == nil && int(i) >= len(m.types) {
		r.fail("type %d does not exist", i)
	}
	return i
}

func (m *module) typeSection(r *reader) {
	m.groups = r.count("types", maxTypes)
	start := r.pos
	for n := m.groups; n > 0 && r.err == nil; n-- {
		switch form := r.byte(); form {
		case 0x60:
			m.types = append(m.types, r.funcType(&m.used))
		case 0x4e, 0x50, 0x4f, 0x5e, 0x5f:
			r.pos--
			r.unsupported(garbage)
		case 0x5d:
			r.pos--
			r.unsupported(stackSwitching)
		default:
			if r.err == nil {
				r.pos--
				r.fail("0x%x is no function type", form)
			}
		}
	}
	m.typeSec = r.b[start:r.pos]
}

func (m *module) importSection(r *reader) {
	for n := r.count("imports", maxImports); n > 0 && r.err == nil; n-- {
		imp := Import{Module: r.name(), Field: r.name()}
		start := r.pos
		switch kind := r.byte(); kind {
		case 0:
			imp.Desc = binary.CoreExternDesc{Sort: binary.SortCoreFunc, Type: m.typeIndex(r)}
			m.funcs = append(m.funcs, imp.Desc.Type)
			m.nImports.funcs++
		case 1:
			r.tableType(&imp.Desc, &m.used)
			m.tables = append(m.tables, imp.Desc)
			m.nImports.tables++
		case 2:
			r.memoryType(&imp.Desc)
			m.memories = append(m.memories, imp.Desc)
			if m.nImports.memories++; m.nImports.memories > 1 {
				r.unsupported(multiMemory)
			}
		case 3:
			r.globalType(&imp.Desc, &m.used)
			if imp.Desc.Mutable {
				m.used |= mutableGlobal
			}
			m.globals = append(m.globals, imp.Desc)
			m.nImports.globals++
		case 4:
			r.pos = start
			r.unsupported(exceptions)
		default:
			if r.err == nil {
				r.pos = start
				r.fail("import kind 0x%x", kind)
			}
		}
		m.imports = append(m.imports, imp)
		m.importDescs = append(m.importDescs, r.b[min(start, r.pos):r.pos])
	}
}

func (m *module) tableSection(r *reader) {
	for n := r.count("tables", maxTables-m.nImports.tables); n > 0 && r.err == nil; n-- {
		var d binary.CoreExternDesc
		start := r.pos
		if r.left() > 0 && r.b[r.pos] == 0x40 {
			r.unsupported(typedReferences)
		} else {
			r.tableType(&d, &m.used)
		}
		m.tables = append(m.tables, d)
		m.tableTypes = append(m.tableTypes, r.b[start:r.pos])
	}
	if len(m.tables) > 1 {
		m.used |= referenceTypes
	}
}

func (m *module) exportSection(r *reader) {
	n := r.count("exports", maxExports)
	seen := make(map[string]bool, n)
	for ; n > 0 && r.err == nil; n-- {
		x := Export{Name: r.name()}
		at := r.pos
		kind := r.byte()
		x.Index = r.u32()
		if r.err != nil {
			return
		}
		pick := func(descs []binary.CoreExternDesc) {
			if int(x.Index) >= len(descs) {
				r.pos = at
				r.fail("export %q: index %d does not exist", x.Name, x.Index)
				return
			}
			x.Desc = descs[x.Index]
		}
		switch kind {
		case 0:
			if int(x.Index) >= len(m.funcs) {
				r.pos = at
				r.fail("export %q: function %d does not exist", x.Name, x.Index)
				return
			}
			x.Desc = binary.CoreExternDesc{Sort: binary.SortCoreFunc, Type: m.funcs[x.Index]}
		case 1:
			pick(m.tables)
		case 2:
			pick(m.memories)
		case 3:
			pick(m.globals)
			if x.Desc.Mutable {
				m.used |= mutableGlobal
			}
		case 4:
			r.pos = at
			r.unsupported(exceptions)
		default:
			r.pos = at
			r.fail("export kind 0x%x", kind)
		}
		if seen[x.Name] {
			r.pos = at
			r.fail("duplicate export name %q", x.Name)
		}
		seen[x.Name] = true
		m.exports = append(m.exports, x)
	}
}

func (m *module) elementSection(r *reader) {
	room := maxElements
	for n := r.count("element segments", maxSegments); n > 0 && r.err == nil; n-- {
		e := element{flags: r.u32()}
		if e.flags > 7 {
			r.fail("element segment flags 0x%x", e.flags)
			return
		}
		if e.flags != 0 {
			m.used |= bulkMemory
		}
		if e.flags&1 == 0 { // active
			if e.flags&2 != 0 {
				if e.table = r.u32(); e.table != 0 {
					m.used |= referenceTypes
				}
			}
			if r.err == nil && int(e.table) >= len(m.tables) {
				r.fail("table %d does not exist", e.table)
			}
			e.offset = m.constExpr(r)
		}
		if e.flags&3 != 0 {
			start := r.pos
			if e.flags&4 != 0 {
				r.refType(&m.used)
			} else if r.byte() != 0 {
				r.fail("element kind")
			}
			e.head = r.b[min(start, r.pos):r.pos]
		}
		k := r.count("elements", room)
		room -= k
		if e.flags&4 != 0 {
			m.used |= referenceTypes
			e.exprs = make([][]byte, 0, k)
			for ; k > 0 && r.err == nil; k-- {
				e.exprs = append(e.exprs, m.constExpr(r))
			}
		} else {
			e.indices = make([]uint32, 0, k)
			for ; k > 0 && r.err == nil; k-- {
				i := r.u32()
				if r.err == nil && int(i) >= len(m.funcs) {
					r.fail("function %d does not exist", i)
				}
				e.indices = append(e.indices, i)
			}
		}
		m.elems = append(m.elems, e)
	}
}

// dataSection checks the section, which is written unchanged: it holds no function index. (An offset could hold one, but
// a function reference is no valid offset.)
func (m *module) dataSection(r *reader) {
	n := r.count("data segments", maxSegments)
	if m.dataCount >= 0 && int64(n) != m.dataCount && r.err == nil {
		r.fail("%d data segments, but data count is %d", n, m.dataCount)
	}
	for ; n > 0 && r.err == nil; n-- {
		flags := r.u32()
		switch {
		case flags > 2:
			r.fail("data segment flags 0x%x", flags)
		case flags == 2:
			m.used |= bulkMemory
			if r.u32() != 0 {
				r.unsupported(multiMemory)
			}
		case flags == 1:
			m.used |= bulkMemory
		}
		if flags != 1 {
			m.activeData = true
			m.constExpr(r)
		}
		k := r.u32()
		if int64(k) > int64(r.left()) {
			r.fail("data: %w", errEnd)
		}
		r.bytes(int(k))
		m.dataLen += int(k)
	}
	m.data = r.b
}

// checkWhole checks what rewriting relies on across sections.
func (m *module) checkWhole(r *reader) {
	for _, g := range m.globals {
		if g.Mutable {
			m.mutable++
		}
	}
	if m.start >= int64(len(m.funcs)) {
		r.fail("start function %d does not exist", m.start)
	}
	if m.start >= 0 && m.start < int64(len(m.funcs)) {
		if t := m.types[m.funcs[m.start]]; len(t.Params)+len(t.Results) > 0 {
			r.fail("start function %d has parameters or results", m.start)
		}
	}
	if m.dataCount > 0 && m.data == nil {
		r.fail("data count is %d, but there is no data", m.dataCount)
	}
}
