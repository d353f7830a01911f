package blobstore_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/folder"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/memory"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

var update = flag.Bool("update", false, "write FUNCTIONS.md")

// served are the packages that the plugin serves, the folder of each in the reference, and the test of its functions.
var served = []struct {
	of        *surface.Surface
	reference string
	test      func(g *guest)
}{
	{surface.Blobstore, "wasi-blobstore@0.2.0-draft", testWASI},
	{surface.WasmcloudBlobstore, "wasmcloud-blobstore@0.1.0", testWasmcloud},
}

// guest is an instance of a component of testdata/surface, which calls the plugin's functions with a test's values.
type guest struct {
	t    *testing.T
	set  *wit.Set
	inst *component.Instance
	seen *outcomes
}

// outcomes are what was seen of each function, and in which tests. Safe for concurrent use.
type outcomes struct {
	mu  sync.Mutex
	all map[string]map[string]string // function → outcome → test
}

func (o *outcomes) add(function, outcome, test string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all[function] == nil {
		o.all[function] = map[string]string{}
	}
	o.all[function][outcome] = test
}

// own are the interfaces of a set that are the package's own.
func own(set *wit.Set) (out []*wit.Interface) {
	for _, p := range set.Packages {
		for _, i := range p.Interfaces {
			if i.ID.Package == "blobstore" {
				out = append(out, i)
			}
		}
	}
	return out
}

// TestFunctions calls every function of every interface through the boundary of a component, on two backends, and compares what was seen
// with FUNCTIONS.md.
func TestFunctions(t *testing.T) {
	engine, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(context.Background())
	seen := &outcomes{all: map[string]map[string]string{}}
	for _, s := range served {
		wasm, err := os.ReadFile(filepath.Join("..", "..", strings.TrimSuffix(filepath.FromSlash(s.of.File), "t")+"sm"))
		if err != nil {
			t.Fatal(err)
		}
		c, err := engine.Load(t.Context(), "surface", wasm)
		if err != nil {
			t.Fatal(err)
		}
		set, err := s.of.Load("../..")
		if err != nil {
			t.Fatal(err)
		}
		for name, grant := range map[string]workload.StoreGrant{
			"memory": {Backend: "memory"},
			"folder": {Type: "folder", Config: folder.Config{Path: t.TempDir()}, Data: "keep"},
		} {
			t.Run(filepath.Base(s.of.File)+" "+name, func(t *testing.T) {
				s.test(&guest{t, set, instantiate(t, engine, c, map[string]workload.StoreGrant{"default": grant}), seen})
				g := &guest{t, set, instantiate(t, engine, c, map[string]workload.StoreGrant{"granted": grant}), seen}
				want := map[string]string{"wasi": "error", "wasmcloud": "access-denied"}[own(set)[0].ID.Namespace]
				for _, f := range []string{"create-container", "get-container", "container-exists", "delete-container"} {
					g.call(want, "blobstore#"+f, "other")
				}
				for _, f := range []string{"copy-object", "move-object"} {
					g.call(want, "blobstore#"+f, id("granted", "a"), id("other", "b"))
				}
			})
		}
	}
	if !t.Failed() && flag.Lookup("test.run").Value.String() == "" {
		compareTable(t, seen)
	}
}

func instantiate(t *testing.T, engine *component.Engine, c *component.Component, grants map[string]workload.StoreGrant) *component.Instance {
	t.Helper()
	l := engine.NewLinker(nil)
	p := blobstore.New(memory.New(0)).AddType(folder.Type(), func(_ context.Context, config any) (blobstore.Backend, error) {
		return folder.Open(config.(folder.Config))
	})
	w := &workload.Spec{Name: "w", Components: []workload.Component{{Name: "c", Grants: workload.Grants{Blobstore: grants}}}}
	release, err := p.Bind(t.Context(), l, &host.Binding{Workload: w, Component: &w.Components[0]})
	if err != nil {
		t.Fatal(err)
	}
	iop2.Add(l)
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

// call calls "interface#function" and gives its result, or the payload of its error. The outcome has to be want: "ok", the name of
// the error's case, or "error" where it has none.
func (g *guest) call(want, name string, args ...any) any {
	g.t.Helper()
	iface, function, _ := strings.Cut(name, "#")
	id := own(g.set)[0].ID
	id.Interface = iface
	export, isDrop := strings.CutPrefix(function, "drop of ")
	if isDrop {
		export = "drop-" + export
	} else {
		export = g.exportOf(id, function)
	}
	v, err := g.inst.Call(g.t.Context(), surface.Interface(id)+"#"+export, args...)
	outcome := "ok"
	var fail *cm.ResultError[any]
	switch {
	case errors.As(err, &fail):
		v, outcome = fail.Value, "error"
		if e, ok := fail.Value.(cm.Variant); ok {
			v, outcome = e.Value, e.Case
		}
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

func (g *guest) exportOf(id wit.InterfaceID, function string) string {
	g.t.Helper()
	for _, i := range own(g.set) {
		for _, f := range i.AllFuncs() {
			if i.ID == id && f.Name == function {
				return surface.Name(f)
			}
		}
	}
	g.t.Fatalf("%s has no function %s", id, function)
	return ""
}

// plain calls a function of another package, which must succeed.
func (g *guest) plain(name string, args ...any) any {
	g.t.Helper()
	v, err := g.inst.Call(g.t.Context(), name, args...)
	if err != nil {
		g.t.Fatalf("%s: %v", name, err)
	}
	return v
}

// want compares a value as text.
func (g *guest) want(got any, want string) {
	g.t.Helper()
	if b, ok := got.([]byte); ok {
		got = string(b)
	}
	if text := fmt.Sprint(got); text != want {
		g.t.Errorf("got %s, wanted %s", text, want)
	}
}

func id(container, object string) map[string]any {
	return map[string]any{"container": container, "object": object}
}

// put stores an object by wasi:blobstore.
func (g *guest) put(c any, name, data string) {
	g.t.Helper()
	v := g.call("ok", "types#[static]outgoing-value.new-outgoing-value")
	w := g.call("ok", "types#[method]outgoing-value.outgoing-value-write-body", v)
	g.call("error", "types#[method]outgoing-value.outgoing-value-write-body", v)
	g.call("ok", "container#[method]container.write-data", c, name, v)
	g.plain("surface:io/streams#output-stream-blocking-write-and-flush", w, []byte(data))
	g.plain("surface:io/streams#drop-output-stream", w)
	g.call("ok", "types#[static]outgoing-value.finish", v)
}

func (g *guest) get(c any, name string, start, end uint64) any {
	g.t.Helper()
	v := g.call("ok", "container#[method]container.get-data", c, name, start, end)
	return g.call("ok", "types#[static]incoming-value.incoming-value-consume-sync", v)
}

func testWASI(g *guest) {
	g.want(g.call("ok", "blobstore#container-exists", "c"), "false")
	g.want(g.call("error", "blobstore#get-container", "c"), `container "c": not found`)
	g.want(g.call("error", "blobstore#delete-container", "c"), `container "c": not found`)
	c := g.call("ok", "blobstore#create-container", "c")
	g.want(g.call("error", "blobstore#create-container", "c"), `container "c": exists already`)
	g.want(g.call("ok", "blobstore#container-exists", "c"), "true")
	g.want(g.call("ok", "container#[method]container.name", c), "c")
	g.want(g.call("ok", "container#[method]container.info", c).(map[string]any)["name"], "c")

	g.put(c, "o", "0123456789")
	g.want(g.get(c, "o", 2, 4), "234")
	g.want(g.get(c, "o", 8, 100), "89")
	g.want(g.call("error", "container#[method]container.get-data", c, "o", uint64(2), uint64(1)), "the range starts after its end")
	g.want(g.call("error", "container#[method]container.get-data", c, "none", uint64(0), uint64(1)), `object "none" in container "c": not found`)
	v := g.call("ok", "container#[method]container.get-data", c, "o", uint64(1), uint64(3))
	g.want(g.call("ok", "types#[method]incoming-value.size", v), "3")
	r := g.call("ok", "types#[static]incoming-value.incoming-value-consume-async", v)
	g.want(g.plain("surface:io/streams#input-stream-blocking-read", r, uint64(100)), "123")
	g.plain("surface:io/streams#drop-input-stream", r)
	g.call("ok", "types#drop of incoming-value", g.call("ok", "container#[method]container.get-data", c, "o", uint64(0), uint64(0)))
	unfinished := g.call("ok", "types#[static]outgoing-value.new-outgoing-value")
	g.call("ok", "container#[method]container.write-data", c, "unfinished", unfinished)
	g.call("ok", "types#drop of outgoing-value", unfinished)

	g.want(g.call("ok", "container#[method]container.has-object", c, "o"), "true")
	g.want(g.call("ok", "container#[method]container.has-object", c, "unfinished"), "false")
	info := g.call("ok", "container#[method]container.object-info", c, "o").(map[string]any)
	g.want([]any{info["name"], info["container"], info["size"]}, "[o c 10]")
	g.call("error", "container#[method]container.object-info", c, "none")

	g.call("ok", "blobstore#create-container", "d")
	g.call("ok", "blobstore#copy-object", id("c", "o"), id("d", "copy"))
	g.call("error", "blobstore#copy-object", id("c", "none"), id("d", "copy"))
	g.call("error", "blobstore#copy-object", id("c", "o"), id("none", "copy"))
	g.call("ok", "blobstore#move-object", id("d", "copy"), id("c", "moved"))
	g.call("error", "blobstore#move-object", id("d", "copy"), id("c", "moved"))
	g.want(g.get(c, "moved", 0, 0), "0")

	for i := range 5 {
		g.put(c, fmt.Sprint("many", i), "")
	}
	names := g.call("ok", "container#[method]container.list-objects", c)
	g.want(g.call("ok", "container#[method]stream-object-names.skip-stream-object-names", names, uint64(3)), "[3 false]")
	page := g.call("ok", "container#[method]stream-object-names.read-stream-object-names", names, uint64(100)).([]any)
	g.want([]any{len(page[0].([]string)), page[1]}, "[4 true]")
	g.call("ok", "container#drop of stream-object-names", names)
	g.call("ok", "container#[method]container.delete-object", c, "many0")
	g.call("ok", "container#[method]container.delete-object", c, "many0")
	g.call("ok", "container#[method]container.delete-objects", c, []string{"many1", "none"})
	g.call("ok", "container#[method]container.clear", c)
	g.want(g.call("ok", "container#[method]container.has-object", c, "o"), "false")
	g.call("ok", "blobstore#delete-container", "c")
	for name, args := range map[string][]any{"info": nil, "list-objects": nil, "delete-object": {"o"}, "delete-objects": {[]string{"o"}}, "clear": nil} {
		g.want(g.call("error", "container#[method]container."+name, append([]any{c}, args...)...), `container "c": not found`)
	}
	g.call("ok", "container#drop of container", c)
	g.call("ok", "container#drop of container", g.call("ok", "blobstore#get-container", "d"))
}

// stream is a stream with a text, which is written while the guest's call waits.
func (g *guest) stream(text string) any {
	w, r := cm.NewStream[uint8]()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = w.Write(context.Background(), []byte(text)) // who is not there does not want it
		_ = w.Close()
	}()
	g.t.Cleanup(func() { <-done })
	return r
}

func testWasmcloud(g *guest) {
	take := func(from any) any {
		g.t.Helper()
		return g.plain("surface:values/streams#take-u8", from, uint32(1<<20))
	}
	g.want(g.call("ok", "blobstore#container-exists", "c"), "false")
	g.call("no-such-container", "blobstore#get-container", "c")
	g.call("no-such-container", "blobstore#delete-container", "c")
	c := g.call("ok", "blobstore#create-container", "c")
	g.call("container-already-exists", "blobstore#create-container", "c")
	g.want(g.call("ok", "blobstore#container-exists", "c"), "true")
	g.want(g.call("ok", "container#[method]container.name", c), "c")
	info := g.call("ok", "container#[method]container.info", c).(map[string]any)
	if at := info["created-at"].(uint64); info["name"] != "c" || at < 1e18 {
		g.t.Errorf("it is %v", info)
	}

	large := strings.Repeat("0123456789", 20_000)
	g.call("ok", "container#[method]container.write-data", c, "o", g.stream(large))
	g.call("ok", "container#[method]container.write-data", c, "empty", g.stream(""))
	g.call("ok", "container#[method]container.write-data", c, "own", g.stream("of the guest"))
	get := func(name string, start, end uint64) any {
		g.t.Helper()
		return g.call("ok", "container#[method]container.get-data", c, name, start, end)
	}
	if got := take(get("o", 0, 1<<63)).([]byte); string(got) != large {
		g.t.Errorf("%d bytes have become %d", len(large), len(got))
	}
	g.want(take(get("o", 2, 4)), "234")
	g.want(take(get("o", 199_999, 300_000)), "9")
	g.want(take(get("empty", 0, 9)), "")
	g.want(take(get("own", 0, 99)), "of the guest")
	unread := get("o", 0, 9) // ends with the instance
	g.want(g.call("other", "container#[method]container.get-data", c, "o", uint64(2), uint64(1)), "the range starts after its end")
	g.call("no-such-object", "container#[method]container.get-data", c, "none", uint64(0), uint64(1))
	g.want(g.call("ok", "container#[method]container.has-object", c, "o"), "true")
	g.want(g.call("ok", "container#[method]container.has-object", c, "none"), "false")
	o := g.call("ok", "container#[method]container.object-info", c, "o").(map[string]any)
	g.want([]any{o["name"], o["container"], o["size"]}, "[o c 200000]")
	g.call("no-such-object", "container#[method]container.object-info", c, "none")

	g.call("ok", "blobstore#create-container", "d")
	g.call("ok", "blobstore#copy-object", id("c", "own"), id("d", "copy"))
	g.call("no-such-object", "blobstore#copy-object", id("c", "none"), id("d", "copy"))
	g.call("no-such-container", "blobstore#copy-object", id("c", "o"), id("none", "copy"))
	g.call("ok", "blobstore#move-object", id("d", "copy"), id("c", "moved"))
	g.call("no-such-object", "blobstore#move-object", id("d", "copy"), id("c", "moved"))

	names := g.plain("surface:values/streams#take-object-name", g.call("ok", "container#[method]container.list-objects", c), uint32(100)).([]string)
	slices.Sort(names)
	g.want(names, "[empty moved o own]")
	g.call("ok", "container#[method]container.delete-object", c, "o")
	g.call("ok", "container#[method]container.delete-object", c, "o")
	g.call("ok", "container#[method]container.delete-objects", c, []string{"own", "none"})
	g.call("ok", "container#[method]container.clear", c)
	g.want(g.call("ok", "container#[method]container.has-object", c, "empty"), "false")
	g.call("ok", "blobstore#delete-container", "c")
	for name, args := range map[string][]any{
		"info": nil, "list-objects": nil, "delete-object": {"o"}, "delete-objects": {[]string{"o"}}, "clear": nil, "write-data": {"o", g.stream("x")}, "object-info": {"o"},
		"get-data": {"o", uint64(0), uint64(1)},
	} {
		g.call("no-such-container", "container#[method]container."+name, append([]any{c}, args...)...)
	}
	g.call("ok", "container#drop of container", c)
	g.want(g.call("ok", "container#[method]container.name", g.call("ok", "blobstore#get-container", "d")), "d")
	_ = unread
}

// compareTable compares what was seen with FUNCTIONS.md.
func compareTable(t *testing.T, seen *outcomes) {
	t.Helper()
	var b strings.Builder
	b.WriteString("<!-- Written by go test ./plugin/blobstore -update from what the tests see. DO NOT EDIT. -->\n\n# The functions of stores of objects and their tests\n\n" +
		"Every function as the tests call it, through the boundary of a component (testdata/surface), in memory and in a folder; where an outcome\n" +
		"stands, the test asserts it.\n")
	for _, s := range served {
		set, err := s.of.Load("../..")
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range own(set) {
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
				if seen.all[name]["ok"] == "" {
					t.Errorf("%s was not seen to succeed", name)
				}
				var parts []string
				for _, o := range slices.Sorted(maps.Keys(seen.all[name])) {
					parts = append(parts, o+": "+seen.all[name][o])
				}
				fmt.Fprintf(&b, "| `%s` | %s |\n", f, strings.Join(parts, "; "))
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

// TestReference compares what the plugin serves with the WIT of record, both ways: names, and the functions' signatures.
func TestReference(t *testing.T) {
	dir := testref.WIT(t)
	served2 := map[string]bool{}
	for _, s := range served {
		reference, err := wit.Load(filepath.Join(dir, s.reference), filepath.Join(dir, "wasi-io@0.2.12"))
		if err != nil {
			t.Fatal(err)
		}
		ours, err := s.of.Load("../..")
		if err != nil {
			t.Fatal(err)
		}
		texts := func(set *wit.Set) map[string]string {
			out := map[string]string{}
			for _, p := range set.Packages {
				p.StripDocs()
			}
			for _, i := range own(set) {
				out[i.ID.String()] = i.Print()
			}
			return out
		}
		want, had := texts(reference), texts(ours)
		if !maps.Equal(want, had) {
			t.Errorf("the reference is\n%v\nours is\n%v", want, had)
		}
		for name := range had {
			served2[name] = true
		}
	}
	for _, id := range blobstore.New(memory.New(0)).Serves() {
		if !served2[id.String()] {
			t.Errorf("%s is served, and in no table", id)
		}
		delete(served2, id.String())
	}
	if len(served2) > 0 {
		t.Errorf("%v are not served", served2)
	}
}
