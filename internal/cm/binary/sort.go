package binary

import "fmt"

var sortNames = [...]string{
	SortCoreFunc: "core func", SortCoreTable: "core table", SortCoreMemory: "core memory", SortCoreGlobal: "core global",
	SortCoreTag: "core tag", SortCoreType: "core type", SortCoreModule: "core module", SortCoreInstance: "core instance",
	SortFunc: "func", SortValue: "value", SortType: "type", SortComponent: "component", SortInstance: "instance",
}

// String is the sort as the text format spells it.
func (s Sort) String() string {
	if int(s) < len(sortNames) && sortNames[s] != "" {
		return sortNames[s]
	}
	return fmt.Sprintf("sort %d", uint8(s))
}

// Core says whether the index space belongs to core WebAssembly.
func (s Sort) Core() bool { return s >= SortCoreFunc && s <= SortCoreInstance }

// coreSort reads a core:sort.
func (r *reader) coreSort(what string) Sort {
	start := r.pos
	b := r.u8()
	switch b {
	case 0x00:
		return SortCoreFunc
	case 0x01:
		return SortCoreTable
	case 0x02:
		return SortCoreMemory
	case 0x03:
		return SortCoreGlobal
	case 0x04:
		return SortCoreTag
	case 0x10:
		return SortCoreType
	case 0x11:
		return SortCoreModule
	case 0x12:
		return SortCoreInstance
	}
	r.badByte(start, b, "the core sort of "+what)
	return 0
}

// sort reads a sort.
func (r *reader) sort(what string) Sort {
	start := r.pos
	b := r.u8()
	switch b {
	case 0x00:
		return r.coreSort(what)
	case 0x01:
		return SortFunc
	case 0x02:
		return SortValue
	case 0x03:
		return SortType
	case 0x04:
		return SortComponent
	case 0x05:
		return SortInstance
	}
	r.badByte(start, b, "the sort of "+what)
	return 0
}

func (r *reader) sortIndex(what string) SortIndex {
	s := r.sort(what)
	return SortIndex{Sort: s, Index: r.index()}
}
