package instance

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/cm/bind"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/handle"
	"github.com/vitrine-wasm/vitrine/internal/cm/plan"
	"github.com/vitrine-wasm/vitrine/internal/core"
)

// turns is testdata/turns with a host of its own: calls stop half way in park.
type turns struct {
	t      *testing.T
	linked *Linked
	park   func(ctx context.Context) error
	look   func(ctx context.Context, r *cm.Resource) (cm.Val, error)
	thing  *cm.ResourceType
	drops  int
}

func newTurns(t *testing.T, i cm.Interceptor) *turns { return newTurnsWith(t, i, false) }

// newTurnsWith is newTurns, with park as a plain function if plain is set: others wait while a call is in it.
func newTurnsWith(t *testing.T, i cm.Interceptor, plain bool) *turns {
	t.Helper()
	ctx := context.Background()
	wasm, err := os.ReadFile("../../../testdata/turns/turns.wasm")
	if err != nil {
		t.Fatal(err)
	}
	def, err := binary.Decode(wasm)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Make([]plan.Part{{Name: "turns", Component: def}}, func(module []byte) ([]plan.CoreImport, error) {
		names, err := core.ImportNames(module)
		out := make([]plan.CoreImport, len(names))
		for i, n := range names {
			out[i] = plan.CoreImport(n)
		}
		return out, err
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := core.NewEngine(ctx, core.Config{})
	if err != nil {
		t.Fatal(err)
	}
	h := &turns{t: t}
	h.thing = &cm.ResourceType{Name: "thing", Drop: func(context.Context, *cm.Resource) error { h.drops++; return nil }}
	funcs := map[string]cm.HostFunc{
		"make": func(context.Context, []cm.Val) (cm.Val, error) { return bind.LowerHandle(h.thing, 1), nil },
		"look": func(ctx context.Context, args []cm.Val) (cm.Val, error) {
			if h.look == nil {
				return cm.Val{}, nil
			}
			return h.look(ctx, args[0].Resource())
		},
	}
	host := Host{Resources: map[int]*cm.ResourceType{}, Func: func(ref plan.ImportRef) HostFunc {
		name := p.Imports[ref.Import].Funcs[ref.Func].Name
		if name == "park" && plain {
			return HostFunc{Call: func(context.Context, []cm.Val) (cm.Val, error) { return cm.Val{}, nil }}
		}
		if name == "park" {
			return HostFunc{Parts: h.parts}
		}
		return HostFunc{Call: funcs[name]}
	}}
	for _, im := range p.Imports {
		for _, r := range im.Resources {
			host.Resources[r.Slot] = h.thing
		}
	}
	if h.linked, err = Link(ctx, e, p, host, i); err != nil {
		t.Fatal(err)
	}
	modules, _, err := Compile(ctx, e, p)
	if err != nil {
		t.Fatal(err)
	}
	h.linked.Complete(modules)
	t.Cleanup(func() {
		if err := errors.Join(h.linked.Close(ctx), e.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	return h
}

// parts is the host function park: others may have the store while a call is parked in it.
func (h *turns) parts(context.Context, []cm.Val) (cm.Work, error) {
	return func(ctx context.Context) cm.Finish {
		var err error
		if h.park != nil {
			err = h.park(ctx)
		}
		return func(context.Context) (cm.Val, error) { return cm.Val{}, err }
	}, nil
}

func (h *turns) store(o Options) *Store {
	h.t.Helper()
	s, err := h.linked.NewStore(context.Background(), o)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

func (h *turns) call(ctx context.Context, i *Invocation, name string, args ...cm.Val) (cm.Val, error) {
	return i.Call(ctx, h.linked.Export("", name), args)
}

func use(s *Store, info cm.InstanceInfo) *Invocation {
	i := &Invocation{}
	i.Begin(s, &info, 0)
	return i
}

func trapOf(t *testing.T, err error, code cm.TrapCode) *cm.Trap {
	t.Helper()
	var trap *cm.Trap
	if !errors.As(err, &trap) || trap.Code != code {
		t.Fatalf("got %v, want a trap with code %s", err, code)
	}
	return trap
}

// runner is a call on a goroutine of its own: one at a time of all of them runs.
type runner struct {
	resume, paused chan struct{}
	result         cm.Val
	err            error
}

type runnerKey struct{}

func (h *turns) begin(ctx context.Context, i *Invocation, name string, args ...cm.Val) *runner {
	r := &runner{resume: make(chan struct{}), paused: make(chan struct{})}
	go func() {
		r.result, r.err = h.call(context.WithValue(ctx, runnerKey{}, r), i, name, args...)
		r.paused <- struct{}{}
	}()
	<-r.paused
	return r
}

func (r *runner) goOn() error {
	r.resume <- struct{}{}
	<-r.paused
	return r.err
}

func parkRunner(ctx context.Context) error {
	if r, ok := ctx.Value(runnerKey{}).(*runner); ok {
		r.paused <- struct{}{}
		<-r.resume
	}
	return nil
}

// TestSynchronousCallsWait: while a call is parked in the host, others may be in other component instances of the store, and
// one that comes to the same one waits until it can have it.
func TestSynchronousCallsWait(t *testing.T) {
	h := newTurns(t, nil)
	h.park = parkRunner
	s := h.store(Options{})
	first := h.begin(t.Context(), s.Own(), "a-run", cm.U32Val(1))
	other := h.begin(t.Context(), s.Own(), "b-run", cm.U32Val(2))
	second := make(chan *runner)
	go func() { second <- h.begin(t.Context(), s.Own(), "a-run", cm.U32Val(3)) }()
	if err := other.goOn(); err != nil || other.result.U32() != 2 {
		t.Errorf("the other one: %v, %v", other.result, err)
	}
	select {
	case <-second:
		t.Error("two are in one component instance")
	default:
	}
	if err := first.goOn(); err != nil || first.result.U32() != 1 {
		t.Errorf("the first one: %v, %v", first.result, err)
	}
	last := <-second
	if err := last.goOn(); err != nil || last.result.U32() != 3 {
		t.Errorf("the one that waited: %v, %v", last.result, err)
	}

	first = h.begin(t.Context(), s.Own(), "a-run", cm.U32Val(1))
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := h.call(ctx, s.Own(), "a-run", cm.U32Val(2))
		gone <- err
	}()
	cancel()
	trapOf(t, <-gone, cm.TrapCancel)
	_ = first.goOn()
}

// TestDeadStoreStaysDead: who was parked when the store died never runs guest code again, and the one who comes later does
// not either; each is given a trap of its own.
func TestDeadStoreStaysDead(t *testing.T) {
	h := newTurns(t, nil)
	h.park = parkRunner
	s := h.store(Options{})
	a := h.begin(t.Context(), s.Own(), "a-run", cm.U32Val(1))
	h.park = func(context.Context) error { return errors.New("odd") }
	_, err := h.call(t.Context(), s.Own(), "b-run", cm.U32Val(1))
	trapOf(t, err, cm.TrapHost)
	one := trapOf(t, a.goOn(), cm.TrapDead)
	_, err = h.call(t.Context(), s.Own(), "b-run", cm.U32Val(1))
	if two := trapOf(t, err, cm.TrapDead); one == two {
		t.Error("two calls share a trap")
	}
	if s.dead.Boundary != nil || s.dead.Stack != nil {
		t.Errorf("the store's own has become %+v", s.dead)
	}
}

// TestInvocationsEnd: what an invocation keeps is closed at its end, once, youngest first; a store that is released ends
// those that have not.
func TestInvocationsEnd(t *testing.T) {
	h := newTurns(t, nil)
	s := h.store(Options{})
	var closed []string
	keep := func(i *Invocation, names ...string) {
		for _, n := range names {
			i.Value(n, func() any { return closing{n, &closed} })
			i.Value(n, func() any { t.Errorf("%s is made again", n); return nil })
		}
	}
	one, two := use(s, cm.InstanceInfo{ID: 1}), use(s, cm.InstanceInfo{ID: 2})
	keep(one, "a", "b")
	keep(two, "c", "d", "e", "f", "g")
	keep(s.Own(), "own")
	s.Value("store", func() any { return closing{"store", &closed} })
	for range 2 {
		if err := one.End(); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(closed, []string{"b", "a"}) {
		t.Errorf("closed %v", closed)
	}
	for range 2 {
		if err := s.Release(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(closed, []string{"b", "a", "g", "f", "e", "d", "c", "own", "store"}) || len(s.invocations) != 0 {
		t.Errorf("closed %v; %d are left", closed, len(s.invocations))
	}
}

type closing struct {
	name   string
	closed *[]string
}

func (c closing) Close() error { *c.closed = append(*c.closed, c.name); return nil }

// TestLendsAreTheCalls: a handle is lent as long as the call runs that it is an argument of, whatever comes of that; what
// the guest still owns when it traps is let go of with the store.
func TestLendsAreTheCalls(t *testing.T) {
	for _, fails := range []bool{false, true} {
		h := newTurns(t, nil)
		s := h.store(Options{})
		lends := func() (n int) {
			for i := range s.instances {
				for handle := uint32(1); handle < 4; handle++ {
					if e, err := s.instances[i].table.Get(handle, nil); err == nil {
						n += int(e.Lends)
					}
				}
			}
			return n
		}
		h.look = func(_ context.Context, r *cm.Resource) (cm.Val, error) {
			if lends() != 1 || r.Dropped {
				t.Errorf("%d lent, dropped %t", lends(), r.Dropped)
			}
			if fails {
				panic("odd")
			}
			return cm.Val{}, nil
		}
		_, err := h.call(t.Context(), s.Own(), "use")
		if lends() != 0 {
			t.Errorf("%d are lent after the call", lends())
		}
		if fails {
			trapOf(t, err, cm.TrapPanic)
		} else if err != nil {
			t.Error(err)
		}
		if err := s.Close(t.Context()); err != nil || h.drops != 1 {
			t.Errorf("fails %t: dropped %d times, %v", fails, h.drops, err)
		}
	}
}

// TestReleaseOutlivesPanics: a destructor of the host's that panics keeps no other one from its turn, and no store open.
func TestReleaseOutlivesPanics(t *testing.T) {
	h := newTurns(t, nil)
	h.thing.Drop = func(context.Context, *cm.Resource) error { h.drops++; panic("odd") }
	s := h.store(Options{})
	for range 3 {
		if _, err := s.instances[1].table.Add(handle.Own(cm.NewResource(h.thing, 1))); err != nil {
			t.Fatal(err)
		}
	}
	trapOf(t, s.Drop(t.Context(), cm.NewResource(h.thing, 1)), cm.TrapPanic)
	trapOf(t, s.Close(t.Context()), cm.TrapPanic)
	if h.drops != 4 || s.group.Memory() != 0 {
		t.Errorf("%d dropped, %d bytes of memory are left", h.drops, s.group.Memory())
	}
}

// TestOneTaskCostsNothing: a call by itself allocates its task and no more; a call between guests one; a call of the host none.
func TestOneTaskCostsNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	h := newTurnsWith(t, nil, true)
	s := h.store(Options{})
	args := []cm.Val{cm.U32Val(1)}
	for name, want := range map[string]float64{"a-run": 1, "both": 3} {
		f := h.linked.Export("", name)
		n := testing.AllocsPerRun(100, func() {
			if _, err := s.Call(context.Background(), f, args); err != nil {
				t.Fatal(err)
			}
		})
		if n > want+1 { // and what its arguments are lifted into
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
