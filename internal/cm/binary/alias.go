package binary

// alias reads an alias (Binary.md, Alias Definitions). Which sorts go with which target is part of the grammar.
func (r *reader) alias() *Alias {
	start := r.pos
	a := &Alias{At: At{start}, Sort: r.sort("an alias")}
	at := r.pos
	b := r.u8()
	if !r.ok() {
		return a
	}
	switch b {
	case 0x00:
		a.Kind, a.Instance, a.Name = AliasExport, r.index(), r.name()
		if a.Sort.Core() && a.Sort != SortCoreModule {
			r.malformed(start, "an instance does not export a %s", a.Sort)
		}
	case 0x01:
		a.Kind, a.Instance, a.Name = AliasCoreExport, r.index(), r.name()
		if a.Sort < SortCoreFunc || a.Sort > SortCoreTag {
			r.malformed(start, "a core instance does not export a %s", a.Sort)
		}
	case 0x02:
		a.Kind, a.Count, a.Index = AliasOuter, r.u32(), r.index()
		switch a.Sort {
		case SortType, SortCoreType, SortCoreModule, SortComponent:
		default:
			r.malformed(start, "an outer alias is of a type, component, core type or core module, not of a %s", a.Sort)
		}
	default:
		r.badByte(at, b, "alias")
	}
	return a
}
