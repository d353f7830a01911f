package core

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Value types as bytes.
const (
	tI32  = 0x7f
	tI64  = 0x7e
	tF32  = 0x7d
	tF64  = 0x7c
	tV128 = 0x7b
	tFunc = 0x70
)

// stepLimit ends a generated module's work: it traps after so many loop iterations and function entries.
const stepLimit = 1000

// Function types that every generated module has; random ones follow.
const (
	typeNone  = iota // () -> ()
	typeMix          // (i32) -> i32
	typeMix64        // (i64) -> i64
	typeGet          // () -> i32
	fixedTypes
)

type genType struct{ params, results []byte }

type genGlobal struct {
	typ     byte
	mutable bool
}

type genTable struct{ min uint32 }

// gen makes a well-typed module of bytes, of which any will do: they are the choices, and zeroes where they end. The module
// counts in a global of its own, steps, what the rewriter is to count as fuel, and in another, bulk, what bulk
// operations are to cost, so that its end is near and its fuel is known.
type gen struct {
	in    []byte
	nodes int // how many more instructions may be asked for

	caps bool // the limits of tables and memory come from outside, and not from the module

	types    []genType
	funcs    []int // type indices, imports first
	nImports int
	globals  []genGlobal
	imported int // globals
	tables   []genTable
	hasMem   bool
	memMin   uint32
	elems    int
	datas    int
	start    int // -1: none
	steps    uint32
	bulk     uint32

	elemOutOfBounds, dataOutOfBounds bool // an active segment is
	exports                          []genExport

	// of the function that is being made
	code    []byte
	sig     genType
	locals  []byte
	scratch map[byte]uint32
	labels  [][]byte
	calls   bool
}

type genExport struct {
	name string
	typ  genType
}

// What the provider of memory, table and globals has; see provider.
const (
	providerTable = 4
	providerConst = 3
)

// Caps of a generated module: where its limits stand in the module, these are they.
const (
	capElements = 24
	capPages    = 3
)

func (g *gen) byte() byte {
	if len(g.in) == 0 {
		return 0
	}
	b := g.in[0]
	g.in = g.in[1:]
	return b
}

func (g *gen) n(n int) int { return int(g.byte()) % n }

func (g *gen) bit() bool { return g.byte()&1 == 1 }

func (g *gen) valType() byte { return byte(tI32 - g.n(4)) }

func (g *gen) valTypes(most int) []byte {
	ts := make([]byte, g.n(most+1))
	for i := range ts {
		ts[i] = g.valType()
	}
	return ts
}

func uleb(b []byte, v uint64) []byte {
	return binary.AppendUvarint(b, v)
}

func sleb(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

func vec(items ...[]byte) []byte {
	return append(uleb(nil, uint64(len(items))), bytes.Join(items, nil)...)
}

func str(s string) []byte { return append(uleb(nil, uint64(len(s))), s...) }

func sect(id byte, content []byte) []byte {
	return append(uleb([]byte{id}, uint64(len(content))), content...)
}

func cat(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case byte:
			b = append(b, p)
		case int:
			b = append(b, byte(p))
		case uint32:
			b = uleb(b, uint64(p))
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		default:
			panic("cat")
		}
	}
	return b
}

const preamble = "\x00asm\x01\x00\x00\x00"

// provider is a module of what a generated one may import: memory m, table t, globals g and k, and functions f and s.
func provider() []byte {
	return cat(preamble,
		sect(1, vec([]byte("\x60\x00\x00"), []byte("\x60\x00\x01\x7f"))),
		sect(3, []byte("\x02\x01\x00")),
		sect(4, []byte("\x01\x70\x01\x04\x06")),
		sect(5, []byte("\x01\x01\x01\x02")),
		sect(6, cat("\x02\x7f\x01\x41\x07\x0b\x7f\x00\x41", providerConst, "\x0b")),
		sect(7, vec(cat(str("f"), "\x00\x00"), cat(str("s"), "\x00\x01"), cat(str("t"), "\x01\x00"), cat(str("m"), "\x02\x00"),
			cat(str("g"), "\x03\x00"), cat(str("k"), "\x03\x01"))),
		sect(9, []byte("\x01\x00\x41\x01\x0b\x02\x00\x01")),
		sect(10, vec([]byte("\x04\x00\x23\x00\x0b"), []byte("\x09\x00\x23\x00\x41\x05\x6a\x24\x00\x0b"))),
	)
}

// module makes the module.
func (g *gen) module() []byte {
	g.types = []genType{{}, {[]byte{tI32}, []byte{tI32}}, {[]byte{tI64}, []byte{tI64}}, {nil, []byte{tI32}}}
	for n := g.n(4); n > 0; n-- {
		g.types = append(g.types, genType{g.valTypes(3), g.valTypes(2)})
	}
	out := cat(preamble, sect(1, g.typeSection()))
	if s := g.imports(); len(s) > 1 {
		out = append(out, sect(2, s)...)
	}

	n := 1 + g.n(4)
	for i := range n {
		t := g.n(len(g.types))
		if i == 0 && g.start == -2 {
			t, g.start = typeNone, len(g.funcs)
		}
		g.funcs = append(g.funcs, t)
	}
	var tables [][]byte
	ownTables := g.n(3)
	alone := ownTables == 1 && len(g.tables) == 0 // the limit is of all tables together, so that it bounds one exactly
	for range ownTables {
		min := uint32(1 + g.n(5))
		g.tables = append(g.tables, genTable{min})
		if bounded := g.bit(); g.caps && !bounded && alone {
			tables = append(tables, cat(tFunc, 0, min))
		} else {
			tables = append(tables, cat(tFunc, 1, min, uint32(capElements)))
		}
	}
	probes := g.probes()
	var funcs [][]byte
	for _, t := range g.funcs[g.nImports:] {
		funcs = append(funcs, uleb(nil, uint64(t)))
	}
	out = append(out, sect(3, vec(funcs...))...)
	if len(tables) > 0 {
		out = append(out, sect(4, vec(tables...))...)
	}
	if !g.hasMem && g.n(4) > 0 {
		g.hasMem, g.memMin = true, uint32(g.n(3))
		if g.caps {
			out = append(out, sect(5, cat("\x01\x00", g.memMin))...)
		} else {
			out = append(out, sect(5, cat("\x01\x01", g.memMin, uint32(capPages)))...)
		}
	}
	out = append(out, sect(6, g.globalSection())...)
	out = append(out, sect(7, g.exportSection(probes))...)
	if g.start >= 0 {
		out = append(out, sect(8, uleb(nil, uint64(g.start)))...)
	}
	out = append(out, sect(9, g.elemSection())...)
	data := g.dataSection()
	out = append(out, sect(12, uleb(nil, uint64(g.datas)))...)
	var bodies [][]byte
	for i := range n {
		bodies = append(bodies, g.function(g.funcs[g.nImports+i]))
	}
	for _, p := range probes {
		bodies = append(bodies, append(uleb(nil, uint64(len(p.body))), p.body...))
	}
	out = append(out, sect(10, vec(bodies...))...)
	return append(out, sect(11, data)...)
}

func (g *gen) typeSection() []byte {
	var ts [][]byte
	for _, t := range g.types {
		ts = append(ts, cat(0x60, uint32(len(t.params)), t.params, uint32(len(t.results)), t.results))
	}
	return vec(ts...)
}

// imports chooses imports, of "h", the host, and "p", the provider, in an order that mixes kinds.
func (g *gen) imports() []byte {
	which, turn := g.byte(), g.n(8)
	g.start = -1
	all := []struct {
		module, field string
		desc          []byte
		add           func()
	}{
		{"h", "mix", cat(0, typeMix), func() { g.funcs = append(g.funcs, typeMix) }},
		{"p", "m", cat(2, "\x01\x01\x02"), func() { g.hasMem, g.memMin = true, 1 }},
		{"p", "g", cat(3, tI32, 1), func() { g.globals = append(g.globals, genGlobal{tI32, true}) }},
		{"h", "mix64", cat(0, typeMix64), func() { g.funcs = append(g.funcs, typeMix64) }},
		{"p", "t", cat(1, tFunc, "\x01\x04\x06"), func() { g.tables = append(g.tables, genTable{providerTable}) }},
		{"p", "f", cat(0, typeGet), func() { g.funcs = append(g.funcs, typeGet) }},
		{"p", "k", cat(3, tI32, 0), func() { g.globals = append(g.globals, genGlobal{tI32, false}) }},
		{"p", "s", cat(0, typeNone), func() { g.start = len(g.funcs); g.funcs = append(g.funcs, typeNone) }},
	}
	var is [][]byte
	for i := range all {
		k := (i + turn) % len(all)
		if which&(1<<k) == 0 {
			continue
		}
		all[k].add()
		is = append(is, cat(str(all[k].module), str(all[k].field), all[k].desc))
	}
	g.nImports, g.imported = len(g.funcs), len(g.globals)
	if g.bit() {
		g.start = -2 // the first function that is defined
	}
	return vec(is...)
}

type genProbe struct {
	name string
	body []byte
}

// probes are functions that tell the state of each table, which cannot be seen from outside.
func (g *gen) probes() []genProbe {
	var ps []genProbe
	for i := range g.tables {
		n := string(rune('0' + i))
		ps = append(ps, genProbe{"size" + n, cat("\x00\xfc\x10", uint32(i), "\x0b")},
			genProbe{"null" + n, cat("\x00\x20\x00\x25", uint32(i), "\xd1\x0b")})
		g.funcs = append(g.funcs, typeMix, typeMix)
	}
	return ps
}

func (g *gen) globalSection() []byte {
	known := len(g.globals)
	var gs [][]byte
	add := func(t byte, mutable bool, init []byte) {
		g.globals = append(g.globals, genGlobal{t, mutable})
		m := 0
		if mutable {
			m = 1
		}
		gs = append(gs, cat(t, m, init, 0x0b))
	}
	for range g.n(4) {
		t, mutable := g.valType(), g.bit()
		if g.n(8) == 7 {
			t = tV128
		}
		init := g.constant(t)
		if k := slices.Index(g.globals[:known], genGlobal{tI32, false}); k >= 0 && t == tI32 && g.bit() {
			init = cat(0x23, uint32(k), init, 0x6a) // extended constant expression
		}
		add(t, mutable, init)
	}
	g.steps, g.bulk = uint32(len(g.globals)), uint32(len(g.globals)+1)
	add(tI64, true, cat(0x42, 0))
	add(tI64, true, cat(0x42, 0))
	return vec(gs...)
}

func (g *gen) exportSection(probes []genProbe) []byte {
	var es [][]byte
	first := len(g.funcs) - len(probes)
	for i := g.nImports; i < len(g.funcs); i++ {
		name := "f" + string(rune('0'+i-g.nImports))
		if i >= first {
			name = probes[i-first].name
		} else {
			g.exports = append(g.exports, genExport{name, g.types[g.funcs[i]]})
		}
		es = append(es, cat(str(name), 0, uint32(i)))
	}
	for i, d := range g.globals {
		if d.mutable {
			es = append(es, cat(str("g"+string(rune('a'+i))), 3, uint32(i)))
		}
	}
	es = append(es, cat(str("steps"), 3, g.steps), cat(str("bulk"), 3, g.bulk))
	if g.hasMem {
		es = append(es, cat(str("m"), 2, 0))
	}
	if g.bit() {
		es = append(es, cat(str("$fuel"), 3, g.steps)) // what the rewriter would like to call its own
	}
	return vec(es...)
}

// offset makes an offset of an active segment, and says what it comes to.
func (g *gen) offset(most int) ([]byte, uint32) {
	v := uint32(g.n(most))
	if g.n(8) == 7 {
		v <<= 14
	}
	e := sleb([]byte{0x41}, int64(int32(v)))
	for i, d := range g.globals[:g.imported] {
		if !d.mutable && g.bit() {
			return cat(e, 0x23, uint32(i), 0x6a, 0x0b), v + providerConst
		}
	}
	return cat(e, 0x0b), v
}

func (g *gen) elemSection() []byte {
	var es [][]byte
	for range g.n(4) {
		flags := uint32(g.n(8))
		n := uint32(g.n(4))
		if len(g.tables) == 0 && flags&1 == 0 {
			flags |= 1
		}
		e := uleb(nil, uint64(flags))
		if flags&1 == 0 {
			table := uint32(0)
			if flags&2 != 0 {
				table = uint32(g.n(len(g.tables)))
				e = cat(e, table)
			}
			off, at := g.offset(4)
			e = cat(e, off)
			if size := g.tables[table].min; at+n > size {
				if at < size && g.n(8) < 7 {
					n = size - at
				} else {
					g.elemOutOfBounds = true
				}
			}
		}
		if flags&3 != 0 {
			if flags&4 != 0 {
				e = cat(e, tFunc)
			} else {
				e = cat(e, 0)
			}
		}
		e = cat(e, n)
		for range n {
			f := uint32(g.n(len(g.funcs)))
			switch {
			case flags&4 == 0:
				e = cat(e, f)
			case g.n(4) == 3:
				e = cat(e, "\xd0\x70\x0b")
			default:
				e = cat(e, 0xd2, f, 0x0b)
			}
		}
		es = append(es, e)
	}
	all := cat("\x03\x00", uint32(len(g.funcs))) // so that ref.func may name each
	for i := range g.funcs {
		all = cat(all, uint32(i))
	}
	es = append(es, all)
	g.elems = len(es)
	return vec(es...)
}

func (g *gen) dataSection() []byte {
	var ds [][]byte
	for range g.n(3) {
		active := g.hasMem && g.bit()
		text := bytes.Repeat([]byte{g.byte()}, g.n(9))
		d := cat(1, str(string(text)))
		if active {
			off, at := g.offset(200)
			if uint64(at)+uint64(len(text)) > uint64(g.memMin)*pageSize {
				g.dataOutOfBounds = true
			}
			d = cat(0, off, str(string(text)))
		}
		ds = append(ds, d)
	}
	g.datas = len(ds)
	return vec(ds...)
}
