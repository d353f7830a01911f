package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/types"
	"github.com/vitrine-wasm/vitrine/wit"
)

// CoreImports returns the imports of a core module in order; the planner does not read core modules itself.
type CoreImports func(module []byte) ([]CoreImport, error)

// CoreImport is one import of a core module.
type CoreImport struct{ Module, Field string }

// HostModules returns the core module that the host serves under a name, of an instance or (ID zero) at the root; nil if none.
type HostModules func(id wit.InterfaceID, name string) []byte

// Part is one component of a program. A program of several parts is a composition made at run time: they become one
// store, and calls between them are boundaries like those inside a component that was composed statically.
type Part struct {
	Name      string // the path of its instance
	Component *binary.Component
	Links     map[string]int // import name as written → the part that serves it; other imports come from the host
}

// Make plans validated components. The first part's exports are the program's; parts that nothing links to are left
// out. A cycle of links and a link that does not fit its import are errors. modules gives the core modules that parts
// import; a program whose modules are missing (modules may be nil) can be inspected but not linked.
func Make(parts []Part, imports CoreImports, modules HostModules) (*Program, error) {
	p := &planner{Program: &Program{Name: parts[0].Name}, coreImports: imports, hostModules: modules, types: types.NewTable()}
	made := make([]*instItem, len(parts))
	root, err := p.part(parts, 0, made, nil)
	switch {
	case err == nil:
		p.exports(root)
	case err != errUnknown:
		return nil, err
	}
	p.markAdapters()
	for _, b := range p.Boundaries {
		b.Async = b.Type.Async
	}
	return p.Program, nil
}

// part instantiates a part after those that it is linked to, once.
func (p *planner) part(parts []Part, i int, made []*instItem, under []int) (*instItem, error) {
	if made[i] != nil {
		return made[i], nil
	}
	part := parts[i]
	for n, j := range under {
		if j == i {
			names := make([]string, 0, len(under))
			for _, k := range under[n:] {
				names = append(names, parts[k].Name)
			}
			return nil, fmt.Errorf("links form a cycle: %s → %s", strings.Join(names, " → "), part.Name)
		}
	}
	under = append(under[:len(under):len(under)], i)
	args := make(map[string]item, len(part.Links))
	links := make([]string, 0, len(part.Links))
	for name := range part.Links {
		links = append(links, name)
	}
	slices.Sort(links)
	for _, name := range links {
		target := part.Links[name]
		served, err := p.part(parts, target, made, under)
		if err != nil {
			return nil, err
		}
		it, err := serve(name, served)
		if err != nil {
			return nil, fmt.Errorf("%s: link %s → %s: %w", part.Name, name, parts[target].Name, err)
		}
		args[name] = it
	}
	s := &scope{names: &part.Component.Names, path: cm.Path(part.Name), instance: len(p.Instances), outer: true}
	p.addInstance(s.path, -1)
	made[i] = newInst()
	return made[i], p.component(s, part.Component, args, made[i])
}

// serve finds the export that an import asks for, by version rules.
func serve(name string, from *instItem) (item, error) {
	if it, ok := from.items[name]; ok {
		return it, nil
	}
	want, err := wit.ParseID(name)
	if err == nil {
		for _, n := range from.names {
			have, err := wit.ParseID(n)
			if err == nil && have.Unversioned() == want.Unversioned() && wit.Compatible(want.Version, have.Version) {
				return from.items[n], nil
			}
		}
		if it, ok := serveByStandIn(want, from); ok {
			return it, nil
		}
	}
	return item{}, fmt.Errorf("wanted an export %q, had %s", name, strings.Join(from.names, ", "))
}

// errUnknown ends the planning of a program that instantiates an imported component, whose content is not known. What is planned
// so far can be inspected; the import keeps it from being linked.
var errUnknown = errors.New("an imported component is instantiated")

type planner struct {
	imports [][]CoreImport // of Program.Modules
	*Program
	coreImports CoreImports
	hostModules HostModules
	types       *types.Table
	funcIndex   map[CoreFunc]int
	memIndex    map[CoreItem]int
	paths       map[cm.Path]bool // of all instances
}

// component walks the definitions of one instantiation. Imports that args do not serve come from
// the host; only the outermost component of a part has such. Exports go to out.
func (p *planner) component(s *scope, c *binary.Component, args map[string]item, out *instItem) error {
	for _, d := range c.Defs {
		switch d := d.(type) {
		case *binary.CoreModule:
			i := uint32(len(s.mods))
			s.mods = append(s.mods, &moduleItem{d.Bytes, s.nameOf(binary.SortCoreModule, i)})
		case *binary.CoreInstance:
			if err := p.coreInstance(s, d); err != nil {
				return err
			}
		case *binary.CoreType:
			s.coreTypes = append(s.coreTypes, coreTypeItem{d, s})
		case *binary.NestedComponent:
			i := uint32(len(s.comps))
			s.comps = append(s.comps, &compItem{d.Component, s, s.nameOf(binary.SortComponent, i)})
		case *binary.Instance:
			if err := p.instance(s, d); err != nil {
				return err
			}
		case *binary.Alias:
			p.alias(s, d)
		case *binary.TypeDef:
			s.types = append(s.types, p.typeDef(s, d))
		case *binary.Canon:
			p.canon(s, d)
		case *binary.Import:
			arg, given := args[d.Name.Name]
			switch {
			case !given:
				s.add(p.rootImport(s, d))
			case s.outer:
				if err := p.matches(s, d, arg); err != nil {
					return fmt.Errorf("%s: import %q: %w", s.path, d.Name.Name, err)
				}
				fallthrough
			default:
				s.add(p.boundImport(arg, d))
			}
		case *binary.Export:
			it := s.at(d.SortIndex)
			if it.sort == binary.SortType {
				id, _ := wit.ParseID(d.Name.Name)
				it.typ = p.named(it.typ, d.Name.Name, wit.InterfaceID{Namespace: id.Namespace, Package: id.Package})
			}
			if it.sort == binary.SortFunc && d.Desc != nil && d.Desc.Sort == binary.SortFunc {
				if t := s.types[d.Desc.Index].fn; t != nil {
					f := *it.fn
					f.named, it.fn = t, &f
				}
			}
			s.add(it)
			out.add(d.Name.Name, it)
		default:
			p.unsupported("values and start functions")
		}
	}
	return nil
}

// maxInstances bounds what a small file can unfold to: nesting multiplies.
const maxInstances = 10_000

// instance instantiates a nested component, or bundles items.
func (p *planner) instance(s *scope, d *binary.Instance) error {
	out := newInst()
	if d.Component < 0 {
		for _, e := range d.Exports {
			out.add(e.Name.Name, s.at(e.SortIndex))
		}
		s.insts = append(s.insts, out)
		return nil
	}
	if len(p.Instances) >= maxInstances {
		return fmt.Errorf("%s: more than %d component instances", s.path, maxInstances)
	}
	c := s.comps[d.Component]
	if c.def == nil {
		return errUnknown
	}
	args := make(map[string]item, len(d.Args))
	for _, a := range d.Args {
		args[a.Name] = s.at(a.SortIndex)
	}
	inner := &scope{parent: c.scope, names: &c.def.Names, instance: len(p.Instances)}
	inner.path = p.innerPath(s, uint32(len(s.insts)), c)
	p.addInstance(inner.path, s.instance)
	if err := p.component(inner, c.def, args, out); err != nil {
		return err
	}
	s.insts = append(s.insts, out)
	return nil
}

func (p *planner) addInstance(path cm.Path, parent int) {
	p.Instances = append(p.Instances, Instance{Path: path, Parent: parent})
	if p.paths == nil {
		p.paths = map[cm.Path]bool{}
	}
	p.paths[path] = true
}

// innerPath names a nested instance: by its own name, else by its component's, else by its place.
func (p *planner) innerPath(s *scope, index uint32, c *compItem) cm.Path {
	path := s.path.Unnamed(index)
	for _, name := range []string{s.nameOf(binary.SortInstance, index), c.def.Names.Component, c.name} {
		if name != "" {
			path = s.path.Inner(clip(strings.TrimPrefix(name, "$")))
			break
		}
	}
	// A name in use for another instance under the same parent gets its index.
	if p.paths[path] {
		path += cm.Path(fmt.Sprintf("#%d", index))
	}
	return path
}

// maxName bounds an instance's part of its path, in bytes: a path holds those of all enclosing ones.
const maxName = 128

// clip cuts a name that is too long for a path.
func clip(name string) string {
	if len(name) <= maxName {
		return name
	}
	n := maxName
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return name[:n] + "…"
}

func (s *scope) nameOf(sort binary.Sort, i uint32) string {
	if s.names == nil {
		return ""
	}
	return s.names.Sorts[sort][i]
}

// boundImport is what a nested component sees of an argument: the argument under the name that it is imported by.
func (p *planner) boundImport(it item, d *binary.Import) item {
	switch it.sort {
	case binary.SortInstance:
		if id, err := wit.ParseID(d.Name.Name); err == nil {
			c := *it.inst
			c.id = id
			it.inst = &c
		}
	case binary.SortFunc:
		// Shim components of wit-component import "import-func-quote": no name that people know.
		if it.fn.name == "" && !strings.HasPrefix(d.Name.Name, "import-func-") {
			c := *it.fn
			c.name = d.Name.Name
			it.fn = &c
		}
	}
	return it
}

// rootImport adds an import of the outermost component.
func (p *planner) rootImport(s *scope, d *binary.Import) item {
	name := d.Name.Name
	id, err := wit.ParseID(name)
	if err != nil {
		id = wit.InterfaceID{Interface: name}
	}
	it := item{sort: d.Desc.Sort}
	switch d.Desc.Sort {
	case binary.SortInstance:
		it.inst = p.importInstance(s.types[d.Desc.Index], name, id, s.path)
	case binary.SortFunc:
		ft := s.types[d.Desc.Index].fn
		it.fn = &funcItem{typ: ft, lift: -1, remote: true, imp: ImportRef{Import: len(p.Imports)}, name: name}
		p.Imports = append(p.Imports, Import{Name: name, Importer: s.path, Funcs: []ImportFunc{{Name: name, Type: ft}}})
	case binary.SortType:
		if !d.Desc.Sub {
			it.typ = p.named(s.types[d.Desc.Index], name, wit.InterfaceID{})
			break
		}
		rt := p.resource(Resource{Imported: true, Import: name, Instance: -1, Dtor: -1})
		rt.Name = name
		it.typ = typeItem{res: rt}
		p.Imports = append(p.Imports, Import{Name: name, Importer: s.path, Resources: []ImportResource{{Name: name, Slot: rt.Slot}}})
	case binary.SortCoreModule:
		m := p.importModule(s, d.Desc.Index, wit.InterfaceID{}, name)
		it.mod = &moduleItem{m.Bytes, name}
		p.Imports = append(p.Imports, Import{Name: name, Importer: s.path, Modules: []ImportModule{m}})
	default:
		other := "value"
		if d.Desc.Sort == binary.SortComponent {
			other = "component"
			it.comp = &compItem{scope: s, name: name}
		}
		p.Imports = append(p.Imports, Import{Name: name, ID: id, Importer: s.path, Other: other})
		p.unsupported("import of a " + other)
	}
	return it
}

// alias adds the target of an alias.
func (p *planner) alias(s *scope, a *binary.Alias) {
	switch a.Kind {
	case binary.AliasCoreExport:
		space := s.coreSpace(a.Sort)
		*space = append(*space, s.coreInsts[a.Instance].export(a.Name))
	case binary.AliasOuter:
		if a.Sort == binary.SortCoreType {
			s.coreTypes = append(s.coreTypes, s.up(a.Count).coreTypes[a.Index])
			return
		}
		s.add(s.up(a.Count).at(binary.SortIndex{Sort: a.Sort, Index: a.Index}))
	case binary.AliasExport:
		from := s.insts[a.Instance]
		it := from.items[a.Name]
		switch {
		case it.fn != nil && from.id != (wit.InterfaceID{}):
			c := *it.fn
			c.iface, c.name = from.id, a.Name
			it.fn = &c
		case it.fn != nil && it.fn.name == "":
			c := *it.fn
			c.name = a.Name
			it.fn = &c
		}
		s.add(it)
	}
}

// exports lists what the outermost component offers.
func (p *planner) exports(root *instItem) {
	var plain Export
	for _, name := range root.names {
		if it := root.items[name]; it.sort == binary.SortInstance {
			p.Exports = append(p.Exports, p.exportInstance(name, it.inst))
		} else {
			p.exportInto(&plain, name, it)
		}
	}
	if len(plain.Funcs)+len(plain.Types)+len(plain.Modules) > 0 {
		p.Exports = append(p.Exports, plain)
	}
}

func (p *planner) exportInstance(name string, inst *instItem) Export {
	id, err := wit.ParseID(name)
	if err != nil {
		id = wit.InterfaceID{Interface: name}
	}
	e := Export{Name: name, ID: id}
	for _, n := range inst.names {
		p.exportInto(&e, n, inst.items[n])
	}
	return e
}

func (p *planner) exportInto(e *Export, name string, it item) {
	switch it.sort {
	case binary.SortFunc:
		f := ExportFunc{Name: name, Type: it.fn.typ, Lift: it.fn.lift, Import: it.fn.imp}
		if f.Lift >= 0 {
			f.Boundary = p.boundary(cm.HostToGuest, "host", p.Instances[p.Lifts[f.Lift].Instance].Path, e.ID, name, it.fn.shown())
		}
		e.Funcs = append(e.Funcs, f)
	case binary.SortType:
		e.Types = append(e.Types, ExportType{Name: name, Type: it.typ.val, Resource: it.typ.res})
	case binary.SortCoreModule:
		e.Modules = append(e.Modules, ExportModule{name, it.mod.bytes})
	case binary.SortInstance:
		e.Instances = append(e.Instances, p.exportInstance(name, it.inst))
	}
}

func (p *planner) boundary(k cm.BoundaryKind, from, to cm.Path, id wit.InterfaceID, name string, t *cm.FuncType) *cm.Boundary {
	b := &cm.Boundary{ID: uint32(len(p.Boundaries)), Kind: k, Caller: from, Callee: to, Interface: id, Func: name, Type: t}
	p.Boundaries = append(p.Boundaries, b)
	return b
}

func (p *planner) unsupported(feature string) {
	for _, f := range p.Unsupported {
		if f == feature {
			return
		}
	}
	p.Unsupported = append(p.Unsupported, feature)
}
