package bindgen

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/wit"
)

// resolve resolves one text.
func resolve(t testing.TB, text string) *wit.Set {
	t.Helper()
	set, err := wit.Resolve([]wit.Source{{Name: "a.wit", Text: text}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func generate(t testing.TB, text string, o Options) map[string][]byte {
	t.Helper()
	if o.Package == "" {
		o.Package = "p"
	}
	files, err := Generate(resolve(t, text), o)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func load(t *testing.T, paths ...string) *wit.Set {
	t.Helper()
	set, err := wit.Load(paths...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// want looks for texts in a file.
func want(t *testing.T, src []byte, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !bytes.Contains(src, []byte(text)) {
			t.Errorf("no %s in\n%s", text, src)
		}
	}
}

// TestWorldOfOthers binds a world whose interfaces are all bound elsewhere: what is left is a struct of their parts.
func TestWorldOfOthers(t *testing.T) {
	files, err := Generate(load(t, "../wasi/wit"), Options{Bind: "wasi:http/proxy@0.2.12", Package: "proxy", Imports: Shipped()})
	if err != nil {
		t.Fatal(err)
	}
	want(t, files["world_proxy.gen.go"],
		`httpp2 "github.com/vitrine-wasm/vitrine/wasi/http/p2"`, "IncomingHandler *httpp2.IncomingHandler", "httpp2.NewIncomingHandlerExport(inst)")
	if len(files) != 1 {
		t.Errorf("%d files", len(files))
	}
}

// TestDeterministic: the same input makes the same files.
func TestDeterministic(t *testing.T) {
	set := load(t, "../wasi/wit", "../plugin/blobstore/wit")
	var first map[string][]byte
	for range 5 {
		files, err := Generate(set, Options{Bind: "wasi:blobstore", Package: "p", Imports: Shipped()})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = files
		}
		if !maps.EqualFunc(first, files, bytes.Equal) {
			t.Fatal("two runs made different files")
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ wit, exported, local string }{
		{"error-code", "ErrorCode", "errorCode"},
		{"HTTP-request-URI-too-long", "HTTPRequestURITooLong", "httpRequestURITooLong"},
		{"http-error-code", "HTTPErrorCode", "httpErrorCode"},
		{"ipv4-address", "IPv4Address", "ipv4Address"},
		{"u8", "U8", "u8"},
		{"get-random-u64", "GetRandomU64", "getRandomU64"},
		{"B-52", "B52", "b52"},
		{"type", "Type", "type_"},
		{"ctx", "Ctx", "ctx_"},
		{"uint8", "Uint8", "uint8_"},
		{"append", "Append", "append_"},
		{"id", "ID", "id"},
	} {
		if got := exported(c.wit); got != c.exported {
			t.Errorf("exported(%q) = %s, want %s", c.wit, got, c.exported)
		}
		p := newPackage("", "p", nil, nil)
		if got := p.params([]wit.Field{{Name: c.wit}})[0]; got != c.local {
			t.Errorf("parameter %q is %s, want %s", c.wit, got, c.local)
		}
	}
	for in, want := range map[string]string{"HTTPErrorCode": "httpErrorCode", "IPv4": "iPv4", "Poll": "poll", "IP": "ip"} {
		if got := lowerFirst(in); got != want {
			t.Errorf("lowerFirst(%q) = %s, want %s", in, got, want)
		}
	}
}

// TestFileNames: Go builds a file on one system alone if its name ends as that is called.
func TestFileNames(t *testing.T) {
	for iface, want := range map[string]string{
		"types": "types.gen.go", "linux": "linux.gen.go", "net-linux": "net_linux_wit.gen.go", "my-wasm": "my_wasm_wit.gen.go", "a-test": "a_test_wit.gen.go",
		"linux-net": "linux_net.gen.go",
	} {
		if got := fileName(iface); got != want {
			t.Errorf("%s: %s, want %s", iface, got, want)
		}
	}
	files := generate(t, `package a:b; interface x { f: func(); } interface x-export { g: func(); } interface world-w { h: func(); }
		world w { import x; import x-export; import world-w; export x; export x-export; import k: func(); export l: func(); }`, Options{Bind: "a:b/w"})
	if got := slices.Sorted(maps.Keys(files)); len(got) != 7 {
		t.Errorf("files %v: want one for each side of each interface, and two of the world", got)
	}
}

// TestErrors: what cannot be bound is an error that says what, where and how to go on.
func TestErrors(t *testing.T) {
	long := "package a:b; interface i {\n  f: func() -> tuple<" + strings.TrimSuffix(strings.Repeat("u8, ", 17), ", ") + ">;\n}"
	many := "package a:b; interface i { flags f { x"
	for i := range 64 {
		many += ", y" + string(rune('a'+i/26)) + string(rune('a'+i%26))
	}
	many += " } }"
	used := "package a:b; interface i { use c:d/j.{r};\n  f: func(x: r);\n} package c:d { interface j { record r { x: u8 } } }"
	same := "package a:b; interface i { record a-b { x: u8 }\n enum a { b } }"
	plain := "package a:b; interface i { resource r { m: func(x: u8); } } world w { import i; }"
	for _, c := range []struct {
		name, wit string
		o         Options
		want      string
		placed    bool
	}{
		{"unknown package", plain, Options{Bind: "c:d"}, "c:d is not in the WIT text, which has packages a:b and worlds a:b/w", false},
		{"unknown version", "package a:b@1.0.0;", Options{Bind: "a:b@2.0.0"}, "a:b@2.0.0 is not in the WIT text, which has packages a:b@1.0.0", false},
		{"unknown world", plain, Options{Bind: "a:b/x"}, `a:b/x: package a:b has no interface and no world "x"`, false},
		{"nothing to bind", plain, Options{}, "say what to bind (Options.Bind, --bind): the WIT text has packages a:b and worlds a:b/w", false},
		{"no name", plain, Options{Bind: "a/b"}, `"a/b": want the name of a package (ns:name@version), an interface or a world (ns:name/item@version); the WIT text has packages a:b and worlds a:b/w`, false},
		{"unknown interface", plain, Options{Bind: "a:b", Interfaces: []string{"j"}}, `package a:b has no interface "j"`, false},
		{"interfaces of a world", plain, Options{Bind: "a:b/w", Interfaces: []string{"i"}}, "interfaces can be chosen from a package, and a:b/w is not one", false},
		{"package name", plain, Options{Bind: "a:b", Package: "type"}, `"type" cannot be the name of a Go package that others import: name another one`, false},
		{"import's package name", plain, Options{Bind: "a:b", Imports: []Import{{WIT: "c:d", Path: "example.com/a-b"}}},
			`import of c:d: "a-b" of "example.com/a-b" cannot be the name of a Go package: say its name`, false},
		{"import of a world", plain, Options{Bind: "a:b", Imports: []Import{{WIT: "a:b/w", Path: "example.com/w"}}},
			"import of a:b/w: types are imported from the binding of a package or an interface, and that is a world", false},
		{"same name", same, Options{Bind: "a:b"}, "a.wit:2:7: a:b/i.a-b and a:b/i.a would both be called AB in Go package p: give a type or an interface of them another Go name " +
			"(Options.Names, --name a:b/i.a=NAME)", true},
		{"no Go name", same, Options{Bind: "a:b", Names: map[string]string{"a:b/i.a": "x"}}, `a.wit:2:7: a:b/i.a cannot be called "x" in Go: want an identifier that begins with a capital`, true},
		{"names nothing", plain, Options{Bind: "a:b", Names: map[string]string{"a:b/i.q": "X"}}, "cannot give a:b/i.q the Go name X: it is neither a type nor an interface of a:b", false},
		{"bound nowhere", used, Options{Bind: "a:b"}, "a.wit:2:3: a:b/i uses type c:d/j.r, which has no Go binding here: name the Go package that has it " +
			"(Options.Imports, --import c:d/j=PATH), or bind a world that imports both", true},
		{"unstable", "package a:b; interface i { @unstable(feature = x) record r { a: u8 }\n f: func(r: r); }", Options{Bind: "a:b"},
			"a.wit:2:2: a:b/i uses type a:b/i.r, which is unstable: bind its feature (Options.Features, --feature x)", true},
		{"long tuple", long, Options{Bind: "a:b"}, "a.wit:2:3: a tuple of 17 elements, and Go bindings have tuples of up to 16: make it a record", true},
		{"error-context", "package a:b; interface i { f: func(x: list<error-context>); }", Options{Bind: "a:b"}, "a.wit:1:28: error-context has no Go binding: it is no part of the component model's stable features; use a string, or an error type of your own", true},
		{"many flags", many, Options{Bind: "a:b"}, "a.wit:1:34: flags f has 65 labels, and a Go binding has room for 64: make two of it, or a record of bools", true},
		{"no such function", plain, Options{Bind: "a:b", Children: []string{"r.n"}}, "r.n is not a function of a:b that a host serves", false},
		{"no such function", plain, Options{Bind: "a:b", BorrowsBytes: []string{"n"}}, "n is not a function of a:b that a host serves", false},
		{"no child", plain, Options{Bind: "a:b", Children: []string{"r.m"}}, "a.wit:1:41: [method]r.m has no child to give: want a method whose result holds a resource", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.o.Package == "" {
				c.o.Package = "p"
			}
			_, err := Generate(resolve(t, c.wit), c.o)
			if err == nil || err.Error() != c.want {
				t.Errorf("error %v\nwant  %s", err, c.want)
			}
			if placed := new(wit.Error); errors.As(err, &placed) != c.placed {
				t.Errorf("placed: %v, want %v", !c.placed, c.placed)
			}
		})
	}
}

// TestAllErrors: one run tells of every type that cannot be bound.
func TestAllErrors(t *testing.T) {
	tuple := "tuple<" + strings.TrimSuffix(strings.Repeat("u8, ", 17), ", ") + ">"
	_, err := Generate(resolve(t, "package a:b; interface i {\n f: func() -> "+tuple+";\n g: func(x: "+tuple+");\n}"), Options{Bind: "a:b", Package: "p"})
	if err == nil || strings.Count(err.Error(), "make it a record") != 2 || !strings.Contains(err.Error(), "a.wit:3:2") {
		t.Errorf("error %v", err)
	}
}

// TestImports: which Go package a type is imported from.
func TestImports(t *testing.T) {
	text := `package a:b; interface i { use c:d/j@0.1.3.{r}; use c:d/k@0.1.3.{s}; f: func(x: r, y: s); } world w { import i; }
		package c:d@0.1.3 { interface j { record r { x: u8 } } interface k { record s { x: u8 } } }`
	whole := Import{WIT: "c:d@0.1.0", Path: "example.com/d/v2", Package: "d"}
	exact := Import{WIT: "c:d@0.1.3", Path: "example.com/exact"}
	one := Import{WIT: "c:d/k", Path: "example.com/own/d"}
	other := Import{WIT: "c:d@0.2.0", Path: "example.com/other"}
	for _, c := range []struct {
		name    string
		imports []Import
		want    []string
	}{
		{"a package", []Import{whole}, []string{`d "example.com/d/v2"`, "x_ d.R, y d.S"}},
		{"an interface before a package", []Import{whole, one}, []string{"x_ d.R, y d2.S", `d2 "example.com/own/d"`}},
		{"the version before a compatible one", []Import{whole, exact, other}, []string{`exact "example.com/exact"`, "x_ exact.R, y exact.S"}},
		{"the first of two", []Import{exact, {WIT: "c:d@0.1.3", Path: "example.com/second"}}, []string{"x_ exact.R"}},
		{"what is not there", []Import{exact, {WIT: "e:f", Path: "example.com/f"}, {WIT: "c:d/z", Path: "example.com/z"}}, []string{"x_ exact.R"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, bind := range []string{"a:b", "a:b/i", "a:b/w"} {
				files := generate(t, text, Options{Bind: bind, Imports: c.imports})
				want(t, files["i.gen.go"], c.want...)
				if len(files) != 1 {
					t.Errorf("%s: %d files", bind, len(files))
				}
			}
		})
	}
	// What an import names by itself is not bound again with its package.
	if files := generate(t, text, Options{Bind: "c:d", Imports: []Import{one, whole}}); len(files) != 1 || files["j.gen.go"] == nil {
		t.Errorf("files %v", slices.Sorted(maps.Keys(files)))
	}
	if files := generate(t, text, Options{Bind: "c:d", Interfaces: []string{"k"}}); len(files) != 1 || files["k.gen.go"] == nil {
		t.Errorf("files %v", slices.Sorted(maps.Keys(files)))
	}
}

// TestImportOfOneSide: an import that has the other side of an interface only does not serve a world that needs this one.
func TestImportOfOneSide(t *testing.T) {
	files, err := Generate(load(t, "../wasi/wit", "testdata/middleware.wit"), Options{Bind: "test:middleware/m", Package: "m", Imports: Shipped()})
	if err != nil {
		t.Fatal(err)
	}
	want(t, files["incoming_handler.gen.go"], "func AddIncomingHandler(", "httpp2.IncomingRequest")
	want(t, files["world_m.gen.go"], "IncomingHandler *httpp2.IncomingHandler")
}
