package bindgen

import (
	"fmt"
	"strings"

	"github.com/vitrine-wasm/vitrine/wit"
)

// maxTuple is the longest tuple that cm has a Go type for.
const maxTuple = 16

var goPrimitives = map[wit.Kind]string{
	wit.Bool: "bool", wit.S8: "int8", wit.U8: "uint8", wit.S16: "int16", wit.U16: "uint16", wit.S32: "int32",
	wit.U32: "uint32", wit.S64: "int64", wit.U64: "uint64", wit.F32: "float32", wit.F64: "float64", wit.Char: "rune",
	wit.String: "string",
}

// lookup finds where a declared type is bound: on the side of the unit that is being written, else on the other side,
// else in another package.
func (g *generator) lookup(t *wit.Type) (*def, string) {
	var other *def
	for _, u := range g.pkg.units {
		if d := u.defs[t]; d != nil {
			if u.guest == g.unit.guest {
				return d, ""
			}
			other = d
		}
	}
	if other != nil {
		return other, ""
	}
	if p := g.imported[t.Interface]; p != nil {
		for _, u := range p.units {
			if d := u.defs[t]; d != nil {
				return d, g.qualify(p)
			}
		}
	}
	return nil, ""
}

// origin follows use statements to the type that was declared.
func origin(t *wit.Type) *wit.Type {
	for t.Kind == wit.Alias && t.From != nil {
		t = t.Elem
	}
	return t
}

// def finds the binding of a named type, which has to exist; the qualifier goes before its Go names.
func (g *generator) def(t *wit.Type) (*def, string) {
	t = origin(t)
	d, q := g.lookup(t)
	if d == nil {
		g.unbound(t)
		return &def{t: t, unit: g.unit, name: "struct{}", typ: "nil"}, ""
	}
	return d, q
}

// unbound says that a type has no binding, and how to get one.
func (g *generator) unbound(t *wit.Type) {
	if t.Interface == nil {
		g.fail("%s uses type %s of a world, which is not bound", g.unit.title, t.Name)
		return
	}
	id := t.Interface.ID
	if gate := t.Gate.Unstable; gate != "" && !g.pkg.has(t.Gate) {
		g.fail("%s uses type %s.%s, which is unstable: bind its feature (Options.Features, --feature %s)", g.unit.title, id, t.Name, gate)
		return
	}
	g.fail("%s uses type %s.%s, which has no Go binding here: name the Go package that has it (Options.Imports, --import %s=PATH), "+
		"or bind a world that imports both", g.unit.title, id, t.Name, id)
}

// resource is the binding of the resource type that a handle or an alias leads to.
func (g *generator) resource(t *wit.Type) (*def, string) { return g.def(t.Resolve()) }

// hostHandle says that values of t are handles of a resource that the host defines: Go interface values.
func (g *generator) hostHandle(t *wit.Type) bool {
	r := t.Resolve()
	if r == nil || r.Kind != wit.Own && r.Kind != wit.Borrow {
		return false
	}
	d, _ := g.resource(r.Elem)
	return !d.unit.guest
}

// isEnd says that a value of t is an end of a stream or of a future.
func isEnd(t *wit.Type) bool {
	r := t.Resolve()
	return r != nil && (r.Kind == wit.Stream || r.Kind == wit.Future)
}

// nillable says that the Go type of t has a nil that is no value of t, and stands for the none of an option.
func (g *generator) nillable(t *wit.Type) bool { return isEnd(t) || g.hostHandle(t) }

// refuse says that a type has no Go binding.
func (g *generator) refuse(t *wit.Type) {
	if t.Kind == wit.ErrorContext {
		g.fail("error-context has no Go binding: it is no part of the component model's stable features; use a string, or an error type of your own")
		return
	}
	g.fail("Go bindings have no type for %s", t.Kind)
}

// consumes says that values of t own resources that the host defines.
func (g *generator) consumes(t *wit.Type) bool {
	if t == nil {
		return false
	}
	if found, ok := g.owning[t]; ok { // types share others: without this the work doubles with each level
		return found
	}
	if isEnd(t) { // what goes through it is handed over when it comes
		return false
	}
	found := t.Kind == wit.Own && g.hostHandle(t)
	t.Walk(func(inner *wit.Type) { found = found || g.consumes(inner) })
	g.owning[t] = found
	return found
}

// goType is the Go type of t where it is used.
func (g *generator) goType(t *wit.Type) string {
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
		if t.Elem.Kind == wit.Alias && origin(t.Elem).Kind == wit.Alias {
			d, q := g.def(t.Elem)
			return q + d.name
		}
		d, q := g.resource(t.Elem)
		return q + d.name
	case wit.List:
		if t.Len > 0 {
			return fmt.Sprintf("[%d]%s", t.Len, g.goType(t.Elem))
		}
		if isBytes(t) {
			return "[]byte"
		}
		return "[]" + g.goType(t.Elem)
	case wit.Option:
		if g.nillable(t.Elem) {
			return g.goType(t.Elem)
		}
		return "*" + g.goType(t.Elem)
	case wit.Stream, wit.Future:
		g.use("cm")
		return "*cm." + word(t.Kind.String()) + "Reader[" + g.goType(t.Elem) + "]"
	case wit.Result:
		g.use("cm")
		return "cm.Result[" + g.goType(t.OK) + ", " + g.goType(t.Err) + "]"
	case wit.Map:
		return "map[" + g.goType(t.Key) + "]" + g.goType(t.Elem)
	case wit.Tuple:
		if len(t.Fields) > maxTuple {
			g.fail("a tuple of %d elements, and Go bindings have tuples of up to %d: make it a record", len(t.Fields), maxTuple)
		}
		g.use("cm")
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = g.goType(f.Type)
		}
		return fmt.Sprintf("cm.Tuple%d[%s]", len(parts), strings.Join(parts, ", "))
	}
	g.refuse(t)
	return "any"
}

var witPrimitives = map[wit.Kind]string{
	wit.Bool: "Bool", wit.S8: "S8", wit.U8: "U8", wit.S16: "S16", wit.U16: "U16", wit.S32: "S32", wit.U32: "U32",
	wit.S64: "S64", wit.U64: "U64", wit.F32: "F32", wit.F64: "F64", wit.Char: "Char", wit.String: "String",
	wit.ErrorContext: "ErrorContext",
}

// witType is the Go expression of t's *cm.Type.
func (g *generator) witType(t *wit.Type) string {
	g.use("cm")
	switch {
	case t == nil:
		return "nil"
	case t.Name != "":
		o := origin(t)
		if !converts(o) {
			return g.witType(o.Elem)
		}
		d, q := g.def(o)
		return q + d.name + "WIT"
	}
	return g.witBody(t, "")
}

// witBody is the expression that builds a type's node.
func (g *generator) witBody(t *wit.Type, name string) string {
	g.use("cm")
	if p, ok := witPrimitives[t.Kind]; ok {
		return "cm.Type" + p
	}
	switch t.Kind {
	case wit.Own, wit.Borrow:
		d, q := g.resource(t.Elem)
		return "cm." + word(t.Kind.String()) + "Of(" + q + d.typ + ")"
	case wit.List:
		if t.Len > 0 {
			return fmt.Sprintf("cm.ListOfLen(%s, %d)", g.witType(t.Elem), t.Len)
		}
		return "cm.ListOf(" + g.witType(t.Elem) + ")"
	case wit.Option, wit.Stream, wit.Future:
		return "cm." + word(t.Kind.String()) + "Of(" + g.witType(t.Elem) + ")"
	case wit.Result:
		return "cm.ResultOf(" + g.witType(t.OK) + ", " + g.witType(t.Err) + ")"
	case wit.Map:
		return "cm.MapOf(" + g.witType(t.Key) + ", " + g.witType(t.Elem) + ")"
	case wit.Tuple:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = g.witType(f.Type)
		}
		return "cm.TupleOf(" + strings.Join(parts, ", ") + ")"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "cm.%sOf(%q", word(t.Kind.String()), name)
	switch t.Kind {
	case wit.Record:
		for _, f := range t.Fields {
			fmt.Fprintf(&b, ",\ncm.Field{Name: %q, Type: %s}", f.Name, g.witType(f.Type))
		}
	case wit.Variant:
		for _, c := range t.Cases {
			if c.Type == nil {
				fmt.Fprintf(&b, ",\ncm.Case{Name: %q}", c.Name)
			} else {
				fmt.Fprintf(&b, ",\ncm.Case{Name: %q, Type: %s}", c.Name, g.witType(c.Type))
			}
		}
	case wit.Enum:
		return b.String() + ", " + g.unit.defs[t].labels + "[:]...)"
	case wit.Flags:
		for _, c := range t.Cases {
			fmt.Fprintf(&b, ", %q", c.Name)
		}
		return b.String() + ")"
	}
	return b.String() + ",\n)"
}
