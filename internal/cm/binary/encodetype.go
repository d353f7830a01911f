package binary

import "encoding/binary"

func (w *writer) typeDef(t *TypeDef) {
	switch {
	case t.Val != nil:
		w.valDef(t.Val)
	case t.Func != nil:
		w.u8(0x40)
		if t.Func.Async {
			w.b[len(w.b)-1] = 0x43
		}
		vector(w, t.Func.Params, func(f Field) { w.name(f.Name); w.valRef(f.Type) })
		w.result(t.Func.Result)
	case t.Component != nil:
		w.u8(0x41)
		w.decls(t.Component)
	case t.Instance != nil:
		w.u8(0x42)
		w.decls(t.Instance)
	case t.Resource != nil && t.Resource.Async:
		w.fail("a resource with an asynchronous destructor cannot be written")
	case t.Resource != nil:
		w.u8(0x3f, byte(t.Resource.Rep))
		if t.Resource.Dtor < 0 {
			w.u8(0)
			return
		}
		w.u8(1)
		w.u32(uint32(t.Resource.Dtor))
	default:
		w.fail("an empty type cannot be written")
	}
}

// primBytes are the opcodes of primitive types by what prim makes of them.
var primBytes = func() (all [PrimErrorContext + 1]byte) {
	for b := range 0x80 {
		if p := prim(byte(b)); p != 0 {
			all[p] = byte(b)
		}
	}
	return all
}()

func (w *writer) valRef(v *ValRef) {
	if v.Prim != 0 {
		w.u8(primBytes[v.Prim])
		return
	}
	// A type index is a signed number of 33 bits, so that no index looks like a primitive.
	n := v.Index
	for n >= 0x40 {
		w.u8(byte(n)&0x7f | 0x80)
		n >>= 7
	}
	w.u8(byte(n))
}

func (w *writer) optVal(v *ValRef) {
	if v == nil {
		w.u8(0)
		return
	}
	w.u8(1)
	w.valRef(v)
}

func (w *writer) result(v *ValRef) {
	if v == nil {
		w.u8(1, 0)
		return
	}
	w.u8(0)
	w.valRef(v)
}

func (w *writer) valDef(d *ValDef) {
	switch d.Kind {
	case DefPrim:
		w.u8(primBytes[d.Prim])
	case DefRecord:
		w.u8(0x72)
		vector(w, d.Fields, func(f Field) { w.name(f.Name); w.valRef(f.Type) })
	case DefVariant:
		w.u8(0x71)
		vector(w, d.Fields, func(f Field) { w.name(f.Name); w.optVal(f.Type); w.u8(0) })
	case DefList:
		if d.HasLen {
			w.u8(0x67)
			w.valRef(d.Elem)
			w.u32(d.Len)
			return
		}
		w.u8(0x70)
		w.valRef(d.Elem)
	case DefTuple:
		w.u8(0x6f)
		vector(w, d.Fields, func(f Field) { w.valRef(f.Type) })
	case DefFlags:
		w.u8(0x6e)
		vector(w, d.Labels, w.name)
	case DefEnum:
		w.u8(0x6d)
		vector(w, d.Labels, w.name)
	case DefOption:
		w.u8(0x6b)
		w.valRef(d.Elem)
	case DefResult:
		w.u8(0x6a)
		w.optVal(d.OK)
		w.optVal(d.Err)
	case DefOwn:
		w.u8(0x69)
		w.u32(d.Resource)
	case DefBorrow:
		w.u8(0x68)
		w.u32(d.Resource)
	case DefStream:
		w.u8(0x66)
		w.optVal(d.Elem)
	case DefFuture:
		w.u8(0x65)
		w.optVal(d.Elem)
	case DefMap:
		w.u8(0x63)
		w.valRef(d.Key)
		w.valRef(d.Elem)
	default:
		w.fail("a value type of no kind cannot be written")
	}
}

func (w *writer) decls(t *DeclType) {
	vector(w, t.Decls, func(d Decl) {
		switch {
		case d.CoreType != nil:
			w.u8(0)
			w.coreType(d.CoreType)
		case d.Type != nil:
			w.u8(1)
			w.typeDef(d.Type)
		case d.Alias != nil:
			w.u8(2)
			w.alias(d.Alias)
		case d.Import != nil:
			w.u8(3)
			w.importDef(d.Import)
		case d.Export != nil:
			w.u8(4)
			w.externName(d.Export.Name)
			w.externDesc(d.Export.Desc)
		default:
			w.fail("an empty declaration cannot be written")
		}
	})
}

func (w *writer) coreType(t *CoreType) {
	switch {
	case t.Func != nil:
		w.u8(coreFunc)
		for _, list := range [][]CoreValType{t.Func.Params, t.Func.Results} {
			vector(w, list, func(v CoreValType) { w.u8(byte(v)) })
		}
	case t.Module != nil:
		w.u8(coreModule)
		vector(w, t.Module.Decls, w.coreModuleDecl)
	default:
		w.fail("a core type of the feature %q cannot be written", t.Other)
	}
}

func (w *writer) coreModuleDecl(d CoreModuleDecl) {
	switch {
	case d.Import != nil:
		w.u8(0)
		w.name(d.Import.Module)
		w.name(d.Import.Field)
		w.coreExternDesc(d.Import.Desc)
	case d.Type != nil:
		w.u8(1)
		w.coreType(d.Type)
	case d.Alias != nil:
		w.u8(2, 0x10, 0x01)
		w.u32(d.Alias.Count)
		w.u32(d.Alias.Index)
	case d.Export != nil:
		w.u8(3)
		w.name(d.Export.Name)
		w.coreExternDesc(d.Export.Desc)
	default:
		w.fail("an empty declaration of a core module type cannot be written")
	}
}

func (w *writer) coreExternDesc(d CoreExternDesc) {
	w.coreSort(d.Sort)
	switch d.Sort {
	case SortCoreFunc:
		w.u32(d.Type)
	case SortCoreTable:
		w.u8(byte(d.Val))
		w.limits(d)
	case SortCoreMemory:
		w.limits(d)
	case SortCoreGlobal:
		w.u8(byte(d.Val))
		w.flag(d.Mutable)
		if d.Shared {
			w.b[len(w.b)-1] |= 2
		}
	case SortCoreTag:
		w.u8(0)
		w.u32(d.Type)
	}
}

func (w *writer) limits(d CoreExternDesc) {
	flags := byte(0)
	for i, set := range []bool{d.HasMax, d.Shared, d.Is64, d.PageSize > 0} {
		if set {
			flags |= 1 << i
		}
	}
	w.u8(flags)
	w.b = binary.AppendUvarint(w.b, d.Min)
	if d.HasMax {
		w.b = binary.AppendUvarint(w.b, d.Max)
	}
	if d.PageSize > 0 {
		w.u32(d.PageSize - 1)
	}
}
