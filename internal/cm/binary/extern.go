package binary

// externName reads a name of an import or export with its attributes (Binary.md, Import and Export Definitions).
func (r *reader) externName() Name {
	start := r.pos
	b := r.u8()
	n := Name{Name: r.name()}
	switch b {
	case 0x00, 0x01:
		return n
	case 0x02:
	default:
		r.badByte(start, b, "component name")
		return n
	}
	var seen [3]bool
	r.vec("name attributes", maxOpts, func() {
		at := r.pos
		k := r.u8()
		if !r.ok() {
			return
		}
		if int(k) >= len(seen) {
			r.badByte(at, k, "name option")
			return
		}
		text := r.name()
		what := [...]string{"implements", "versionsuffix", "external-id"}[k]
		if seen[k] {
			r.malformed(at, "duplicate '%s' option in name", what)
		}
		seen[k] = true
		switch k {
		case 0:
			n.Implements = text
		case 1:
			n.VersionSuffix = text
		case 2:
			n.ExternalID = text
		}
		if k < 2 && text == "" {
			r.malformed(at, "the '%s' option of name %q is empty: not a valid name", what, n.Name)
		}
	})
	return n
}

// externDesc reads an externdesc.
func (r *reader) externDesc() ExternDesc {
	start := r.pos
	b := r.u8()
	switch b {
	case 0x00:
		at := r.pos
		if m := r.u8(); r.ok() && m != 0x11 {
			r.badByte(at, m, "component external kind: of core definitions only modules are imported and exported")
		}
		return ExternDesc{Sort: SortCoreModule, Index: r.index()}
	case 0x01:
		return ExternDesc{Sort: SortFunc, Index: r.index()}
	case 0x02:
		d := ExternDesc{Sort: SortValue}
		at := r.pos
		if b, ok := r.peek(); ok && prim(b) != 0 { // an encoding that tools still make: the type without a bound
			d.Val = r.valRef()
			return d
		}
		switch k := r.u8(); k {
		case 0x00:
			d.EqValue, d.Index = true, r.index()
		case 0x01:
			d.Val = r.valRef()
		default:
			r.badByte(at, k, "value bound")
		}
		return d
	case 0x03:
		d := ExternDesc{Sort: SortType}
		at := r.pos
		switch k := r.u8(); k {
		case 0x00:
			d.Index = r.index()
		case 0x01:
			d.Sub = true
		default:
			r.badByte(at, k, "type bound")
		}
		return d
	case 0x04:
		return ExternDesc{Sort: SortComponent, Index: r.index()}
	case 0x05:
		return ExternDesc{Sort: SortInstance, Index: r.index()}
	}
	r.badByte(start, b, "component external kind")
	return ExternDesc{}
}

func (r *reader) importDef() *Import {
	return &Import{At: At{r.pos}, Name: r.externName(), Desc: r.externDesc()}
}

func (r *reader) export() *Export {
	e := &Export{At: At{r.pos}, Name: r.externName(), SortIndex: r.sortIndex("an export")}
	at := r.pos
	switch b := r.u8(); b {
	case 0x00:
	case 0x01:
		d := r.externDesc()
		e.Desc = &d
	default:
		r.badByte(at, b, "optional component export type")
	}
	return e
}
