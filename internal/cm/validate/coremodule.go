package validate

import (
	"errors"
	"fmt"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

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

// coreModule reads the imports and exports of an embedded module and makes its type.
func (v *validator) coreModule(d *binary.CoreModule) (*module, error) {
	b, err := binary.DecodeModule(d.Bytes, d.Pos)
	if err != nil {
		var e *binary.Error
		if errors.As(err, &e) && e.Section != "" {
			refused := &Error{Offset: e.Offset, Msg: binary.Printable(fmt.Sprintf("in section %s: %s", e.Section, e.Msg))}
			refused.classify(e)
			return nil, refused
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
