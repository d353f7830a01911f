package bindgen

import (
	"fmt"
	"strings"

	"github.com/vitrine-wasm/vitrine/wit"
)

// types writes the unit's declared types, each with its type node and its conversions.
func (g *generator) types() {
	for _, t := range g.unit.types {
		d := g.unit.defs[t]
		if d == nil {
			continue
		}
		g.at = t
		switch t.Kind {
		case wit.Resource:
			g.resourceType(d)
		case wit.Record:
			g.record(d)
		case wit.Variant:
			g.variant(d)
		case wit.Enum:
			g.enum(d)
		case wit.Flags:
			g.flags(d)
		case wit.Alias:
			g.alias(d)
		}
		if converts(t) {
			node := g.witBody(t, t.Name)
			if t.Kind == wit.Alias {
				node = g.witBody(t.Elem, t.Name)
			}
			g.p("// %sWIT is the type of %s in component types.", d.name, d.name)
			g.p("var %sWIT = %s\n", d.name, node)
		}
	}
}

// conversions writes the functions between d's Go type and a cm.Val, from the bodies of both.
func (g *generator) conversions(d *def, lift, lower string) {
	g.use("cm")
	g.p("// Lift%s reads a %s.", d.name, d.name)
	g.p("func Lift%s(v cm.Val) %s {\n%s\n}\n", d.name, d.name, lift)
	g.p("// Lower%s makes the value of a %s.", d.name, d.name)
	g.p("func Lower%s(x %s) cm.Val {\n%s\n}\n", d.name, d.name, lower)
}

// resourceType writes a resource: for the host an interface of its methods, for a guest a handle.
func (g *generator) resourceType(d *def) {
	g.use("cm")
	if d.unit.guest {
		g.comment(fmt.Sprintf("%s is a handle of the guest's resource %s.", d.name, strings.TrimPrefix(d.describe(), "resource ")), d.t.Docs)
		g.p("type %s struct{ *cm.Resource }\n", d.name)
		g.p("// %s stands for the guest's resource type, which is made anew for each instance.", d.typ)
		g.p("var %s = &cm.ResourceType{%sName: %q}\n", d.typ, g.interfaceField(), d.t.Name)
		return
	}
	g.comment(fmt.Sprintf("%s is the %s. If an object has a method Drop(ctx) error, that is called when its owner drops it.", d.name, d.describe()), d.t.Docs)
	g.p("type %s interface {", d.name)
	for _, f := range d.t.Funcs {
		if f.Kind == wit.Method && g.pkg.has(f.Gate) {
			g.at = f
			g.method(f, d.unit.methods[f], f.Params[1:])
		}
	}
	g.p("}\n")
	g.p("// %s is the identity of the resource type: every %s in a component is one of it.", d.typ, d.name)
	g.p("var %s = &cm.ResourceType{%sName: %q, Drop: %s}\n", d.typ, g.interfaceField(), d.t.Name, g.bind("DropObject"))
}

// interfaceField is the Interface field of a resource type's identity; the root of a world has none.
func (g *generator) interfaceField() string {
	if g.unit.world != nil {
		return ""
	}
	return "Interface: " + g.unit.idVar + ", "
}

func (g *generator) record(d *def) {
	g.comment(fmt.Sprintf("%s is the %s.", d.name, d.describe()), d.t.Docs)
	g.p("type %s struct {", d.name)
	var lift, lower []string
	for i, f := range d.t.Fields {
		if f.Docs != "" {
			g.comment("", f.Docs)
		}
		name := d.parts[i]
		g.p("%s %s", name, g.goType(f.Type))
		lift = append(lift, name+": "+g.lift(f.Type, fmt.Sprintf("f[%d]", i))+",")
		lower = append(lower, g.lower(f.Type, "x."+name)+",")
	}
	g.p("}\n")
	g.conversions(d,
		"f := v.List()\nreturn "+d.name+"{\n"+strings.Join(lift, "\n")+"\n}",
		"return cm.ListVal([]cm.Val{\n"+strings.Join(lower, "\n")+"\n})")
}

func (g *generator) variant(d *def) {
	g.comment(fmt.Sprintf("%s is the %s. Tag says which case it is, and so which field counts.", d.name, d.describe()), d.t.Docs)
	g.p("type %s struct {\nTag %sTag", d.name, d.name)
	hasString := false
	for i, c := range d.t.Cases {
		if c.Type != nil {
			if c.Docs != "" {
				g.comment("", c.Docs)
			}
			g.p("%s %s", d.fields[i], g.goType(c.Type))
			hasString = hasString || d.fields[i] == "String"
		}
	}
	g.p("}\n")
	g.labels(d, d.name+"Tag", fmt.Sprintf("%sTag is the case of a %s.", d.name, d.name), size(len(d.t.Cases)))
	if !hasString {
		g.variantString(d)
	}
	var lift, lower strings.Builder
	for i, c := range d.t.Cases {
		name := d.caseFunc(d.parts[i])
		tag := d.name + "Tag" + d.parts[i]
		g.comment(fmt.Sprintf("%s makes a %s of case %s.", name, d.name, c.Name), c.Docs)
		if c.Type == nil {
			g.p("func %s() %s { return %s{Tag: %s} }\n", name, d.name, d.name, tag)
			continue
		}
		g.p("func %s(v %s) %s { return %s{Tag: %s, %s: v} }\n", name, g.goType(c.Type), d.name, d.name, tag, d.fields[i])
		fmt.Fprintf(&lift, "case %s:\np, _ := v.Payload()\nx.%s = %s\n", tag, d.fields[i], g.lift(c.Type, "p"))
		fmt.Fprintf(&lower, "case %s:\np := %s\nreturn cm.CaseVal(%d, &p)\n", tag, g.lower(c.Type, "x."+d.fields[i]), i)
	}
	l := fmt.Sprintf("x := %s{Tag: %sTag(v.Case())}\n", d.name, d.name)
	w := ""
	if lift.Len() > 0 {
		l += "switch x.Tag {\n" + lift.String() + "}\n"
		w = "switch x.Tag {\n" + lower.String() + "}\n"
	}
	g.conversions(d, l+"return x", w+"return cm.CaseVal(uint32(x.Tag), nil)")
}

// variantString writes a variant's String: the label of its case, and the payload.
func (g *generator) variantString(d *def) {
	var cases strings.Builder
	for i, c := range d.t.Cases {
		if c.Type != nil {
			fmt.Fprintf(&cases, "case %sTag%s:\nreturn %s(x.Tag.String(), &x.%s)\n", d.name, d.parts[i], g.bind("CaseText"), d.fields[i])
		}
	}
	if cases.Len() == 0 {
		g.p("// String is the label of the case.")
		g.p("func (x %s) String() string { return x.Tag.String() }\n", d.name)
		return
	}
	g.p("// String is the label of the case, and its payload in words; see bind.CaseText. Tag.String is the label alone.")
	g.p("func (x %s) String() string {\nswitch x.Tag {\n%s}\nreturn x.Tag.String()\n}\n", d.name, cases.String())
}

// size is the Go integer that numbers n cases.
func size(n int) string {
	switch {
	case n <= 1<<8:
		return "uint8"
	case n <= 1<<16:
		return "uint16"
	}
	return "uint32"
}

func (g *generator) enum(d *def) {
	g.labels(d, d.name, fmt.Sprintf("%s is the %s.", d.name, d.describe()), size(len(d.t.Cases)))
	g.conversions(d, "return "+d.name+"(v.Case())", "return cm.EnumVal(uint32(x))")
}

// labels writes a type that numbers cases, its constants and its String.
func (g *generator) labels(d *def, typ, what, under string) {
	docs := d.t.Docs
	if d.t.Kind == wit.Variant {
		docs = ""
	}
	g.comment(what, docs)
	g.p("type %s %s\n", typ, under)
	g.p("// The cases of %s.\nconst (", d.name)
	for i, c := range d.t.Cases {
		if c.Docs != "" && d.t.Kind == wit.Enum {
			g.comment("", c.Docs)
		}
		if i == 0 {
			g.p("%s%s %s = iota", typ, d.parts[i], typ)
		} else {
			g.p("%s%s", typ, d.parts[i])
		}
	}
	g.p(")\n")
	names := d.labels
	g.p("var %s = [...]string{", names)
	for _, c := range d.t.Cases {
		g.p("%q,", c.Name)
	}
	g.p("}\n")
	g.p("// String is the WIT label.")
	g.p("func (x %s) String() string {\nif int(x) < len(%s) {\nreturn %s[x]\n}\nreturn \"unknown\"\n}\n", typ, names, names)
}

func (g *generator) flags(d *def) {
	g.flagBits(d)
	g.conversions(d, "return "+d.name+"(v.Flags())", "return cm.FlagsVal(uint64(x))")
}

// flagBits writes the type of flags, and its constants.
func (g *generator) flagBits(d *def) {
	n := len(d.t.Cases)
	under := "uint64"
	switch {
	case n > 64:
		g.fail("flags %s has %d labels, and a Go binding has room for 64: make two of it, or a record of bools", d.t.Name, n)
	case n <= 8:
		under = "uint8"
	case n <= 16:
		under = "uint16"
	case n <= 32:
		under = "uint32"
	}
	g.comment(fmt.Sprintf("%s is the %s, a set of bits.", d.name, d.describe()), d.t.Docs)
	g.p("type %s %s\n", d.name, under)
	g.p("// The flags of %s.\nconst (", d.name)
	for i, c := range d.t.Cases {
		if c.Docs != "" {
			g.comment("", c.Docs)
		}
		if i == 0 {
			g.p("%s%s %s = 1 << iota", d.name, d.parts[i], d.name)
		} else {
			g.p("%s%s", d.name, d.parts[i])
		}
	}
	g.p(")\n")
}

func (g *generator) alias(d *def) {
	elem := d.t.Elem
	g.comment(fmt.Sprintf("%s is the %s.", d.name, d.describe()), d.t.Docs)
	if r := elem.Resolve(); r != nil && r.Kind == wit.Resource {
		e, q := g.def(elem)
		g.p("type %s = %s%s\n", d.name, q, e.name)
		return
	}
	g.p("type %s = %s\n", d.name, g.goType(elem))
	if converts(d.t) {
		if isLiteral(elem) {
			g.conversions(d, inner(g.liftLiteral(elem)), inner(g.lowerLiteral(elem)))
			return
		}
		g.conversions(d, "return "+g.liftBody(elem, "v"), "return "+g.lowerBody(elem, "x"))
	}
}

// inner is the body of a function literal, for a function that has a name.
func inner(literal string) string {
	_, body, _ := strings.Cut(literal, "{\n")
	return strings.TrimSuffix(body, "\n}")
}
