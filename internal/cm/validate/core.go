package validate

import (
	"slices"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// coreFunc is a core function type; other names a gated feature that the type needs and whose content is not kept.
type coreFunc struct {
	params, results []binary.CoreValType
	other           Feature
}

func (f *coreFunc) String() string {
	if f.other != "" {
		return "of " + string(f.other)
	}
	return show(f.params) + " -> " + show(f.results)
}

// is compares with a signature.
func (f *coreFunc) is(params, results []binary.CoreValType) bool {
	return f.other == "" && slices.Equal(f.params, params) && slices.Equal(f.results, results)
}

// coreType is an entry of a core type index space: fn or module is set, and neither for a type of a gated feature,
// which may be defined but not used.
type coreType struct {
	fn     *coreFunc
	module *module
	other  Feature
}

// coreItem is what a core import or export is. fn is set for functions and tags, desc for the rest.
type coreItem struct {
	sort binary.Sort
	fn   *coreFunc
	desc binary.CoreExternDesc
}

type coreImport struct {
	module, field string
	item          coreItem
}

// module is the type of a core module.
type module struct {
	imports []coreImport
	exports coreInst
}

func (m *module) size() int { return len(m.imports) + len(m.exports.list) }

// coreInst is the type of a core instance: its exports by name.
type coreInst struct {
	list  []string
	items map[string]coreItem
}

func (i *coreInst) add(pos int, name string, it coreItem) error {
	if _, ok := i.items[name]; ok {
		return errorf(pos, "export name `%s` already defined", name)
	}
	if i.items == nil {
		i.items = map[string]coreItem{}
	}
	i.list = append(i.list, name)
	i.items[name] = it
	return nil
}

func (m *module) addImport(pos int, seen map[[2]string]bool, im coreImport) error {
	key := [2]string{im.module, im.field}
	if seen[key] {
		return errorf(pos, "duplicate import name `%s:%s`", im.module, im.field)
	}
	seen[key] = true
	m.imports = append(m.imports, im)
	return nil
}

// coreInstance adds a core instance.
func (v *validator) coreInstance(s *scope, d *binary.CoreInstance) error {
	if d.Module < 0 {
		i := &coreInst{}
		for _, e := range d.Exports {
			it, err := s.coreItemAt(d.Pos, e.SortIndex)
			if err != nil {
				return err
			}
			if err := i.add(d.Pos, e.Name, it); err != nil {
				return err
			}
		}
		s.coreInsts = append(s.coreInsts, i)
		return nil
	}
	m, err := at(d.Pos, s.modules, uint32(d.Module), "module")
	if err != nil {
		return err
	}
	args := make(map[string]*coreInst, len(d.Args))
	for _, a := range d.Args {
		if args[a.Name] != nil {
			return errorf(d.Pos, "duplicate module instantiation argument named `%s`", a.Name)
		}
		if args[a.Name], err = at(d.Pos, s.coreInsts, a.Instance, "core instance"); err != nil {
			return err
		}
	}
	for _, im := range m.imports {
		from := args[im.module]
		if from == nil {
			return errorf(d.Pos, "missing module instantiation argument named `%s`", im.module)
		}
		have, ok := from.items[im.field]
		if !ok {
			return errorf(d.Pos, "module instantiation argument `%s` does not export an item named `%s`", im.module, im.field)
		}
		if err := coreSubtype(have, im.item); err != nil {
			return errorf(d.Pos, "type mismatch for export `%s` of module instantiation argument `%s`: %s", im.field, im.module, err)
		}
		if !v.spend(1) {
			return errTooComplex
		}
	}
	s.coreInsts = append(s.coreInsts, &m.exports)
	return s.weigh(d.Pos, 1)
}

func (s *scope) coreItemAt(pos int, si binary.SortIndex) (it coreItem, err error) {
	it.sort = si.Sort
	switch si.Sort {
	case binary.SortCoreFunc:
		it.fn, err = at(pos, s.coreFuncs, si.Index, "function")
	case binary.SortCoreTable:
		it.desc, err = at(pos, s.coreTables, si.Index, "table")
	case binary.SortCoreMemory:
		it.desc, err = at(pos, s.coreMems, si.Index, "memory")
	case binary.SortCoreGlobal:
		it.desc, err = at(pos, s.coreGlobals, si.Index, "global")
	case binary.SortCoreTag:
		it.fn, err = at(pos, s.coreTags, si.Index, "tag")
	default:
		err = errorf(pos, "a core instance does not export a %s", si.Sort)
	}
	return it, err
}

// coreAlias adds an export of a core instance to the index space of its sort.
func (s *scope) coreAlias(a *binary.Alias) error {
	i, err := at(a.Pos, s.coreInsts, a.Instance, "core instance")
	if err != nil {
		return err
	}
	it, ok := i.items[a.Name]
	if !ok {
		return errorf(a.Pos, "core instance %d has no export named `%s`", a.Instance, a.Name)
	}
	if it.sort != a.Sort {
		return errorf(a.Pos, "export `%s` for core instance %d is not a %s: it is a %s", a.Name, a.Instance, a.Sort, it.sort)
	}
	switch a.Sort {
	case binary.SortCoreFunc:
		s.coreFuncs = append(s.coreFuncs, it.fn)
	case binary.SortCoreTable:
		s.coreTables = append(s.coreTables, it.desc)
	case binary.SortCoreMemory:
		s.coreMems = append(s.coreMems, it.desc)
	case binary.SortCoreGlobal:
		s.coreGlobals = append(s.coreGlobals, it.desc)
	default:
		s.coreTags = append(s.coreTags, it.fn)
	}
	return nil
}
