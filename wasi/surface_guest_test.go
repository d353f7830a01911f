package wasi_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/wasi"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	httpp2 "github.com/vitrine-wasm/vitrine/wasi/http/p2"
	"github.com/vitrine-wasm/vitrine/wit"
)

// guest is testdata/surface at work: it calls what the host serves, with values that a test gives it, through lowering and
// lifting. What the test expected and got goes into the table of functions (table_test.go).
type guest struct {
	t     *testing.T
	inst  *component.Instance
	seen  *crossings
	given []*cm.Resource // that the guest handed out
	url   string         // of the server that a test lets it talk to
}

// serve makes a guest of a host with this configuration.
func serve(t *testing.T, cfg wasi.Config, client wasihttp.ClientConfig) *guest {
	t.Helper()
	seen := &crossings{}
	l := engine(t).NewLinker(seen)
	if err := wasi.AddP2(l, cfg); err != nil {
		t.Fatal(err)
	}
	c := wasihttp.NewClient(client)
	t.Cleanup(func() { c.Close() })
	httpp2.Add(l, c)
	linked, err := l.Link(t.Context(), loadSurface(t))
	if err != nil {
		t.Fatal(err)
	}
	inst, err := linked.Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g := &guest{t: t, inst: inst, seen: seen}
	t.Cleanup(func() {
		for _, r := range slices.Backward(g.given) {
			if !r.Dropped {
				_ = inst.Drop(context.Background(), r) // what went into another call is gone, or harmless to drop
			}
		}
		if err := inst.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := linked.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return g
}

// again makes another guest of the same kind: after a trap.
func (g *guest) again() *guest {
	inst, err := g.inst.Linked().Instantiate(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = inst.Close(context.Background()) })
	return &guest{t: g.t, inst: inst, seen: g.seen, url: g.url}
}

var sharedEngine struct {
	once    sync.Once
	cache   string
	engine  *component.Engine
	surface *component.Component
	err     error
}

// engine is one for all guests of the surface, and keeps their code: compiling it is what takes time.
func engine(t *testing.T) *component.Engine {
	t.Helper()
	s := &sharedEngine
	s.once.Do(func() {
		if s.cache, s.err = os.MkdirTemp("", "surface"); s.err != nil {
			return
		}
		if s.engine, s.err = component.NewEngine(context.Background(), component.WithCacheDir(s.cache)); s.err != nil {
			return
		}
		var wasm []byte
		if wasm, s.err = os.ReadFile("../testdata/surface/surface.wasm"); s.err == nil {
			s.surface, s.err = s.engine.Load(context.Background(), "surface", wasm)
		}
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.engine
}

func loadSurface(t *testing.T) *component.Component {
	t.Helper()
	engine(t)
	return sharedEngine.surface
}

// crossings is an interceptor that notes what has crossed the boundary.
type crossings struct {
	mu      sync.Mutex
	all     []string          // "interface#func outcome"
	entered func(name string) // if not nil, hears of calls as they begin
}

func (c *crossings) Bind(b *cm.Boundary) cm.Hooks { return crossing{c, b} }

// take gives what has crossed since the last time.
func (c *crossings) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.all
	c.all = nil
	return all
}

type crossing struct {
	c *crossings
	b *cm.Boundary
}

func (x crossing) Enter(c *cm.Call) context.Context {
	if f := x.c.entered; f != nil {
		f(x.b.Name())
	}
	return c.Context
}

// Returned is for calls that are held: their end comes later and is no news here.
func (x crossing) Returned(c *cm.Call) { x.note("ok") }

func (x crossing) Exit(c *cm.Call, end cm.End) {
	var exit *cm.ExitError
	var trap *cm.Trap
	switch r := c.Results(); {
	case c.Held():
	case errors.As(end.Err, &exit):
		x.note(fmt.Sprint("exit ", exit.Code))
	case errors.As(end.Err, &trap):
		x.note("trap " + string(trap.Code))
	case end.Err != nil:
		x.note(end.Err.Error())
	case len(r) == 1 && x.b.Type.Result.Kind == cm.KindResult && r[0].Case() == 1:
		x.note("error")
	default:
		x.note("ok")
	}
}

func (x crossing) note(outcome string) {
	x.c.mu.Lock()
	defer x.c.mu.Unlock()
	x.c.all = append(x.c.all, x.b.Name()+" "+outcome)
}

// funcs are the functions of WASI by the short names that tests give them: "io/streams#output-stream.check-write".
var funcs = sync.OnceValue(func() map[string]*wit.Func {
	set, err := surface.Load("..")
	if err != nil {
		panic(err)
	}
	all := map[string]*wit.Func{}
	for _, p := range set.Packages {
		for _, i := range p.Interfaces {
			for _, f := range i.AllFuncs() {
				all[shortName(i.ID, f)] = f
			}
		}
	}
	return all
})

func shortName(id wit.InterfaceID, f *wit.Func) string {
	name := id.Package + "/" + id.Interface + "#"
	if f.Resource != nil {
		name += f.Resource.Name + "."
	}
	return name + f.Base
}

// try calls a function and leaves the judgement to the test.
func (g *guest) try(fn string, args ...any) (any, error) {
	g.t.Helper()
	v, _, err := g.call(g.t.Context(), fn, args...)
	return v, err
}

// call gives what came of a call, and the outcome in a word: ok, the name of a WIT error, "trap CODE" or "exit N".
func (g *guest) call(ctx context.Context, fn string, args ...any) (v any, outcome string, err error) {
	g.t.Helper()
	f := funcs()[fn]
	if f == nil {
		g.t.Fatalf("WIT has no %s", fn)
	}
	iface, _, _ := strings.Cut(fn, "#")
	g.seen.take()
	v, err = g.inst.Call(ctx, "surface:"+iface+"#"+surface.Name(f), args...)
	outcome, arm := outcomeOf(err)
	want := "wasi:" + iface + "@0.2.12#" + f.Name + " " + arm
	if seen := g.seen.take(); !slices.Contains(seen, want) {
		g.t.Fatalf("%s: gave %v (%v), but what crossed the boundary was %q", fn, v, err, seen)
	}
	g.keep(reflect.ValueOf(v))
	return v, outcome, err
}

// outcomeOf names the end of a call, and what its boundary must have seen of it.
func outcomeOf(err error) (outcome, arm string) {
	var fail *cm.ResultError[any]
	var exit *cm.ExitError
	var trap *cm.Trap
	switch {
	case err == nil:
		return "ok", "ok"
	case errors.As(err, &fail):
		return word(fail.Value), "error"
	case errors.As(err, &exit):
		outcome = fmt.Sprint("exit ", exit.Code)
	case errors.As(err, &trap):
		outcome = "trap " + string(trap.Code)
	default:
		outcome = err.Error()
	}
	return outcome, outcome
}

// word is the name of an error value.
func word(v any) string {
	switch v := v.(type) {
	case nil:
		return "error"
	case string:
		return v
	case cm.Variant:
		return v.Case
	}
	return fmt.Sprint(v)
}

// keep finds the resources in what the guest handed out.
func (g *guest) keep(v reflect.Value) {
	if !v.IsValid() {
		return
	}
	if r, ok := v.Interface().(*cm.Resource); ok {
		if r != nil {
			g.given = append(g.given, r)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		g.keep(v.Elem())
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			for i := range v.Len() {
				g.keep(v.Index(i))
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			g.keep(v.MapIndex(k))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			g.keep(v.Field(i))
		}
	}
}

// ok calls a function that must succeed.
func (g *guest) ok(fn string, args ...any) any {
	g.t.Helper()
	v, outcome, err := g.call(g.t.Context(), fn, args...)
	if outcome != "ok" {
		g.t.Fatalf("%s: %v, want it to succeed", fn, err)
	}
	note(g.t, fn, "ok")
	return v
}

// fail calls a function that must end otherwise: with a WIT error, a trap or an exit. After a trap the guest is dead.
func (g *guest) fail(want, fn string, args ...any) error {
	g.t.Helper()
	v, outcome, err := g.call(g.t.Context(), fn, args...)
	if outcome != want {
		g.t.Fatalf("%s: %s (%v, %v), want %s", fn, outcome, v, err, want)
	}
	note(g.t, fn, want)
	return err
}

// equal calls a function that must succeed with this value.
func (g *guest) equal(want any, fn string, args ...any) {
	g.t.Helper()
	if got := g.ok(fn, args...); !reflect.DeepEqual(got, want) {
		g.t.Errorf("%s gave %#v, want %#v", fn, got, want)
	}
}

// res calls a function that must succeed with a resource.
func (g *guest) res(fn string, args ...any) *cm.Resource {
	g.t.Helper()
	switch v := g.ok(fn, args...).(type) {
	case *cm.Resource:
		return v
	case **cm.Resource:
		if v != nil {
			return *v
		}
	}
	g.t.Fatalf("%s gave no resource", fn)
	return nil
}

// drop has the guest drop resources, by resource.drop.
func (g *guest) drop(rs ...*cm.Resource) {
	g.t.Helper()
	for _, r := range rs {
		where := r.Type.Interface.Package + "/" + r.Type.Interface.Interface
		if _, err := g.inst.Call(g.t.Context(), "surface:"+where+"#drop-"+r.Type.Name, r); err != nil || !r.Dropped {
			g.t.Fatalf("drop of %s: %v", r.Type, err)
		}
		note(g.t, where+"."+r.Type.Name, "ok")
	}
}

// finish repeats a call for as long as it would block, waiting meanwhile as a guest does, and gives its outcome.
func (g *guest) finish(ready *cm.Resource, fn string, args ...any) (any, string) {
	g.t.Helper()
	for {
		v, outcome, _ := g.call(g.t.Context(), fn, args...)
		if outcome != "would-block" {
			note(g.t, fn, outcome)
			return v, outcome
		}
		g.ok("io/poll#pollable.block", ready)
	}
}
