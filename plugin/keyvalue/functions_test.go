package keyvalue_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/sqlite"
	"github.com/vitrine-wasm/vitrine/tests/functions"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/workload"
)

// tested is the table of the packages that the plugin serves.
func tested() *functions.Table {
	return &functions.Table{
		Plugin: "plugin/keyvalue", Title: "The functions of key-value stores and their tests", On: "on memory, on SQLite and on a backend that fails",
		Served: []functions.Served{
			{Of: surface.KeyvalueDraft, Reference: "wasi-keyvalue@0.2.0-draft", Test: testDraft},
			{Of: surface.KeyvalueDraft2, Reference: "wasi-keyvalue@0.2.0-draft2", Test: testDraft2},
			{Of: surface.WasmcloudKeyvalue, Reference: "wasmcloud-keyvalue@0.2.0", Test: testWasmcloud},
			{Of: surface.SpinKeyvalue2, Reference: "fermyon-spin@2.0.0", Only: []string{"key-value"}, Test: testSpin2},
			{Of: surface.SpinKeyvalue3, Reference: "spin-key-value@3.0.0", Test: testSpin3},
		},
	}
}

// plugin is one with the backends of the tests.
func plugin() *keyvalue.Plugin {
	return keyvalue.New(memory.New(0)).Add("failing", failing{}).AddType(sqlite.Type(), func(ctx context.Context, config any) (keyvalue.Backend, error) {
		return sqlite.Open(ctx, config.(sqlite.Config))
	})
}

// granted links a plugin that has granted the bucket "default" of a backend, and a bucket "failing".
func granted(p *keyvalue.Plugin, grant workload.StoreGrant) functions.Link {
	return functions.Plugin(p, workload.Component{Grants: workload.Grants{Keyvalue: map[string]workload.StoreGrant{"default": grant, "failing": {Backend: "failing"}}}})
}

// TestFunctions calls every function of every interface through the boundary of a component, on both backends, and compares what was seen
// with FUNCTIONS.md.
func TestFunctions(t *testing.T) {
	engine := functions.Engine(t)
	tb := tested()
	tb.Run(t, "memory", engine, granted(plugin(), workload.StoreGrant{Backend: "memory"}))
	tb.Run(t, "sqlite", engine, func(t testing.TB, l *component.Linker) {
		granted(plugin(), workload.StoreGrant{Type: "sqlite", Config: sqlite.Config{File: filepath.Join(t.TempDir(), "data.db")}, Data: "keep"})(t, l)
	})
	tb.Compare(t, map[string]string{"wasi:keyvalue/atomics@0.2.0-draft2#[method]cas.current": "the value was read when the handle was made"})
}

// failing is a backend and its buckets, whose functions all fail.
type failing struct{}

var errFailing = errors.New("planted")

func (failing) Open(context.Context, keyvalue.Owner, string) (keyvalue.Bucket, error) {
	return failing{}, nil
}
func (failing) Drop(keyvalue.Owner) {}

func (failing) Get(context.Context, string) ([]byte, bool, error) { return nil, false, errFailing }
func (failing) Set(context.Context, string, []byte) error         { return errFailing }
func (failing) Delete(context.Context, string) error              { return errFailing }
func (failing) List(context.Context, string) (keyvalue.Page, error) {
	return keyvalue.Page{}, errFailing
}
func (failing) Increment(context.Context, string, uint64) (uint64, error) { return 0, errFailing }

func (failing) Current(context.Context, string) (keyvalue.Versioned, error) {
	return keyvalue.Versioned{}, errFailing
}

func (failing) Swap(context.Context, string, keyvalue.Version, []byte) (bool, keyvalue.Versioned, error) {
	return false, keyvalue.Versioned{}, errFailing
}

// pair is a list of one key and its value.
var pair = []any{[]any{"k", []byte{}}}

// text is an option that is there.
func text(s string) *string { return &s }

// allFail calls functions on a bucket that fails. The guest does not get the backend's text.
func allFail(g *functions.Guest, bucket any, calls map[string][]any) {
	g.T.Helper()
	for name, args := range calls {
		g.Want(g.Call("other", name, append([]any{bucket}, args...)...), backend.FailedText)
	}
}

func testDraft(g *functions.Guest) {
	g.Call("no-such-store", "store#open", "other")
	b := g.Call("ok", "store#open", "")
	g.Call("ok", "store#[method]bucket.set", b, "k", []byte("1"))
	g.Want(g.Call("ok", "store#[method]bucket.get", b, "k"), `"1"`)
	g.Want(g.Call("ok", "store#[method]bucket.get", b, "none"), "none")
	g.Want(g.Call("ok", "store#[method]bucket.exists", b, "k"), "true")
	g.Call("ok", "store#[method]bucket.list-keys", b, nil)
	g.Call("other", "store#[method]bucket.list-keys", b, uint64(1<<63+99))
	g.Want(g.Call("ok", "atomics#increment", b, "n", uint64(3)), "3")
	g.Call("ok", "store#[method]bucket.set", b, "text", []byte("text"))
	g.Want(g.Call("other", "atomics#increment", b, "text", uint64(3)), "the value is not a number")
	g.Call("ok", "batch#set-many", b, []any{[]any{"a", []byte("x")}, []any{"b", []byte("y")}})
	g.Want(g.Call("ok", "batch#get-many", b, []string{"a", "none", "b"}), `[[a "x"] none [b "y"]]`)
	g.Call("ok", "batch#delete-many", b, []string{"a", "none"})
	g.Call("ok", "store#[method]bucket.delete", b, "b")
	g.Want(g.Call("ok", "store#[method]bucket.exists", b, "b"), "false")
	g.Call("ok", "store#drop of bucket", b)
	allFail(g, g.Call("ok", "store#open", "failing"), map[string][]any{
		"store#[method]bucket.get": {"k"}, "store#[method]bucket.set": {"k", []byte{}}, "store#[method]bucket.delete": {"k"}, "store#[method]bucket.exists": {"k"},
		"store#[method]bucket.list-keys": {nil}, "batch#get-many": {[]string{"k"}}, "batch#set-many": {pair}, "batch#delete-many": {[]string{"k"}},
		"atomics#increment": {"n", uint64(1)},
	})
}

func testDraft2(g *functions.Guest) {
	g.Call("no-such-store", "store#open", "other")
	b := g.Call("ok", "store#open", "default")
	g.Call("ok", "store#[method]bucket.set", b, "k", []byte("1"))
	g.Want(g.Call("ok", "store#[method]bucket.get", b, "k"), `"1"`)
	g.Want(g.Call("ok", "store#[method]bucket.exists", b, "k"), "true")
	var many []any
	for i := range 250 {
		many = append(many, []any{fmt.Sprint("many", i), []byte{}})
	}
	g.Call("ok", "batch#set-many", b, many)
	g.Want(len(keys(g, b)), "251")
	g.Call("other", "store#[method]bucket.list-keys", b, "no cursor")

	g.Want(g.Call("ok", "atomics#increment", b, "n", int64(-3)), "-3")
	g.Want(g.Call("ok", "atomics#increment", b, "n", int64(0)), "-3")
	g.Want(g.Call("ok", "atomics#increment", b, "n", int64(45)), "42")
	for _, c := range []struct {
		value, want string
		delta       int64
	}{
		{"text", "the value is not a number", 1}, {"", "the value is not a number", 1}, {"9223372036854775807", "the sum is beyond 64 bits", 1},
		{"-9223372036854775808", "the sum is beyond 64 bits", -1}, {"9223372036854775808", "the sum is beyond 64 bits", -1},
	} {
		g.Call("ok", "store#[method]bucket.set", b, "bad", []byte(c.value))
		g.Want(g.Call("other", "atomics#increment", b, "bad", c.delta), c.want)
		g.Want(g.Call("ok", "store#[method]bucket.get", b, "bad"), fmt.Sprintf("%q", c.value))
	}

	c := g.Call("ok", "atomics#[static]cas.new", b, "k")
	g.Want(g.Call("ok", "atomics#[method]cas.current", c), `"1"`)
	g.Call("ok", "store#[method]bucket.set", b, "k", []byte("2"))
	c = g.Call("cas-failed", "atomics#swap", c, []byte("3"))
	g.Want(g.Call("ok", "atomics#[method]cas.current", c), `"2"`)
	g.Call("ok", "atomics#swap", c, []byte("3"))
	g.Want(g.Call("ok", "store#[method]bucket.get", b, "k"), `"3"`)
	absent := g.Call("ok", "atomics#[static]cas.new", b, "absent")
	g.Want(g.Call("ok", "atomics#[method]cas.current", absent), "none")
	unused := g.Call("ok", "atomics#[static]cas.new", b, "k")
	g.Call("ok", "atomics#drop of cas", unused)

	g.Call("ok", "batch#set-many", b, []any{[]any{"a", []byte("x")}})
	g.Want(g.Call("ok", "batch#get-many", b, []string{"a", "none", "a"}), `[[a "x"] [none none] [a "x"]]`)
	g.Call("ok", "batch#delete-many", b, []string{"a", "none"})
	g.Call("ok", "store#[method]bucket.delete", b, "k")
	g.Want(g.Call("ok", "store#[method]bucket.exists", b, "k"), "false")
	g.Call("ok", "store#drop of bucket", b)
	g.Call("ok", "atomics#swap", absent, []byte("there")) // the bucket that it was made of is gone
	b = g.Call("ok", "store#open", "default")
	g.Want(g.Call("ok", "store#[method]bucket.get", b, "absent"), `"there"`)
	allFail(g, g.Call("ok", "store#open", "failing"), map[string][]any{
		"store#[method]bucket.get": {"k"}, "store#[method]bucket.set": {"k", []byte{}}, "store#[method]bucket.delete": {"k"}, "store#[method]bucket.exists": {"k"},
		"store#[method]bucket.list-keys": {nil}, "batch#get-many": {[]string{"k"}}, "batch#set-many": {pair}, "batch#delete-many": {[]string{"k"}},
		"atomics#increment": {"n", int64(1)}, "atomics#[static]cas.new": {"k"},
	})
}

// keys lists all keys, page after page.
func keys(g *functions.Guest, bucket any) (all []string) {
	g.T.Helper()
	var cursor any
	for range 100 {
		page := g.Call("ok", "store#[method]bucket.list-keys", bucket, cursor).(map[string]any)
		all = append(all, page["keys"].([]string)...)
		if cursor = page["cursor"]; functions.Show(cursor) == "none" {
			slices.Sort(all)
			return slices.Compact(all)
		}
	}
	g.T.Fatal("the list does not end")
	return nil
}

func testWasmcloud(g *functions.Guest) {
	g.Call("no-such-store", "store#open", "other")
	b := g.Call("ok", "store#open", "default")
	set := func(want, key, value string, options any) {
		g.Call(want, "types#[method]bucket.set", b, key, []byte(value), options)
	}
	get := func(key, want string) { g.T.Helper(); g.Want(g.Call("ok", "types#[method]bucket.get", b, key), want) }
	set("ok", "k", "1", nil)
	get("k", `"1"`)
	get("none", "none")
	set("precondition-failed", "k", "2", map[string]any{"ttl-ms": nil, "if-not-exists": true})
	set("ok", "k", "1", map[string]any{"ttl-ms": nil, "if-not-exists": false})
	set("ok", "new", "n", map[string]any{"ttl-ms": nil, "if-not-exists": true})
	get("new", `"n"`)
	ttl := uint64(1000)
	set("other", "k", "2", map[string]any{"ttl-ms": &ttl, "if-not-exists": false}) // no store forgets silently
	get("k", `"1"`)
	g.Want(g.Call("ok", "types#[method]bucket.exists", b, "k"), "true")

	var many []any
	for i := range 250 {
		many = append(many, []any{fmt.Sprint("many", i), []byte{}})
	}
	g.Call("ok", "batch#set-many", b, many)
	list := func(prefix any) (n int) {
		for cursor := any(nil); ; {
			page := g.Call("ok", "types#[method]bucket.list-keys", b, prefix, cursor).(map[string]any)
			n += len(page["keys"].([]string))
			if cursor = page["cursor"]; functions.Show(cursor) == "none" {
				return n
			}
		}
	}
	for prefix, want := range map[string]int{"": 252, "many": 250, "many24": 11, "k": 1, "nothing": 0} {
		if n := list(&prefix); n != want {
			g.T.Errorf("%d keys begin with %q, wanted %d", n, prefix, want)
		}
	}
	if n := list(nil); n != 252 {
		g.T.Errorf("%d keys", n)
	}
	g.Call("other", "types#[method]bucket.list-keys", b, nil, "no cursor")

	g.Want(g.Call("ok", "atomics#increment", b, "n", int64(-3)), "-3")
	g.Want(g.Call("other", "atomics#increment", b, "new", int64(1)), "the value is not a number")

	current := func() map[string]any {
		g.T.Helper()
		return *g.Call("ok", "cas#current", b, "k").(*map[string]any)
	}
	swap := func(want, value string, version, old any) any {
		g.T.Helper()
		return g.Call(want, "cas#swap", b, "k", []byte(value), map[string]any{"require-version": version, "require-value": old})
	}
	g.Want(g.Call("ok", "cas#current", b, "none"), "none")
	first := current()
	g.Want(first["value"], `"1"`)
	version, one, two := first["version"], []byte("1"), []byte("2")
	swap("invalid-argument", "2", nil, nil)
	g.Want(swap("ok", "2", version, &one).(cm.Variant).Case, "swapped")
	get("k", `"2"`)
	stale := swap("ok", "3", version, nil).(cm.Variant)
	g.Want(stale.Case, "stale")
	g.Want((*stale.Value.(*map[string]any))["value"], `"2"`)
	g.Want(swap("ok", "3", nil, &one).(cm.Variant).Case, "stale")
	g.Want(swap("ok", "3", version, &two).(cm.Variant).Case, "stale") // both have to hold
	g.Want(swap("ok", "3", nil, &two).(cm.Variant).Case, "swapped")
	get("k", `"3"`)
	g.Call("ok", "types#[method]bucket.delete", b, "k")
	absent := swap("ok", "4", nil, &two).(cm.Variant)
	g.Want(absent.Case, "stale")
	g.Want(absent.Value, "none")

	g.Want(g.Call("ok", "batch#get-many", b, []string{"new", "none"}), `[[new "n"] none]`)
	g.Call("ok", "batch#delete-many", b, []string{"new", "none"})
	g.Want(g.Call("ok", "types#[method]bucket.exists", b, "new"), "false")
	g.Call("ok", "types#drop of bucket", b)
	allFail(g, g.Call("ok", "store#open", "failing"), map[string][]any{
		"types#[method]bucket.get": {"k"}, "types#[method]bucket.set": {"k", []byte{}, nil}, "types#[method]bucket.delete": {"k"}, "types#[method]bucket.exists": {"k"},
		"types#[method]bucket.list-keys": {nil, nil}, "batch#get-many": {[]string{"k"}}, "batch#set-many": {pair}, "batch#delete-many": {[]string{"k"}},
		"atomics#increment": {"n", int64(1)}, "cas#current": {"k"}, "cas#swap": {"k", []byte{}, map[string]any{"require-version": text("v"), "require-value": nil}},
	})
}

func testSpin3(g *functions.Guest) {
	g.Call("no-such-store", "key-value#[static]store.open", "other")
	s := g.Call("ok", "key-value#[static]store.open", "default")
	g.Call("ok", "key-value#[method]store.set", s, "k", []byte("1"))
	g.Want(g.Call("ok", "key-value#[method]store.get", s, "k"), `"1"`)
	g.Want(g.Call("ok", "key-value#[method]store.get", s, "none"), "none")
	g.Want(g.Call("ok", "key-value#[method]store.exists", s, "k"), "true")
	for i := range 250 {
		g.Call("ok", "key-value#[method]store.set", s, fmt.Sprint("many", i), []byte{})
	}
	list := g.Call("ok", "key-value#[method]store.get-keys", s).([]any)
	unread := g.Call("ok", "key-value#[method]store.get-keys", s).([]any) // ends with the instance
	g.Call("ok", "key-value#[method]store.delete", s, "k")
	g.Want(g.Call("ok", "key-value#[method]store.exists", s, "k"), "false")
	g.Call("ok", "key-value#drop of store", s) // the lists go on
	if all := g.Plain("surface:values/streams#take-string", list[0], uint32(1000)).([]string); len(all) < 250 || len(all) > 251 {
		g.T.Errorf("%d keys", len(all))
	}
	g.Plain("surface:values/streams#await-key-value", list[1]) // fails if the list ended by an error
	_ = unread
	allFail(g, g.Call("ok", "key-value#[static]store.open", "failing"), map[string][]any{
		"key-value#[method]store.get": {"k"}, "key-value#[method]store.set": {"k", []byte{}}, "key-value#[method]store.delete": {"k"}, "key-value#[method]store.exists": {"k"},
	})
	failed := g.Call("ok", "key-value#[method]store.get-keys", g.Call("ok", "key-value#[static]store.open", "failing")).([]any)
	g.Want(g.Plain("surface:values/streams#take-string", failed[0], uint32(1000)), "[]")
	var why *cm.ResultError[any]
	if _, err := g.Inst.Call(g.T.Context(), "surface:values/streams#await-key-value", failed[1]); !errors.As(err, &why) || functions.Show(why.Value) != "other("+backend.FailedText+")" {
		g.T.Errorf("the list that failed ended with %v", err)
	}
}

func testSpin2(g *functions.Guest) {
	g.Call("no-such-store", "key-value#[static]store.open", "other")
	s := g.Call("ok", "key-value#[static]store.open", "default")
	g.Call("ok", "key-value#[method]store.set", s, "k", []byte("1"))
	g.Want(g.Call("ok", "key-value#[method]store.get", s, "k"), `"1"`)
	g.Want(g.Call("ok", "key-value#[method]store.get", s, "none"), "none")
	g.Want(g.Call("ok", "key-value#[method]store.exists", s, "k"), "true")
	for i := range 250 {
		g.Call("ok", "key-value#[method]store.set", s, fmt.Sprint("many", i), []byte{})
	}
	if keys := g.Call("ok", "key-value#[method]store.get-keys", s).([]string); len(keys) != 251 {
		g.T.Errorf("%d keys", len(keys))
	}
	g.Call("ok", "key-value#[method]store.delete", s, "k")
	g.Call("ok", "key-value#[method]store.delete", s, "k")
	g.Want(g.Call("ok", "key-value#[method]store.exists", s, "k"), "false")
	g.Call("ok", "key-value#drop of store", s)
	allFail(g, g.Call("ok", "key-value#[static]store.open", "failing"), map[string][]any{
		"key-value#[method]store.get": {"k"}, "key-value#[method]store.set": {"k", []byte{}}, "key-value#[method]store.delete": {"k"}, "key-value#[method]store.exists": {"k"}, "key-value#[method]store.get-keys": nil,
	})
}

// TestReference compares what the plugin serves with the WIT of record, both ways: names, and the functions' signatures.
func TestReference(t *testing.T) { tested().Reference(t, plugin().Serves()) }
