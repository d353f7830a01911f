package compose

import (
	"errors"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// errForm is about a type of an import that no tool makes.
var errForm = errors.New("its type refers to definitions in a form that cannot be composed")

// scope gives the new indices of the types that a definition refers to: those of its own index space, and those of enclosing ones, count
// spaces out.
type scope struct {
	local func(i uint32) (uint32, error)
	outer func(count, i uint32) (uint32, uint32, error)
}

// alias is the new form of an outer alias.
func (s *scope) alias(count, i uint32) (uint32, uint32, error) {
	if count == 0 {
		i, err := s.local(i)
		return 0, i, err
	}
	return s.outer(count, i)
}

func (s *scope) typeDef(t *binary.TypeDef) (out *binary.TypeDef, err error) {
	out = &binary.TypeDef{}
	switch {
	case t.Val != nil:
		out.Val, err = s.valDef(t.Val)
	case t.Func != nil:
		f := *t.Func
		if f.Params, err = s.fields(f.Params); err == nil {
			f.Result, err = s.ref(f.Result)
		}
		out.Func = &f
	case t.Instance != nil:
		out.Instance, err = s.declType(t.Instance)
	case t.Component != nil:
		out.Component, err = s.declType(t.Component)
	default:
		err = errForm // a resource: its type has no meaning outside of its component
	}
	return out, err
}

func (s *scope) valDef(d *binary.ValDef) (*binary.ValDef, error) {
	out := *d
	var err [6]error
	out.Fields, err[0] = s.fields(d.Fields)
	out.Elem, err[1] = s.ref(d.Elem)
	out.Key, err[2] = s.ref(d.Key)
	out.OK, err[3] = s.ref(d.OK)
	out.Err, err[4] = s.ref(d.Err)
	if d.Kind == binary.DefOwn || d.Kind == binary.DefBorrow {
		out.Resource, err[5] = s.local(d.Resource)
	}
	return &out, errors.Join(err[:]...)
}

func (s *scope) fields(in []binary.Field) ([]binary.Field, error) {
	var out []binary.Field
	for _, f := range in {
		t, err := s.ref(f.Type)
		if err != nil {
			return nil, err
		}
		out = append(out, binary.Field{Name: f.Name, Type: t})
	}
	return out, nil
}

func (s *scope) ref(v *binary.ValRef) (*binary.ValRef, error) {
	if v == nil || v.Prim != 0 {
		return v, nil
	}
	i, err := s.local(v.Index)
	return &binary.ValRef{Index: i}, err
}

func (s *scope) desc(d binary.ExternDesc) (binary.ExternDesc, error) {
	var err error
	switch d.Sort {
	case binary.SortFunc, binary.SortInstance, binary.SortComponent:
		d.Index, err = s.local(d.Index)
	case binary.SortType:
		if !d.Sub {
			d.Index, err = s.local(d.Index)
		}
	default:
		err = errForm
	}
	return d, err
}

// declType copies a type within another: its own indices stay, and those of enclosing spaces change.
func (s *scope) declType(t *binary.DeclType) (*binary.DeclType, error) {
	in := scope{
		local: func(i uint32) (uint32, error) { return i, nil },
		outer: func(count, i uint32) (uint32, uint32, error) {
			if count == 1 {
				i, err := s.local(i)
				return 1, i, err
			}
			count, i, err := s.outer(count-1, i)
			return count + 1, i, err
		},
	}
	out := &binary.DeclType{}
	for _, d := range t.Decls {
		var err error
		switch {
		case d.Type != nil:
			d.Type, err = in.typeDef(d.Type)
		case d.Alias != nil && d.Alias.Kind == binary.AliasOuter:
			a := *d.Alias
			a.Count, a.Index, err = in.alias(a.Count, a.Index)
			d.Alias = &a
		case d.CoreType != nil:
			err = errForm
		}
		if err != nil {
			return nil, err
		}
		out.Decls = append(out.Decls, d)
	}
	return out, nil
}
