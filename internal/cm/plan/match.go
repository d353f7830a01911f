package plan

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/wit"
)

// matches checks that an item given by a run-time link fits the import that it serves. The validator has done
// this inside each binary, not between them.
func (p *planner) matches(s *scope, d *binary.Import, it item) error {
	if it.sort != d.Desc.Sort {
		return fmt.Errorf("the linked export is of another sort")
	}
	switch it.sort {
	case binary.SortInstance:
		return p.matchInstance(s.types[d.Desc.Index], it.inst)
	case binary.SortFunc:
		return p.matchFunc(s.types[d.Desc.Index].fn, it.fn)
	}
	return nil
}

// matchInstance evaluates the wanted instance type with the resource types of the given instance in the place of its
// own, so that function types of both sides can be compared as they are.
func (p *planner) matchInstance(t typeItem, given *instItem) error {
	s := &scope{parent: t.scope, instance: -1}
	for i := range t.decl.Decls {
		d := &t.decl.Decls[i]
		switch {
		case d.CoreType != nil:
			s.coreTypes = append(s.coreTypes, coreTypeItem{d.CoreType, s})
		case d.Type != nil:
			s.types = append(s.types, p.typeDef(s, d.Type))
		case d.Alias != nil:
			p.declAlias(s, d.Alias)
		case d.Export != nil:
			name, desc := d.Export.Name.Name, d.Export.Desc
			have, ok := given.items[name]
			if !ok || have.sort != desc.Sort {
				return fmt.Errorf("wanted %q, which the linked component does not export", name)
			}
			switch desc.Sort {
			case binary.SortFunc:
				if err := p.matchFunc(s.types[desc.Index].fn, have.fn); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			case binary.SortType:
				if (desc.Sub || s.types[desc.Index].res != nil) != (have.typ.res != nil) {
					return fmt.Errorf("type %q: one side has a resource type, the other has not", name)
				}
				if v := s.types; !desc.Sub && v[desc.Index].val != nil && have.typ.val != nil {
					if diff := cm.DiffType(v[desc.Index].val, have.typ.val, p.sameResource); diff != "" {
						return fmt.Errorf("type %q: %s", name, diff)
					}
				}
			}
			s.add(have)
		}
	}
	return nil
}

func (p *planner) matchFunc(want *cm.FuncType, have *funcItem) error {
	if diff := cm.DiffFunc(want, have.typ, p.sameResource); diff != "" {
		return fmt.Errorf("%s", diff)
	}
	return nil
}

// sameResource says whether two resource types are one at run time: the same, or both the host's with one name.
func (p *planner) sameResource(x, y *cm.ResourceType) bool {
	a, b := &p.Resources[x.Slot], &p.Resources[y.Slot]
	if x == y {
		return true
	}
	return a.Imported && b.Imported && x.Name == y.Name && x.Interface.Unversioned() == y.Interface.Unversioned() &&
		wit.Compatible(x.Interface.Version, y.Interface.Version)
}
