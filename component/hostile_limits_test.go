package component_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wit"
)

// hostileFile links one of testdata/hostile; l may be nil.
func hostileFile(t *testing.T, e *component.Engine, l *component.Linker, name string) *component.Linked {
	t.Helper()
	if l == nil {
		l = e.NewLinker(nil)
	}
	wasm, err := os.ReadFile("../testdata/hostile/" + name + ".wasm")
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.Load(t.Context(), name, wasm)
	if err != nil {
		t.Fatal(err)
	}
	linked, err := l.Link(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return linked
}

// neighbour calls a component of the same engine without pause until the test's end, which wants every call to have
// gone well. The function that it returns waits for one more answer.
func neighbour(t *testing.T, e *component.Engine) (answers func()) {
	t.Helper()
	inst := instantiate(t, callsLinker(t, e, nil), e, "neighbour", "../testdata/calls/calls.wasm")
	f, err := inst.Func(callsGuest, "echo")
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			v, err := f.Call(context.Background(), cm.StringVal("still here"))
			if err == nil && v.Str() != "still here" {
				err = errors.New("it says " + v.Str())
			}
			if err != nil {
				done <- err
				return
			}
			n.Add(1)
		}
	}()
	t.Cleanup(func() {
		close(stop)
		if err := <-done; err != nil {
			t.Errorf("the neighbour noticed: %v", err)
		}
	})
	return func() {
		t.Helper()
		for before := n.Load(); n.Load() < before+2; {
			select {
			case err := <-done:
				done <- err
				t.Fatalf("the neighbour has stopped: %v", err)
			case <-time.After(time.Millisecond):
			}
		}
	}
}

// attack is one thing that testdata/hostile tries.
type attack struct {
	name string
	mode uint32
	args []cm.Val
	opts []component.StoreOption
	code cm.TrapCode
}

var attacks = []attack{
	{name: "spin", opts: []component.StoreOption{component.WithFuel(100_000)}, code: cm.TrapFuel},
	{name: "back-forever", opts: []component.StoreOption{component.WithFuel(100_000)}, code: cm.TrapFuel},
	{name: "recurse", code: cm.TrapStackOverflow},
	{name: "mutual", code: cm.TrapStackOverflow},
	{name: "unreachable", code: cm.TrapUnreachable},
	{name: "oob", code: cm.TrapOutOfBounds},
	{name: "surrogate", code: cm.TrapBadString},
	{name: "odd", code: cm.TrapUnaligned},
	{name: "tagged", code: cm.TrapBadPointer},
	{name: "endless", code: cm.TrapTooLong},
	{name: "not-a-char", code: cm.TrapBadChar},
	{name: "no-case", code: cm.TrapBadDiscrim},
	{name: "bad-post", code: cm.TrapUnreachable},
	{name: "take", mode: 1, args: []cm.Val{cm.StringVal("abc")}, code: cm.TrapBadRealloc},
	{name: "take-wide", mode: 2, args: []cm.Val{cm.ListVal([]cm.Val{cm.U64Val(1)})}, code: cm.TrapUnaligned},
	{name: "take", mode: 3, args: []cm.Val{cm.StringVal("abc")}, code: cm.TrapCannotLeave},
	{name: "take", mode: 6, args: []cm.Val{cm.StringVal("abc")}, opts: []component.StoreOption{component.WithFuel(100_000)}, code: cm.TrapFuel},
	{name: "take", mode: 7, args: []cm.Val{cm.StringVal("abc")}, code: cm.TrapUnreachable},
	{name: "take", mode: 8, args: []cm.Val{cm.StringVal("abc")}, code: cm.TrapStackOverflow},
	{name: "take", mode: 9, args: []cm.Val{cm.StringVal("abc")}, code: cm.TrapBadRealloc},
}

func (a *attack) run(t *testing.T, linked *component.Linked) {
	t.Helper()
	ctx := context.Background()
	inst, err := linked.Instantiate(ctx, a.opts...)
	if err != nil {
		t.Fatal(err)
	}
	mustCall(t, inst, root, "set-mode", cm.U32Val(a.mode))
	_, err = call(t, inst, root, a.name, a.args...)
	wantTrap(t, err, a.code)
	_, err = call(t, inst, root, "set-mode", cm.U32Val(0))
	wantTrap(t, err, cm.TrapDead)
	if err := inst.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
}

// linkHostile links testdata/hostile/hostile with a host that does nothing.
func linkHostile(t *testing.T, e *component.Engine) *component.Linked {
	l := e.NewLinker(nil)
	l.Instance(root).Func("call-me-back", &cm.FuncType{}, func(context.Context, []cm.Val) (cm.Val, error) { return cm.Val{}, nil })
	return hostileFile(t, e, l, "hostile")
}

// TestNeighboursNotice runs every attack beside a component that must not notice.
func TestNeighboursNotice(t *testing.T) {
	e := engine(t)
	answers := neighbour(t, e)
	linked := linkHostile(t, e)
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			a.run(t, linked)
			answers()
		})
	}
}

// TestMemoryIsBack runs every attack a few times more and looks at what it leaves in the process.
func TestMemoryIsBack(t *testing.T) {
	e := engine(t)
	linked := linkHostile(t, e)
	round := func() {
		for i := range attacks {
			attacks[i].run(t, linked)
		}
		inst, err := linked.Instantiate(t.Context(), component.WithMemory(64<<20), component.WithTables(100_000))
		if err != nil {
			t.Fatal(err)
		}
		mustCall(t, inst, root, "fill")
		mustCall(t, inst, root, "fill-table")
		if err := inst.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	round()
	heap, mapped := used(), mappings(t)
	for range 3 {
		round()
	}
	if now := used(); now > heap+8<<20 {
		t.Errorf("the heap went from %d to %d bytes", heap, now)
	}
	if now := mappings(t); now > mapped+4 {
		t.Errorf("the process went from %d to %d mappings: memories were not given back", mapped, now)
	}
}

// used is the heap in use once all garbage is gone.
func used() uint64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// mappings counts the anonymous mappings of a megabyte and more, which linear memories are.
func mappings(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return 0 // no Linux: the heap has to do
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 5 {
			n++
		}
	}
	return n
}

func TestFuel(t *testing.T) {
	e := engine(t)
	linked := linkHostile(t, e)
	for _, c := range []struct {
		work, limit uint32
		code        cm.TrapCode
	}{
		{work: 1000, limit: 1100},
		{work: 1000, limit: 900, code: cm.TrapFuel},
		{work: 1_000_000, limit: 1_000_100},
		{work: 1_000_000, limit: 999_900, code: cm.TrapFuel},
		{work: 1_000_000},
	} {
		inst, err := linked.Instantiate(t.Context(), component.WithFuel(uint64(c.limit)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = call(t, inst, root, "work", cm.U32Val(c.work))
		if c.code == "" {
			if err != nil {
				t.Errorf("%d units with a limit of %d: %v", c.work, c.limit, err)
			}
		} else {
			wantTrap(t, err, c.code)
			var trap *cm.Trap
			if errors.As(err, &trap) && (trap.Blame() != cm.BlameLimit || !strings.Contains(trap.Error(), "loop iterations")) {
				t.Errorf("%v: wanted the limit's blame and its unit", err)
			}
			if inst.Fuel() > uint64(c.limit)+10 {
				t.Errorf("%d units were done with a limit of %d", inst.Fuel(), c.limit)
			}
		}
		_ = inst.Close(t.Context())
	}
}

// TestFuelOfEachUse: a reset gives an instance its fuel again.
func TestFuelOfEachUse(t *testing.T) {
	e := engine(t)
	wasm, err := os.ReadFile("../testdata/calls/calls.wasm")
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.Load(t.Context(), "calls", wasm)
	if err != nil {
		t.Fatal(err)
	}
	linked, err := callsLinker(t, e, nil).Link(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := linked.Instantiate(t.Context(), component.WithFuel(10_000), component.WithReset(component.Fresh, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer inst.Close(t.Context())
	for i := range 20 {
		mustCall(t, inst, callsRun, "host-id", cm.U32Val(9_000))
		if err := inst.Reset(t.Context(), cm.InstanceInfo{}); err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
	}
	_, err = call(t, inst, callsRun, "host-id", cm.U32Val(11_000))
	wantTrap(t, err, cm.TrapFuel)
}

func TestStartThatNeverEnds(t *testing.T) {
	e := engine(t)
	answers := neighbour(t, e)
	linked := hostileFile(t, e, nil, "start")
	_, err := linked.Instantiate(t.Context(), component.WithFuel(100_000))
	wantTrap(t, err, cm.TrapFuel)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = linked.Instantiate(ctx)
	wantTrap(t, err, cm.TrapDeadline)
	answers()
}

func TestGreedyStart(t *testing.T) {
	e := engine(t)
	linked := hostileFile(t, e, nil, "greedy")
	_, err := linked.Instantiate(t.Context(), component.WithMemory(1<<20))
	wantTrap(t, err, cm.TrapMemory)
	_, err = linked.Instantiate(t.Context(), component.WithTables(1000))
	wantTrap(t, err, cm.TrapMemory)
	inst, err := linked.Instantiate(t.Context(), component.WithMemory(200<<16), component.WithTables(1_000_000))
	if err != nil {
		t.Fatal(err)
	}
	if err := inst.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTableLimit(t *testing.T) {
	inst := hostileInstance(t, nil, component.WithTables(1000))
	if n := mustCall(t, inst, root, "fill-table").U32(); n > 1000 || n < 900 {
		t.Errorf("the table grew to %d elements, wanted no more than 1000", n)
	}
}

// TestOddReallocs: what a realloc gives may ruin the guest's own data, and nothing else.
func TestOddReallocs(t *testing.T) {
	inst := hostileInstance(t, nil)
	mustCall(t, inst, root, "set-mode", cm.U32Val(4))
	if n := mustCall(t, inst, root, "take-two", cm.StringVal("a"), cm.StringVal("b")).U32(); n != 2*'b' {
		t.Errorf("two strings in one place: %d", n)
	}
	mustCall(t, inst, root, "set-mode", cm.U32Val(5))
	if n := mustCall(t, inst, root, "take-two", cm.StringVal("a"), cm.StringVal(strings.Repeat("b", 60_000))).U32(); n != 'a'+'b' {
		t.Errorf("two strings in a memory that moves: %d", n)
	}
}

// TestAliases: a small guest memory does not stand for a large host memory.
func TestAliases(t *testing.T) {
	inst := hostileInstance(t, nil, component.WithMemory(1<<20))
	_, err := call(t, inst, root, "aliases")
	wantTrap(t, err, cm.TrapHostMemory)
}

// TestCallDepth: calls from component to component, and through the host from store to store, nest only
// so deep.
func TestCallDepth(t *testing.T) {
	e := engine(t)
	answers := neighbour(t, e)
	var linked *component.Linked
	var opts []component.StoreOption
	calls := 0
	l := e.NewLinker(nil)
	recurse := false
	l.Instance(root).Func("call-me-back", &cm.FuncType{}, func(ctx context.Context, _ []cm.Val) (cm.Val, error) {
		if !recurse {
			return cm.Val{}, nil
		}
		calls++
		inst, err := linked.Instantiate(ctx, opts...)
		if err != nil {
			return cm.Val{}, err
		}
		defer inst.Close(ctx)
		_, err = inst.Call(ctx, "f")
		return cm.Val{}, err
	})
	linked = hostileFile(t, e, l, "chain")
	for _, c := range []struct {
		depth   int
		recurse bool
		calls   int
		code    cm.TrapCode
	}{
		{depth: 5},
		{depth: 4, code: cm.TrapDepth},
		{depth: 1, code: cm.TrapDepth},
		{depth: 12, recurse: true, calls: 2, code: cm.TrapDepth},
		{recurse: true, calls: 20, code: cm.TrapDepth}, // 100 calls of five each
	} {
		recurse, calls = c.recurse, 0
		opts = []component.StoreOption{component.WithCallDepth(c.depth)}
		inst, err := linked.Instantiate(t.Context(), opts...)
		if err != nil {
			t.Fatal(err)
		}
		_, err = inst.Call(t.Context(), "f")
		if c.code != "" {
			wantTrap(t, err, c.code)
		} else if err != nil {
			t.Errorf("depth %d: %v", c.depth, err)
		}
		if calls != c.calls {
			t.Errorf("depth %d: %d calls from the host, wanted %d", c.depth, calls, c.calls)
		}
		_ = inst.Close(t.Context())
	}
	answers()
}

// thingsLinker serves what testdata/hostile/handles imports; left says how many resources are not dropped yet.
func thingsLinker(e *component.Engine) (l *component.Linker, left func() int) {
	made, dropped, last := 0, 0, uint32(0)
	gone := func(context.Context, *cm.Resource) error { dropped++; return nil }
	things := wit.MustParseID("test:hostile/things")
	thing := &cm.ResourceType{Interface: things, Name: "thing", Drop: gone}
	other := &cm.ResourceType{Interface: things, Name: "other", Drop: gone}
	l = e.NewLinker(nil)
	h := l.Instance(things)
	h.Resource("thing", thing)
	h.Resource("other", other)
	own := func(rt *cm.ResourceType) *cm.Type { return &cm.Type{Kind: cm.KindOwn, Resource: rt} }
	borrow := &cm.Type{Kind: cm.KindBorrow, Resource: thing}
	for name, rt := range map[string]*cm.ResourceType{"thing": thing, "other": other} {
		h.Func("[constructor]"+name, &cm.FuncType{Result: own(rt)}, func(context.Context, []cm.Val) (cm.Val, error) {
			made++
			last++
			return cm.ResourceVal(&cm.Resource{Type: rt, Rep: last}), nil
		})
	}
	take := func(ctx context.Context, args []cm.Val) (cm.Val, error) {
		for _, a := range args[len(args)-1:] {
			dropped++
			a.Resource().Dropped = true
		}
		return cm.Val{}, nil
	}
	field := func(name string, t *cm.Type) cm.Field { return cm.Field{Name: name, Type: t} }
	h.Func("look", &cm.FuncType{Params: []cm.Field{field("t", borrow)}}, func(context.Context, []cm.Val) (cm.Val, error) { return cm.Val{}, nil })
	h.Func("take", &cm.FuncType{Params: []cm.Field{field("t", own(thing))}}, take)
	h.Func("look-and-take", &cm.FuncType{Params: []cm.Field{field("a", borrow), field("b", own(thing))}}, take)
	h.Func("take-all", &cm.FuncType{Params: []cm.Field{field("all", &cm.Type{Kind: cm.KindList, Elem: own(thing)})}}, nil)
	h.Func("many", &cm.FuncType{Result: &cm.Type{Kind: cm.KindTuple, Fields: []cm.Field{
		field("", own(thing)), field("", &cm.Type{Kind: cm.KindList, Elem: own(thing)}),
	}}}, func(context.Context, []cm.Val) (cm.Val, error) {
		things := make([]cm.Val, 7)
		for i := range things {
			made++
			last++
			things[i] = cm.ResourceVal(&cm.Resource{Type: thing, Rep: last})
		}
		return cm.ListVal([]cm.Val{things[0], cm.ListVal(things[1:])}), nil
	})
	return l, func() int { return made - dropped }
}

// TestHandles uses handles that were dropped, taken, lent or never were, and leaks them to the limit. All resources of
// the host are dropped in the end, each once.
func TestHandles(t *testing.T) {
	e := engine(t)
	answers := neighbour(t, e)
	l, left := thingsLinker(e)
	linked := hostileFile(t, e, l, "handles")
	for _, c := range []struct {
		name string
		code cm.TrapCode
	}{
		{name: "fine"},
		{name: "leak", code: cm.TrapHandlesFull},
		{name: "many", code: cm.TrapHandlesFull},
		{name: "never-was", code: cm.TrapBadHandle},
		{name: "zero", code: cm.TrapBadHandle},
		{name: "negative", code: cm.TrapBadHandle},
		{name: "dropped", code: cm.TrapBadHandle},
		{name: "dropped-twice", code: cm.TrapBadHandle},
		{name: "taken", code: cm.TrapBadHandle},
		{name: "lent", code: cm.TrapLent},
		{name: "twice-in-a-list", code: cm.TrapBadHandle},
		{name: "other-type", code: cm.TrapHandleType},
		{name: "drops-other-type", code: cm.TrapHandleType},
	} {
		t.Run(c.name, func(t *testing.T) {
			inst, err := linked.Instantiate(t.Context(), component.WithHandles(500))
			if err != nil {
				t.Fatal(err)
			}
			_, err = inst.Call(t.Context(), c.name)
			if c.code == "" && err != nil {
				t.Error(err)
			} else if c.code != "" {
				wantTrap(t, err, c.code)
				_, err = inst.Call(t.Context(), "fine")
				wantTrap(t, err, cm.TrapDead)
			}
			if err := inst.Close(t.Context()); err != nil {
				t.Errorf("close: %v", err)
			}
			if n := left(); n != 0 {
				t.Errorf("%d more resources were made than dropped", n)
			}
			answers()
		})
	}
}

// TestTrapInADestructor: a destructor that traps kills its instance also when it is the host that drops.
func TestTrapInADestructor(t *testing.T) {
	inst := resourcesInstance(t)
	c := mustCall(t, inst, counters, "[constructor]counter", cm.U32Val(666))
	err := inst.Drop(t.Context(), c.Resource())
	wantTrap(t, err, cm.TrapUnreachable)
	_, err = call(t, inst, counters, "dropped")
	wantTrap(t, err, cm.TrapDead)
}
