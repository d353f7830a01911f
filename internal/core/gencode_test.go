package core

import (
	"encoding/binary"
	"slices"
)

func (g *gen) op(parts ...any) { g.code = append(g.code, cat(parts...)...) }

// constant is an instruction for a constant, of the ends of its type as often as not.
func (g *gen) constant(t byte) []byte {
	x := g.byte()
	v := int64(int8(x))
	if x >= 0xf0 {
		v = []int64{-1 << 63, 1<<63 - 1, -1 << 31, 1<<31 - 1, 1 << 32, 0x5555555555, 70000, 16384}[x&7]
	}
	switch t {
	case tI32:
		return sleb([]byte{0x41}, int64(int32(v)))
	case tI64:
		return sleb([]byte{0x42}, v)
	case tF32:
		if x >= 0xf0 {
			v = []int64{0x7fc00000, 0x7fa00001, 0x7f800000, 0xff800000, 1, 0x4f000000, 0x80000000, 0x5f000000}[x&7]
			return binary.LittleEndian.AppendUint32([]byte{0x43}, uint32(v))
		}
		return cat(0x43, 0, 0, x, 0x40)
	case tF64:
		if x >= 0xf0 {
			v = []int64{0x7ff8 << 48, 0x7ff4<<48 | 1, 0x7ff0 << 48, -1 << 52, 1, 0x41e0 << 48, -1 << 63, 0x43e0 << 48}[x&7]
			return binary.LittleEndian.AppendUint64([]byte{0x44}, uint64(v))
		}
		return cat(0x44, 0, 0, 0, 0, 0, 0, x, 0x40)
	default: // v128
		return cat(0xfd, 0x0c, binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(v)), uint64(x)<<40))
	}
}

// weighed is a 64-bit constant of fixed width, for weights that are known later.
func weighed(code []byte, at int, w int) {
	for i := range 5 {
		code[at+i] = byte(w>>(7*i)) & 0x7f
		if i < 4 {
			code[at+i] |= 0x80
		}
	}
}

// tick counts a step and gives the place of its weight.
func (g *gen) tick() (at int) {
	g.op(0x23, g.steps, 0x42)
	at = len(g.code)
	g.op(0, 0, 0, 0, 0, 0x7c, 0x24, g.steps, 0x23, g.steps, sleb([]byte{0x42}, stepLimit), "\x56\x04\x40\x00\x0b")
	weighed(g.code, at, 0)
	return at
}

// function makes a function body, with its size before it.
func (g *gen) function(typ int) []byte {
	g.sig = g.types[typ]
	g.code, g.calls = nil, false
	own := make([]byte, g.n(4))
	for i := range own {
		own[i] = g.valType()
	}
	g.locals = append(slices.Clone(g.sig.params), own...)
	g.scratch = map[byte]uint32{}
	decl := uleb(nil, uint64(len(own)+4))
	for _, t := range own {
		decl = cat(decl, 1, t)
	}
	for i, t := range []byte{tI32, tI64, tF32, tF64} {
		decl = cat(decl, 1, t)
		g.scratch[t] = uint32(len(g.locals) + i)
	}
	at := g.tick()
	g.labels = [][]byte{g.sig.results}
	g.nodes = 150
	g.stmts()
	for _, t := range g.sig.results {
		g.expr(t, 0)
	}
	g.op(0x0b)
	if size := len(decl) + len(g.code); g.calls || len(g.code) > 4096 {
		weighed(g.code, at, 1+size/4096)
	}
	body := append(decl, g.code...)
	return append(uleb(nil, uint64(len(body))), body...)
}

// stmts makes instructions that leave the stack as it is.
func (g *gen) stmts() {
	for n := g.n(6); n > 0 && g.nodes > 0; n-- {
		g.stmt()
	}
}

func (g *gen) stmt() {
	g.nodes--
	depth := len(g.labels)
	switch c := g.n(24); c {
	case 0, 1:
		if len(g.locals) == 0 {
			return
		}
		i := g.n(len(g.locals))
		g.expr(g.locals[i], 0)
		if c == 0 {
			g.op(0x21, uint32(i))
		} else {
			g.op(0x22, uint32(i), 0x1a)
		}
	case 2, 3:
		i := g.n(len(g.globals) - 1) // steps and bulk are not for it to set, the last two
		if i < len(g.globals)-2 && g.globals[i].mutable {
			g.expr(g.globals[i].typ, 0)
			g.op(0x24, uint32(i))
		}
	case 4, 5:
		g.store()
	case 6, 7:
		if depth > 5 {
			return
		}
		g.block(byte(2+g.n(2)), nil)
	case 8:
		if depth > 5 {
			return
		}
		g.expr(tI32, 0)
		g.block(4, nil)
	case 9, 10:
		l := g.n(depth)
		types := g.labels[depth-1-l]
		g.exprs(types)
		g.expr(tI32, 0)
		g.op(0x0d, uint32(l))
		g.drop(types)
	case 11:
		g.leave()
	case 12, 13:
		t := g.call()
		g.drop(t.results)
	case 14, 15:
		g.bulkMemory()
	case 16, 17:
		g.table()
	case 18:
		if g.n(4) == 3 {
			g.op(0)
		}
	case 19:
		if g.n(8) == 7 { // much code that does nothing
			g.op(make([]byte, 0), repeat(0x01, 4000+g.n(200)))
		} else {
			g.op(1)
		}
	case 20:
		g.tailCall()
	case 22:
		g.neighbours()
	case 21: // dead code
		g.op(0x02, 0x40)
		g.labels = append(g.labels, nil)
		g.leave()
		g.stmts()
		g.labels = g.labels[:depth]
		g.op(0x0b)
	default:
		t := g.valType()
		g.expr(t, 0)
		g.op(0x1a)
	}
}

func repeat(c byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = c
	}
	return b
}

func (g *gen) drop(types []byte) {
	for range types {
		g.op(0x1a)
	}
}

func (g *gen) exprs(types []byte) {
	for _, t := range types {
		g.expr(t, 1)
	}
}

// block makes a block, loop or if with the results given, or with a function type of the module's if that fits; what an
// if tests is on the stack.
func (g *gen) block(op byte, results []byte) {
	depth := len(g.labels)
	var params []byte
	head := cat(0x40)
	k := g.n(2 * len(g.types))
	switch {
	case k < len(g.types) && slices.Equal(g.types[k].results, results) && (op != 4 || len(g.types[k].params) == 0):
		params = g.types[k].params
		head = sleb(nil, int64(k))
	case len(results) == 1:
		head = cat(results[0])
	case len(results) > 1:
		k = slices.IndexFunc(g.types, func(t genType) bool { return len(t.params) == 0 && slices.Equal(t.results, results) })
		if k < 0 {
			g.exprs(results)
			return
		}
		head = sleb(nil, int64(k))
	}
	g.exprs(params)
	g.op(op, head)
	from := len(g.code)
	label := results
	at := -1
	if op == 3 {
		label = params
		at = g.tick()
	}
	g.labels = append(g.labels, label)
	g.drop(params)
	g.stmts()
	if op == 3 && g.n(4) > 0 { // once more, perhaps
		g.exprs(params)
		g.expr(tI32, 0)
		g.op(0x0d, 0)
		g.drop(params)
	}
	g.exprs(results)
	if op == 4 && (len(results) > 0 || g.bit()) {
		g.op(5)
		g.stmts()
		g.exprs(results)
	}
	g.labels = g.labels[:depth]
	g.op(0x0b)
	if at >= 0 {
		weighed(g.code, at, 1+(len(g.code)-from)/4096)
	}
}

// leave makes an instruction behind which nothing runs.
func (g *gen) leave() {
	depth := len(g.labels)
	l := g.n(depth)
	types := g.labels[depth-1-l]
	switch g.n(4) {
	case 0:
		g.exprs(types)
		g.op(0x0c, uint32(l))
	case 1:
		g.exprs(g.sig.results)
		g.op(0x0f)
	case 2:
		g.op(0x00)
	default:
		var ls []byte
		n := uint32(0)
		for i := range depth {
			if slices.Equal(g.labels[depth-1-i], types) && g.bit() {
				ls = uleb(ls, uint64(i))
				n++
			}
		}
		g.exprs(types)
		g.expr(tI32, 0)
		g.op("\x41\x03\x71\x0e", n, ls, uint32(l))
	}
}

// call makes a call, direct or through a table, and gives what was called.
func (g *gen) call() genType {
	g.calls = true
	f := g.n(len(g.funcs))
	t := g.types[g.funcs[f]]
	switch k := g.n(4); {
	case k > 0 && len(g.tables) > 0:
		i := g.funcs[f]
		if k == 2 {
			i = g.n(len(g.types))
			t = g.types[i]
		}
		g.exprs(t.params)
		g.expr(tI32, 0)
		g.op("\x41\x07\x71\x11", uint32(i), uint32(g.n(len(g.tables))))
	default:
		g.exprs(t.params)
		g.op(0x10, uint32(f))
	}
	return t
}

// tailCall makes one if there is a function that gives what this one gives.
func (g *gen) tailCall() {
	f := g.n(len(g.funcs))
	t := g.types[g.funcs[f]]
	if !slices.Equal(t.results, g.sig.results) {
		return
	}
	g.calls = true
	g.expr(tI32, 0)
	g.op(0x04, 0x40)
	g.labels = append(g.labels, nil)
	g.exprs(t.params)
	if len(g.tables) > 0 && g.bit() {
		g.expr(tI32, 0)
		g.op("\x41\x07\x71\x13", uint32(g.funcs[f]), uint32(g.n(len(g.tables))))
	} else {
		g.op(0x12, uint32(f))
	}
	g.labels = g.labels[:len(g.labels)-1]
	g.op(0x0b)
}

// amount makes the operand on top of a bulk operation, an i32, and counts what the operation is to cost: nothing if it is
// a small constant.
func (g *gen) amount(shift int) {
	cost := func(v ...any) { g.op(0x23, g.bulk, cat(v...), 0x7c, 0x24, g.bulk) }
	switch g.n(4) {
	case 0:
		c := g.constant(tI32)
		if v := constOf(c); v < 0 || v >= 16384 {
			cost(sleb([]byte{0x42}, int64(uint32(v)>>shift)))
		}
		g.op(c)
	case 1: // an amount that does not stand before the operation, though it is constant
		g.op(g.constant(tI32))
		g.op(0x21, g.scratch[tI32])
		cost(0x20, g.scratch[tI32], 0x41, shift, 0x76, 0xad)
		g.op(0x20, g.scratch[tI32])
	default:
		g.expr(tI32, 1)
		g.op("\x41\xff\xff\x03\x71\x21", g.scratch[tI32])
		cost(0x20, g.scratch[tI32], 0x41, shift, 0x76, 0xad)
		g.op(0x20, g.scratch[tI32])
	}
}

// constOf is the value of an i32.const.
func constOf(c []byte) int32 {
	v, shift := int64(0), 0
	for _, b := range c[1:] {
		v |= int64(b&0x7f) << shift
		shift += 7
		if b < 0x80 && b&0x40 != 0 {
			v |= -1 << shift
		}
	}
	return int32(v)
}

func (g *gen) bulkMemory() {
	switch k := g.n(5); {
	case k == 4 && g.datas > 0:
		g.op("\xfc\x09", uint32(g.n(g.datas)))
	case !g.hasMem:
	case k == 0:
		g.expr(tI32, 1)
		g.op("\x41\x03\x71\x40\x00\x1a")
	case k == 1:
		g.address()
		g.expr(tI32, 1)
		g.amount(12)
		g.op("\xfc\x0b\x00")
	case k == 2:
		g.address()
		g.address()
		g.amount(12)
		g.op("\xfc\x0a\x00\x00")
	case g.datas > 0:
		g.address()
		g.small()
		g.amount(12)
		g.op("\xfc\x08", uint32(g.n(g.datas)), 0)
	}
}

// small makes an i32 below eight.
func (g *gen) small() {
	g.expr(tI32, 1)
	g.op("\x41\x07\x71")
}

func (g *gen) funcRef() {
	switch g.n(4) {
	case 0:
		g.op("\xd0\x70")
	case 1:
		if len(g.tables) > 0 {
			g.small()
			g.op(0x25, uint32(g.n(len(g.tables))))
			return
		}
		fallthrough
	default:
		g.op(0xd2, uint32(g.n(len(g.funcs))))
	}
}

func (g *gen) table() {
	if g.n(8) == 7 {
		g.op("\xfc\x0d", uint32(g.n(g.elems)))
		return
	}
	if len(g.tables) == 0 {
		return
	}
	t := uint32(g.n(len(g.tables)))
	switch g.n(6) {
	case 0:
		g.small()
		g.funcRef()
		g.op(0x26, t)
	case 1:
		g.funcRef()
		if g.bit() {
			g.op(g.constant(tI32))
		} else {
			g.expr(tI32, 1)
			g.op("\x41\x0f\x71")
		}
		g.op("\xfc\x0f", t, 0x1a)
	case 2:
		g.small()
		g.funcRef()
		g.amount(9)
		g.op("\xfc\x11", t)
	case 3:
		g.small()
		g.small()
		g.amount(9)
		g.op("\xfc\x0e", t, uint32(g.n(len(g.tables))))
	case 4:
		g.small()
		g.small()
		g.amount(9)
		g.op("\xfc\x0c", uint32(g.n(g.elems)), t)
	default:
		g.small()
		g.op(0x25, t, 0xd1, 0x1a)
	}
}

// address makes an address that is within the first page as a rule.
func (g *gen) address() {
	g.expr(tI32, 1)
	if g.n(8) != 7 {
		g.op("\x41\xff\xff\x03\x71")
	}
}

// memArg is an alignment and an offset.
func (g *gen) memArg(align int) []byte {
	off := uint32(g.n(64))
	if off == 63 {
		off = 1 << (2 * g.n(16))
	}
	return cat(g.n(align+1), off)
}

// edges are numbers near which an address matters: where memories end, where it wraps, and where offsets and addresses are signed.
var edges = []int64{0, 1, 16, 200, pageSize, 2 * pageSize, 3 * pageSize, -1, -8, -pageSize, -2 * pageSize, 1 << 31, 1<<31 - 4, 1<<31 - pageSize}

// neighbours makes accesses whose addresses are one number and constants, with what may come between.
func (g *gen) neighbours() {
	if !g.hasMem {
		return
	}
	number := func() []byte {
		return sleb([]byte{0x41}, int64(int32(edges[g.n(len(edges))]+int64(int8(g.byte())%24))))
	}
	var is []uint32
	for i, l := range append(slices.Clone(g.locals), tI32) { // the last is the scratch local
		if l == tI32 {
			is = append(is, uint32(i))
		}
	}
	is[len(is)-1] = g.scratch[tI32]
	base, other := is[g.n(len(is))], is[g.n(len(is))]
	if g.n(4) == 0 {
		g.expr(tI32, 1)
	} else {
		g.op(number())
	}
	g.op(0x21, base)
	address := func() {
		g.op(0x20, []uint32{base, base, base, other}[g.n(4)])
		switch g.n(6) {
		case 0:
			g.op(number(), 0x6b)
		case 1:
			g.op(number(), 0x6a)
		case 2, 3:
			g.op(sleb([]byte{0x41}, int64(g.n(48))-24), 0x6a)
		}
		if g.n(4) == 0 {
			g.op(0x22, other)
		}
	}
	arg := func(align int) []byte {
		if g.n(8) == 0 {
			return cat(0, uint32(edges[g.n(len(edges))]))
		}
		return cat(g.n(align+1), uint32(g.n(20)))
	}
	for n := 2 + g.n(6); n > 0; n-- {
		g.nodes--
		switch k := g.n(16); {
		case k < 9:
			l := genLoads[tI32][g.n(len(genLoads[tI32]))]
			address()
			g.op(l.op, arg(l.align))
			if is[0] != base && g.bit() {
				g.op(0x21, is[0])
			} else {
				g.op(0x1a)
			}
		case k == 9: // an address waits while another is accessed
			address()
			address()
			g.op(0x28, arg(2), 0x36, arg(2))
		case k == 10:
			address()
			g.op(0x42, g.n(64), 0x37, arg(3))
		case k == 11:
			address()
			g.op(0x21, base)
		case k == 12:
			g.op("\x41\x01\x40\x00\x1a") // memory.grow
		case k == 13:
			g.op(0x41, 1, 0x20, other, 0x6d, 0x1a) // a division
		case k == 14:
			g.op("\xfd\x0c", make([]byte, 16), "\x1a")
			address()
			g.op("\xfd\x00", arg(4), 0x1a)
		default:
			g.stmt()
		}
	}
}

func (g *gen) store() {
	if !g.hasMem {
		return
	}
	ops := []struct {
		op, typ byte
		align   int
	}{{0x36, tI32, 2}, {0x37, tI64, 3}, {0x38, tF32, 2}, {0x39, tF64, 3}, {0x3a, tI32, 0}, {0x3b, tI32, 1},
		{0x3c, tI64, 0}, {0x3d, tI64, 1}, {0x3e, tI64, 2}, {0xfd, tV128, 4}}
	o := ops[g.n(len(ops))]
	g.address()
	g.expr(o.typ, 1)
	if o.op == 0xfd {
		g.op("\xfd\x0b", g.memArg(4))
		return
	}
	g.op(o.op, g.memArg(o.align))
}
