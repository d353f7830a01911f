package wasi_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	httpp3 "github.com/vitrine-wasm/vitrine/wasi/http/p3"
	"github.com/vitrine-wasm/vitrine/wit"
)

// guest is an instance of testdata/surface: it calls the host's functions with a test's values, through lowering and lifting.
// Outcomes that a test expects are recorded in the table of functions (table_test.go).
type guest struct {
	t     *testing.T
	of    *surface.Surface // P2 or P3
	inst  *component.Instance
	seen  *callRecorder
	given []*cm.Resource // resources that the guest has returned
	url   string         // of the test's server
}

// serve makes a guest of WASI 0.2 on a host with this configuration.
func serve(t *testing.T, cfg wasi.Config, client wasihttp.ClientConfig) *guest {
	t.Helper()
	return serveOf(t, surface.P2, cfg, client)
}

func serveOf(t *testing.T, of *surface.Surface, cfg wasi.Config, client wasihttp.ClientConfig) *guest {
	t.Helper()
	seen := &callRecorder{}
	l := engine(t).NewLinker(seen)
	if err := wasi.Add(l, cfg); err != nil {
		t.Fatal(err)
	}
	c := wasihttp.NewClient(client)
	t.Cleanup(func() { c.Close() })
	httpp2.Add(l, c)
	httpp3.Add(l, c)
	linked, err := l.Link(t.Context(), loadSurface(t, of))
	if err != nil {
		t.Fatal(err)
	}
	inst, err := linked.Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g := &guest{t: t, of: of, inst: inst, seen: seen}
	t.Cleanup(func() {
		for _, r := range slices.Backward(g.given) {
			if !r.Dropped {
				_ = inst.Drop(context.Background(), r) // one that was passed to another call is dropped already
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

// restart makes another guest of the same kind, after a trap.
func (g *guest) restart() *guest {
	inst, err := g.inst.Linked().Instantiate(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = inst.Close(context.Background()) })
	return &guest{t: g.t, of: g.of, inst: inst, seen: g.seen, url: g.url}
}

var sharedEngine struct {
	once     sync.Once
	cache    string
	engine   *component.Engine
	surfaces map[*surface.Surface]*component.Component
	err      error
}

// engine is shared by all guests of the surface, with a cache of their code, as compiling is slow.
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
		s.surfaces = map[*surface.Surface]*component.Component{}
		for _, of := range []*surface.Surface{surface.P2, surface.P3} {
			var wasm []byte
			if wasm, s.err = os.ReadFile(filepath.Join("..", strings.TrimSuffix(filepath.FromSlash(of.File), "t")+"sm")); s.err != nil {
				return
			}
			if s.surfaces[of], s.err = s.engine.Load(context.Background(), "surface", wasm); s.err != nil {
				return
			}
		}
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.engine
}

func loadSurface(t *testing.T, of *surface.Surface) *component.Component {
	t.Helper()
	engine(t)
	return sharedEngine.surfaces[of]
}

// callRecorder is an interceptor that records calls and their outcomes.
type callRecorder struct {
	mu      sync.Mutex
	all     []string          // "interface#func outcome"
	entered func(name string) // if not nil, called when a call begins
}

func (c *callRecorder) Bind(b *cm.Boundary) cm.Hooks { return recorderHooks{c, b} }

// take returns the calls since the last take.
func (c *callRecorder) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.all
	c.all = nil
	return all
}

type recorderHooks struct {
	c *callRecorder
	b *cm.Boundary
}

func (x recorderHooks) Enter(c *cm.Call) context.Context {
	if f := x.c.entered; f != nil {
		f(x.b.Name())
	}
	return c.Context
}

// Returned records calls that are held; their later end is ignored.
func (x recorderHooks) Returned(c *cm.Call) {
	if c.Held() {
		x.record(x.arm(c))
	}
}

// arm is the arm of the result with which a call has returned.
func (x recorderHooks) arm(c *cm.Call) string {
	if r := c.Results(); len(r) == 1 && x.b.Type.Result.Kind == cm.KindResult && r[0].Case() == 1 {
		return "error"
	}
	return "ok"
}

func (x recorderHooks) Exit(c *cm.Call, end cm.End) {
	var exit *cm.ExitError
	var trap *cm.Trap
	switch {
	case c.Held():
	case errors.As(end.Err, &exit):
		x.record(fmt.Sprint("exit ", exit.Code))
	case errors.As(end.Err, &trap):
		x.record("trap " + string(trap.Code))
	case end.Err != nil:
		x.record(end.Err.Error())
	default:
		x.record(x.arm(c))
	}
}

func (x recorderHooks) record(outcome string) {
	x.c.mu.Lock()
	defer x.c.mu.Unlock()
	x.c.all = append(x.c.all, x.b.Name()+" "+outcome)
}

// funcs are the functions of a version of WASI by their short names: "io/streams#output-stream.check-write".
func funcs(of *surface.Surface) map[string]*wit.Func {
	if of == surface.P3 {
		return funcs3()
	}
	return funcs2()
}

var (
	funcs2 = sync.OnceValue(func() map[string]*wit.Func { return funcsOf(surface.P2) })
	funcs3 = sync.OnceValue(func() map[string]*wit.Func { return funcsOf(surface.P3) })
)

func funcsOf(of *surface.Surface) map[string]*wit.Func {
	set, err := of.Load("..")
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
}

func shortName(id wit.InterfaceID, f *wit.Func) string {
	name := id.Package + "/" + id.Interface + "#"
	if f.Resource != nil {
		name += f.Resource.Name + "."
	}
	return name + f.Base
}

// record records an expected outcome of a function.
func (g *guest) record(name, outcome string) { recordOf(g.of, g.t, name, outcome) }

// attempt calls a function without checking its outcome.
func (g *guest) attempt(fn string, args ...any) (any, error) {
	g.t.Helper()
	v, _, err := g.call(g.t.Context(), fn, args...)
	return v, err
}

// call returns the result of a call and its outcome: "ok", the name of a WIT error, "trap CODE" or "exit N".
func (g *guest) call(ctx context.Context, fn string, args ...any) (v any, outcome string, err error) {
	g.t.Helper()
	f := funcs(g.of)[fn]
	if f == nil {
		g.t.Fatalf("WIT has no %s", fn)
	}
	iface, _, _ := strings.Cut(fn, "#")
	g.seen.take()
	v, err = g.inst.Call(ctx, "surface:"+iface+"#"+surface.Name(f), args...)
	outcome, arm := outcomeOf(err)
	want := "wasi:" + iface + "@" + g.of.Version + "#" + f.Name + " " + arm
	if seen := g.seen.take(); !slices.Contains(seen, want) {
		g.t.Fatalf("%s: gave %v (%v), but what crossed the boundary was %q", fn, v, err, seen)
	}
	g.keep(reflect.ValueOf(v))
	return v, outcome, err
}

// outcomeOf is the outcome of a call, and the one that its boundary must have recorded.
func outcomeOf(err error) (outcome, arm string) {
	var fail *cm.ResultError[any]
	var exit *cm.ExitError
	var trap *cm.Trap
	switch {
	case err == nil:
		return "ok", "ok"
	case errors.As(err, &fail):
		return errorName(fail.Value), "error"
	case errors.As(err, &exit):
		outcome = fmt.Sprint("exit ", exit.Code)
	case errors.As(err, &trap):
		outcome = "trap " + string(trap.Code)
	default:
		outcome = err.Error()
	}
	return outcome, outcome
}

// errorName is the name of an error value.
func errorName(v any) string {
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

// keep records the resources in a result.
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
		switch v.Interface().(type) {
		case *cm.StreamReader[uint8], *cm.StreamReader[any], *cm.FutureReader[any]:
			return
		}
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
	g.record(fn, "ok")
	return v
}

// fail calls a function that must end with a WIT error, a trap or an exit. After a trap the guest cannot be used.
func (g *guest) fail(want, fn string, args ...any) error {
	g.t.Helper()
	v, outcome, err := g.call(g.t.Context(), fn, args...)
	if outcome != want {
		g.t.Fatalf("%s: %s (%v, %v), want %s", fn, outcome, v, err, want)
	}
	g.record(fn, want)
	return err
}

// equal calls a function whose result must be want.
func (g *guest) equal(want any, fn string, args ...any) {
	g.t.Helper()
	if got := g.ok(fn, args...); !reflect.DeepEqual(got, want) {
		g.t.Errorf("%s gave %#v, want %#v", fn, got, want)
	}
}

// res calls a function whose result must be a resource.
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
		g.record(where+"."+r.Type.Name, "ok")
	}
}

// retry repeats a call while it would block, waiting as a guest does, and returns its outcome.
func (g *guest) retry(ready *cm.Resource, fn string, args ...any) (any, string) {
	g.t.Helper()
	for {
		g.ok("io/poll#pollable.block", ready) // first, so that whether it is called does not depend on the time
		v, outcome, _ := g.call(g.t.Context(), fn, args...)
		if outcome != "would-block" {
			record(g.t, fn, outcome)
			return v, outcome
		}
	}
}
