package binary

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// Encode is the reverse of [Decode]: it writes a component as a file. Definitions of one kind that follow each other share a section, and
// custom sections come last, without that of the names. It writes what it is given, valid or not; an error is a definition that the format has no form for, or that is of a gated
// feature: values, recursion groups of core types.
func Encode(c *Component) ([]byte, error) {
	w := &writer{}
	w.component(c)
	if w.err != nil {
		return nil, w.err
	}
	return w.b, nil
}

// writer appends to a file, or to the content of a section. The first error sticks.
type writer struct {
	b   []byte
	err error
}

func (w *writer) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

func (w *writer) u8(b ...byte) { w.b = append(w.b, b...) }

func (w *writer) u32(n uint32) { w.b = binary.AppendUvarint(w.b, uint64(n)) }

func (w *writer) name(s string) {
	w.u32(uint32(len(s)))
	w.b = append(w.b, s...)
}

// sized appends what fill writes, after its length.
func (w *writer) sized(fill func(*writer)) {
	in := &writer{}
	fill(in)
	w.u32(uint32(len(in.b)))
	w.b = append(w.b, in.b...)
	if w.err == nil {
		w.err = in.err
	}
}

// vector writes a count and then each element.
func vector[T any](w *writer, all []T, each func(T)) {
	w.u32(uint32(len(all)))
	for _, v := range all {
		each(v)
	}
}

// sections of a component, by the type of their definitions; those of modules and components hold one definition each.
func sectionID(d Def) byte {
	switch d.(type) {
	case *CoreModule:
		return 1
	case *CoreInstance:
		return 2
	case *CoreType:
		return 3
	case *NestedComponent:
		return 4
	case *Instance:
		return 5
	case *Alias:
		return 6
	case *TypeDef:
		return 7
	case *Canon:
		return 8
	case *Import:
		return 10
	case *Export:
		return 11
	}
	return 0
}

func (w *writer) component(c *Component) {
	w.u8(0, 'a', 's', 'm', versionComponent, 0, layerComponent, 0)
	for defs := c.Defs; len(defs) > 0 && w.err == nil; {
		id, n := sectionID(defs[0]), 1
		if id == 0 {
			w.fail("a component with a %T cannot be written", defs[0])
			return
		}
		for id != 1 && id != 4 && n < len(defs) && sectionID(defs[n]) == id {
			n++
		}
		w.u8(id)
		w.sized(func(w *writer) {
			if id != 1 && id != 4 {
				w.u32(uint32(n))
			}
			for _, d := range defs[:n] {
				w.def(d)
			}
		})
		defs = defs[n:]
	}
	for _, s := range c.Customs {
		if s.Name != "component-name" {
			w.u8(0)
			w.sized(func(w *writer) { w.name(s.Name); w.u8(s.Data...) })
		}
	}
}

func (w *writer) def(d Def) {
	switch d := d.(type) {
	case *CoreModule:
		w.u8(d.Bytes...)
	case *CoreInstance:
		w.coreInstance(d)
	case *CoreType:
		w.coreType(d)
	case *NestedComponent:
		if d.Bytes != nil {
			w.u8(d.Bytes...)
			return
		}
		w.component(d.Component)
	case *Instance:
		w.instance(d)
	case *Alias:
		w.alias(d)
	case *TypeDef:
		w.typeDef(d)
	case *Canon:
		w.canon(d)
	case *Import:
		w.importDef(d)
	case *Export:
		w.externName(d.Name)
		w.sortIndex(d.SortIndex)
		if d.Desc == nil {
			w.u8(0)
			return
		}
		w.u8(1)
		w.externDesc(*d.Desc)
	}
}

var coreSortBytes = map[Sort]byte{
	SortCoreFunc: 0x00, SortCoreTable: 0x01, SortCoreMemory: 0x02, SortCoreGlobal: 0x03, SortCoreTag: 0x04,
	SortCoreType: 0x10, SortCoreModule: 0x11, SortCoreInstance: 0x12,
}

var sortBytes = map[Sort]byte{SortFunc: 0x01, SortValue: 0x02, SortType: 0x03, SortComponent: 0x04, SortInstance: 0x05}

func (w *writer) sort(s Sort) {
	if s.Core() {
		w.u8(0)
		w.coreSort(s)
		return
	}
	b, ok := sortBytes[s]
	if !ok {
		w.fail("%s has no form", s)
	}
	w.u8(b)
}

func (w *writer) coreSort(s Sort) {
	b, ok := coreSortBytes[s]
	if !ok {
		w.fail("%s has no form as a core sort", s)
	}
	w.u8(b)
}

func (w *writer) sortIndex(s SortIndex) {
	w.sort(s.Sort)
	w.u32(s.Index)
}

func (w *writer) coreInstance(d *CoreInstance) {
	if d.Module >= 0 {
		w.u8(0)
		w.u32(uint32(d.Module))
		vector(w, d.Args, func(a CoreArg) { w.name(a.Name); w.u8(0x12); w.u32(a.Instance) })
		return
	}
	w.u8(1)
	vector(w, d.Exports, func(e CoreInlineExport) { w.name(e.Name); w.coreSort(e.Sort); w.u32(e.Index) })
}

func (w *writer) instance(d *Instance) {
	if d.Component >= 0 {
		w.u8(0)
		w.u32(uint32(d.Component))
		vector(w, d.Args, func(a Arg) { w.name(a.Name); w.sortIndex(a.SortIndex) })
		return
	}
	w.u8(1)
	vector(w, d.Exports, func(e InlineExport) { w.externName(e.Name); w.sortIndex(e.SortIndex) })
}

func (w *writer) alias(a *Alias) {
	w.sort(a.Sort)
	switch a.Kind {
	case AliasExport:
		w.u8(0)
		w.u32(a.Instance)
		w.name(a.Name)
	case AliasCoreExport:
		w.u8(1)
		w.u32(a.Instance)
		w.name(a.Name)
	case AliasOuter:
		w.u8(2)
		w.u32(a.Count)
		w.u32(a.Index)
	default:
		w.fail("an alias of no kind cannot be written")
	}
}

func (w *writer) externName(n Name) {
	if n.Implements == "" && n.VersionSuffix == "" && n.ExternalID == "" {
		w.u8(0)
		w.name(n.Name)
		return
	}
	w.u8(2)
	w.name(n.Name)
	options := []string{n.Implements, n.VersionSuffix, n.ExternalID}
	w.u32(uint32(len(options) - len(slices.DeleteFunc(slices.Clone(options), func(s string) bool { return s != "" }))))
	for i, text := range options {
		if text != "" {
			w.u8(byte(i))
			w.name(text)
		}
	}
}

func (w *writer) externDesc(d ExternDesc) {
	switch d.Sort {
	case SortCoreModule:
		w.u8(0x00, 0x11)
	case SortFunc:
		w.u8(0x01)
	case SortType:
		w.u8(0x03)
		if d.Sub {
			w.u8(0x01)
			return
		}
		w.u8(0x00)
	case SortComponent:
		w.u8(0x04)
	case SortInstance:
		w.u8(0x05)
	default:
		w.fail("an import or export of a %s cannot be written", d.Sort)
	}
	w.u32(d.Index)
}

func (w *writer) importDef(i *Import) {
	w.externName(i.Name)
	w.externDesc(i.Desc)
}

// canonBytes are the opcodes of canonForms by operation.
var canonBytes = func() map[CanonOp]byte {
	all := map[CanonOp]byte{}
	for b, f := range canonForms {
		all[f.op] = b
	}
	return all
}()

func (w *writer) canon(c *Canon) {
	switch c.Op {
	case OpLift:
		w.u8(0, 0)
		w.u32(c.Func)
		w.canonOpts(c.Opts)
		w.u32(c.Type)
		return
	case OpLower:
		w.u8(1, 0)
		w.u32(c.Func)
		w.canonOpts(c.Opts)
		return
	}
	b, ok := canonBytes[c.Op]
	if !ok {
		w.fail("canon %s has no form", c.Op)
		return
	}
	w.u8(b)
	for _, imm := range canonForms[b].imms {
		switch imm {
		case 't', 'y':
			w.u32(c.Type)
		case 'o':
			w.canonOpts(c.Opts)
		case 'a':
			w.flag(c.Async)
		case 'c':
			w.flag(c.Cancellable)
		case 'm':
			w.u32(c.Memory)
		case 'b':
			w.u32(c.Table)
		case 'r':
			w.result(c.Result)
		case 'u':
			w.u32(c.Slot)
		case 'v':
			w.u8(byte(cmp.Or(c.SlotType, 0x7f)))
		}
	}
}

func (w *writer) flag(set bool) {
	if set {
		w.u8(1)
	} else {
		w.u8(0)
	}
}

func (w *writer) canonOpts(o CanonOpts) {
	var in writer
	n := uint32(0)
	index := func(b byte, i int) {
		if i >= 0 {
			n++
			in.u8(b)
			in.u32(uint32(i))
		}
	}
	bare := func(b byte, set bool) {
		if set {
			n++
			in.u8(b)
		}
	}
	bare(byte(o.Encoding), o.HasEncoding)
	index(0x03, o.Memory)
	index(0x04, o.Realloc)
	index(0x05, o.PostReturn)
	bare(0x06, o.Async)
	index(0x07, o.Callback)
	index(0x08, o.CoreType)
	bare(0x09, o.GC)
	w.u32(n)
	w.u8(in.b...)
}
