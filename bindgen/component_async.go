package bindgen

import (
	"fmt"
	"strings"

	"github.com/vitrine-wasm/vitrine/wit"
)

// This file writes the asynchronous functions of bindings for code inside a component, by package async of the SDK for Go.

const asyncPath = module + "/sdk/go/async"

func (g *insider) asyncName(name string) string {
	g.imports["async"] = asyncPath
	return "async." + name
}

// coreName is the name under which the core module exports a function of the unit.
func (g *insider) coreName(name string) string {
	if g.unit.world != nil {
		return name
	}
	return g.unit.title + "#" + name
}

// fromExport is what the core module imports built-ins of an exported unit from.
func (g *insider) fromExport() string { return "[export]" + g.from() }

// callAsync writes the body of a function that calls an asynchronous one of the host.
func (g *insider) callAsync(f *wit.Func, s shape, raw string, names []string) {
	none := "return "
	if results := g.results(f); results != "error" {
		g.p("var none %s", strings.TrimSuffix(strings.TrimPrefix(results, "("), ", error)"))
		none = "return none, "
	}
	g.p("%s()", g.abi("Enter"))
	var args, kept []string
	buffer := func(size uint32) string {
		name := g.variable()
		g.p("%s := %s(%d)", name, g.abi("NewBuffer"), size)
		kept = append(kept, name)
		return name
	}
	if s.spilled {
		at, size, _ := g.offsets(f.Params)
		all := buffer(size)
		for i, p := range f.Params {
			g.p("%s(%s.At()+%d, %s)", g.lowerFn(p.Type), all, at[i], names[i])
		}
		args = []string{all + ".At()"}
	} else {
		for i, p := range f.Params {
			args = append(args, g.pass(p.Type, names[i])...)
		}
	}
	ret := ""
	if f.Result != nil {
		size, _ := g.layout(f.Result)
		ret = buffer(size)
		args = append(args, ret+".At()")
	}
	g.p("err := %s(ctx, %s(%s))", g.asyncName("Call"), raw, strings.Join(args, ", "))
	for _, name := range kept {
		if name != ret {
			g.p("%sKeepAlive(%s)", g.std("runtime"), name)
		}
	}
	if f.Result == nil {
		g.p("return err")
		return
	}
	g.p("if err != nil {\n%serr\n}", none)
	value := g.variable()
	g.p("%s := %s(%s.At())\n%sKeepAlive(%s)", value, g.liftFn(f.Result), ret, g.std("runtime"), ret)
	switch r := f.Result.Resolve(); {
	case r.Kind != wit.Result:
		g.p("return %s, nil", value)
	case r.OK == nil:
		g.p("_, err = %s.Unpack()\nreturn err", value)
	default:
		g.p("return %s.Unpack()", value)
	}
}

// exportAsync writes what begins a task that calls the implementation.
func (g *insider) exportAsync(f *wit.Func, name, call string) {
	g.p("return %s(func(ctx %sContext) {", g.asyncName("Start"), g.std("context"))
	value, err := g.variable(), g.variable()
	stop := fmt.Sprintf("if %s(ctx, %s) {\nreturn\n}", g.asyncName("Cancel"), err)
	fatal := fmt.Sprintf("if %s != nil {\npanic(%s)\n}", err, err)
	var r *wit.Type
	if f.Result != nil {
		r = f.Result.Resolve()
	}
	switch {
	case f.Result == nil:
		g.p("%s := %s\n%s\n%s", err, call, stop, fatal)
	case r.Kind != wit.Result:
		g.p("%s, %s := %s\n%s\n%s", value, err, call, stop, fatal)
	case r.OK == nil:
		g.p("%s := %s\n%s\n%s := %s[struct{}, %s](struct{}{}, %s)", err, call, stop, value, g.abi("Pack"), g.typ(r.Err), err)
	default:
		ok := g.variable()
		g.p("%s, %s := %s\n%s\n%s := %s[%s, %s](%s, %s)", ok, err, call, stop, value, g.abi("Pack"), g.typ(r.OK), g.typ(r.Err), ok, err)
	}
	g.p("%s()\ndefer %s()", g.abi("Enter"), g.abi("Leave"))
	var params, args []string
	if f.Result != nil {
		if params = g.flatten(f.Result); len(params) > maxFlatParams {
			size, align := g.layout(f.Result)
			at := g.variable()
			g.p("%s := %s(%d, %d)\n%s(%s, %s)", at, g.abi("Alloc"), size, align, g.lowerFn(f.Result), at, value)
			params, args = []string{coreI32}, []string{at}
		} else {
			args = g.pass(f.Result, value)
		}
	}
	raw := g.pkg.private(name+"Return", f.Name)
	g.builtin(raw, g.fromExport(), "[task-return]"+f.Name, params, "")
	g.p("%s(%s)\n})", raw, strings.Join(args, ", "))
}

// wrapAsync writes the core functions of an asynchronous export: the one that the host calls, and the one that it calls back.
func (g *insider) wrapAsync(f *wit.Func, name string, list, flat []string) {
	core := "[async-lift]" + g.coreName(f.Name)
	fmt.Fprintf(&g.wrappers, "//go:wasmexport %s\nfunc %sCore(%s) uint32 {\nreturn %s(%s)\n}\n\n", core, name, strings.Join(list, ", "), name, strings.Join(flat, ", "))
	fmt.Fprintf(&g.wrappers, "//go:wasmexport [callback]%s\nfunc %sResume(event, waitable, payload uint32) uint32 {\nreturn async.Resume(event, waitable, payload)\n}\n\n", core, name)
}

// endKey is a type of streams or futures, by what it carries.
type endKey struct {
	kind wit.Kind
	elem string
}

// endHome is the first function that has a type of streams or futures, which its built-ins are named after.
type endHome struct {
	unit *unit
	f    *wit.Func
	n    int    // which of the function's
	name string // the variable, once it is written
}

// findEnds finds the functions that have streams and futures.
func (g *insider) findEnds() {
	g.homes = map[endKey]*endHome{}
	for _, u := range g.pkg.units {
		g.unit, g.at, g.imports = u, u.place, map[string]string{}
		for _, f := range u.funcs {
			for n, t := range f.Ends() {
				key := endKey{t.Kind, g.typ(t.Elem)}
				if g.homes[key] == nil {
					g.homes[key] = &endHome{unit: u, f: f, n: n}
				}
			}
		}
	}
}

// endVar is the variable that makes the ends of a type of streams or futures.
func (g *insider) endVar(t *wit.Type) string {
	elem := g.typ(t.Elem)
	home := g.homes[endKey{t.Kind, elem}]
	if home == nil {
		g.fail("bindings inside components have no %s that no function has", t.Kind)
		return "struct{}{}"
	}
	if home.name != "" {
		return home.name
	}
	kind := word(t.Kind.String())
	home.name = unique(kind+"Of"+g.elemName(t.Elem), g.isTaken)
	g.pkg.taken[home.name] = home.f.Name
	size, lift, lower := uint32(0), "nil", "nil"
	if t.Elem != nil {
		size, _ = g.layout(t.Elem)
		lift, lower = g.liftFn(t.Elem), g.lowerFn(t.Elem)
	}
	from := home.unit.title
	if home.unit.world != nil {
		from = "$root"
	}
	if home.unit.guest {
		from = "[export]" + from
	}
	var fields strings.Builder
	for _, b := range []struct {
		field, core string
		moves       bool
		params      []string
		result      string
	}{
		{"New", "new", false, nil, coreI64},
		{"Read", "read", true, nil, coreI32},
		{"Write", "write", true, nil, coreI32},
		{"CancelRead", "cancel-read", true, []string{coreI32}, coreI32},
		{"CancelWrite", "cancel-write", true, []string{coreI32}, coreI32},
		{"DropReadable", "drop-readable", false, []string{coreI32}, ""},
		{"DropWritable", "drop-writable", false, []string{coreI32}, ""},
	} {
		if b.field == "Read" || b.field == "Write" {
			b.params = []string{coreI32, coreI32}
			if t.Kind == wit.Stream {
				b.params = append(b.params, coreI32)
			}
		}
		core := fmt.Sprintf("[%s-%s-%d]%s", t.Kind, b.core, home.n, home.f.Name)
		if b.moves {
			core = "[async-lower]" + core
		}
		raw := g.pkg.private(lowerFirst(home.name)+b.field, home.f.Name)
		g.builtin(raw, from, core, b.params, b.result)
		fmt.Fprintf(&fields, "%s: %s,\n", b.field, raw)
	}
	fmt.Fprintf(&g.endVars, "// %s makes %ss of what its name says.\nvar %s = %s[%s]{\n%sSize: %d,\nLift: %s,\nLower: %s,\n}\n\n",
		home.name, t.Kind, home.name, g.asyncName(kind+"Type"), elem, fields.String(), size, lift, lower)
	return home.name
}

// elemName is a part of a Go name for what a stream or future carries.
func (g *insider) elemName(t *wit.Type) string {
	switch {
	case t == nil:
		return "Nothing"
	case t.Name != "":
		d, _ := g.def(t)
		return d.name
	case t.Kind == wit.Own || t.Kind == wit.Borrow:
		d, _ := g.resource(t.Elem)
		return d.name
	case t.Kind == wit.Result:
		return g.elemName(t.OK) + "Or" + g.elemName(t.Err)
	case t.Kind == wit.Tuple:
		var parts []string
		for _, f := range t.Fields {
			parts = append(parts, g.elemName(f.Type))
		}
		return strings.Join(parts, "And")
	case t.Elem != nil:
		return word(t.Kind.String()) + g.elemName(t.Elem)
	}
	return word(t.Kind.String())
}

// builtin writes a canonical built-in, and its stub.
func (g *insider) builtin(name, from, core string, params []string, result string) {
	list := make([]string, len(params))
	for i, p := range params {
		list[i] = fmt.Sprintf("a%d %s", i, p)
	}
	signature := strings.TrimSpace(fmt.Sprintf("func %s(%s) %s", name, strings.Join(list, ", "), result))
	fmt.Fprintf(&g.raw, "//go:wasmimport %s %s\n%s\n\n", from, core, signature)
	fmt.Fprintf(&g.stub, "%s { panic(cabi.NoHost) }\n\n", signature)
}
