package validate

import (
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

type kind uint8

const (
	kindVal kind = iota + 1
	kindFunc
	kindInstance
	kindComponent
	kindResource
)

func (k kind) String() string {
	return [...]string{"", "defined type", "func type", "instance type", "component type", "resource"}[k]
}

// typ is one entry of a type index space, or the type of a component, instance or function. The pointer is its name:
// importing or exporting a type makes a new typ with the same content, since that is what confers a name that other
// imports and exports may use (Explainer.md §External visibility of types). Immutable once made.
type typ struct {
	kind kind
	val  *val
	fn   *fn
	inst *inst
	comp *comp
	res  *resource

	size     int  // nodes when written out; saturates
	depth    int  // nesting
	mentions bool // a resource occurs in it, bound or free
}

// renamed is the same type under a new name.
func (t *typ) renamed() *typ {
	c := *t
	return &c
}

// resource is the identity of a resource type. owner is the component that defines it, nil for abstract ones.
type resource struct{ owner *scope }

// ref is a value type where it is used; absent when both fields are zero.
type ref struct {
	prim binary.Prim
	t    *typ
}

func (r ref) present() bool { return r.prim != 0 || r.t != nil }

type field struct {
	name string
	ref  ref
}

// val is a defined value type.
type val struct {
	kind      binary.ValKind
	prim      binary.Prim
	fields    []field // record, variant, tuple
	labels    []string
	elem, key ref
	ok, err   ref
	length    uint32
	hasLen    bool
	resource  *typ // own, borrow
	layout    layout
}

// refs calls f with every value type that v is made of, until f is false.
func (v *val) refs(f func(*ref) bool) {
	for i := range v.fields {
		if v.fields[i].ref.present() && !f(&v.fields[i].ref) {
			return
		}
	}
	for _, r := range []*ref{&v.key, &v.elem, &v.ok, &v.err} {
		if r.present() && !f(r) {
			return
		}
	}
}

type fn struct {
	async  bool
	params []field
	result ref
}

// entity is what an import or export is: t for all sorts but core modules, where it is mod.
type entity struct {
	sort binary.Sort
	t    *typ
	mod  *module
}

type item struct {
	name string
	e    entity
}

// members are named entities in order.
type members struct {
	list  []item
	index map[string]int
}

func (m *members) add(name string, e entity) {
	if m.index == nil {
		m.index = map[string]int{}
	}
	m.index[name] = len(m.list)
	m.list = append(m.list, item{name, e})
}

func (m *members) get(name string) (entity, bool) {
	i, ok := m.index[name]
	if !ok {
		return entity{}, false
	}
	return m.list[i].e, true
}

// inst is an instance type. defined are the resources that each instance makes anew; an instance that exists has none.
type inst struct {
	exports members
	defined []*resource
}

// comp is a component type. vars are the resources that instantiation supplies, defined those that it makes.
type comp struct {
	imports, exports members
	vars, defined    []*resource
	weight           int // instances that one instantiation makes, as far as is known
}

// Bounds on types. The depth keeps recursion along a type shallow, the size keeps a small file from having types
// that are too large to write out.
const (
	maxTypeDepth = 500
	maxTypeSize  = 1_000_000
	maxInstances = 100_000
)

// finish computes the summary of a new type and checks its bounds.
func (v *validator) finish(pos int, t *typ) (*typ, error) {
	add := func(c *typ) {
		if c == nil {
			return
		}
		t.size = min(t.size+c.size, maxTypeSize+1)
		t.depth = max(t.depth, c.depth+1)
		t.mentions = t.mentions || c.mentions
	}
	addRef := func(r *ref) bool {
		t.size = min(t.size+1, maxTypeSize+1)
		add(r.t)
		return true
	}
	addMembers := func(m *members) {
		for _, it := range m.list {
			t.size = min(t.size+1, maxTypeSize+1)
			add(it.e.t)
			if it.e.mod != nil {
				t.size = min(t.size+it.e.mod.size(), maxTypeSize+1)
			}
		}
	}
	t.size++
	switch t.kind {
	case kindVal:
		t.size += len(t.val.labels)
		t.val.refs(addRef)
		add(t.val.resource)
	case kindFunc:
		for i := range t.fn.params {
			addRef(&t.fn.params[i].ref)
		}
		addRef(&t.fn.result)
	case kindInstance:
		addMembers(&t.inst.exports)
	case kindComponent:
		addMembers(&t.comp.imports)
		addMembers(&t.comp.exports)
	case kindResource:
		t.mentions = true
	}
	if t.depth > maxTypeDepth {
		return nil, limitf(pos, "type nesting is too deep: at most %d", maxTypeDepth)
	}
	if t.size > maxTypeSize {
		return nil, limitf(pos, "effective type size exceeds the limit of %d", maxTypeSize)
	}
	return t, nil
}
