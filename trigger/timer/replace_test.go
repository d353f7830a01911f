package timer

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vitrine-wasm/vitrine/trigger/internal/loop"
)

// TestTakeOver: while starts of a workload follow each other, each tick is one run, at its time, also those that come while the old start still
// runs and those that wait.
func TestTakeOver(t *testing.T) {
	for name, c := range map[string]struct {
		took  time.Duration // a run
		queue int
		want  []time.Duration // the ticks that were runs
	}{
		"short":   {time.Second, 0, []time.Duration{10, 20, 30, 40, 50, 60}},
		"long":    {15 * time.Second, 0, []time.Duration{10, 20, 40, 50}},     // 20 does not wait for the run of the start before; 30 and 60 are missed
		"waiting": {15 * time.Second, 5, []time.Duration{10, 20, 30, 40, 50}}, // 60 still waits at the end
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				began := time.Now()
				took := func(int) time.Duration { return c.took }
				g := loop.NewGroup()
				go g.Run(t.Context(), time.Minute)
				var all []*runs
				var before *job
				for n := range 3 {
					r := &runs{took: took}
					j := newJob(t, Schedule{Every: 10 * time.Second, Queue: c.queue}, r, &log)
					r.start = began
					if before != nil {
						if !j.sameTimer(before) {
							t.Fatal("not the same timer")
						}
						j.takeOver(before)
					}
					g.Start(j.Loop, j.run, nil)
					all, before = append(all, r), j
					time.Sleep(time.Duration(22-2*n) * time.Second) // 22, 42, 60
				}
				time.Sleep(5 * time.Second)
				before.Stop()
				time.Sleep(time.Minute)
				synctest.Wait()
				var due []time.Duration
				for n, r := range all {
					for _, run := range r.log {
						due = append(due, run.due/time.Second)
						if run.cut != nil {
							t.Errorf("a run of start %d was cut: %v", n, run.cut)
						}
					}
				}
				slices.Sort(due)
				if !slices.Equal(due, c.want) {
					t.Errorf("runs of the ticks %v, want %v", due, c.want)
				}
			})
		})
	}
}
