package blobstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/folder"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/memory"
	"github.com/vitrine-wasm/vitrine/tests/functions"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
	"github.com/vitrine-wasm/vitrine/workload"
)

// table is of the packages that the plugin serves.
func table() *functions.Table {
	own := []string{"blobstore", "container", "types"}
	return &functions.Table{
		Plugin: "plugin/blobstore", Title: "The functions of stores of objects and their tests", On: "in memory, in a folder and on a backend that fails",
		Served: []functions.Served{
			{Of: surface.Blobstore, Reference: "wasi-blobstore@0.2.0-draft", Uses: []string{"wasi-io@0.2.12"}, Only: own, Test: testWASI},
			{Of: surface.WasmcloudBlobstore, Reference: "wasmcloud-blobstore@0.1.0", Test: testWasmcloud},
		},
	}
}

// plugin is one with the backends of the tests.
func plugin() *blobstore.Plugin {
	return blobstore.New(memory.New(0)).Add("failing", faulty{}).AddType(folder.Type(), func(_ context.Context, config any) (blobstore.Backend, error) {
		return folder.Open(config.(folder.Config))
	})
}

// TestFunctions calls every function of every interface through the boundary of a component, on both backends, and compares what was seen
// with FUNCTIONS.md.
func TestFunctions(t *testing.T) {
	engine := functions.Engine(t)
	tb := table()
	for name, grant := range map[string]func(t testing.TB) workload.StoreGrant{
		"memory": func(testing.TB) workload.StoreGrant { return workload.StoreGrant{Backend: "memory"} },
		"folder": func(t testing.TB) workload.StoreGrant {
			return workload.StoreGrant{Type: "folder", Config: folder.Config{Path: t.TempDir()}, Data: "keep"}
		},
	} {
		granted := func(container string) functions.Link {
			return func(t testing.TB, l *component.Linker) {
				functions.Plugin(plugin(), workload.Component{Grants: workload.Grants{
					Blobstore: map[string]workload.StoreGrant{container: grant(t), "failing": {Backend: "failing"}},
				}})(t, l)
				iop2.Add(l)
			}
		}
		tb.Run(t, name, engine, granted("default"))
		for of, want := range map[*surface.Surface]string{surface.Blobstore: "error", surface.WasmcloudBlobstore: "access-denied"} {
			t.Run(want+" "+name, func(t *testing.T) { testDenied(tb.Guest(t, engine, of, granted("granted")), want) })
		}
	}
	never := map[string]string{
		"wasi:blobstore/container@0.2.0-draft#[method]container.write-data":                    "nothing is stored before finish",
		"wasi:blobstore/types@0.2.0-draft#[static]incoming-value.incoming-value-consume-async": "the stream has it",
	}
	for _, p := range []string{"wasi:blobstore/container@0.2.0-draft", "wasmcloud:blobstore/container@0.1.0"} {
		never[p+"#[method]container.name"] = "the handle has the name"
	}
	tb.Compare(t, never)
}

// testDenied calls what names containers with one that is not granted.
func testDenied(g *functions.Guest, want string) {
	for _, f := range []string{"create-container", "get-container", "container-exists", "delete-container"} {
		g.Call(want, "blobstore#"+f, "other")
	}
	for _, f := range []string{"copy-object", "move-object"} {
		g.Call(want, "blobstore#"+f, id("granted", "a"), id("other", "b"))
	}
}

// faulty is a backend and its stores, which have one container, of one object and one name, and fail otherwise: the object's bytes do not come,
// nor the second page of names.
type faulty struct{}

var errFaulty = errors.New("planted")

func (faulty) Drop(blobstore.Owner)                  {}
func (faulty) Store(blobstore.Owner) blobstore.Store { return faulty{} }

func (faulty) CreateContainer(context.Context, string) error   { return errFaulty }
func (faulty) DeleteContainer(context.Context, string) error   { return errFaulty }
func (faulty) Delete(context.Context, string, ...string) error { return errFaulty }

func (faulty) Container(context.Context, string) (blobstore.ContainerInfo, error) {
	return blobstore.ContainerInfo{}, nil
}

func (faulty) Open(_ context.Context, _, object string, _, _ uint64) (io.ReadCloser, blobstore.Info, error) {
	if object != "o" {
		return nil, blobstore.Info{}, errFaulty
	}
	return io.NopCloser(iotest.ErrReader(errFaulty)), blobstore.Info{Size: 10}, nil
}

func (faulty) Put(context.Context, string, string, io.Reader) (blobstore.Info, error) {
	return blobstore.Info{}, errFaulty
}

func (faulty) Stat(context.Context, string, string) (blobstore.Info, error) {
	return blobstore.Info{}, errFaulty
}

func (faulty) List(_ context.Context, _, cursor string) (blobstore.Page, error) {
	if cursor != "" {
		return blobstore.Page{}, errFaulty
	}
	return blobstore.Page{Names: []string{"first"}, Next: "second"}, nil
}

func id(container, object string) map[string]any {
	return map[string]any{"container": container, "object": object}
}

// put stores an object by wasi:blobstore.
func put(g *functions.Guest, c any, name, data string) {
	g.T.Helper()
	v := g.Call("ok", "types#[static]outgoing-value.new-outgoing-value")
	w := g.Call("ok", "types#[method]outgoing-value.outgoing-value-write-body", v)
	g.Call("error", "types#[method]outgoing-value.outgoing-value-write-body", v)
	g.Call("ok", "container#[method]container.write-data", c, name, v)
	g.Plain("surface:io/streams#output-stream-blocking-write-and-flush", w, []byte(data))
	g.Plain("surface:io/streams#drop-output-stream", w)
	g.Call("ok", "types#[static]outgoing-value.finish", v)
}

func get(g *functions.Guest, c any, name string, start, end uint64) any {
	g.T.Helper()
	v := g.Call("ok", "container#[method]container.get-data", c, name, start, end)
	return g.Call("ok", "types#[static]incoming-value.incoming-value-consume-sync", v)
}

func testWASI(g *functions.Guest) {
	g.Want(g.Call("ok", "blobstore#container-exists", "c"), "false")
	g.Want(g.Call("error", "blobstore#get-container", "c"), `container "c": not found`)
	g.Want(g.Call("error", "blobstore#delete-container", "c"), `container "c": not found`)
	c := g.Call("ok", "blobstore#create-container", "c")
	g.Want(g.Call("error", "blobstore#create-container", "c"), `container "c": exists already`)
	g.Want(g.Call("ok", "blobstore#container-exists", "c"), "true")
	g.Want(g.Call("ok", "container#[method]container.name", c), "c")
	g.Want(g.Call("ok", "container#[method]container.info", c).(map[string]any)["name"], "c")

	put(g, c, "o", "0123456789")
	g.Want(get(g, c, "o", 2, 4), `"234"`)
	g.Want(get(g, c, "o", 8, 100), `"89"`)
	g.Want(g.Call("error", "container#[method]container.get-data", c, "o", uint64(2), uint64(1)), "the range starts after its end")
	g.Want(g.Call("error", "container#[method]container.get-data", c, "none", uint64(0), uint64(1)), `object "none" in container "c": not found`)
	v := g.Call("ok", "container#[method]container.get-data", c, "o", uint64(1), uint64(3))
	g.Want(g.Call("ok", "types#[method]incoming-value.size", v), "3")
	r := g.Call("ok", "types#[static]incoming-value.incoming-value-consume-async", v)
	g.Want(g.Plain("surface:io/streams#input-stream-blocking-read", r, uint64(100)), `"123"`)
	g.Plain("surface:io/streams#drop-input-stream", r)
	g.Call("ok", "types#drop of incoming-value", g.Call("ok", "container#[method]container.get-data", c, "o", uint64(0), uint64(0)))
	unfinished := g.Call("ok", "types#[static]outgoing-value.new-outgoing-value")
	g.Call("ok", "container#[method]container.write-data", c, "unfinished", unfinished)
	g.Call("ok", "types#drop of outgoing-value", unfinished)

	g.Want(g.Call("ok", "container#[method]container.has-object", c, "o"), "true")
	g.Want(g.Call("ok", "container#[method]container.has-object", c, "unfinished"), "false")
	info := g.Call("ok", "container#[method]container.object-info", c, "o").(map[string]any)
	g.Want([]any{info["name"], info["container"], info["size"]}, "[o c 10]")
	g.Call("error", "container#[method]container.object-info", c, "none")

	g.Call("ok", "blobstore#create-container", "d")
	g.Call("ok", "blobstore#copy-object", id("c", "o"), id("d", "copy"))
	g.Call("error", "blobstore#copy-object", id("c", "none"), id("d", "copy"))
	g.Call("error", "blobstore#copy-object", id("c", "o"), id("none", "copy"))
	g.Call("ok", "blobstore#move-object", id("d", "copy"), id("c", "moved"))
	g.Call("error", "blobstore#move-object", id("d", "copy"), id("c", "moved"))
	g.Want(get(g, c, "moved", 0, 0), `"0"`)

	for i := range 5 {
		put(g, c, fmt.Sprint("many", i), "")
	}
	names := g.Call("ok", "container#[method]container.list-objects", c)
	g.Want(g.Call("ok", "container#[method]stream-object-names.skip-stream-object-names", names, uint64(3)), "[3 false]")
	page := g.Call("ok", "container#[method]stream-object-names.read-stream-object-names", names, uint64(100)).([]any)
	g.Want([]any{len(page[0].([]string)), page[1]}, "[4 true]")
	g.Call("ok", "container#drop of stream-object-names", names)
	g.Call("ok", "container#[method]container.delete-object", c, "many0")
	g.Call("ok", "container#[method]container.delete-object", c, "many0")
	g.Call("ok", "container#[method]container.delete-objects", c, []string{"many1", "none"})
	g.Call("ok", "container#[method]container.clear", c)
	g.Want(g.Call("ok", "container#[method]container.has-object", c, "o"), "false")
	g.Call("ok", "blobstore#delete-container", "c")
	for name, args := range map[string][]any{"info": nil, "list-objects": nil, "delete-object": {"o"}, "delete-objects": {[]string{"o"}}, "clear": nil} {
		g.Want(g.Call("error", "container#[method]container."+name, append([]any{c}, args...)...), `container "c": not found`)
	}
	g.Call("ok", "container#drop of container", c)
	g.Call("ok", "container#drop of container", g.Call("ok", "blobstore#get-container", "d"))
	testFailingWASI(g)
}

// testFailingWASI calls the functions on a store that fails. The guest does not get the backend's text.
func testFailingWASI(g *functions.Guest) {
	fails := func(name string, args ...any) {
		g.T.Helper()
		g.Want(g.Call("error", name, args...), backend.FailedText)
	}
	fails("blobstore#create-container", "failing")
	fails("blobstore#delete-container", "failing")
	c := g.Call("ok", "blobstore#get-container", "failing")
	fails("container#[method]container.get-data", c, "none", uint64(0), uint64(1))
	fails("container#[method]container.has-object", c, "o")
	fails("container#[method]container.object-info", c, "o")
	fails("container#[method]container.delete-object", c, "o")
	fails("container#[method]container.delete-objects", c, []string{"o"})
	fails("container#[method]container.clear", c)
	fails("types#[static]incoming-value.incoming-value-consume-sync", g.Call("ok", "container#[method]container.get-data", c, "o", uint64(0), uint64(1)))
	for _, f := range []string{"read", "skip"} {
		names := g.Call("ok", "container#[method]container.list-objects", c)
		f = "container#[method]stream-object-names." + f + "-stream-object-names"
		g.Call("ok", f, names, uint64(2)) // one from the first page
		fails(f, names, uint64(2))
		g.Call("ok", "container#drop of stream-object-names", names)
	}
	v := g.Call("ok", "types#[static]outgoing-value.new-outgoing-value")
	g.Call("ok", "container#[method]container.write-data", c, "o", v)
	fails("types#[static]outgoing-value.finish", v)
	g.Call("ok", "container#drop of container", c)
}

func testWasmcloud(g *functions.Guest) {
	take := func(from any) any {
		g.T.Helper()
		return g.Plain("surface:values/streams#take-u8", from, uint32(1<<20))
	}
	g.Want(g.Call("ok", "blobstore#container-exists", "c"), "false")
	g.Call("no-such-container", "blobstore#get-container", "c")
	g.Call("no-such-container", "blobstore#delete-container", "c")
	c := g.Call("ok", "blobstore#create-container", "c")
	g.Call("container-already-exists", "blobstore#create-container", "c")
	g.Want(g.Call("ok", "blobstore#container-exists", "c"), "true")
	g.Want(g.Call("ok", "container#[method]container.name", c), "c")
	info := g.Call("ok", "container#[method]container.info", c).(map[string]any)
	if at := info["created-at"].(uint64); info["name"] != "c" || at < 1e18 {
		g.T.Errorf("it is %v", info)
	}

	large := strings.Repeat("0123456789", 20_000)
	g.Call("ok", "container#[method]container.write-data", c, "o", g.Stream(large))
	g.Call("ok", "container#[method]container.write-data", c, "empty", g.Stream(""))
	g.Call("ok", "container#[method]container.write-data", c, "own", g.Stream("of the guest"))
	get := func(name string, start, end uint64) any {
		g.T.Helper()
		return g.Call("ok", "container#[method]container.get-data", c, name, start, end)
	}
	if got := take(get("o", 0, 1<<63)).([]byte); string(got) != large {
		g.T.Errorf("%d bytes have become %d", len(large), len(got))
	}
	g.Want(take(get("o", 2, 4)), `"234"`)
	g.Want(take(get("o", 199_999, 300_000)), `"9"`)
	g.Want(take(get("empty", 0, 9)), `""`)
	g.Want(take(get("own", 0, 99)), `"of the guest"`)
	unread := get("o", 0, 9) // ends with the instance
	g.Want(g.Call("other", "container#[method]container.get-data", c, "o", uint64(2), uint64(1)), "the range starts after its end")
	g.Call("no-such-object", "container#[method]container.get-data", c, "none", uint64(0), uint64(1))
	g.Want(g.Call("ok", "container#[method]container.has-object", c, "o"), "true")
	g.Want(g.Call("ok", "container#[method]container.has-object", c, "none"), "false")
	o := g.Call("ok", "container#[method]container.object-info", c, "o").(map[string]any)
	g.Want([]any{o["name"], o["container"], o["size"]}, "[o c 200000]")
	g.Call("no-such-object", "container#[method]container.object-info", c, "none")

	g.Call("ok", "blobstore#create-container", "d")
	g.Call("ok", "blobstore#copy-object", id("c", "own"), id("d", "copy"))
	g.Call("no-such-object", "blobstore#copy-object", id("c", "none"), id("d", "copy"))
	g.Call("no-such-container", "blobstore#copy-object", id("c", "o"), id("none", "copy"))
	g.Call("ok", "blobstore#move-object", id("d", "copy"), id("c", "moved"))
	g.Call("no-such-object", "blobstore#move-object", id("d", "copy"), id("c", "moved"))

	names := g.Plain("surface:values/streams#take-object-name", g.Call("ok", "container#[method]container.list-objects", c), uint32(100)).([]string)
	slices.Sort(names)
	g.Want(names, "[empty moved o own]")
	g.Call("ok", "container#[method]container.delete-object", c, "o")
	g.Call("ok", "container#[method]container.delete-object", c, "o")
	g.Call("ok", "container#[method]container.delete-objects", c, []string{"own", "none"})
	g.Call("ok", "container#[method]container.clear", c)
	g.Want(g.Call("ok", "container#[method]container.has-object", c, "empty"), "false")
	g.Call("ok", "blobstore#delete-container", "c")
	for name, args := range map[string][]any{
		"info": nil, "list-objects": nil, "delete-object": {"o"}, "delete-objects": {[]string{"o"}}, "clear": nil, "write-data": {"o", g.Stream("x")}, "object-info": {"o"},
		"get-data": {"o", uint64(0), uint64(1)},
	} {
		g.Call("no-such-container", "container#[method]container."+name, append([]any{c}, args...)...)
	}
	g.Call("ok", "container#drop of container", c)
	g.Want(g.Call("ok", "container#[method]container.name", g.Call("ok", "blobstore#get-container", "d")), "d")
	_ = unread
	testFailingWasmcloud(g)
}

// testFailingWasmcloud does by wasmcloud:blobstore what [testFailingWASI] does by wasi:blobstore.
func testFailingWasmcloud(g *functions.Guest) {
	c := g.Call("ok", "blobstore#get-container", "failing")
	for name, args := range map[string][]any{
		"blobstore#create-container": {"failing"}, "blobstore#delete-container": {"failing"}, "blobstore#copy-object": {id("failing", "none"), id("failing", "o")},
		"blobstore#move-object": {id("failing", "none"), id("failing", "o")}, "container#[method]container.get-data": {c, "none", uint64(0), uint64(1)},
		"container#[method]container.write-data": {c, "o", g.Stream("x")}, "container#[method]container.has-object": {c, "o"}, "container#[method]container.object-info": {c, "o"},
		"container#[method]container.delete-object": {c, "o"}, "container#[method]container.delete-objects": {c, []string{"o"}}, "container#[method]container.clear": {c},
	} {
		g.Want(g.Call("other", name, args...), backend.FailedText)
	}
	// Streams of data and names end without the rest.
	g.Want(g.Plain("surface:values/streams#take-u8", g.Call("ok", "container#[method]container.get-data", c, "o", uint64(0), uint64(1)), uint32(9)), `""`)
	g.Want(g.Plain("surface:values/streams#take-object-name", g.Call("ok", "container#[method]container.list-objects", c), uint32(9)), "[first]")
}

// TestReference compares what the plugin serves with the WIT of record, both ways: names, and the functions' signatures.
func TestReference(t *testing.T) { table().Reference(t, plugin().Serves()) }
