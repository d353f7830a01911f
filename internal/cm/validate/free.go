package validate

// walk visits the resources that occur free in a type: not bound by an instance or component type on the way. visit
// says whether to go on.
type walk struct {
	v     *validator
	bound map[*resource]int
	seen  map[*typ]bool // only what is walked with nothing bound
	visit func(*resource) bool
}

// freeResource says whether a resource occurs free in t.
func (v *validator) freeResource(t *typ) bool {
	found := false
	w := walk{v: v, bound: map[*resource]int{}, seen: map[*typ]bool{}, visit: func(*resource) bool {
		found = true
		return false
	}}
	w.typ(t)
	return found
}

// definedIn returns the resources in exports that are not in vars, in order: those that each instance of a component makes anew.
func (v *validator) definedIn(exports *members, vars []*resource) []*resource {
	v.spend(len(vars))
	known := make(map[*resource]bool, len(vars))
	for _, r := range vars {
		known[r] = true
	}
	var defined []*resource
	w := walk{v: v, bound: map[*resource]int{}, seen: map[*typ]bool{}, visit: func(r *resource) bool {
		if !known[r] {
			known[r] = true
			defined = append(defined, r)
		}
		return true
	}}
	w.members(exports)
	return defined
}

func (w *walk) members(m *members) bool {
	for _, it := range m.list {
		if it.e.t != nil && !w.typ(it.e.t) {
			return false
		}
	}
	return true
}

func (w *walk) typ(t *typ) bool {
	if !t.mentions {
		return true
	}
	if !w.v.spend(1) {
		return false
	}
	if len(w.bound) == 0 {
		if w.seen[t] {
			return true
		}
		w.seen[t] = true
	}
	switch t.kind {
	case kindResource:
		return w.bound[t.res] > 0 || w.visit(t.res)
	case kindVal:
		if t.val.resource != nil {
			return w.typ(t.val.resource)
		}
		on := true
		t.val.refs(func(r *ref) bool {
			on = r.t == nil || w.typ(r.t)
			return on
		})
		return on
	case kindFunc:
		for i := range t.fn.params {
			if p := t.fn.params[i].ref.t; p != nil && !w.typ(p) {
				return false
			}
		}
		return t.fn.result.t == nil || w.typ(t.fn.result.t)
	case kindInstance:
		defer w.bind(t.inst.defined)()
		return w.members(&t.inst.exports)
	case kindComponent:
		defer w.bind(t.comp.vars)()
		defer w.bind(t.comp.defined)()
		return w.members(&t.comp.imports) && w.members(&t.comp.exports)
	}
	return true
}

// bind holds resources as bound until the function it returns is called.
func (w *walk) bind(rs []*resource) func() {
	w.v.spend(len(rs))
	for _, r := range rs {
		w.bound[r]++
	}
	return func() {
		for _, r := range rs {
			if w.bound[r]--; w.bound[r] == 0 {
				delete(w.bound, r)
			}
		}
	}
}
