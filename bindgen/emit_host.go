package bindgen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/wit"
)

// method writes one method of a Go interface.
func (g *generator) method(f *wit.Func, name string, params []wit.Field) {
	if f.Docs != "" {
		g.comment("", f.Docs)
	}
	g.p("%s%s", name, g.signature(params, f.Result))
}

// signature is the Go signature of a function: a context first, an error last.
func (g *generator) signature(params []wit.Field, result *wit.Type) string {
	g.use("context")
	var b strings.Builder
	b.WriteString("(ctx context.Context")
	names := g.pkg.params(params)
	for i, p := range params {
		fmt.Fprintf(&b, ", %s %s", names[i], g.goType(p.Type))
	}
	if ok, has := g.okType(result); has {
		return b.String() + ") (" + ok + ", error)"
	}
	return b.String() + ") error"
}

// okType is the Go type of what a function returns when all is well, if anything.
func (g *generator) okType(result *wit.Type) (string, bool) {
	if result == nil {
		return "", false
	}
	if r := result.Resolve(); r.Kind == wit.Result {
		if r.OK == nil {
			return "", false
		}
		return g.goType(r.OK), true
	}
	return g.goType(result), true
}

// host writes what the host implements and how it is defined in a linker.
func (g *generator) host() {
	u := g.unit
	if u.world != nil && !u.serves(g.pkg) {
		return
	}
	g.use("component")
	param, arg := "", ""
	if u.name != "" {
		g.comment(fmt.Sprintf("%s serves the functions of %s. An error that is (or wraps) a *cm.ResultError is the error of the "+
			"function's result; every other error traps the guest.", u.name, u.title), u.docs)
		g.p("type %s interface {", u.name)
		for _, f := range u.funcs {
			if isImpl(f) {
				g.at = f
				g.method(f, u.methods[f], f.Params)
			}
		}
		g.p("}\n")
		param, arg = "impl "+u.name, "impl"
	}
	base := u.base()
	sep := ""
	if param != "" {
		sep = ", "
	}
	id := u.idVar
	if u.world != nil {
		g.use("wit")
		id = "wit.InterfaceID{}"
	}
	g.p("// Add%s defines %s in a linker.", base, u.title)
	g.p("func Add%s(l *component.Linker%s%s) {", base, sep, param)
	if handles := g.handles(); len(handles)+len(u.funcs) > 0 {
		g.p("h := l.Instance(%s)", id)
		for _, h := range handles {
			g.p("h.Resource(%q, %s)", h[0], h[1])
		}
		if len(u.funcs) > 0 {
			g.p("for _, f := range %sFuncs(%s) {\nh.Define(f)\n}", base, arg)
		}
	} else {
		g.p("l.Instance(%s)", id)
	}
	g.p("}\n")
	if len(u.funcs) == 0 {
		return
	}
	g.use("cm")
	g.p("// %sFuncs are the functions that Add%s defines.", base, base)
	g.p("func %sFuncs(%s) []cm.HostDef {\nreturn []cm.HostDef{", base, param)
	for _, f := range u.funcs {
		g.hostFunc(f)
	}
	g.p("}\n}\n")
	g.funcTypes()
}

// handles are the resource types that the interface exports, by name: its own, aliases and used ones.
func (g *generator) handles() (hs [][2]string) {
	for _, t := range g.unit.types {
		if !isHandle(t) || !g.pkg.has(t.Gate) {
			continue
		}
		d, q := g.resource(t)
		hs = append(hs, [2]string{t.Name, q + d.typ})
	}
	return hs
}

// hostFunc writes one entry of the table: arguments lifted, the call, its result lowered. An async function is written in
// three: a function that lifts, which returns the work, which returns the function that lowers.
func (g *generator) hostFunc(f *wit.Func) {
	g.at = f
	g.bound[f.Name] = true
	call, names, lifts := g.implCall(f)
	a := "a"
	if len(f.Params) == 0 {
		a = "_"
	}
	g.use("context")
	borrows := ""
	if g.borrows[f.Name] {
		borrows = "BorrowsBytes: true, "
	}
	if g.child = g.children[f.Name]; g.child && !(f.Kind == wit.Method && g.consumes(f.Result)) {
		g.fail("%s has no child to give: want a method whose result holds a resource", f.Name)
	}
	if f.Async {
		g.p("{Name: %q, Type: %s, %sParts: func(ctx context.Context, %s []cm.Val) (cm.Work, error) {", f.Name, g.unit.typeVars[f], borrows, a)
		g.consume(f, "nil")
		if len(names) > 0 {
			g.p("%s := %s", strings.Join(names, ", "), strings.Join(lifts, ", "))
		}
		g.p("return func(ctx context.Context) cm.Finish {")
		g.lowerResult(f, call)
		g.p("}\n}, nil")
	} else {
		g.p("{Name: %q, Type: %s, %sFunc: func(ctx context.Context, %s []cm.Val) (cm.Val, error) {", f.Name, g.unit.typeVars[f], borrows, a)
		g.consume(f, "cm.Val{}")
		g.lowerResult(f, call)
	}
	g.child = false
	g.p("}},")
}

// implCall returns the call of the implementation. That of an async function has variables as its arguments, names, and lifts
// are their values: arguments are lifted before the work.
func (g *generator) implCall(f *wit.Func) (call string, names, lifts []string) {
	args := []string{"ctx"}
	for i, p := range f.Params {
		arg := g.lift(p.Type, fmt.Sprintf("a[%d]", i))
		if f.Async {
			names, lifts = append(names, fmt.Sprintf("x%d", i)), append(lifts, arg)
			arg = names[i]
		}
		args = append(args, arg)
	}
	receiver := "impl"
	if f.Kind == wit.Method {
		receiver = args[1]
		args = slices.Delete(args, 1, 2)
	}
	return fmt.Sprintf("%s.%s(%s)", receiver, g.unit.methods[f], strings.Join(args, ", ")), names, lifts
}

// consume writes what takes the resources that f's caller gives away; nothing is the function's first result if that fails.
func (g *generator) consume(f *wit.Func, nothing string) {
	if slices.ContainsFunc(f.Params, func(p wit.Field) bool { return g.consumes(p.Type) }) {
		g.p("if err := %s(ctx, %s, a); err != nil {\nreturn %s, err\n}", g.bind("Consume"), g.unit.typeVars[f], nothing)
	}
}

// lowerResult writes the call and what lowers its result.
func (g *generator) lowerResult(f *wit.Func, call string) {
	var res *wit.Type
	if f.Result != nil {
		if r := f.Result.Resolve(); r.Kind == wit.Result {
			res = r
		}
	}
	lowerErr := "cm.Val{}, err"
	if res != nil {
		lowerErr = fmt.Sprintf("%s[%s](ctx, err, %s)", g.bind("LowerError"), g.goType(res.Err), g.lowerFunc(res.Err))
	}
	_, has := g.okType(f.Result)
	vars, failed := "err", "err != nil"
	if has {
		vars = "r, err"
	}
	switch {
	case f.Async: // what has come before is the work, what follows is its Finish
		g.p("%s := %s\nreturn func(ctx context.Context) (cm.Val, error) {", vars, call)
	case has:
		g.p("%s := %s", vars, call)
	case res == nil:
		g.p("return cm.Val{}, %s", call)
		return
	default:
		failed = fmt.Sprintf("err := %s; err != nil", call)
	}
	switch {
	case has && res == nil:
		g.p("if %s {\nreturn %s\n}\nreturn %s, nil", failed, lowerErr, g.lower(f.Result, "r"))
	case has:
		g.p("if %s {\nreturn %s\n}\nreturn cm.OKVal(%s), nil", failed, lowerErr, g.lower(res.OK, "r"))
	case res != nil:
		g.p("if %s {\nreturn %s\n}\nreturn cm.CaseVal(0, nil), nil", failed, lowerErr)
	default:
		g.p("return cm.Val{}, err")
	}
}

// funcTypes writes the types of the unit's functions. It comes behind the functions.
func (g *generator) funcTypes() {
	g.use("cm")
	g.p("// The types of the functions of %s.\nvar (", g.unit.title)
	for _, f := range g.unit.funcs {
		g.at = f
		var parts []string
		if len(f.Params) > 0 {
			var ps []string
			for _, p := range f.Params {
				ps = append(ps, fmt.Sprintf("{Name: %q, Type: %s}", p.Name, g.witType(p.Type)))
			}
			parts = append(parts, "Params: []cm.Field{"+strings.Join(ps, ", ")+"}")
		}
		if f.Result != nil {
			parts = append(parts, "Result: "+g.witType(f.Result))
		}
		if f.Async {
			parts = append(parts, "Async: true")
		}
		g.p("%s = &cm.FuncType{%s}", g.unit.typeVars[f], strings.Join(parts, ", "))
	}
	for _, decl := range g.elemTypes {
		g.p("%s", decl)
	}
	g.elems, g.elemTypes = map[*wit.Type]string{}, nil
	g.p(")\n")
}
