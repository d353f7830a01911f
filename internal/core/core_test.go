package core

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

var i32 = binary.CoreValType(0x7f)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// each runs a test with machine code and with the interpreter, which is what runs on processors without a compiler.
func each(t *testing.T, f func(t *testing.T, w *world)) {
	t.Run("compiler", func(t *testing.T) { f(t, newWorld(t, Config{})) })
	t.Run("interpreter", func(t *testing.T) { f(t, newWorld(t, Config{interpreter: true})) })
}

// world is an engine with a host module: source 0 of everything.
type world struct {
	t      testing.TB
	ctx    context.Context
	e      *Engine
	host   *Instance
	fail   error // what the host function "fail" returns
	onFail func(ctx context.Context) error
	seen   context.Context // what "double" was given
}

func newWorld(t testing.TB, c Config) *world {
	t.Helper()
	ctx := context.Background()
	e, err := NewEngine(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, ctx: ctx, e: e, fail: errors.New("no luck")}
	t.Cleanup(func() {
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	w.host, err = e.HostModule(ctx, []HostFunc{
		{Name: "double", Params: []binary.CoreValType{i32}, Results: []binary.CoreValType{i32},
			Fn: func(ctx context.Context, stack []uint64) error {
				w.seen = ctx
				stack[0] = uint64(uint32(stack[0]) * 2)
				return nil
			}},
		{Name: "fail", Fn: func(ctx context.Context, _ []uint64) error {
			if w.onFail != nil {
				return w.onFail(ctx)
			}
			return w.fail
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// compile compiles a fixture: imports from "host" come from source 0, others from source 1.
func (w *world) compile(wasm []byte) *Module {
	w.t.Helper()
	m, _, err := w.e.Compile(w.ctx, wasm, CompileOptions{Slots: slotsFor(w.t, wasm)})
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func slotsFor(t testing.TB, wasm []byte) []Slot {
	t.Helper()
	info, err := Inspect(wasm)
	if err != nil {
		t.Fatal(err)
	}
	var slots []Slot
	for _, i := range info.Imports {
		s := Slot{Source: 1, Field: i.Field}
		if i.Module == "host" {
			s.Source = 0
		}
		slots = append(slots, s)
	}
	return slots
}

func (w *world) group(l Limits) *Group {
	g := w.e.NewGroup(l)
	w.t.Cleanup(func() {
		if err := g.Close(w.ctx); err != nil {
			w.t.Error(err)
		}
	})
	return g
}

func (w *world) instantiate(g *Group, name string, more ...*Instance) (*Instance, error) {
	return w.e.Instantiate(w.ctx, g, w.compile(fixture(w.t, name)), append([]*Instance{w.host}, more...))
}

func (w *world) must(g *Group, name string, more ...*Instance) *Instance {
	w.t.Helper()
	i, err := w.instantiate(g, name, more...)
	if err != nil {
		w.t.Fatal(err)
	}
	return i
}

func call(i *Instance, name string, args ...uint64) (uint64, error) {
	return callIn(context.Background(), i, name, args...)
}

func callIn(ctx context.Context, i *Instance, name string, args ...uint64) (uint64, error) {
	f := i.Func(name)
	if f == nil {
		return 0, fmt.Errorf("no function %q", name)
	}
	stack := make([]uint64, max(len(args), len(f.Type().Results)))
	copy(stack, args)
	err := f.Call(ctx, stack)
	if err != nil || len(stack) == 0 {
		return 0, err
	}
	return stack[0], nil
}

func code(err error) cm.TrapCode {
	var t *cm.Trap
	if errors.As(err, &t) {
		return t.Code
	}
	return cm.TrapCode(fmt.Sprintf("no trap: %v", err))
}

func TestCall(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		i := w.must(w.group(Limits{}), "basics")
		for _, c := range []struct {
			name string
			args []uint64
			want uint64
		}{
			{"id", []uint64{5}, 5}, {"add", []uint64{2, 3}, 5}, {"twice", []uint64{21}, 42},
			{"count", []uint64{100000}, 100000}, {"bump", nil, 8}, {"bump", nil, 9}, {"load8", []uint64{17}, 'e'},
			{"grow", []uint64{1}, 1}, {"grow", []uint64{1}, 2}, {"grow", []uint64{2}, 0xffffffff}, {"fill", []uint64{70000}, 70000},
		} {
			got, err := call(i, c.name, c.args...)
			if err != nil || got != c.want {
				t.Errorf("%s(%v) = %d, %v; want %d", c.name, c.args, got, err, c.want)
			}
		}
		if i.Func("nope") != nil || i.Func("memory") != nil || i.Memory("id") != nil || i.Memory("nope") != nil {
			t.Error("found an export that does not exist")
		}
		if got := len(i.Memory("memory").Bytes()); got != 3*pageSize {
			t.Errorf("memory has %d bytes after growing", got)
		}
		if i.Memory("memory").Bytes()[69999] != 1 || i.Memory("memory").Bytes()[70000] != 0 {
			t.Error("memory.fill cannot be seen from outside")
		}
		if f := i.Func("add"); len(f.Type().Params) != 2 || f != i.Func("add") {
			t.Errorf("type of add: %v", f.Type())
		}
	})
}

type plainContext struct{ context.Context }

func TestContextReachesHostUnchanged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := &plainContext{context.Background()}
		i := w.must(w.group(Limits{}), "basics")
		if err := i.Func("twice").Call(ctx, []uint64{1}); err != nil {
			t.Fatal(err)
		}
		if w.seen != context.Context(ctx) {
			t.Error("a call's context was changed")
		}
		m := w.compile(fixture(t, "start"))
		s, err := w.e.Instantiate(ctx, w.group(Limits{}), m, []*Instance{w.host})
		if err != nil {
			t.Fatal(err)
		}
		if w.seen != context.Context(ctx) {
			t.Error("a start function's context was changed")
		}
		if got, err := call(s, "get"); got != 42 || err != nil {
			t.Errorf("after start: %d, %v", got, err)
		}
	})
}

func TestTraps(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		i := w.must(w.group(Limits{}), "basics")
		for _, c := range []struct {
			name string
			args []uint64
			want cm.TrapCode
			top  string // innermost frame
		}{
			{"unreachable", nil, cm.TrapUnreachable, "deeper"},
			{"oob", nil, cm.TrapOutOfBounds, "oob"},
			{"fill", []uint64{1 << 31}, cm.TrapOutOfBounds, "fill"},
			{"div", []uint64{1, 0}, cm.TrapDivideByZero, "div"},
			{"div", []uint64{0x80000000, 0xffffffff}, cm.TrapOverflow, "div"},
			{"trunc", []uint64{0x7fc00000}, cm.TrapBadConversion, "trunc"},
			{"indirect", []uint64{9}, cm.TrapTableOutOfBounds, "indirect"},
			{"indirect", []uint64{1}, cm.TrapTableOutOfBounds, "indirect"},
			{"mistyped", nil, cm.TrapIndirectCall, "mistyped"},
			{"recurse", nil, cm.TrapStackOverflow, ""},
		} {
			_, err := call(i, c.name, c.args...)
			if code(err) != c.want {
				t.Errorf("%s%v: %v, want %s", c.name, c.args, err, c.want)
				continue
			}
			var trap *cm.Trap
			errors.As(err, &trap)
			if c.top != "" && (len(trap.Stack) == 0 || trap.Stack[0] != c.top) {
				t.Errorf("%s: stack %q, want %s innermost", c.name, trap.Stack, c.top)
			}
			if got, err := call(i, "id", 3); got != 3 || err != nil {
				t.Fatalf("after %s the instance is broken: %d, %v", c.name, got, err)
			}
		}
		_, err := call(i, "unreachable")
		var trap *cm.Trap
		if errors.As(err, &trap); !slices.Equal(trap.Stack, []string{"deeper", "deep", "unreachable"}) {
			t.Errorf("stack %q", trap.Stack)
		}
	})
}

func TestHostErrors(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		i := w.must(w.group(Limits{}), "basics")
		if _, err := call(i, "call_fail"); err != w.fail {
			t.Errorf("host error came out as %v", err)
		}
		w.fail = &cm.ExitError{Code: 3}
		if _, err := call(i, "call_fail"); err != w.fail {
			t.Errorf("exit came out as %v", err)
		}
		w.fail = cm.Trapf(cm.TrapBadHandle, "handle %d", 7)
		_, err := call(i, "call_fail")
		var trap *cm.Trap
		if !errors.As(err, &trap) || trap.Code != cm.TrapBadHandle || trap.Detail != "handle 7" {
			t.Fatalf("trap came out as %v", err)
		}
		if !slices.Equal(trap.Stack, []string{"wrap", "call_fail"}) {
			t.Errorf("stack %q", trap.Stack)
		}
		for name, f := range map[string]func(){
			"runtime error": func() { var p *world; p.t = nil },
			"error":         func() { panic(errors.New("odd")) },
			"text":          func() { panic("odd") },
		} {
			w.onFail = func(context.Context) error { f(); return nil }
			_, err := call(i, "call_fail")
			var trap *cm.Trap
			if !errors.As(err, &trap) || trap.Code != cm.TrapBug || !strings.Contains(trap.HostStack, "core_test.go") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: panic came out as %v", name, err)
			}
		}
	})
}

// TestNestedCalls enters an instance again from a host function, through the same function and another one.
func TestNestedCalls(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		i := w.must(w.group(Limits{}), "basics")
		depth := 0
		w.onFail = func(context.Context) error {
			if depth++; depth > 50 {
				return errors.New("bottom")
			}
			if got, err := call(i, "add", uint64(depth), 1); err != nil || got != uint64(depth)+1 {
				t.Errorf("add inside: %d, %v", got, err)
			}
			_, err := call(i, "call_fail")
			if err == nil || err.Error() != "bottom" {
				t.Errorf("depth %d: %v", depth, err)
			}
			return err
		}
		if _, err := call(i, "call_fail"); err == nil || err.Error() != "bottom" {
			t.Errorf("outermost: %v", err)
		}
		if got, err := call(i, "add", 1, 1); got != 2 || err != nil {
			t.Errorf("afterwards: %d, %v", got, err)
		}
	})
}

// TestInterrupt: what interrupts a task ends its calls, and nobody else's.
func TestInterrupt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, f := range []string{"spin", "spin_tail", "spin_bulk"} {
			g := w.group(Limits{})
			i := w.must(g, "basics")
			deadline := &cm.Trap{Code: cm.TrapDeadline, Detail: "after a moment"}
			task := begin(g, 0)
			timer := time.AfterFunc(10*time.Millisecond, func() {
				task.interrupt.Set(deadline)
				task.interrupt.Set(errors.New("the second one loses"))
			})
			defer timer.Stop()
			_, err := callIn(task, i, f)
			if code(err) != cm.TrapDeadline {
				t.Errorf("%s: %v", f, err)
			}
			if deadline.Stack != nil {
				t.Error("the interrupt's own trap was written to")
			}
			if _, err := callIn(task, i, "id", 1); err != error(deadline) {
				t.Errorf("a call under an interrupt: %v", err)
			}
			if _, err := w.e.Instantiate(task, g, w.compile(fixture(t, "basics")), []*Instance{w.host}); err != error(deadline) {
				t.Errorf("instantiate under an interrupt: %v", err)
			}
			if task.thread.Err() != error(deadline) {
				t.Errorf("interrupted by %v", task.thread.Err())
			}
			for _, other := range []context.Context{begin(g, 0), w.ctx} {
				if got, err := callIn(other, i, "id", 1); got != 1 || err != nil {
					t.Errorf("a call of another task: %d, %v", got, err)
				}
			}
		}
	})
}

func TestFuel(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		g := w.group(Limits{CheckEvery: 100})
		i := w.must(g, "basics")
		if g.Fuel() != 0 {
			t.Errorf("fuel %d before anything ran", g.Fuel())
		}
		for _, c := range []struct {
			name string
			arg  uint64
			want uint64
		}{
			{"count", 1, 1}, {"count", 12345, 12345}, {"id", 1, 0}, {"twice", 1, 1}, {"fill", 65536, 16}, {"fill", 100, 0},
		} {
			before := g.Fuel()
			if _, err := call(i, c.name, c.arg); err != nil {
				t.Fatal(err)
			}
			if got := g.Fuel() - before; got != c.want {
				t.Errorf("%s(%d) used %d, want %d", c.name, c.arg, got, c.want)
			}
		}
		total := g.Fuel()
		if err := g.Close(w.ctx); err != nil {
			t.Fatal(err)
		}
		if g.Fuel() != total {
			t.Errorf("fuel %d after close, %d before", g.Fuel(), total)
		}
	})
}

func TestImports(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		g := w.group(Limits{})
		a := w.must(g, "basics")
		b := w.must(g, "importer", a)
		a.Memory("memory").Bytes()[9] = 99
		if got, err := call(b, "read", 9); got != 99 || err != nil {
			t.Errorf("read through an import: %d, %v", got, err)
		}
		if got, err := call(b, "id2", 4); got != 4 || err != nil {
			t.Errorf("re-exported function: %d, %v", got, err)
		}
		if got, err := call(b, "double", 4); got != 8 || err != nil {
			t.Errorf("re-exported host function: %d, %v", got, err)
		}
		if got, err := call(b, "grow", 1); got != 1 || err != nil {
			t.Errorf("grow through an import: %d, %v", got, err)
		}
		if len(a.Memory("memory").Bytes()) != 2*pageSize || len(b.Memory("mem").Bytes()) != 2*pageSize {
			t.Error("growth through an import is not seen everywhere")
		}
		if got, err := call(w.host, "double", 4); got != 8 || err != nil {
			t.Errorf("host function called directly: %d, %v", got, err)
		}
		if _, err := w.e.Instantiate(w.ctx, g, w.compile(fixture(t, "importer")), []*Instance{w.host}); err == nil {
			t.Error("instantiated with too few sources")
		}
		if _, err := w.instantiate(g, "importer", w.host); err == nil || !strings.Contains(err.Error(), "memory") {
			t.Errorf("instantiated with a wrong source: %v", err)
		}
	})
}

func TestStartFails(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if _, err := w.instantiate(w.group(Limits{}), "start-import"); err != w.fail {
			t.Errorf("start: %v", err)
		}
	})
}

func TestSegmentsOutOfBounds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		g := w.group(Limits{})
		if _, err := w.instantiate(g, "data-oob"); code(err) != cm.TrapOutOfBounds {
			t.Errorf("data: %v", err)
		}
		if _, err := w.instantiate(g, "elem-oob-own"); code(err) != cm.TrapTableOutOfBounds {
			t.Errorf("element: %v", err)
		}
		a := w.must(g, "basics")
		if _, err := w.instantiate(g, "elem-oob", a); code(err) != cm.TrapTableOutOfBounds {
			t.Errorf("element in an imported table: %v", err)
		}
		if got, err := call(a, "grow_table", 2); got != 2 || err != nil {
			t.Fatalf("table.grow: %d, %v", got, err)
		}
		if _, err := w.instantiate(g, "elem-oob", a); err != nil {
			t.Errorf("element in a table that has grown: %v", err)
		}
	})
}

func TestMemoryLimit(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		g := w.group(Limits{Memory: 3 * pageSize})
		if _, err := w.instantiate(g, "bigmem"); code(err) != cm.TrapMemory {
			t.Errorf("initial memory beyond the limit: %v", err)
		}
		a, b := w.must(g, "basics"), w.must(g, "basics")
		if got, _ := call(a, "grow", 1); got != 1 {
			t.Errorf("first growth: %d", got)
		}
		if got, _ := call(b, "grow", 1); got != 0xffffffff {
			t.Errorf("growth beyond the limit: %d", got)
		}
		if g.Memory() != 3*pageSize || g.MemoryPeak() != 3*pageSize {
			t.Errorf("memory %d, peak %d", g.Memory(), g.MemoryPeak())
		}
		if err := g.Close(w.ctx); err != nil {
			t.Fatal(err)
		}
		if g.Memory() != 0 || g.MemoryPeak() != 3*pageSize {
			t.Errorf("after close: memory %d, peak %d", g.Memory(), g.MemoryPeak())
		}
	})
}

func TestTableLimit(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		g := w.group(Limits{})
		if _, err := w.instantiate(g, "bigtable"); code(err) != cm.TrapMemory {
			t.Errorf("initial table beyond the limit: %v", err)
		}
		i := w.must(g, "basics")
		if got, _ := call(i, "grow_table", defaultTableLimit-1); got != 0xffffffff {
			t.Errorf("growth beyond the default: %d", got)
		}
		if got, _ := call(i, "grow_table", 0xfffffffe); got != 0xffffffff {
			t.Errorf("growth beyond all limits: %d", got)
		}
		i = w.must(w.group(Limits{Tables: 10}), "basics")
		g = w.group(Limits{Tables: 5})
		w.must(g, "basics")
		w.must(g, "basics")
		if _, err := w.instantiate(g, "basics"); code(err) != cm.TrapMemory {
			t.Errorf("tables that are too large together: %v", err)
		}
		for _, c := range [][2]uint64{{9, 0xffffffff}, {7, 2}, {1, 9}, {1, 0xffffffff}, {0, 10}} {
			if got, _ := call(i, "grow_table", c[0]); got != c[1] {
				t.Errorf("grow by %d: %d, want %d", c[0], got, c[1])
			}
		}
	})
}

// TestTablesTogether: the limit is one for all tables of a group, as they start and as they grow.
func TestTablesTogether(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		g := w.group(Limits{Tables: 10})
		a, b := w.must(g, "basics"), w.must(g, "basics")
		for _, c := range []struct {
			i    *Instance
			n    uint64
			want uint64
		}{{a, 5, 2}, {b, 2, 0xffffffff}, {b, 1, 2}, {a, 1, 0xffffffff}, {b, 0, 3}} {
			if got, err := call(c.i, "grow_table", c.n); got != c.want || err != nil {
				t.Errorf("grow by %d: %d, %v, want %d", c.n, got, err, c.want)
			}
		}
		if _, err := w.instantiate(g, "basics"); code(err) != cm.TrapMemory {
			t.Errorf("one more module with a table: %v", err)
		}
		if l := g.own.Refused(); l == nil || l.Limit != "tables" {
			t.Errorf("refused by %v", l)
		}
	})
}

// TestRefusedGrowth: what a limit has kept from growing is told once; what a maximum of the module's own forbids is not.
func TestRefusedGrowth(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			module, f string
			limits    Limits
			by        uint64
			want      string // the limit
		}{
			{"basics", "grow", Limits{Memory: 2 * pageSize}, 1, ""},
			{"basics", "grow", Limits{Memory: 2 * pageSize}, 2, "memory"},
			{"basics", "grow", Limits{Memory: 2 * pageSize}, 1 << 16, ""},
			{"bounded", "grow", Limits{Memory: 2 * pageSize}, 2, "memory"},
			{"bounded", "grow", Limits{Memory: 2 * pageSize}, 3, ""},
			{"bounded", "grow", Limits{}, 3, ""},
			{"basics", "grow_table", Limits{Tables: 3}, 1, ""},
			{"basics", "grow_table", Limits{Tables: 3}, 2, "tables"},
			{"basics", "grow_table", Limits{}, defaultTableLimit, "tables"},
			{"basics", "grow_table", Limits{Tables: 3}, 0xfffffffc, "tables"},
			{"basics", "grow_table", Limits{Tables: 3}, 0xfffffffd, ""},
			{"bounded", "grow_table", Limits{Tables: 2}, 1, ""},
			{"bounded", "grow_table", Limits{Tables: 2}, 3, "tables"},
			{"bounded", "grow_table", Limits{Tables: 2}, 4, ""},
			{"bounded", "grow_table", Limits{Tables: 9}, 4, ""},
			{"bounded", "grow_table", Limits{Tables: 9}, 0xffffffff, ""},
		} {
			g := w.group(c.limits)
			i := w.must(g, c.module)
			if _, err := call(i, c.f, c.by); err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{c.want, ""} {
				got := ""
				if l := g.own.Refused(); l != nil {
					got = l.Limit
				}
				if got != want {
					t.Errorf("%s of %s by %d, with %+v: refused by %q, want %q", c.f, c.module, c.by, c.limits, got, want)
				}
			}
			if err := g.Close(w.ctx); err != nil || g.own.Refused() != nil {
				t.Error(err)
			}
		}
	})
}

func TestCloseEndsEverything(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		g := w.group(Limits{})
		i := w.must(g, "basics")
		m := i.Memory("memory")
		for range 2 {
			if err := g.Close(w.ctx); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := call(i, "id", 1); code(err) != cm.TrapDead {
			t.Errorf("call after close: %v", err)
		}
		if _, err := w.instantiate(g, "basics"); code(err) != cm.TrapDead {
			t.Errorf("instantiate after close: %v", err)
		}
		if m.Bytes() != nil {
			t.Error("memory is still there after close")
		}
	})
}

// TestMemoryIsClean uses address ranges again and again: what one store wrote no other may see.
func TestMemoryIsClean(t *testing.T) {
	w := newWorld(t, Config{})
	m := w.compile(fixture(t, "basics"))
	for n := range 20 {
		g := w.e.NewGroup(Limits{})
		i, err := w.e.Instantiate(w.ctx, g, m, []*Instance{w.host})
		if err != nil {
			t.Fatal(err)
		}
		if n%2 == 0 {
			if _, err := call(i, "grow", 2); err != nil {
				t.Fatal(err)
			}
		}
		b := i.Memory("memory").Bytes()
		for k, c := range b {
			if c != 0 && (k < 16 || k > 20) {
				t.Fatalf("round %d: byte %d is %d", n, k, c)
			}
			b[k] = 0xaa
		}
		if err := g.Close(w.ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSpinningGuestStopsNobody has the garbage collector stop the world while guests spin, which waits for them to leave
// machine code. Without fuel this test would never end.
func TestSpinningGuestStopsNobody(t *testing.T) {
	w := newWorld(t, Config{})
	for _, f := range []string{"spin", "spin_tail", "spin_bulk"} {
		g := w.group(Limits{})
		i := w.must(g, "basics")
		ended := make(chan error)
		task := begin(g, 0)
		go func() {
			_, err := callIn(task, i, f)
			ended <- err
		}()
		for range 3 {
			runtime.GC()
		}
		stop := errors.New("enough")
		task.interrupt.Set(stop)
		if err := <-ended; err != stop {
			t.Errorf("%s ended with %v", f, err)
		}
	}
}

func TestHostModules(t *testing.T) {
	w := newWorld(t, Config{})
	empty, err := w.e.HostModule(w.ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if empty.Func("x") != nil || empty.Memory("x") != nil {
		t.Error("an empty host module has exports")
	}
	for range 2 {
		if err := empty.Close(w.ctx); err != nil {
			t.Error(err)
		}
	}
	nop := func(context.Context, []uint64) error { return nil }
	if _, err := w.e.HostModule(w.ctx, []HostFunc{{Name: "a", Fn: nop}, {Name: "a", Fn: nop}}); err == nil {
		t.Error("two functions of one name")
	}
}
