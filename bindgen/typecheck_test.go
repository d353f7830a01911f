package bindgen

import (
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/wit"
)

// componentStub has what generated code calls of package component, without its engine.
const componentStub = `package component

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wit"
)

type Linker struct{}
type HostInstance struct{}
type Instance struct{}
type Func struct{}

func (*Linker) Instance(wit.InterfaceID) *HostInstance { return nil }
func (*HostInstance) Resource(string, *cm.ResourceType) {}
func (*HostInstance) Define(cm.HostDef) {}
func (*Instance) TypedFunc(wit.InterfaceID, string, *cm.FuncType) (*Func, error) { return nil, nil }
type Running struct{ cm.Running }

func (*Func) Start(context.Context, ...cm.Val) (*Running, error) { return nil, nil }
func (*Func) Call(context.Context, ...cm.Val) (cm.Val, error) { return cm.Val{}, nil }
`

// checker type-checks generated packages.
type checker struct {
	mu     sync.Mutex
	set    *token.FileSet
	source types.Importer
	stub   *types.Package
	sdk    map[string]*types.Package // of the SDK's packages, by their paths
	known  map[string]error          // by what the files say
}

var checks checker

// Import imports from source what generated code imports.
func (c *checker) Import(path string) (*types.Package, error) {
	if path == module+"/component" && c.stub != nil {
		return c.stub, nil
	}
	if p := c.sdk[path]; p != nil {
		return p, nil
	}
	return c.source.Import(path)
}

// check says why files are no Go package.
func (c *checker) check(files map[string][]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.set == nil {
		c.set = token.NewFileSet()
		c.source = importer.ForCompiler(c.set, "source", nil)
		stub, err := c.pkg("component", map[string][]byte{"stub.go": []byte(componentStub)})
		if err != nil {
			return err
		}
		c.sdk = map[string]*types.Package{}
		for _, path := range []string{cabi, module + "/sdk/go/internal/schedule", asyncPath} { // each imports those before it
			files, err := sdkFiles(path)
			if err != nil {
				return err
			}
			if c.sdk[path], err = c.pkg(path, files); err != nil {
				return err
			}
		}
		c.stub, c.known = stub, map[string]error{}
	}
	var all strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		all.WriteString(name)
		all.Write(files[name])
	}
	err, ok := c.known[all.String()]
	if !ok {
		_, err = c.pkg("p", files)
		if len(c.known) < 1000 { // fuzzing goes on for long
			c.known[all.String()] = err
		}
	}
	return err
}

func (c *checker) pkg(path string, files map[string][]byte) (*types.Package, error) {
	var parsed []*ast.File
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := parser.ParseFile(c.set, name, files[name], 0)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, f)
	}
	conf := types.Config{Importer: c, Error: func(err error) { errs = append(errs, err) }}
	p, _ := conf.Check(path, c.set, parsed, nil)
	return p, errors.Join(errs...)
}

// awkward are texts whose names meet each other, Go's keywords or what generated code calls its own.
var awkward = map[string]string{
	"keywords": `package a:b; interface i { record %type { %func: u8, %interface: string, chan: bool } enum go { select, case } variant switch { if(u8), range, %map(string) }
		flags defer { fallthrough, goto } resource %package { %import: func(%func: u8, var: string) -> u8; const: static func(return: u8); }
		struct: func(%type: u8, nil: u8, any: u8, string2: string, error: u8, len: u8, rune: char, int32: s32) -> %type; }
		world w { import i; export i; export for: func(break: u8) -> result<u8>; }`,
	"what generated code uses": `package a:b; interface i { use c:d/j.{r}; f: func(ctx: u8, cm: u8, bind: u8, wit: u8, component: u8, context: u8, x: u8, v: list<tuple<u8>>, none: u8, err: u8,
		a: r, impl: u8, f: u8, i: list<u8, 2>, h: u8, l: u8, inst: u8, self: u8) -> result<u8, string>; i-f-func: func(i-f-func: u8, i-id: u8) -> u8; i-id: func(); }
		world w { import i; export i; } package c:d { interface j { record r { x: u8 } } }`,
	"fields, cases and parameters that become one name": `package a:b; interface i { record r { id: u8, i-d: u8, id2: u8 } enum e { id, i-d } variant v { id(u8), i-d(u16), tag(u8), tag-value(u8), %string(u8) }
		flags g { id, i-d } f: func(x-id: u8, x-i-d: u16) -> r; }
		world w { import i; export i; }`,
	"methods that become one name": `package a:b; interface i { resource foo { constructor(); bar: static func(); id: func(); i-d: func(); drop: func(); } new-foo: func(); foo-bar: func();
		id: func(); i-d: func(); }
		world w { import i; export i; export id: func(); export i-d: func(); }`,
	"a world's function and interface": `package a:b; interface run { f: func(); } world w { import run; export run; export get-run: func(); export new-run: func(); }`,
	"variables of two interfaces":      `package a:b; interface a { b-c: func(); } interface a-b { c: func(); } world w { import a; import a-b; export a; export a-b; }`,
	"interfaces of several packages": `package a:b; world w { import c:d/t; import e:d/t; import f:d/t; import g:h/t@0.1.0; import g:h/t@0.2.0; import t; export c:d/t; export t; } interface t { record r { a: u8 } f: func() -> r; }
		package c:d { interface t { record r { b: u8 } f: func() -> r; } } package e:d { interface t { record r { c: u8 } f: func() -> r; } } package f:d { interface t { record r { d: u8 } f: func() -> r; } }
		package g:h@0.1.0 { interface t { record r { b: u8 } f: func() -> r; } } package g:h@0.2.0 { interface t { record r { b: u8 } f: func() -> r; } }`,
	"aliases of aliases": `package a:b; interface i { use j.{d as e, q}; type k = e; type g = k; type l = list<g>; type m = option<l>; type n = m; resource r; type s = r; type t = s; type u = list<t>;
		f: func(a: g, b: l, c: n, d: u, e: borrow<t>, h: option<own<s>>, m: q) -> tuple<g, n>; } interface j { type a = u64; type b = a; type c = list<tuple<b, b>>; type d = c; resource p; type q = p; }
		world w { import i; export i; }`,
	"use across packages": `package a:b; interface i { use c:d/j.{r, x as y}; use e:f/k.{z}; type p = r; f: func(a: r, b: borrow<y>, c: z) -> result<p, z>; }
		world w { import i; export i; } package c:d { interface j { use e:f/k.{z}; record r { a: z } resource x { m: func() -> z; } } } package e:f { interface k { variant z { a, b(u8) } } }`,
	"resources": `package a:b; interface i { resource r { constructor(a: list<r>) -> result<r, string>; m: func(o: option<r>) -> option<r>; s: static func(r: r) -> result<r>; %async: async func(r: r) -> result<list<r>, r>; }
		resource empty; f: func() -> tuple<r, list<empty>>; } world w { import i; export i; }`,
	"worlds with inline interfaces": `package a:b; world w { type t = u8; record rec { x: t } resource res { m: func(x: rec); } import k: interface { record r { a: u8 } f: func(x: r) -> r; }
		export k2: interface { use i.{q}; record r { a: q } f: func(x: r) -> r; } import f: func(x: rec) -> borrowed; type borrowed = u8; export g: func(x: rec) -> result<rec, t>; } interface i { enum q { a, b } }`,
	"a world's resource": `package a:b; world w { resource r; import i: interface { use j.{k}; f: func(x: k); } } interface j { type k = u8; } world v { resource q { constructor(); m: func(); s: static func(); } use j.{k}; }`,
	"versions":           `package a:b@1.2.3-rc.1+build; interface i { record r { a: u8 } f: func() -> r; } world w { import i; export i; }`,
	"unusual names":      `package a:b; interface i { record r { B-52: u8, URL-x: u8, a1-b2: u8 } HTTP: func(IO-x: u8); x1: func(); } world w { import i; export i; }`,
	"every position":     `package a:b; interface i { resource r; type s = stream<own<r>>; variant v { a(s), b(future), c(option<s>) } type a = tuple<v, list<s>, option<option<list<result<u8, list<map<string, tuple<bool>>>>>>>, result, result<_, u8>>; f: func(x: a, y: stream<a>, z: future, e: option<stream<future<r>>>) -> result<a, a>; g: async func(x: a) -> a; h: async func(r: borrow<r>, s: s) -> result<s, future<r>>; } world w { import i; export i; }`,
	"no functions":       `package a:b; interface i {} interface j { record r { a: u8 } } world w { import i; import j; export i; export j; } world e {}`,
	"docs":               "package a:b; /** */ interface i { /// */ `x` \\ \" %d\n /// +build ignore\n /// go:build ignore\n f: func(); }",
}

// TestAwkwardNames: all of them make Go packages, of the package and of each world and interface.
func TestAwkwardNames(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(awkward)) {
		t.Run(name, func(t *testing.T) {
			set := resolve(t, awkward[name])
			for _, bind := range everything(set) {
				files, err := Generate(set, Options{Bind: bind, Package: "p", Features: []string{"*"}})
				if err != nil {
					if !strings.Contains(err.Error(), "no Go binding here") { // of another package's type, in a part alone
						t.Errorf("%s: %v", bind, err)
					}
					continue
				}
				if err := checks.check(files); err != nil {
					t.Errorf("%s: %v", bind, err)
					for _, name := range slices.Sorted(maps.Keys(files)) {
						t.Logf("%s\n%s", name, files[name])
					}
				}
			}
		})
	}
}

// TestHostileSizes: texts whose types unfold to more than any machine holds, or stand deep in one another, take no longer to bind
// than they are long.
func TestHostileSizes(t *testing.T) {
	var doubling, aliases strings.Builder
	doubling.WriteString("package a:b; interface i { record r0 { a: u8, b: string }\n")
	aliases.WriteString("package a:b; interface i { type a0 = tuple<u8, string>;\n")
	for n := 1; n <= 60; n++ {
		fmt.Fprintf(&doubling, "record r%d { a: r%d, b: r%d }\n", n, n-1, n-1)
		fmt.Fprintf(&aliases, "type a%d = tuple<a%d, a%d>;\n", n, n-1, n-1)
	}
	doubling.WriteString("f: func(x: r60) -> r60; } world w { import i; export i; }")
	aliases.WriteString("f: func(x: a60) -> a60; } world w { import i; export i; }")
	many := "package a:b; interface i { enum e { c0" + numbered(5000, ", c%d") + " } flags f { c0" + numbered(63, ", c%d") + " } record r { c0: u8" + numbered(3000, ", c%d: u8") +
		" } } world w { import i; export i; }"
	names := "package a:b; interface i { f: func(" + strings.Repeat("x", 1<<16) + ": u8); } world w { import i; }"
	deep := "package a:b; interface i { f: func(x: " + strings.Repeat("option<", 60) + "u8" + strings.Repeat(">", 60) + "); } world w { import i; export i; }"
	for name, text := range map[string]string{"doubling": doubling.String(), "aliases": aliases.String(), "many": many, "names": names, "deep": deep} {
		t.Run(name, func(t *testing.T) {
			set, err := wit.Resolve([]wit.Source{{Name: "a.wit", Text: text}})
			if err != nil {
				t.Fatal(err)
			}
			for _, component := range []bool{false, true} {
				files, err := Generate(set, Options{Bind: "a:b/w", Package: "p", Component: component})
				if err != nil {
					if component && strings.Contains(err.Error(), "canonical ABI has room") {
						continue
					}
					t.Fatal(err)
				}
				size := 0
				for _, src := range files {
					size += len(src)
				}
				if size > 64*len(text)+1<<20 {
					t.Errorf("%d bytes of Go of %d bytes of WIT", size, len(text))
				}
			}
		})
	}
}

func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i+1)
	}
	return b.String()
}

// everything is all that can be bound of a set.
func everything(set *wit.Set) (names []string) {
	for _, p := range set.Packages {
		names = append(names, p.String())
		for _, i := range p.Interfaces {
			names = append(names, i.ID.String())
		}
		for _, w := range p.Worlds {
			names = append(names, w.ID().String())
		}
	}
	return names
}

// FuzzGenerate: whatever WIT says, its binding is Go, or an error that says why there is none.
func FuzzGenerate(f *testing.F) {
	for _, text := range awkward {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, err := wit.Resolve([]wit.Source{{Name: "a.wit", Text: text}})
		if err != nil {
			return
		}
		for _, bind := range everything(set) {
			files, err := Generate(set, Options{Bind: bind, Package: "p"})
			if err != nil {
				if strings.Contains(err.Error(), "fault of bindgen's") {
					t.Errorf("%s: %v", bind, err)
				}
				continue
			}
			if err := checks.check(files); err != nil {
				t.Errorf("%s: %v", bind, err)
			}
			if files, err = Generate(set, Options{Bind: bind, Package: "p", Component: true}); err == nil {
				if err := inside(files); err != nil {
					t.Errorf("%s, inside a component: %v", bind, err)
				}
			}
		}
	})
}
