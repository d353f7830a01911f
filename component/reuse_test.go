package component_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/vitrine-wasm/vitrine/component"
)

// TestPoolReuse: a pool that reuses the instances of a component whose functions are synchronous gives each as the last use has left it,
// to one use after the other whatever Concurrency says, until it has had its uses or has trapped; what a use says of its instance is its own.
func TestPoolReuse(t *testing.T) {
	w := &poolWatch{}
	p := pooled(t, "reset/reset", w, component.PoolConfig{Reuse: true, Concurrency: 16, Uses: 3, Max: 1, Ready: 1})
	if err := p.Prewarm(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.read("guest instances.concurrency.limit"); !slices.Equal(got, []int64{1}) {
		t.Errorf("limit of concurrency %d", got)
	}
	var first, last uint64
	for n, want := range []struct {
		value uint32
		reuse string
		use   uint64
	}{{11, "fresh", 1}, {22, "serial", 2}, {33, "serial", 3}, {11, "fresh", 1}} {
		err := p.Run(t.Context(), func(ctx context.Context, inst *component.Instance) error {
			v, err := inst.Call(ctx, "bump")
			info := inst.Info()
			if v != want.value || info.Reuse != want.reuse || info.Use != want.use || info.Isolation != "reuse" || n < 3 && n > 0 && info.ID != first {
				t.Errorf("use %d: %v, %+v", n, v, info)
			}
			if n == 0 {
				first = info.ID
			}
			last = info.ID
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if first == last {
		t.Error("the instance was used more often than it may be")
	}
	if err := p.Run(t.Context(), func(context.Context, *component.Instance) error { return errors.New("no fault of the instance") }); err == nil {
		t.Error("no error")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if got := slices.DeleteFunc(slices.Clone(w.ops), func(s string) bool { return s == "reset" }); len(got) != len(w.ops) || !slices.Contains(w.ops, "retire") {
		t.Errorf("operations %q", w.ops)
	}
}

// TestPoolReuseRefuses: what contradicts itself is refused.
func TestPoolReuseRefuses(t *testing.T) {
	p := pooled(t, "reset/reset", nil, component.PoolConfig{})
	for name, c := range map[string]component.PoolConfig{
		"uses without reuse":   {Uses: 1},
		"concurrency without":  {Concurrency: 2},
		"single use and reuse": {Reuse: true, SingleUse: true},
		"less than nothing":    {Reuse: true, Concurrency: -1},
	} {
		if _, err := component.NewPool(p.Linked(), c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
