package component_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
)

// BenchmarkAsync measures calls of an asynchronous guest function that calls an asynchronous host function: prompt is one whose
// result is there at once, parked one that waits for another goroutine.
func BenchmarkAsync(b *testing.B) {
	for name, dep := range map[string]func(context.Context, uint32) (uint32, error){
		"prompt": func(_ context.Context, x uint32) (uint32, error) { return x, nil },
		"parked": func(_ context.Context, x uint32) (uint32, error) {
			done := make(chan struct{})
			go close(done)
			runtime.Gosched()
			<-done
			return x, nil
		},
	} {
		b.Run(name, func(b *testing.B) {
			inst := (&asyncHost{dep: dep}).instance(b, nil)
			f, err := inst.Func(root, "call-dep")
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Call(b.Context(), cm.U32Val(1)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestParkedCallsAreSmall: a call that is parked in its guest's event loop takes little of the host.
func TestParkedCallsAreSmall(t *testing.T) {
	const n, most = 2000, 32 << 10
	var inside atomic.Int32
	all, gate := make(chan struct{}), make(chan struct{})
	inst := (&asyncHost{dep: func(_ context.Context, x uint32) (uint32, error) {
		if inside.Add(1) == n {
			close(all)
		}
		<-gate
		return x, nil
	}}).instance(t, nil)
	used := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc + m.StackInuse)
	}
	before := used()
	calls := make([]*component.Running, n)
	for i := range calls {
		calls[i] = startCall(t, t.Context(), inst, "call-dep", cm.U32Val(uint32(i)))
	}
	<-all
	each := (used() - before) / n
	t.Logf("%d bytes each", each)
	if each > most {
		t.Errorf("a parked call takes %d bytes, at most %d wanted", each, most)
	}
	close(gate)
	var wait sync.WaitGroup
	for _, r := range calls {
		wait.Go(func() {
			if err := r.Wait(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}
