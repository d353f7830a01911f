package wit

import "strconv"

// maxDepth bounds how deep types nest, so that hostile text cannot exhaust the stack.
const maxDepth = 100

var primitives = map[string]Kind{
	"bool": Bool, "s8": S8, "u8": U8, "s16": S16, "u16": U16, "s32": S32, "u32": U32, "s64": S64, "u64": U64,
	"f32": F32, "f64": F64, "char": Char, "string": String, "error-context": ErrorContext,
}

// typ = a primitive, a name, or a built-in with arguments (WIT.md §Types).
func (p *parser) typ() (*typeExpr, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		return nil, p.errorf("types nest deeper than %d", maxDepth)
	}
	t := &typeExpr{pos: p.pos()}
	if p.tok.kind != tokID {
		return nil, p.errorf("want a type, found %s", p.tok.describe())
	}
	if p.tok.escaped || !isKeyword(p.tok.text) {
		var err error
		t.name, err = p.id()
		return t, err
	}
	if k, ok := primitives[p.tok.text]; ok {
		t.kind = k
		return t, p.advance()
	}
	keyword := p.tok.text
	if err := p.advance(); err != nil {
		return nil, err
	}
	var err error
	switch keyword {
	case "tuple":
		t.kind = Tuple
		if err = p.expect("<"); err == nil {
			err = p.commas(">", func() error { return p.arg(t) })
		}
		if err == nil && len(t.args) == 0 {
			err = t.pos.errorf("tuple of nothing")
		}
	case "list":
		t.kind = List
		err = p.list(t)
	case "option":
		t.kind = Option
		err = p.args(t, 1)
	case "map":
		t.kind = Map
		if err = p.args(t, 2); err == nil && !validKey(t.args[0].kind) {
			err = t.args[0].pos.errorf("a map's key has to be an integer, bool, char or string")
		}
	case "result":
		t.kind = Result
		err = p.result(t)
	case "stream", "future":
		t.kind = Stream
		if keyword == "future" {
			t.kind = Future
		}
		if p.tok.is("<") {
			err = p.args(t, 1)
		}
	case "own", "borrow":
		t.kind = Own
		if keyword == "borrow" {
			t.kind = Borrow
		}
		if err = p.expect("<"); err == nil {
			if t.name, err = p.id(); err == nil {
				err = p.expect(">")
			}
		}
	default:
		return nil, t.pos.errorf("want a type, found keyword '%s'", keyword)
	}
	return t, err
}

// validKey says that maps may have keys of kind k.
func validKey(k Kind) bool { return k >= Bool && k <= U64 || k == Char || k == String }

// arg reads one type argument.
func (p *parser) arg(t *typeExpr) error {
	a, err := p.typ()
	t.args = append(t.args, a)
	return err
}

// args = '<' n types with commas '>'
func (p *parser) args(t *typeExpr, n int) error {
	if err := p.expect("<"); err != nil {
		return err
	}
	for i := range n {
		if i > 0 {
			if err := p.expect(","); err != nil {
				return err
			}
		}
		if err := p.arg(t); err != nil {
			return err
		}
	}
	return p.expect(">")
}

// list = '<' ty (',' uint)? '>'
func (p *parser) list(t *typeExpr) error {
	if err := p.expect("<"); err != nil {
		return err
	}
	if err := p.arg(t); err != nil {
		return err
	}
	if ok, err := p.accept(","); err != nil {
		return err
	} else if ok {
		n, err := strconv.ParseUint(p.tok.text, 10, 32)
		if p.tok.kind != tokInt || err != nil || n == 0 {
			return p.errorf("want the length of a list, found %s", p.tok.describe())
		}
		t.len = uint32(n)
		if err := p.advance(); err != nil {
			return err
		}
	}
	return p.expect(">")
}

// result = nothing | '<' (ty | '_' ',' ty | ty ',' ty) '>'
func (p *parser) result(t *typeExpr) error {
	t.args = []*typeExpr{nil, nil}
	if !p.tok.is("<") {
		return nil
	}
	if err := p.advance(); err != nil {
		return err
	}
	hasOK := !p.tok.is("_")
	if hasOK {
		ok, err := p.typ()
		if err != nil {
			return err
		}
		t.args[0] = ok
	} else if err := p.advance(); err != nil {
		return err
	}
	if !hasOK || p.tok.is(",") {
		if err := p.expect(","); err != nil {
			return err
		}
		e, err := p.typ()
		if err != nil {
			return err
		}
		t.args[1] = e
	}
	return p.expect(">")
}
