package compose

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// importOf is the whole's import of a name, which all parts share that no link serves it for.
func (c *composer) importOf(name string) (binary.SortIndex, error) {
	if s, ok := c.imports[name]; ok {
		return s, nil
	}
	leave, err := c.enter("import "+name, "the import "+name)
	if err != nil {
		return binary.SortIndex{}, err
	}
	defer leave()
	var found []declared
	for p := range c.parts {
		if _, linked := c.parts[p].Links[name]; linked || !c.reached[p] {
			continue
		}
		for _, d := range c.parts[p].Component.Defs {
			if im, ok := d.(*binary.Import); ok && im.Name.Name == name {
				found = append(found, declared{p, im})
			}
		}
	}
	first := found[0]
	desc := first.Desc
	switch desc.Sort {
	case binary.SortInstance:
		t, err := c.union(found)
		if err != nil {
			return binary.SortIndex{}, err
		}
		desc.Index = c.emit(binary.SortType, &binary.TypeDef{Instance: t})
	case binary.SortFunc:
		desc.Index, err = c.typeOf(first.part, desc.Index)
	case binary.SortType:
		if !desc.Sub {
			desc.Index, err = c.typeOf(first.part, desc.Index)
		}
	default:
		err = fmt.Errorf("an import of a %s cannot be composed", desc.Sort)
	}
	if err != nil {
		return binary.SortIndex{}, err
	}
	s := binary.SortIndex{Sort: desc.Sort, Index: c.emit(desc.Sort, &binary.Import{Name: first.Name, Desc: desc})}
	c.imports[name] = s
	return s, nil
}

// declared is an import as a part declares it.
type declared struct {
	part int
	*binary.Import
}

// union is the instance type that has the exports of all of the declarations.
func (c *composer) union(all []declared) (*binary.DeclType, error) {
	u := &union{out: &binary.DeclType{}, exports: map[string]uint32{}}
	for _, d := range all {
		t, ok := c.sides[d.part].types[d.Desc.Index].(*binary.TypeDef)
		if !ok || t.Instance == nil {
			return nil, fmt.Errorf("%s declares it by a type of another component", c.parts[d.part].Name)
		}
		if err := u.add(t.Instance, func(i uint32) (uint32, error) { return c.typeOf(d.part, i) }); err != nil {
			return nil, err
		}
	}
	return u.out, nil
}

// union is an instance type to which others are added.
type union struct {
	out              *binary.DeclType
	types, instances uint32            // entries of its index spaces
	exports          map[string]uint32 // index of an exported type or instance, by its name
}

// add adds the declarations of t, but for exports that are there already. outside gives the types of the component that t is in.
func (u *union) add(t *binary.DeclType, outside func(uint32) (uint32, error)) error {
	var types, instances []uint32 // t's entries in the union
	s := scope{
		local: func(i uint32) (uint32, error) { return entry(types, i) },
		outer: func(count, i uint32) (uint32, uint32, error) {
			if count != 1 {
				return 0, 0, errForm
			}
			i, err := outside(i)
			return 1, i, err
		},
	}
	for _, d := range t.Decls {
		switch {
		case d.Type != nil:
			made, err := s.typeDef(d.Type)
			if err != nil {
				return err
			}
			u.out.Decls = append(u.out.Decls, binary.Decl{Type: made})
			types, u.types = append(types, u.types), u.types+1
		case d.Alias != nil && d.Alias.Sort == binary.SortType:
			a := *d.Alias
			var err error
			if a.Kind == binary.AliasOuter {
				a.Count, a.Index, err = s.alias(a.Count, a.Index)
			} else {
				a.Instance, err = entry(instances, a.Instance)
			}
			if err != nil {
				return err
			}
			u.out.Decls = append(u.out.Decls, binary.Decl{Alias: &a})
			types, u.types = append(types, u.types), u.types+1
		case d.Export != nil:
			at, err := u.export(d.Export, &s)
			if err != nil {
				return err
			}
			switch d.Export.Desc.Sort {
			case binary.SortType:
				types = append(types, at)
			case binary.SortInstance:
				instances = append(instances, at)
			}
		default:
			return errForm
		}
	}
	return nil
}

// export adds an export unless it is there, and returns its index where it is a type or an instance.
func (u *union) export(e *binary.ExportDecl, s *scope) (uint32, error) {
	if at, ok := u.exports[e.Name.Name]; ok {
		return at, nil
	}
	desc, err := s.desc(e.Desc)
	if err != nil {
		return 0, err
	}
	u.out.Decls = append(u.out.Decls, binary.Decl{Export: &binary.ExportDecl{Name: e.Name, Desc: desc}})
	var at uint32
	switch desc.Sort {
	case binary.SortType:
		at, u.types = u.types, u.types+1
	case binary.SortInstance:
		at, u.instances = u.instances, u.instances+1
	}
	u.exports[e.Name.Name] = at
	return at, nil
}

func entry(all []uint32, i uint32) (uint32, error) {
	if int(i) >= len(all) {
		return 0, errForm
	}
	return all[i], nil
}

// typeOf emits a type of a part for the whole, once.
func (c *composer) typeOf(p int, i uint32) (uint32, error) {
	side := c.sides[p]
	if at, ok := side.emitted[i]; ok {
		return at, nil
	}
	if int(i) >= len(side.types) {
		return 0, errForm
	}
	var at uint32
	var err error
	switch d := side.types[i].(type) {
	case *binary.TypeDef:
		s := scope{local: func(i uint32) (uint32, error) { return c.typeOf(p, i) }, outer: func(uint32, uint32) (uint32, uint32, error) { return 0, 0, errForm }}
		var made *binary.TypeDef
		if made, err = s.typeDef(d); err == nil {
			at = c.emit(binary.SortType, made)
		}
	case *binary.Alias:
		var from uint32
		if d.Kind != binary.AliasExport {
			return 0, errForm
		}
		if from, err = c.instanceOf(p, d.Instance); err == nil {
			at = c.emit(binary.SortType, &binary.Alias{Kind: binary.AliasExport, Sort: binary.SortType, Instance: from, Name: d.Name})
		}
	case *binary.Import:
		var arg binary.SortIndex
		arg, err = c.argument(p, d)
		at = arg.Index
	case *binary.Export:
		at, err = c.typeOf(p, d.Index)
	default:
		err = errForm
	}
	if err == nil {
		side.emitted[i] = at
	}
	return at, err
}

// instanceOf is what an instance of a part that its imports' types refer to is in the whole.
func (c *composer) instanceOf(p int, i uint32) (uint32, error) {
	if int(i) < len(c.sides[p].instances) {
		if im, ok := c.sides[p].instances[i].(*binary.Import); ok {
			arg, err := c.argument(p, im)
			return arg.Index, err
		}
	}
	return 0, errForm
}
