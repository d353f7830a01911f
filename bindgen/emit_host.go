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

// hostFunc writes one entry of the table: arguments lifted, the call, its result lowered.
func (g *generator) hostFunc(f *wit.Func) {
	g.at = f
	g.bound[f.Name] = true
	var call string
	args, first := []string{"ctx"}, 0
	lift := func(i int) string { return g.lift(f.Params[i].Type, fmt.Sprintf("a[%d]", i)) }
	var lifted, lifts []string // of an async function, which are lifted before the work
	if f.Async {
		inline := lift
		lift = func(i int) string {
			lifted, lifts = append(lifted, fmt.Sprintf("x%d", i)), append(lifts, inline(i))
			return lifted[len(lifted)-1]
		}
	}
	if f.Kind == wit.Method {
		call, first = lift(0)+"."+g.unit.methods[f], 1
	} else {
		call = "impl." + g.unit.methods[f]
	}
	for i := range f.Params[first:] {
		args = append(args, lift(first+i))
	}
	call += "(" + strings.Join(args, ", ") + ")"
	a := "a"
	if len(f.Params) == 0 {
		a = "_"
	}
	g.use("context")
	borrows := ""
	if g.borrows[f.Name] {
		borrows = "BorrowsBytes: true, "
	}
	consume := func(nothing string) {
		if slices.ContainsFunc(f.Params, func(p wit.Field) bool { return g.consumes(p.Type) }) {
			g.p("if err := %s(ctx, %s, a); err != nil {\nreturn %s, err\n}", g.bind("Consume"), g.unit.typeVars[f], nothing)
		}
	}
	if f.Async {
		g.p("{Name: %q, Type: %s, %sParts: func(ctx context.Context, %s []cm.Val) (cm.Work, error) {", f.Name, g.unit.typeVars[f], borrows, a)
		consume("nil")
		if len(lifted) > 0 {
			g.p("%s := %s", strings.Join(lifted, ", "), strings.Join(lifts, ", "))
		}
		g.p("return func(ctx context.Context) cm.Finish {")
	} else {
		g.p("{Name: %q, Type: %s, %sFunc: func(ctx context.Context, %s []cm.Val) (cm.Val, error) {", f.Name, g.unit.typeVars[f], borrows, a)
		consume("cm.Val{}")
	}
	// In what follows an async function has the work, and a function in it what comes of it.
	finish := func(work string) bool {
		if f.Async {
			g.p("%s\nreturn func(ctx context.Context) (cm.Val, error) {", work)
		}
		return f.Async
	}
	var res *wit.Type
	if f.Result != nil {
		if r := f.Result.Resolve(); r.Kind == wit.Result {
			res = r
		}
	}
	if g.child = g.children[f.Name]; g.child && !(f.Kind == wit.Method && g.consumes(f.Result)) {
		g.fail("%s has no child to give: want a method whose result holds a resource", f.Name)
	}
	_, has := g.okType(f.Result)
	switch {
	case res == nil && !has:
		if finish("err := " + call) {
			call = "err"
		}
		g.p("return cm.Val{}, %s", call)
	case res == nil:
		if !finish("r, err := " + call) {
			g.p("r, err := %s", call)
		}
		g.p("if err != nil {\nreturn cm.Val{}, err\n}\nreturn %s, nil", g.lower(f.Result, "r"))
	default:
		lowerErr := fmt.Sprintf("%s[%s](ctx, err, %s)", g.bind("LowerError"), g.goType(res.Err), g.lowerFunc(res.Err))
		switch {
		case has:
			if !finish("r, err := " + call) {
				g.p("r, err := %s", call)
			}
			g.p("if err != nil {\nreturn %s\n}\nreturn cm.OKVal(%s), nil", lowerErr, g.lower(res.OK, "r"))
		case finish("err := " + call):
			g.p("if err != nil {\nreturn %s\n}\nreturn cm.CaseVal(0, nil), nil", lowerErr)
		default:
			g.p("if err := %s; err != nil {\nreturn %s\n}\nreturn cm.CaseVal(0, nil), nil", call, lowerErr)
		}
	}
	g.child = false
	if f.Async {
		g.p("}\n}, nil")
	}
	g.p("}},")
}

// funcTypes writes the types of the unit's functions.
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
	g.p(")\n")
}
