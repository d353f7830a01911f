package component_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wit"
)

// The calls component (testdata/calls) has the three kinds of boundary with the signatures (), (u32)->u32 and
// (string)->string.
var (
	callsHost  = wit.InterfaceID{Namespace: "test", Package: "calls", Interface: "host"}
	callsRun   = wit.InterfaceID{Namespace: "test", Package: "calls", Interface: "run"}
	callsGuest = wit.InterfaceID{Namespace: "test", Package: "calls", Interface: "guest"}

	u32Type    = &cm.Type{Kind: cm.KindU32}
	stringType = &cm.Type{Kind: cm.KindString}
)

func callsLinker(tb testing.TB, e *component.Engine, i cm.Interceptor) *component.Linker {
	tb.Helper()
	l := e.NewLinker(i)
	h := l.Instance(callsHost)
	h.Func("nop", &cm.FuncType{}, func(context.Context, []cm.Val) (cm.Val, error) { return cm.Val{}, nil })
	h.Func("id", &cm.FuncType{Params: []cm.Field{{Name: "x", Type: u32Type}}, Result: u32Type},
		func(_ context.Context, args []cm.Val) (cm.Val, error) { return args[0], nil })
	h.Func("echo", &cm.FuncType{Params: []cm.Field{{Name: "s", Type: stringType}}, Result: stringType},
		func(_ context.Context, args []cm.Val) (cm.Val, error) { return args[0], nil })
	return l
}

func engine(tb testing.TB) *component.Engine {
	tb.Helper()
	ctx := context.Background()
	e, err := component.NewEngine(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := e.Close(ctx); err != nil {
			tb.Error(err)
		}
	})
	return e
}

func instantiate(tb testing.TB, l *component.Linker, e *component.Engine, name, file string) *component.Instance {
	tb.Helper()
	ctx := context.Background()
	wasm, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := e.Load(ctx, name, wasm)
	if err != nil {
		tb.Fatal(err)
	}
	linked, err := l.Link(ctx, c)
	if err != nil {
		tb.Fatal(err)
	}
	inst, err := linked.Instantiate(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := inst.Close(ctx); err != nil {
			tb.Error(err)
		}
	})
	return inst
}

func callsInstance(tb testing.TB, i cm.Interceptor) *component.Instance {
	tb.Helper()
	e := engine(tb)
	return instantiate(tb, callsLinker(tb, e, i), e, "calls", "../testdata/calls/calls.wasm")
}

func TestCalls(t *testing.T) {
	inst := callsInstance(t, nil)
	ctx := context.Background()
	for _, c := range []struct {
		name string
		want uint32
	}{{"host-nop", 0}, {"peer-nop", 0}, {"host-id", 15}, {"peer-id", 15}, {"host-echo", 80}, {"peer-echo", 80}} {
		f, err := inst.Func(callsRun, c.name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Call(ctx, cm.U32Val(5))
		if err != nil || got.U32() != c.want {
			t.Errorf("%s(5) = %d, %v; wanted %d", c.name, got.U32(), err, c.want)
		}
	}
	echo, err := inst.Func(callsGuest, "echo")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"", "hello", "grüße 🐹"} {
		got, err := echo.Call(ctx, cm.StringVal(s))
		if err != nil || got.Str() != s {
			t.Errorf("echo(%q) = %q, %v", s, got.Str(), err)
		}
	}
}

// hooksOn observes everything and does nothing with it.
type hooksOn struct{}

func (hooksOn) Bind(*cm.Boundary) cm.Hooks       { return hooksOn{} }
func (hooksOn) Enter(c *cm.Call) context.Context { return c.Context }
func (hooksOn) Exit(*cm.Call, cm.End)            {}

// hooksOff is an interceptor that wants to see nothing.
type hooksOff struct{}

func (hooksOff) Bind(*cm.Boundary) cm.Hooks { return nil }

// BenchmarkBoundary calls over each kind of border: ns/op is a crossing. guest calls are made 1000 at a time by guest
// code, host→guest calls one by one.
func BenchmarkBoundary(b *testing.B) {
	ctx := context.Background()
	for _, mode := range []struct {
		name string
		i    cm.Interceptor
	}{{"none", nil}, {"off", hooksOff{}}, {"on", hooksOn{}}} {
		inst := callsInstance(b, mode.i)
		for _, name := range []string{"host-nop", "host-id", "host-echo", "peer-nop", "peer-id", "peer-echo"} {
			f, err := inst.Func(callsRun, name)
			if err != nil {
				b.Fatal(err)
			}
			kind := map[string]string{"host": "guest-host", "peer": "guest-guest"}[name[:4]]
			b.Run(kind+"/"+name[5:]+"/"+mode.name, func(b *testing.B) {
				b.ReportAllocs()
				if _, err := f.Call(ctx, cm.U32Val(uint32(b.N))); err != nil {
					b.Fatal(err)
				}
			})
		}
		for name, args := range map[string][]cm.Val{"nop": nil, "id": {cm.U32Val(7)}, "echo": {cm.StringVal("hello, component")}} {
			f, err := inst.Func(callsGuest, name)
			if err != nil {
				b.Fatal(err)
			}
			b.Run("host-guest/"+name+"/"+mode.name, func(b *testing.B) {
				b.ReportAllocs()
				for range b.N {
					if _, err := f.Call(ctx, args...); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// TestUnobservedCallsCostNothingMore: an interceptor that wants to see nothing of a boundary adds no allocation to it.
func TestUnobservedCallsCostNothingMore(t *testing.T) {
	ctx := context.Background()
	without, with := callsInstance(t, nil), callsInstance(t, hooksOff{})
	for _, name := range []string{"host-nop", "host-id", "host-echo", "peer-nop", "peer-id", "peer-echo"} {
		allocs := func(inst *component.Instance) float64 {
			f, err := inst.Func(callsRun, name)
			if err != nil {
				t.Fatal(err)
			}
			return testing.AllocsPerRun(20, func() {
				if _, err := f.Call(ctx, cm.U32Val(100)); err != nil {
					t.Fatal(err)
				}
			})
		}
		if a, b := allocs(without), allocs(with); b > a {
			t.Errorf("%s: %v allocations for 100 calls without an interceptor, %v with one that is off", name, a, b)
		}
	}
}

// TestUnobservedPeerCallsAllocateNothing: a call between components with numbers alone allocates nothing while nothing observes it.
func TestUnobservedPeerCallsAllocateNothing(t *testing.T) {
	ctx := context.Background()
	inst := callsInstance(t, nil)
	for _, name := range []string{"peer-nop", "peer-id"} {
		f, err := inst.Func(callsRun, name)
		if err != nil {
			t.Fatal(err)
		}
		allocs := func(calls uint32) float64 {
			return testing.AllocsPerRun(20, func() {
				if _, err := f.Call(ctx, cm.U32Val(calls)); err != nil {
					t.Fatal(err)
				}
			})
		}
		if few, many := allocs(10), allocs(1000); many > few {
			t.Errorf("%s: %v allocations for 10 calls, %v for 1000", name, few, many)
		}
	}
}

// TestTypedFunc: another type is refused whatever has been asked before, and a guest of the right one need not be asked again.
func TestTypedFunc(t *testing.T) {
	inst := callsInstance(t, nil)
	right := &cm.FuncType{Params: []cm.Field{{Name: "n", Type: u32Type}}, Result: u32Type}
	wrong := &cm.FuncType{Params: []cm.Field{{Name: "n", Type: stringType}}, Result: u32Type}
	refused := callsRun.String() + "#host-id: parameter n: want string, had u32"
	for range 2 {
		if _, err := inst.TypedFunc(callsRun, "host-id", wrong); err == nil || err.Error() != refused {
			t.Errorf("got %v, want %v", err, refused)
		}
		f, err := inst.TypedFunc(callsRun, "host-id", right)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := f.Call(t.Context(), cm.U32Val(5)); err != nil || v.U32() != 15 {
			t.Errorf("%v, %v", v, err)
		}
	}
	_, unknown := inst.Func(callsRun, "none")
	if _, err := inst.TypedFunc(callsRun, "none", right); err == nil || err.Error() != unknown.Error() {
		t.Errorf("got %v, want %v", err, unknown)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = inst.TypedFunc(callsRun, "host-id", right) }); n > 1 {
		t.Errorf("%g allocations", n)
	}
}

// TestFirstModuleThatFails: of several modules that are compiled at once and cannot be, the first one is the error.
func TestFirstModuleThatFails(t *testing.T) {
	module := func(drops int) string { // each drop has nothing to take
		body := "\x00" + strings.Repeat("\x1a", drops) + "\x0b"
		code := "\x01" + string(rune(len(body))) + body
		return "\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x0a" + string(rune(len(code))) + code
	}
	wasm := "\x00asm\x0d\x00\x01\x00"
	for _, m := range []string{module(1), module(40), module(20)} { // the largest is begun first
		wasm += "\x01" + string(rune(len(m))) + m
	}
	wasm += "\x02\x0a\x03\x00\x00\x00\x00\x01\x00\x00\x02\x00"
	e := engine(t)
	c, err := e.Load(t.Context(), "bad", []byte(wasm))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := e.NewLinker(nil).Link(t.Context(), c); err == nil || !strings.Contains(err.Error(), "core module 0 ") {
			t.Fatalf("got %v", err)
		}
	}
}
