package host

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// recorder is an observer that writes down what it sees.
type recorder struct {
	mu     sync.Mutex
	events []string
	lines  []LogLine

	released  atomic.Int64
	onRelease func()
}

func (r *recorder) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, fmt.Sprintf(format, args...))
}

func (r *recorder) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := strings.Join(r.events, "\n")
	r.events = nil
	return s
}

func (r *recorder) Component(*workload.Spec, *workload.Component) ComponentObserver { return r }
func (r *recorder) Host() cm.Interceptor                                            { return r }
func (r *recorder) Bind(b *cm.Boundary) cm.Hooks                                    { return r }
func (r *recorder) CountDropped(context.Context, LogLine, uint64)                   {}
func (r *recorder) Release() {
	r.released.Add(1)
	if r.onRelease != nil {
		r.onRelease()
	}
}

type markKey struct{}

func (r *recorder) Enter(c *cm.Call) context.Context {
	if c.Boundary.Kind == cm.Event {
		r.note("enter %s→%s %s", c.Boundary.Caller, c.Boundary.Callee, c.Boundary.Func)
	}
	return context.WithValue(c.Context, markKey{}, c.Boundary.Kind)
}

func (r *recorder) Exit(c *cm.Call, e cm.End) {
	if c.Boundary.Kind == cm.Event {
		r.note("exit %s %v", e.Outcome, e.Err)
	}
}

func (r *recorder) Begin(ctx context.Context, op *cm.Operation) (context.Context, func(error)) {
	r.note("begin %s %s", op.Name, op.Component)
	return ctx, func(err error) { r.note("end %s %v", op.Name, err != nil) }
}

func (r *recorder) Log(ctx context.Context, l LogLine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, l)
}

// sys is the plugin that the guest imports.
type sys struct {
	waiting chan struct{} // told when a guest waits
	release chan struct{}
	stopped bool
	freed   atomic.Int64
}

var (
	_ Plugin  = (*sys)(nil)
	_ Stopper = (*sys)(nil)
)

func (p *sys) Name() string               { return "sys" }
func (p *sys) Serves() []wit.InterfaceID  { return []wit.InterfaceID{wit.MustParseID("test:host/sys")} }
func (p *sys) Stop(context.Context) error { p.stopped = true; return nil }
func (p *sys) Bind(_ context.Context, l *component.Linker, b *Binding) (release func(), err error) {
	write := b.Lines.Stream("stdout")
	h := l.Instance(wit.MustParseID("test:host/sys"))
	h.GoFunc("write", func(ctx context.Context, s string) error { return write(ctx, []byte(s)) })
	h.GoFunc("wait", func(ctx context.Context) error {
		p.waiting <- struct{}{}
		select {
		case <-p.release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	config := l.Instance(wit.MustParseID("wasi:config/store@0.2.0"))
	config.GoFunc("size", func() uint32 { return uint32(len(b.Component.Config)) })
	return func() { p.freed.Add(1) }, nil
}

// hand is a trigger that the tests pull.
type hand struct {
	inv      Invoker
	detached atomic.Bool
}

func (h *hand) Type() string { return "hand" }
func (h *hand) Attach(_ context.Context, _ *workload.Spec, inv Invoker) (func(context.Context) error, error) {
	h.inv = inv
	return func(context.Context) error { h.detached.Store(true); return nil }, nil
}
func (h *hand) Run(ctx context.Context) error { <-ctx.Done(); return nil }

type fixture struct {
	*Local
	rec  *recorder
	sys  *sys
	hand *hand
	spec *workload.Spec
}

func newFixture(t *testing.T, change func(c *Config, w *workload.Spec)) *fixture {
	t.Helper()
	engine, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close(context.Background()) })
	f := &fixture{rec: &recorder{}, hand: &hand{}}
	f.sys = &sys{waiting: make(chan struct{}, 10), release: make(chan struct{})}
	f.spec = &workload.Spec{Name: "w", Components: []workload.Component{{Name: "guest", Source: workload.Source{File: "testdata/guest.wasm"}}}}
	c := Config{Engine: engine, Plugins: []Plugin{f.sys}, Triggers: []Trigger{f.hand}, Observer: f.rec}
	if change != nil {
		change(&c, f.spec)
	}
	if f.Local, err = New(c); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) start(t *testing.T) {
	t.Helper()
	if _, err := f.Start(t.Context(), f.spec); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close(context.Background()) })
}

// call invokes an export and notes when it runs and settles.
func (f *fixture) call(ctx context.Context, name string) error {
	return f.hand.inv.Invoke(ctx, &Invocation{
		Component: "guest", Trigger: "hand", Name: name,
		Run: func(ctx context.Context, inst *component.Instance) error {
			f.rec.note("run, call %v, mark %v", cm.CallFrom(ctx) != nil, ctx.Value(markKey{}))
			_, err := inst.Call(ctx, name)
			return err
		},
		Settle: func(_ context.Context, err error) { f.rec.note("settle %v", err) },
	})
}

func code(err error) cm.TrapCode {
	var t *cm.Trap
	if errors.As(err, &t) {
		return t.Code
	}
	return ""
}

func TestStartIsTraced(t *testing.T) {
	f := newFixture(t, nil)
	f.start(t)
	want := `begin workload start 
begin artifact read guest
end artifact read false
begin decode guest
end decode false
begin validate guest
end validate false
begin plugin bind guest
end plugin bind false
begin plan guest
end plan false
begin link guest
begin compile guest
end compile false
end link false
begin trigger ready 
end trigger ready false
end workload start false`
	if got := f.rec.take(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestInvocationOrder(t *testing.T) {
	f := newFixture(t, nil)
	f.start(t)
	f.rec.take()
	for _, c := range []struct {
		name, outcome string
		code          cm.TrapCode
	}{
		{"say", "ok <nil>", ""},
		{"trap", "trap trap: unreachable", cm.TrapUnreachable},
	} {
		err := f.call(t.Context(), c.name)
		if code(err) != c.code {
			t.Errorf("%s: got %v", c.name, err)
		}
		want := fmt.Sprintf("enter hand→guest %s\nbegin instantiate guest\nend instantiate false\nrun, call true, mark event\nsettle %v\nexit %s", c.name, err, c.outcome)
		if got := f.rec.take(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, want)
		}
	}
	if f.sys.stopped || f.hand.detached.Load() {
		t.Error("stopped before Close")
	}
	if err := f.Close(t.Context()); err != nil || !f.sys.stopped || !f.hand.detached.Load() {
		t.Errorf("close: %v, %+v", err, f.sys)
	}
	if err := f.call(t.Context(), "say"); code(err) != cm.TrapOverload {
		t.Errorf("after close: %v", err)
	}
}

// TestLines: half a line comes out when its store closes, not with another store's.
func TestLines(t *testing.T) {
	f := newFixture(t, nil)
	f.start(t)
	for range 2 {
		if err := f.call(t.Context(), "say"); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, l := range f.rec.lines {
		if l.Component != "guest" || l.Stream != "stdout" || l.Severity != SeverityInfo || l.Workload != "w" {
			t.Errorf("line %+v", l)
		}
		got = append(got, l.Text)
	}
	if want := []string{"whole", "half", "whole", "half"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDeadlineAndCancel(t *testing.T) {
	for _, export := range []string{"spin", "wait"} {
		f := newFixture(t, func(_ *Config, w *workload.Spec) { w.Components[0].Limits.Deadline = 50 * time.Millisecond })
		f.start(t)
		f.rec.take()
		err := f.call(t.Context(), export)
		if code(err) != cm.TrapDeadline || !strings.Contains(err.Error(), "longer than 50ms") {
			t.Errorf("%s: got %v", export, err)
		}
		if got := f.rec.take(); !strings.Contains(got, "\nexit aborted trap: deadline") {
			t.Errorf("%s: got\n%s", export, got)
		}
	}
	f := newFixture(t, nil)
	f.start(t)
	f.rec.take()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-f.sys.waiting
		cancel()
	}()
	if err := f.call(ctx, "wait"); code(err) != cm.TrapCancel {
		t.Errorf("cancelled: %v", err)
	}
	if got := f.rec.take(); !strings.Contains(got, "\nexit cancelled trap: cancelled") {
		t.Errorf("cancelled: got\n%s", got)
	}
}

func TestPoolIsBounded(t *testing.T) {
	f := newFixture(t, func(_ *Config, w *workload.Spec) { w.Components[0].Instances = workload.Instances{Max: 1, Queue: 1} })
	f.start(t)
	errs := make(chan error, 2)
	go func() { errs <- f.call(t.Context(), "wait") }()
	<-f.sys.waiting
	go func() { errs <- f.call(t.Context(), "say") }()
	for f.stats().Waiting == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := f.call(t.Context(), "say"); code(err) != cm.TrapOverload {
		t.Errorf("third: %v", err)
	}
	close(f.sys.release)
	for range 2 {
		if err := <-errs; err != nil {
			t.Errorf("first two: %v", err)
		}
	}
}

func TestPanicIsATrap(t *testing.T) {
	f := newFixture(t, nil)
	f.start(t)
	f.rec.take()
	err := f.hand.inv.Invoke(t.Context(), &Invocation{Component: "guest", Trigger: "hand",
		Run: func(context.Context, *component.Instance) error { panic("oops") }})
	if code(err) != cm.TrapBug || !strings.Contains(err.Error(), "oops") {
		t.Errorf("got %v", err)
	}
	if got := f.rec.take(); !strings.Contains(got, "exit aborted") {
		t.Errorf("got\n%s", got)
	}
}

func TestStopDrainsAndEnds(t *testing.T) {
	for _, drains := range []bool{true, false} {
		f := newFixture(t, func(c *Config, _ *workload.Spec) { c.Drain = 50 * time.Millisecond })
		f.start(t)
		ctx, cancel := context.WithCancel(t.Context())
		var states []workload.State
		watched := make(chan struct{})
		go func() {
			defer close(watched)
			for e := range f.Watch(ctx) {
				states = append(states, e.State)
				if e.State == workload.Stopped {
					return
				}
			}
		}()
		for watching := false; !watching; runtime.Gosched() {
			f.mu.Lock()
			watching = len(f.watchers) > 0
			f.mu.Unlock()
		}
		errs := make(chan error, 1)
		go func() { errs <- f.call(t.Context(), "wait") }()
		<-f.sys.waiting
		if drains {
			close(f.sys.release)
		}
		if err := f.Stop(t.Context(), "w"); err != nil {
			t.Errorf("drains %v: stop: %v", drains, err)
		}
		want := cm.TrapCode("")
		if !drains {
			want = cm.TrapCancel
		}
		if err := <-errs; code(err) != want {
			t.Errorf("drains %v: invocation: %v", drains, err)
		}
		<-watched
		cancel()
		if got := states[len(states)-2:]; !reflect.DeepEqual(got, []workload.State{workload.Draining, workload.Stopped}) {
			t.Errorf("states %v", states)
		}
		if s, err := f.Status(t.Context(), "w"); err != nil || s.State != workload.Stopped {
			t.Errorf("status %+v, %v", s, err)
		}
	}
}

func TestStartFails(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(c *Config, w *workload.Spec)
		want   string
	}{
		{"no file", func(_ *Config, w *workload.Spec) { w.Components[0].Source.File = "testdata/nope.wasm" }, "no such file"},
		{"no component", func(_ *Config, w *workload.Spec) { w.Components[0].Source.File = "testdata/guest.wat" }, "guest: "},
		{"an image", func(_ *Config, w *workload.Spec) { w.Components[0].Source = workload.Source{Image: "x"} }, "images are not supported"},
		{"no plugin", func(c *Config, _ *workload.Spec) { c.Plugins = nil }, "import test:host/sys"},
		{"no trigger", func(_ *Config, w *workload.Spec) {
			w.Triggers = []workload.TriggerSpec{{Type: "http", Component: "guest"}}
		}, "no trigger of type http"},
		{"isolation", func(_ *Config, w *workload.Spec) { w.Components[0].Instances.Isolation = "shared" }, "shared is not supported"},
		{"uses", func(_ *Config, w *workload.Spec) { w.Components[0].Instances.Uses = 3 }, "with isolation reuse only"},
		{"a service", func(_ *Config, w *workload.Spec) { w.Services = []workload.Service{{Component: "guest"}} }, "does not export wasi:cli/run"},
	} {
		f := newFixture(t, c.change)
		id, err := f.Start(t.Context(), f.spec)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
		if s, _ := f.Status(t.Context(), id); s.State != workload.Failed || s.Reason == "" {
			t.Errorf("%s: status %+v", c.name, s)
		}
		if err := f.Close(t.Context()); err != nil {
			t.Errorf("%s: close: %v", c.name, err)
		}
	}
	f := newFixture(t, nil)
	f.start(t)
	if _, err := f.Start(t.Context(), f.spec); err == nil || !strings.Contains(err.Error(), "running already") {
		t.Errorf("twice: %v", err)
	}
}

func TestLinkedComponents(t *testing.T) {
	pair := func(front, back map[string]string) *workload.Spec {
		return &workload.Spec{Name: "pair", Components: []workload.Component{
			{Name: "guest", Source: workload.Source{File: filepath.Join("testdata", "front.wasm")}, Links: map[string]string{"test:link/numbers": "back"}, Config: front},
			{Name: "back", Source: workload.Source{File: filepath.Join("testdata", "back.wasm")}, Config: back},
		}}
	}
	bound := settings{}
	f := newFixture(t, func(c *Config, _ *workload.Spec) { c.Plugins = append(c.Plugins, bound) })
	f.spec = pair(map[string]string{"a": "front"}, map[string]string{"a": "back"})
	f.start(t)
	var sum any
	err := f.hand.inv.Invoke(t.Context(), &Invocation{Component: "guest", Trigger: "hand",
		Run: func(ctx context.Context, inst *component.Instance) (err error) {
			sum, err = inst.Call(ctx, "sum")
			return err
		}})
	if err != nil || sum != uint32(42) {
		t.Errorf("sum %v, %v", sum, err)
	}
	if err := f.hand.inv.Invoke(t.Context(), &Invocation{Component: "back", Trigger: "hand"}); err == nil {
		t.Error("a component that is only linked to was reached by an event")
	}
	if bound["guest"]["a"] != "front" || bound["back"]["a"] != "back" || len(bound) != 2 {
		t.Errorf("bound %v: each component has its own settings", bound)
	}
}

// settings is a plugin that serves nothing and remembers what each component was bound with.
type settings map[string]map[string]string

func (settings) Name() string              { return "settings" }
func (settings) Serves() []wit.InterfaceID { return nil }
func (s settings) Bind(_ context.Context, _ *component.Linker, b *Binding) (release func(), err error) {
	s[b.Component.Name] = b.Component.Config
	return nil, nil
}
