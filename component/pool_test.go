package component_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wit"
)

// poolWatch is an interceptor that notes operations and gauges.
type poolWatch struct {
	mu     sync.Mutex
	ops    []string
	gauges map[string]cm.Gauge
}

func (w *poolWatch) Bind(*cm.Boundary) cm.Hooks { return nil }

func (w *poolWatch) Begin(ctx context.Context, op *cm.Operation) (context.Context, func(error)) {
	return ctx, func(err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ops = append(w.ops, op.Name)
	}
}

func (w *poolWatch) Gauge(c cm.Path, g cm.Gauge) (stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gauges == nil {
		w.gauges = map[string]cm.Gauge{}
	}
	name := string(c) + " " + g.Name
	w.gauges[name] = g
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.gauges, name)
	}
}

func (w *poolWatch) read(name string) (all []int64) {
	w.mu.Lock()
	g := w.gauges[name]
	w.mu.Unlock()
	g.Read(func(v int64, _ ...cm.Attr) { all = append(all, v) })
	return all
}

// pooled makes a pool of a test component whose imports are those of testdata/reset: what it asks for is always 0.
func pooled(t *testing.T, file string, i cm.Interceptor, c component.PoolConfig) *component.Pool {
	t.Helper()
	ctx := context.Background()
	e := engine(t)
	wasm, err := os.ReadFile("../testdata/" + file + ".wasm")
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := e.Load(ctx, "guest", wasm)
	if err != nil {
		t.Fatal(err)
	}
	l := e.NewLinker(i)
	host := l.Instance(wit.MustParseID("test:reset/host"))
	thing := &cm.ResourceType{Name: "thing"}
	host.Resource("thing", thing)
	host.GoFunc("mode", func() uint32 { return 0 })
	host.GoFunc("roll", func() uint32 { return 0 })
	host.Func("make", &cm.FuncType{Result: cm.OwnOf(thing)}, func(context.Context, []cm.Val) (cm.Val, error) {
		return cm.ResourceVal(cm.NewResource(thing, 1)), nil
	})
	linked, err := l.Link(ctx, loaded)
	if err != nil {
		t.Fatal(err)
	}
	p, err := component.NewPool(linked, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(ctx); err != nil {
			t.Error(err)
		}
		if s := p.Stats(); s != (component.PoolStats{}) {
			t.Errorf("%+v are left", s)
		}
		if err := linked.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return p
}

func trapCode(err error) cm.TrapCode {
	var t *cm.Trap
	if errors.As(err, &t) {
		return t.Code
	}
	return ""
}

// bump is what a use of a new instance of testdata/reset gives, and of one that another has used.
func bump(ctx context.Context, inst *component.Instance) error {
	v, err := inst.Call(ctx, "bump")
	if err == nil && v != uint32(11) {
		return errors.New("the instance is as another use left it")
	}
	return err
}

// TestPoolIsolation: no use sees another's state, whether instances are reset or used once; ready ones are there at the start and
// come back.
func TestPoolIsolation(t *testing.T) {
	for _, c := range []struct {
		name   string
		config component.PoolConfig
		reuse  []string // of four uses
	}{
		{"as it is", component.PoolConfig{}, []string{"fresh", "fresh", "reset", "reset"}},
		{"ready", component.PoolConfig{Ready: 1}, []string{"fresh", "reset", "reset", "reset"}},
		{"initialised", component.PoolConfig{Ready: 1, Isolation: component.Initialised}, []string{"fresh", "reset", "reset", "reset"}},
		{"once", component.PoolConfig{Ready: 1, SingleUse: true}, []string{"fresh", "fresh", "fresh", "fresh"}},
	} {
		w := &poolWatch{}
		c.config.Constant = func(*cm.Boundary) bool { return true }
		p := pooled(t, "reset/reset", w, c.config)
		if err := p.Prewarm(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s := p.Stats(); s.Idle != c.config.Ready {
			t.Errorf("%s: %+v", c.name, s)
		}
		var reuse []string
		ids := map[uint64]bool{}
		for range c.reuse {
			err := p.Run(t.Context(), func(ctx context.Context, inst *component.Instance) error {
				info := inst.Info()
				reuse = append(reuse, info.Reuse)
				ids[info.ID] = true
				return bump(ctx, inst)
			})
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if !slices.Equal(reuse, c.reuse) || len(ids) != len(c.reuse) {
			t.Errorf("%s: %v, with %d identities", c.name, reuse, len(ids))
		}
		if got := slices.Contains(w.ops, "reset"); got != slices.Contains(c.reuse, "reset") || !slices.Contains(w.ops, "instantiate") {
			t.Errorf("%s: the interceptor saw %v", c.name, w.ops)
		}
	}
}

// TestPoolRun: what f does decides what becomes of its instance; its error, its panic and the end of its goroutine reach its caller.
func TestPoolRun(t *testing.T) {
	own := errors.New("f's own")
	for _, c := range []struct {
		name  string
		f     func(ctx context.Context, inst *component.Instance) error
		check func(error) bool
		reuse string // of the next use
	}{
		{"nothing", bump, func(err error) bool { return err == nil }, "reset"},
		{"an error", func(context.Context, *component.Instance) error { return own }, func(err error) bool { return err == own }, "reset"},
		{"a trap", func(ctx context.Context, inst *component.Instance) error {
			_, err := inst.Call(ctx, "fail")
			return err
		}, func(err error) bool { return trapCode(err) == cm.TrapUnreachable }, "fresh"},
		{"a trap that is hidden", func(ctx context.Context, inst *component.Instance) error {
			_, _ = inst.Call(ctx, "fail")
			return nil
		}, func(err error) bool { return err == nil }, "fresh"},
		{"an exit", func(context.Context, *component.Instance) error { return &cm.ExitError{} }, func(err error) bool { return err != nil }, "fresh"},
		{"a panic", func(context.Context, *component.Instance) error { panic(own) }, func(err error) bool { return errors.Is(err, own) }, "fresh"},
		{"the end of the goroutine", func(context.Context, *component.Instance) error { runtime.Goexit(); return nil }, func(err error) bool { return err == nil }, "fresh"},
	} {
		p := pooled(t, "reset/reset", nil, component.PoolConfig{Max: 1, Ready: 1, Constant: func(*cm.Boundary) bool { return true }})
		if err := p.Prewarm(t.Context()); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			var err error
			defer func() {
				if p := recover(); p != nil {
					err = p.(error)
				}
				done <- err
			}()
			err = p.Run(t.Context(), c.f)
		}()
		if err := <-done; !c.check(err) {
			t.Errorf("%s: %v", c.name, err)
		}
		err := p.Run(t.Context(), func(ctx context.Context, inst *component.Instance) error {
			if got := inst.Info().Reuse; got != c.reuse {
				t.Errorf("%s: the next instance is %s, want %s", c.name, got, c.reuse)
			}
			return bump(ctx, inst)
		})
		if err != nil {
			t.Errorf("%s: the next use: %v", c.name, err)
		}
	}
}

// TestPoolLimits: the store's limits and the deadline are those of each use.
func TestPoolLimits(t *testing.T) {
	for _, c := range []struct {
		name, file, call string
		config           component.PoolConfig
		code             cm.TrapCode
	}{
		{"deadline", "hostile/start", "", component.PoolConfig{Deadline: 20 * time.Millisecond}, cm.TrapDeadline},
		{"fuel", "hostile/start", "", component.PoolConfig{Store: []component.StoreOption{component.WithFuel(1e6)}}, cm.TrapFuel},
		{"memory", "reset/reset", "", component.PoolConfig{Store: []component.StoreOption{component.WithMemory(1)}}, cm.TrapMemory},
	} {
		p := pooled(t, c.file, nil, c.config)
		for range 3 { // and nothing is used up
			err := p.Run(t.Context(), func(context.Context, *component.Instance) error { return nil })
			if trapCode(err) != c.code {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if s := p.Stats(); s != (component.PoolStats{}) {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
	p := pooled(t, "hostile/start", nil, component.PoolConfig{Ready: 1, Deadline: 20 * time.Millisecond})
	if err := p.Prewarm(t.Context()); trapCode(err) != cm.TrapDeadline {
		t.Errorf("prewarm: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Run(ctx, bump); trapCode(err) != cm.TrapCancel {
		t.Errorf("a caller that has gone: %v", err)
	}
}

// TestPoolBounds: one too many is refused, the state can be seen, and Close ends what is left.
func TestPoolBounds(t *testing.T) {
	w := &poolWatch{}
	var log bytes.Buffer
	p := pooled(t, "reset/reset", w, component.PoolConfig{Max: 2, Queue: 1, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Store: []component.StoreOption{component.WithMemory(1 << 20)}})
	inside, leave := make(chan struct{}), make(chan struct{})
	errs := make(chan error, 3)
	for range 2 {
		go func() {
			errs <- p.Run(t.Context(), func(ctx context.Context, _ *component.Instance) error {
				inside <- struct{}{}
				select {
				case <-leave:
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			})
		}()
	}
	<-inside
	<-inside
	go func() { errs <- p.Run(t.Context(), bump) }()
	for p.Stats().Waiting == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := p.Run(t.Context(), bump); trapCode(err) != cm.TrapOverload || errors.Is(err, cm.ErrStopping) {
		t.Errorf("one too many: %v", err)
	}
	for name, want := range map[string][]int64{"instances": {2, 0, 0, 0}, "instances.limit": {2}, "instances.ready": {0},
		"invocations.waiting": {1}, "invocations.waiting.limit": {1}, "memory.limit": {1 << 20}} {
		if got := w.read("guest " + name); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	leave <- struct{}{}
	for range 2 { // the one, and the one that waited
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if err := p.Close(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := <-errs; !errors.Is(err, cm.ErrStopping) || trapCode(err) != cm.TrapCancel {
		t.Errorf("what was left ended with %v", err)
	}
	if err := p.Run(t.Context(), bump); trapCode(err) != cm.TrapOverload || !errors.Is(err, cm.ErrStopping) {
		t.Errorf("after Close: %v", err)
	}
	if len(w.gauges) != 0 || !strings.Contains(log.String(), "longer than the time to drain") {
		t.Errorf("%d gauges are left; said:\n%s", len(w.gauges), log.String())
	}
	if !slices.Contains(w.ops, "pool wait") {
		t.Errorf("the interceptor saw %v", w.ops)
	}
}

// TestPoolTogether: many goroutines use a pool, and none sees what another left.
func TestPoolTogether(t *testing.T) {
	p := pooled(t, "reset/reset", &poolWatch{}, component.PoolConfig{Max: 3, Ready: 2, Constant: func(*cm.Boundary) bool { return true }})
	var inside, most atomic.Int64
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for n := range 60 {
				err := p.Run(t.Context(), func(ctx context.Context, inst *component.Instance) error {
					now := inside.Add(1)
					defer inside.Add(-1)
					for was := most.Load(); now > was && !most.CompareAndSwap(was, now); was = most.Load() {
					}
					if (g+n)%7 == 0 {
						_, err := inst.Call(ctx, "fail")
						return err
					}
					return bump(ctx, inst)
				})
				if err != nil && trapCode(err) != cm.TrapUnreachable {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if most.Load() > 3 {
		t.Errorf("%d ran at once", most.Load())
	}
}

// TestPoolConfig: what contradicts itself is no pool.
func TestPoolConfig(t *testing.T) {
	p := pooled(t, "reset/reset", nil, component.PoolConfig{})
	for _, c := range []component.PoolConfig{{Max: -1}, {Ready: -1}, {Idle: -1}, {Deadline: -1}, {Max: 2, Ready: 3}, {Isolation: 99}} {
		if _, err := component.NewPool(p.Linked(), c); err == nil || !strings.HasPrefix(err.Error(), "component guest: ") {
			t.Errorf("%+v: %v", c, err)
		}
	}
	none, err := component.NewPool(p.Linked(), component.PoolConfig{Max: 1, Queue: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer none.Close(context.Background())
	err = none.Run(t.Context(), func(ctx context.Context, _ *component.Instance) error {
		return none.Run(ctx, bump)
	})
	if trapCode(err) != cm.TrapOverload {
		t.Errorf("without a queue: %v", err)
	}
}
