package plan

import (
	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/wit"
)

// primKinds maps primitive types to kinds.
var primKinds = map[binary.Prim]cm.Kind{
	binary.PrimBool: cm.KindBool, binary.PrimS8: cm.KindS8, binary.PrimU8: cm.KindU8, binary.PrimS16: cm.KindS16,
	binary.PrimU16: cm.KindU16, binary.PrimS32: cm.KindS32, binary.PrimU32: cm.KindU32, binary.PrimS64: cm.KindS64,
	binary.PrimU64: cm.KindU64, binary.PrimF32: cm.KindF32, binary.PrimF64: cm.KindF64, binary.PrimChar: cm.KindChar,
	binary.PrimString: cm.KindString, binary.PrimErrorContext: cm.KindErrorContext,
}

// prim makes the type of a primitive.
func (p *planner) prim(k binary.Prim) *cm.Type { return p.types.Intern(&cm.Type{Kind: primKinds[k]}) }

// ref evaluates a value type where it is used.
func (p *planner) ref(s *scope, r *binary.ValRef) *cm.Type {
	if r == nil {
		return nil
	}
	if r.Prim != 0 {
		return p.prim(r.Prim)
	}
	return s.types[r.Index].val
}

// typeDef evaluates a type definition in a scope. The same definition evaluated for two instantiations gives different
// types where resource types are involved: that keeps resource types apart without substitution.
func (p *planner) typeDef(s *scope, d *binary.TypeDef) typeItem {
	switch {
	case d.Val != nil:
		return typeItem{val: p.types.Intern(p.valDef(s, d.Val))}
	case d.Func != nil:
		return typeItem{fn: p.funcDef(s, d.Func)}
	case d.Component != nil:
		return typeItem{decl: d.Component, scope: s}
	case d.Instance != nil:
		return typeItem{decl: d.Instance, scope: s}
	default:
		dtor := -1
		if d.Resource.Dtor >= 0 {
			dtor = p.coreFunc(s.coreFuncs[d.Resource.Dtor])
		}
		return typeItem{res: p.resource(Resource{Instance: s.instance, Dtor: dtor})}
	}
}

// resource adds a resource type to the program.
func (p *planner) resource(r Resource) *cm.ResourceType {
	r.Type = &cm.ResourceType{Slot: len(p.Resources)}
	p.Resources = append(p.Resources, r)
	return r.Type
}

func (p *planner) funcDef(s *scope, d *binary.FuncDef) *cm.FuncType {
	return &cm.FuncType{Params: p.fields(s, d.Params), Result: p.ref(s, d.Result), Async: d.Async}
}

func (p *planner) fields(s *scope, fs []binary.Field) []cm.Field {
	out := make([]cm.Field, len(fs))
	for i, f := range fs {
		out[i] = cm.Field{Name: f.Name, Type: p.ref(s, f.Type)}
	}
	return out
}

func (p *planner) valDef(s *scope, d *binary.ValDef) *cm.Type {
	switch d.Kind {
	case binary.DefPrim:
		return p.prim(d.Prim)
	case binary.DefRecord:
		return &cm.Type{Kind: cm.KindRecord, Fields: p.fields(s, d.Fields)}
	case binary.DefTuple:
		return &cm.Type{Kind: cm.KindTuple, Fields: p.fields(s, d.Fields)}
	case binary.DefVariant:
		t := &cm.Type{Kind: cm.KindVariant}
		for _, f := range p.fields(s, d.Fields) {
			t.Cases = append(t.Cases, cm.Case(f))
		}
		return t
	case binary.DefList:
		return &cm.Type{Kind: cm.KindList, Elem: p.ref(s, d.Elem), Len: d.Len}
	case binary.DefMap:
		return &cm.Type{Kind: cm.KindMap, Key: p.ref(s, d.Key), Elem: p.ref(s, d.Elem)}
	case binary.DefFlags:
		return &cm.Type{Kind: cm.KindFlags, Labels: d.Labels}
	case binary.DefEnum:
		return &cm.Type{Kind: cm.KindEnum, Labels: d.Labels}
	case binary.DefOption:
		return &cm.Type{Kind: cm.KindOption, Elem: p.ref(s, d.Elem)}
	case binary.DefResult:
		return &cm.Type{Kind: cm.KindResult, OK: p.ref(s, d.OK), Err: p.ref(s, d.Err)}
	case binary.DefOwn:
		return &cm.Type{Kind: cm.KindOwn, Resource: s.types[d.Resource].res}
	case binary.DefBorrow:
		return &cm.Type{Kind: cm.KindBorrow, Resource: s.types[d.Resource].res}
	case binary.DefStream:
		return &cm.Type{Kind: cm.KindStream, Elem: p.ref(s, d.Elem)}
	default: // binary.DefFuture
		return &cm.Type{Kind: cm.KindFuture, Elem: p.ref(s, d.Elem)}
	}
}

// importInstance evaluates the instance type of an import of the outermost component: what the host has to serve. Each
// (sub resource) in it is a resource type of the host.
func (p *planner) importInstance(t typeItem, name string, id wit.InterfaceID, importer cm.Path) *instItem {
	at := len(p.Imports)
	p.Imports = append(p.Imports, Import{Name: name, ID: id, Importer: importer})
	out := newInst()
	out.id = id
	s := &scope{parent: t.scope, instance: -1}
	for i := range t.decl.Decls {
		d := &t.decl.Decls[i]
		switch {
		case d.CoreType != nil:
			s.coreTypes = append(s.coreTypes, coreTypeItem{d.CoreType, s})
		case d.Type != nil:
			s.types = append(s.types, p.typeDef(s, d.Type))
		case d.Alias != nil:
			p.declAlias(s, d.Alias)
		case d.Export != nil:
			it := p.importExport(s, at, d.Export)
			s.add(it)
			out.add(d.Export.Name.Name, it)
		}
	}
	return out
}

// declAlias adds the target of an alias inside an instance type.
func (p *planner) declAlias(s *scope, a *binary.Alias) {
	switch a.Kind {
	case binary.AliasOuter:
		from := s.up(a.Count)
		if a.Sort == binary.SortCoreType {
			s.coreTypes = append(s.coreTypes, from.coreTypes[a.Index])
			return
		}
		s.add(from.at(binary.SortIndex{Sort: a.Sort, Index: a.Index}))
	case binary.AliasExport:
		s.add(s.insts[a.Instance].items[a.Name])
	}
}

// importExport evaluates one export of an imported instance's type.
func (p *planner) importExport(s *scope, at int, e *binary.ExportDecl) item {
	name, d := e.Name.Name, e.Desc
	it := item{sort: d.Sort}
	im := &p.Imports[at]
	switch d.Sort {
	case binary.SortFunc:
		ft := s.types[d.Index].fn
		it.fn = &funcItem{typ: ft, lift: -1, remote: true, imp: ImportRef{at, len(im.Funcs)}, iface: im.ID, name: name}
		im.Funcs = append(im.Funcs, ImportFunc{Name: name, Type: ft})
	case binary.SortType:
		if !d.Sub {
			it.typ = p.named(s.types[d.Index], name, im.ID)
			if rt := it.typ.res; rt != nil {
				im.Same = append(im.Same, ImportResource{Name: name, Slot: rt.Slot})
			}
			break
		}
		rt := p.resource(Resource{Imported: true, Import: im.Name, Instance: -1, Dtor: -1})
		rt.Name, rt.Interface = name, im.ID
		it.typ = typeItem{res: rt}
		im.Resources = append(im.Resources, ImportResource{Name: name, Slot: rt.Slot})
	case binary.SortInstance:
		// A nested instance is one more import, under the path of its names.
		it.inst = p.importInstance(s.types[d.Index], im.Name+"."+name, wit.InterfaceID{Interface: im.ID.Interface + "." + name}, im.Importer)
	case binary.SortCoreModule:
		m := p.importModule(s, d.Index, im.ID, name)
		it.mod = &moduleItem{m.Bytes, name}
		im.Modules = append(im.Modules, m)
	case binary.SortComponent:
		p.Imports[at].Other = "component"
		it.comp = &compItem{scope: s, name: name}
	case binary.SortValue:
		p.Imports[at].Other = "value"
	}
	return it
}

// named gives a type the first name that it is exported or imported under.
func (p *planner) named(t typeItem, name string, id wit.InterfaceID) typeItem {
	switch {
	case t.res != nil && t.res.Name == "":
		t.res.Name, t.res.Interface = name, id
	case t.val != nil && t.val.Name == "" && t.val.Kind >= cm.KindRecord:
		c := *t.val
		c.Name = name
		t.val = &c
	}
	return t
}
