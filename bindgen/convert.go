package bindgen

import (
	"fmt"
	"strings"

	"github.com/vitrine-wasm/vitrine/wit"
)

// accessors are the cm.Val methods that read a primitive, and makers the cm functions that make one.
var accessors = map[wit.Kind]string{
	wit.Bool: "Bool", wit.S8: "S8", wit.U8: "U8", wit.S16: "S16", wit.U16: "U16", wit.S32: "S32", wit.U32: "U32",
	wit.S64: "S64", wit.U64: "U64", wit.F32: "F32", wit.F64: "F64", wit.Char: "Char", wit.String: "Str",
}

func maker(k wit.Kind) string {
	if k == wit.String {
		return "cm.StringVal"
	}
	return "cm." + accessors[k] + "Val"
}

// convertible is the type whose conversion t's is: t itself where it has functions of its own, else what it stands for.
func convertible(t *wit.Type) *wit.Type {
	for {
		t = origin(t)
		if t.Kind != wit.Alias || converts(t) {
			return t
		}
		t = t.Elem
	}
}

// lift is the Go expression that reads a t from the cm.Val expression v.
func (g *generator) lift(t *wit.Type, v string) string {
	t = convertible(t)
	if t.Name != "" {
		d, q := g.def(t)
		return q + "Lift" + d.name + "(" + v + ")"
	}
	return g.liftBody(t, v)
}

// liftBody is lift for an anonymous type.
func (g *generator) liftBody(t *wit.Type, v string) string {
	if a, ok := accessors[t.Kind]; ok {
		return v + "." + a + "()"
	}
	switch t.Kind {
	case wit.Own, wit.Borrow:
		d, q := g.resource(t.Elem)
		if d.unit.guest {
			return q + d.name + "{Resource: " + v + ".Resource()}"
		}
		return g.bind("LiftHandle") + "[" + q + d.name + "](" + v + ")"
	case wit.List:
		if isBytes(t) {
			return v + ".Bytes()"
		}
		if t.Len > 0 {
			return g.liftLiteral(t) + "(" + v + ")"
		}
		return g.bind("LiftList") + "(" + v + ", " + g.liftFunc(t.Elem) + ")"
	case wit.Option:
		if g.nillable(t.Elem) {
			return g.bind("LiftMaybe") + "(" + v + ", " + g.liftFunc(t.Elem) + ")"
		}
		return g.bind("LiftOption") + "(" + v + ", " + g.liftFunc(t.Elem) + ")"
	case wit.Result:
		return g.bind("LiftResult") + "[" + g.goType(t.OK) + ", " + g.goType(t.Err) + "](" + v + ", " + g.liftFunc(t.OK) + ", " + g.liftFunc(t.Err) + ")"
	case wit.Map:
		return g.bind("LiftMap") + "(" + v + ", " + g.liftFunc(t.Key) + ", " + g.liftFunc(t.Elem) + ")"
	case wit.Tuple:
		return g.liftLiteral(t) + "(" + v + ")"
	case wit.Stream, wit.Future:
		g.use("cm")
		return "cm.Lift" + word(t.Kind.String()) + "[" + g.goType(t.Elem) + "](" + v + ", " + g.liftElem(t.Elem) + ")"
	}
	g.refuse(t)
	return "nil"
}

// liftLiteral is the function literal that reads a tuple or a list of fixed length.
func (g *generator) liftLiteral(t *wit.Type) string {
	if t.Kind == wit.List {
		return fmt.Sprintf("func(v cm.Val) (x %s) {\nfor i, v := range v.List() {\nx[i] = %s\n}\nreturn x\n}", g.goType(t), g.lift(t.Elem, "v"))
	}
	parts := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		parts[i] = fmt.Sprintf("F%d: %s", i, g.lift(f.Type, fmt.Sprintf("f[%d]", i)))
	}
	return fmt.Sprintf("func(v cm.Val) %s {\nf := v.List()\nreturn %s{%s}\n}", g.goType(t), g.goType(t), strings.Join(parts, ", "))
}

// lowerLiteral is the function literal that makes a tuple or a list of fixed length.
func (g *generator) lowerLiteral(t *wit.Type) string {
	if t.Kind == wit.List {
		return fmt.Sprintf("func(x %s) cm.Val {\nreturn %s(x[:], %s)\n}", g.goType(t), g.bind("LowerList"), g.lowerFunc(t.Elem))
	}
	parts := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		parts[i] = g.lower(f.Type, fmt.Sprintf("x.F%d", i))
	}
	return fmt.Sprintf("func(x %s) cm.Val {\nreturn cm.ListVal([]cm.Val{%s})\n}", g.goType(t), strings.Join(parts, ", "))
}

// isLiteral says that a type is converted by such a literal.
func isLiteral(t *wit.Type) bool { return t.Kind == wit.Tuple || t.Kind == wit.List && t.Len > 0 }

// liftFunc is the Go expression of a func(cm.Val) T; "nil" for an absent type.
func (g *generator) liftFunc(t *wit.Type) string {
	if t == nil {
		return "nil"
	}
	c := convertible(t)
	if c.Name != "" {
		d, q := g.def(c)
		return q + "Lift" + d.name
	}
	if a, ok := accessors[c.Kind]; ok {
		return "cm.Val." + a
	}
	if isBytes(c) {
		return "cm.Val.Bytes"
	}
	if isLiteral(c) {
		return g.liftLiteral(c)
	}
	if g.hostHandle(c) {
		return g.bind("LiftHandle") + "[" + g.goType(c) + "]"
	}
	return "func(v cm.Val) " + g.goType(t) + " {\nreturn " + g.lift(t, "v") + "\n}"
}

// liftElem is the function that reads an element of a stream or the value of a future, which come after the call: the host has
// what they own from then on. "nil" where the end needs none.
func (g *generator) liftElem(t *wit.Type) string {
	if t == nil || t.Resolve().Kind == wit.U8 {
		return "nil"
	}
	if g.consumes(t) {
		return g.bind("LiftOwned") + "(" + g.elemType(t) + ", " + g.liftFunc(t) + ")"
	}
	return g.liftFunc(t)
}

// elemType is the type of what a stream or future carries. In a function it is a variable, which funcTypes writes: a call is to make no types.
func (g *generator) elemType(t *wit.Type) string {
	f, ok := g.at.(*wit.Func)
	if !ok || g.unit.typeVars[f] == "" {
		return g.witType(t)
	}
	name, made := g.elems[t]
	if !made {
		name = g.pkg.private(strings.TrimSuffix(g.unit.typeVars[f], "Func")+"Elem", f.Name)
		g.elems[t], g.elemTypes = name, append(g.elemTypes, name+" = "+g.witType(t))
	}
	return name
}

// lowerElem is the function that makes an element of a stream or the value of a future; "nil" where the end needs none.
func (g *generator) lowerElem(t *wit.Type) string {
	if t == nil || t.Resolve().Kind == wit.U8 {
		return "nil"
	}
	return g.lowerFunc(t)
}

// lower is the Go expression that makes a cm.Val from the Go expression x of type t.
func (g *generator) lower(t *wit.Type, x string) string {
	t = convertible(t)
	if t.Name != "" {
		d, q := g.def(t)
		return q + "Lower" + d.name + "(" + x + ")"
	}
	return g.lowerBody(t, x)
}

// lowerBody is lower for an anonymous type.
func (g *generator) lowerBody(t *wit.Type, x string) string {
	if accessors[t.Kind] != "" {
		return maker(t.Kind) + "(" + x + ")"
	}
	switch t.Kind {
	case wit.Own, wit.Borrow:
		d, q := g.resource(t.Elem)
		if d.unit.guest {
			return "cm.ResourceVal(" + x + ".Resource)"
		}
		if g.child && t.Kind == wit.Own {
			return g.bind("LowerChild") + "(a[0], " + q + d.typ + ", " + x + ")"
		}
		return g.bind("LowerHandle") + "(" + q + d.typ + ", " + x + ")"
	case wit.List:
		if isBytes(t) {
			return "cm.BytesVal(" + x + ")"
		}
		if t.Len > 0 {
			return g.lowerLiteral(t) + "(" + x + ")"
		}
		return g.bind("LowerList") + "(" + x + ", " + g.lowerFunc(t.Elem) + ")"
	case wit.Option:
		if g.hostHandle(t.Elem) {
			return g.bind("LowerMaybe") + "(" + x + ", " + g.lowerFunc(t.Elem) + ")"
		}
		if isEnd(t.Elem) {
			return g.bind("LowerMaybeEnd") + "(" + x + ", " + g.lowerFunc(t.Elem) + ")"
		}
		return g.bind("LowerOption") + "(" + x + ", " + g.lowerFunc(t.Elem) + ")"
	case wit.Result:
		return g.bind("LowerResult") + "(" + x + ", " + g.lowerFunc(t.OK) + ", " + g.lowerFunc(t.Err) + ")"
	case wit.Map:
		return g.bind("LowerMap") + "(" + x + ", " + g.lowerFunc(t.Key) + ", " + g.lowerFunc(t.Elem) + ")"
	case wit.Tuple:
		return g.lowerLiteral(t) + "(" + x + ")"
	case wit.Stream, wit.Future:
		g.use("cm")
		return "cm.Lower" + word(t.Kind.String()) + "(" + x + ", " + g.lowerElem(t.Elem) + ")"
	}
	g.refuse(t)
	return "cm.Val{}"
}

// lowerFunc is the Go expression of a func(T) cm.Val; "nil" for an absent type.
func (g *generator) lowerFunc(t *wit.Type) string {
	if t == nil {
		return "nil"
	}
	c := convertible(t)
	if c.Name != "" {
		d, q := g.def(c)
		return q + "Lower" + d.name
	}
	if accessors[c.Kind] != "" {
		return maker(c.Kind)
	}
	if isBytes(c) {
		return "cm.BytesVal"
	}
	if isLiteral(c) {
		return g.lowerLiteral(c)
	}
	return "func(x " + g.goType(t) + ") cm.Val {\nreturn " + g.lower(t, "x") + "\n}"
}
