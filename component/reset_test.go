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

// resetHost is what testdata/reset asks.
type resetHost struct {
	mode    uint32
	rolled  uint32
	made    int
	dropped int
	closed  int
	value   int // of the store, made anew how often
	ops     []string
	attrs   map[string]any
}

type closing struct{ h *resetHost }

func (c *closing) Close() error { c.h.closed++; return nil }

type plainKey struct{}
type closingKey struct{}

func (h *resetHost) link(t *testing.T, i component.Isolation) (make func(...component.StoreOption) *component.Instance) {
	t.Helper()
	return h.linkFile(t, i, "reset")
}

func (h *resetHost) linkFile(t *testing.T, i component.Isolation, name string) (make func(...component.StoreOption) *component.Instance) {
	t.Helper()
	ctx := context.Background()
	e := engine(t)
	wasm, err := os.ReadFile("../testdata/reset/" + name + ".wasm")
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.Load(ctx, "reset", wasm)
	if err != nil {
		t.Fatal(err)
	}
	l := e.NewLinker(h)
	host := l.Instance(wit.MustParseID("test:reset/host"))
	thing := &cm.ResourceType{Name: "thing", Drop: func(context.Context, *cm.Resource) error { h.dropped++; return nil }}
	host.Resource("thing", thing)
	u32 := cm.TypeU32
	host.Func("mode", &cm.FuncType{Result: u32}, func(context.Context, []cm.Val) (cm.Val, error) { return cm.U32Val(h.mode), nil })
	host.Func("roll", &cm.FuncType{Result: u32}, func(ctx context.Context, _ []cm.Val) (cm.Val, error) {
		component.StoreValue(ctx, plainKey{}, func() any { h.value++; return new(int) })
		component.StoreValue(ctx, closingKey{}, func() any { return &closing{h} })
		h.rolled++
		return cm.U32Val(h.rolled), nil
	})
	host.Func("make", &cm.FuncType{Result: cm.OwnOf(thing)}, func(context.Context, []cm.Val) (cm.Val, error) {
		h.made++
		return cm.ResourceVal(cm.NewResource(thing, h.made)), nil
	})
	linked, err := l.Link(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	constant := func(b *cm.Boundary) bool { return b.Func == "mode" }
	return func(more ...component.StoreOption) *component.Instance {
		opts := append([]component.StoreOption{component.WithReset(i, constant), component.WithMemory(3 << 16)}, more...)
		inst, err := linked.Instantiate(ctx, opts...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := inst.Close(ctx); err != nil {
				t.Error(err)
			}
		})
		return inst
	}
}

func (h *resetHost) Bind(*cm.Boundary) cm.Hooks { return nil }

func (h *resetHost) Begin(ctx context.Context, op *cm.Operation) (context.Context, func(error)) {
	return ctx, func(error) {
		h.ops = append(h.ops, op.Name)
		h.attrs = map[string]any{}
		for _, a := range op.Attrs {
			h.attrs[a.Key] = a.Value
		}
	}
}

func ask(t *testing.T, inst *component.Instance, name string, args ...any) any {
	t.Helper()
	v, err := inst.Call(context.Background(), name, args...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

func reset(t *testing.T, inst *component.Instance) {
	t.Helper()
	if err := inst.Reset(context.Background(), cm.InstanceInfo{ID: 9, Reuse: "reset"}); err != nil {
		t.Fatal(err)
	}
	if err := component.CheckSnapshot(inst); err != nil {
		t.Fatal(err)
	}
}

// reason is why an instance cannot be reset.
func reason(err error) string {
	var why *component.ResetError
	if errors.As(err, &why) {
		return why.Reason
	}
	return ""
}

func TestResetForgets(t *testing.T) {
	h := &resetHost{}
	inst := h.link(t, component.Fresh)()
	for round := range 4 {
		if v := ask(t, inst, "bump"); v != uint32(11) {
			t.Fatalf("round %d: the first bump gives %v", round, v)
		}
		ask(t, inst, "bump")
		if n, v := ask(t, inst, "keep"), ask(t, inst, "grow", uint32(1)); n != uint32(1) || v != uint32(1) {
			t.Errorf("round %d: handle %v, %v pages", round, n, v)
		}
		reset(t, inst)
		if h.made != round+1 || h.dropped != round+1 {
			t.Errorf("round %d: %d resources made, %d dropped", round, h.made, h.dropped)
		}
		if info := inst.Info(); info.ID != 9 || info.Reuse != "reset" {
			t.Errorf("info %+v", info)
		}
		if inst.Fuel() != 0 {
			t.Errorf("round %d: fuel %d", round, inst.Fuel())
		}
	}
	if last := h.ops[len(h.ops)-1]; last != "reset" || h.attrs["reset.initialises"] != false {
		t.Errorf("the last operation was %s %v", last, h.attrs)
	}
}

// TestResetPoint: where the snapshot lies, and what each use sees of what initialisation drew.
func TestResetPoint(t *testing.T) {
	for _, c := range []struct {
		name      string
		mode      uint32
		isolation component.Isolation
		seeds     [3]uint32
	}{
		{"nothing asked", 0, component.Fresh, [3]uint32{7, 7, 7}},
		{"drawn, fresh", 1, component.Fresh, [3]uint32{1, 2, 3}},
		{"drawn, shared", 1, component.Initialised, [3]uint32{1, 1, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &resetHost{mode: c.mode}
			inst := h.link(t, c.isolation)()
			for round, want := range c.seeds {
				if round > 0 {
					reset(t, inst)
				}
				if v := ask(t, inst, "seed"); v != want {
					t.Errorf("round %d: seed %v, want %d", round, v, want)
				}
				if v := ask(t, inst, "bump"); v != uint32(11) {
					t.Errorf("round %d: bump %v", round, v)
				}
			}
			if c.mode == 0 {
				return
			}
			// A value that was there at the snapshot stays; one that is closed ends with each use.
			reset(t, inst)
			again := c.isolation == component.Fresh
			if component.Reinitialised(inst) != again || (h.value > 1) != again {
				t.Errorf("initialised again %v, the store's value was made %d times", component.Reinitialised(inst), h.value)
			}
			if want := map[bool]int{true: 3, false: 1}[again]; h.closed != want {
				t.Errorf("%d values were closed, want %d", h.closed, want)
			}
		})
	}
}

// TestInitialisationVaries: an instance that asks where those before it did not has no snapshot that would be right.
func TestInitialisationVaries(t *testing.T) {
	h := &resetHost{}
	make := h.link(t, component.Fresh)
	if err := make().Resettable(); err != nil {
		t.Fatal(err)
	}
	h.mode = 1
	if got := reason(make().Resettable()); got != "initialisation-varies" {
		t.Errorf("got %q", got)
	}
	if got := h.attrs["not_resettable"]; got != "initialisation-varies" {
		t.Errorf("the operation says %v", got)
	}
	third := make()
	reset(t, third)
	if a := ask(t, third, "seed"); a != uint32(3) {
		t.Errorf("seed %v", a)
	}
}

func TestResetWithResources(t *testing.T) {
	h := &resetHost{mode: 2}
	inst := h.link(t, component.Initialised)()
	for round := range 3 {
		if n := ask(t, inst, "keep"); n != uint32(2) {
			t.Errorf("round %d: handle %v; the first is of initialisation", round, n)
		}
		reset(t, inst)
	}
	if h.made != 4 || h.dropped != 3 {
		t.Errorf("%d made, %d dropped", h.made, h.dropped)
	}
	ask(t, inst, "lose")
	if got := reason(inst.Reset(t.Context(), cm.InstanceInfo{})); got != "live-resources" {
		t.Errorf("after the resource of initialisation was dropped: %q", got)
	}
	h = &resetHost{mode: 2}
	inst = h.link(t, component.Fresh)()
	for range 3 {
		ask(t, inst, "lose")
		reset(t, inst)
	}
	if h.made != 4 || h.dropped != 3 {
		t.Errorf("fresh: %d made, %d dropped", h.made, h.dropped)
	}
}

func TestResetMakesResourcesStale(t *testing.T) {
	h := &resetHost{}
	inst := h.link(t, component.Fresh)()
	r := ask(t, inst, "mine").(*cm.Resource)
	reset(t, inst)
	if err := inst.Drop(t.Context(), r); err == nil {
		t.Error("a resource from before the reset was dropped")
	}
	if err := inst.Drop(t.Context(), ask(t, inst, "mine").(*cm.Resource)); err != nil {
		t.Error(err)
	}
}

func TestResetRefused(t *testing.T) {
	for _, c := range []struct {
		name      string
		isolation component.Isolation
		before    func(inst *component.Instance)
		want      string
	}{
		{"not asked for", component.NoReset, func(*component.Instance) {}, "not-wanted"},
		{"trapped", component.Fresh, func(i *component.Instance) { _, _ = i.Call(context.Background(), "fail") }, "trapped"},
		{"grown to the end", component.Fresh, func(i *component.Instance) { _, _ = i.Call(context.Background(), "grow", uint32(2)) }, "memory-grown"},
		{"closed", component.Fresh, func(i *component.Instance) { _ = i.Close(context.Background()) }, "closed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inst := (&resetHost{}).link(t, c.isolation)()
			c.before(inst)
			if got := reason(inst.Reset(t.Context(), cm.InstanceInfo{})); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestRefusalIsTold: that a component cannot be reset is told of each of its instances, also of those that nobody tries it
// with any more.
func TestRefusalIsTold(t *testing.T) {
	h := &resetHost{}
	make := h.link(t, component.Fresh)
	inst := make(component.WithoutReset("table-changed"))
	if got := reason(inst.Resettable()); got != "table-changed" || h.attrs["not_resettable"] != "table-changed" {
		t.Errorf("got %q, the operation says %v", got, h.attrs)
	}
	if make(); h.attrs["not_resettable"] != nil {
		t.Errorf("of one that can be reset the operation says %v", h.attrs)
	}
}

// TestInitialisationHeedsItsContext: an instance whose initialisation fails when it runs again is of no use.
func TestInitialisationHeedsItsContext(t *testing.T) {
	h := &resetHost{mode: 1}
	inst := h.link(t, component.Fresh)()
	h.mode = 3
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := inst.Reset(ctx, cm.InstanceInfo{})
	var trap *cm.Trap
	if !errors.As(err, &trap) || trap.Code != cm.TrapDeadline {
		t.Errorf("got %v", err)
	}
	if got := reason(inst.Resettable()); got != "trapped" {
		t.Errorf("then %q", got)
	}
}

// TestResetInTurn: modules that initialise one after the other do so again, each from what it was when it was made.
func TestResetInTurn(t *testing.T) {
	h := &resetHost{}
	inst := h.linkFile(t, component.Fresh, "order")()
	for round := uint32(1); round < 5; round++ {
		if v := ask(t, inst, "sum"); v != 1000+round+101 {
			t.Errorf("round %d: %v", round, v)
		}
		reset(t, inst)
	}
	if !component.Reinitialised(inst) {
		t.Error("initialisation did not run again")
	}
}

func TestStartOrder(t *testing.T) {
	if got := reason((&resetHost{}).linkFile(t, component.Fresh, "filled")().Resettable()); got != "start-order" {
		t.Errorf("got %q", got)
	}
	inst := (&resetHost{}).linkFile(t, component.Initialised, "filled")()
	ask(t, inst, "sum")
	reset(t, inst)
}
