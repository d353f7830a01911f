package keyvalue_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/sqlite"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

var update = flag.Bool("update", false, "write FUNCTIONS.md")

// served are the packages that the plugin serves, the folder of each in the reference, and the test of its functions.
var served = []struct {
	of        *surface.Surface
	reference string
	only      string // the interface of the package that is served; empty: all
	test      func(g *guest)
}{
	{surface.KeyvalueDraft, "wasi-keyvalue@0.2.0-draft", "", testDraft},
	{surface.KeyvalueDraft2, "wasi-keyvalue@0.2.0-draft2", "", testDraft2},
	{surface.WasmcloudKeyvalue, "wasmcloud-keyvalue@0.2.0", "", testWasmcloud},
	{surface.SpinKeyvalue2, "fermyon-spin@2.0.0", "key-value", testSpin2},
	{surface.SpinKeyvalue3, "spin-key-value@3.0.0", "", testSpin3},
}

// guest is an instance of a component of testdata/surface, which calls the plugin's functions with a test's values.
type guest struct {
	t    testing.TB
	of   *surface.Surface
	inst *component.Instance
	seen *outcomes
}

// outcomes are what was seen of each function, and in which tests. Safe for concurrent use.
type outcomes struct {
	mu  sync.Mutex
	all map[string]map[string]map[string]bool
}

func (o *outcomes) add(function, outcome, test string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all[function] == nil {
		o.all[function] = map[string]map[string]bool{}
	}
	if o.all[function][outcome] == nil {
		o.all[function][outcome] = map[string]bool{}
	}
	o.all[function][outcome][test] = true
}

// TestFunctions calls every function of every interface through the boundary of a component, on two backends, and compares what was seen
// with FUNCTIONS.md. What the plugin defines is compared with the reference, both ways.
func TestFunctions(t *testing.T) {
	engine, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(context.Background())
	seen := &outcomes{all: map[string]map[string]map[string]bool{}}
	for _, s := range served {
		wasm, err := os.ReadFile(filepath.Join("..", "..", strings.TrimSuffix(filepath.FromSlash(s.of.File), "t")+"sm"))
		if err != nil {
			t.Fatal(err)
		}
		c, err := engine.Load(t.Context(), "surface", wasm)
		if err != nil {
			t.Fatal(err)
		}
		for name, grant := range map[string]workload.StoreGrant{
			"memory": {Backend: "memory"},
			"sqlite": {Type: "sqlite", Config: sqlite.Config{File: filepath.Join(t.TempDir(), "data.db")}, Data: "keep"},
		} {
			t.Run(filepath.Base(s.of.File)+" "+name, func(t *testing.T) {
				s.test(&guest{t, s.of, instantiate(t, engine, c, grant), seen})
			})
		}
	}
	if !t.Failed() && flag.Lookup("test.run").Value.String() == "" {
		compareTable(t, seen)
	}
}

// instantiate links the component with the plugin, which has granted it the bucket "default".
func instantiate(t testing.TB, engine *component.Engine, c *component.Component, grant workload.StoreGrant, more ...func(*keyvalue.Plugin)) *component.Instance {
	t.Helper()
	l := engine.NewLinker(nil)
	p := keyvalue.New(memory.New(0)).AddType(sqlite.Type(), func(ctx context.Context, config any) (keyvalue.Backend, error) {
		return sqlite.Open(ctx, config.(sqlite.Config))
	})
	for _, add := range more {
		add(p)
	}
	w := &workload.Spec{Name: "w", Components: []workload.Component{{Name: "c", Grants: workload.Grants{Keyvalue: map[string]workload.StoreGrant{"default": grant}}}}}
	release, err := p.Bind(t.Context(), l, &host.Binding{Workload: w, Component: &w.Components[0]})
	if err != nil {
		t.Fatal(err)
	}
	linked, err := l.Link(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := linked.Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(inst.Close(context.Background()), linked.Close(context.Background())); err != nil {
			t.Error(err)
		}
		release()
	})
	return inst
}

// call calls "interface#function" and gives its result, or the payload of its error. The outcome has to be want: "ok", or the name of
// the error's case.
func (g *guest) call(want, name string, args ...any) any {
	g.t.Helper()
	id, export := g.export(name)
	_, function, _ := strings.Cut(name, "#")
	v, err := g.inst.Call(g.t.Context(), export, args...)
	outcome := "ok"
	var fail *cm.ResultError[any]
	switch {
	case errors.As(err, &fail):
		e := fail.Value.(cm.Variant)
		v, outcome = e.Value, e.Case
	case err != nil:
		g.t.Fatalf("%s: %v", name, err)
	}
	if outcome != want {
		g.t.Fatalf("%s: %s, %v; wanted %s", name, outcome, v, want)
	}
	test, _, _ := strings.Cut(g.t.Name(), "/")
	g.seen.add(id.String()+"#"+function, outcome, test)
	return v
}

// export is the interface of "interface#function", and the component's function that calls it.
func (g *guest) export(name string) (id wit.InterfaceID, export string) {
	g.t.Helper()
	set, err := g.of.Load("../..")
	if err != nil {
		g.t.Fatal(err)
	}
	iface, function, _ := strings.Cut(name, "#")
	id = set.Packages[0].Interfaces[0].ID
	id.Interface = iface
	export, isDrop := strings.CutPrefix(function, "drop of ")
	if isDrop {
		export = "drop-" + export
	} else {
		export = exportOf(g.t, set, id, function)
	}
	return id, surface.Interface(id) + "#" + export
}

func exportOf(t testing.TB, set *wit.Set, id wit.InterfaceID, function string) string {
	t.Helper()
	for _, i := range set.Packages[0].Interfaces {
		for _, f := range i.AllFuncs() {
			if i.ID == id && f.Name == function {
				return surface.Name(f)
			}
		}
	}
	t.Fatalf("%s has no function %s", id, function)
	return ""
}

// want compares a result as text.
func (g *guest) want(got any, want string) {
	g.t.Helper()
	if text := show(got); text != want {
		g.t.Errorf("got %s, wanted %s", text, want)
	}
}

// show is a value as text: bytes as theirs, an option as its value or none.
func show(v any) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer:
		if r.IsNil() {
			return "none"
		}
		return show(r.Elem().Interface())
	case reflect.Slice:
		var parts []string
		for i := range r.Len() {
			parts = append(parts, show(r.Index(i).Interface()))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case reflect.Invalid:
		return "none"
	}
	return fmt.Sprint(v)
}

func testDraft(g *guest) {
	g.call("no-such-store", "store#open", "other")
	b := g.call("ok", "store#open", "")
	g.call("ok", "store#[method]bucket.set", b, "k", []byte("1"))
	g.want(g.call("ok", "store#[method]bucket.get", b, "k"), "1")
	g.want(g.call("ok", "store#[method]bucket.get", b, "none"), "none")
	g.want(g.call("ok", "store#[method]bucket.exists", b, "k"), "true")
	g.call("ok", "store#[method]bucket.list-keys", b, nil)
	g.call("other", "store#[method]bucket.list-keys", b, uint64(1<<63+99))
	g.want(g.call("ok", "atomics#increment", b, "n", uint64(3)), "3")
	g.call("ok", "store#[method]bucket.set", b, "text", []byte("text"))
	g.want(g.call("other", "atomics#increment", b, "text", uint64(3)), "the value is not a number")
	g.call("ok", "batch#set-many", b, []any{[]any{"a", []byte("x")}, []any{"b", []byte("y")}})
	g.want(g.call("ok", "batch#get-many", b, []string{"a", "none", "b"}), "[[a x] none [b y]]")
	g.call("ok", "batch#delete-many", b, []string{"a", "none"})
	g.call("ok", "store#[method]bucket.delete", b, "b")
	g.want(g.call("ok", "store#[method]bucket.exists", b, "b"), "false")
	g.call("ok", "store#drop of bucket", b)
}

func testDraft2(g *guest) {
	g.call("no-such-store", "store#open", "other")
	b := g.call("ok", "store#open", "default")
	g.call("ok", "store#[method]bucket.set", b, "k", []byte("1"))
	g.want(g.call("ok", "store#[method]bucket.get", b, "k"), "1")
	g.want(g.call("ok", "store#[method]bucket.exists", b, "k"), "true")
	var many []any
	for i := range 250 {
		many = append(many, []any{fmt.Sprint("many", i), []byte{}})
	}
	g.call("ok", "batch#set-many", b, many)
	g.want(len(g.keys(b)), "251")
	g.call("other", "store#[method]bucket.list-keys", b, "no cursor")

	g.want(g.call("ok", "atomics#increment", b, "n", int64(-3)), "-3")
	g.want(g.call("ok", "atomics#increment", b, "n", int64(0)), "-3")
	g.want(g.call("ok", "atomics#increment", b, "n", int64(45)), "42")
	for _, c := range []struct {
		value, want string
		delta       int64
	}{
		{"text", "the value is not a number", 1}, {"", "the value is not a number", 1}, {"9223372036854775807", "the sum is beyond 64 bits", 1},
		{"-9223372036854775808", "the sum is beyond 64 bits", -1}, {"9223372036854775808", "the sum is beyond 64 bits", -1},
	} {
		g.call("ok", "store#[method]bucket.set", b, "bad", []byte(c.value))
		g.want(g.call("other", "atomics#increment", b, "bad", c.delta), c.want)
		g.want(g.call("ok", "store#[method]bucket.get", b, "bad"), c.value)
	}

	c := g.call("ok", "atomics#[static]cas.new", b, "k")
	g.want(g.call("ok", "atomics#[method]cas.current", c), "1")
	g.call("ok", "store#[method]bucket.set", b, "k", []byte("2"))
	c = g.call("cas-failed", "atomics#swap", c, []byte("3"))
	g.want(g.call("ok", "atomics#[method]cas.current", c), "2")
	g.call("ok", "atomics#swap", c, []byte("3"))
	g.want(g.call("ok", "store#[method]bucket.get", b, "k"), "3")
	absent := g.call("ok", "atomics#[static]cas.new", b, "absent")
	g.want(g.call("ok", "atomics#[method]cas.current", absent), "none")
	unused := g.call("ok", "atomics#[static]cas.new", b, "k")
	g.call("ok", "atomics#drop of cas", unused)

	g.call("ok", "batch#set-many", b, []any{[]any{"a", []byte("x")}})
	g.want(g.call("ok", "batch#get-many", b, []string{"a", "none", "a"}), "[[a x] [none none] [a x]]")
	g.call("ok", "batch#delete-many", b, []string{"a", "none"})
	g.call("ok", "store#[method]bucket.delete", b, "k")
	g.want(g.call("ok", "store#[method]bucket.exists", b, "k"), "false")
	g.call("ok", "store#drop of bucket", b)
	g.call("ok", "atomics#swap", absent, []byte("there")) // the bucket that it was made of is gone
	b = g.call("ok", "store#open", "default")
	g.want(g.call("ok", "store#[method]bucket.get", b, "absent"), "there")
}

// keys lists all keys, page after page.
func (g *guest) keys(bucket any) (all []string) {
	g.t.Helper()
	var cursor any
	for range 100 {
		page := g.call("ok", "store#[method]bucket.list-keys", bucket, cursor).(map[string]any)
		all = append(all, page["keys"].([]string)...)
		if cursor = page["cursor"]; show(cursor) == "none" {
			slices.Sort(all)
			return slices.Compact(all)
		}
	}
	g.t.Fatal("the list does not end")
	return nil
}

func testWasmcloud(g *guest) {
	g.call("no-such-store", "store#open", "other")
	b := g.call("ok", "store#open", "default")
	set := func(want, key, value string, options any) {
		g.call(want, "types#[method]bucket.set", b, key, []byte(value), options)
	}
	get := func(key, want string) { g.t.Helper(); g.want(g.call("ok", "types#[method]bucket.get", b, key), want) }
	set("ok", "k", "1", nil)
	get("k", "1")
	get("none", "none")
	set("precondition-failed", "k", "2", map[string]any{"ttl-ms": nil, "if-not-exists": true})
	set("ok", "k", "1", map[string]any{"ttl-ms": nil, "if-not-exists": false})
	set("ok", "new", "n", map[string]any{"ttl-ms": nil, "if-not-exists": true})
	get("new", "n")
	ttl := uint64(1000)
	set("other", "k", "2", map[string]any{"ttl-ms": &ttl, "if-not-exists": false}) // no store forgets silently
	get("k", "1")
	g.want(g.call("ok", "types#[method]bucket.exists", b, "k"), "true")

	var many []any
	for i := range 250 {
		many = append(many, []any{fmt.Sprint("many", i), []byte{}})
	}
	g.call("ok", "batch#set-many", b, many)
	list := func(prefix any) (n int) {
		for cursor := any(nil); ; {
			page := g.call("ok", "types#[method]bucket.list-keys", b, prefix, cursor).(map[string]any)
			n += len(page["keys"].([]string))
			if cursor = page["cursor"]; show(cursor) == "none" {
				return n
			}
		}
	}
	for prefix, want := range map[string]int{"": 252, "many": 250, "many24": 11, "k": 1, "nothing": 0} {
		if n := list(&prefix); n != want {
			g.t.Errorf("%d keys begin with %q, wanted %d", n, prefix, want)
		}
	}
	if n := list(nil); n != 252 {
		g.t.Errorf("%d keys", n)
	}
	g.call("other", "types#[method]bucket.list-keys", b, nil, "no cursor")

	g.want(g.call("ok", "atomics#increment", b, "n", int64(-3)), "-3")
	g.want(g.call("other", "atomics#increment", b, "new", int64(1)), "the value is not a number")

	current := func() map[string]any {
		g.t.Helper()
		return *g.call("ok", "cas#current", b, "k").(*map[string]any)
	}
	swap := func(want, value string, version, old any) any {
		g.t.Helper()
		return g.call(want, "cas#swap", b, "k", []byte(value), map[string]any{"require-version": version, "require-value": old})
	}
	g.want(g.call("ok", "cas#current", b, "none"), "none")
	first := current()
	g.want(first["value"], "1")
	version, one, two := first["version"], []byte("1"), []byte("2")
	swap("invalid-argument", "2", nil, nil)
	g.want(swap("ok", "2", version, &one).(cm.Variant).Case, "swapped")
	get("k", "2")
	stale := swap("ok", "3", version, nil).(cm.Variant)
	g.want(stale.Case, "stale")
	g.want((*stale.Value.(*map[string]any))["value"], "2")
	g.want(swap("ok", "3", nil, &one).(cm.Variant).Case, "stale")
	g.want(swap("ok", "3", version, &two).(cm.Variant).Case, "stale") // both have to hold
	g.want(swap("ok", "3", nil, &two).(cm.Variant).Case, "swapped")
	get("k", "3")
	g.call("ok", "types#[method]bucket.delete", b, "k")
	absent := swap("ok", "4", nil, &two).(cm.Variant)
	g.want(absent.Case, "stale")
	g.want(absent.Value, "none")

	g.want(g.call("ok", "batch#get-many", b, []string{"new", "none"}), "[[new n] none]")
	g.call("ok", "batch#delete-many", b, []string{"new", "none"})
	g.want(g.call("ok", "types#[method]bucket.exists", b, "new"), "false")
	g.call("ok", "types#drop of bucket", b)
}

func testSpin3(g *guest) {
	g.call("no-such-store", "key-value#[static]store.open", "other")
	s := g.call("ok", "key-value#[static]store.open", "default")
	g.call("ok", "key-value#[method]store.set", s, "k", []byte("1"))
	g.want(g.call("ok", "key-value#[method]store.get", s, "k"), "1")
	g.want(g.call("ok", "key-value#[method]store.get", s, "none"), "none")
	g.want(g.call("ok", "key-value#[method]store.exists", s, "k"), "true")
	for i := range 250 {
		g.call("ok", "key-value#[method]store.set", s, fmt.Sprint("many", i), []byte{})
	}
	list := g.call("ok", "key-value#[method]store.get-keys", s).([]any)
	unread := g.call("ok", "key-value#[method]store.get-keys", s).([]any) // ends with the instance
	g.call("ok", "key-value#[method]store.delete", s, "k")
	g.want(g.call("ok", "key-value#[method]store.exists", s, "k"), "false")
	g.call("ok", "key-value#drop of store", s) // the lists go on
	keys, err := g.inst.Call(g.t.Context(), "surface:values/streams#take-string", list[0], uint32(1000))
	if all, _ := keys.([]string); err != nil || len(all) < 250 || len(all) > 251 {
		g.t.Errorf("%d keys, %v", len(all), err)
	}
	if end, err := g.inst.Call(g.t.Context(), "surface:values/streams#await-key-value", list[1]); err != nil {
		g.t.Errorf("the list ended with %v, %v", end, err)
	}
	_ = unread
}

func testSpin2(g *guest) {
	g.call("no-such-store", "key-value#[static]store.open", "other")
	s := g.call("ok", "key-value#[static]store.open", "default")
	g.call("ok", "key-value#[method]store.set", s, "k", []byte("1"))
	g.want(g.call("ok", "key-value#[method]store.get", s, "k"), "1")
	g.want(g.call("ok", "key-value#[method]store.get", s, "none"), "none")
	g.want(g.call("ok", "key-value#[method]store.exists", s, "k"), "true")
	for i := range 250 {
		g.call("ok", "key-value#[method]store.set", s, fmt.Sprint("many", i), []byte{})
	}
	if keys := g.call("ok", "key-value#[method]store.get-keys", s).([]string); len(keys) != 251 {
		g.t.Errorf("%d keys", len(keys))
	}
	g.call("ok", "key-value#[method]store.delete", s, "k")
	g.call("ok", "key-value#[method]store.delete", s, "k")
	g.want(g.call("ok", "key-value#[method]store.exists", s, "k"), "false")
	g.call("ok", "key-value#drop of store", s)
}

// compareTable compares what was seen with FUNCTIONS.md.
func compareTable(t *testing.T, seen *outcomes) {
	t.Helper()
	var b strings.Builder
	b.WriteString("<!-- Written by go test ./plugin/keyvalue -update from what the tests see. DO NOT EDIT. -->\n\n# The functions of key-value stores and their tests\n\n" +
		"Every function as the tests call it, through the boundary of a component (testdata/surface), on memory and SQLite; where an outcome\n" +
		"stands, the test asserts it.\n")
	for _, s := range served {
		set, err := s.of.Load("../..")
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range set.Packages[0].Interfaces {
			if slices.Contains(s.of.Exported, i.ID.String()) {
				continue
			}
			fmt.Fprintf(&b, "\n## %s\n\n| function | what was seen, and where |\n|---|---|\n", i.ID)
			var functions []string
			for _, f := range i.AllFuncs() {
				functions = append(functions, f.Name)
			}
			for _, r := range i.Types {
				if r.Kind == wit.Resource {
					functions = append(functions, "drop of "+r.Name)
				}
			}
			for _, f := range functions {
				name := i.ID.String() + "#" + f
				if seen.all[name]["ok"] == nil {
					t.Errorf("%s was not seen to succeed", name)
				}
				fmt.Fprintf(&b, "| `%s` | %s |\n", f, cell(seen.all[name]))
			}
		}
	}
	if *update {
		if err := os.WriteFile("FUNCTIONS.md", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile("FUNCTIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(old) != b.String() {
		t.Errorf("FUNCTIONS.md is not what the tests have seen (go test -update writes it):\n%s", b.String())
	}
}

// cell lists each outcome with its tests.
func cell(outcomes map[string]map[string]bool) string {
	var parts []string
	for _, o := range slices.Sorted(maps.Keys(outcomes)) {
		parts = append(parts, o+": "+strings.Join(slices.Sorted(maps.Keys(outcomes[o])), ", "))
	}
	return strings.Join(parts, "; ")
}

// TestReference compares what the plugin serves with the WIT of record, both ways: names, and the functions' signatures.
func TestReference(t *testing.T) {
	dir := testref.WIT(t)
	var want, had []string
	for _, s := range served {
		reference, err := wit.Load(filepath.Join(dir, s.reference))
		if err != nil {
			t.Fatal(err)
		}
		ours, err := s.of.Load("../..")
		if err != nil {
			t.Fatal(err)
		}
		for to, set := range map[*[]string]*wit.Set{&want: reference, &had: ours} {
			for _, p := range set.Packages {
				p.StripDocs()
				for _, i := range p.Interfaces {
					if s.only == "" || s.only == i.ID.Interface {
						*to = append(*to, i.ID.String()+"\n"+i.Print())
					}
				}
			}
		}
	}
	slices.Sort(want)
	slices.Sort(had)
	for _, text := range want {
		if !slices.Contains(had, text) {
			t.Errorf("missing, or other: %s", text)
		}
	}
	for _, text := range had {
		if !slices.Contains(want, text) {
			t.Errorf("not in the reference: %s", text)
		}
	}
	var interfaces []string
	for _, id := range keyvalue.New(memory.New(0)).Serves() {
		interfaces = append(interfaces, id.String())
	}
	for _, text := range had {
		id, _, _ := strings.Cut(text, "\n")
		if !strings.Contains(id, "/watcher@") && !slices.Contains(interfaces, id) {
			t.Errorf("%s is not served", id)
		}
	}
	if len(interfaces) != len(had)-3 { // the watchers are exports of components
		t.Errorf("serves %v", interfaces)
	}
}
