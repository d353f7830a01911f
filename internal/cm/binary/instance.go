package binary

// coreInstance reads a core:instance (Binary.md, Instance Definitions).
func (r *reader) coreInstance() *CoreInstance {
	start := r.pos
	d := &CoreInstance{At: At{start}, Module: -1}
	switch b := r.u8(); b {
	case 0x00:
		d.Module = int(r.index())
		r.vec("arguments", maxArgs, func() {
			a := CoreArg{Name: r.name()}
			at := r.pos
			if k := r.u8(); r.ok() && k != 0x12 {
				r.badByte(at, k, "instantiation arg kind: only core instances are passed")
			}
			a.Instance = r.index()
			d.Args = append(d.Args, a)
		})
	case 0x01:
		r.vec("exports", maxArgs, func() {
			e := CoreInlineExport{Name: r.name()}
			e.Sort = r.coreSort("a core inline export")
			e.Index = r.index()
			d.Exports = append(d.Exports, e)
		})
	default:
		r.badByte(start, b, "core instance")
	}
	return d
}

// instance reads an instance.
func (r *reader) instance() *Instance {
	start := r.pos
	d := &Instance{At: At{start}, Component: -1}
	switch b := r.u8(); b {
	case 0x00:
		d.Component = int(r.index())
		r.vec("arguments", maxArgs, func() {
			d.Args = append(d.Args, Arg{Name: r.name(), SortIndex: r.sortIndex("an instantiation argument")})
		})
	case 0x01:
		r.vec("exports", maxArgs, func() {
			d.Exports = append(d.Exports, InlineExport{Name: r.externName(), SortIndex: r.sortIndex("an inline export")})
		})
	default:
		r.badByte(start, b, "instance")
	}
	return d
}
