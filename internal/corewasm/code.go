package corewasm

import "github.com/vitrine-wasm/vitrine/internal/cm/binary"

const sortFunc = binary.SortCoreFunc

// An edit is one change to a function body: at pos, del bytes are replaced by what kind and arg say.
type edit struct {
	pos, del int
	kind     editKind
	arg      uint32
}

type editKind uint8

const (
	editFuel editKind = iota // insert a fuel check of weight arg
	editFunc                 // put function index arg
	editBulk                 // insert a check of the operand on top of the stack, shifted right by arg bits
	editGrow                 // ask whether table arg may grow by the operand on top of the stack
)

// Straight code counts once for each weightUnit bytes, so that a guest cannot hide work in long bodies. Bulk operations
// count once for each 4 KiB.
const (
	weightUnit      = 4096
	memoryBulkShift = 12
	tableBulkShift  = 9
)

func weight(n int) uint32 { return 1 + uint32(n/weightUnit) }

// scan is what one pass over a function body found.
type scan struct {
	locals     int    // offset of the groups of locals, after their count
	groups     int    // number of groups
	code       int    // offset of the code
	count      uint32 // number of locals without parameters
	edits      []edit
	entry      bool // the entry needs a check
	temp       bool // a scratch local is needed
	growsTable bool
}

// scanBody reads one function body, from its local declarations to its end; params is the number of the function's
// parameters. An index that could reach something which rewriting adds is checked: an invalid guest must not become a
// valid one that reads or writes the host's globals.
func (m *module) scanBody(bd body, params int, s *scan) error {
	r := &reader{b: bd.bytes, base: bd.base}
	edits := s.edits[:0]
	*s = scan{}
	s.groups = r.count("groups of locals", maxLocals)
	s.locals = r.pos
	total := uint64(0)
	for i := s.groups; i > 0 && r.err == nil; i-- {
		total += uint64(r.u32())
		r.valType(&m.used)
		if total > maxLocals {
			r.fail("more than %d locals", maxLocals)
		}
	}
	if m.locals += total; m.locals > maxAllLocals {
		r.fail("more than %d locals in all functions", maxAllLocals)
	}
	s.count = uint32(total)
	s.code = r.pos

	type open struct {
		edit  int // of a loop, its fuel check; -1 for another block
		start int
		arity int // values that a branch to it takes
	}
	blocks := make([]open, 1, 32)
	blocks[0] = open{edit: -1, arity: bd.results}
	if r.err != nil {
		return r.err
	}
	m.exposed.start(params + int(total))
	var sh shape
	// branch counts a branch to label i, which need not exist.
	branch := func(i uint64) {
		if i < uint64(len(blocks)) {
			sh.values += blocks[uint64(len(blocks))-1-i].arity
		}
	}
	calls := false
	small := int64(-1) // operand of the previous instruction if that was a small i32.const, else -1
	for r.err == nil {
		at := r.pos
		prev := small
		small = -1
		op := r.byte()
		if r.err != nil {
			break
		}
		o := opcodes[op]
		m.used |= o.feat
		if o.feat&functionReferences != 0 {
			r.pos = at
			r.unsupported(typedReferences)
			break
		}
		switch o.imm {
		case immNone:
			if op == opReturn {
				sh.values += bd.results
			}
			if op == opEnd {
				m.exposed.block++
			}
			if op != opEnd {
				break
			}
			b := blocks[len(blocks)-1]
			blocks = blocks[:len(blocks)-1]
			if b.edit >= 0 {
				edits[b.edit].arg = weight(r.pos - b.start)
			}
			if len(blocks) == 0 {
				if r.left() > 0 {
					r.fail("%d bytes after the end of a function body", r.left())
				}
				s.edits = edits
				if calls || r.pos-s.code > weightUnit {
					s.entry = true
				}
				if r.err == nil {
					return m.chargeCost(bd, &sh)
				}
				return r.err
			}
		case immBlock:
			params, results := m.blockType(r)
			sh.moved += params + results
			b := open{edit: -1, start: r.pos, arity: results}
			switch op {
			case opLoop:
				sh.loops++
				m.exposed.block++
				b.arity = params
				b.edit = len(edits)
				edits = append(edits, edit{pos: r.pos, kind: editFuel})
			case opIf:
				sh.ifs++
			default:
				sh.blocks++
			}
			blocks = append(blocks, b)
		case immIndex:
			m.unresettable.noteOp(op)
			i := uint64(r.u32())
			switch {
			case r.err != nil:
			case op >= opLocalGet && op <= opLocalTee && i >= uint64(params)+total:
				r.pos = at
				r.fail("local %d does not exist", i)
			case (op == opGlobalGet || op == opGlobalSet) && i >= uint64(len(m.globals)):
				r.pos = at
				r.fail("global %d does not exist", i)
			case op <= opBrIf:
				sh.branches++
				branch(i)
			case op <= opLocalTee:
				if m.exposed.access(i, op == opLocalGet) {
					sh.exposed++
				}
			case op <= opGlobalSet:
				sh.globalOps++
			}
		case immFunc:
			i := r.pos
			f := r.u32()
			if op != opRefFunc {
				calls = true
			}
			if int(f) >= len(m.funcs) && r.err == nil {
				r.pos = at
				r.fail("function %d does not exist", f)
			} else if r.err == nil && op != opRefFunc {
				sh.call(&m.types[m.funcs[f]])
			}
			if int(f) >= m.nImports.funcs {
				edits = append(edits, edit{pos: i, del: r.pos - i, kind: editFunc, arg: f})
			}
		case immCallIndex:
			calls = true
			if t := m.typeIndex(r); r.err == nil {
				sh.call(&m.types[t])
			}
		case immIndex2:
			r.u32()
			r.u32()
		case immCallIndex2:
			calls = true
			if t := m.typeIndex(r); r.err == nil {
				sh.call(&m.types[t])
			}
			if t := r.u32(); t != 0 {
				m.used |= referenceTypes
			}
		case immMem:
			r.memArg()
		case immMemIndex:
			r.memIndex()
		case immI32:
			if v := r.sleb(32); v >= 0 && v < 4*weightUnit {
				small = v
			}
		case immI64:
			r.sleb(64)
		case immF32:
			r.bytes(4)
		case immF64:
			r.bytes(8)
		case immBrTable:
			for n := r.count("labels", maxBrTargets) + 1; n > 0 && r.err == nil; n-- {
				sh.targets++
				branch(uint64(r.u32()))
			}
		case immSelect:
			r.valTypes("types", 1, &m.used)
		case immHeapType:
			r.heapType()
		case immMisc:
			edits = m.miscOp(r, at, prev, s, edits)
			if r.err == nil && bd.bytes[at+1] >= miscMemInit {
				sh.bulk++
			}
		case immVector:
			m.vectorOp(r, at)
		case immRefused:
			r.pos = at
			r.unsupported(refused[op])
		default:
			r.pos = at
			r.fail("unknown opcode 0x%x", op)
		}
	}
	return r.err
}

// blockType reads a block type: empty, a value type or the index of a function type. It returns the numbers of the
// block's parameters and results.
func (m *module) blockType(r *reader) (params, results int) {
	if r.left() == 0 {
		r.fail("%w", errEnd)
		return 0, 0
	}
	switch c := r.b[r.pos]; {
	case c == blockTypeNil:
		r.pos++
	case c&0xc0 == 0x40:
		r.valType(&m.used)
		return 0, 1
	default:
		m.used |= multiValue
		v := r.sleb(33)
		if r.err == nil && (v < 0 || v >= int64(len(m.types))) {
			r.fail("block type %d does not exist", v)
		}
		if r.err == nil {
			return len(m.types[v].Params), len(m.types[v].Results)
		}
	}
	return 0, 0
}

// memArg reads a memory argument. Bit 6 of the alignment says that a memory index follows.
func (r *reader) memArg() {
	at := r.pos
	if r.u32()&0x40 != 0 {
		r.pos = at
		r.unsupported(multiMemory)
	}
	r.u32()
}

func (r *reader) memIndex() {
	if r.byte() != 0 {
		r.pos--
		r.unsupported(multiMemory)
	}
}

// miscOp reads an instruction behind the 0xfc prefix.
func (m *module) miscOp(r *reader, at int, operand int64, s *scan, edits []edit) []edit {
	op := r.byte()
	if int(op) >= len(misc) {
		r.pos = at
		switch {
		case op >= 0x13 && op <= 0x16:
			r.unsupported(wideArithmetic)
		default:
			r.fail("unknown opcode 0xfc 0x%x", op)
		}
		return edits
	}
	d := misc[op]
	m.used |= d.feat
	m.unresettable.noteMiscOp(op)
	bulk := func(shift uint32) {
		if operand < 0 { // a small constant needs no check
			edits = append(edits, edit{pos: at, kind: editBulk, arg: shift})
			s.temp = true
		}
	}
	switch op {
	case miscMemInit, miscMemCopy, miscMemFill:
		bulk(memoryBulkShift)
	case miscTabInit, miscTabCopy, miscTabFill:
		bulk(tableBulkShift)
	}
	var last uint32
	for range d.indices {
		last = r.u32()
	}
	for range d.memories {
		r.memIndex()
	}
	if op == miscTabGrow {
		edits = append(edits, edit{pos: at, kind: editGrow, arg: last})
		s.temp, s.growsTable = true, true
	}
	return edits
}

// vectorOp reads an instruction behind the 0xfd prefix.
func (m *module) vectorOp(r *reader, at int) {
	op := uint32(r.byte())
	if op >= 0x80 {
		hi := r.byte()
		op = op&0x7f | uint32(hi&0x7f)<<7
		if hi >= 0x80 || hi == 0 {
			r.pos = at
			r.fail("vector opcode is not in its shortest form")
			return
		}
	}
	if op > 0xff {
		r.pos = at
		r.unsupported(relaxedSIMD)
		return
	}
	mem, n := vectorImmediate(op)
	if mem {
		r.memArg()
	}
	r.bytes(n)
}
