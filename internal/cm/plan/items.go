package plan

import (
	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/wit"
)

// An item is one entry of a component-level index space.
type item struct {
	sort binary.Sort
	fn   *funcItem
	inst *instItem
	comp *compItem
	typ  typeItem
	mod  *moduleItem
}

// funcItem is a component function: a lift, or an import of the outermost component. Iface and name are the
// names by which its user knows it; a boundary gets them.
type funcItem struct {
	typ    *cm.FuncType
	named  *cm.FuncType // typ as an export says it, with the names that types are exported under; nil if none does
	lift   int          // -1: host
	imp    ImportRef
	iface  wit.InterfaceID
	name   string
	remote bool // lift == -1
}

// instItem is a component instance: its exports in order.
type instItem struct {
	names []string
	items map[string]item
	id    wit.InterfaceID // the name that it was imported under; zero otherwise
}

func newInst() *instItem { return &instItem{items: map[string]item{}} }

func (i *instItem) add(name string, it item) {
	if _, dup := i.items[name]; !dup {
		i.names = append(i.names, name)
	}
	i.items[name] = it
}

// shown is the function's type with the names that people know.
func (f *funcItem) shown() *cm.FuncType {
	if f.named != nil {
		return f.named
	}
	return f.typ
}

// compItem is a component with the scope that its outer aliases look in; def is nil for an imported one.
type compItem struct {
	def   *binary.Component
	scope *scope
	name  string
}

// moduleItem is a core module's bytes; nil for an imported one that the host does not have.
type moduleItem struct {
	bytes []byte
	name  string
}

// typeItem is a type: exactly one field is set. Component and instance types stay unevaluated with their scope: what
// they say is checked by package validate, and only imports of the outermost component need it.
type typeItem struct {
	val   *cm.Type
	fn    *cm.FuncType
	res   *cm.ResourceType
	decl  *binary.DeclType
	scope *scope
}

// coreTypeItem is a core type with the scope that its aliases look in.
type coreTypeItem struct {
	def   *binary.CoreType
	scope *scope
}

// coreItem is one entry of a core index space: an export of a core instance, or a trampoline.
type coreItem struct {
	item  CoreItem
	tramp int // HostSource item.Module: which trampoline
}

// coreInst is a core instance: a module's, or a bundle of items under names.
type coreInst struct {
	module int // -1: bundle
	items  map[string]coreItem
}

func (c *coreInst) export(name string) coreItem {
	if c.module >= 0 {
		return coreItem{item: CoreItem{c.module, name}}
	}
	return c.items[name]
}

// scope is the index spaces of one component being instantiated, or of one component or instance type being evaluated.
type scope struct {
	parent   *scope
	names    *binary.Names
	instance int // the component instance; -1 in types
	path     cm.Path
	outer    bool // the outermost component of a part

	coreFuncs, coreTables, coreMems, coreGlobals, coreTags []coreItem
	coreInsts                                              []*coreInst
	coreTypes                                              []coreTypeItem
	mods                                                   []*moduleItem
	funcs                                                  []*funcItem
	types                                                  []typeItem
	comps                                                  []*compItem
	insts                                                  []*instItem
}

// up is the scope count levels out.
func (s *scope) up(count uint32) *scope {
	for ; count > 0; count-- {
		s = s.parent
	}
	return s
}

// at reads an entry of a component-level index space.
func (s *scope) at(x binary.SortIndex) item {
	it := item{sort: x.Sort}
	switch x.Sort {
	case binary.SortFunc:
		it.fn = s.funcs[x.Index]
	case binary.SortInstance:
		it.inst = s.insts[x.Index]
	case binary.SortComponent:
		it.comp = s.comps[x.Index]
	case binary.SortType:
		it.typ = s.types[x.Index]
	case binary.SortCoreModule:
		it.mod = s.mods[x.Index]
	}
	return it
}

// add appends an item to the index space of its sort.
func (s *scope) add(it item) {
	switch it.sort {
	case binary.SortFunc:
		s.funcs = append(s.funcs, it.fn)
	case binary.SortInstance:
		s.insts = append(s.insts, it.inst)
	case binary.SortComponent:
		s.comps = append(s.comps, it.comp)
	case binary.SortType:
		s.types = append(s.types, it.typ)
	case binary.SortCoreModule:
		s.mods = append(s.mods, it.mod)
	}
}

// coreAt reads an entry of a core index space.
func (s *scope) coreAt(sort binary.Sort, i uint32) coreItem { return (*s.coreSpace(sort))[i] }

func (s *scope) coreSpace(sort binary.Sort) *[]coreItem {
	switch sort {
	case binary.SortCoreFunc:
		return &s.coreFuncs
	case binary.SortCoreTable:
		return &s.coreTables
	case binary.SortCoreMemory:
		return &s.coreMems
	case binary.SortCoreGlobal:
		return &s.coreGlobals
	default:
		return &s.coreTags
	}
}
