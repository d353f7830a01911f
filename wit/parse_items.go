package wit

// ifaceBody = '{' interface-items* '}'
func (p *parser) ifaceBody(h head, name string) (*ifaceDecl, error) {
	i := &ifaceDecl{head: h, name: name}
	if err := p.expect("{"); err != nil {
		return nil, err
	}
	for !p.tok.is("}") {
		h, err := p.head()
		if err != nil {
			return nil, err
		}
		switch {
		case p.tok.is("use"):
			u, err := p.use(h)
			if err != nil {
				return nil, err
			}
			i.uses = append(i.uses, u)
		case p.typeKeyword():
			t, err := p.typeDecl(h)
			if err != nil {
				return nil, err
			}
			i.types = append(i.types, t)
		case p.tok.kind == tokID:
			h.pos = p.pos()
			name, err := p.id()
			if err != nil {
				return nil, err
			}
			if err := p.expect(":"); err != nil {
				return nil, err
			}
			f, err := p.fn(h, name, Free)
			if err != nil {
				return nil, err
			}
			i.funcs = append(i.funcs, f)
		default:
			return nil, p.errorf("want a type, a function, 'use' or '}' in interface %s, found %s", name, p.tok.describe())
		}
	}
	return i, p.advance()
}

// typeKeyword says that the current token begins a type's declaration.
func (p *parser) typeKeyword() bool {
	for _, k := range []string{"type", "record", "variant", "enum", "flags", "resource"} {
		if p.tok.is(k) {
			return true
		}
	}
	return false
}

// use = 'use' use-path '.' '{' use-names-list '}' ';'
func (p *parser) use(h head) (u useDecl, err error) {
	u.head = h
	if err := p.advance(); err != nil {
		return u, err
	}
	if u.path, err = p.usePath(); err != nil {
		return u, err
	}
	if err := p.expect("."); err != nil {
		return u, err
	}
	if err := p.expect("{"); err != nil {
		return u, err
	}
	err = p.commas("}", func() error {
		n := useName{pos: p.pos()}
		var err error
		if n.name, err = p.id(); err != nil {
			return err
		}
		n.as = n.name
		if ok, err := p.accept("as"); err != nil {
			return err
		} else if ok {
			if n.as, err = p.id(); err != nil {
				return err
			}
		}
		u.names = append(u.names, n)
		return nil
	})
	if err != nil {
		return u, err
	}
	if len(u.names) == 0 {
		return u, u.path.pos.errorf("use of nothing")
	}
	return u, p.expect(";")
}

// commas reads items with commas between them, and perhaps one behind, up to the closing token, which it takes.
func (p *parser) commas(closing string, item func() error) error {
	for !p.tok.is(closing) {
		if err := item(); err != nil {
			return err
		}
		if p.tok.is(closing) {
			break
		}
		if !p.tok.is(",") {
			return p.errorf("want ',' or '%s', found %s", closing, p.tok.describe())
		}
		if err := p.advance(); err != nil {
			return err
		}
	}
	return p.advance()
}

// typeDecl = resource-item | variant-items | record-item | flags-items | enum-items | type-item
func (p *parser) typeDecl(h head) (*typeDecl, error) {
	t := &typeDecl{head: h}
	keyword := p.tok.text
	if err := p.advance(); err != nil {
		return nil, err
	}
	t.pos = p.pos()
	var err error
	if t.name, err = p.id(); err != nil {
		return nil, err
	}
	switch keyword {
	case "type":
		t.kind = Alias
		if err := p.expect("="); err != nil {
			return nil, err
		}
		if t.alias, err = p.typ(); err != nil {
			return nil, err
		}
		return t, p.expect(";")
	case "resource":
		t.kind = Resource
		if ok, err := p.accept(";"); ok || err != nil {
			return t, err
		}
		return t, p.resourceBody(t)
	case "record":
		t.kind = Record
		t.fields, err = p.fields("{", "}")
	case "variant":
		t.kind = Variant
		t.fields, err = p.cases(true)
	case "enum":
		t.kind = Enum
		t.fields, err = p.cases(false)
	case "flags":
		t.kind = Flags
		t.fields, err = p.cases(false)
	}
	if err == nil && len(t.fields) == 0 {
		err = t.pos.errorf("%s %s has no members", keyword, t.name)
	}
	return t, err
}

// fields = open (id ':' ty) with commas, and close; of a record or of parameters.
func (p *parser) fields(open, closing string) (fs []fieldDecl, err error) {
	if err := p.expect(open); err != nil {
		return nil, err
	}
	err = p.commas(closing, func() (err error) {
		f := fieldDecl{pos: p.pos(), docs: p.tok.docs}
		if f.name, err = p.id(); err != nil {
			return err
		}
		if err := p.expect(":"); err != nil {
			return err
		}
		f.typ, err = p.typ()
		fs = append(fs, f)
		return err
	})
	return fs, err
}

// cases = '{' (id or, with payloads, id '(' ty ')') with commas '}'
func (p *parser) cases(payloads bool) (fs []fieldDecl, err error) {
	if err := p.expect("{"); err != nil {
		return nil, err
	}
	err = p.commas("}", func() (err error) {
		f := fieldDecl{pos: p.pos(), docs: p.tok.docs}
		if f.name, err = p.id(); err != nil {
			return err
		}
		if payloads && p.tok.is("(") {
			if err := p.advance(); err != nil {
				return err
			}
			if f.typ, err = p.typ(); err != nil {
				return err
			}
			err = p.expect(")")
		}
		fs = append(fs, f)
		return err
	})
	return fs, err
}

// resourceBody = '{' resource-method* '}'
func (p *parser) resourceBody(t *typeDecl) error {
	if err := p.expect("{"); err != nil {
		return err
	}
	for !p.tok.is("}") {
		h, err := p.head()
		if err != nil {
			return err
		}
		h.pos = p.pos()
		var f *funcDecl
		if p.tok.is("constructor") {
			if err := p.advance(); err != nil {
				return err
			}
			f, err = p.signature(h, "new", Constructor)
		} else {
			var name string
			if name, err = p.id(); err != nil {
				return err
			}
			if err := p.expect(":"); err != nil {
				return err
			}
			kind := Method
			if ok, err := p.accept("static"); err != nil {
				return err
			} else if ok {
				kind = Static
			}
			f, err = p.fn(h, name, kind)
		}
		if err != nil {
			return err
		}
		t.funcs = append(t.funcs, f)
	}
	return p.advance()
}

// fn = 'async'? 'func' param-list result-list ';'
func (p *parser) fn(h head, name string, kind FuncKind) (*funcDecl, error) {
	async, err := p.accept("async")
	if err != nil {
		return nil, err
	}
	if err := p.expect("func"); err != nil {
		return nil, err
	}
	f, err := p.signature(h, name, kind)
	if err != nil {
		return nil, err
	}
	f.async = async
	return f, nil
}

// signature = param-list result-list ';'
func (p *parser) signature(h head, name string, kind FuncKind) (*funcDecl, error) {
	f := &funcDecl{head: h, name: name, kind: kind}
	var err error
	if f.params, err = p.fields("(", ")"); err != nil {
		return nil, err
	}
	if ok, err := p.accept("->"); err != nil {
		return nil, err
	} else if ok {
		if f.result, err = p.typ(); err != nil {
			return nil, err
		}
	}
	return f, p.expect(";")
}

// world = id '{' world-items* '}'
func (p *parser) world(h head) (*worldDecl, error) {
	w := &worldDecl{head: h}
	var err error
	if w.name, err = p.id(); err != nil {
		return nil, err
	}
	if err := p.expect("{"); err != nil {
		return nil, err
	}
	for !p.tok.is("}") {
		h, err := p.head()
		if err != nil {
			return nil, err
		}
		switch {
		case p.tok.is("use"):
			u, err := p.use(h)
			if err != nil {
				return nil, err
			}
			w.uses = append(w.uses, u)
		case p.typeKeyword():
			t, err := p.typeDecl(h)
			if err != nil {
				return nil, err
			}
			w.types = append(w.types, t)
		case p.tok.is("import"), p.tok.is("export"):
			e, err := p.extern(h)
			if err != nil {
				return nil, err
			}
			w.externs = append(w.externs, e)
		case p.tok.is("include"):
			i, err := p.include(h)
			if err != nil {
				return nil, err
			}
			w.includes = append(w.includes, i)
		default:
			return nil, p.errorf("want 'import', 'export', 'include', 'use', a type or '}' in world %s, found %s", w.name, p.tok.describe())
		}
	}
	return w, p.advance()
}

// extern = ('import' | 'export') (id ':' extern-type | use-path ';')
//
// "a:b" without space is one path, "a: b" a name and what it is of (WIT.md §Item: world).
func (p *parser) extern(h head) (e externDecl, err error) {
	e.head, e.export = h, p.tok.is("export")
	if err := p.advance(); err != nil {
		return e, err
	}
	e.pos = p.pos()
	first := p.tok
	name, err := p.id()
	if err != nil {
		return e, err
	}
	if !p.tok.is(":") {
		e.path = &usePath{pos: e.pos, name: name}
		return e, p.expect(";")
	}
	glued := p.tok.start == first.end && p.tok.end < len(p.lex.src.Text) && p.lex.src.Text[p.tok.end] != ' ' &&
		(isLetter(p.lex.src.Text[p.tok.end]) || p.lex.src.Text[p.tok.end] == '%')
	if glued && !p.inlineAhead() {
		e.path = &usePath{pos: e.pos, ns: name}
		if err := p.restOfPath(e.path); err != nil {
			return e, err
		}
		return e, p.expect(";")
	}
	if err := p.advance(); err != nil {
		return e, err
	}
	e.name = name
	switch {
	case p.tok.is("async"), p.tok.is("func"):
		e.fn, err = p.fn(h, name, Free)
		return e, err
	case p.tok.is("interface"):
		if err := p.advance(); err != nil {
			return e, err
		}
		e.iface, err = p.ifaceBody(h, name)
		return e, err
	}
	path, err := p.usePath()
	if err != nil {
		return e, err
	}
	e.path = &path
	return e, p.expect(";")
}

// inlineAhead says that behind the current ':' stands a function or an interface, however close.
func (p *parser) inlineAhead() bool {
	ahead := lexer{src: p.lex.src, off: p.tok.end}
	t, err := ahead.next()
	return err == nil && (t.is("func") || t.is("async") || t.is("interface"))
}

// include = 'include' use-path (';' | 'with' '{' include-names-list '}' ';'?)
func (p *parser) include(h head) (i includeDecl, err error) {
	i.head = h
	if err := p.advance(); err != nil {
		return i, err
	}
	if i.path, err = p.usePath(); err != nil {
		return i, err
	}
	if !p.tok.is("with") {
		return i, p.expect(";")
	}
	if err := p.advance(); err != nil {
		return i, err
	}
	if err := p.expect("{"); err != nil {
		return i, err
	}
	err = p.commas("}", func() (err error) {
		var r Rename
		if r.From, err = p.id(); err != nil {
			return err
		}
		if err := p.expect("as"); err != nil {
			return err
		}
		r.To, err = p.id()
		i.with = append(i.with, r)
		return err
	})
	if err != nil {
		return i, err
	}
	_, err = p.accept(";")
	return i, err
}
