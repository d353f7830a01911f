package binary

// Opcodes of core types.
const (
	coreFunc    = 0x60
	coreStruct  = 0x5f
	coreArray   = 0x5e
	coreCont    = 0x5d
	coreModule  = 0x50
	coreSub     = 0x50
	coreSubLast = 0x4f
	coreRec     = 0x4e
	coreShared  = 0x65
)

// coreType reads a core:type: one type, or as many as a recursion group holds (Binary.md, Type Definitions). A bare
// 0x50 is a module type; a non-final subtype, which has the same opcode in core WebAssembly, has 0x00 before it.
func (r *reader) coreType() []*CoreType {
	start := r.pos
	b, _ := r.peek()
	if b == coreModule {
		r.pos++
		r.enter("types")
		defer r.leave()
		return []*CoreType{{At: At{start}, Module: r.coreModuleType()}}
	}
	if b == 0x00 {
		r.u8()
		if b, ok := r.peek(); ok && b != coreSub {
			r.badByte(r.pos, b, "core type after a zero byte")
		}
	}
	return r.recType(start)
}

// recType reads a core rectype.
func (r *reader) recType(start int) []*CoreType {
	if b, _ := r.peek(); b == coreRec {
		r.u8()
		var group []*CoreType
		r.vec("types of a recursion group", maxDefs, func() {
			r.spend()
			at := r.pos
			r.subType(at)
			group = append(group, &CoreType{At: At{at}, Other: "gc"})
		})
		return group
	}
	return []*CoreType{r.subType(start)}
}

// subType reads a core subtype. What goes beyond a plain function type of numbers, v128, funcref and externref becomes
// Other.
func (r *reader) subType(start int) *CoreType {
	t := &CoreType{At: At{start}}
	at := r.pos
	b := r.u8()
	if r.ok() && (b == coreSub || b == coreSubLast) {
		r.vec("supertypes", maxFields, func() { r.index() })
		t.Other = "gc"
		at = r.pos
		b = r.u8()
	}
	if r.ok() && b == coreShared {
		t.Other = "shared-everything-threads"
		at = r.pos
		b = r.u8()
	}
	if !r.ok() {
		return t
	}
	switch b {
	case coreFunc:
		f, gc := r.coreFuncType()
		switch {
		case t.Other != "":
		case gc:
			t.Other = "gc"
		default:
			t.Func = f
		}
	case coreStruct:
		r.vec("struct fields", maxFields, r.fieldType)
		t.Other = "gc"
	case coreArray:
		r.fieldType()
		t.Other = "gc"
	case coreCont:
		r.s33()
		t.Other = "stack-switching"
	default:
		r.badByte(at, b, "core type")
	}
	return t
}

// coreFuncType reads a functype after its opcode; gc tells that a reference type of the GC proposal occurs.
func (r *reader) coreFuncType() (f *CoreFuncType, gc bool) {
	f = &CoreFuncType{}
	read := func(to *[]CoreValType) {
		r.vec("core values", maxParams, func() {
			v := r.coreValType()
			gc = gc || !v.Plain()
			*to = append(*to, v)
		})
	}
	read(&f.Params)
	read(&f.Results)
	return f, gc
}

// Plain says whether the type is one of the seven that need no proposal after WebAssembly 2.0.
func (v CoreValType) Plain() bool {
	return v >= 0x7b && v <= 0x7f || v == 0x70 || v == 0x6f
}

// coreValType reads a core valtype. Of a reference type with a heap type only the leading byte is kept.
func (r *reader) coreValType() CoreValType {
	start := r.pos
	b := r.u8()
	switch {
	case b >= 0x7b && b <= 0x7f:
	case b >= 0x68 && b <= 0x75: // abbreviations of nullable references to abstract heap types
	case b == 0x63 || b == 0x64:
		r.heapType()
	case b == coreShared:
		r.u8()
	default:
		r.badByte(start, b, "core value type")
	}
	return CoreValType(b)
}

func (r *reader) heapType() {
	if b, _ := r.peek(); b == coreShared {
		r.u8()
	}
	r.s33()
}

func (r *reader) fieldType() {
	if b, _ := r.peek(); b == 0x78 || b == 0x77 { // packed
		r.u8()
	} else {
		r.coreValType()
	}
	r.flag("field mutability")
}

// coreModuleType reads a core:moduletype after its opcode.
func (r *reader) coreModuleType() *CoreModuleType {
	t := &CoreModuleType{}
	r.vec("declarations", maxDefs, func() {
		r.spend()
		start := r.pos
		b := r.u8()
		if !r.ok() {
			return
		}
		switch b {
		case 0x00:
			i := CoreImport{Module: r.name(), Field: r.name(), Desc: r.coreExternDesc()}
			t.Imports = append(t.Imports, i)
			t.Decls = append(t.Decls, CoreModuleDecl{Import: &i})
		case 0x01:
			if b, _ := r.peek(); b == coreModule {
				r.badByte(r.pos, b, "core type: a module type declares no module types")
				return
			}
			if b, _ := r.peek(); b == 0x00 {
				r.u8()
			}
			for _, ct := range r.recType(r.pos) {
				t.Types = append(t.Types, *ct)
				t.Decls = append(t.Decls, CoreModuleDecl{Type: ct})
			}
		case 0x02:
			a := r.coreAlias()
			t.Types = append(t.Types, CoreType{At: a.At})
			t.Decls = append(t.Decls, CoreModuleDecl{Alias: a})
		case 0x03:
			e := CoreExport{Name: r.name(), Desc: r.coreExternDesc()}
			t.Exports = append(t.Exports, e)
			t.Decls = append(t.Decls, CoreModuleDecl{Export: &e})
		default:
			r.badByte(start, b, "core module type declaration")
		}
	})
	return t
}

// coreAlias reads a core:alias, of which there is one form: an outer type.
func (r *reader) coreAlias() *Alias {
	start := r.pos
	a := &Alias{At: At{start}, Kind: AliasOuter, Sort: SortCoreType}
	if b := r.u8(); r.ok() && b != 0x10 {
		r.badByte(start, b, "outer alias kind: a module type aliases types only")
	}
	at := r.pos
	if b := r.u8(); r.ok() && b != 0x01 {
		r.badByte(at, b, "outer alias target")
	}
	a.Count, a.Index = r.u32(), r.index()
	return a
}

// coreExternDesc reads a core importdesc.
func (r *reader) coreExternDesc() CoreExternDesc {
	start := r.pos
	b := r.u8()
	d := CoreExternDesc{}
	if !r.ok() {
		return d
	}
	switch b {
	case 0x00:
		d.Sort, d.Type = SortCoreFunc, r.index()
	case 0x01:
		d.Sort, d.Val = SortCoreTable, r.coreValType()
		r.limits(&d)
	case 0x02:
		d.Sort = SortCoreMemory
		r.limits(&d)
	case 0x03:
		d.Sort, d.Val = SortCoreGlobal, r.coreValType()
		d.Mutable, d.Shared = r.mutability()
	case 0x04:
		at := r.pos
		if a := r.u8(); r.ok() && a != 0 {
			r.badByte(at, a, "tag attribute")
		}
		d.Sort, d.Type = SortCoreTag, r.index()
	default:
		r.badByte(start, b, "core external kind")
	}
	return d
}

// limits reads core limits: bit 0 is a maximum, bit 1 shared, bit 2 64-bit addresses, bit 3 a page size.
func (r *reader) limits(d *CoreExternDesc) {
	start := r.pos
	f := r.u8()
	if f > 0x0f {
		r.badByte(start, f, "limits flags")
		return
	}
	d.HasMax, d.Shared, d.Is64 = f&1 != 0, f&2 != 0, f&4 != 0
	read := func() uint64 {
		if d.Is64 {
			return r.u64()
		}
		return uint64(r.u32())
	}
	d.Min = read()
	if d.HasMax {
		d.Max = read()
	}
	if f&8 != 0 {
		d.PageSize = 1 + r.u32()
	}
}
