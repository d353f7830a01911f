package bindgen

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/wit"
)

// This file writes the code for values that are passed as core values. Values other than numbers and strings go through memory: they are
// lowered there and then read as core values, and the other way around.

// load returns the expressions of the core values of a value in memory. For variants it first writes statements that set variables.
func (g *insider) load(t *wit.Type, base string, offset uint32) []string {
	t = t.Resolve()
	at := fmt.Sprintf("%s+%d", base, offset)
	switch t.Kind {
	case wit.Record, wit.Tuple:
		var all []string
		offs, _, _ := g.offsets(t.Fields)
		for i, f := range t.Fields {
			all = append(all, g.load(f.Type, base, offset+offs[i])...)
		}
		return all
	case wit.Option, wit.Result, wit.Variant:
		return g.loadVariant(t, base, offset)
	case wit.String, wit.List:
		return []string{fmt.Sprintf("%s(%s)", g.abi("LiftU32"), at), fmt.Sprintf("%s(%s+%d)", g.abi("LiftU32"), base, offset+4)}
	case wit.S64, wit.U64:
		return []string{fmt.Sprintf("%s(%s)", g.abi("LiftU64"), at)}
	case wit.F32, wit.F64:
		return []string{fmt.Sprintf("%s(%s)", g.abi("Lift"+abiNames[t.Kind]), at)}
	case wit.S8, wit.S16:
		return []string{fmt.Sprintf("uint32(int32(%s(%s)))", g.abi("Lift"+abiNames[t.Kind]), at)}
	}
	n, _ := g.layout(t)
	expr := fmt.Sprintf("%s(%s)", g.abi(fmt.Sprintf("LiftU%d", 8*n)), at)
	if n < 4 {
		expr = "uint32(" + expr + ")"
	}
	return []string{expr}
}

func (g *insider) loadVariant(t *wit.Type, base string, offset uint32) []string {
	flat := g.flatten(t)
	if len(flat) == 1 {
		tag := g.abi(fmt.Sprintf("LiftU%d", 8*tagSize(len(payloads(t)))))
		return []string{fmt.Sprintf("uint32(%s(%s+%d))", tag, base, offset)}
	}
	names := make([]string, len(flat))
	for i, typ := range flat {
		names[i] = g.variable()
		g.p("var %s %s", names[i], typ)
	}
	all := payloads(t)
	tag := g.abi(fmt.Sprintf("LiftU%d", 8*tagSize(len(all))))
	g.p("%s = uint32(%s(%s+%d))", names[0], tag, base, offset)
	g.p("switch %s {", names[0])
	for i, p := range all {
		if p == nil {
			continue
		}
		g.p("case %d:", i)
		from := g.flatten(p)
		for k, expr := range g.load(p, base, offset+g.payloadOffset(t)) {
			g.p("%s = %s", names[k+1], g.coerce(expr, from[k], flat[k+1]))
		}
	}
	g.p("}")
	return names
}

// coerce is the expression that converts a core value to the joined type of a variant's cases.
func (g *insider) coerce(expr, from, to string) string {
	switch {
	case from == to:
		return expr
	case from == coreF32 && to == coreI32:
		return g.std("math") + "Float32bits(" + expr + ")"
	case from == coreF32:
		return "uint64(" + g.std("math") + "Float32bits(" + expr + "))"
	case from == coreF64:
		return g.std("math") + "Float64bits(" + expr + ")"
	}
	return "uint64(" + expr + ")"
}

// uncoerce is the reverse of coerce.
func (g *insider) uncoerce(expr, from, to string) string {
	switch {
	case from == to:
		return expr
	case to == coreF32:
		return g.std("math") + "Float32frombits(uint32(" + expr + "))"
	case to == coreF64:
		return g.std("math") + "Float64frombits(" + expr + ")"
	}
	return "uint32(" + expr + ")"
}

// store writes statements that store core values in memory, and returns the values that are left.
func (g *insider) store(t *wit.Type, base string, offset uint32, flat []string) []string {
	t = t.Resolve()
	at := fmt.Sprintf("%s+%d", base, offset)
	switch t.Kind {
	case wit.Record, wit.Tuple:
		offs, _, _ := g.offsets(t.Fields)
		for i, f := range t.Fields {
			flat = g.store(f.Type, base, offset+offs[i], flat)
		}
		return flat
	case wit.Option, wit.Result, wit.Variant:
		all, types := payloads(t), g.flatten(t)
		bits := 8 * tagSize(len(all))
		g.p("%s(%s, uint%d(%s))\nswitch %s {", g.abi(fmt.Sprintf("LowerU%d", bits)), at, bits, flat[0], flat[0])
		for i, p := range all {
			if p == nil {
				continue
			}
			g.p("case %d:", i)
			part := g.flatten(p)
			for k, to := range part {
				part[k] = g.uncoerce(flat[k+1], types[k+1], to)
			}
			g.store(p, base, offset+g.payloadOffset(t), part)
		}
		g.p("}")
		return flat[len(types):]
	case wit.String, wit.List:
		g.p("%s(%s, %s)\n%s(%s+%d, %s)", g.abi("LowerU32"), at, flat[0], g.abi("LowerU32"), base, offset+4, flat[1])
		return flat[2:]
	case wit.F32, wit.F64:
		g.p("%s(%s, %s)", g.abi("Lower"+abiNames[t.Kind]), at, flat[0])
		return flat[1:]
	}
	n, _ := g.layout(t)
	g.p("%s(%s, uint%d(%s))", g.abi(fmt.Sprintf("LowerU%d", 8*n)), at, 8*n, flat[0])
	return flat[1:]
}

// pass returns the expressions of the core values of a Go value. It may write statements that they need.
func (g *insider) pass(t *wit.Type, x string) []string {
	r := t.Resolve()
	switch r.Kind {
	case wit.Bool:
		return []string{g.abi("Bool") + "(" + x + ")"}
	case wit.Char:
		return []string{g.abi("Char") + "(" + x + ")"}
	case wit.S8, wit.S16:
		return []string{"uint32(int32(" + x + "))"}
	case wit.U8, wit.U16, wit.S32, wit.U32, wit.Own, wit.Borrow, wit.Enum, wit.Flags:
		return []string{"uint32(" + x + ")"}
	case wit.S64, wit.U64:
		return []string{"uint64(" + x + ")"}
	case wit.F32, wit.F64:
		return []string{x}
	}
	if r.Kind == wit.String || isBytes(r) {
		p, n := g.variable(), g.variable()
		name := "String"
		if r.Kind == wit.List {
			name = "Bytes"
		}
		g.p("%s, %s := %s(%s)", p, n, g.abi(name), x)
		return []string{p, n}
	}
	size, align := g.layout(t)
	at := g.variable()
	g.p("%s := %s(%d, %d)", at, g.abi("Alloc"), size, align)
	g.p("%s(%s, %s)", g.lowerFn(t), at, x)
	return g.load(t, at, 0)
}

// take returns the expression of the Go value of core values, and the values that are left. It may write statements that it needs.
func (g *insider) take(t *wit.Type, flat []string) (string, []string) {
	r := t.Resolve()
	switch r.Kind {
	case wit.Bool:
		return flat[0] + " != 0", flat[1:]
	case wit.S8, wit.U8, wit.S16, wit.U16, wit.S32, wit.U32, wit.S64, wit.U64, wit.F32, wit.F64, wit.Char, wit.Own, wit.Borrow, wit.Enum, wit.Flags:
		return g.typ(t) + "(" + flat[0] + ")", flat[1:]
	case wit.String:
		return g.abi("TakeString") + "(" + flat[0] + ", " + flat[1] + ")", flat[2:]
	}
	if isBytes(r) {
		return g.abi("TakeBytes") + "(" + flat[0] + ", " + flat[1] + ")", flat[2:]
	}
	size, align := g.layout(t)
	at := g.variable()
	g.p("%s := %s(%d, %d)", at, g.abi("Alloc"), size, align)
	flat = g.store(t, at, 0, flat)
	return g.liftFn(t) + "(" + at + ")", flat
}
