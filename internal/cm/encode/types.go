package encode

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/wit"
)

// typer writes types into one scope: a component, or the type of an instance.
type typer struct {
	add     func(*binary.TypeDef) uint32
	declare func(*wit.Type) uint32 // of a type with a name, when it is first used
	named   map[*wit.Type]uint32
	unnamed map[string]uint32 // by structure
}

func newTyper(add func(*binary.TypeDef) uint32, declare func(*wit.Type) uint32) *typer {
	return &typer{add: add, declare: declare, named: map[*wit.Type]uint32{}, unnamed: map[string]uint32{}}
}

// index is the index of a type with a name.
func (y *typer) index(t *wit.Type) uint32 {
	i, ok := y.named[t]
	if !ok {
		i = y.declare(t)
		y.named[t] = i
	}
	return i
}

var prims = map[wit.Kind]binary.Prim{
	wit.Bool: binary.PrimBool, wit.S8: binary.PrimS8, wit.U8: binary.PrimU8, wit.S16: binary.PrimS16, wit.U16: binary.PrimU16,
	wit.S32: binary.PrimS32, wit.U32: binary.PrimU32, wit.S64: binary.PrimS64, wit.U64: binary.PrimU64, wit.F32: binary.PrimF32,
	wit.F64: binary.PrimF64, wit.Char: binary.PrimChar, wit.String: binary.PrimString, wit.ErrorContext: binary.PrimErrorContext,
}

// ref is a type where it is used; nil for nil.
func (y *typer) ref(t *wit.Type) *binary.ValRef {
	switch {
	case t == nil:
		return nil
	case t.Name != "":
		return &binary.ValRef{Index: y.index(t)}
	case prims[t.Kind] != 0:
		return &binary.ValRef{Prim: prims[t.Kind]}
	}
	return &binary.ValRef{Index: y.value(t)}
}

// value is the index of a type by its structure, whatever its name.
func (y *typer) value(t *wit.Type) uint32 {
	d := y.def(t)
	key := structure(d)
	i, ok := y.unnamed[key]
	if !ok {
		i = y.add(&binary.TypeDef{Val: d})
		y.unnamed[key] = i
	}
	return i
}

// base is the index of what a name stands for: of another named type, or of the structure.
func (y *typer) base(t *wit.Type) uint32 {
	if t.Kind != wit.Alias {
		return y.add(&binary.TypeDef{Val: y.def(t)})
	}
	if t.Elem.Name != "" {
		return y.index(t.Elem)
	}
	return y.add(&binary.TypeDef{Val: y.def(t.Elem)})
}

// def is the structure of a type.
func (y *typer) def(t *wit.Type) *binary.ValDef {
	if p := prims[t.Kind]; p != 0 {
		return &binary.ValDef{Kind: binary.DefPrim, Prim: p}
	}
	switch t.Kind {
	case wit.Record:
		return &binary.ValDef{Kind: binary.DefRecord, Fields: y.fields(t.Fields)}
	case wit.Tuple:
		return &binary.ValDef{Kind: binary.DefTuple, Fields: y.fields(t.Fields)}
	case wit.Variant:
		d := &binary.ValDef{Kind: binary.DefVariant}
		for _, c := range t.Cases {
			d.Fields = append(d.Fields, binary.Field{Name: c.Name, Type: y.ref(c.Type)})
		}
		return d
	case wit.Enum, wit.Flags:
		d := &binary.ValDef{Kind: binary.DefEnum}
		if t.Kind == wit.Flags {
			d.Kind = binary.DefFlags
		}
		for _, c := range t.Cases {
			d.Labels = append(d.Labels, c.Name)
		}
		return d
	case wit.List:
		return &binary.ValDef{Kind: binary.DefList, Elem: y.ref(t.Elem), Len: t.Len, HasLen: t.Len > 0}
	case wit.Option:
		return &binary.ValDef{Kind: binary.DefOption, Elem: y.ref(t.Elem)}
	case wit.Result:
		return &binary.ValDef{Kind: binary.DefResult, OK: y.ref(t.OK), Err: y.ref(t.Err)}
	case wit.Map:
		return &binary.ValDef{Kind: binary.DefMap, Key: y.ref(t.Key), Elem: y.ref(t.Elem)}
	case wit.Own:
		return &binary.ValDef{Kind: binary.DefOwn, Resource: y.index(t.Elem)}
	case wit.Borrow:
		return &binary.ValDef{Kind: binary.DefBorrow, Resource: y.index(t.Elem)}
	case wit.Stream:
		return &binary.ValDef{Kind: binary.DefStream, Elem: y.ref(t.Elem)}
	case wit.Future:
		return &binary.ValDef{Kind: binary.DefFuture, Elem: y.ref(t.Elem)}
	case wit.Alias:
		return y.def(t.Elem)
	}
	panic(fmt.Sprintf("a type of kind %s has no structure", t.Kind))
}

func (y *typer) fields(all []wit.Field) (fields []binary.Field) {
	for _, f := range all {
		fields = append(fields, binary.Field{Name: f.Name, Type: y.ref(f.Type)})
	}
	return fields
}

// function is the index of a function's type.
func (y *typer) function(f *wit.Func) uint32 {
	return y.add(&binary.TypeDef{Func: &binary.FuncDef{Async: f.Async, Params: y.fields(f.Params), Result: y.ref(f.Result)}})
}

// structure is a text that two types share if and only if they are the same.
func structure(d *binary.ValDef) string {
	ref := func(v *binary.ValRef) any {
		if v == nil {
			return "-"
		}
		return *v
	}
	s := fmt.Sprint(d.Kind, d.Prim, fmt.Sprintf("%q", d.Labels), ref(d.Elem), ref(d.Key), ref(d.OK), ref(d.Err), d.Len, d.HasLen, d.Resource)
	for _, f := range d.Fields {
		s += fmt.Sprint(" ", f.Name, ref(f.Type))
	}
	return s
}
