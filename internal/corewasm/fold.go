package corewasm

import (
	"math"
	"slices"
)

// An engine without guard pages checks each access to memory. wazero leaves a check out where the same value, not an equal one, has been
// checked in the block or in all blocks before it, up to an offset that is as large. Compilers write p[0], p[1] and p[2] with
// addresses that are added up, each a new value, or with rising offsets of one value: three checks. Here they become offsets of one
// value, and the furthest is checked first, by a load whose result nobody wants and of which the engine keeps the check alone:
//
//	local.get $p                    local.get $p
//	                                i32.const -8, i32.add, local.tee $base
//	                                i32.load8_u offset=11, drop
//	                                local.get $base
//	i32.load                        i32.load offset=8
//	local.get $p                    local.get $p
//	i32.const -8, i32.add           i32.const -8, i32.add
//	                                drop, local.get $base
//	i32.load                        i32.load
//
// The engine removes the addresses that are dropped.
//
// A group is two or more accesses of one stretch whose addresses are one unknown number and constants. A stretch is code that runs to its
// end once it is entered, or traps out of bounds, and in which nothing happens that can be seen from outside: it ends behind each
// store and global.set, and at every label, branch, call, growth, bulk operation and each other instruction that can trap. So a
// module traps exactly where it did, and memory, globals and fuel are what they were; only the offset in the code, from which a stack
// trace has its line, may be another one of the stretch: that behind the first address of a group.
//
// Addresses wrap at 4 GiB where they are added up, and do not as offsets. That is the same here: the least address of a group is
// accessed itself, so that it is within the memory or the stretch traps in either form; no other one is more than maxDistance away; and
// the memory ends as far below 4 GiB (MaxPages).
//
// The instructions of the module are all left in place, so that a module that is not valid stays so.

// MaxPages is the size in pages that no memory may grow beyond: one page less than 4 GiB. A memory that starts larger is left alone by
// the rewriter.
const MaxPages = 1<<16 - 1

// Limits of a stretch's groups, and of the way from the least to the furthest address of a group.
const (
	maxGroups   = 8
	maxDistance = 1 << 16
)

// number is what is known of a value of type i32: it is the unknown number base plus off, modulo 2^32.
type number struct {
	base, off uint32
}

// Bases that are not unknown numbers.
const (
	baseNone = iota // nothing is known, or the value is no i32
	baseZero        // of constants
	baseFirst
)

// operand is a value on the operand stack, and where the instruction ends that puts it there.
type operand struct {
	number
	end int
}

// local is what is known of a local in a round of the folder; in any other round that is nothing.
type local struct {
	number
	round uint32
}

// access is a load or store of the stretch.
type access struct {
	operand            // the address
	offset, size int64 // the memory argument's offset, and the number of bytes
	at, del      int   // where in the code that offset is, and its bytes
	group        int
}

type foldKind uint8

const (
	foldBase   foldKind = iota // of the address on the stack make a group's base, and check its furthest byte
	foldUse                    // replace the address on the stack by the base
	foldOffset                 // replace the offset of a memory argument
)

// A fold is one change to a function body: at pos, del bytes are replaced by what kind says.
type fold struct {
	pos, del int
	kind     foldKind
	group    int
	least    int32  // what leads from the address to the base
	offset   uint32 // of the furthest byte, or of the memory argument
}

// folder finds the folds of one function body after another. Its room is used again.
type folder struct {
	reader
	m        *module
	typ      []byte // of locals
	locals   []local
	round    uint32
	next     uint32 // base
	stack    []operand
	begin    int // of the stretch
	accesses []access
	groups   []uint32 // their bases
	folds    []fold
	used     int // the most groups that a stretch has
}

// folds says whether addresses in the module's memory may be folded: whether that is never larger than MaxPages. An imported memory may have
// started larger, if its type has no maximum.
func (m *module) folds() bool {
	if len(m.memories) != 1 {
		return false
	}
	d := m.memories[0]
	return d.HasMax && d.Max <= MaxPages || m.nImports.memories == 0 && d.Min <= MaxPages
}

// scan finds the folds of function body i, in the order of the code. The body has been scanned, as sc says.
func (f *folder) scan(m *module, i int, sc *scan) []fold {
	f.folds, f.used = f.folds[:0], 0
	params := m.types[m.funcs[m.nImports.funcs+i]].Params
	n := len(params) + int(sc.count)
	if !m.folds() || n+maxGroups+2 > maxLocals {
		return nil
	}
	f.m, f.reader = m, reader{b: m.bodies[i].bytes, pos: sc.locals}
	f.typ = append(f.typ[:0], typeBytes(params)...)
	var unused feature
	for range sc.groups {
		k := int(f.u32())
		f.typ = append(f.typ, slices.Repeat([]byte{byte(f.valType(&unused))}, k)...)
	}
	if n > len(f.locals) {
		f.locals = append(f.locals, make([]local, n-len(f.locals))...)
	}
	f.next = baseFirst
	f.forget()
	f.begin, f.accesses, f.groups = f.pos, f.accesses[:0], f.groups[:0]
	for f.left() > 0 && f.err == nil {
		f.instruction()
	}
	if f.err != nil { // the engine will say what is wrong
		f.folds, f.used = f.folds[:0], 0
	}
	return f.folds
}

// forget drops what is known of locals and of the stack.
func (f *folder) forget() {
	f.stack = f.stack[:0]
	f.round++
}

func (f *folder) push(n number) { f.stack = append(f.stack, operand{n, f.pos}) }

// pushNew pushes n values of which nothing is known yet.
func (f *folder) pushNew(n int) {
	for range n {
		f.push(number{base: f.next})
		f.next++
	}
}

// pop gives the value on top of the stack: of none that is known where the stack is not.
func (f *folder) pop() (o operand) {
	if n := len(f.stack) - 1; n >= 0 {
		o = f.stack[n]
		f.stack = f.stack[:n]
	}
	return o
}

func (f *folder) popN(n int) { f.stack = f.stack[:max(0, len(f.stack)-n)] }

// instruction reads one.
func (f *folder) instruction() {
	at := f.pos
	op := f.byte()
	switch opcodes[op].imm {
	case immNone:
		f.plain(op)
	case immBlock:
		f.m.blockType(&f.reader)
		f.endStretch()
		f.stack = f.stack[:0]
		if op == opLoop {
			f.forget()
		}
	case immIndex:
		f.index(op, f.u32())
	case immFunc:
		i := f.u32()
		f.endStretch()
		switch op {
		case opCall:
			f.call(f.m.funcs[i], 0)
		case opRefFunc:
			f.pushNew(1)
		default:
			f.forget()
		}
	case immCallIndex2:
		t := f.u32()
		f.u32()
		f.endStretch()
		if op == opCallIndirect {
			f.call(t, 1)
		} else {
			f.forget()
		}
	case immMem:
		f.memory(op)
	case immMemIndex:
		f.byte()
		if op == opMemoryGrow {
			f.endStretch()
			f.popN(1)
		}
		f.pushNew(1)
	case immI32:
		v := f.sleb(32)
		f.push(number{baseZero, uint32(v)})
	case immI64:
		f.sleb(64)
		f.push(number{})
	case immF32:
		f.bytes(4)
		f.push(number{})
	case immF64:
		f.bytes(8)
		f.push(number{})
	case immBrTable:
		for n := f.count("labels", maxBrTargets) + 1; n > 0 && f.err == nil; n-- {
			f.u32()
		}
		f.endStretch()
		f.forget()
	case immSelect:
		var unused feature
		f.valTypes("types", 1, &unused)
		f.popN(3)
		f.pushNew(1)
	case immHeapType:
		f.heapType()
		f.push(number{})
	case immMisc:
		k := f.byte()
		if k < miscMemInit { // a saturating conversion
			f.popN(1)
			f.pushNew(1)
			return
		}
		f.endStretch()
		for range misc[k].indices + misc[k].memories {
			f.u32()
		}
		f.stack = f.stack[:0]
	case immVector:
		f.m.vectorOp(&f.reader, at)
		f.endStretch()
		f.stack = f.stack[:0]
	default:
		f.fail("opcode 0x%x", op)
	}
}

// plain reads an instruction without immediates.
func (f *folder) plain(op byte) {
	switch op {
	case opNop:
	case opDrop:
		f.popN(1)
	case opSelect:
		f.popN(3)
		f.pushNew(1)
	case opI32Add:
		y, x := f.pop(), f.pop()
		if x.base == baseZero {
			x, y = y, x
		}
		f.sum(x, y, y.off)
	case opI32Sub:
		y, x := f.pop(), f.pop()
		f.sum(x, y, -y.off)
	case opUnreachable, opElse, opEnd, opReturn:
		f.endStretch()
		f.forget()
	default:
		if trapping(op) {
			f.endStretch()
		}
		f.popN(int(operands[op]))
		f.pushNew(1)
	}
}

// sum pushes x + off, where y is the operand with off in it.
func (f *folder) sum(x, y operand, off uint32) {
	if y.base != baseZero || x.base == baseNone {
		f.pushNew(1)
		return
	}
	f.push(number{x.base, x.off + off})
}

// call pops more operands than a function of type t takes, and pushes what it gives.
func (f *folder) call(t uint32, more int) {
	typ := &f.m.types[t]
	f.popN(len(typ.Params) + more)
	f.pushNew(len(typ.Results))
}

// index reads the rest of an instruction with an index i.
func (f *folder) index(op byte, i uint32) {
	switch op {
	case opLocalGet:
		l := &f.locals[i]
		if f.typ[i] != byte(valI32) {
			f.push(number{})
			return
		}
		if l.round != f.round {
			l.number, l.round = number{base: f.next}, f.round
			f.next++
		}
		f.push(l.number)
	case opLocalSet, opLocalTee:
		v := f.pop().number
		f.locals[i].number, f.locals[i].round = v, f.round
		if v.base == baseNone {
			f.locals[i].round = 0
		}
		if op == opLocalTee {
			f.push(v)
		}
	case opGlobalGet:
		f.pushNew(1)
	case opGlobalSet:
		f.popN(1)
		f.endStretch()
	case opBrIf:
		f.popN(1)
		f.endStretch()
	default: // br, and tables
		f.endStretch()
		f.forget()
	}
}

// memory reads the rest of a load or store.
func (f *folder) memory(op byte) {
	f.u32()
	x := access{at: f.pos}
	x.offset = int64(f.u32())
	x.del = f.pos - x.at
	x.size = int64(accessSize[op-opI32Load])
	store := op >= opI32Store
	if store {
		f.popN(1)
	}
	x.operand = f.pop()
	if x.base >= baseFirst && x.end >= f.begin {
		x.group = slices.Index(f.groups, x.base)
		if x.group < 0 && len(f.groups) < maxGroups {
			x.group = len(f.groups)
			f.groups = append(f.groups, x.base)
		}
		if x.group >= 0 {
			f.accesses = append(f.accesses, x)
		}
	}
	if store {
		f.endStretch()
	} else {
		f.pushNew(1)
	}
}

// endStretch ends a stretch in front of the next instruction.
func (f *folder) endStretch() {
	if len(f.accesses) > 1 {
		from := len(f.folds)
		for g := range f.groups {
			f.fold(g)
		}
		slices.SortFunc(f.folds[from:], func(a, b fold) int { return a.pos - b.pos })
	}
	f.begin, f.accesses, f.groups = f.pos, f.accesses[:0], f.groups[:0]
}

// fold folds the addresses of group g of the stretch, if that saves a check.
func (f *folder) fold(g int) {
	var first *access // whose address is on the stack first
	for i := range f.accesses {
		if x := &f.accesses[i]; x.group == g && (first == nil || x.end < first.end) {
			first = x
		}
	}
	way := func(x *access) int64 { return int64(int32(x.off - first.off)) }
	var least, most, far int64
	checked := int64(-1) // the furthest of the accesses so far
	checks := 0          // as long as all have one address
	for i := range f.accesses {
		x := &f.accesses[i]
		if x.group != g {
			continue
		}
		least, most = min(least, way(x)), max(most, way(x))
		if end := x.offset + x.size; end > checked {
			checked = end
			checks++
		}
		far = max(far, way(x)+x.offset+x.size)
	}
	one := least == most
	if one && checks < 2 || most-least > maxDistance || far-least > math.MaxInt32 {
		return
	}
	f.used = max(f.used, g+1)
	f.folds = append(f.folds, fold{pos: first.end, kind: foldBase, group: g, least: int32(least), offset: uint32(far - least - 1)})
	if one {
		return
	}
	for i := range f.accesses {
		x := &f.accesses[i]
		if x.group != g {
			continue
		}
		if x != first {
			f.folds = append(f.folds, fold{pos: x.end, kind: foldUse, group: g})
		}
		f.folds = append(f.folds, fold{pos: x.at, del: x.del, kind: foldOffset, offset: uint32(way(x) - least + x.offset)})
	}
}

// appendFold writes a fold; bases is the local that holds the base of group 0, and the others' follow.
func appendFold(b []byte, d *fold, bases uint32) []byte {
	base := bases + uint32(d.group)
	switch d.kind {
	case foldBase:
		if d.least != 0 {
			b = append(appendI32(append(b, opI32Const), d.least), opI32Add)
		}
		b = appendU32(append(b, opLocalTee), base)
		b = append(appendU32(append(b, opI32Load8U, 0), d.offset), opDrop)
		b = appendU32(append(b, opLocalGet), base)
	case foldUse:
		b = appendU32(append(b, opDrop, opLocalGet), base)
	case foldOffset:
		b = appendU32(b, d.offset)
	}
	return b
}

// fold writes function body i from offset at on with the folds up to offset to, and gives where it is then and the rest of the folds.
func (w *writer) fold(b []byte, i, at, to int, folds []fold, bases uint32) ([]byte, int, []fold) {
	src := w.m.bodies[i].bytes
	for len(folds) > 0 && folds[0].pos <= to {
		d := &folds[0]
		w.mark(b, i, at, false)
		b = append(b, src[at:d.pos]...)
		w.mark(b, i, d.pos, true)
		b = appendFold(b, d, bases)
		at = d.pos + d.del
		folds = folds[1:]
	}
	return b, at, folds
}
