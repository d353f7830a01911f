package validate

import (
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// instance adds a component instance (Explainer.md §Instance Definitions).
func (v *validator) instance(s *scope, d *binary.Instance) error {
	if d.Component < 0 {
		t, err := v.inlineInstance(s, d)
		s.insts = append(s.insts, t)
		return err
	}
	c, err := at(d.Pos, s.comps, uint32(d.Component), "component")
	if err != nil {
		return err
	}
	args := make(map[string]entity, len(d.Args))
	for _, a := range d.Args {
		if _, ok := args[a.Name]; ok {
			return errorf(d.Pos, "instantiation argument `%s` conflicts with previous argument `%s`", a.Name, a.Name)
		}
		if args[a.Name], err = s.entityAt(d.Pos, a.SortIndex); err != nil {
			return err
		}
	}
	t, err := v.instantiate(d.Pos, c, args)
	if err != nil {
		return err
	}
	s.insts = append(s.insts, t)
	return s.weigh(d.Pos, 1+c.comp.weight)
}

// weigh counts the instances that the component makes, its children's included.
func (s *scope) weigh(pos, n int) error {
	if s.weight += n; s.weight > maxInstances {
		return limitf(pos, "instantiating this component makes more than %d instances", maxInstances)
	}
	return nil
}

// instantiate checks arguments against imports and gives the type of the instance. Each type that is supplied replaces
// the imported one in all that follows, by its identity and by its name.
func (v *validator) instantiate(pos int, c *typ, args map[string]entity) (*typ, error) {
	vars := set(c.comp.vars)
	v.spend(len(c.comp.vars) + len(c.comp.defined))
	check, final := v.subst(), v.subst()
	for _, im := range c.comp.imports.list {
		have, ok := args[im.name]
		if !ok {
			return nil, errorf(pos, "missing import named `%s` in the instantiation's arguments", im.name)
		}
		v.bindResources(im.e, have, vars, check)
		if err := v.subtype(have, check.entity(im.e)); err != nil {
			return nil, errorf(pos, "type mismatch for import `%s`: %s", im.name, err)
		}
		bindTypes(im.e, have, final)
		if !v.spend(1) {
			return nil, errTooComplex
		}
	}
	for from, to := range check.res {
		final.res[from] = to
	}
	for _, r := range c.comp.defined {
		final.res[r] = &resource{}
	}
	exports, _ := final.members(&c.comp.exports)
	return v.finish(pos, &typ{kind: kindInstance, inst: &inst{exports: exports}})
}

// bindResources enters in s, for each resource of vars in want, the resource of have in its place.
func (v *validator) bindResources(want, have entity, vars map[*resource]bool, s *subst) {
	if want.sort != have.sort || len(vars) == 0 || !v.spend(1) {
		return
	}
	switch want.sort {
	case binary.SortType:
		if want.t.kind != kindResource || have.t.kind != kindResource || !vars[want.t.res] {
			return
		}
		if _, bound := s.res[want.t.res]; !bound {
			s.res[want.t.res] = have.t.res
		}
	case binary.SortInstance:
		for _, it := range want.t.inst.exports.list {
			if h, ok := have.t.inst.exports.get(it.name); ok {
				v.bindResources(it.e, h, vars, s)
			}
		}
	}
}

// bindTypes enters in s, for each type that want names, the type of have in its place.
func bindTypes(want, have entity, s *subst) {
	s.v.spend(1)
	switch want.sort {
	case binary.SortType:
		s.nodes[want.t] = have.t
	case binary.SortInstance:
		for _, it := range want.t.inst.exports.list {
			if h, ok := have.t.inst.exports.get(it.name); ok {
				bindTypes(it.e, h, s)
			}
		}
	}
}
