package component_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
)

// TestPoolChanges: a pool takes other settings while invocations run and wait: more of them run at once in one instance, or fewer; none fails.
func TestPoolChanges(t *testing.T) {
	var inside, most atomic.Int64
	gate := make(chan struct{})
	h := &asyncHost{dep: func(_ context.Context, x uint32) (uint32, error) {
		n := inside.Add(1)
		defer inside.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		<-gate
		return x, nil
	}}
	p, err := component.NewPool(h.instance(t, nil).Linked(), component.PoolConfig{Reuse: true, Max: 1, Concurrency: 2, Uses: -1, Queue: 100})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	var all sync.WaitGroup
	send := func(n int) {
		for range n {
			all.Go(func() {
				err := p.Run(t.Context(), func(ctx context.Context, inst *component.Instance) error {
					f, err := inst.Func(root, "call-dep")
					if err == nil {
						_, err = f.Call(ctx, cm.U32Val(1))
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for range 20000 {
			if ok() {
				return
			}
			time.Sleep(time.Millisecond)
		}
		t.Fatalf("%s: %+v, %d inside", what, p.Stats(), inside.Load())
	}
	change := func(s component.PoolSettings) {
		t.Helper()
		if err := p.Change(s); err != nil {
			t.Fatal(err)
		}
	}
	send(20)
	until("two of them run", func() bool { return inside.Load() == 2 && p.Stats().Waiting == 18 })
	change(component.PoolSettings{Concurrency: 12})
	until("those that wait get the new seats", func() bool { return inside.Load() == 12 && p.Stats().Waiting == 8 })
	if s := p.Stats(); s.Busy != 1 || s.Fullest != 12 {
		t.Errorf("%+v", s)
	}
	change(component.PoolSettings{Concurrency: 3, Uses: 1000, Idle: time.Hour, Queue: 50})
	if got, want := p.Settings(), (component.PoolSettings{Max: 1, Concurrency: 3, Uses: 1000, Idle: time.Hour, Queue: 50}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	close(gate)
	all.Wait()
	most.Store(0)
	gate = make(chan struct{})
	send(9)
	until("three of them run", func() bool { return inside.Load() == 3 && p.Stats().Waiting == 6 })
	close(gate)
	all.Wait()
	if most.Load() != 3 {
		t.Errorf("%d at once", most.Load())
	}
	for range 8 { // under load, with every setting at once
		all.Go(func() {
			for n := range 30 {
				_ = p.Change(component.PoolSettings{Max: 1 + n%3, Concurrency: 1 + n%5, Uses: 2 + n%7, Queue: 1000, Idle: time.Duration(1+n%3) * time.Millisecond})
				time.Sleep(time.Millisecond)
			}
		})
	}
	for range 20 {
		send(20)
		time.Sleep(time.Millisecond)
	}
	all.Wait()
	for _, s := range []component.PoolSettings{{Max: -1}, {Concurrency: -1}, {Idle: -1}} {
		if p.Change(s) == nil {
			t.Errorf("%+v was taken", s)
		}
	}
}
