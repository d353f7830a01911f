package host

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/workload"
)

func (f *fixture) entry() *entry { return f.hand.inv.(*invoker).entries["guest"] }

func (f *fixture) stats() component.PoolStats { return f.entry().pool.Stats() }

// until waits for what happens in the background.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 10_000 {
		if ok() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%s: it does not happen", what)
}

// TestReady: instances are made before the triggers are attached, and the first invocations use them.
func TestReady(t *testing.T) {
	const ready = 5
	for _, isolation := range []string{"fresh", "snapshot"} {
		f := newFixture(t, func(_ *Config, w *workload.Spec) {
			n := ready
			w.Components[0].Instances = workload.Instances{Isolation: isolation, Ready: &n}
		})
		f.start(t)
		got := f.rec.take()
		_, got, _ = strings.Cut(got, "end link false\n")
		// The first one is made alone: the others share its snapshot.
		head := "begin instances ready guest\nbegin instantiate guest\nend instantiate false\nbegin instantiate guest\n"
		tail := "\nend instantiate false\nend instances ready false\nbegin trigger ready \nend trigger ready false\nend workload start false"
		if !strings.HasPrefix(got, head) || !strings.HasSuffix(got, tail) || strings.Count(got, "begin instantiate guest\n") != ready {
			t.Errorf("got\n%s", got)
		}
		if n := f.stats().Idle; n != ready {
			t.Errorf("%d instances are idle", n)
		}
		ids := map[uint64]bool{}
		inner := func() { // all at once, so that each is used
			var calls func(left int)
			calls = func(left int) {
				if left == 0 {
					return
				}
				err := f.hand.inv.Invoke(t.Context(), &Invocation{Component: "guest", Trigger: "hand", Run: func(ctx context.Context, inst *component.Instance) error {
					info := inst.Info()
					if info.Reuse != "fresh" || ids[info.ID] {
						t.Errorf("%+v, after %v", info, ids)
					}
					ids[info.ID] = true
					calls(left - 1)
					_, err := inst.Call(ctx, "say")
					return err
				}})
				if err != nil {
					t.Error(err)
				}
			}
			calls(ready)
		}
		inner()
		if got := f.rec.take(); strings.Contains(got, "instantiate") || len(ids) != ready {
			t.Errorf("%d instances were used; got\n%s", len(ids), got)
		}
		if info, err := f.used(t, "say"); err != nil || info.Reuse != "reset" || ids[info.ID] {
			t.Errorf("%+v, %v", info, err)
		}
		if err := f.Close(t.Context()); err != nil || f.stats().Idle != 0 {
			t.Errorf("%v, %d instances are left", err, f.stats().Idle)
		}
	}
}

// TestReadyOf: what events of the workload reach has one instance ready, what runs once has none.
func TestReadyOf(t *testing.T) {
	none, two, http := 0, 2, []workload.TriggerSpec{{Type: "http", Component: "a"}}
	timer := []workload.TriggerSpec{{Type: "timer", Component: "a"}}
	for _, c := range []struct {
		name     string
		triggers []workload.TriggerSpec
		ready    *int
		want     int
	}{
		{"a", nil, nil, 0}, {"a", http, nil, 1}, {"a", timer, nil, 1}, {"b", http, nil, 0},
		{"a", http, &none, 0}, {"a", http, &two, 2}, {"a", nil, &two, 2},
	} {
		w := &workload.Spec{Triggers: c.triggers}
		if got := readyOf(w, &workload.Component{Name: c.name, Instances: workload.Instances{Ready: c.ready}}); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// TestReadyFails: a component that cannot be initialised keeps its workload from starting, and the triggers never hear
// of it. Asked for no ready instances, it starts and fails with each event.
func TestReadyFails(t *testing.T) {
	spin := func(c *workload.Component) {
		c.Source.File = filepath.Join("..", "testdata", "hostile", "start.wasm")
	}
	for _, c := range []struct {
		name   string
		change func(c *workload.Component)
		code   cm.TrapCode
	}{
		{"a loop", func(c *workload.Component) { spin(c); c.Limits.Fuel = 1e6 }, cm.TrapFuel},
		{"a loop that takes time", func(c *workload.Component) { spin(c); c.Limits.Deadline = 30 * time.Millisecond }, cm.TrapDeadline},
		{"a loop among many", func(c *workload.Component) { spin(c); c.Limits.Fuel = 1e6; *c.Instances.Ready = 9 }, cm.TrapFuel},
		{"memory", func(c *workload.Component) { c.Limits.Memory = 1 }, cm.TrapMemory},
	} {
		f := newFixture(t, func(_ *Config, w *workload.Spec) {
			w.Components[0].Instances.Ready = new(int)
			*w.Components[0].Instances.Ready = 1
			c.change(&w.Components[0])
		})
		_, err := f.Start(t.Context(), f.spec)
		var ready *ReadyError
		if !errors.As(err, &ready) || ready.Component != "guest" || code(err) != c.code || !strings.Contains(err.Error(), "component guest: no instance can be made: ") {
			t.Errorf("%s: %v", c.name, err)
		}
		if s, err := f.Status(t.Context(), f.spec.ID()); err != nil || s.State != workload.Failed || f.hand.inv != nil {
			t.Errorf("%s: %+v, %v", c.name, s, err)
		}
		*f.spec.Components[0].Instances.Ready = 0
		f.start(t)
		if err := f.call(t.Context(), "say"); code(err) != c.code {
			t.Errorf("%s: with none ready: %v", c.name, err)
		}
	}
	f := newFixture(t, func(_ *Config, w *workload.Spec) {
		ready := 5
		w.Components[0].Instances = workload.Instances{Max: 4, Ready: &ready}
	})
	if _, err := f.Start(t.Context(), f.spec); err == nil || !strings.Contains(err.Error(), "5 instances are to be ready, and 4 at most may run") {
		t.Errorf("more than may run: %v", err)
	}
	if _, err := f.Check(t.Context(), f.spec); err == nil {
		t.Error("more than may run: the check finds nothing")
	}
}

// TestStartIsInterrupted: instances that are being made do not hold up an end of the start.
func TestStartIsInterrupted(t *testing.T) {
	f := newFixture(t, func(_ *Config, w *workload.Spec) {
		ready := 1
		w.Components[0].Source.File = "testdata/starts.wasm"
		w.Components[0].Instances.Ready = &ready
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-f.sys.waiting
		cancel()
	}()
	if _, err := f.Start(ctx, f.spec); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestReadyStays: instances go away after their idle time, down to those that are to be ready.
func TestReadyStays(t *testing.T) {
	const ready, most = 2, 5
	f := newFixture(t, func(_ *Config, w *workload.Spec) {
		n := ready
		w.Components[0].Instances = workload.Instances{Idle: 5 * time.Millisecond, Ready: &n}
	})
	f.start(t)
	for range 3 {
		errs := make(chan error, most)
		for range most {
			go func() { errs <- f.call(t.Context(), "wait") }()
		}
		for range most {
			<-f.sys.waiting
		}
		for range most {
			f.sys.release <- struct{}{}
		}
		for range most {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		until(t, "what is not needed goes away", func() bool { return f.stats().Idle == ready })
		time.Sleep(20 * time.Millisecond)
		if n := f.stats().Idle; n != ready {
			t.Errorf("%d instances are idle, long after", n)
		}
	}
	f.rec.take()
	if _, err := f.used(t, "say"); err != nil {
		t.Error(err)
	}
	if got := f.rec.take(); strings.Contains(got, "instantiate") {
		t.Errorf("got\n%s", got)
	}
}

// TestResetAhead: initialisation that runs again does so behind the event that the instance was used by, and outside of
// it; the next event finds the instance ready.
func TestResetAhead(t *testing.T) {
	f := newFixture(t, func(_ *Config, w *workload.Spec) {
		ready := 1
		w.Components[0].Source.File = "testdata/starts.wasm"
		w.Components[0].Instances.Ready = &ready
	})
	proceed := func(what string) {
		t.Helper()
		<-f.sys.waiting
		f.rec.note("%s", what)
		f.sys.release <- struct{}{}
	}
	go proceed("initialised at the start")
	f.start(t)
	if got := f.rec.take(); !strings.Contains(got, "begin instantiate guest\ninitialised at the start\nend instantiate false\nend instances ready false\nbegin trigger ready") {
		t.Errorf("got\n%s", got)
	}
	for range 3 {
		go proceed("initialised")
		if err := f.call(t.Context(), "say"); err != nil {
			t.Error(err)
		}
		want := "enter hand→guest say\nrun, call true, mark event\nsettle <nil>\nexit ok <nil>\nbegin reset guest\ninitialised\nend reset false"
		if got := f.rec.take(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	// The workload's end does not wait for an instance that nobody is going to use.
	done := make(chan error, 1)
	go func() { done <- f.call(t.Context(), "say") }()
	<-f.sys.waiting
	if n := f.stats().Resetting; n != 1 {
		t.Errorf("%d instances are made ready", n)
	}
	if err := f.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := f.stats().Idle; n != 0 {
		t.Errorf("%d instances are left", n)
	}
}

// TestResetBehindAQueue: where somebody waits, the slot is handed over at once, and the instance as it is.
func TestResetBehindAQueue(t *testing.T) {
	f := newFixture(t, func(_ *Config, w *workload.Spec) {
		ready := 1
		w.Components[0].Instances = workload.Instances{Max: 1, Queue: 1, Ready: &ready}
	})
	f.start(t)
	f.rec.take()
	errs := make(chan error, 2)
	go func() { errs <- f.call(t.Context(), "wait") }()
	<-f.sys.waiting
	go func() { errs <- f.call(t.Context(), "say") }()
	until(t, "the second waits", func() bool { return f.stats().Waiting == 1 })
	f.sys.release <- struct{}{}
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	// The second resets what it takes, and then, as nobody waits, leaves it ready.
	_, second, _ := strings.Cut(f.rec.take(), "begin pool wait guest\n")
	if n := strings.Count(second, "begin reset guest\n"); n != 2 {
		t.Errorf("%d resets behind the wait:\n%s", n, second)
	}
	if before, _, _ := strings.Cut(second, "\nsettle <nil>\nexit ok <nil>\nbegin reset"); !strings.Contains(before, "begin reset guest\nend reset false\nrun, call") {
		t.Errorf("the reset is not part of the event that waited:\n%s", second)
	}
}

// TestRefill: what cannot be kept is replaced, in the background, and no invocation waits for it.
func TestRefill(t *testing.T) {
	const ready = 3
	for _, c := range []struct{ guest, call string }{{"fixed", "say"}, {"guest", "trap"}} {
		f := newFixture(t, func(_ *Config, w *workload.Spec) {
			n := ready
			w.Components[0].Source.File = filepath.Join("testdata", c.guest+".wasm")
			w.Components[0].Instances.Ready = &n
		})
		f.start(t)
		for range 5 {
			f.rec.take()
			info, err := f.used(t, c.call)
			if (err != nil) != (c.call == "trap") || info.Reuse != "fresh" {
				t.Errorf("%s: %+v, %v", c.guest, info, err)
			}
			if event, _, _ := strings.Cut(f.rec.take(), "\nexit "); strings.Contains(event, "instantiate") {
				t.Errorf("%s: got\n%s", c.guest, event)
			}
			until(t, c.guest+" is replaced", func() bool { return f.stats().Idle == ready })
		}
		if err := f.Close(t.Context()); err != nil || f.stats().Idle != 0 {
			t.Errorf("%v, %d instances are left", err, f.stats().Idle)
		}
	}
}

// TestRefillBehindAQueue: what is lost while others wait is replaced when they have given up.
func TestRefillBehindAQueue(t *testing.T) {
	f := newFixture(t, func(_ *Config, w *workload.Spec) {
		ready := 1
		w.Components[0].Instances = workload.Instances{Max: 1, Queue: 5, Ready: &ready}
	})
	f.start(t)
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 3)
	go func() { errs <- f.call(ctx, "wait") }()
	<-f.sys.waiting
	for range 2 {
		go func() { errs <- f.call(ctx, "say") }()
	}
	until(t, "two wait", func() bool { return f.stats().Waiting == 2 })
	cancel()
	for range 3 {
		if err := <-errs; code(err) != cm.TrapCancel {
			t.Error(err)
		}
	}
	until(t, "the instance is replaced", func() bool { return f.stats().Idle == 1 })
}

// TestBurst: of many invocations at once as many run and wait as may, the others are refused at once; the pool is whole
// afterwards.
func TestBurst(t *testing.T) {
	const most, queue, burst = 4, 6, 60
	f := newFixture(t, func(_ *Config, w *workload.Spec) {
		ready := 2
		w.Components[0].Instances = workload.Instances{Max: most, Queue: queue, Ready: &ready}
	})
	f.start(t)
	for range 3 {
		var ok, refused atomic.Int64
		var wg sync.WaitGroup
		for range burst {
			wg.Go(func() {
				switch err := f.call(t.Context(), "wait"); {
				case err == nil:
					ok.Add(1)
				case code(err) == cm.TrapOverload && strings.Contains(err.Error(), "4 instances run and 6 invocations wait"):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		until(t, "the others are refused", func() bool { return refused.Load() == burst-most-queue })
		if n, w := f.stats().Busy, f.stats().Waiting; n != most || w != queue || ok.Load() != 0 {
			t.Errorf("%d run, %d wait, %d are done", n, w, ok.Load())
		}
		for range most + queue {
			<-f.sys.waiting
			f.sys.release <- struct{}{}
		}
		wg.Wait()
		if n, w := f.stats().Busy, f.stats().Waiting; n != 0 || w != 0 || ok.Load() != most+queue {
			t.Errorf("%d run, %d wait, %d are done, at the end", n, w, ok.Load())
		}
		if n := f.stats().Idle; n < 1 || n > most {
			t.Errorf("%d instances are idle", n)
		}
	}
}

// TestMany: thousands of ready instances are made, used, and closed.
func TestMany(t *testing.T) {
	const ready = 2000
	f := newFixture(t, func(_ *Config, w *workload.Spec) {
		n := ready
		w.Components[0].Instances = workload.Instances{Max: ready, Ready: &n, Idle: time.Millisecond}
	})
	f.start(t)
	for range 100 {
		if _, err := f.used(t, "say"); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.stats().Idle; n != ready {
		t.Errorf("%d instances are idle", n)
	}
	if err := f.Close(t.Context()); err != nil || f.stats().Idle != 0 {
		t.Errorf("%v, %d instances are left", err, f.stats().Idle)
	}
}

// gauged is an interceptor that remembers gauges.
type gauged struct {
	*recorder
	mu     sync.Mutex
	gauges map[string]cm.Gauge
}

func (g *gauged) Component(*workload.Spec, *workload.Component) ComponentObserver { return g }
func (g *gauged) Gauge(_ cm.Path, x cm.Gauge) func() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gauges[x.Name] = x
	return func() {}
}

func (g *gauged) read() string {
	var rows []string
	for _, name := range []string{"instances", "instances.limit", "instances.ready", "invocations.waiting", "invocations.waiting.limit"} {
		g.gauges[name].Read(func(v int64, attrs ...cm.Attr) {
			for _, a := range attrs {
				name += fmt.Sprint(" ", a.Value)
			}
			rows = append(rows, fmt.Sprintf("%s %d", strings.TrimPrefix(name, "instances "), v))
			name, _, _ = strings.Cut(name, " ")
		})
	}
	return strings.Join(rows, ", ")
}

// TestGauges: the state of a pool can be seen.
func TestGauges(t *testing.T) {
	f := newFixture(t, nil)
	g := &gauged{recorder: f.rec, gauges: map[string]cm.Gauge{}}
	ready := 2
	f.cfg.Observer = g
	f.spec.Components[0].Instances = workload.Instances{Max: 2, Queue: 7, Ready: &ready}
	f.start(t)
	errs := make(chan error, 3)
	for range 2 {
		go func() { errs <- f.call(t.Context(), "wait") }()
		<-f.sys.waiting
	}
	limits := ", leaving 0, instances.limit 2, instances.ready 2, invocations.waiting %d, invocations.waiting.limit 7"
	go func() { errs <- f.call(t.Context(), "say") }()
	until(t, "the third waits", func() bool { return f.stats().Waiting == 1 })
	if got, want := g.read(), fmt.Sprintf("busy 2, resetting 0, idle 0"+limits, 1); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	close(f.sys.release)
	for range 3 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got, want := g.read(), fmt.Sprintf("busy 0, resetting 0, idle 2"+limits, 0); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
