package validate

import (
	"errors"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

type scopeKind uint8

const (
	inComponent scopeKind = iota
	inComponentType
	inInstanceType
)

// scope is the state of validating one component, component type or instance type: its index spaces so far, and what
// its imports and exports have named.
type scope struct {
	parent *scope
	kind   scopeKind

	coreFuncs   []*coreFunc
	coreTables  []binary.CoreExternDesc
	coreMems    []binary.CoreExternDesc
	coreGlobals []binary.CoreExternDesc
	coreTags    []*coreFunc
	coreTypes   []coreType
	modules     []*module
	coreInsts   []*coreInst
	funcs       []*typ
	types       []*typ
	comps       []*typ
	insts       []*typ

	imports, exports         members
	importNames, exportNames names
	imported, exported       map[*typ]bool // types that imports and exports name
	vars, created            []*resource   // resources of imports, and others that are made here
	weight                   int
}

func newScope(parent *scope, k scopeKind) *scope {
	return &scope{parent: parent, kind: k, imported: map[*typ]bool{}, exported: map[*typ]bool{}}
}

// up is the scope count levels out, and whether a component's border is between.
func (s *scope) up(count uint32) (out *scope, crosses bool) {
	out = s
	for range count {
		if out == nil {
			return nil, false
		}
		crosses = crosses || out.kind == inComponent
		out = out.parent
	}
	return out, crosses
}

// validator is the state of validating one file.
type validator struct {
	opts    Options
	work    int
	matched memo
}

// budgetFor bounds the steps of validation, and so its allocations, by the size of the file. Real components take some 10 000 steps
// and a fortieth of a step for each byte; only a hostile one exceeds the bound.
func budgetFor(size int) int { return min(200_000+10*size, 20_000_000) }

// copyCost is the number of steps for making a type anew, which stays in memory.
const copyCost = 16

var errTooComplex = errors.New("the component is too complex to validate")

// spend counts n steps and says whether to go on.
func (v *validator) spend(n int) bool {
	v.work -= n
	return v.work >= 0
}

// at takes an index of an index space.
func at[T any](pos int, space []T, index uint32, what string) (T, error) {
	if uint64(index) >= uint64(len(space)) {
		var zero T
		return zero, errorf(pos, "unknown %s %d: %s index out of bounds (%d defined so far)", what, index, what, len(space))
	}
	return space[index], nil
}

func (s *scope) typeAt(pos int, index uint32) (*typ, error) { return at(pos, s.types, index, "type") }

// typeOf takes a type of a certain kind.
func (s *scope) typeOf(pos int, index uint32, k kind) (*typ, error) {
	t, err := s.typeAt(pos, index)
	if err != nil {
		return nil, err
	}
	if t.kind != k {
		what := map[kind]string{
			kindVal: "a defined type", kindFunc: "a function type", kindInstance: "an instance type",
			kindComponent: "a component type", kindResource: "a resource type",
		}[k]
		return nil, errorf(pos, "type index %d is not %s: it is a %s", index, what, t.kind)
	}
	return t, nil
}

// entityAt is the entity that a sortidx of an import, export or argument refers to.
func (s *scope) entityAt(pos int, si binary.SortIndex) (entity, error) {
	e := entity{sort: si.Sort}
	var err error
	switch si.Sort {
	case binary.SortCoreModule:
		e.mod, err = at(pos, s.modules, si.Index, "module")
	case binary.SortFunc:
		e.t, err = at(pos, s.funcs, si.Index, "func")
	case binary.SortType:
		e.t, err = s.typeAt(pos, si.Index)
	case binary.SortComponent:
		e.t, err = at(pos, s.comps, si.Index, "component")
	case binary.SortInstance:
		e.t, err = at(pos, s.insts, si.Index, "instance")
	case binary.SortValue:
		err = refuse(pos, Values, "a value is used")
	default:
		err = errorf(pos, "a %s is not importable or exportable: of core definitions only modules are", si.Sort)
	}
	return e, err
}

// push adds an entity to the index space of its sort.
func (s *scope) push(e entity) {
	switch e.sort {
	case binary.SortCoreModule:
		s.modules = append(s.modules, e.mod)
	case binary.SortFunc:
		s.funcs = append(s.funcs, e.t)
	case binary.SortType:
		s.types = append(s.types, e.t)
	case binary.SortComponent:
		s.comps = append(s.comps, e.t)
	case binary.SortInstance:
		s.insts = append(s.insts, e.t)
	}
}
