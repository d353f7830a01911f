package bindgen

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/wit"
)

// goPackage is the Go package of a binding, with every name in it decided. The same binding always decides the same, so
// one package can name another's types without seeing its files.
type goPackage struct {
	wit        string // what it binds
	name, path string
	features   []string
	names      map[string]string // Go names that were asked for
	renamed    map[string]bool   // those of them that were used
	units      []*unit
	taken      map[string]string // Go name → what took it
	packages   map[string]bool   // names of packages that it may import
}

func newPackage(of, name string, features []string, names map[string]string) *goPackage {
	return &goPackage{wit: of, name: name, features: features, names: names, renamed: map[string]bool{}, taken: map[string]string{},
		packages: map[string]bool{}}
}

// unit is one interface seen from one side, or the root of a world: what one generated file is made of.
type unit struct {
	id     wit.InterfaceID
	title  string // for messages and comments: "wasi:io/poll@0.2.12"
	docs   string
	goName string
	place  place
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

	methods  map[*wit.Func]string // the Go methods
	starts   map[*wit.Func]string // the Go methods that begin calls of a guest's async functions
	callers  map[*wit.Func]string // the fields of the guest's struct that call them
	typeVars map[*wit.Func]string // the variables of their types
}

// place makes errors about a place in the WIT text.
type place interface {
	Errorf(format string, args ...any) error
}

// part is an exported interface of a world, bound in this package or in pkg.
type part struct {
	*unit
	pkg   *goPackage // nil for this one
	field string     // of the world's struct
}

// def is one declared type.
type def struct {
	t      *wit.Type
	unit   *unit
	name   string   // the Go type
	typ    string   // of a resource, the variable of its *cm.ResourceType
	parts  []string // the Go names of fields, cases or labels
	fields []string // of a variant, the fields of its payloads
	labels string   // the variable of the labels of an enum or a variant
}

// has says whether an item behind g is bound.
func (p *goPackage) has(g wit.Gate) bool {
	return g.Unstable == "" || slices.Contains(p.features, g.Unstable) || slices.Contains(p.features, "*")
}

// addInterfaces makes the units of interfaces of a package: for the host to serve, or to call where the package's worlds only export
// them.
func (p *goPackage) addInterfaces(pkg *wit.Package, ifaces []*wit.Interface) error {
	imported, exported := map[*wit.Interface]bool{}, map[*wit.Interface]bool{}
	for _, w := range pkg.Worlds {
		for _, e := range w.Imports {
			imported[e.Interface] = true
		}
		for _, e := range w.Exports {
			exported[e.Interface] = true
		}
	}
	slices.SortFunc(ifaces, func(a, b *wit.Interface) int { return cmp.Compare(a.ID.Interface, b.ID.Interface) })
	for _, i := range ifaces {
		if !p.has(i.Gate) {
			continue
		}
		if imported[i] || !exported[i] {
			p.add(i, i.ID, false, false)
		}
		if exported[i] {
			p.add(i, i.ID, true, imported[i])
		}
	}
	return p.decide()
}

// add makes the unit of an interface. Where both sides have it, the guest's side declares resources of its own, and so
// all types; otherwise it shares the host's side's.
func (p *goPackage) add(i *wit.Interface, id wit.InterfaceID, guest, both bool) *unit {
	u := &unit{id: id, title: id.String(), docs: i.Docs, place: i, types: i.Types, funcs: i.AllFuncs(), guest: guest}
	u.goName = p.unitName(id)
	u.idVar = u.goName + "ID"
	if both && guest {
		u.goName += "Export"
		if !slices.ContainsFunc(i.Types, func(t *wit.Type) bool { return t.Kind == wit.Resource }) {
			u.types = nil
		}
	}
	p.units = append(p.units, u)
	return u
}

// unitName is the Go name of an interface: its own, with as much of its package before it as it takes where several interfaces of a world
// have the same.
func (p *goPackage) unitName(id wit.InterfaceID) string {
	used := map[string]bool{}
	for _, u := range p.units {
		base := strings.TrimSuffix(u.idVar, "ID")
		if u.id == id {
			return base
		}
		used[base] = true
	}
	if name, ok := p.asked(id.Unversioned().String()); ok {
		return name
	}
	name := exported(id.Interface)
	for _, more := range []string{id.Package, id.Namespace} {
		if used[name] && more != "" {
			name = exported(more) + name
		}
	}
	return unique(name, func(n string) bool { return used[n] })
}

// asked is the Go name that was asked for something, if one was.
func (p *goPackage) asked(key string) (string, bool) {
	name, ok := p.names[key]
	if ok {
		p.renamed[key] = true
	}
	return name, ok
}

// addWorld makes the units of a world: its own functions, and the interfaces that are bound nowhere else.
func (p *goPackage) addWorld(w *wit.World, packages map[*wit.Interface]*goPackage) error {
	elsewhere := func(i *wit.Interface, guest bool) (*goPackage, *unit) {
		if gp := packages[i]; gp != nil {
			for _, u := range gp.units {
				if u.id == i.ID && u.guest == guest {
					return gp, u
				}
			}
		}
		return nil, nil
	}
	imported := map[*wit.Interface]bool{}
	in := &unit{title: w.ID().String(), docs: w.Docs, goName: p.worldName(w) + "Imports", place: w, types: w.Types, world: w}
	for _, t := range w.Types {
		in.funcs = append(in.funcs, t.Funcs...)
	}
	for _, e := range w.Imports {
		switch {
		case !p.has(e.Gate):
		case e.Func != nil:
			in.funcs = append(in.funcs, e.Func)
		default:
			if _, u := elsewhere(e.Interface, false); u == nil {
				imported[e.Interface] = true
				p.add(e.Interface, e.ID, false, false)
			}
		}
	}
	out := &unit{title: in.title, docs: w.Docs, goName: p.worldName(w), place: w, guest: true, world: w}
	for _, e := range w.Exports {
		switch {
		case !p.has(e.Gate):
		case e.Func != nil:
			out.funcs = append(out.funcs, e.Func)
		default:
			if gp, u := elsewhere(e.Interface, true); u == nil {
				out.parts = append(out.parts, part{unit: p.add(e.Interface, e.ID, true, imported[e.Interface])})
			} else {
				out.parts = append(out.parts, part{unit: u, pkg: gp})
			}
		}
	}
	slices.SortStableFunc(p.units, func(a, b *unit) int { return cmp.Compare(a.id.Interface, b.id.Interface) })
	p.units = append(p.units, in, out)
	return p.decide()
}

func (p *goPackage) worldName(w *wit.World) string {
	if name, ok := p.asked(w.ID().Unversioned().String()); ok {
		return name
	}
	return exported(w.Name)
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
