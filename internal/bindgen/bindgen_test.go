package bindgen

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wit"
)

var update = flag.Bool("update", false, "write the golden files")

// root is this module's root, seen from the package.
const root = "../.."

// fixtures are bindings outside the house: of WIT made for tests, and of examples. A binding may take types from those
// before it.
var fixtures = []struct {
	wit      string
	bindings []Binding
}{
	{"internal/bindgen/testdata/wit", []Binding{
		{WIT: "test:dep@0.1.0", Path: module + "/internal/bindgen/fixture/dep", Name: "dep"},
		{WIT: "test:kinds/all@1.0.0", Path: module + "/internal/bindgen/fixture", Name: "fixture"},
	}},
	{"internal/bindgen/testdata/shop", []Binding{{WIT: "test:shop/shopping", Path: module + "/internal/bindgen/fixture/shop", Name: "shop"}}},
	{"examples/embed/typed/greet.wit", []Binding{{WIT: "example:greet/greeter", Path: module + "/examples/embed/typed/greet", Name: "greet"}}},
}

func TestFixtures(t *testing.T) {
	for _, f := range fixtures {
		set, err := wit.Load(filepath.Join(root, filepath.FromSlash(f.wit)))
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range f.bindings {
			files, err := Generate(set, b, f.bindings[:i])
			if err != nil {
				t.Fatal(err)
			}
			golden(t, b.Dir(), files)
		}
	}
}

// golden compares generated files with those that are checked in.
func golden(t *testing.T, below string, files map[string][]byte) {
	t.Helper()
	dir := filepath.Join(root, filepath.FromSlash(below))
	if *update {
		if err := Write(dir, files); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		had, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Errorf("%v (run the test with -update)", err)
		} else if !bytes.Equal(had, files[name]) {
			t.Errorf("%s/%s is not what the generator makes (run the test with -update)", below, name)
		}
	}
	had, err := filepath.Glob(filepath.Join(dir, "*.gen.go"))
	if err != nil {
		t.Fatal(err)
	}
	if len(had) != len(files) {
		t.Errorf("%s holds %d generated files, the generator makes %d", below, len(had), len(files))
	}
}

// TestWorldOfOthers binds a world whose interfaces are all bound elsewhere: what is left is a struct of their parts.
func TestWorldOfOthers(t *testing.T) {
	set, err := LoadHouse(root)
	if err != nil {
		t.Fatal(err)
	}
	files, err := Generate(set, Binding{WIT: "wasi:http/proxy@0.2.12", Path: "example.com/proxy", Name: "proxy"}, House)
	if err != nil {
		t.Fatal(err)
	}
	src := string(files["world_proxy.gen.go"])
	for _, want := range []string{
		`httpp2 "github.com/vitrine-wasm/vitrine/wasi/http/p2"`, "IncomingHandler *httpp2.IncomingHandler", "httpp2.NewIncomingHandlerExport(inst)",
	} {
		if !strings.Contains(src, want) {
			t.Errorf("no %s in\n%s", want, src)
		}
	}
	if len(files) != 1 {
		t.Errorf("%d files", len(files))
	}
}

func TestDeterministic(t *testing.T) {
	var first map[string][]byte
	for range 3 {
		files, err := GenerateHouse(root)
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

func TestHouseHasNotDrifted(t *testing.T) {
	drift, err := Drift(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range drift {
		t.Errorf("%s: run go generate ./internal/bindgen", d)
	}
}

// houseAndReference are this module's own WIT text and that of the reference, of the same packages.
func houseAndReference(t *testing.T) (house, reference *wit.Set) {
	t.Helper()
	dir := testref.WIT(t)
	house, err := LoadHouse(root)
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for _, p := range house.Packages {
		dirs = append(dirs, filepath.Join(dir, strings.Replace(p.String(), ":", "-", 1)))
	}
	reference, err = wit.Load(dirs...)
	if err != nil {
		t.Fatal(err)
	}
	return house, reference
}

// TestHouseIsReference compares this module's own WIT text with the reference, in both directions: what is printed of
// both without docs has to be the same.
func TestHouseIsReference(t *testing.T) {
	house, reference := houseAndReference(t)
	want, had := signatures(reference), signatures(house)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		switch {
		case had[name] == "":
			t.Errorf("%s is missing here", name)
		case had[name] != want[name]:
			t.Errorf("%s differs: here\n%s\nreference\n%s", name, had[name], want[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(had)) {
		if want[name] == "" {
			t.Errorf("%s is not in the reference", name)
		}
	}
}

// signatures prints each interface and world without docs, by full name.
func signatures(s *wit.Set) map[string]string {
	m := map[string]string{}
	for _, p := range s.Packages {
		p.StripDocs()
		for _, i := range p.Interfaces {
			m[i.ID.String()] = i.Print()
		}
		for _, w := range p.Worlds {
			m[w.ID().String()] = w.Print()
		}
	}
	return m
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
		{"id", "ID", "id"},
	} {
		if got := exported(c.wit); got != c.exported {
			t.Errorf("exported(%q) = %s, want %s", c.wit, got, c.exported)
		}
		if got := local(c.wit); got != c.local {
			t.Errorf("local(%q) = %s, want %s", c.wit, got, c.local)
		}
	}
	for in, want := range map[string]string{"HTTPErrorCode": "httpErrorCode", "IPv4": "iPv4", "Poll": "poll", "IP": "ip"} {
		if got := lowerFirst(in); got != want {
			t.Errorf("lowerFirst(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	many := "flags f { " + strings.TrimSuffix(strings.Repeat("x, ", 1), ", ")
	for i := range 64 {
		many += ", y" + string(rune('a'+i/26)) + string(rune('a'+i%26))
	}
	for _, c := range []struct{ name, wit, bind, want string }{
		{"unknown package", "package a:b;", "c:d", "package c:d is not in the WIT text"},
		{"unknown world", "package a:b;", "a:b/w", "world a:b/w is not in the WIT text"},
		{"same name", "package a:b; interface i { record a-b { x: u8 } enum a { b } }", "a:b", "package p: a:b/i.a-b and a:b/i.a would both be called AB"},
		{"bound nowhere", "package a:b; interface i { use c:d/j.{r}; f: func(x: r); } package c:d { interface j { record r { x: u8 } } }", "a:b",
			"a:b/i: type c:d/j.r is bound nowhere: give the binding of its package"},
		{"long tuple", "package a:b; interface i { f: func() -> tuple<" + strings.TrimSuffix(strings.Repeat("u8, ", 17), ", ") + ">; }", "a:b",
			"a:b/i: a tuple of 17 elements: the longest is 16"},
		{"many flags", "package a:b; interface i { " + many + " } }", "a:b", "a:b/i: flags f has 65 labels, more than 64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set, err := wit.Resolve([]wit.Source{{Name: "a.wit", Text: c.wit}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = Generate(set, Binding{WIT: c.bind, Name: "p"}, nil)
			if err == nil || err.Error() != c.want {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
}
