package bindgen

import (
	"bytes"
	"fmt"
	"go/format"
	"maps"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/wit"
)

// variable is the name of a variable that the current function does not have yet.
func (g *insider) variable() string {
	g.variables++
	return fmt.Sprintf("c_%d", g.variables) // no name of WIT has an underscore inside
}

// std imports a package of the standard library and returns the qualifier of its names.
func (g *insider) std(name string) string {
	g.imports[name] = name
	return name + "."
}

// module is what the core module imports the unit's functions from.
func (g *insider) from() string {
	if g.unit.world != nil {
		return "$root"
	}
	return g.unit.title
}

// importFunc writes a function of the host, and its stub for builds that are not for a component.
func (g *insider) importFunc(name, witName string, params []string, result string) {
	list := make([]string, len(params))
	for i, p := range params {
		list[i] = fmt.Sprintf("a%d %s", i, p)
	}
	signature := strings.TrimSpace(fmt.Sprintf("func %s(%s) %s", name, strings.Join(list, ", "), result))
	fmt.Fprintf(&g.raw, "//go:wasmimport %s %s\n%s\n\n", g.from(), witName, signature)
	fmt.Fprintf(&g.stub, "%s { panic(cabi.NoHost) }\n\n", signature)
}

// shape is how a function is passed as a core function.
type shape struct {
	params           []string
	result           string
	spilled, through bool // the parameters go through memory; the result does
}

func (g *insider) shapeOf(f *wit.Func, export bool) (s shape) {
	most := maxFlatParams
	if f.Async && !export {
		most = maxFlatAsyncParams
	}
	if s.params = g.flattenFields(f.Params); len(s.params) > most {
		s.params, s.spilled = []string{coreI32}, true
	}
	if f.Async {
		s.result = coreI32 // what is to be waited for
		if f.Result != nil && !export {
			s.params, s.through = append(s.params, coreI32), true
		}
		return s
	}
	if f.Result == nil {
		return s
	}
	switch flat := g.flatten(f.Result); {
	case len(flat) <= maxFlatResults:
		s.result = flat[0]
	case export:
		s.result, s.through = coreI32, true
	default:
		s.params, s.through = append(s.params, coreI32), true
	}
	return s
}

// results are the Go results of a function, in parentheses where it takes them. Asynchronous functions have an error in any case: calls can be cancelled.
func (g *insider) results(f *wit.Func) string {
	if f.Result == nil {
		if f.Async {
			return "error"
		}
		return ""
	}
	r := f.Result.Resolve()
	switch {
	case r.Kind != wit.Result && f.Async:
		return "(" + g.typ(f.Result) + ", error)"
	case r.Kind != wit.Result:
		return g.typ(f.Result)
	case r.OK == nil:
		return "error"
	}
	return "(" + g.typ(r.OK) + ", error)"
}

// params are the Go parameters of a function, and their names.
func (g *insider) paramList(fields []wit.Field) (string, []string) {
	names := g.pkg.params(fields)
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = names[i] + " " + g.typ(f.Type)
	}
	return strings.Join(list, ", "), names
}

// withContext is a parameter list of a function, which for an asynchronous one begins with the context that ends the call.
func (g *insider) withContext(f *wit.Func, list string) string {
	if !f.Async {
		return list
	}
	return strings.TrimSuffix("ctx "+g.std("context")+"Context, "+list, ", ")
}

// freeName is the Go name of a function that is no method: with the interface's or the resource's before it.
func (g *insider) freeName(f *wit.Func) string {
	u := g.unit
	switch f.Kind {
	case wit.Constructor:
		return unique("New"+u.resourceName(f), g.isTaken)
	case wit.Static:
		return unique(u.resourceName(f)+exported(f.Base), g.isTaken)
	}
	if u.world != nil {
		return unique(exported(f.Base), g.isTaken)
	}
	return unique(u.goName+exported(f.Base), g.isTaken)
}

func (g *insider) isTaken(name string) bool { return g.pkg.taken[name] != "" || reserved[name] }

// call writes a Go function that calls one of the host.
func (g *insider) call(f *wit.Func) {
	g.at, g.variables = f, 0
	s := g.shapeOf(f, false)
	raw := g.pkg.private(lowerFirst(g.unit.typeVarsName(f))+"Import", f.Name)
	core := f.Name
	if f.Async {
		core = "[async-lower]" + core
	}
	g.importFunc(raw, core, s.params, s.result)
	params, receiver := f.Params, ""
	name := ""
	if f.Kind == wit.Method {
		d, _ := g.def(f.Resource)
		params, receiver, name = f.Params[1:], "(self "+d.name+") ", g.unit.methods[f]
		if name == "Drop" {
			name = "Drop2"
		}
	} else {
		name = g.freeName(f)
		g.pkg.taken[name] = f.Name
	}
	list, names := g.paramList(params)
	if f.Kind == wit.Method {
		names = append([]string{"self"}, names...)
	}
	g.comment(fmt.Sprintf("%s calls %s.", name, f.Name), f.Docs)
	g.p("func %s%s(%s) %s {", receiver, name, g.withContext(f, list), g.results(f))
	if f.Async {
		g.callAsync(f, s, raw, names)
		g.p("}\n")
		return
	}
	g.p("%s()\ndefer %s()", g.abi("Enter"), g.abi("Leave"))
	var args []string
	if s.spilled {
		at, size, align := g.offsets(f.Params)
		all := g.variable()
		g.p("%s := %s(%d, %d)", all, g.abi("Alloc"), size, align)
		for i, p := range f.Params {
			g.p("%s(%s+%d, %s)", g.lowerFn(p.Type), all, at[i], names[i])
		}
		args = []string{all}
	} else {
		for i, p := range f.Params {
			args = append(args, g.pass(p.Type, names[i])...)
		}
	}
	g.finishCall(f, s, raw, args)
	g.p("}\n")
}

// finishCall writes the call itself, and the conversion of its result.
func (g *insider) finishCall(f *wit.Func, s shape, raw string, args []string) {
	value := ""
	switch {
	case s.through:
		size, align := g.layout(f.Result)
		ret := g.variable()
		g.p("%s := %s(%d, %d)", ret, g.abi("Alloc"), size, align)
		g.p("%s(%s)", raw, strings.Join(append(args, ret), ", "))
		value = g.liftFn(f.Result) + "(" + ret + ")"
	case s.result != "":
		v := g.variable()
		g.p("%s := %s(%s)", v, raw, strings.Join(args, ", "))
		value, _ = g.take(f.Result, []string{v})
	default:
		g.p("%s(%s)", raw, strings.Join(args, ", "))
		return
	}
	switch r := f.Result.Resolve(); {
	case r.Kind != wit.Result:
		g.p("return %s", value)
	case r.OK == nil:
		g.p("_, err := %s.Unpack()\nreturn err", value)
	default:
		g.p("return %s.Unpack()", value)
	}
}

// exports writes a Go interface of the unit's functions, which the program implements, and the core functions that call it.
func (g *insider) exports() {
	u := g.unit
	if len(u.funcs) == 0 {
		return
	}
	name := u.name
	impl := g.pkg.private(lowerFirst(name)+"Impl", u.title)
	g.comment(fmt.Sprintf("%s is what a program implements to export %s.", name, u.title), u.docs)
	g.p("type %s interface {", name)
	for _, f := range u.funcs {
		g.at = f
		if f.Kind == wit.Method {
			continue // of its resource's interface
		}
		list, _ := g.paramList(f.Params)
		g.comment("", f.Docs)
		g.p("%s(%s) %s", u.methods[f], g.withContext(f, list), g.results(f))
	}
	g.p("}\n\nvar %s %s\n", impl, name)
	set := unique("Export"+name, g.isTaken)
	g.pkg.taken[set] = u.title
	g.p("// %s has calls of the host go to an implementation. It is for init functions.", set)
	g.p("func %s(impl %s) { %s = impl }\n", set, name, impl)
	for _, f := range u.funcs {
		g.exportFunc(f, impl)
	}
}

func (g *insider) exportFunc(f *wit.Func, impl string) {
	g.at, g.variables = f, 0
	s := g.shapeOf(f, true)
	name := g.pkg.private(lowerFirst(g.unit.typeVarsName(f))+"Export", f.Name)
	list, flat := make([]string, len(s.params)), make([]string, len(s.params))
	for i, p := range s.params {
		flat[i] = fmt.Sprintf("a%d", i)
		list[i] = flat[i] + " " + p
	}
	g.p("func %s(%s) %s {\n%s()", name, strings.Join(list, ", "), s.result, g.abi("Enter"))
	args := make([]string, len(f.Params))
	at, _, _ := g.offsets(f.Params)
	rest := slices.Clone(flat)
	for i, p := range f.Params {
		value := ""
		if s.spilled {
			value = fmt.Sprintf("%s(a0+%d)", g.liftFn(p.Type), at[i])
		} else {
			value, rest = g.take(p.Type, rest)
		}
		args[i] = g.variable()
		g.p("%s := %s", args[i], value)
	}
	if s.spilled {
		_, size, _ := g.offsets(f.Params)
		g.p("%s(a0, %d)", g.abi("Release"), size)
	}
	g.p("%s()", g.abi("Leave"))
	target := impl + "." + g.unit.methods[f]
	if f.Kind == wit.Method {
		target, args = args[0]+"."+g.resourceMethod(f), args[1:]
	}
	if f.Async {
		args = append([]string{"ctx"}, args...)
	}
	call := fmt.Sprintf("%s(%s)", target, strings.Join(args, ", "))
	if f.Async {
		g.exportAsync(f, name, call)
		g.p("}\n")
		g.wrapAsync(f, name, list, flat)
		return
	}
	if f.Result == nil {
		g.p("%s\n}\n", call)
	} else {
		g.exportResult(f, s, call)
		g.p("}\n")
	}
	core := g.coreName(f.Name)
	signature := fmt.Sprintf("%s(%s)", name, strings.Join(flat, ", "))
	if s.result != "" {
		signature = "return " + signature
	}
	fmt.Fprintf(&g.wrappers, "//go:wasmexport %s\nfunc %sCore(%s) %s {\ndefer cabi.Serve()()\n%s\n}\n\n", core, name, strings.Join(list, ", "), s.result, signature)
	if s.through {
		fmt.Fprintf(&g.wrappers, "//go:wasmexport cabi_post_%s\nfunc %sDone(uint32) { cabi.Leave() }\n\n", core, name)
	}
}

// exportResult writes what calls the implementation and passes on its result.
func (g *insider) exportResult(f *wit.Func, s shape, call string) {
	value := g.variable()
	switch r := f.Result.Resolve(); {
	case r.Kind != wit.Result:
		g.p("%s := %s", value, call)
	case r.OK == nil:
		g.p("%s := %s[struct{}, %s](struct{}{}, %s)", value, g.abi("Pack"), g.typ(r.Err), call)
	default:
		v, err := g.variable(), g.variable()
		g.p("%s, %s := %s\n%s := %s[%s, %s](%s, %s)", v, err, call, value, g.abi("Pack"), g.typ(r.OK), g.typ(r.Err), v, err)
	}
	g.p("%s()", g.abi("Enter"))
	if !s.through {
		g.p("defer %s()\nreturn %s", g.abi("Leave"), g.pass(f.Result, value)[0])
		return
	}
	size, align := g.layout(f.Result)
	at := g.variable()
	g.p("%s := %s(%d, %d)\n%s(%s, %s)\nreturn %s", at, g.abi("Alloc"), size, align, g.lowerFn(f.Result), at, value, at)
}

// typeVarsName is the prefix of the private names of a function.
func (u *unit) typeVarsName(f *wit.Func) string {
	name := u.goName
	if f.Resource != nil {
		name += u.resourceName(f)
	}
	return name + exported(f.Base)
}

// insideFiles writes every unit: what is the same everywhere, and the functions of the host and for it, which there are in components alone.
func (g *insider) insideFiles() (map[string][]byte, error) {
	files := map[string][]byte{}
	g.aliases, g.bound = map[string]string{}, map[string]bool{}
	for _, name := range []string{"cabi", "math", "async", "runtime"} {
		g.pkg.packages[name] = true
	}
	g.findEnds()
	var raw, stub strings.Builder
	for _, u := range g.pkg.units {
		g.unit, g.at = u, u.place
		g.body.Reset()
		g.raw.Reset()
		g.stub.Reset()
		g.imports, g.owning = map[string]string{}, map[*wit.Type]bool{}
		g.elems, g.elemTypes = map[*wit.Type]string{}, nil
		g.declare()
		if u.guest {
			g.exports()
		} else {
			for _, f := range u.funcs {
				g.call(f)
			}
		}
		raw.WriteString(g.raw.String())
		stub.WriteString(g.stub.String())
		g.body.Write(g.endVars.Bytes())
		g.endVars.Reset()
		if g.body.Len() == 0 || len(g.errs) > 0 {
			continue
		}
		src, err := format.Source(append(g.insideHeader(), g.body.Bytes()...))
		if err != nil {
			return nil, u.place.Errorf("%s: bindgen generates invalid Go for it, which is a bug of bindgen: %v", u.title, err)
		}
		files[g.fileName(files)] = src
	}
	if len(g.errs) > 0 {
		return nil, g.joined()
	}
	helpers := g.written.String()
	if strings.Contains(helpers, "math.") {
		helpers = "import \"math\"\n\n" + helpers
	}
	for name, parts := range map[string][2]string{
		"variants.gen.go":    {"", helpers},
		"host_wasip1.gen.go": {"", raw.String() + g.wrappers.String()},
		"host_other.gen.go":  {"//go:build !wasip1\n\n", stub.String()},
	} {
		if name == "variants.gen.go" && helpers == "" {
			continue
		}
		imports := ""
		if strings.Contains(parts[1], "async.") {
			imports = fmt.Sprintf("import %q\n", asyncPath)
		}
		switch {
		case strings.Contains(parts[1], "cabi."):
			imports += fmt.Sprintf("import %q\n\n", cabi)
		case parts[1] != "" && parts[0] == "":
			imports += fmt.Sprintf("import _ %q // for cabi_realloc\n\n", cabi)
		}
		src, err := format.Source([]byte(fmt.Sprintf("// Code generated by bindgen from %s. DO NOT EDIT.\n\n%spackage %s\n\n%s%s",
			g.pkg.wit, parts[0], g.pkg.name, imports, parts[1])))
		if err != nil {
			return nil, fmt.Errorf("bindgen generates invalid Go, which is a bug of bindgen: %w", err)
		}
		for files[name] != nil { // an interface's
			name = "x_" + name
		}
		files[name] = src
	}
	files["stub_wasip1.s"] = []byte("// Makes the compiler take functions without a body, which the host has.\n")
	return files, nil
}

// insideHeader is the top of a file.
func (g *insider) insideHeader() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "// Code generated by bindgen from %s. DO NOT EDIT.\n\npackage %s\n\n", g.pkg.wit, g.pkg.name)
	if len(g.imports) == 0 {
		return b.Bytes()
	}
	b.WriteString("import (\n")
	for _, name := range slices.Sorted(maps.Keys(g.imports)) {
		if path := g.imports[name]; path == name || path == cabi || path == asyncPath {
			fmt.Fprintf(&b, "%q\n", path)
		} else {
			fmt.Fprintf(&b, "%s %q\n", name, path)
		}
	}
	b.WriteString(")\n\n")
	return b.Bytes()
}
