package encode

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/wit"
)

// want is what an import of a core module is: how it is made, once what it needs is there.
type want struct {
	module, field string
	typ           uint32
	needs         needs
	slot          int // -1: none
	make          func(s *side) (uint32, error)
}

// needed are the functions that are imported, and the types that these and others use.
type needed struct {
	funcs map[*wit.Func]bool
	types map[*wit.Type]bool // those with names
	seen  map[*wit.Type]bool
	own   map[*wit.Interface]bool // interfaces whose types the component has itself, in what it exports
}

// function adds the types of a function.
func (n *needed) function(f *wit.Func) {
	for _, p := range f.Params {
		n.add(p.Type)
	}
	n.add(f.Result)
}

// add adds a type and what it uses.
func (n *needed) add(t *wit.Type) {
	if t == nil || n.seen[t] {
		return
	}
	n.seen[t] = true
	if t.Name != "" && !n.own[t.Interface] {
		n.types[t] = true
	}
	for _, f := range t.Fields {
		n.add(f.Type)
	}
	for _, c := range t.Cases {
		n.add(c.Type)
	}
	for _, part := range []*wit.Type{t.Key, t.Elem, t.OK, t.Err} {
		n.add(part)
	}
}

const wasip1 = "wasi_snapshot_preview1"

// readImports finds out what each import of the module is.
func (e *encoder) readImports() error {
	e.main.memory, e.main.realloc = -1, -1
	if err := e.main.dedupe(); err != nil {
		return err
	}
	adapted := map[string]bool{}
	for _, i := range e.main.module.Imports {
		if _, err := e.main.signature(i.Desc.Type); err != nil {
			return err
		}
		if i.Module == wasip1 {
			adapted[meaning(i.Field)] = true
			continue
		}
		w, err := e.understand(&e.main, i)
		if err != nil {
			return fmt.Errorf("the module's import %q of %q: %w", i.Field, i.Module, err)
		}
		e.main.wants = append(e.main.wants, w)
	}
	return e.readAdapter(adapted)
}

// importAll writes the imports: world-level functions, and interfaces in the order in which they use each other's types.
func (e *encoder) importAll() error {
	for _, x := range e.exports {
		own := needed{types: e.imported.types, seen: map[*wit.Type]bool{}, own: map[*wit.Interface]bool{}}
		for _, y := range e.exports {
			own.own[y.iface] = y.iface != nil
		}
		if x.iface != nil {
			for _, t := range x.iface.Types {
				own.add(t)
			}
		}
		for _, f := range x.funcs {
			own.function(f)
		}
	}
	funcs := map[*wit.Interface]bool{}
	for f := range e.imported.funcs {
		if i := e.home(f); i != nil {
			funcs[i] = true
		}
	}
	for t := range e.imported.types {
		if t.Interface != nil {
			funcs[t.Interface] = true
		}
	}
	all := make([]*wit.Interface, 0, len(funcs))
	for i := range funcs {
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b *wit.Interface) int { return cmp.Compare(a.ID.String(), b.ID.String()) })
	for _, i := range all {
		e.instance(i)
	}
	if e.World != nil {
		for _, x := range e.World.Imports {
			if x.Func != nil && e.imported.funcs[x.Func] {
				e.importFunc(x.Func)
			}
		}
	}
	return nil
}

// home is the interface that has a function; nil for a world's own.
func (e *encoder) home(f *wit.Func) *wit.Interface { return e.homes[f] }

// instance is the imported instance of an interface; it is imported when it is first asked for.
func (e *encoder) instance(i *wit.Interface) uint32 {
	if index, ok := e.instances[i]; ok {
		return index
	}
	decls := &binary.DeclType{}
	n := uint32(0)
	var y *typer
	y = newTyper(func(t *binary.TypeDef) uint32 {
		decls.Decls = append(decls.Decls, binary.Decl{Type: t})
		n++
		return n - 1
	}, func(t *wit.Type) uint32 {
		if t.Interface != i {
			decls.Decls = append(decls.Decls, binary.Decl{Alias: &binary.Alias{Kind: binary.AliasOuter, Sort: binary.SortType, Count: 1, Index: e.types.index(t)}})
			n++
			return n - 1
		}
		desc := binary.ExternDesc{Sort: binary.SortType, Sub: true}
		if t.Kind != wit.Resource {
			desc = binary.ExternDesc{Sort: binary.SortType, Index: y.base(t)}
		}
		decls.Decls = append(decls.Decls, binary.Decl{Export: &binary.ExportDecl{Name: binary.Name{Name: t.Name}, Desc: desc}})
		n++
		return n - 1
	})
	for _, t := range i.Types {
		if e.imported.types[t] {
			y.index(t)
		}
	}
	for _, f := range i.AllFuncs() {
		if e.imported.funcs[f] {
			decls.Decls = append(decls.Decls, binary.Decl{Export: &binary.ExportDecl{
				Name: binary.Name{Name: f.Name}, Desc: binary.ExternDesc{Sort: binary.SortFunc, Index: y.function(f)},
			}})
		}
	}
	t := e.addType(&binary.TypeDef{Instance: decls})
	index := e.add(binary.SortInstance, &binary.Import{Name: binary.Name{Name: e.nameOf(i)}, Desc: binary.ExternDesc{Sort: binary.SortInstance, Index: t}})
	e.instances[i] = index
	return index
}

// nameOf is the name under which an interface is imported or exported: with the version that the module asks for, of several the highest.
func (e *encoder) nameOf(i *wit.Interface) string {
	if e.World != nil {
		for _, x := range slices.Concat(e.World.Imports, e.World.Exports) {
			if x.Interface == i && x.Name != "" {
				return x.Name
			}
		}
	}
	id := i.ID
	if v := e.asked[i]; v != "" {
		id.Version = v
	}
	return id.String()
}

// declare makes a type with a name known in the component, as one of an imported interface or of the world.
func (e *encoder) declare(t *wit.Type) uint32 {
	if t.Interface != nil {
		return e.add(binary.SortType, &binary.Alias{Kind: binary.AliasExport, Sort: binary.SortType, Instance: e.instance(t.Interface), Name: t.Name})
	}
	desc := binary.ExternDesc{Sort: binary.SortType, Sub: true}
	if t.Kind != wit.Resource {
		desc = binary.ExternDesc{Sort: binary.SortType, Index: e.types.base(t)}
	}
	return e.add(binary.SortType, &binary.Import{Name: binary.Name{Name: t.Name}, Desc: desc})
}

// importFunc imports a function of the world.
func (e *encoder) importFunc(f *wit.Func) {
	t := e.types.function(f)
	e.worldFuncs[f] = e.add(binary.SortFunc, &binary.Import{Name: binary.Name{Name: f.Name}, Desc: binary.ExternDesc{Sort: binary.SortFunc, Index: t}})
}

// funcIndex is an imported function.
func (e *encoder) funcIndex(f *wit.Func) uint32 {
	if i, ok := e.worldFuncs[f]; ok {
		return i
	}
	i := e.add(binary.SortFunc, &binary.Alias{Kind: binary.AliasExport, Sort: binary.SortFunc, Instance: e.instance(e.home(f)), Name: f.Name})
	e.worldFuncs[f] = i
	return i
}

// reserve gives slots to the imports that need the module's memory, to the adapter's functions, and to destructors.
func (e *encoder) reserve() {
	for i := range e.main.wants {
		w := &e.main.wants[i]
		if w.slot = -1; w.needs.memory || w.needs.realloc {
			w.slot = e.slot(e.main.module.Types[w.typ].Func, func() (uint32, error) { return w.make(&e.main) })
		}
	}
	e.reserveAdapter()
	e.reserveDestructors()
}

func (e *encoder) slot(t *binary.CoreFuncType, fill func() (uint32, error)) int {
	e.filled = append(e.filled, fill)
	return e.slots.add(signatureOf(t))
}

// inSlot is the function of a slot.
func (e *encoder) inSlot(slot int) uint32 {
	return e.coreExport(e.shimmed, binary.SortCoreFunc, fmt.Sprint(slot))
}

// arguments makes what a module is instantiated with: an instance for each name of its imports.
func (e *encoder) arguments(s *side) (args []binary.CoreArg, err error) {
	at := map[string]*binary.CoreInstance{}
	var order []string
	taken := map[[2]string]bool{}
	for _, w := range s.wants {
		if taken[[2]string{w.module, w.field}] {
			continue
		}
		taken[[2]string{w.module, w.field}] = true
		if at[w.module] == nil {
			at[w.module] = &binary.CoreInstance{Module: -1}
			order = append(order, w.module)
		}
		x := binary.CoreInlineExport{Name: w.field, SortIndex: binary.SortIndex{Sort: binary.SortCoreFunc}}
		if w.slot >= 0 {
			x.Index = e.inSlot(w.slot)
		} else if x.Index, err = w.make(s); err != nil {
			return nil, fmt.Errorf("the module's import %q of %q: %w", w.field, w.module, err)
		}
		at[w.module].Exports = append(at[w.module].Exports, x)
	}
	for _, name := range order {
		args = append(args, binary.CoreArg{Name: name, Instance: e.add(binary.SortCoreInstance, at[name])})
	}
	return args, nil
}

// known lists interfaces of a set whose name is like another, for messages.
func known(set *wit.Set, id wit.InterfaceID) string {
	var names []string
	for _, p := range set.Packages {
		if p.Namespace == id.Namespace && p.Name == id.Package {
			for _, i := range p.Interfaces {
				names = append(names, i.ID.String())
			}
		}
	}
	if len(names) == 0 {
		return "no package of that name is in the WIT: give its folder with --wit"
	}
	return "the WIT has " + strings.Join(names, ", ")
}
