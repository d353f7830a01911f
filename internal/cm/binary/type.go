package binary

// typeDef reads a type (Binary.md, Type Definitions).
func (r *reader) typeDef() *TypeDef {
	start := r.pos
	t := &TypeDef{At: At{start}}
	b := r.u8()
	if !r.ok() {
		return t
	}
	r.enter("types")
	defer r.leave()
	switch b {
	case 0x3f:
		t.Resource = r.resource()
	case 0x40, 0x43:
		t.Func = r.funcDef(b == 0x43)
	case 0x41:
		t.Component = r.declType(true)
	case 0x42:
		t.Instance = r.declType(false)
	default:
		t.Val = r.valDef(start, b)
	}
	return t
}

// prim is the primitive type of an opcode, or 0.
func prim(b byte) Prim {
	if b >= 0x73 && b <= 0x7f {
		return [...]Prim{
			PrimString, PrimChar, PrimF64, PrimF32, PrimU64, PrimS64, PrimU32, PrimS32, PrimU16, PrimS16, PrimU8, PrimS8, PrimBool,
		}[b-0x73]
	}
	if b == 0x64 {
		return PrimErrorContext
	}
	return 0
}

// valRef reads a valtype.
func (r *reader) valRef() ValRef {
	start := r.pos
	if b, ok := r.peek(); ok && b >= 0x40 && b < 0x80 {
		r.pos++
		p := prim(b)
		if p == 0 {
			r.badByte(start, b, "component value type")
		}
		return ValRef{Prim: p}
	}
	v := r.s33()
	if v < 0 || v > maxIndex {
		r.malformed(start, "type index %d out of bounds: no index space is that large", v)
		return ValRef{}
	}
	return ValRef{Index: uint32(v)}
}

func (r *reader) valPtr() *ValRef {
	v := r.valRef()
	return &v
}

// optVal reads an optional valtype.
func (r *reader) optVal(what string) *ValRef {
	start := r.pos
	switch b := r.u8(); b {
	case 0x00:
		return nil
	case 0x01:
		return r.valPtr()
	default:
		r.badByte(start, b, "optional type of "+what)
		return nil
	}
}

func (r *reader) valDef(start int, b byte) *ValDef {
	if p := prim(b); p != 0 {
		return &ValDef{Kind: DefPrim, Prim: p}
	}
	d := &ValDef{}
	switch b {
	case 0x72:
		d.Kind = DefRecord
		r.vec("record fields", maxFields, func() { d.Fields = append(d.Fields, Field{r.name(), r.valPtr()}) })
	case 0x71:
		d.Kind = DefVariant
		r.vec("variant cases", maxFields, func() {
			d.Fields = append(d.Fields, Field{r.name(), r.optVal("a variant case")})
			at := r.pos
			if z := r.u8(); z != 0 {
				r.badByte(at, z, "zero byte required after a variant case")
			}
		})
	case 0x70:
		d.Kind, d.Elem = DefList, r.valPtr()
	case 0x67:
		d.Kind, d.Elem, d.HasLen = DefList, r.valPtr(), true
		d.Len = r.u32()
	case 0x6f:
		d.Kind = DefTuple
		r.vec("tuple elements", maxFields, func() { d.Fields = append(d.Fields, Field{Type: r.valPtr()}) })
	case 0x6e:
		d.Kind = DefFlags
		r.vec("flags", maxFlags, func() { d.Labels = append(d.Labels, r.name()) })
	case 0x6d:
		d.Kind = DefEnum
		r.vec("enum labels", maxFields, func() { d.Labels = append(d.Labels, r.name()) })
	case 0x6b:
		d.Kind, d.Elem = DefOption, r.valPtr()
	case 0x6a:
		d.Kind = DefResult
		d.OK = r.optVal("a result")
		d.Err = r.optVal("a result")
	case 0x69:
		d.Kind, d.Resource = DefOwn, r.index()
	case 0x68:
		d.Kind, d.Resource = DefBorrow, r.index()
	case 0x66:
		d.Kind, d.Elem = DefStream, r.optVal("a stream")
	case 0x65:
		d.Kind, d.Elem = DefFuture, r.optVal("a future")
	case 0x63:
		d.Kind = DefMap
		d.Key = r.valPtr()
		d.Elem = r.valPtr()
	default:
		r.badByte(start, b, "component defined type")
	}
	return d
}

func (r *reader) funcDef(async bool) *FuncDef {
	f := &FuncDef{Async: async}
	r.vec("parameters", maxParams, func() { f.Params = append(f.Params, Field{r.name(), r.valPtr()}) })
	f.Result = r.resultList()
	return f
}

// resultList reads a resultlist: one unnamed result, or none.
func (r *reader) resultList() *ValRef {
	start := r.pos
	switch b := r.u8(); b {
	case 0x00:
		return r.valPtr()
	case 0x01:
		at := r.pos
		if z := r.u8(); z != 0 {
			r.badByte(at, z, "number of results: named results are no longer part of the format")
		}
	default:
		r.badByte(start, b, "component function results")
	}
	return nil
}

func (r *reader) resource() *ResourceDef {
	d := &ResourceDef{Dtor: -1, Callback: -1}
	at := r.pos
	switch rep := r.u8(); rep {
	case 0x7f, 0x7e:
		d.Rep = CoreValType(rep)
	default:
		r.badByte(at, rep, "the representation of a resource type")
	}
	at = r.pos
	switch b := r.u8(); b {
	case 0x00:
	case 0x01:
		d.Dtor = int(r.index())
	default:
		r.badByte(at, b, "optional destructor of a resource type")
	}
	return d
}

func (r *reader) declType(component bool) *DeclType {
	t := &DeclType{}
	r.vec("declarations", maxDefs, func() {
		r.spend()
		start := r.pos
		d := Decl{Pos: start}
		switch b := r.u8(); {
		case b == 0x00:
			for _, ct := range r.coreType() {
				t.Decls = append(t.Decls, Decl{Pos: start, CoreType: ct})
			}
			return
		case b == 0x01:
			d.Type = r.typeDef()
		case b == 0x02:
			d.Alias = r.alias()
		case b == 0x03 && component:
			d.Import = r.importDef()
		case b == 0x04:
			d.Export = &ExportDecl{Name: r.externName(), Desc: r.externDesc()}
		default:
			r.badByte(start, b, "component or instance type declaration")
		}
		t.Decls = append(t.Decls, d)
	})
	return t
}
