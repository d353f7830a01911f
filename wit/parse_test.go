package wit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// resolve resolves one text, or fails the test.
func resolve(t *testing.T, texts ...string) *Set {
	t.Helper()
	var groups [][]Source
	for _, x := range texts {
		groups = append(groups, []Source{{Name: "a.wit", Text: x}})
	}
	s, err := Resolve(groups...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// everything holds each construct of the grammar once; want is what Print makes of it.
const everything = `
package my:all@1.2.3-rc.1+b5;

use wasi:io/poll@0.2.0;
use other as them;

interface other { resource thing; }

/** A block
 *  of docs. */
@since(version = 1.0.0)
@deprecated(version = 1.1.0)
interface %interface {
  use poll.{pollable as ready,};
  use them.{thing};
  use wasi:io/poll@0.2.0.{pollable};

  type a = u8; type b = list<a>; // no doc
  type c = tuple<s8, s16, s32, s64, u16, u32, u64, f32, f64, char, string, bool, error-context>;
  /// A record.
  record r { x: u32, /// docs of y
    y: option<option<string>>, %type: c }
  variant v { one, two(r), three(list<u8, 4>), }
  enum e { %enum, B-52, c3po }
  flags f { read, write }
  resource res {
    constructor(a: u8);
    m: async func() -> result;
    /* /* nested */ */
    s: static func(self: borrow<res>, other: own<res>) -> result<_, e>;
  }
  resource fallible { constructor() -> result<fallible, string>; }
  type alias-of-res = res;
  go: func(m: map<string, list<e>>, s: stream<u8>, t: stream, x: future<result<string>>, y: future, h: alias-of-res, i: borrow<alias-of-res>);
  @external-id("odd \"name\" \u{e9}")
  answer: func() -> tuple<ready, thing, pollable>;
}

world base {
  import plain: func(x: u32) -> string;
  import inline: interface {
    use other.{thing};
    f: func(t: borrow<thing>);
  }
  export run: async func();
  type bytes = list<u8>;
}

world w {
  include base with { plain as %fancy, run as go }
  use other.{thing as that};
  import primary: other;
  import wasi:io/poll@0.2.0;
  @unstable(feature = neat)
  export %interface;
  import f: func(t: that);
}
`

const wantEverything = `package my:all@1.2.3-rc.1+b5;

interface other {
  resource thing;
}

/// A block
/// of docs.
@since(version = 1.0.0)
@deprecated(version = 1.1.0)
interface %interface {
  use wasi:io/poll@0.2.0.{pollable as ready};
  use other.{thing};
  use wasi:io/poll@0.2.0.{pollable};

  type a = u8;

  type b = list<a>;

  type c = tuple<s8, s16, s32, s64, u16, u32, u64, f32, f64, char, string, bool, error-context>;

  /// A record.
  record r {
    x: u32,
    /// docs of y
    y: option<option<string>>,
    %type: c,
  }

  variant v {
    one,
    two(r),
    three(list<u8, 4>),
  }

  enum e {
    %enum,
    B-52,
    c3po,
  }

  flags f {
    read,
    write,
  }

  resource res {
    constructor(a: u8);

    m: async func() -> result;

    s: static func(self: borrow<res>, other: res) -> result<_, e>;
  }

  resource fallible {
    constructor() -> result<fallible, string>;
  }

  type alias-of-res = res;

  go: func(m: map<string, list<e>>, s: stream<u8>, t: stream, x: future<result<string>>, y: future, h: alias-of-res, i: borrow<alias-of-res>);

  @external-id("odd \"name\" é")
  answer: func() -> tuple<ready, thing, pollable>;
}

world base {
  type bytes = list<u8>;
  import plain: func(x: u32) -> string;
  import inline: interface {
    use other.{thing};

    f: func(t: borrow<thing>);
  }
  export run: async func();
}

world w {
  include base with { plain as fancy, run as go }
  use other.{thing as that};
  import primary: other;
  import wasi:io/poll@0.2.0;
  import f: func(t: that);
  @unstable(feature = neat)
  export %interface;
}
`

// nestedIO is a package in braces, as a dependency may be given.
const nestedIO = `package wasi:io@0.2.12 { interface poll { resource pollable { block: func(); } } }`

func TestEverything(t *testing.T) {
	s := resolve(t, everything+nestedIO)
	p := s.Package("my", "all", "1.2.3-rc.1+b5")
	got := p.Print()
	if got != wantEverything {
		t.Errorf("printed\n%s\nwant\n%s", got, wantEverything)
	}
	again := resolve(t, got, "package wasi:io@0.2.12; interface poll { resource pollable { block: func(); } }")
	if s := again.Package("my", "all", p.Version).Print(); s != got {
		t.Errorf("printed, parsed and printed again:\n%s", s)
	}
}

func TestFunctionNames(t *testing.T) {
	s := resolve(t, everything+nestedIO)
	var names []string
	i := s.Package("my", "all", "1.2.3-rc.1+b5").Interface("interface")
	for _, f := range i.AllFuncs() {
		names = append(names, f.Name)
	}
	want := "[constructor]res [method]res.m [static]res.s [constructor]fallible go answer"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("functions %s, want %s", got, want)
	}
	res := i.Type("res")
	if f := res.Funcs[1]; f.Params[0].Name != "self" || f.Params[0].Type.Kind != Borrow || f.Params[0].Type.Elem != res || !f.Async {
		t.Errorf("method res.m: %+v", f)
	}
	if f := res.Funcs[0]; f.Result.Kind != Own || f.Result.Elem != res {
		t.Errorf("constructor: %+v", f)
	}
	if got := i.Type("ready").Resolve(); got.Kind != Resource || got.Interface.ID.String() != "wasi:io/poll@0.2.12" {
		t.Errorf("ready stands for %v", got)
	}
}

// externs lists the names of imports or exports, with what is special about them.
func externs(es []Extern) string {
	var names []string
	for _, e := range es {
		n := e.ID.String()
		if e.Implied {
			n += "(implied)"
		}
		if e.Included {
			n += "(included)"
		}
		names = append(names, n)
	}
	return strings.Join(names, " ")
}

func TestWorlds(t *testing.T) {
	const text = `package a:b;
interface types { resource r; }
interface uses { use types.{r}; f: func(r: borrow<r>); }
interface more { use uses.{r}; }
world small { import uses; export more; }
world big { include small; import plain: func(); export types; export more; }
world renamed { include big with { plain as pretty } include small; import plain: func(); }
world exporter { export uses; }
world both { export uses; export types; }
`
	s := resolve(t, text)
	for _, c := range []struct{ world, imports, exports string }{
		{"small", "a:b/uses a:b/types(implied)", "a:b/more"},
		{"big", "plain a:b/uses(included) a:b/types(implied)(included)", "a:b/types a:b/more"},
		{"renamed", "plain pretty(included) a:b/uses(included) a:b/types(implied)(included)", "a:b/types(included) a:b/more(included)"},
		{"exporter", "a:b/types(implied)", "a:b/uses"},
		{"both", "", "a:b/uses a:b/types"},
	} {
		w := s.World(InterfaceID{Namespace: "a", Package: "b", Interface: c.world})
		if got := externs(w.Imports); got != c.imports {
			t.Errorf("%s imports %s, want %s", c.world, got, c.imports)
		}
		if got := externs(w.Exports); got != c.exports {
			t.Errorf("%s exports %s, want %s", c.world, got, c.exports)
		}
	}
}

func TestVersions(t *testing.T) {
	s := resolve(t, "package a:b@0.2.0; interface i {}", "package a:b@0.2.11; interface i {}", "package a:b@0.3.0-rc.1; interface i {}",
		"package a:b@0.2.2; interface i {}")
	for _, c := range []struct{ want, got string }{
		{"0.2.0", "0.2.0"}, {"0.2.5", "0.2.11"}, {"0.2.99", "0.2.11"}, {"0.3.0-rc.1", "0.3.0-rc.1"}, {"0.3.0", ""}, {"", "0.3.0-rc.1"},
	} {
		got := ""
		if p := s.Package("a", "b", c.want); p != nil {
			got = p.Version
		}
		if got != c.got {
			t.Errorf("version %q found %q, want %q", c.want, got, c.got)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no package", "interface a {}", "a.wit:1:1: no file names the package: want 'package ns:name;'"},
		{"bad package", "package a;", "a.wit:1:10: want ':', found ';'"},
		{"late package", "interface a {} package a:b;", "a.wit:1:16: the package has to be named before everything else in a file"},
		{"nested namespace", "package a:b:c;", "a.wit:1:12: nested namespaces and packages are not known here"},
		{"version", "package a:b@1.2;", "a.wit:1:13: want a version like 1.2.3"},
		{"leading zero", "package a:b@1.02.3;", "a.wit:1:13: want a version like 1.2.3"},
		{"keyword as name", "package a:b;\ninterface record {}", "a.wit:2:11: 'record' is a keyword: write '%record' to use it as a name"},
		{"mixed case", "package a:b;\ninterface fooBar {}", "a.wit:2:11: identifier 'fooBar' mixes upper and lower case in 'fooBar'"},
		{"empty word", "package a:b;\ninterface foo--bar {}", "a.wit:2:11: identifier 'foo--bar' has an empty word"},
		{"no semicolon", "package a:b;\ninterface i {\n  f: func()\n}", "a.wit:4:1: want ';', found '}'"},
		{"not closed", "package a:b;\ninterface i {", "a.wit:2:14: want a type, a function, 'use' or '}' in interface i, found the end of the file"},
		{"comment not closed", "package a:b; /* /* */", "a.wit:1:14: comment is not closed"},
		{"string not closed", "package a:b; world w { @external-id(\"x", "a.wit:1:37: string is not closed"},
		{"unknown gate", "package a:b; @maybe(x = y) interface i {}", "a.wit:1:15: unknown gate '@maybe'"},
		{"both gates", "package a:b; @since(version = 1.0.0) @unstable(feature = x) interface i {}", "a.wit:1:14: both @since and @unstable"},
		{"deprecated alone", "package a:b; @deprecated(version = 1.0.0) interface i {}", "a.wit:1:14: @deprecated without @since or @unstable"},
		{"unknown type", "package a:b;\ninterface i {\n  type x = list<nope>;\n}", "a.wit:3:17: type 'nope' is not defined"},
		{"twice", "package a:b; interface i { type x = u8; type x = u8; }", "a.wit:1:46: 'x' is defined twice"},
		{"type and func", "package a:b; interface i { type x = u8; x: func(); }", "a.wit:1:41: 'x' is defined twice"},
		{"self alias", "package a:b; interface i { type x = y; type y = x; }", "a.wit:1:33: type 'x' refers to itself"},
		{"recursive record", "package a:b; interface i { record r { x: list<r> } }", "a.wit:1:35: type 'r' holds itself"},
		{"recursive alias", "package a:b; interface i { type r = option<r>; }", "a.wit:1:33: type 'r' holds itself"},
		{"use cycle", "package a:b; interface i { use j.{x}; } interface j { use i.{x}; }", "a.wit:1:62: interfaces a:b/j and a:b/i use each other"},
		{"cycle of interfaces", "package a:b; interface i { type a = u8; use j.{b}; } interface j { type b = u8; use i.{a}; }", "a.wit:1:88: interfaces a:b/j and a:b/i use each other"},
		{"use of itself", "package a:b; interface i { type a = u8; use i.{a as b}; }", "a.wit:1:48: interfaces a:b/i and a:b/i use each other"},
		{"unknown interface", "package a:b; interface i { use j.{x}; }", "a.wit:1:32: package a:b has no interface or world 'j'"},
		{"unknown used type", "package a:b; interface i { use j.{x}; } interface j {}", "a.wit:1:35: interface a:b/j has no type 'x'"},
		{"unknown package", "package a:b; interface i { use c:d/j@1.0.0.{x}; }", "a.wit:1:32: package of c:d/j@1.0.0 is not here"},
		{"other version", "package a:b@1.0.0; interface i { use a:b/i@2.0.0.{x}; }", "a.wit:1:38: package a:b is here in other versions, none of which serves 2.0.0"},
		{"use of a world", "package a:b; interface i { use w.{x}; } world w {}", "a.wit:1:32: 'w' is a world, want an interface"},
		{"use nothing", "package a:b; interface i { use j.{}; }", "a.wit:1:32: use of nothing"},
		{"borrow of record", "package a:b; interface i { record r { a: u8 } f: func(x: borrow<r>); }", "a.wit:1:58: borrow of 'r', which is no resource"},
		{"borrow in result", "package a:b; interface i { resource r; f: func() -> list<borrow<r>>; }", "a.wit:1:53: the result of 'f' holds a borrow"},
		{"empty record", "package a:b; interface i { record r {} }", "a.wit:1:35: record r has no members"},
		{"field twice", "package a:b; interface i { record r { a: u8, A: u8 } }", "a.wit:1:46: field 'A' is named twice"},
		{"parameter twice", "package a:b; interface i { f: func(a: u8, a: u8); }", "a.wit:1:43: parameter 'a' is named twice"},
		{"constructor of another", "package a:b; interface i { resource r { constructor() -> u8; } }", "a.wit:1:41: the constructor of r has to return nothing or result<r, …>"},
		{"two constructors", "package a:b; interface i { resource r { constructor(); constructor(); } }", "a.wit:1:56: resource r has two constructors"},
		{"method twice", "package a:b; interface i { resource r { m: func(); m: static func(); } }", "a.wit:1:52: 'm' is defined twice in resource r"},
		{"self twice", "package a:b; interface i { resource r { m: func(self: u8); } }", "a.wit:1:41: parameter 'self' of method 'm' is there already"},
		{"map key", "package a:b; interface i { type m = map<f32, u8>; }", "a.wit:1:41: a map's key has to be an integer, bool, char or string"},
		{"list of length 0", "package a:b; interface i { type m = list<u8, 0>; }", "a.wit:1:46: want the length of a list, found '0'"},
		{"import twice", "package a:b; world w { import x: func(); import x: func(); }", "a.wit:1:49: 'x' is there already"},
		{"import a package", "package a:b; world w { import a:b; }", "a.wit:1:34: want '/' and a name in package a:b, found ';'"},
		{"include itself", "package a:b; world w { include w; }", "a.wit:1:20: world 'w' includes itself"},
		{"include an interface", "package a:b; world w { include i; } interface i {}", "a.wit:1:32: 'i' is an interface, want a world"},
		{"include clash", "package a:b; world v { import x: func(); } world w { import x: func(); include v; }", "a.wit:1:80: 'x' of world 'v' is there already: rename it with 'with'"},
		{"rename nothing", "package a:b; world v {} world w { include v with { x as y } }", "a.wit:1:43: world 'v' has no plain name 'x' to rename"},
		{"package twice", "package a:b; package a:b {}", "a.wit:1:1: package a:b is defined twice"},
		{"bidi override", "package a:b; // \u202e", "a.wit:1:17: character U+202E is not allowed"},
		{"bad UTF-8", "package a:b; // \xff", "a.wit:1:17: text is no valid UTF-8"},
		{"columns are characters", "package a:b; /* é */ é", "a.wit:1:22: unexpected character 'é'"},
		{"deep", "package a:b; interface i { type x = " + strings.Repeat("list<", 200) + "u8" + strings.Repeat(">", 200) + "; }", "a.wit:1:537: types nest deeper than 100"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Resolve([]Source{{Name: "a.wit", Text: c.text}})
			if err == nil {
				t.Fatalf("no error, want %s", c.want)
			}
			if err.Error() != c.want {
				t.Errorf("error  %s\nwant   %s", err, c.want)
			}
		})
	}
}

func TestFilesDisagree(t *testing.T) {
	_, err := Resolve([]Source{{Name: "a.wit", Text: "package a:b;"}, {Name: "b.wit", Text: "package a:c;"}})
	if want := "b.wit:1:1: package a:c: the files beside it say package a:b"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestLoadDeps(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"app.wit":            "package my:app; world w { import wasi:io/poll@0.2.0; import c:d/e; }",
		"deps/io/poll.wit":   "package wasi:io@0.2.3; interface poll {}",
		"deps/one.wit":       "package c:d; interface e {}",
		"deps/io/readme.txt": "no WIT",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	w := s.World(MustParseID("my:app/w"))
	if got, want := externs(w.Imports), "wasi:io/poll@0.2.0 c:d/e"; got != want {
		t.Errorf("imports %s, want %s", got, want)
	}
	if got := w.Imports[0].Interface.ID.Version; got != "0.2.3" {
		t.Errorf("poll resolved to version %s", got)
	}
	if s, err = LoadFS(os.DirFS(dir), "."); err != nil || len(s.Packages) != 3 {
		t.Errorf("LoadFS: %v, %v", s, err)
	}
	if _, err := Load(filepath.Join(dir, "nowhere")); err == nil || !strings.HasSuffix(err.Error(), "nowhere: no such file or directory") {
		t.Errorf("missing folder: %v", err)
	}
}

// TestReference reads all reference WIT, and reads what Print makes of it again. Folders that define a package which an
// earlier one has (another draft of the same version) are read in a set of their own.
func TestReference(t *testing.T) {
	dir := testref.WIT(t)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	sets := [2][]string{}
	for _, e := range entries {
		n := 0
		if strings.HasSuffix(e.Name(), "-main") {
			n = 1
		}
		for i := range sets {
			if i == n || strings.HasSuffix(e.Name(), "0.2.12") {
				sets[i] = append(sets[i], filepath.Join(dir, e.Name()))
			}
		}
	}
	for _, paths := range sets {
		s, err := Load(paths...)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Packages) != len(paths) {
			t.Errorf("%d packages from %d folders", len(s.Packages), len(paths))
		}
		var groups [][]Source
		printed := map[string]string{}
		for _, p := range s.Packages {
			printed[p.String()] = p.Print()
			groups = append(groups, []Source{{Name: p.String(), Text: p.Print()}})
		}
		again, err := Resolve(groups...)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range again.Packages {
			if p.Print() != printed[p.String()] {
				t.Errorf("%s changes when it is printed and read", p)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(everything + nestedIO)
	f.Add("package a:b; world w { include v with { x as y } } world v { import x: func(); }")
	f.Add("package a:b@1.2.3; @since(version = 1.0.0) interface i { resource r { constructor(); } }")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Resolve([]Source{{Name: "a.wit", Text: text}})
		if err != nil {
			return
		}
		var groups [][]Source
		for _, p := range s.Packages {
			groups = append(groups, []Source{{Name: "b.wit", Text: p.Print()}})
		}
		again, err := Resolve(groups...)
		if err != nil {
			t.Fatalf("printed text does not parse: %v\n%s", err, groups)
		}
		for i, p := range again.Packages {
			if got, want := p.Print(), groups[i][0].Text; got != want {
				t.Fatalf("printed\n%s\nthen\n%s", want, got)
			}
		}
	})
}
