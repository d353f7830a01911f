package wit

import "strings"

// bodies fills in the named types, then the functions, of every interface and world.
func (r *resolver) bodies() error {
	for _, step := range []func(scope) error{scope.aliases, scope.members, scope.resources} {
		for _, s := range r.order {
			if err := step(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// aliases fills in the aliases of anonymous types.
func (s scope) aliases() (err error) {
	return s.each(func(t *Type, d *typeDecl) error {
		if t.Kind == Alias && d.alias.kind != 0 {
			t.Elem, err = s.typ(d.alias)
		}
		return err
	})
}

// members fills in what holds fields or cases.
func (s scope) members() (err error) {
	return s.each(func(t *Type, d *typeDecl) error {
		switch t.Kind {
		case Record:
			t.Fields, err = s.fields(d.fields, "field")
		case Variant, Enum, Flags:
			err = s.cases(t, d.fields)
		}
		return err
	})
}

// resources fills in all functions.
func (s scope) resources() error {
	err := s.each(func(t *Type, d *typeDecl) error {
		if t.Kind != Resource {
			return nil
		}
		return s.resource(t, d.funcs)
	})
	if err != nil || s.self == nil {
		return err
	}
	return s.funcs(s.self, s.ifaceDecl.funcs)
}

// each visits the declared types, not the used ones.
func (s scope) each(visit func(*Type, *typeDecl) error) error {
	for _, name := range sortedNames(s.types) {
		t := s.types[name]
		if d := s.decls[t]; d != nil {
			if err := visit(t, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// typ resolves a type where it is used: a resource's bare name stands for an own handle.
func (s *typeScope) typ(e *typeExpr) (*Type, error) {
	if e == nil {
		return nil, nil
	}
	if e.kind == 0 || e.kind == Own || e.kind == Borrow {
		t := s.types[e.name]
		if t == nil {
			return nil, e.pos.errorf("type '%s' is not defined", e.name)
		}
		r := t.Resolve() // nil while an alias of an anonymous type is not filled in
		isResource := r != nil && r.Kind == Resource
		switch {
		case e.kind != 0 && !isResource:
			return nil, e.pos.errorf("%s of '%s', which is no resource", e.kind, e.name)
		case e.kind == Borrow:
			return &Type{Kind: Borrow, Elem: t, pos: e.pos}, nil
		case isResource:
			return &Type{Kind: Own, Elem: t, pos: e.pos}, nil
		}
		return t, nil
	}
	t := &Type{Kind: e.kind, Len: e.len, pos: e.pos}
	args := make([]*Type, len(e.args))
	for i, a := range e.args {
		var err error
		if args[i], err = s.typ(a); err != nil {
			return nil, err
		}
	}
	switch e.kind {
	case Tuple:
		for _, a := range args {
			t.Fields = append(t.Fields, Field{Type: a})
		}
	case Result:
		t.OK, t.Err = args[0], args[1]
	case Map:
		t.Key, t.Elem = args[0], args[1]
	case List, Option, Stream, Future:
		if len(args) > 0 {
			t.Elem = args[0]
		}
	}
	return t, nil
}

// fields resolves the fields of a record or the parameters of a function.
func (s *typeScope) fields(ds []fieldDecl, what string) ([]Field, error) {
	fs := make([]Field, len(ds))
	seen := map[string]bool{}
	for i, d := range ds {
		if lower := strings.ToLower(d.name); seen[lower] {
			return nil, d.pos.errorf("%s '%s' is named twice", what, d.name)
		} else {
			seen[lower] = true
		}
		t, err := s.typ(d.typ)
		if err != nil {
			return nil, err
		}
		fs[i] = Field{Name: d.name, Docs: d.docs, Type: t}
	}
	return fs, nil
}

// cases resolves the cases of a variant or the labels of an enum or flags.
func (s *typeScope) cases(t *Type, ds []fieldDecl) error {
	fs, err := s.fields(ds, "case")
	if err != nil {
		return err
	}
	for _, f := range fs {
		t.Cases = append(t.Cases, Case(f))
	}
	return nil
}

// resource resolves a resource's functions, and gives them their full names (WIT.md §Item: resource).
func (s *typeScope) resource(t *Type, ds []*funcDecl) error {
	seen := map[string]bool{}
	for _, d := range ds {
		f, err := s.fn(d)
		if err != nil {
			return err
		}
		key := strings.ToLower(d.name)
		if d.kind == Constructor {
			key = "[constructor]"
		}
		switch {
		case seen[key] && d.kind == Constructor:
			return d.pos.errorf("resource %s has two constructors", t.Name)
		case seen[key]:
			return d.pos.errorf("'%s' is defined twice in resource %s", d.name, t.Name)
		}
		seen[key] = true
		f.Resource = t
		switch d.kind {
		case Constructor:
			f.Name = "[constructor]" + t.Name
			own := &Type{Kind: Own, Elem: t, pos: d.pos}
			if f.Result == nil {
				f.Result = own
			} else if res := f.Result.Resolve(); res.Kind != Result || res.OK == nil || res.OK.Kind != Own || res.OK.Elem.Resolve() != t {
				return d.pos.errorf("the constructor of %s has to return nothing or result<%s, …>", t.Name, t.Name)
			}
		case Method:
			f.Name = "[method]" + t.Name + "." + d.name
			for _, p := range f.Params {
				if strings.EqualFold(p.Name, "self") {
					return d.pos.errorf("parameter 'self' of method '%s' is there already", d.name)
				}
			}
			self := Field{Name: "self", Type: &Type{Kind: Borrow, Elem: t, pos: d.pos}}
			f.Params = append([]Field{self}, f.Params...)
		case Static:
			f.Name = "[static]" + t.Name + "." + d.name
		}
		t.Funcs = append(t.Funcs, f)
	}
	return nil
}

// funcs resolves the free functions of an interface.
func (s *typeScope) funcs(i *Interface, ds []*funcDecl) error {
	seen := map[string]bool{}
	for n := range s.types {
		seen[strings.ToLower(n)] = true
	}
	for _, d := range ds {
		if seen[strings.ToLower(d.name)] {
			return d.pos.errorf("'%s' is defined twice", d.name)
		}
		seen[strings.ToLower(d.name)] = true
		f, err := s.fn(d)
		if err != nil {
			return err
		}
		i.Funcs = append(i.Funcs, f)
	}
	return nil
}

// fn resolves a function's signature.
func (s *typeScope) fn(d *funcDecl) (*Func, error) {
	f := &Func{Name: d.name, Base: d.name, Kind: d.kind, Docs: d.docs, Gate: d.gate, Async: d.async, External: d.external, pos: d.pos}
	var err error
	if f.Params, err = s.fields(d.params, "parameter"); err != nil {
		return nil, err
	}
	if f.Result, err = s.typ(d.result); err != nil {
		return nil, err
	}
	if f.Result != nil && holdsBorrow(f.Result, map[*Type]bool{}) {
		return nil, d.result.pos.errorf("the result of '%s' holds a borrow", d.name)
	}
	return f, nil
}

// holdsBorrow says that values of t may hold borrowed handles.
func holdsBorrow(t *Type, seen map[*Type]bool) bool {
	if t == nil || seen[t] {
		return false
	}
	seen[t] = true
	found := t.Kind == Borrow
	t.Walk(func(inner *Type) { found = found || holdsBorrow(inner, seen) })
	return found
}

// Walk calls visit for each type that values of t directly hold; handles hold none.
func (t *Type) Walk(visit func(*Type)) {
	for _, f := range t.Fields {
		visit(f.Type)
	}
	for _, c := range t.Cases {
		if c.Type != nil {
			visit(c.Type)
		}
	}
	for _, inner := range []*Type{t.Key, t.OK, t.Err} {
		if inner != nil {
			visit(inner)
		}
	}
	if t.Elem != nil && t.Kind != Own && t.Kind != Borrow {
		visit(t.Elem)
	}
}

// recursion finds types that hold themselves, which WIT has none of.
func (r *resolver) recursion() error {
	state := map[*Type]int{} // 1: under way, 2: done
	var visit func(t *Type) error
	visit = func(t *Type) (err error) {
		switch state[t] {
		case 1:
			return t.pos.errorf("type '%s' holds itself", t.Name)
		case 2:
			return nil
		}
		state[t] = 1
		t.Walk(func(inner *Type) {
			if err == nil {
				err = visit(inner)
			}
		})
		state[t] = 2
		return err
	}
	for _, s := range r.order {
		for _, name := range sortedNames(s.types) {
			if err := visit(s.types[name]); err != nil {
				return err
			}
		}
	}
	return nil
}
