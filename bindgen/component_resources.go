package bindgen

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/wit"
)

// This file writes the resources that a program implements, in bindings for code inside a component.

// ownNames are the private names of a resource that the program implements.
type ownNames struct{ objects, give, take string }

// isOwn says whether t is a handle of a resource that the program implements.
func (g *insider) isOwn(t *wit.Type) bool {
	r := t.Resolve()
	if r == nil || r.Kind != wit.Own && r.Kind != wit.Borrow {
		return false
	}
	d, _ := g.resource(r.Elem)
	return d.unit.guest
}

// ownFuncs are the functions between values and handles of a resource.
func (g *insider) ownFuncs(t *wit.Type) ownNames {
	d, q := g.resource(t.Resolve().Elem)
	if q != "" {
		g.fail("bindings inside components have no resources that another package implements: %s", d.t.Name)
	}
	names, ok := g.own[d]
	if !ok {
		names = ownNames{
			objects: g.pkg.private(lowerFirst(d.name)+"Objects", d.t.Name),
			give:    g.pkg.private("give"+d.name, d.t.Name),
			take:    g.pkg.private("take"+d.name, d.t.Name),
		}
		g.own[d] = names
	}
	return names
}

// lowerOwn is the handle of a value.
func (g *insider) lowerOwn(t *wit.Type, x string) string { return g.ownFuncs(t).give + "(" + x + ")" }

// liftOwn is the value of a handle, or of a representation, which is what the program that implements a resource gets for a borrowed handle.
func (g *insider) liftOwn(t *wit.Type, x string) string {
	if t.Resolve().Kind == wit.Borrow {
		return g.ownFuncs(t).objects + ".Get(" + x + ")"
	}
	return g.ownFuncs(t).take + "(" + x + ")"
}

// resourceMethod is the name of a method in the interface of its resource.
func (g *insider) resourceMethod(f *wit.Func) string {
	taken := map[string]bool{"Drop": true}
	for _, other := range g.unit.funcs {
		if other.Kind == wit.Method && other.Resource == f.Resource {
			name := takeUnique(exported(other.Base), taken)
			if other == f {
				return name
			}
		}
	}
	return exported(f.Base)
}

// object writes the interface of a resource that the program implements, and what is between its values and handles.
func (g *insider) object(d *def) {
	g.comment(fmt.Sprintf("%s is what a program implements for the %s. If it has a method Drop(), that is called when its owner drops it.", d.name, d.describe()), d.t.Docs)
	g.p("type %s interface {", d.name)
	for _, f := range g.unit.funcs {
		if f.Kind != wit.Method || f.Resource != d.t {
			continue
		}
		list, _ := g.paramList(f.Params[1:])
		g.comment("", f.Docs)
		g.p("%s(%s) %s", g.resourceMethod(f), g.withContext(f, list), g.results(f))
	}
	g.p("}\n")
	names := g.ownFuncs(&wit.Type{Kind: wit.Own, Elem: d.t})
	from := g.fromExport()
	create, rep, drop := g.pkg.private("new"+d.name+"Handle", d.t.Name), g.pkg.private("rep"+d.name+"Handle", d.t.Name), g.pkg.private("drop"+d.name+"Handle", d.t.Name)
	g.builtin(create, from, "[resource-new]"+d.t.Name, []string{coreI32}, coreI32)
	g.builtin(rep, from, "[resource-rep]"+d.t.Name, []string{coreI32}, coreI32)
	g.builtin(drop, from, "[resource-drop]"+d.t.Name, []string{coreI32}, "")
	g.p("var %s %s[%s]\n", names.objects, g.abi("Objects"), d.name)
	g.p("// %s makes a handle of a value, for the host.\nfunc %s(v %s) uint32 { return %s(%s.Add(v)) }\n", names.give, names.give, d.name, create, names.objects)
	g.p("// %s ends a handle that the host has given back, and gives its value.\nfunc %s(handle uint32) %s {\nv, _ := %s.Take(%s(handle))\n%s(handle)\nreturn v\n}\n",
		names.take, names.take, d.name, names.objects, rep, drop)
	end := g.pkg.private("end"+d.name, d.t.Name)
	g.p("// %s is called when the last handle is dropped.\nfunc %s(rep uint32) {\nif v, ok := %s.Take(rep); ok {\nif v, ok := v.(interface{ Drop() }); ok {\nv.Drop()\n}\n}\n}\n",
		end, end, names.objects)
	fmt.Fprintf(&g.wrappers, "//go:wasmexport %s\nfunc %sCore(rep uint32) {\ndefer cabi.Serve()()\n%s(rep)\n}\n\n", g.coreName("[dtor]"+d.t.Name), end, end)
}
