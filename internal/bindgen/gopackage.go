package bindgen

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/wit"
)

// goPackage is the Go package of a binding, with every name in it decided. The same binding always decides the same, so
// one package can name another's types without seeing its files.
type goPackage struct {
	Binding
	units []*unit
	taken map[string]string // Go name → what took it
}

// unit is one interface seen from one side, or the root of a world: what one generated file is made of.
type unit struct {
	id     wit.InterfaceID
	title  string // for messages and comments: "wasi:io/poll@0.2.12"
	docs   string
	goName string
	types  []*wit.Type
	funcs  []*wit.Func
	guest  bool // the guest exports it: the host calls
	defs   map[*wit.Type]*def
	// name is the Go type that holds the functions: an interface that the host implements, or a struct that calls the
	// guest. It is empty where there are none.
	name  string
	idVar string // the variable that holds id
	world *wit.World
	parts []part // of a world's exports: the interfaces
}

// part is an exported interface of a world, bound in this package or in pkg.
type part struct {
	*unit
	pkg *goPackage // nil for this one
}

// def is one declared type.
type def struct {
	t    *wit.Type
	unit *unit
	name string // the Go type
	typ  string // of a resource, the variable of its *cm.ResourceType
}

// addPackage makes the units of a package's interfaces: for the host to serve, or to call where the package's worlds
// only export them.
func (p *goPackage) addPackage(pkg *wit.Package) error {
	imported, exported := map[*wit.Interface]bool{}, map[*wit.Interface]bool{}
	for _, w := range pkg.Worlds {
		for _, e := range w.Imports {
			imported[e.Interface] = true
		}
		for _, e := range w.Exports {
			exported[e.Interface] = true
		}
	}
	ifaces := slices.Clone(pkg.Interfaces)
	slices.SortFunc(ifaces, func(a, b *wit.Interface) int { return cmp.Compare(a.ID.Interface, b.ID.Interface) })
	for _, i := range ifaces {
		if !p.has(i.Gate) {
			continue
		}
		if imported[i] || !exported[i] {
			p.add(i, i.ID, false, nil)
		}
		if exported[i] {
			p.add(i, i.ID, true, imported[i])
		}
	}
	return p.names()
}

// add makes the unit of an interface. Where both sides have it, the guest's side declares resources of its own, and so
// all types; otherwise it shares the host's side's.
func (p *goPackage) add(i *wit.Interface, id wit.InterfaceID, guest bool, both any) *unit {
	u := &unit{id: id, title: id.String(), docs: i.Docs, goName: exported(id.Interface), types: i.Types, funcs: i.AllFuncs(), guest: guest}
	for _, other := range p.units { // interfaces of several packages in a world may have the same name
		if other.id != id && other.id.Interface == id.Interface {
			u.goName = exported(id.Package) + u.goName
			break
		}
	}
	u.idVar = u.goName + "ID"
	if b, _ := both.(bool); b && guest {
		u.goName += "Export"
		if !slices.ContainsFunc(i.Types, func(t *wit.Type) bool { return t.Kind == wit.Resource }) {
			u.types = nil
		}
	}
	p.units = append(p.units, u)
	return u
}

// addWorld makes the units of a world: its own functions, and the interfaces that are bound nowhere else.
func (p *goPackage) addWorld(w *wit.World, packages map[*wit.Package]*goPackage) error {
	elsewhere := func(i *wit.Interface) *goPackage {
		if i.ID.Namespace == "" {
			return nil
		}
		return packages[i.Package]
	}
	imported := map[*wit.Interface]bool{}
	in := &unit{title: w.ID().String(), docs: w.Docs, goName: exported(w.Name) + "Imports", types: w.Types, world: w}
	for _, e := range w.Imports {
		switch {
		case !p.has(e.Gate):
		case e.Func != nil:
			in.funcs = append(in.funcs, e.Func)
		case elsewhere(e.Interface) != nil:
		default:
			imported[e.Interface] = true
			p.add(e.Interface, e.ID, false, nil)
		}
	}
	out := &unit{title: in.title, docs: w.Docs, goName: exported(w.Name), guest: true, world: w}
	for _, e := range w.Exports {
		switch {
		case !p.has(e.Gate):
		case e.Func != nil:
			out.funcs = append(out.funcs, e.Func)
		case elsewhere(e.Interface) != nil:
			other := elsewhere(e.Interface)
			for _, u := range other.units {
				if u.guest && u.id == e.Interface.ID && u.name != "" {
					out.parts = append(out.parts, part{u, other})
				}
			}
		default:
			out.parts = append(out.parts, part{p.add(e.Interface, e.ID, true, imported[e.Interface]), nil})
		}
	}
	slices.SortStableFunc(p.units, func(a, b *unit) int { return cmp.Compare(a.id.Interface, b.id.Interface) })
	p.units = append(p.units, in, out)
	return p.names()
}

// names decides the Go name of everything: types first, then the variables and functions beside them.
func (p *goPackage) names() error {
	for _, u := range p.units {
		u.defs = map[*wit.Type]*def{}
		types := u.types[:0:0]
		for _, t := range u.types {
			if t.From != nil || !p.has(t.Gate) {
				continue
			}
			types = append(types, t)
			d := &def{t: t, unit: u, name: exported(t.Name)}
			if p.taken[d.name] != "" {
				d.name = u.goName + d.name
			}
			if err := p.take(d.name, u.title+"."+t.Name); err != nil {
				return err
			}
			u.defs[t] = d
		}
		u.funcs = slices.DeleteFunc(slices.Clone(u.funcs), func(f *wit.Func) bool {
			return !p.has(f.Gate) || f.Resource != nil && !p.has(f.Resource.Gate)
		})
	}
	for _, u := range p.units {
		for _, t := range u.types {
			if d := u.defs[t]; d != nil {
				if err := p.nameParts(d); err != nil {
					return err
				}
			}
		}
		if err := p.nameUnit(u); err != nil {
			return err
		}
	}
	return nil
}

// take notes a Go name, which may be taken once.
func (p *goPackage) take(name, by string) error {
	if had := p.taken[name]; had != "" {
		return fmt.Errorf("package %s: %s and %s would both be called %s", p.Name, had, by, name)
	}
	p.taken[name] = by
	return nil
}

// nameParts takes the names that stand beside a type: constants, constructors, conversions, the resource's identity.
func (p *goPackage) nameParts(d *def) error {
	names := []string{}
	switch d.t.Kind {
	case wit.Resource:
		d.typ = d.name + "Type"
		if p.taken[d.typ] != "" {
			d.typ = d.name + "ResourceType"
		}
		names = append(names, d.typ)
	case wit.Enum, wit.Flags:
		for _, c := range d.t.Cases {
			names = append(names, d.name+exported(c.Name))
		}
	case wit.Variant:
		names = append(names, d.name+"Tag")
		for _, c := range d.t.Cases {
			names = append(names, d.caseFunc(c.Name), d.name+"Tag"+exported(c.Name))
		}
	}
	if converts(d.t) {
		names = append(names, "Lift"+d.name, "Lower"+d.name, d.name+"WIT")
	}
	for _, n := range names {
		if err := p.take(n, d.unit.title+"."+d.t.Name); err != nil {
			return err
		}
	}
	return nil
}

// caseFunc is the function that makes a variant's case. Its name cannot be that of the tag or its constants.
func (d *def) caseFunc(c string) string {
	if strings.HasPrefix(exported(c), "Tag") {
		return d.name + "Case" + exported(c)
	}
	return d.name + exported(c)
}

// nameUnit takes the names of what holds a unit's functions.
func (p *goPackage) nameUnit(u *unit) error {
	if u.idVar != "" && p.taken[u.idVar] != u.title { // both sides of an interface share it
		if err := p.take(u.idVar, u.title); err != nil {
			return err
		}
	}
	if !u.guest && !slices.ContainsFunc(u.funcs, isImpl) || u.guest && len(u.funcs)+len(u.parts) == 0 {
		return nil
	}
	u.name = u.goName
	if p.taken[u.name] != "" {
		u.name += "Functions"
	}
	return p.take(u.name, u.title)
}

// isImpl says that a function is one of the interface's implementation, not of a resource's object.
func isImpl(f *wit.Func) bool { return f.Kind != wit.Method }

// converts says that a type has conversion functions of its own. Other types are converted where they stand.
func converts(t *wit.Type) bool {
	switch t.Kind {
	case wit.Record, wit.Variant, wit.Enum, wit.Flags:
		return true
	case wit.Alias:
		e := t.Elem
		if e.Name != "" {
			return false
		}
		switch e.Kind {
		case wit.Tuple, wit.Option, wit.Result, wit.Map:
			return true
		case wit.List:
			return !isBytes(e)
		}
	}
	return false
}

// isBytes says that a type is a list<u8>, which Go has as []byte.
func isBytes(t *wit.Type) bool {
	return t.Kind == wit.List && t.Len == 0 && t.Elem.Resolve().Kind == wit.U8
}
