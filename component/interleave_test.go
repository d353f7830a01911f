package component_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
)

// player is an invocation on a goroutine of its own, which takes turns with others: whoever lets it go on waits until it has
// parked or ended, so that one goroutine at a time is inside the store.
type player struct {
	t      *testing.T
	waits  bool // what it does while it is parked is to wait
	resume chan struct{}
	paused chan struct{} // it has parked, or ended
	ended  bool
	result cm.Val
	err    error
}

type playerKey struct{}

// parkPlayer is the host function that players park in.
func parkPlayer(ctx context.Context) error {
	p, _ := ctx.Value(playerKey{}).(*player)
	if p == nil {
		return nil
	}
	if p.waits {
		defer cm.Waiting(ctx)()
	}
	p.paused <- struct{}{}
	<-p.resume
	return nil
}

// play begins a call, which has parked or ended when play returns.
func play(t *testing.T, ctx context.Context, inst *component.Instance, name string, args ...cm.Val) *player {
	t.Helper()
	p := &player{t: t, resume: make(chan struct{}), paused: make(chan struct{})}
	p.begin(ctx, inst, name, args...)
	return p
}

func (p *player) begin(ctx context.Context, inst *component.Instance, name string, args ...cm.Val) {
	p.t.Helper()
	f, err := inst.Func(root, name)
	if err != nil {
		p.t.Fatal(err)
	}
	go func() {
		p.result, p.err = f.Call(context.WithValue(ctx, playerKey{}, p), args...)
		p.ended = true
		p.paused <- struct{}{}
	}()
	<-p.paused
}

// goOn gives it its turn until it parks again or ends.
func (p *player) goOn() {
	p.t.Helper()
	if p.ended {
		p.t.Fatal("the call has ended already")
	}
	p.resume <- struct{}{}
	<-p.paused
}

// seen is a call that has ended, as hooks see it.
type seen struct {
	name string
	info cm.InstanceInfo
	end  cm.End
	took time.Duration
}

// watching sees all calls, by the player that they are made for.
type watching struct {
	slow  time.Duration // what each of its hooks takes
	mu    sync.Mutex
	calls map[*player][]seen
}

func (w *watching) Bind(b *cm.Boundary) cm.Hooks { return w }

func (w *watching) Enter(c *cm.Call) context.Context {
	time.Sleep(w.slow)
	c.State = time.Now()
	return c.Context
}

func (w *watching) Exit(c *cm.Call, end cm.End) {
	took := time.Since(c.State.(time.Time))
	time.Sleep(w.slow)
	w.mu.Lock()
	defer w.mu.Unlock()
	p, _ := c.Context.Value(playerKey{}).(*player)
	if w.calls == nil {
		w.calls = map[*player][]seen{}
	}
	w.calls[p] = append(w.calls[p], seen{c.Boundary.Kind.String() + " " + c.Boundary.Func, c.Instance, end, took})
}

// of finds the one call of a player over a kind of boundary.
func (w *watching) of(t *testing.T, p *player, kind cm.BoundaryKind) seen {
	t.Helper()
	var found []seen
	for _, s := range w.calls[p] {
		if len(s.name) > len(kind.String()) && s.name[:len(kind.String())] == kind.String() {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d calls %s: %+v", len(found), kind, w.calls[p])
	}
	return found[0]
}

func use(inst *component.Instance, id, fuel uint64) *component.Instance {
	return inst.Use(&component.Use{Info: cm.InstanceInfo{ID: id, Reuse: fmt.Sprint("kind ", id), Use: id}, Fuel: fuel})
}

// TestInterleavedInvocations: two invocations in one store, each parked in a host function while the other one runs, have
// each what is theirs: instance, fuel, times, limits, values, deadline and end.
func TestInterleavedInvocations(t *testing.T) {
	t.Run("what they are and use", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := &watching{}
			h := &turnsHost{park: parkPlayer}
			inst := h.instance(t, w)
			one, two := use(inst, 11, 0), use(inst, 22, 0)
			start := time.Now()
			a := &player{t: t, waits: true, resume: make(chan struct{}), paused: make(chan struct{})}
			a.begin(t.Context(), one, "a-run", cm.U32Val(1000))
			time.Sleep(time.Second)
			b := play(t, t.Context(), two, "b-run", cm.U32Val(5000))
			time.Sleep(2 * time.Second)
			a.goOn()
			time.Sleep(4 * time.Second)
			b.goOn()
			if !a.ended || !b.ended || a.err != nil || b.err != nil {
				t.Fatal(a.err, b.err)
			}
			if a.result.U32() != 1000 || b.result.U32() != 5000 {
				t.Errorf("context slots: %d and %d", a.result.U32(), b.result.U32())
			}
			for _, c := range []struct {
				p          *player
				id, work   uint64
				host, wait time.Duration
			}{{a, 11, 1000, 0, 3 * time.Second}, {b, 22, 5000, 6 * time.Second, 0}} {
				run, park := w.of(t, c.p, cm.HostToGuest), w.of(t, c.p, cm.GuestToHost)
				want := cm.InstanceInfo{ID: c.id, Reuse: fmt.Sprint("kind ", c.id), Use: c.id}
				if run.info != want || park.info != want {
					t.Errorf("instance %+v and %+v, want %+v", run.info, park.info, want)
				}
				if e := run.end; e.Host != c.host || e.Wait != c.wait || e.Guest != 0 || e.Callees != 0 || e.Host+e.Wait != run.took {
					t.Errorf("%d: times %+v of %v", c.id, e, run.took)
				}
				if e := park.end; e.Host != c.host || e.Wait != c.wait {
					t.Errorf("%d: times in the host %+v", c.id, e)
				}
				if f := run.end.Fuel; f < 2*c.work || f > 2*c.work+10 || run.end.FuelTotal != f {
					t.Errorf("%d: fuel %d of %d", c.id, f, 2*c.work)
				}
			}
			if time.Since(start) != 7*time.Second {
				t.Error(time.Since(start))
			}
		})
	})

	t.Run("fuel", func(t *testing.T) {
		h := &turnsHost{park: parkPlayer}
		inst := h.instance(t, nil)
		// Both have worked 1000 units when they park: each of them may do so much more as is left to it, however much the
		// other one does.
		a := play(t, t.Context(), use(inst, 1, 1500), "a-run", cm.U32Val(1000))
		b := play(t, t.Context(), use(inst, 2, 2500), "b-run", cm.U32Val(1000))
		if b.goOn(); !b.ended || b.err != nil {
			t.Errorf("within its fuel: %v", b.err)
		}
		c := play(t, t.Context(), use(inst, 3, 0), "b-run", cm.U32Val(20000))
		if c.goOn(); !c.ended || c.err != nil {
			t.Errorf("without a limit: %v", c.err)
		}
		a.goOn()
		wantTrap(t, a.err, cm.TrapFuel)
	})

	t.Run("refused growth", func(t *testing.T) {
		w := &watching{}
		h := &turnsHost{park: parkPlayer}
		inst := h.instance(t, w, component.WithMemory(4<<16))
		a := play(t, t.Context(), use(inst, 1, 0), "a-grow", cm.U32Val(100)) // it is refused, and parks
		b := play(t, t.Context(), use(inst, 2, 0), "b-run", cm.U32Val(1))
		b.goOn() // and asks first
		a.goOn()
		if a.err != nil || b.err != nil || a.result.S32() != -1 {
			t.Fatal(a.err, b.err, a.result)
		}
		if l := w.of(t, b, cm.HostToGuest).end.Limit; l != nil {
			t.Errorf("who grew nothing is told of %v", l)
		}
		if l := w.of(t, a, cm.HostToGuest).end.Limit; l == nil || l.Limit != "memory" {
			t.Errorf("who was refused memory is told of %v", l)
		}
	})

	for _, late := range []string{"deadline", "cancelled", "a trap of somebody's"} {
		t.Run(late, func(t *testing.T) {
			w := &watching{}
			h := &turnsHost{park: parkPlayer}
			inst := h.instance(t, w)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			want := cm.TrapCancel
			cause := context.Canceled
			switch late {
			case "deadline":
				cause, want = context.DeadlineExceeded, cm.TrapDeadline
			case "a trap of somebody's":
				cause, want = &cm.Trap{Code: cm.TrapOverload, Detail: "stop"}, cm.TrapOverload
			}
			a := play(t, ctx, use(inst, 1, 0), "a-spin")
			b := play(t, t.Context(), use(inst, 2, 0), "b-run", cm.U32Val(100_000))
			c := play(t, t.Context(), use(inst, 3, 0), "both", cm.U32Val(100_000)) // parked in the front, before it calls
			cancel(cause)
			if b.goOn(); !b.ended || b.err != nil || b.result.U32() != 100_000 {
				t.Errorf("who is not meant: %v", b.err)
			}
			if a.goOn(); !a.ended {
				t.Fatal("it goes on")
			}
			wantTrap(t, a.err, want)
			if end := w.of(t, a, cm.HostToGuest).end; end.Err == nil || end.Outcome != cm.OutcomeOf(a.err) {
				t.Errorf("its end: %+v", end)
			}
			// The guest is dead from here on, for what has become of its state nobody knows; who is still in it hears that, and
			// no reason that is another's.
			c.goOn()
			wantTrap(t, c.err, cm.TrapDead)
			var trap *cm.Trap
			if errors.As(c.err, &trap) && trap.Boundary == nil {
				t.Error("a trap of no boundary")
			}
		})
	}

	t.Run("values", func(t *testing.T) {
		type key struct{}
		type value struct {
			component.Instance // of no use but to be large enough to have an address
			id                 uint64
		}
		var values []*value
		made := uint64(0)
		closed := map[*value]bool{}
		h := &turnsHost{park: func(ctx context.Context) error {
			v := component.TaskValue(ctx, key{}, func() any { made++; return &closer[*value]{&value{id: made}, closed} }).(*closer[*value])
			values = append(values, v.of)
			_ = parkPlayer(ctx)
			again := component.TaskValue(ctx, key{}, func() any { return nil })
			if again != any(v) {
				t.Error("another value after its turn")
			}
			if component.StoreValue(ctx, key{}, func() any { return new(int) }) == any(v) {
				t.Error("the store's value is the task's")
			}
			return nil
		}}
		inst := h.instance(t, nil)
		one, two := use(inst, 1, 0), use(inst, 2, 0)
		a := play(t, t.Context(), one, "a-run", cm.U32Val(1))
		b := play(t, t.Context(), two, "b-run", cm.U32Val(1))
		a.goOn()
		b.goOn()
		again := play(t, t.Context(), one, "a-run", cm.U32Val(1)) // a second call of the same invocation
		again.goOn()
		if a.err != nil || b.err != nil || again.err != nil || len(values) != 3 || values[0] == values[1] || values[2] != values[0] {
			t.Fatalf("%v %v %v: %v", a.err, b.err, again.err, values)
		}
		if err := one.End(); err != nil || !closed[values[0]] || closed[values[1]] {
			t.Errorf("the end of one: %v, closed %v", err, closed)
		}
		if err := inst.Release(t.Context()); err != nil || !closed[values[1]] {
			t.Errorf("the store's release: %v, closed %v", err, closed)
		}
	})

	t.Run("recursion is of one chain of calls", func(t *testing.T) {
		var inner error
		h := &turnsHost{}
		var inst *component.Instance
		h.park = func(ctx context.Context) error {
			if _, ok := ctx.Value(playerKey{}).(*player); ok {
				return parkPlayer(ctx)
			}
			f, err := inst.Func(root, "b-run") // from inside a-run
			if err == nil {
				_, inner = f.Call(ctx, cm.U32Val(1))
			}
			return err
		}
		inst = h.instance(t, nil)
		b := play(t, t.Context(), use(inst, 2, 0), "both", cm.U32Val(1))
		mustCall(t, inst, root, "a-run", cm.U32Val(1))
		wantTrap(t, inner, cm.TrapCannotEnter)
		// A component that somebody else is in is entered when they have left.
		done := make(chan error)
		go func() {
			f, err := inst.Func(root, "both")
			if err == nil {
				_, err = f.Call(t.Context(), cm.U32Val(1))
			}
			done <- err
		}()
		for !b.ended {
			select {
			case err := <-done:
				t.Fatalf("two are in one component: %v", err)
			default:
			}
			b.goOn()
		}
		if err := <-done; b.err != nil || err != nil {
			t.Errorf("%v, %v", b.err, err)
		}
	})
}

// closer is a value that notes that it was closed.
type closer[T comparable] struct {
	of     T
	closed map[T]bool
}

func (c *closer[T]) Close() error { c.closed[c.of] = true; return nil }

// TestTimesAddUp: what a call has spent in its own code, in the host, waiting and in callees is all the time that it took,
// at every level; and a callee's time and fuel are the callee's.
func TestTimesAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watching{}
		n := 0
		h := &turnsHost{park: func(ctx context.Context) error {
			n++
			time.Sleep(time.Duration(n) * time.Second) // 1 s in the front, 2 s in a, 3 s in b
			defer cm.Waiting(ctx)()
			time.Sleep(time.Duration(10*n) * time.Second)
			return nil
		}}
		inst := h.instance(t, w)
		start := time.Now()
		if got := mustCall(t, inst, root, "both", cm.U32Val(1000)); got.U32() != 3000 {
			t.Errorf("got %d", got.U32())
		}
		calls := w.calls[nil]
		if len(calls) != 6 {
			t.Fatalf("%d calls", len(calls))
		}
		const s = time.Second
		for i, want := range []cm.End{
			{Host: 1 * s, Wait: 10 * s},
			{Host: 2 * s, Wait: 20 * s},
			{Host: 2 * s, Wait: 20 * s}, // a
			{Host: 3 * s, Wait: 30 * s},
			{Host: 3 * s, Wait: 30 * s}, // b
			{Host: 1 * s, Wait: 10 * s, Callees: 55 * s},
		} {
			got := calls[i].end
			if got.Host != want.Host || got.Wait != want.Wait || got.Callees != want.Callees {
				t.Errorf("%s: %+v, want %+v", calls[i].name, got, want)
			}
			if sum := got.Guest + got.Host + got.Wait + got.Callees; sum != calls[i].took {
				t.Errorf("%s: own, host, wait and callees are %v, of %v", calls[i].name, sum, calls[i].took)
			}
		}
		a, b, front := calls[2].end, calls[4].end, calls[5].end
		if a.Fuel < 2000 || b.Fuel-a.Fuel != 2000 || front.Fuel > 20 || front.FuelTotal != front.Fuel+a.Fuel+b.Fuel {
			t.Errorf("fuel: front %d of %d, a %d, b %d", front.Fuel, front.FuelTotal, a.Fuel, b.Fuel)
		}
		if time.Since(start) != 66*s {
			t.Error(time.Since(start))
		}
	})
}

// TestHooksTakeNoGuestTime: what it takes to watch a call is no guest time of whoever makes it.
func TestHooksTakeNoGuestTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watching{slow: time.Hour}
		inst := (&turnsHost{}).instance(t, w)
		mustCall(t, inst, root, "both", cm.U32Val(1000))
		for _, c := range w.calls[nil] {
			if c.end.Guest != 0 || c.end.Wait != 0 || c.end.Host+c.end.Callees != c.took {
				t.Errorf("%s: %+v of %v", c.name, c.end, c.took)
			}
		}
	})
}

// TestOwnGuestTime: work that is done in a component is that component's own guest time, and in the total of its callers.
func TestOwnGuestTime(t *testing.T) {
	w := &watching{}
	inst := (&turnsHost{}).instance(t, w)
	mustCall(t, inst, root, "both", cm.U32Val(20_000_000))
	a, b, front := w.calls[nil][2], w.calls[nil][4], w.calls[nil][5]
	if front.end.Guest >= a.end.Guest || a.end.Guest >= b.end.Guest {
		t.Errorf("guest times: front %v, a %v, b %v", front.end.Guest, a.end.Guest, b.end.Guest)
	}
	if total := front.end.Guest + a.end.Guest + b.end.Guest; front.end.GuestTotal != total || a.end.GuestTotal != a.end.Guest {
		t.Errorf("total %v, want %v", front.end.GuestTotal, total)
	}
	for _, c := range []seen{a, b, front} {
		if sum := c.end.Guest + c.end.Host + c.end.Wait + c.end.Callees; sum > c.took || c.took-sum > c.took/2 {
			t.Errorf("%s: parts of %v in %v", c.name, sum, c.took)
		}
	}
}
