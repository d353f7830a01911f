package wit

import "strings"

// Source is one WIT text. Name is used in messages.
type Source struct {
	Name, Text string
}

// parser reads one source. Its methods are one production of the grammar each.
type parser struct {
	lex   lexer
	tok   token // the current token
	depth int   // of type arguments
}

// parse reads a source.
func parse(src *Source) (*file, error) {
	if err := checkText(src); err != nil {
		return nil, err
	}
	p := &parser{lex: lexer{src: src}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	return p.file()
}

func (p *parser) pos() pos { return pos{p.lex.src, p.tok.start} }

func (p *parser) errorf(format string, args ...any) error { return p.pos().errorf(format, args...) }

// advance reads the next token.
func (p *parser) advance() (err error) {
	p.tok, err = p.lex.next()
	return err
}

// accept takes the current token if it is text.
func (p *parser) accept(text string) (bool, error) {
	if !p.tok.is(text) {
		return false, nil
	}
	return true, p.advance()
}

// expect takes the current token, which must be text.
func (p *parser) expect(text string) error {
	if !p.tok.is(text) {
		return p.errorf("want '%s', found %s", text, p.tok.describe())
	}
	return p.advance()
}

// id takes an identifier.
func (p *parser) id() (string, error) {
	if p.tok.kind != tokID {
		return "", p.errorf("want a name, found %s", p.tok.describe())
	}
	if !p.tok.escaped && isKeyword(p.tok.text) {
		return "", p.errorf("'%s' is a keyword: write '%%%s' to use it as a name", p.tok.text, p.tok.text)
	}
	name := p.tok.text
	return name, p.advance()
}

// isKeyword says that s cannot be a name unless it is written with '%' (WIT.md §Keywords).
func isKeyword(s string) bool {
	switch s {
	case "as", "async", "bool", "borrow", "char", "constructor", "enum", "export", "f32", "f64", "flags", "from", "func",
		"future", "import", "include", "interface", "list", "map", "option", "own", "package", "record", "resource",
		"result", "s16", "s32", "s64", "s8", "static", "stream", "string", "tuple", "type", "u16", "u32", "u64", "u8", "use",
		"variant", "with", "world", "error-context":
		return true
	}
	return false
}

// version reads a version right behind the current token, which it takes with it.
func (p *parser) version() (string, error) {
	p.lex.off = p.tok.end
	if _, err := p.lex.skip(); err != nil {
		return "", err
	}
	v, err := p.lex.version()
	if err != nil {
		return "", err
	}
	return v, p.advance()
}

// file = (package-decl ';')? (package-items | nested-package-definition)*
func (p *parser) file() (*file, error) {
	f := &file{src: p.lex.src}
	for first := true; p.tok.kind != tokEOF; first = false {
		if !p.tok.is("package") {
			if err := p.packageItem(&f.items); err != nil {
				return nil, err
			}
			continue
		}
		decl, err := p.packageDecl()
		if err != nil {
			return nil, err
		}
		if ok, err := p.accept(";"); err != nil {
			return nil, err
		} else if ok {
			if !first {
				return nil, decl.pos.errorf("the package has to be named before everything else in a file")
			}
			f.pkg = &decl
			continue
		}
		if !p.tok.is("{") {
			return nil, p.errorf("want ';' or '{' after the package's name, found %s", p.tok.describe())
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		n := &nestedPackage{decl: decl}
		for !p.tok.is("}") {
			if p.tok.is("package") {
				return nil, p.errorf("a package inside a package's braces")
			}
			if err := p.packageItem(&n.items); err != nil {
				return nil, err
			}
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		f.nested = append(f.nested, n)
	}
	return f, nil
}

// packageDecl = 'package' id ':' id ('@' valid-semver)?
func (p *parser) packageDecl() (d packageDecl, err error) {
	d.pos, d.docs = p.pos(), p.tok.docs
	if err := p.expect("package"); err != nil {
		return d, err
	}
	if d.ns, err = p.id(); err != nil {
		return d, err
	}
	if err := p.expect(":"); err != nil {
		return d, err
	}
	if d.name, err = p.id(); err != nil {
		return d, err
	}
	if p.tok.is(":") || p.tok.is("/") {
		return d, p.errorf("nested namespaces and packages are not known here")
	}
	if p.tok.is("@") {
		d.version, err = p.version()
	}
	return d, err
}

// packageItem = gate ('use' … | 'interface' … | 'world' …)
func (p *parser) packageItem(into *items) error {
	h, err := p.head()
	if err != nil {
		return err
	}
	switch {
	case p.tok.is("use"):
		if err := p.advance(); err != nil {
			return err
		}
		var u topUse
		if u.path, err = p.usePath(); err != nil {
			return err
		}
		u.as = u.path.name
		if ok, err := p.accept("as"); err != nil {
			return err
		} else if ok {
			if u.as, err = p.id(); err != nil {
				return err
			}
		}
		into.uses = append(into.uses, u)
		return p.expect(";")
	case p.tok.is("interface"):
		if err := p.advance(); err != nil {
			return err
		}
		h.pos = p.pos()
		name, err := p.id()
		if err != nil {
			return err
		}
		i, err := p.ifaceBody(h, name)
		into.ifaces = append(into.ifaces, i)
		return err
	case p.tok.is("world"):
		if err := p.advance(); err != nil {
			return err
		}
		h.pos = p.pos()
		w, err := p.world(h)
		into.worlds = append(into.worlds, w)
		return err
	}
	return p.errorf("want 'interface', 'world', 'use' or 'package', found %s", p.tok.describe())
}

// head = docs and gates: '@since(version = v)', '@unstable(feature = f)', '@deprecated(version = v)', '@external-id("…")'
func (p *parser) head() (h head, err error) {
	h.pos, h.docs = p.pos(), p.tok.docs
	for p.tok.is("@") {
		if err := p.advance(); err != nil {
			return h, err
		}
		at := p.pos()
		what := p.tok.text
		if p.tok.kind != tokID {
			return h, p.errorf("want a gate's name after '@', found %s", p.tok.describe())
		}
		if err := p.advance(); err != nil {
			return h, err
		}
		if err := p.expect("("); err != nil {
			return h, err
		}
		switch what {
		case "since":
			h.gate.Since, err = p.gateVersion()
		case "deprecated":
			h.gate.Deprecated, err = p.gateVersion()
		case "unstable":
			if err = p.expect("feature"); err == nil {
				if err = p.expect("="); err == nil {
					h.gate.Unstable, err = p.id()
				}
			}
		case "external-id":
			if p.tok.kind != tokString {
				return h, p.errorf("want a string, found %s", p.tok.describe())
			}
			h.external = p.tok.text
			err = p.advance()
		default:
			return h, at.errorf("unknown gate '@%s'", what)
		}
		if err != nil {
			return h, err
		}
		if err := p.expect(")"); err != nil {
			return h, err
		}
		if h.docs == "" {
			h.docs = p.tok.docs
		}
	}
	if h.gate.Since != "" && h.gate.Unstable != "" {
		return h, h.pos.errorf("both @since and @unstable")
	}
	if h.gate.Deprecated != "" && h.gate.Since == "" && h.gate.Unstable == "" {
		return h, h.pos.errorf("@deprecated without @since or @unstable")
	}
	return h, nil
}

func (p *parser) gateVersion() (string, error) {
	if err := p.expect("version"); err != nil {
		return "", err
	}
	if !p.tok.is("=") {
		return "", p.errorf("want '=', found %s", p.tok.describe())
	}
	return p.version()
}

// usePath = id | id ':' id '/' id ('@' valid-semver)?
func (p *parser) usePath() (u usePath, err error) {
	u.pos = p.pos()
	if u.name, err = p.id(); err != nil || !p.tok.is(":") {
		return u, err
	}
	u.ns = u.name
	return u, p.restOfPath(&u)
}

// restOfPath reads ":pkg/name@version" behind the namespace.
func (p *parser) restOfPath(u *usePath) (err error) {
	if err := p.expect(":"); err != nil {
		return err
	}
	if u.pkg, err = p.id(); err != nil {
		return err
	}
	if !p.tok.is("/") {
		return p.errorf("want '/' and a name in package %s:%s, found %s", u.ns, u.pkg, p.tok.describe())
	}
	if err := p.advance(); err != nil {
		return err
	}
	if u.name, err = p.id(); err != nil {
		return err
	}
	if p.tok.is("/") {
		return p.errorf("nested namespaces and packages are not known here")
	}
	if p.tok.is("@") {
		u.version, err = p.version()
	}
	return err
}

// String spells the path as it is written.
func (u usePath) String() string {
	if u.ns == "" {
		return u.name
	}
	var b strings.Builder
	b.WriteString(u.ns + ":" + u.pkg + "/" + u.name)
	if u.version != "" {
		b.WriteString("@" + u.version)
	}
	return b.String()
}
