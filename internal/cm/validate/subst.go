package validate

// subst replaces resources, and named types where nodes says so, throughout types. Results are memoised, so that one
// type stays one type: types are named by their pointers.
type subst struct {
	v     *validator
	res   map[*resource]*resource
	nodes map[*typ]*typ
	memo  map[*typ]*typ
}

func (v *validator) subst() *subst {
	return &subst{v: v, res: map[*resource]*resource{}, nodes: map[*typ]*typ{}, memo: map[*typ]*typ{}}
}

func (s *subst) typ(t *typ) *typ {
	if t == nil || len(s.nodes) == 0 && (!t.mentions || len(s.res) == 0) {
		return t
	}
	if n, ok := s.nodes[t]; ok {
		return n
	}
	if n, ok := s.memo[t]; ok {
		return n
	}
	if !s.v.spend(1) {
		return t // the caller's definition fails as a whole
	}
	n := s.build(t)
	if n != t {
		s.v.spend(copyCost)
	}
	s.memo[t] = n
	return n
}

func (s *subst) build(t *typ) *typ {
	switch t.kind {
	case kindResource:
		if r, ok := s.res[t.res]; ok && r != t.res {
			n := *t
			n.res = r
			return &n
		}
	case kindVal:
		return s.val(t)
	case kindFunc:
		params, changed := s.fields(t.fn.params)
		result := s.ref(t.fn.result)
		if changed || result != t.fn.result {
			n := *t
			n.fn = &fn{async: t.fn.async, params: params, result: result}
			return &n
		}
	case kindInstance:
		exports, changed := s.members(&t.inst.exports)
		if changed {
			n := *t
			n.inst = &inst{exports: exports, defined: t.inst.defined}
			return &n
		}
	case kindComponent:
		imports, a := s.members(&t.comp.imports)
		exports, b := s.members(&t.comp.exports)
		if a || b {
			n, c := *t, *t.comp
			c.imports, c.exports = imports, exports
			n.comp = &c
			return &n
		}
	}
	return t
}

func (s *subst) val(t *typ) *typ {
	if t.val.resource != nil {
		r := s.typ(t.val.resource)
		if r == t.val.resource {
			return t
		}
		n, v := *t, *t.val
		v.resource = r
		n.val = &v
		return &n
	}
	fields, changed := s.fields(t.val.fields)
	v := *t.val
	v.fields = fields
	v.elem, v.key, v.ok, v.err = s.ref(v.elem), s.ref(v.key), s.ref(v.ok), s.ref(v.err)
	if !changed && v.elem == t.val.elem && v.key == t.val.key && v.ok == t.val.ok && v.err == t.val.err {
		return t
	}
	n := *t
	n.val = &v
	return &n
}

func (s *subst) ref(r ref) ref { return ref{prim: r.prim, t: s.typ(r.t)} }

// fields gives its argument back when nothing changes.
func (s *subst) fields(fs []field) (out []field, changed bool) {
	out = fs
	for i, f := range fs {
		r := s.ref(f.ref)
		if r == f.ref {
			continue
		}
		if !changed {
			out, changed = append([]field(nil), fs...), true
		}
		out[i].ref = r
	}
	return out, changed
}

func (s *subst) members(m *members) (out members, changed bool) {
	out = *m
	for i, it := range m.list {
		s.v.spend(1)
		t := s.typ(it.e.t)
		if t == it.e.t {
			continue
		}
		if !changed {
			out.list, changed = append([]item(nil), m.list...), true
		}
		out.list[i].e.t = t
	}
	return out, changed
}

// entity substitutes in an entity.
func (s *subst) entity(e entity) entity {
	e.t = s.typ(e.t)
	return e
}

// open makes an instance of an instance type: its defined resources become fresh ones, which it returns.
func (v *validator) open(t *typ) (*typ, []*resource) {
	if len(t.inst.defined) == 0 {
		return t, nil
	}
	s := v.subst()
	fresh := make([]*resource, len(t.inst.defined))
	for i, r := range t.inst.defined {
		fresh[i] = &resource{}
		s.res[r] = fresh[i]
	}
	exports, _ := s.members(&t.inst.exports)
	n := *t
	n.inst = &inst{exports: exports}
	return &n, fresh
}
