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
	editFuel    editKind = iota // insert a fuel check of weight arg
	editFunc                    // put function index arg
	editBulk                    // insert a check of the operand on top of the stack, shifted right by arg bits
	editGrow                    // ask whether table arg may grow by the operand on top of the stack
	editFuse                    // put a branch to label arg in an if
	editHead                    // put the heads of a hot loop and of the loop around it
	editBack                    // put a branch to the hot loop, which is label arg
	editBackIf                  // the same if the operand on top of the stack is not zero
	editLeave                   // put a branch out of the hot loop, to label arg
	editLeaveIf                 // the same if the operand on top of the stack is not zero
	editWrite                   // insert what comes before a return out of the hot loop, or an unreachable in it
	editEnd                     // insert the end of the loop around the hot loop
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
	hot        bool // a local for the fuel of hot loops is needed
	growsTable bool
}

// A bodyScan is the pass over one function body.
type bodyScan struct {
	reader
	m      *module
	body   body
	found  *scan
	locals uint64 // number of locals, with the parameters
	blocks []openBlock
	hot    int // the block of blocks that may be a hot loop; -1: none
	shape  shape
	calls  bool
}

type openBlock struct {
	edit  int // of a loop, its fuel check; -1 for another block
	at    int // where its instruction begins, and
	start int // its code
	arity int // values that a branch to it takes
}

// scanBody reads one function body, from its local declarations to its end; params is the number of the function's
// parameters. An index that could reach something which rewriting adds is checked: an invalid guest must not become a
// valid one that reads or writes the host's globals.
func (m *module) scanBody(bd body, params int, s *scan) error {
	*s = scan{edits: s.edits[:0]}
	b := bodyScan{reader: reader{b: bd.bytes, base: bd.base}, m: m, body: bd, found: s, hot: -1}
	b.readLocals()
	if b.err != nil {
		return b.err
	}
	b.locals = uint64(params) + uint64(s.count)
	m.exposed.start(int(b.locals))
	b.blocks = append(m.blocks[:0], openBlock{edit: -1, arity: bd.results})
	b.readCode()
	m.blocks = b.blocks
	if b.err != nil {
		return b.err
	}
	s.entry = b.calls || b.pos-s.code > weightUnit
	return m.chargeCost(bd, &b.shape)
}

func (b *bodyScan) readLocals() {
	s := b.found
	s.groups = b.count("groups of locals", maxLocals)
	s.locals = b.pos
	total := uint64(0)
	for i := s.groups; i > 0 && b.err == nil; i-- {
		total += uint64(b.u32())
		b.valType(&b.m.used)
		if total > maxLocals {
			b.fail("more than %d locals", maxLocals)
		}
	}
	if b.m.locals += total; b.m.locals > maxAllLocals {
		b.fail("more than %d locals in all functions", maxAllLocals)
	}
	s.count = uint32(total)
	s.code = b.pos
}

// readCode reads the instructions, up to the end of the body or an error.
func (b *bodyScan) readCode() {
	m := b.m
	small := int64(-1) // operand of the previous instruction if that was a small i32.const, else -1
	for b.err == nil {
		at := b.pos
		prev := small
		small = -1
		op := b.byte()
		if b.err != nil {
			return
		}
		o := &opcodes[op]
		m.used |= o.feat
		if o.feat&functionReferences != 0 {
			b.pos = at
			b.unsupported(typedReferences)
			return
		}
		switch o.imm {
		case immNone:
			if op == opReturn {
				b.shape.values += b.body.results
			}
			if op == opReturn || op == opUnreachable {
				b.leave(at)
			}
			if op == opEnd && b.endBlock() {
				return
			}
		case immBlock:
			b.beginBlock(op, at)
		case immIndex:
			b.index(op, at)
		case immFunc:
			b.function(op, at)
		case immCallIndex:
			b.callIndirect()
		case immIndex2:
			b.u32()
			b.u32()
		case immCallIndex2:
			b.callIndirect()
			if t := b.u32(); t != 0 {
				m.used |= referenceTypes
			}
		case immMem:
			b.memArg()
		case immMemIndex:
			b.cool()
			b.memIndex()
		case immI32:
			if v := b.sleb(32); v >= 0 && v < 4*weightUnit {
				small = v
			}
		case immI64:
			b.sleb(64)
		case immF32:
			b.bytes(4)
		case immF64:
			b.bytes(8)
		case immBrTable:
			b.cool()
			for n := b.count("labels", maxBrTargets) + 1; n > 0 && b.err == nil; n-- {
				b.shape.targets++
				b.branch(uint64(b.u32()))
			}
		case immSelect:
			b.valTypes("types", 1, &m.used)
		case immHeapType:
			b.heapType()
		case immMisc:
			b.miscOp(at, prev)
		case immVector:
			m.vectorOp(&b.reader, at)
		case immRefused:
			b.pos = at
			b.unsupported(refused[op])
		default:
			b.pos = at
			b.fail("unknown opcode 0x%x", op)
		}
	}
}

// beginBlock reads the rest of block, loop or if.
func (b *bodyScan) beginBlock(op byte, at int) {
	params, results := b.m.blockType(&b.reader)
	b.shape.moved += params + results
	block := openBlock{edit: -1, at: at, start: b.pos, arity: results}
	switch op {
	case opLoop:
		b.shape.loops++
		b.m.exposed.block++
		block.arity = params
		b.cool()
		block.edit = len(b.found.edits)
		b.found.edits = append(b.found.edits, edit{pos: b.pos, kind: editFuel})
		if params == 0 {
			b.hot = len(b.blocks)
		}
	case opIf:
		b.shape.ifs++
	default:
		b.shape.blocks++
	}
	b.blocks = append(b.blocks, block)
}

// endBlock closes the innermost block, and says whether that was the function's.
func (b *bodyScan) endBlock() bool {
	b.m.exposed.block++
	last := len(b.blocks) - 1
	if block := &b.blocks[last]; block.edit >= 0 {
		b.found.edits[block.edit].arg = weight(b.pos - block.start)
		if b.hot == last {
			b.endHot(block)
		}
	}
	b.blocks = b.blocks[:last]
	if last == 0 && b.left() > 0 {
		b.fail("%d bytes after the end of a function body", b.left())
	}
	return last == 0
}

// branch counts a branch to label i, which need not exist, and gives the number of values that it takes.
func (b *bodyScan) branch(i uint64) (arity int) {
	if n := uint64(len(b.blocks)); i < n {
		arity = b.blocks[n-1-i].arity
	}
	b.shape.values += arity
	return arity
}

// index reads the index of a label, local, global or table.
func (b *bodyScan) index(op byte, at int) {
	b.m.unresettable.noteOp(op)
	i := uint64(b.u32())
	switch {
	case b.err != nil:
	case op >= opLocalGet && op <= opLocalTee && i >= b.locals:
		b.pos = at
		b.fail("local %d does not exist", i)
	case (op == opGlobalGet || op == opGlobalSet) && i >= uint64(len(b.m.globals)):
		b.pos = at
		b.fail("global %d does not exist", i)
	case op <= opBrIf:
		b.shape.branches++
		b.jump(op, at, i, b.branch(i))
	case op <= opLocalTee:
		if b.m.exposed.access(i, op == opLocalGet) {
			b.shape.exposed++
		}
	case op <= opGlobalSet:
		b.shape.globalOps++
	}
}

// function reads the function index of a call or ref.func.
func (b *bodyScan) function(op byte, at int) {
	i := b.pos
	f := b.u32()
	if op != opRefFunc {
		b.calls = true
		b.cool()
	}
	switch {
	case b.err != nil:
		return
	case int(f) >= len(b.m.funcs):
		b.pos = at
		b.fail("function %d does not exist", f)
		return
	case op != opRefFunc:
		b.shape.call(&b.m.types[b.m.funcs[f]])
	}
	if int(f) >= b.m.nImports.funcs {
		b.found.edits = append(b.found.edits, edit{pos: i, del: b.pos - i, kind: editFunc, arg: f})
	}
}

// callIndirect reads the type of an indirect call.
func (b *bodyScan) callIndirect() {
	b.calls = true
	b.cool()
	if t := b.m.typeIndex(&b.reader); b.err == nil {
		b.shape.call(&b.m.types[t])
	}
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

// miscOp reads an instruction behind the 0xfc prefix. operand is the constant on top of the stack, or -1.
func (b *bodyScan) miscOp(at int, operand int64) {
	op := b.byte()
	if int(op) >= len(misc) {
		b.pos = at
		switch {
		case op >= 0x13 && op <= 0x16:
			b.unsupported(wideArithmetic)
		default:
			b.fail("unknown opcode 0xfc 0x%x", op)
		}
		return
	}
	d := misc[op]
	if op >= miscMemInit {
		b.cool()
	}
	b.m.used |= d.feat
	b.m.unresettable.noteMiscOp(op)
	s := b.found
	bulk := func(shift uint32) {
		if operand < 0 { // a small constant needs no check
			s.edits = append(s.edits, edit{pos: at, kind: editBulk, arg: shift})
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
		last = b.u32()
	}
	for range d.memories {
		b.memIndex()
	}
	if op == miscTabGrow {
		s.edits = append(s.edits, edit{pos: at, kind: editGrow, arg: last})
		s.temp, s.growsTable = true, true
	}
	if op >= miscMemInit {
		b.shape.bulk++
	}
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
