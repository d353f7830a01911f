package plan

import (
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/wit"
)

// importModule evaluates the type of a core module that the host has to give, and asks for it.
func (p *planner) importModule(s *scope, index uint32, id wit.InterfaceID, name string) ImportModule {
	m := ImportModule{Name: name}
	if p.hostModules != nil {
		m.Bytes = p.hostModules(id, name)
	}
	t := s.coreTypes[index]
	var types []binary.CoreFuncType // of the module type's own index space
	add := func(c *binary.CoreType) {
		var f binary.CoreFuncType
		if c.Func != nil {
			f = *c.Func
		}
		types = append(types, f)
	}
	extern := func(module, name string, d binary.CoreExternDesc) CoreExtern {
		x := CoreExtern{Module: module, Name: name, Desc: d}
		if d.Sort == binary.SortCoreFunc || d.Sort == binary.SortCoreTag {
			x.Func = types[d.Type]
		}
		return x
	}
	for i := range t.def.Module.Decls {
		switch d := &t.def.Module.Decls[i]; {
		case d.Type != nil:
			add(d.Type)
		case d.Alias != nil && d.Alias.Count == 0:
			types = append(types, types[d.Alias.Index])
		case d.Alias != nil: // count 1 is the scope that the module type stands in
			add(t.scope.up(d.Alias.Count - 1).coreTypes[d.Alias.Index].def)
		case d.Import != nil:
			m.Imports = append(m.Imports, extern(d.Import.Module, d.Import.Field, d.Import.Desc))
		case d.Export != nil:
			m.Exports = append(m.Exports, extern("", d.Export.Name, d.Export.Desc))
		}
	}
	return m
}
