package validate

import (
	"errors"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// Component validates a component and everything nested in it. It returns an *[Error] or nil, and does not change c.
func Component(c *binary.Component, o Options) error {
	v := &validator{opts: o, work: budgetFor(c.Size)}
	_, err := v.component(nil, c)
	return err
}

// component validates the definitions of c in order and gives c's type.
func (v *validator) component(parent *scope, c *binary.Component) (*typ, error) {
	s := newScope(parent, inComponent)
	for _, d := range c.Defs {
		err := v.def(s, d)
		if !v.spend(1) {
			return nil, errorf(d.Position(), "%s", errTooComplex)
		}
		if err != nil {
			var own *Error
			if errors.As(err, &own) {
				return nil, err
			}
			return nil, errorf(d.Position(), "%s", err)
		}
	}
	t := &typ{kind: kindComponent, comp: &comp{imports: s.imports, exports: s.exports, vars: s.vars, weight: s.weight}}
	t.comp.defined = v.definedIn(&s.exports, s.vars)
	return v.finish(c.Pos, t)
}

func (v *validator) def(s *scope, d binary.Def) error {
	switch d := d.(type) {
	case *binary.CoreModule:
		m, err := v.coreModule(d)
		s.modules = append(s.modules, m)
		return err
	case *binary.CoreInstance:
		return v.coreInstance(s, d)
	case *binary.CoreType:
		return v.coreTypeDef(s, d)
	case *binary.NestedComponent:
		t, err := v.component(s, d.Component)
		s.comps = append(s.comps, t)
		return err
	case *binary.Instance:
		return v.instance(s, d)
	case *binary.Alias:
		return v.alias(s, d)
	case *binary.TypeDef:
		return v.typeDef(s, d)
	case *binary.Canon:
		return v.canon(s, d)
	case *binary.Start:
		return refuse(d.Pos, Values, "the component has a start definition")
	case *binary.ValueDef:
		return refuse(d.Pos, Values, "the component has a value definition")
	case *binary.Import:
		return v.importDef(s, d.Pos, d)
	case *binary.Export:
		return v.export(s, d)
	}
	return errorf(d.Position(), "unknown definition %T", d)
}

// alias adds what an alias means to the index space of its sort (Explainer.md §Alias Definitions).
func (v *validator) alias(s *scope, a *binary.Alias) error {
	switch a.Kind {
	case binary.AliasExport:
		t, err := at(a.Pos, s.insts, a.Instance, "instance")
		if err != nil {
			return err
		}
		e, ok := t.inst.exports.get(a.Name)
		if !ok {
			return errorf(a.Pos, "instance %d has no export named `%s`", a.Instance, a.Name)
		}
		if e.sort != a.Sort {
			return errorf(a.Pos, "export `%s` of instance %d is not a %s: it is a %s", a.Name, a.Instance, short(a.Sort), e.sort)
		}
		s.push(e)
		return nil
	case binary.AliasCoreExport:
		return s.coreAlias(a)
	}
	return v.outerAlias(s, a)
}

func short(s binary.Sort) string {
	if s == binary.SortCoreModule {
		return "module"
	}
	return s.String()
}

func (v *validator) outerAlias(s *scope, a *binary.Alias) error {
	out, crosses := s.up(a.Count)
	if out == nil {
		return errorf(a.Pos, "invalid outer alias count of %d: fewer components enclose it", a.Count)
	}
	switch a.Sort {
	case binary.SortCoreType:
		t, err := at(a.Pos, out.coreTypes, a.Index, "core type")
		s.coreTypes = append(s.coreTypes, t)
		return err
	case binary.SortCoreModule:
		m, err := at(a.Pos, out.modules, a.Index, "module")
		s.modules = append(s.modules, m)
		return err
	case binary.SortComponent:
		t, err := at(a.Pos, out.comps, a.Index, "component")
		s.comps = append(s.comps, t)
		return err
	case binary.SortType:
		t, err := at(a.Pos, out.types, a.Index, "type")
		if err != nil {
			return err
		}
		if crosses && v.freeResource(t) {
			return errorf(a.Pos, "outer alias of type %d transitively refers to resources, which are not defined in this component", a.Index)
		}
		s.types = append(s.types, t)
		return nil
	}
	return errorf(a.Pos, "outer alias of a %s is not allowed", a.Sort)
}
