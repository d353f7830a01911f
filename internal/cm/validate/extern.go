package validate

import (
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// describe makes the entity that an externdesc describes, and its new resources.
func (v *validator) describe(s *scope, pos int, d binary.ExternDesc) (entity, []*resource, error) {
	e := entity{sort: d.Sort}
	var err error
	switch d.Sort {
	case binary.SortCoreModule:
		var t coreType
		if t, err = at(pos, s.coreTypes, d.Index, "core type"); err != nil {
			return e, nil, err
		}
		if t.module == nil {
			return e, nil, errorf(pos, "core type index %d is not a module type", d.Index)
		}
		e.mod = t.module
	case binary.SortFunc:
		e.t, err = s.typeOf(pos, d.Index, kindFunc)
	case binary.SortComponent:
		e.t, err = s.typeOf(pos, d.Index, kindComponent)
	case binary.SortInstance:
		if e.t, err = s.typeOf(pos, d.Index, kindInstance); err != nil {
			return e, nil, err
		}
		open, fresh := v.open(e.t)
		e.t = open
		return e, fresh, nil
	case binary.SortType:
		if d.Sub {
			r := &resource{}
			e.t, err = v.finish(pos, &typ{kind: kindResource, res: r})
			return e, []*resource{r}, err
		}
		if e.t, err = s.typeAt(pos, d.Index); err == nil {
			e.t = e.t.renamed()
		}
	case binary.SortValue:
		err = refuse(pos, Values, "a value is imported or exported")
	default:
		err = errorf(pos, "a %s is not importable or exportable", d.Sort)
	}
	return e, nil, err
}

func (v *validator) importDef(s *scope, pos int, d *binary.Import) error {
	e, fresh, err := v.describe(s, pos, d.Desc)
	if err != nil {
		return err
	}
	s.vars = append(s.vars, fresh...)
	if err := v.checkName(&s.importNames, pos, d.Name, e, "import"); err != nil {
		return err
	}
	if err := v.checkVisible(pos, e, "import", s.imported, s.imported); err != nil {
		return err
	}
	s.imports.add(d.Name.Name, e)
	s.push(e)
	return nil
}

// export validates an export of a component. It adds an entry to the index space of its sort, under the type ascribed
// to it when there is one.
func (v *validator) export(s *scope, d *binary.Export) error {
	e, err := s.entityAt(d.Pos, d.SortIndex)
	if err != nil {
		return err
	}
	if d.Desc == nil {
		if e.sort == binary.SortType {
			e.t = e.t.renamed()
		}
	} else {
		want, fresh, err := v.describe(s, d.Pos, *d.Desc)
		if err != nil {
			return err
		}
		if err := v.ascribe(want, e, fresh); err != nil {
			return errorf(d.Pos, "ascribed type of export is not compatible with the type of `%s`: %s", d.Name.Name, err)
		}
		e = want
	}
	if err := v.checkName(&s.exportNames, d.Pos, d.Name, e, "export"); err != nil {
		return err
	}
	if err := v.checkVisible(d.Pos, e, "export", s.exported, s.imported, s.exported); err != nil {
		return err
	}
	s.exports.add(d.Name.Name, e)
	s.push(e)
	return nil
}

// ascribe checks that have is of type want, in which its fresh resources are replaced by the ones of have in their places.
func (v *validator) ascribe(want, have entity, fresh []*resource) error {
	check := v.subst()
	v.bindResources(want, have, set(fresh), check)
	return v.subtype(have, check.entity(want))
}

func set(rs []*resource) map[*resource]bool {
	m := make(map[*resource]bool, len(rs))
	for _, r := range rs {
		m[r] = true
	}
	return m
}

// exportDecl validates an export declaration of a component or instance type. What an instance type exposes is checked
// where an instance of it is imported or exported.
func (v *validator) exportDecl(s *scope, pos int, d *binary.ExportDecl) error {
	e, fresh, err := v.describe(s, pos, d.Desc)
	if err != nil {
		return err
	}
	s.created = append(s.created, fresh...)
	if err := v.checkName(&s.exportNames, pos, d.Name, e, "export"); err != nil {
		return err
	}
	if s.kind == inComponentType {
		if err := v.checkVisible(pos, e, "export", s.exported, s.imported, s.exported); err != nil {
			return err
		}
	}
	s.exports.add(d.Name.Name, e)
	s.push(e)
	return nil
}

// inlineInstance makes an instance of inline exports. Its types keep their names: exporting the instance names the types in it.
func (v *validator) inlineInstance(s *scope, d *binary.Instance) (*typ, error) {
	var ns names
	i := &inst{}
	for _, x := range d.Exports {
		e, err := s.entityAt(d.Pos, x.SortIndex)
		if err != nil {
			return nil, err
		}
		named := e
		if e.sort == binary.SortType {
			named.t = e.t.renamed() // functions of the bag were typed before it, so none can be of its resources
		}
		if err := v.checkName(&ns, d.Pos, x.Name, named, "export"); err != nil {
			return nil, err
		}
		i.exports.add(x.Name.Name, e)
	}
	return v.finish(d.Pos, &typ{kind: kindInstance, inst: i})
}
