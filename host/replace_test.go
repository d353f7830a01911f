package host

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/workload"
)

// passes is a trigger that passes from one start to the next.
type passes struct {
	name     string
	refuse   error
	invoker  Invoker
	detached []Invoker
}

func (p *passes) Type() string              { return p.name }
func (p *passes) Run(context.Context) error { return nil }
func (p *passes) Attach(_ context.Context, _ *workload.Spec, inv Invoker) (func(context.Context) error, error) {
	p.invoker = inv
	return func(context.Context) error { p.detached = append(p.detached, inv); return nil }, nil
}

func (p *passes) Replace(ctx context.Context, w *workload.Spec, inv Invoker) (func(context.Context) error, error) {
	if p.refuse != nil {
		return nil, p.refuse
	}
	return p.Attach(ctx, w, inv)
}

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// TestReplace: an invocation under way ends in the old start, new ones run in the new; the old is released when it has ended.
func TestReplace(t *testing.T) {
	f := newFixture(t, nil)
	f.start(t)
	old := f.hand.inv
	ended := make(chan error, 1)
	go func() { ended <- f.call(t.Context(), "wait") }()
	<-f.sys.waiting
	next := *f.spec
	next.Version = "2"
	if _, err := f.Replace(t.Context(), &next); err != nil {
		t.Fatal(err)
	}
	if f.hand.inv == old {
		t.Fatal("events still go to the old start")
	}
	if err := f.call(t.Context(), "say"); err != nil {
		t.Errorf("in the new start: %v", err)
	}
	if n := f.sys.freed.Load(); n != 0 {
		t.Errorf("%d bindings were released while an invocation needs them", n)
	}
	close(f.sys.release)
	if err := <-ended; err != nil {
		t.Errorf("in the old start: %v", err)
	}
	await(t, "the old start is not released", func() bool { return f.sys.freed.Load() == 1 && f.rec.released.Load() == 1 })
	if s, err := f.Status(t.Context(), "w"); err != nil || s.State != workload.Running {
		t.Errorf("%+v, %v", s, err)
	}
	if err := f.Stop(t.Context(), "w"); err != nil || f.sys.freed.Load() != 2 {
		t.Errorf("%v, %d released", err, f.sys.freed.Load())
	}
	if _, err := f.Replace(t.Context(), &next); err == nil {
		t.Error("a workload that is stopped was replaced")
	}
	if _, err := f.Replace(t.Context(), &workload.Spec{Name: "other"}); err == nil {
		t.Error("a workload that never was was replaced")
	}
}

// TestReplaceIsBounded: the old start's invocations are cut when the time to drain is over, or when the workload is stopped and its time is.
func TestReplaceIsBounded(t *testing.T) {
	for name, stop := range map[string]bool{"drain": false, "stop": true} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(c *Config, _ *workload.Spec) {
				if c.Drain = 50 * time.Millisecond; stop {
					c.Drain = time.Hour
				}
			})
			f.start(t)
			ended := make(chan error, 1)
			go func() { ended <- f.call(t.Context(), "wait") }()
			<-f.sys.waiting
			next := *f.spec
			if _, err := f.Replace(t.Context(), &next); err != nil {
				t.Fatal(err)
			}
			if stop {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				if err := f.Stop(ctx, "w"); err != nil {
					t.Error(err)
				}
				if n := f.sys.freed.Load(); n != 2 {
					t.Errorf("%d of 2 released when Stop has returned", n)
				}
			}
			if err := <-ended; code(err) != cm.TrapCancel || !stop && !errors.Is(err, cm.ErrStopping) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestReplaceFails: the old start goes on as it was, whatever the new one cannot do.
func TestReplaceFails(t *testing.T) {
	first, second := &passes{name: "first"}, &passes{name: "second"}
	f := newFixture(t, func(c *Config, _ *workload.Spec) { c.Triggers = append(c.Triggers, first, second) })
	f.start(t)
	old := first.invoker
	missing := *f.spec
	missing.Components = slices.Clone(missing.Components)
	missing.Components[0].Source.File = "testdata/none.wasm"
	same := *f.spec
	for name, w := range map[string]*workload.Spec{"file": &missing, "trigger": &same} {
		if second.refuse = nil; name == "trigger" {
			second.refuse = errors.New("not this one")
		}
		if _, err := f.Replace(t.Context(), w); err == nil {
			t.Errorf("%s: no error", name)
		}
		if first.invoker != old || second.invoker != old {
			t.Errorf("%s: events do not go to the old start", name)
		}
		if slices.Contains(first.detached, old) {
			t.Errorf("%s: the old start was detached", name)
		}
	}
	f.hand.inv = old
	if err := f.call(t.Context(), "say"); err != nil {
		t.Error(err)
	}
	second.refuse = nil
	if _, err := f.Replace(t.Context(), &same); err != nil || first.invoker == old || second.invoker == old {
		t.Errorf("after it: %v", err)
	}
	await(t, "the old start was not detached", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.workloads["w"].before == nil || isDone(f.workloads["w"].before)
	})
	if !slices.Contains(first.detached, old) || !slices.Contains(second.detached, old) {
		t.Error("the old start was not detached")
	}
}

func isDone(r *retirement) bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// TestReplaceAtOnce: replacements and stops that come at once follow each other, and nothing is left.
func TestReplaceAtOnce(t *testing.T) {
	f := newFixture(t, func(c *Config, _ *workload.Spec) { c.Triggers = nil })
	f.start(t)
	errs := make(chan error)
	const n = 8
	for range n {
		go func() {
			w := *f.spec
			_, err := f.Replace(t.Context(), &w)
			errs <- err
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if err := f.Stop(t.Context(), "w"); err != nil || f.sys.freed.Load() != n+1 || f.rec.released.Load() != n+1 {
		t.Errorf("%v, %d and %d of %d released", err, f.sys.freed.Load(), f.rec.released.Load(), n+1)
	}
}
