package bindgen

import (
	"fmt"
	"strings"

	"github.com/vitrine-wasm/vitrine/wit"
)

// guest writes a struct that calls the functions which a guest exports: of an interface, or of a world's root together
// with the world's exported interfaces.
func (g *generator) guest() {
	u := g.unit
	if u.name == "" {
		return
	}
	g.use("component")
	what := fmt.Sprintf("%s calls %s in one instance, and like that is not safe for concurrent use. The error of a "+
		"function's result is a *cm.ResultError; every other error ended the call.", u.name, u.title)
	g.comment(what, u.docs)
	g.p("type %s struct {", u.name)
	for _, part := range u.parts {
		g.p("%s *%s%s", part.field, g.qualifier(part), part.name)
	}
	for _, f := range u.funcs {
		g.p("%s %s", g.unit.callers[f], g.bind("Caller"))
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
	g.comment(fmt.Sprintf("%s finds the functions of %s in an instance. One that is not there, or of another type, is an error.", name, u.title), "")
	g.p("func %s(inst *component.Instance) (*%s, error) {", name, u.name)
	g.p("x := &%s{}\nvar err error", u.name)
	for _, f := range u.funcs {
		g.p("if x.%s, err = inst.TypedFunc(%s, %q, %s); err != nil {\nreturn nil, err\n}", g.unit.callers[f], id, f.Name, g.unit.typeVars[f])
	}
	for _, part := range u.parts {
		g.p("if x.%s, err = %s%s(inst); err != nil {\nreturn nil, err\n}", part.field, g.qualifier(part), part.constructor())
	}
	g.p("return x, nil\n}\n")
}

// guestFunc writes the method that calls f: arguments lowered, the call, its result lifted.
func (g *generator) guestFunc(f *wit.Func) {
	g.at = f
	params := f.Params
	if f.Kind == wit.Method {
		params = append([]wit.Field{{Name: f.Resource.Name, Type: f.Params[0].Type}}, f.Params[1:]...)
	}
	g.comment(fmt.Sprintf("%s calls %s.", g.unit.methods[f], f.Name), f.Docs)
	g.p("func (x *%s) %s%s {", g.unit.name, g.unit.methods[f], g.signature(params, f.Result))
	args := []string{"ctx"}
	names := g.pkg.params(params)
	for i, p := range params {
		args = append(args, g.lower(p.Type, names[i]))
	}
	call := "x." + g.unit.callers[f] + ".Call(" + strings.Join(args, ", ") + ")"
	ok, has := g.okType(f.Result)
	if f.Result == nil {
		g.p("_, err := %s\nreturn err\n}\n", call)
		return
	}
	fail := "return err"
	if has {
		fail = "var none " + ok + "\nreturn none, err"
	}
	g.p("v, err := %s\nif err != nil {\n%s\n}", call, fail)
	if g.consumes(f.Result) {
		g.p("%s(%s, v)", g.bind("ConsumeResult"), g.unit.typeVars[f])
	}
	r := f.Result.Resolve()
	if r.Kind != wit.Result {
		g.p("return %s, nil\n}\n", g.lift(f.Result, "v"))
		return
	}
	liftErr := fmt.Sprintf("%s[%s](v, %s)", g.bind("LiftError"), g.goType(r.Err), g.liftFunc(r.Err))
	if !has {
		g.p("return %s\n}\n", liftErr)
		return
	}
	g.p("if err := %s; err != nil {\n%s\n}\nreturn %s(v, %s), nil\n}\n", liftErr, fail, g.bind("LiftOK"), g.liftFunc(r.OK))
}
