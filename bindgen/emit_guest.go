package bindgen

import (
	"fmt"
	"strings"

	"github.com/vitrine-wasm/vitrine/wit"
)

// guest writes a struct that calls the functions that a guest exports: those of an interface, or those of a world's root together
// with the world's exported interfaces.
func (g *generator) guest() {
	u := g.unit
	if u.name == "" {
		return
	}
	g.use("component")
	what := fmt.Sprintf("%s calls %s in one instance, and is not safe for concurrent use. The error of a "+
		"function's result is a *cm.ResultError; any other error says that the call has failed.", u.name, u.title)
	g.comment(what, u.docs)
	g.p("type %s struct {", u.name)
	for _, part := range u.parts {
		g.p("%s *%s%s", part.field, g.qualifier(part), part.name)
	}
	for _, f := range u.funcs {
		g.p("%s %s", g.unit.callers[f], g.bind(caller(f)))
	}
	g.p("}\n")
	g.constructor()
	for _, f := range u.funcs {
		g.guestFunc(f)
	}
	if len(u.funcs) > 0 {
		g.funcTypes()
	}
}

// qualifier goes before the Go names of a part.
func (g *generator) qualifier(p part) string {
	if p.pkg == nil {
		return ""
	}
	return g.qualify(p.pkg)
}

// constructor writes New…: it finds every function and checks its type.
func (g *generator) constructor() {
	u := g.unit
	name, id := u.constructor(), u.idVar
	if u.world != nil {
		id = "wit.InterfaceID{}"
	}
	if u.world != nil && len(u.funcs) > 0 {
		g.use("wit")
	}
	g.comment(fmt.Sprintf("%s finds the functions of %s in an instance. One that is missing, or has another type, is an error.", name, u.title), "")
	g.p("func %s(inst *component.Instance) (*%s, error) {", name, u.name)
	g.p("x := &%s{}\nvar err error", u.name)
	for _, f := range u.funcs {
		find := fmt.Sprintf("inst.TypedFunc(%s, %q, %s)", id, f.Name, g.unit.typeVars[f])
		if f.Async {
			find = g.bind("AsStarter") + "(" + find + ")"
		}
		g.p("if x.%s, err = %s; err != nil {\nreturn nil, err\n}", g.unit.callers[f], find)
	}
	for _, part := range u.parts {
		g.p("if x.%s, err = %s%s(inst); err != nil {\nreturn nil, err\n}", part.field, g.qualifier(part), part.constructor())
	}
	g.p("return x, nil\n}\n")
}

// caller is the type of what calls f.
func caller(f *wit.Func) string {
	if f.Async {
		return "Starter"
	}
	return "Caller"
}

// guestFunc writes the method that calls f: it lowers arguments, calls, and lifts the result. For an async function it writes a second
// method, which starts the call.
func (g *generator) guestFunc(f *wit.Func) {
	g.at = f
	params := f.Params
	if f.Kind == wit.Method {
		params = append([]wit.Field{{Name: f.Resource.Name, Type: f.Params[0].Type}}, f.Params[1:]...)
	}
	name := g.unit.methods[f]
	signature := g.signature(params, f.Result)
	args := []string{"ctx"}
	names := g.pkg.params(params)
	for i, p := range params {
		args = append(args, g.lower(p.Type, names[i]))
	}
	with := strings.Join(args, ", ")
	ok, has := g.okType(f.Result)
	if f.Async {
		g.comment(fmt.Sprintf("%s calls %s and waits for its end. See %s.", name, f.Name, g.unit.starts[f]), f.Docs)
	} else {
		g.comment(fmt.Sprintf("%s calls %s.", name, f.Name), f.Docs)
	}
	g.p("func (x *%s) %s%s {", g.unit.name, name, signature)
	if f.Result == nil {
		g.p("_, err := x.%s.Call(%s)\nreturn err\n}\n", g.unit.callers[f], with)
	} else {
		fail := "return err"
		if has {
			fail = "var none " + ok + "\nreturn none, err"
		}
		g.p("v, err := x.%s.Call(%s)\nif err != nil {\n%s\n}", g.unit.callers[f], with, fail)
		g.liftResult(f, fail)
		g.p("}\n")
	}
	if f.Async {
		g.startFunc(f, params, with)
	}
}

// liftResult writes the code that returns the result in v, or its error.
func (g *generator) liftResult(f *wit.Func, fail string) {
	if g.consumes(f.Result) {
		g.p("%s(%s, v)", g.bind("ConsumeResult"), g.unit.typeVars[f])
	}
	r := f.Result.Resolve()
	if r.Kind != wit.Result {
		g.p("return %s, nil", g.lift(f.Result, "v"))
		return
	}
	liftErr := fmt.Sprintf("%s[%s](v, %s)", g.bind("LiftError"), g.goType(r.Err), g.liftFunc(r.Err))
	if r.OK == nil {
		g.p("return %s", liftErr)
		return
	}
	g.p("if err := %s; err != nil {\n%s\n}\nreturn %s(v, %s), nil", liftErr, fail, g.bind("LiftOK"), g.liftFunc(r.OK))
}

// startFunc writes the method that starts a call of f.
func (g *generator) startFunc(f *wit.Func, params []wit.Field, with string) {
	g.use("cm")
	ok, has := g.okType(f.Result)
	if !has {
		ok = "struct{}"
	}
	signature := strings.TrimSuffix(g.signature(params, nil), " error")
	g.comment(fmt.Sprintf("%s starts a call of %s. The guest may go on after it has returned its result.", g.unit.starts[f], f.Name), "")
	g.p("func (x *%s) %s%s (*cm.Started[%s], error) {", g.unit.name, g.unit.starts[f], signature, ok)
	g.p("r, err := x.%s.Start(%s)\nif err != nil {\nreturn nil, err\n}", g.unit.callers[f], with)
	switch {
	case f.Result == nil:
		g.p("return cm.NewStarted(r, func(cm.Val) (struct{}, error) {\nreturn struct{}{}, nil\n}), nil\n}\n")
	case !has:
		r := f.Result.Resolve()
		g.p("return cm.NewStarted(r, func(v cm.Val) (struct{}, error) {")
		if g.consumes(f.Result) {
			g.p("%s(%s, v)", g.bind("ConsumeResult"), g.unit.typeVars[f])
		}
		g.p("return struct{}{}, %s[%s](v, %s)\n}), nil\n}\n", g.bind("LiftError"), g.goType(r.Err), g.liftFunc(r.Err))
	default:
		g.p("return cm.NewStarted(r, func(v cm.Val) (%s, error) {", ok)
		g.liftResult(f, "var none "+ok+"\nreturn none, err")
		g.p("}), nil\n}\n")
	}
}
