//go:build unix

package host

import (
	"context"
	"syscall"
	"testing"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/workload"
)

// BenchmarkInvoke is an invocation of a guest that does nothing, its instance's reset included: one at a time, and more at
// once than there are processors. cpu-ns/op is what the process spends on one.
func BenchmarkInvoke(b *testing.B) {
	for _, c := range []struct {
		name     string
		parallel int
	}{{"alone", 0}, {"together", 16}} {
		b.Run(c.name, func(b *testing.B) {
			engine, err := component.NewEngine(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer engine.Close(context.Background())
			trigger := &hand{}
			h, err := New(Config{Engine: engine, Plugins: []Plugin{&sys{}}, Triggers: []Trigger{trigger}})
			if err != nil {
				b.Fatal(err)
			}
			w := &workload.Spec{Name: "w", Components: []workload.Component{{Name: "guest", Source: workload.Source{File: "testdata/guest.wasm"}}}}
			if _, err := h.Start(b.Context(), w); err != nil {
				b.Fatal(err)
			}
			defer h.Close(context.Background())
			invoke := func() {
				err := trigger.inv.Invoke(b.Context(), &Invocation{Component: "guest", Trigger: "hand",
					Run: func(context.Context, *component.Instance) error { return nil }})
				if err != nil {
					b.Error(err)
				}
			}
			b.ReportAllocs()
			before := processorTime(b)
			if c.parallel == 0 {
				for b.Loop() {
					invoke()
				}
			} else {
				b.SetParallelism(c.parallel)
				b.RunParallel(func(p *testing.PB) {
					for p.Next() {
						invoke()
					}
				})
			}
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

func processorTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
