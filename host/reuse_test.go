package host

import (
	"bytes"
	"cmp"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/workload"
)

// used invokes an export and gives what the instance says of itself.
func (f *fixture) used(t *testing.T, name string) (info cm.InstanceInfo, err error) {
	t.Helper()
	err = f.hand.inv.Invoke(t.Context(), &Invocation{
		Component: "guest", Trigger: "hand", Name: name,
		Run: func(ctx context.Context, inst *component.Instance) error {
			info = inst.Info()
			if c := cm.CallFrom(ctx); c == nil || c.Instance != info {
				t.Errorf("the event says of its instance %+v, the instance %+v", c, info)
			}
			_, err := inst.Call(ctx, name)
			return err
		},
	})
	return info, err
}

func TestInstancesAreReset(t *testing.T) {
	for _, isolation := range []string{"", "fresh", "snapshot"} {
		f := newFixture(t, func(_ *Config, w *workload.Spec) { w.Components[0].Instances.Isolation = isolation })
		f.start(t)
		ids := map[uint64]bool{}
		for n, c := range []struct {
			call, reuse string
			kept        bool // and reset behind the event, for the next one
		}{
			{"say", "fresh", false}, {"say", "fresh", true}, {"say", "reset", true}, {"say", "reset", true},
			{"trap", "reset", false}, {"say", "fresh", true}, {"say", "reset", true},
		} {
			f.rec.take()
			info, err := f.used(t, c.call)
			if (err != nil) != (c.call == "trap") {
				t.Errorf("%d: %v", n, err)
			}
			if want := cmp.Or(isolation, "fresh"); info.Isolation != want || info.NotResettable != "" {
				t.Errorf("isolation %q, invocation %d: %+v, want isolation %s", isolation, n, info, want)
			}
			if info.Reuse != c.reuse || ids[info.ID] || info.ID == 0 {
				t.Errorf("isolation %q, invocation %d: %+v, want reuse %s and an ID of its own", isolation, n, info, c.reuse)
			}
			ids[info.ID] = true
			event, behind, _ := strings.Cut(f.rec.take(), "\nexit ")
			if got := strings.Contains(event, "begin instantiate guest\n"); got != (c.reuse == "fresh") || strings.Contains(event, "reset") {
				t.Errorf("isolation %q, invocation %d: got\n%s", isolation, n, event)
			}
			if got := strings.Contains(behind, "\nbegin reset guest\nend reset false"); got != c.kept || strings.Contains(behind, "instantiate") {
				t.Errorf("isolation %q, invocation %d: behind it\n%s", isolation, n, behind)
			}
		}
		var lines []string
		for _, l := range f.rec.lines {
			lines = append(lines, l.Text)
		}
		// Half a line is let go of when its invocation ends, not when its instance does.
		if want := strings.Repeat("whole half ", 6); strings.Join(lines, " ")+" " != want {
			t.Errorf("lines %q", lines)
		}
		if err := f.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if n := f.stats().Idle; n != 0 {
			t.Errorf("%d instances are left after the host was closed", n)
		}
	}
}

func TestInstancesThatCannotBeReset(t *testing.T) {
	var log bytes.Buffer
	f := newFixture(t, func(c *Config, w *workload.Spec) {
		w.Components[0].Source.File = "testdata/fixed.wasm"
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	f.start(t)
	for range 5 {
		if info, err := f.used(t, "say"); err != nil || info.Reuse != "fresh" || info.NotResettable != "table-changed" {
			t.Errorf("%+v, %v", info, err)
		}
	}
	if n := strings.Count(log.String(), "reason=table-changed"); n != 1 || f.stats().Idle != 0 {
		t.Errorf("it was said %d times why, and %d instances are idle:\n%s", n, f.stats().Idle, log.String())
	}
}

func TestIdleInstancesGoAway(t *testing.T) {
	f := newFixture(t, func(_ *Config, w *workload.Spec) { w.Components[0].Instances.Idle = 20 * time.Millisecond })
	f.start(t)
	for round := range 3 {
		for range 2 + round%2 {
			if _, err := f.used(t, "say"); err != nil {
				t.Fatal(err)
			}
		}
		for f.stats().Idle > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	if info, err := f.used(t, "say"); err != nil || info.Reuse != "fresh" {
		t.Errorf("%+v, %v", info, err)
	}
}

// TestIdleIsBounded: there are no more instances than invocations at once, whatever the order in which they end.
func TestIdleIsBounded(t *testing.T) {
	const most = 4
	f := newFixture(t, func(_ *Config, w *workload.Spec) {
		w.Components[0].Instances = workload.Instances{Max: most, Queue: 1000}
	})
	f.start(t)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for k := range 40 {
				name := "say"
				if (n+k)%13 == 0 {
					name = "trap"
				}
				if err := f.call(t.Context(), name); (err != nil) != (name == "trap") {
					t.Errorf("%s: %v", name, err)
				}
				if n := f.stats().Idle; n > most {
					t.Errorf("%d instances are idle", n)
				}
			}
		})
	}
	wg.Wait()
	if err := f.call(t.Context(), "say"); err != nil { // the last of the others may have trapped, and kept nothing
		t.Error(err)
	}
	if n := f.stats().Idle; n == 0 || n > most {
		t.Errorf("%d instances are idle at the end", n)
	}
}
