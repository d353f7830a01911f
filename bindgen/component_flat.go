package bindgen

import (
	"bytes"
	"fmt"
	"strings"

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

// loadVariant is load for a variant. One that has a name has a function for that: variants in variants would be written out for each case of each.
func (g *insider) loadVariant(t *wit.Type, base string, offset uint32) []string {
	flat := g.flatten(t)
	if len(flat) == 1 {
		tag := g.abi(fmt.Sprintf("LiftU%d", 8*tagSize(len(payloads(t)))))
		return []string{fmt.Sprintf("uint32(%s(%s+%d))", tag, base, offset)}
	}
	names := make([]string, len(flat))
	for i := range flat {
		names[i] = g.variable()
	}
	if t.Name != "" {
		g.p("%s := %s(%s+%d)", strings.Join(names, ", "), g.helper("load", t), base, offset)
		return names
	}
	for i, typ := range flat {
		g.p("var %s %s", names[i], typ)
	}
	g.loadCases(t, base, offset, names)
	return names
}

// loadCases writes what sets variables to the core values of a variant.
func (g *insider) loadCases(t *wit.Type, base string, offset uint32, names []string) {
	flat, all := g.flatten(t), payloads(t)
	g.p("%s = uint32(%s(%s+%d))", names[0], g.abi(fmt.Sprintf("LiftU%d", 8*tagSize(len(all)))), base, offset)
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
}

// storeCases writes what puts the core values of a variant into memory.
func (g *insider) storeCases(t *wit.Type, base string, offset uint32, flat []string) {
	all, types := payloads(t), g.flatten(t)
	bits := 8 * tagSize(len(all))
	g.p("%s(%s+%d, uint%d(%s))\nswitch %s {", g.abi(fmt.Sprintf("LowerU%d", bits)), base, offset, bits, flat[0], flat[0])
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
}

// helper is the function that loads or stores the core values of a variant that has a name. It is written when it is first asked for.
func (g *insider) helper(way string, t *wit.Type) string {
	key := helperKey{way, t}
	if name, ok := g.helpers[key]; ok {
		return name
	}
	name := g.pkg.private(way+exported(t.Name), t.Name)
	g.helpers[key] = name
	body, variables, imports := g.body, g.variables, g.imports
	g.body, g.variables, g.imports = bytes.Buffer{}, 0, map[string]string{}
	flat := g.flatten(t)
	names, list := make([]string, len(flat)), make([]string, len(flat))
	for i, typ := range flat {
		names[i] = fmt.Sprintf("r%d", i)
		list[i] = names[i] + " " + typ
	}
	if way == "load" {
		g.p("func %s(at uint32) (%s) {", name, strings.Join(list, ", "))
		g.loadCases(t, "at", 0, names)
		g.p("return %s\n}\n", strings.Join(names, ", "))
	} else {
		g.p("func %s(at uint32, %s) {", name, strings.Join(list, ", "))
		g.storeCases(t, "at", 0, names)
		g.p("}\n")
	}
	g.written.Write(g.body.Bytes())
	g.body, g.variables, g.imports = body, variables, imports
	return name
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
		n := len(g.flatten(t))
		if t.Name != "" {
			g.p("%s(%s, %s)", g.helper("store", t), at, strings.Join(flat[:n], ", "))
		} else {
			g.storeCases(t, base, offset, flat[:n])
		}
		return flat[n:]
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
	case wit.Stream, wit.Future:
		return []string{x + ".Give()"}
	case wit.Own, wit.Borrow:
		if g.isOwn(r) {
			return []string{g.lowerOwn(r, x)}
		}
		return []string{"uint32(" + x + ")"}
	case wit.U8, wit.U16, wit.S32, wit.U32, wit.Enum, wit.Flags:
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
	switch {
	case isEnd(r):
		return g.endVar(r) + ".Reader(" + flat[0] + ")", flat[1:]
	case g.isOwn(r):
		return g.liftOwn(r, flat[0]), flat[1:]
	}
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
