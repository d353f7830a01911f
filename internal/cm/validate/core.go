package validate

import (
	"errors"
	"fmt"
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

// coreTypeDef adds a core type.
func (v *validator) coreTypeDef(s *scope, d *binary.CoreType) error {
	t := coreTypeOf(d)
	if d.Module != nil {
		m, err := v.moduleType(s, d.Pos, d.Module)
		if err != nil {
			return err
		}
		t.module = m
	}
	s.coreTypes = append(s.coreTypes, t)
	return nil
}

func coreTypeOf(d *binary.CoreType) coreType {
	if d.Func != nil {
		return coreType{fn: &coreFunc{params: d.Func.Params, results: d.Func.Results}}
	}
	return coreType{other: Feature(d.Other)}
}

// moduleType validates a core module type, whose type index space begins empty.
func (v *validator) moduleType(s *scope, pos int, d *binary.CoreModuleType) (*module, error) {
	m := &module{}
	var types []coreType
	seen := map[[2]string]bool{}
	for _, c := range d.Decls {
		switch {
		case c.Type != nil:
			types = append(types, coreTypeOf(c.Type))
		case c.Alias != nil:
			t, err := moduleAlias(s, types, c.Alias)
			if err != nil {
				return nil, err
			}
			types = append(types, t)
		case c.Import != nil:
			it, err := itemOf(pos, types, c.Import.Desc)
			if err != nil {
				return nil, err
			}
			if err := m.addImport(pos, seen, coreImport{c.Import.Module, c.Import.Field, it}); err != nil {
				return nil, err
			}
		case c.Export != nil:
			it, err := itemOf(pos, types, c.Export.Desc)
			if err != nil {
				return nil, err
			}
			if err := m.exports.add(pos, c.Export.Name, it); err != nil {
				return nil, err
			}
		}
		if !v.spend(1) {
			return nil, errTooComplex
		}
	}
	return m, nil
}

func moduleAlias(s *scope, own []coreType, a *binary.Alias) (coreType, error) {
	space := own
	if a.Count > 0 {
		out, _ := s.up(a.Count - 1)
		if out == nil {
			return coreType{}, errorf(a.Pos, "invalid outer alias count of %d: fewer components enclose it", a.Count)
		}
		space = out.coreTypes
	}
	t, err := at(a.Pos, space, a.Index, "core type")
	if err == nil && t.module != nil {
		err = errorf(a.Pos, "outer alias of core type %d is of a module type, which a module type cannot hold", a.Index)
	}
	return t, err
}

// itemOf resolves and checks the description of a core import or export.
func itemOf(pos int, types []coreType, d binary.CoreExternDesc) (coreItem, error) {
	it := coreItem{sort: d.Sort, desc: d}
	switch d.Sort {
	case binary.SortCoreFunc, binary.SortCoreTag:
		t, err := at(pos, types, d.Type, "type")
		if err != nil {
			return it, err
		}
		it.fn, it.desc = t.fn, binary.CoreExternDesc{}
		switch {
		case t.other != "":
			it.fn = &coreFunc{other: t.other}
		case t.fn == nil:
			return it, errorf(pos, "core type %d is not a function type", d.Type)
		case d.Sort == binary.SortCoreTag && len(t.fn.results) > 0:
			return it, errorf(pos, "non-empty tag result type: core type %d", d.Type)
		}
	case binary.SortCoreMemory:
		return it, memoryLimits(pos, d)
	case binary.SortCoreTable:
		if d.HasMax && d.Min > d.Max {
			return it, errorf(pos, "size minimum must not be greater than maximum: table of %d to %d elements", d.Min, d.Max)
		}
	}
	return it, nil
}

func memoryLimits(pos int, d binary.CoreExternDesc) error {
	if d.PageSize != 0 {
		return nil // gated; no component can run with it
	}
	most := uint64(1) << 16
	if d.Is64 {
		most = 1 << 48
	}
	if d.Min > most || d.HasMax && d.Max > most {
		return errorf(pos, "memory size must be at most %d pages", most)
	}
	if d.HasMax && d.Min > d.Max {
		return errorf(pos, "size minimum must not be greater than maximum: memory of %d to %d pages", d.Min, d.Max)
	}
	if d.Shared && !d.HasMax {
		return errorf(pos, "shared memory must have maximum size")
	}
	return nil
}

// coreModule reads and types the outside of an embedded module.
func (v *validator) coreModule(d *binary.CoreModule) (*module, error) {
	b, err := binary.DecodeModule(d.Bytes, d.Pos)
	if err != nil {
		var e *binary.Error
		if errors.As(err, &e) && e.Section != "" {
			return nil, errorf(e.Offset, "in section %s: %s", e.Section, e.Msg)
		}
		return nil, errorf(d.Pos, "core module: %s", err)
	}
	v.spend(len(b.Types) + len(b.Imports) + len(b.Exports) + len(b.Funcs))
	types := make([]coreType, len(b.Types))
	for i, t := range b.Types {
		types[i] = coreTypeOf(t)
	}
	m := &module{}
	seen := map[[2]string]bool{}
	for _, im := range b.Imports {
		it, err := itemOf(d.Pos, types, im.Desc)
		if err != nil {
			return nil, err
		}
		if err := m.addImport(d.Pos, seen, coreImport{im.Module, im.Field, it}); err != nil {
			return nil, err
		}
	}
	for _, e := range b.Exports {
		desc := binary.CoreExternDesc{Sort: binary.SortCoreFunc}
		var err error
		switch e.Sort {
		case binary.SortCoreFunc:
			desc.Type, err = at(d.Pos, b.Funcs, e.Index, "function")
		case binary.SortCoreTable:
			desc, err = at(d.Pos, b.Tables, e.Index, "table")
		case binary.SortCoreMemory:
			desc, err = at(d.Pos, b.Memories, e.Index, "memory")
		case binary.SortCoreGlobal:
			desc, err = at(d.Pos, b.Globals, e.Index, "global")
		default:
			desc, err = at(d.Pos, b.Tags, e.Index, "tag")
		}
		if err != nil {
			return nil, err
		}
		it, err := itemOf(d.Pos, types, desc)
		if err != nil {
			return nil, err
		}
		if err := m.exports.add(d.Pos, e.Name, it); err != nil {
			return nil, err
		}
	}
	return m, nil
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

// coreSubtype is core WebAssembly's matching of external types.
func coreSubtype(have, want coreItem) error {
	if have.sort != want.sort {
		return fmt.Errorf("expected %s, found %s", want.sort, have.sort)
	}
	h, w := have.desc, want.desc
	switch want.sort {
	case binary.SortCoreFunc, binary.SortCoreTag:
		if f := want.fn.other + have.fn.other; f != "" {
			return fmt.Errorf("feature %q is not supported: functions of such types cannot be linked", f)
		}
		if !have.fn.is(want.fn.params, want.fn.results) {
			return fmt.Errorf("expected: (func) of type %s, found: (func) of type %s", want.fn, have.fn)
		}
	case binary.SortCoreGlobal:
		switch {
		case !h.Val.Plain() || !w.Val.Plain():
			return fmt.Errorf("feature %q is not supported: globals of such types cannot be linked", GC)
		case h.Mutable != w.Mutable || h.Shared != w.Shared:
			return fmt.Errorf("global types differ in mutability")
		case h.Val != w.Val:
			return fmt.Errorf("expected global type %s, found %s", coreValName(w.Val), coreValName(h.Val))
		}
	case binary.SortCoreTable:
		switch {
		case !h.Val.Plain() || !w.Val.Plain():
			return fmt.Errorf("feature %q is not supported: tables of such types cannot be linked", GC)
		case h.Val != w.Val:
			return fmt.Errorf("expected table element type %s, found %s", coreValName(w.Val), coreValName(h.Val))
		case h.Is64 != w.Is64 || h.Shared != w.Shared || !limitsMatch(h, w):
			return fmt.Errorf("mismatch in table limits")
		}
	case binary.SortCoreMemory:
		switch {
		case h.Shared != w.Shared:
			return fmt.Errorf("mismatch in the shared flag for memories")
		case h.Is64 != w.Is64:
			return fmt.Errorf("mismatch in index type used for memories")
		case h.PageSize != w.PageSize || !limitsMatch(h, w):
			return fmt.Errorf("mismatch in memory limits")
		}
	}
	return nil
}

func limitsMatch(h, w binary.CoreExternDesc) bool {
	return h.Min >= w.Min && (!w.HasMax || h.HasMax && h.Max <= w.Max)
}

// moduleSubtype: have may import less and export more.
func moduleSubtype(have, want *module) error {
	if have == want {
		return nil
	}
	given := make(map[[2]string]coreItem, len(want.imports))
	for _, im := range want.imports {
		given[[2]string{im.module, im.field}] = im.item
	}
	for _, im := range have.imports {
		g, ok := given[[2]string{im.module, im.field}]
		if !ok {
			return fmt.Errorf("missing expected import `%s::%s`", im.module, im.field)
		}
		if err := coreSubtype(g, im.item); err != nil {
			return fmt.Errorf("type mismatch in import `%s::%s`: %w", im.module, im.field, err)
		}
	}
	for _, name := range want.exports.list {
		h, ok := have.exports.items[name]
		if !ok {
			return fmt.Errorf("missing expected export `%s`", name)
		}
		if err := coreSubtype(h, want.exports.items[name]); err != nil {
			return fmt.Errorf("type mismatch in export `%s`: %w", name, err)
		}
	}
	return nil
}
