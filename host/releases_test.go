package host

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
	"weak"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// TestStoppedIsUnreachable: of workloads that ran side by side nothing is kept when they have ended, but where they stand.
//
// wazero's list of compiled modules (sortedCompiledModules) does not clear the slots behind its end when it shrinks. Which modules are in
// those depends on the addresses of their code, so that in some runs the last of an ended program's host functions are alive, and with
// them the boundaries of its imports, until as many programs run again. So no program as a whole may be alive right behind its end, and nothing at all of it
// once the list has been as long again.
func TestStoppedIsUnreachable(t *testing.T) {
	const n = 8
	f := newFixture(t, nil)
	var linked []weak.Pointer[component.Linked]
	var programs [][]weak.Pointer[cm.Boundary]
	start := func(name string) *component.Linked {
		w := *f.spec
		w.Name = name
		if _, err := f.Start(t.Context(), &w); err != nil {
			t.Fatal(err)
		}
		l, err := f.hand.inv.Linked("guest")
		if err != nil {
			t.Fatal(err)
		}
		if err := f.call(t.Context(), "say"); err != nil {
			t.Error(err)
		}
		f.hand.inv = nil
		return l
	}
	stop := func(name string) {
		id := workload.ID(name)
		if err := f.Stop(context.Background(), id); err != nil {
			t.Error(err)
		}
		if s, err := f.Status(t.Context(), id); err != nil || s.State != workload.Stopped {
			t.Errorf("%s: %+v, %v", id, s, err)
		}
	}
	for i := range n {
		l := start(fmt.Sprint("w", i))
		linked = append(linked, weak.Make(l))
		var boundaries []weak.Pointer[cm.Boundary]
		for _, b := range l.Boundaries() {
			boundaries = append(boundaries, weak.Make(b))
		}
		programs = append(programs, boundaries)
	}
	for i := range n {
		if i == n-1 { // the last one goes on for now
			collect(func() int { return alive(linked[:i]) + whole(programs[:i]) })
			if l, p := alive(linked[:i]), whole(programs[:i]); l+p != 0 {
				t.Errorf("while one goes on: of %d linked components that have ended %d are kept, and %d of their programs", i, l, p)
			}
		}
		stop(fmt.Sprint("w", i))
	}
	collect(func() int { return alive(linked) + whole(programs) })
	if l, p := alive(linked), whole(programs); l+p != 0 {
		t.Errorf("of %d linked components %d are kept, and %d of their programs", n, l, p)
	}
	for i := range n {
		start(fmt.Sprint("again", i))
	}
	boundaries := slices.Concat(programs...)
	collect(func() int { return alive(boundaries) })
	if b := alive(boundaries); b != 0 || len(boundaries) < 2*n {
		t.Errorf("of %d boundaries of ended programs %d are kept though as many programs run again", len(boundaries), b)
	}
	for i := range n {
		stop(fmt.Sprint("again", i))
	}
	if f.sys.freed.Load() != 2*n || f.rec.released.Load() != 2*n {
		t.Errorf("of %d, plugins released %d, observers %d", 2*n, f.sys.freed.Load(), f.rec.released.Load())
	}
	runtime.KeepAlive(f)
}

// collect has the collector go round until left is 0, or for some time.
func collect(left func() int) {
	for range 100 {
		if runtime.GC(); left() == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// whole counts the programs of which every boundary is alive, as they are where a program is kept.
func whole(programs [][]weak.Pointer[cm.Boundary]) (n int) {
	for _, boundaries := range programs {
		if alive(boundaries) == len(boundaries) {
			n++
		}
	}
	return n
}

func alive[T any](all []weak.Pointer[T]) (n int) {
	for _, p := range all {
		if p.Value() != nil {
			n++
		}
	}
	return n
}

// order is a plugin that notes when it is bound and released, and that can fail.
type order struct {
	name string
	fail bool
	seen *[]string
}

func (o order) Name() string            { return o.name }
func (order) Serves() []wit.InterfaceID { return nil }
func (o order) Bind(_ context.Context, _ *component.Linker, b *Binding) (func(), error) {
	*o.seen = append(*o.seen, "bind "+o.name+" "+b.Component.Name)
	release := func() { *o.seen = append(*o.seen, "release "+o.name+" "+b.Component.Name) }
	if o.fail {
		return release, errors.New("cannot be bound")
	}
	return release, nil
}

// TestReleaseOrder: what was bound is released in the reverse order, once, however the workload ends, and its observer last.
func TestReleaseOrder(t *testing.T) {
	for name, c := range map[string]struct {
		change func(c *Config, w *workload.Spec, seen *[]string)
		check  bool
		want   []string
	}{
		"stopped":  {nil, false, []string{"bind a guest", "bind b guest", "release b guest", "release a guest"}},
		"checked":  {nil, true, []string{"bind a guest", "bind b guest", "release b guest", "release a guest"}},
		"no bind":  {func(c *Config, _ *workload.Spec, seen *[]string) { c.Plugins[1] = order{"b", true, seen} }, false, []string{"bind a guest", "bind b guest", "release b guest", "release a guest"}},
		"no link":  {func(c *Config, _ *workload.Spec, _ *[]string) { c.Plugins = c.Plugins[:2] }, false, []string{"bind a guest", "bind b guest", "release b guest", "release a guest"}},
		"no start": {func(c *Config, _ *workload.Spec, _ *[]string) { c.Triggers = []Trigger{refuses{}} }, false, []string{"bind a guest", "bind b guest", "release b guest", "release a guest"}},
		"linked": {func(_ *Config, w *workload.Spec, _ *[]string) {
			file := func(n string) workload.Source { return workload.Source{File: "testdata/" + n + ".wasm"} }
			w.Components = []workload.Component{
				{Name: "front", Source: file("front"), Links: map[string]string{"test:link/numbers": "back"}},
				{Name: "back", Source: file("back")},
			}
		}, false, []string{"bind a front", "bind b front", "bind a back", "bind b back", "release b back", "release a back", "release b front", "release a front"}},
	} {
		t.Run(name, func(t *testing.T) {
			var seen []string
			f := newFixture(t, func(cfg *Config, w *workload.Spec) {
				cfg.Plugins = append([]Plugin{order{"a", false, &seen}, order{"b", false, &seen}}, cfg.Plugins...)
				if c.change != nil {
					c.change(cfg, w, &seen)
				}
			})
			f.rec.onRelease = func() { seen = append(seen, "observer") }
			if c.check {
				if _, err := f.Check(t.Context(), f.spec); err != nil {
					t.Error(err)
				}
			} else {
				id, err := f.Start(t.Context(), f.spec)
				if failed := err != nil; failed != (name[:2] == "no") {
					t.Errorf("started with %v", err)
				}
				for range 2 {
					if err := f.Stop(t.Context(), id); err != nil {
						t.Error(err)
					}
				}
			}
			observers := 0
			for len(seen) > 0 && seen[len(seen)-1] == "observer" {
				seen, observers = seen[:len(seen)-1], observers+1
			}
			if name == "linked" { // each component's comes after the component's plugins
				seen = slices.DeleteFunc(seen, func(s string) bool { return s == "observer" })
			}
			if !slices.Equal(seen, c.want) || observers == 0 {
				t.Errorf("got %q and %d observers last, want %q", seen, observers, c.want)
			}
		})
	}
}

// refuses is a trigger that takes no workload.
type refuses struct{}

func (refuses) Type() string { return "refuses" }
func (refuses) Attach(context.Context, *workload.Spec, Invoker) (func(context.Context) error, error) {
	return nil, errors.New("not this one")
}
func (refuses) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// TestStuckInvocation: what a workload has is released though a host function does not come back, and its code when it does.
func TestStuckInvocation(t *testing.T) {
	f := newFixture(t, func(c *Config, _ *workload.Spec) { c.Drain = time.Millisecond })
	f.start(t)
	l, err := f.hand.inv.Linked("guest")
	if err != nil {
		t.Fatal(err)
	}
	gone := weak.Make(l)
	l = nil
	proceed, entered, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	inv := f.hand.inv
	f.hand.inv = nil
	go func() {
		ended <- inv.Invoke(context.Background(), &Invocation{Component: "guest", Trigger: "hand", Run: func(context.Context, *component.Instance) error {
			close(entered)
			<-proceed // and heeds nothing
			return nil
		}})
	}()
	<-entered
	inv = nil
	if err := f.Stop(t.Context(), "w"); err == nil {
		t.Error("stopped without an error")
	}
	if f.sys.freed.Load() != 1 || f.rec.released.Load() != 1 {
		t.Errorf("plugins released %d, observers %d", f.sys.freed.Load(), f.rec.released.Load())
	}
	if _, err := f.Start(t.Context(), f.spec); err != nil { // its name is free
		t.Error(err)
	}
	f.hand.inv = nil
	close(proceed)
	<-ended
	until(t, "the stuck workload's code is gone", func() bool { runtime.GC(); return gone.Value() == nil })
}

// TestEndedAreBounded: a host that starts ever new workloads remembers the last of those that have ended.
func TestEndedAreBounded(t *testing.T) {
	f := newFixture(t, nil)
	keep := &running{}
	f.workloads["again"] = keep
	f.end(keep, "again", workload.Stopped, "")
	f.workloads["again"] = &running{} // started since
	for i := range maxEnded + 10 {
		id, r := workload.ID(fmt.Sprint(i)), &running{}
		f.workloads[id] = r
		f.end(r, id, workload.Stopped, "")
	}
	if len(f.ended) != maxEnded || len(f.workloads) != maxEnded+1 {
		t.Errorf("%d have ended, %d are known", len(f.ended), len(f.workloads))
	}
	if _, err := f.Status(t.Context(), "9"); err == nil {
		t.Error("the oldest is known")
	}
	for _, id := range []workload.ID{"10", "again", "1009"} {
		if _, err := f.Status(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
}
