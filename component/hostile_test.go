package component_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wit"
)

var root wit.InterfaceID

// hostileInstance runs testdata/hostile; back is what its import does.
func hostileInstance(t *testing.T, back cm.HostFunc, opts ...component.StoreOption) *component.Instance {
	t.Helper()
	ctx := context.Background()
	e := engine(t)
	l := e.NewLinker(nil)
	if back == nil {
		back = func(context.Context, []cm.Val) (cm.Val, error) { return cm.Val{}, nil }
	}
	l.Instance(root).Func("call-me-back", &cm.FuncType{}, back)
	wasm, err := os.ReadFile("../testdata/hostile/hostile.wasm")
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.Load(ctx, "hostile", wasm)
	if err != nil {
		t.Fatal(err)
	}
	linked, err := l.Link(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := linked.Instantiate(ctx, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inst.Close(ctx) })
	return inst
}

func TestHostileGuests(t *testing.T) {
	for _, c := range []struct {
		name string
		mode uint32
		args []cm.Val
		code cm.TrapCode
	}{
		{name: "recurse", code: cm.TrapStackOverflow},
		{name: "unreachable", code: cm.TrapUnreachable},
		{name: "oob", code: cm.TrapOutOfBounds},
		{name: "divzero", code: cm.TrapDivideByZero},
		{name: "long", code: cm.TrapTooLong},
		{name: "broken", code: cm.TrapBadString},
		{name: "unaligned", code: cm.TrapUnaligned},
		{name: "bad-post", code: cm.TrapUnreachable},
		{name: "take", mode: 1, args: []cm.Val{cm.StringVal("abc")}, code: cm.TrapBadRealloc},
		{name: "take-wide", mode: 2, args: []cm.Val{cm.ListVal([]cm.Val{cm.U64Val(1)})}, code: cm.TrapUnaligned},
		{name: "take", mode: 3, args: []cm.Val{cm.StringVal("abc")}, code: cm.TrapCannotLeave},
	} {
		t.Run(c.name, func(t *testing.T) {
			inst := hostileInstance(t, nil)
			mustCall(t, inst, root, "set-mode", cm.U32Val(c.mode))
			_, err := call(t, inst, root, c.name, c.args...)
			wantTrap(t, err, c.code)
			_, err = call(t, inst, root, "set-mode", cm.U32Val(0))
			wantTrap(t, err, cm.TrapDead)
		})
	}
}

func TestReentryTraps(t *testing.T) {
	var inst *component.Instance
	inst = hostileInstance(t, func(ctx context.Context, _ []cm.Val) (cm.Val, error) {
		f, err := inst.Func(root, "set-mode")
		if err != nil {
			return cm.Val{}, err
		}
		return f.Call(ctx, cm.U32Val(0))
	})
	_, err := call(t, inst, root, "back")
	wantTrap(t, err, cm.TrapCannotEnter)
}

func TestHostErrorIsNotTheGuestsFault(t *testing.T) {
	boom := errors.New("boom")
	inst := hostileInstance(t, func(context.Context, []cm.Val) (cm.Val, error) { return cm.Val{}, boom })
	_, err := call(t, inst, root, "back")
	wantTrap(t, err, cm.TrapHost)
	var trap *cm.Trap
	if !errors.Is(err, boom) || !errors.As(err, &trap) || trap.Blame() != cm.BlameHost || trap.Boundary == nil || trap.Boundary.Func != "call-me-back" {
		t.Errorf("%v: wanted the host's error, its boundary and its blame", err)
	}
}

func TestSpinEndsAtItsDeadline(t *testing.T) {
	inst := hostileInstance(t, nil)
	f, err := inst.Func(root, "spin")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err = f.Call(ctx)
	wantTrap(t, err, cm.TrapDeadline)
	if inst.Fuel() == 0 {
		t.Error("no fuel counted for a guest that spins")
	}
	inst = hostileInstance(t, nil)
	if f, err = inst.Func(root, "spin"); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancelCause(context.Background())
	time.AfterFunc(10*time.Millisecond, func() { stop(&cm.Trap{Code: cm.TrapOverload, Detail: "make room"}) })
	_, err = f.Call(ctx)
	wantTrap(t, err, cm.TrapOverload)
}

func TestMemoryLimit(t *testing.T) {
	inst := hostileInstance(t, nil, component.WithMemory(10<<16))
	if n := mustCall(t, inst, root, "fill").U32(); n != 9 {
		t.Errorf("grew by %d pages, wanted 9: one page it had, ten are allowed", n)
	}
	if peak := inst.MemoryPeak(); peak != 10<<16 {
		t.Errorf("peak %d", peak)
	}
}

func TestMissingAndIllTypedImports(t *testing.T) {
	ctx := context.Background()
	e := engine(t)
	wasm, err := os.ReadFile("../testdata/fixture/fixture.wasm")
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.Load(ctx, "fixture", wasm)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		define func(l *component.Linker)
		want   string
	}{
		"nothing": {func(*component.Linker) {}, "component fixture: import test:fixture/host@1.0.0: wanted an interface with 15 functions and 1 resource type, had nothing under that name"},
		"incompatible version": {func(l *component.Linker) {
			l.Instance(wit.MustParseID("test:fixture/host@2.0.0")).Func("unit", &cm.FuncType{}, nil)
		}, "component fixture: import test:fixture/host@1.0.0: wanted an interface with 15 functions and 1 resource type, had nothing under that name (there is test:fixture/host@2.0.0)"},
	} {
		t.Run(name, func(t *testing.T) {
			l := e.NewLinker(nil)
			tc.define(l)
			_, err := l.Link(ctx, c)
			if err == nil || err.Error() != tc.want {
				t.Errorf("had  %v\nwanted %s", err, tc.want)
			}
		})
	}
	l := e.NewLinker(nil)
	h := l.Instance(wit.MustParseID("test:fixture/host@1.2.0"))
	h.Func("unit", &cm.FuncType{Params: []cm.Field{{Name: "x", Type: u32Type}}}, nil)
	_, err = l.Link(ctx, c)
	le, ok := component.IsLinkError(err)
	if !ok || len(le.Problems) != 16 {
		t.Fatalf("%v: wanted 16 problems: 14 functions and a resource missing, one of another type", err)
	}
	for _, p := range le.Problems {
		if p.Import == "test:fixture/host@1.0.0#unit" && p.String() != "component fixture: import test:fixture/host@1.0.0#unit: wanted func(), had func(x: u32): want 0 parameters, had 1" {
			t.Errorf("unit: %s", p)
		}
	}
}
