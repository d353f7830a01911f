package wit

import (
	"fmt"
	"strings"
)

// Print writes a package's interfaces and worlds as WIT text, docs included: use statements first, then types, then
// functions. Strip the docs ([Package.StripDocs]) to get the signatures alone.
func (p *Package) Print() string {
	w := &printer{}
	w.docs(p.Docs)
	w.line("package %s;", p)
	for _, i := range p.Interfaces {
		w.gap()
		w.iface(i, "interface "+label(i.ID.Interface))
	}
	for _, x := range p.Worlds {
		w.gap()
		w.world(x)
	}
	return w.b.String()
}

// Files splits what Print writes into one file for each interface and "worlds.wit", by file name.
func (p *Package) Files() map[string]string {
	files := map[string]string{}
	start := func(docs string) *printer {
		w := &printer{}
		w.docs(docs)
		w.line("package %s;", p)
		w.gap()
		return w
	}
	for _, i := range p.Interfaces {
		docs := ""
		if len(p.Worlds) == 0 {
			docs = p.Docs
		}
		w := start(docs)
		w.iface(i, "interface "+label(i.ID.Interface))
		files[i.ID.Interface+".wit"] = w.b.String()
	}
	if len(p.Worlds) > 0 {
		w := start(p.Docs)
		for n, x := range p.Worlds {
			if n > 0 {
				w.gap()
			}
			w.world(x)
		}
		files["worlds.wit"] = w.b.String()
	}
	return files
}

// Print writes the interface alone, without a package's name before it.
func (i *Interface) Print() string {
	w := &printer{}
	w.iface(i, "interface "+label(i.ID.Interface))
	return w.b.String()
}

// Print writes the world alone, as it was written: what includes bring stays in them.
func (w *World) Print() string {
	pr := &printer{}
	pr.world(w)
	return pr.b.String()
}

// printer writes indented lines.
type printer struct {
	b      strings.Builder
	indent int
}

func (w *printer) line(format string, args ...any) {
	w.b.WriteString(strings.Repeat("  ", w.indent))
	fmt.Fprintf(&w.b, format, args...)
	w.b.WriteByte('\n')
}

func (w *printer) gap() {
	if w.b.Len() > 0 {
		w.b.WriteByte('\n')
	}
}

func (w *printer) open(format string, args ...any) {
	w.line(format+" {", args...)
	w.indent++
}

func (w *printer) close() {
	w.indent--
	w.line("}")
}

func (w *printer) docs(text string) {
	if text == "" {
		return
	}
	for l := range strings.SplitSeq(text, "\n") {
		w.line("%s", strings.TrimRight("/// "+l, " "))
	}
}

func (w *printer) head(docs string, g Gate, external string) {
	w.docs(docs)
	if g.Since != "" {
		w.line("@since(version = %s)", g.Since)
	}
	if g.Unstable != "" {
		w.line("@unstable(feature = %s)", label(g.Unstable))
	}
	if g.Deprecated != "" {
		w.line("@deprecated(version = %s)", g.Deprecated)
	}
	if external != "" {
		w.line("@external-id(%s)", quote(external))
	}
}

// quote writes a string literal.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case forbidden(r) || r == '\n' || r == '\r' || r == '\t':
			fmt.Fprintf(&b, `\u{%x}`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// label spells a name, with '%' where it is a keyword.
func label(s string) string {
	if isKeyword(s) {
		return "%" + s
	}
	return s
}

// path spells an ID: by its bare name inside its own package.
func (w *printer) path(id InterfaceID, in *Package) string {
	if id == in.ID(id.Interface) {
		return label(id.Interface)
	}
	s := label(id.Namespace) + ":" + label(id.Package) + "/" + label(id.Interface)
	if id.Version != "" {
		s += "@" + id.Version
	}
	return s
}

func (w *printer) iface(i *Interface, title string) {
	w.head(i.Docs, i.Gate, "")
	w.open("%s", title)
	n := w.types(i.Types, i.Package)
	for _, f := range i.Funcs {
		if n++; n > 1 {
			w.gap()
		}
		w.fn(f)
	}
	w.close()
}

// types writes uses and declarations, and says how many items that made.
func (w *printer) types(ts []*Type, in *Package) (n int) {
	for k := 0; k < len(ts); k++ {
		t := ts[k]
		if t.From == nil {
			continue
		}
		var names []string
		for ; k < len(ts) && ts[k].From != nil && ts[k].From.ID == t.From.ID && ts[k].Gate == t.Gate; k++ {
			name := label(ts[k].From.Name)
			if ts[k].Name != ts[k].From.Name {
				name += " as " + label(ts[k].Name)
			}
			names = append(names, name)
		}
		k--
		w.head(t.Docs, t.Gate, "")
		w.line("use %s.{%s};", w.path(t.From.ID, in), strings.Join(names, ", "))
		n++
	}
	for _, t := range ts {
		if t.From == nil {
			if n > 0 {
				w.gap()
			}
			w.decl(t)
			n++
		}
	}
	return n
}

func (w *printer) decl(t *Type) {
	w.head(t.Docs, t.Gate, t.External)
	switch t.Kind {
	case Alias:
		w.line("type %s = %s;", label(t.Name), t.Elem)
	case Resource:
		if len(t.Funcs) == 0 {
			w.line("resource %s;", label(t.Name))
			return
		}
		w.open("resource %s", label(t.Name))
		for n, f := range t.Funcs {
			if n > 0 {
				w.gap()
			}
			w.fn(f)
		}
		w.close()
	case Record:
		w.open("record %s", label(t.Name))
		for _, f := range t.Fields {
			w.docs(f.Docs)
			w.line("%s: %s,", label(f.Name), f.Type)
		}
		w.close()
	default:
		w.open("%s %s", t.Kind, label(t.Name))
		for _, c := range t.Cases {
			w.docs(c.Docs)
			if c.Type != nil {
				w.line("%s(%s),", label(c.Name), c.Type)
			} else {
				w.line("%s,", label(c.Name))
			}
		}
		w.close()
	}
}

func (w *printer) fn(f *Func) {
	w.head(f.Docs, f.Gate, f.External)
	switch f.Kind {
	case Constructor:
		w.line("constructor%s;", f.Signature())
	case Static:
		w.line("%s: static %s;", label(f.Base), f.keyword()+f.Signature())
	default:
		w.line("%s: %s;", label(f.Base), f.keyword()+f.Signature())
	}
}

func (f *Func) keyword() string {
	if f.Async {
		return "async func"
	}
	return "func"
}

// Signature spells the parameters and the result as WIT text does: without a method's self, and without the result of a
// constructor that cannot fail.
func (f *Func) Signature() string {
	params := f.Params
	if f.Kind == Method {
		params = params[1:]
	}
	var b strings.Builder
	b.WriteByte('(')
	for i, p := range params {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(label(p.Name) + ": " + p.Type.String())
	}
	b.WriteByte(')')
	if f.Result != nil && !(f.Kind == Constructor && f.Result.Kind == Own) {
		b.WriteString(" -> " + f.Result.String())
	}
	return b.String()
}

// String spells the type where it is used: a named one by its name.
func (t *Type) String() string {
	if t == nil {
		return "_"
	}
	if t.Name != "" {
		return label(t.Name)
	}
	switch t.Kind {
	case Own:
		return t.Elem.String()
	case Tuple:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = f.Type.String()
		}
		return "tuple<" + strings.Join(parts, ", ") + ">"
	case List:
		if t.Len > 0 {
			return fmt.Sprintf("list<%s, %d>", t.Elem, t.Len)
		}
	case Map:
		return "map<" + t.Key.String() + ", " + t.Elem.String() + ">"
	case Result:
		switch {
		case t.OK == nil && t.Err == nil:
			return "result"
		case t.Err == nil:
			return "result<" + t.OK.String() + ">"
		}
		return "result<" + t.OK.String() + ", " + t.Err.String() + ">"
	}
	if t.Elem == nil {
		return t.Kind.String()
	}
	return t.Kind.String() + "<" + t.Elem.String() + ">"
}

func (w *printer) world(x *World) {
	w.head(x.Docs, x.Gate, "")
	w.open("world %s", label(x.Name))
	var own []*Type
	for _, t := range x.Types {
		if t.pos.src == nil || !x.included(t) {
			own = append(own, t)
		}
	}
	for _, i := range x.Includes {
		w.head("", i.Gate, "")
		if len(i.With) == 0 {
			w.line("include %s;", w.path(i.ID, x.Package))
			continue
		}
		var with []string
		for _, r := range i.With {
			with = append(with, label(r.From)+" as "+label(r.To))
		}
		w.line("include %s with { %s }", w.path(i.ID, x.Package), strings.Join(with, ", "))
	}
	n := w.types(own, x.Package) + len(x.Includes)
	w.externs("import", x.Imports, x.Package, &n)
	w.externs("export", x.Exports, x.Package, &n)
	w.close()
}

// included says that an include brought the type.
func (w *World) included(t *Type) bool {
	for _, i := range w.Includes {
		if had := findType(i.World.Types, t.Name); had != nil && had.pos == t.pos {
			return true
		}
	}
	return false
}

func (w *printer) externs(verb string, es []Extern, in *Package, n *int) {
	for _, e := range es {
		if e.Included || e.Implied {
			continue
		}
		if *n++; *n > 1 && e.Docs != "" {
			w.gap()
		}
		switch {
		case e.Interface != nil && e.Name != "" && e.Interface.ID.Namespace == "":
			inline := *e.Interface
			inline.Docs, inline.Gate = e.Docs, e.Gate
			w.iface(&inline, verb+" "+label(e.Name)+": interface")
		case e.Interface != nil && e.Name != "":
			w.head(e.Docs, e.Gate, e.External)
			w.line("%s %s: %s;", verb, label(e.Name), w.path(e.Interface.ID, in))
		case e.Interface != nil:
			w.head(e.Docs, e.Gate, e.External)
			w.line("%s %s;", verb, w.path(e.ID, in))
		default:
			w.head(e.Docs, e.Gate, e.External)
			w.line("%s %s: %s;", verb, label(e.Name), e.Func.keyword()+e.Func.Signature())
		}
	}
}

// StripDocs removes the docs of everything in the package.
func (p *Package) StripDocs() {
	p.EachDocs(func(_ string, docs *string) { *docs = "" })
}

// EachDocs calls visit with the docs of each item and its path in the package: "poll.pollable.ready" for a function of a
// resource, "types.method.get" for a case, "imports" for a world, "" for the package itself.
func (p *Package) EachDocs(visit func(path string, docs *string)) {
	visit("", &p.Docs)
	for _, i := range p.Interfaces {
		visit(i.ID.Interface, &i.Docs)
		eachDocs(i.ID.Interface, i.Types, visit)
		for _, f := range i.Funcs {
			visit(i.ID.Interface+"."+f.Base, &f.Docs)
		}
	}
	for _, w := range p.Worlds {
		visit(w.Name, &w.Docs)
		eachDocs(w.Name, w.Types, visit)
		for _, es := range [][]Extern{w.Imports, w.Exports} {
			for k := range es {
				e := &es[k]
				visit(w.Name+"."+e.ID.Interface, &e.Docs)
				if e.Interface != nil && e.Interface.ID.Namespace == "" {
					visit(w.Name+"."+e.ID.Interface, &e.Interface.Docs)
					eachDocs(w.Name+"."+e.ID.Interface, e.Interface.Types, visit)
				}
			}
		}
	}
}

func eachDocs(at string, ts []*Type, visit func(string, *string)) {
	for _, t := range ts {
		at := at + "." + t.Name
		visit(at, &t.Docs)
		for i := range t.Fields {
			visit(at+"."+t.Fields[i].Name, &t.Fields[i].Docs)
		}
		for i := range t.Cases {
			visit(at+"."+t.Cases[i].Name, &t.Cases[i].Docs)
		}
		for _, f := range t.Funcs {
			visit(at+"."+f.Base, &f.Docs)
		}
	}
}
