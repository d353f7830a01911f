package bindgen

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/vitrine-wasm/vitrine/wit"
)

// insider writes the files of a binding for code inside a component. It shares names and comments with the generator of hosts' bindings.
type insider struct {
	*generator
	layouts
	raw, stub strings.Builder // what the imports of the current unit are, with a host and without one
	wrappers  strings.Builder // its exports
	helpers   map[helperKey]string
	written   bytes.Buffer // the helpers
	variables int          // how many variables the current function has
	homes     map[endKey]*endHome
	endVars   bytes.Buffer // of the current unit
	own       map[*def]ownNames
}

// helperKey is what a helper does, and for which variant.
type helperKey struct {
	way string
	t   *wit.Type
}

func newInsider(g *generator) *insider {
	return &insider{generator: g, helpers: map[helperKey]string{}, own: map[*def]ownNames{}, layouts: layouts{dims: map[*wit.Type][2]uint32{}, flats: map[*wit.Type][]string{}}}
}

// cabi is the package that the bindings call.
const cabi = module + "/sdk/go/cabi"

func (g *insider) abi(name string) string {
	g.imports["cabi"] = cabi
	return "cabi." + name
}

// abiNames are the functions of package cabi for a primitive, behind Lower and Lift.
var abiNames = map[wit.Kind]string{
	wit.Bool: "Bool", wit.S8: "S8", wit.U8: "U8", wit.S16: "S16", wit.U16: "U16", wit.S32: "S32", wit.U32: "U32",
	wit.S64: "S64", wit.U64: "U64", wit.F32: "F32", wit.F64: "F64", wit.Char: "Char", wit.String: "String",
}

// typ is the Go type of t where it is used.
func (g *insider) typ(t *wit.Type) string {
	if t == nil {
		return "struct{}"
	}
	if t.Name != "" {
		d, q := g.def(t)
		return q + d.name
	}
	if s, ok := goPrimitives[t.Kind]; ok {
		return s
	}
	switch t.Kind {
	case wit.Own, wit.Borrow:
		d, q := g.resource(t.Elem)
		return q + d.name
	case wit.List:
		if isBytes(t) {
			return "[]byte"
		}
		if t.Len == 0 {
			return "[]" + g.typ(t.Elem)
		}
	case wit.Stream, wit.Future:
		return "*" + g.asyncName(word(t.Kind.String())+"Reader") + "[" + g.typ(t.Elem) + "]"
	case wit.Option:
		if isEnd(t.Elem) {
			return g.typ(t.Elem) // nil is none
		}
		return "*" + g.typ(t.Elem)
	case wit.Result:
		return g.abi("Result") + "[" + g.typ(t.OK) + ", " + g.typ(t.Err) + "]"
	case wit.Tuple:
		if len(t.Fields) > 8 {
			g.fail("a tuple of %d elements, and bindings inside components have tuples of up to 8: make it a record", len(t.Fields))
		}
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = g.typ(f.Type)
		}
		return g.abi(fmt.Sprintf("Tuple%d", len(parts))) + "[" + strings.Join(parts, ", ") + "]"
	}
	g.fail("bindings inside components have no Go type for %s yet", t.Kind)
	return "struct{}"
}

// lowerFn is the expression of a func(at uint32, v T); "nil" for an absent type.
func (g *insider) lowerFn(t *wit.Type) string { return g.convert(t, "Lower") }

// liftFn is the expression of a func(at uint32) T; "nil" for an absent type.
func (g *insider) liftFn(t *wit.Type) string { return g.convert(t, "Lift") }

func (g *insider) convert(t *wit.Type, way string) string {
	if t == nil {
		return "nil"
	}
	if c := convertible(t); c.Name != "" && c.Kind != wit.Resource {
		d, q := g.def(c)
		return q + way + d.name
	}
	return g.convertBody(convertible(t), way)
}

// convertBody is convert for an anonymous type.
func (g *insider) convertBody(t *wit.Type, way string) string {
	if name, ok := abiNames[t.Kind]; ok {
		return g.abi(way + name)
	}
	if isBytes(t) {
		return g.abi(way + "Bytes")
	}
	typ := g.typ(t)
	head, tail := fmt.Sprintf("func(at uint32, v %s) { ", typ), " }"
	args := "at, v"
	if way == "Lift" {
		head, args = fmt.Sprintf("func(at uint32) %s { return ", typ), "at"
	}
	switch t.Kind {
	case wit.Stream, wit.Future:
		if way == "Lift" {
			return head + g.endVar(t) + ".Reader(" + g.abi("LiftU32") + "(at))" + tail
		}
		return head + g.abi("LowerU32") + "(at, v.Give())" + tail
	case wit.Own, wit.Borrow:
		if g.isOwn(t) && way == "Lift" {
			return head + g.liftOwn(t, g.abi("LiftU32")+"(at)") + tail
		}
		if g.isOwn(t) {
			return head + g.abi("LowerU32") + "(at, " + g.lowerOwn(t, "v") + ")" + tail
		}
		if way == "Lift" {
			return head + typ + "(" + g.abi("LiftU32") + "(at))" + tail
		}
		return head + g.abi("LowerU32") + "(at, uint32(v))" + tail
	case wit.List:
		size, align := g.layout(t.Elem)
		if way == "Lift" {
			return head + fmt.Sprintf("%s(at, %d, %s)", g.abi("LiftList"), size, g.liftFn(t.Elem)) + tail
		}
		return head + fmt.Sprintf("%s(at, v, %d, %d, %s)", g.abi("LowerList"), size, align, g.lowerFn(t.Elem)) + tail
	case wit.Option:
		if isEnd(t.Elem) && way == "Lower" {
			return head + fmt.Sprintf("%s(at, v != nil)\nif v != nil {\n%s(at+%d, v)\n}", g.abi("LowerBool"), g.convert(t.Elem, way), g.payloadOffset(t)) + "\n}"
		}
		if isEnd(t.Elem) {
			return fmt.Sprintf("func(at uint32) %s {\nif !%s(at) {\nreturn nil\n}\nreturn %s(at+%d)\n}", typ, g.abi("LiftBool"), g.convert(t.Elem, way), g.payloadOffset(t))
		}
		return head + fmt.Sprintf("%s(%s, %d, %s)", g.abi(way+"Option"), args, g.payloadOffset(t), g.convert(t.Elem, way)) + tail
	case wit.Result:
		instance := ""
		if way == "Lift" {
			instance = "[" + g.typ(t.OK) + ", " + g.typ(t.Err) + "]"
		}
		return head + fmt.Sprintf("%s%s(%s, %d, %s, %s)", g.abi(way+"Result"), instance, args, g.payloadOffset(t), g.convert(t.OK, way), g.convert(t.Err, way)) + tail
	case wit.Tuple:
		at, _, _ := g.offsets(t.Fields)
		var parts []string
		for i, f := range t.Fields {
			part := fmt.Sprintf("F%d: %s(at+%d)", i, g.convert(f.Type, way), at[i])
			if way == "Lower" {
				part = fmt.Sprintf("%s(at+%d, v.F%d)", g.convert(f.Type, way), at[i], i)
			}
			parts = append(parts, part)
		}
		if way == "Lift" {
			return head + typ + "{" + strings.Join(parts, ", ") + "}" + tail
		}
		return head + strings.Join(parts, "; ") + tail
	}
	return "nil"
}

// declare writes the unit's types.
func (g *insider) declare() {
	for _, t := range g.unit.types {
		d := g.unit.defs[t]
		if d == nil {
			continue
		}
		g.at = t
		switch t.Kind {
		case wit.Resource:
			g.handle(d)
		case wit.Record:
			g.recordType(d)
		case wit.Variant:
			g.variantType(d)
		case wit.Enum:
			g.labels(d, d.name, fmt.Sprintf("%s is the %s.", d.name, d.describe()), size(len(t.Cases)))
			g.number(d, tagSize(len(t.Cases)))
		case wit.Flags:
			if len(t.Cases) > 32 {
				g.fail("flags %s has %d labels, and the canonical ABI has room for 32", t.Name, len(t.Cases))
			}
			g.flagBits(d)
			n, _ := g.layout(t)
			g.number(d, n)
		case wit.Alias:
			g.comment(fmt.Sprintf("%s is the %s.", d.name, d.describe()), t.Docs)
			g.p("type %s = %s\n", d.name, g.typ(t.Elem))
			if converts(t) {
				lower, lift := g.convertBody(t.Elem, "Lower"), g.convertBody(t.Elem, "Lift")
				g.pair(d, lower+"(at, v)", "return "+lift+"(at)")
			}
		}
	}
}

// pair writes the functions between d's Go type and memory.
func (g *insider) pair(d *def, lower, lift string) {
	g.p("// Lower%s writes a %s as the canonical ABI has it.", d.name, d.name)
	g.p("func Lower%s(at uint32, v %s) {\n%s\n}\n", d.name, d.name, lower)
	g.p("// Lift%s reads a %s.", d.name, d.name)
	g.p("func Lift%s(at uint32) %s {\n%s\n}\n", d.name, d.name, lift)
}

// number is pair for what is a number of some bytes.
func (g *insider) number(d *def, bytes uint32) {
	g.pair(d, fmt.Sprintf("%s(at, uint%d(v))", g.abi(fmt.Sprintf("LowerU%d", 8*bytes)), 8*bytes),
		fmt.Sprintf("return %s(%s(at))", d.name, g.abi(fmt.Sprintf("LiftU%d", 8*bytes))))
}

func (g *insider) handle(d *def) {
	if d.unit.guest {
		g.object(d)
		return
	}
	g.comment(fmt.Sprintf("%s is a handle of the %s. Drop ends what it owns; a call that takes it over does so, too.", d.name, d.describe()), d.t.Docs)
	g.p("type %s uint32\n", d.name)
	name := g.pkg.private("drop"+d.name, d.name)
	g.importFunc(name, "[resource-drop]"+d.t.Name, []string{coreI32}, "")
	g.p("// Drop drops the handle.\nfunc (self %s) Drop() { %s(uint32(self)) }\n", d.name, name)
}

func (g *insider) recordType(d *def) {
	g.comment(fmt.Sprintf("%s is the %s.", d.name, d.describe()), d.t.Docs)
	g.p("type %s struct {", d.name)
	at, _, _ := g.offsets(d.t.Fields)
	var lower, lift []string
	for i, f := range d.t.Fields {
		if f.Docs != "" {
			g.comment("", f.Docs)
		}
		name := d.parts[i]
		g.p("%s %s", name, g.typ(f.Type))
		lower = append(lower, fmt.Sprintf("%s(at+%d, v.%s)", g.lowerFn(f.Type), at[i], name))
		lift = append(lift, fmt.Sprintf("%s: %s(at+%d),", name, g.liftFn(f.Type), at[i]))
	}
	g.p("}\n")
	g.pair(d, strings.Join(lower, "\n"), "return "+d.name+"{\n"+strings.Join(lift, "\n")+"\n}")
}

func (g *insider) variantType(d *def) {
	g.comment(fmt.Sprintf("%s is the %s. Tag says which case it is, and so which field counts.", d.name, d.describe()), d.t.Docs)
	g.p("type %s struct {\nTag %sTag", d.name, d.name)
	hasString := false
	for i, c := range d.t.Cases {
		if c.Type != nil {
			g.p("%s %s", d.fields[i], g.typ(c.Type))
			hasString = hasString || d.fields[i] == "String"
		}
	}
	g.p("}\n")
	g.labels(d, d.name+"Tag", fmt.Sprintf("%sTag is the case of a %s.", d.name, d.name), size(len(d.t.Cases)))
	if !hasString {
		g.p("// String is the label of the case.\nfunc (v %s) String() string { return v.Tag.String() }\n", d.name)
	}
	bits := 8 * tagSize(len(d.t.Cases))
	offset := g.payloadOffset(d.t)
	var lift, lower strings.Builder
	for i, c := range d.t.Cases {
		name, tag := d.caseFunc(d.parts[i]), d.name+"Tag"+d.parts[i]
		g.comment(fmt.Sprintf("%s makes a %s of case %s.", name, d.name, c.Name), c.Docs)
		if c.Type == nil {
			g.p("func %s() %s { return %s{Tag: %s} }\n", name, d.name, d.name, tag)
			continue
		}
		g.p("func %s(v %s) %s { return %s{Tag: %s, %s: v} }\n", name, g.typ(c.Type), d.name, d.name, tag, d.fields[i])
		fmt.Fprintf(&lower, "case %s:\n%s(at+%d, v.%s)\n", tag, g.lowerFn(c.Type), offset, d.fields[i])
		fmt.Fprintf(&lift, "case %s:\nv.%s = %s(at+%d)\n", tag, d.fields[i], g.liftFn(c.Type), offset)
	}
	w := fmt.Sprintf("%s(at, uint%d(v.Tag))", g.abi(fmt.Sprintf("LowerU%d", bits)), bits)
	l := fmt.Sprintf("v := %s{Tag: %sTag(%s(at))}", d.name, d.name, g.abi(fmt.Sprintf("LiftU%d", bits)))
	if lower.Len() > 0 {
		w += "\nswitch v.Tag {\n" + lower.String() + "}"
		l += "\nswitch v.Tag {\n" + lift.String() + "}"
	}
	g.pair(d, w, l+"\nreturn v")
}
