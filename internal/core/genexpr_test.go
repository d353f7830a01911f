package core

import (
	"encoding/binary"
	"slices"
)

// genOp is an instruction by what it takes and gives.
type genOp struct {
	code string
	in   string // one letter an operand: i I f F v for i32 i64 f32 f64 v128
	nan  bool   // it may make a NaN of any bits
}

var letters = map[byte]byte{'i': tI32, 'I': tI64, 'f': tF32, 'F': tF64, 'v': tV128}

// genOps are the instructions without immediates, by their result.
var genOps = func() map[byte][]genOp {
	all := map[byte][]genOp{}
	span := func(t byte, in string, nan bool, from, to int) {
		for op := from; op <= to; op++ {
			all[t] = append(all[t], genOp{string([]byte{byte(op)}), in, nan})
		}
	}
	one := func(t byte, in string, nan bool, code string) { all[t] = append(all[t], genOp{code, in, nan}) }
	span(tI32, "i", false, 0x45, 0x45)
	span(tI32, "ii", false, 0x46, 0x4f)
	span(tI32, "I", false, 0x50, 0x50)
	span(tI32, "II", false, 0x51, 0x5a)
	span(tI32, "ff", false, 0x5b, 0x60)
	span(tI32, "FF", false, 0x61, 0x66)
	span(tI32, "i", false, 0x67, 0x69)
	span(tI32, "ii", false, 0x6a, 0x78)
	span(tI64, "I", false, 0x79, 0x7b)
	span(tI64, "II", false, 0x7c, 0x8a)
	span(tF32, "f", false, 0x8b, 0x8c)
	span(tF32, "f", true, 0x8d, 0x91)
	span(tF32, "ff", true, 0x92, 0x97)
	span(tF32, "ff", false, 0x98, 0x98)
	span(tF64, "F", false, 0x99, 0x9a)
	span(tF64, "F", true, 0x9b, 0x9f)
	span(tF64, "FF", true, 0xa0, 0xa5)
	span(tF64, "FF", false, 0xa6, 0xa6)
	span(tI32, "I", false, 0xa7, 0xa7)
	span(tI32, "f", false, 0xa8, 0xa9)
	span(tI32, "F", false, 0xaa, 0xab)
	span(tI64, "i", false, 0xac, 0xad)
	span(tI64, "f", false, 0xae, 0xaf)
	span(tI64, "F", false, 0xb0, 0xb1)
	span(tF32, "i", false, 0xb2, 0xb3)
	span(tF32, "I", false, 0xb4, 0xb5)
	span(tF32, "F", true, 0xb6, 0xb6)
	span(tF64, "i", false, 0xb7, 0xb8)
	span(tF64, "I", false, 0xb9, 0xba)
	span(tF64, "f", true, 0xbb, 0xbb)
	span(tI32, "f", false, 0xbc, 0xbc)
	span(tI64, "F", false, 0xbd, 0xbd)
	span(tF32, "i", false, 0xbe, 0xbe)
	span(tF64, "I", false, 0xbf, 0xbf)
	span(tI32, "i", false, 0xc0, 0xc1)
	span(tI64, "I", false, 0xc2, 0xc4)
	for i, in := range []string{"f", "f", "F", "F"} {
		one(tI32, in, false, string([]byte{0xfc, byte(i)}))
		one(tI64, in, false, string([]byte{0xfc, byte(i + 4)}))
	}
	one(tI32, "v", false, "\xfd\x1b\x01")   // i32x4.extract_lane 1
	one(tI32, "v", false, "\xfd\x53")       // v128.any_true
	one(tI64, "v", false, "\xfd\x1d\x01")   // i64x2.extract_lane 1
	one(tV128, "i", false, "\xfd\x11")      // i32x4.splat
	one(tV128, "I", false, "\xfd\x12")      // i64x2.splat
	one(tV128, "vv", false, "\xfd\xae\x01") // i32x4.add
	one(tV128, "vv", false, "\xfd\x0e")     // i8x16.swizzle
	one(tV128, "vI", false, "\xfd\x1e\x00") // i64x2.replace_lane 0
	one(tV128, "vvv", false, "\xfd\x52")    // v128.bitselect
	one(tV128, "vi", false, "\xfd\xab\x01") // i32x4.shl
	one(tV128, "vv", false, "\xfd\x0d\x00\x11\x02\x13\x04\x15\x06\x17\x08\x19\x0a\x1b\x0c\x1d\x0e\x1f")
	return all
}()

var genLoads = map[byte][]struct {
	op    string
	align int
}{
	tI32:  {{"\x28", 2}, {"\x2c", 0}, {"\x2d", 0}, {"\x2e", 1}, {"\x2f", 1}},
	tI64:  {{"\x29", 3}, {"\x30", 0}, {"\x31", 0}, {"\x32", 1}, {"\x33", 1}, {"\x34", 2}, {"\x35", 2}},
	tF32:  {{"\x2a", 2}},
	tF64:  {{"\x2b", 3}},
	tV128: {{"\xfd\x00", 4}, {"\xfd\x09", 2}, {"\xfd\x5d", 3}},
}

// expr makes instructions that leave one value of type t.
func (g *gen) expr(t byte, depth int) {
	g.nodes--
	if g.nodes < 0 || depth > 6 {
		g.op(g.constant(t))
		return
	}
	sub := func(t byte) { g.expr(t, depth+1) }
	switch g.n(16) {
	case 0, 1:
		g.op(g.constant(t))
	case 2, 3:
		if !g.local(t) {
			g.op(g.constant(t))
		}
	case 4:
		var is []int
		for i, d := range g.globals {
			if d.typ == t {
				is = append(is, i)
			}
		}
		if len(is) == 0 {
			g.op(g.constant(t))
			return
		}
		g.op(0x23, uint32(is[g.n(len(is))]))
	case 5:
		if !g.hasMem {
			g.op(g.constant(t))
			return
		}
		l := genLoads[t][g.n(len(genLoads[t]))]
		g.address()
		g.op(l.op, g.memArg(l.align))
	case 6:
		sub(t)
		sub(t)
		sub(tI32)
		if g.bit() || t == tV128 {
			g.op(0x1c, 1, t)
		} else {
			g.op(0x1b)
		}
	case 7:
		if len(g.labels) > 5 {
			g.op(g.constant(t))
			return
		}
		k := byte(2 + g.n(3))
		if k == 4 {
			sub(tI32)
		}
		g.block(k, []byte{t})
	case 8:
		f := g.n(len(g.funcs))
		if r := g.types[g.funcs[f]].results; len(r) != 1 || r[0] != t {
			g.op(g.constant(t))
			return
		}
		g.calls = true
		g.exprs(g.types[g.funcs[f]].params)
		g.op(0x10, uint32(f))
	case 9:
		i := slices.Index(g.locals, t)
		sub(t)
		if i >= 0 {
			g.op(0x22, uint32(i))
		}
	case 10:
		if t == tI32 && g.hasMem && g.bit() {
			g.op("\x3f\x00")
		} else if t == tI32 && len(g.tables) > 0 {
			g.op("\xfc\x10", uint32(g.n(len(g.tables))))
		} else if g.n(16) == 15 {
			g.leave()
		} else {
			g.op(g.constant(t))
		}
	default:
		g.operation(genOps[t][g.n(len(genOps[t]))], t, depth)
	}
}

func (g *gen) local(t byte) bool {
	var is []int
	for i, l := range g.locals {
		if l == t {
			is = append(is, i)
		}
	}
	if len(is) == 0 {
		return false
	}
	g.op(0x20, uint32(is[g.n(len(is))]))
	return true
}

// operation makes an instruction with its operands. A NaN is made the one that everybody makes: which one comes out of
// arithmetic is not for a module to know.
func (g *gen) operation(o genOp, t byte, depth int) {
	for i := range len(o.in) {
		g.expr(letters[o.in[i]], depth+1)
	}
	g.op(o.code)
	if !o.nan {
		return
	}
	s := g.scratch[t]
	g.op(0x22, s)
	if t == tF32 {
		g.op(0x43, binary.LittleEndian.AppendUint32(nil, 0x7fc00000), 0x20, s, 0x20, s, 0x5b, 0x1b)
	} else {
		g.op(0x44, binary.LittleEndian.AppendUint64(nil, 0x7ff8<<48), 0x20, s, 0x20, s, 0x61, 0x1b)
	}
}
