package timer

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/trigger/internal/loop"
	"github.com/vitrine-wasm/vitrine/workload"
)

// runs invokes nothing: a run takes as long as took says, or until it is cut, and is noted with its subject.
type runs struct {
	start time.Time
	took  func(n int) time.Duration
	err   func(n int) error
	log   []run
}

type run struct {
	due, began time.Duration // since the start
	missed     int
	cut        error
}

func (r *runs) Linked(string) (*component.Linked, error) { return nil, errors.New("not asked for") }

func (r *runs) Invoke(ctx context.Context, inv *host.Invocation) (err error) {
	at := inv.Subject.(host.TimerSubject)
	n := len(r.log)
	entry := run{due: at.Scheduled().Sub(r.start), began: time.Since(r.start), missed: at.Missed()}
	if r.err != nil {
		err = r.err(n)
	}
	if r.took != nil {
		select {
		case <-time.After(r.took(n)):
		case <-ctx.Done():
			entry.cut = context.Cause(ctx)
			err = entry.cut
		}
	}
	r.log = append(r.log, entry)
	if inv.Settle != nil {
		inv.Settle(ctx, err)
	}
	return err
}

// newJob makes a job of a schedule, as Trigger does, without a component.
func newJob(t *testing.T, s Schedule, r *runs, log *bytes.Buffer) *job {
	t.Helper()
	ticks, _, err := s.ticks()
	if err != nil {
		t.Fatal(err)
	}
	r.start = time.Now()
	return &job{Loop: loop.New(s.name(), &workload.Spec{}, ""), config: s, plan: &plan{ticks: ticks, queue: s.Queue}, invoker: r, name: s.name(),
		log: slog.New(slog.NewTextHandler(log, nil))}
}

// goes runs a job for a while, and stops it.
func (j *job) goes(t *testing.T, d time.Duration) {
	t.Helper()
	g := loop.NewGroup()
	g.Start(j.Loop, j.run, nil)
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	g.Run(ctx, time.Hour)
}

// TestSchedule: ticks come on time whatever the runs before them took; those that come meanwhile are missed, or wait in the queue.
func TestSchedule(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name string
		s    Schedule
		took []time.Duration // the last of them for all further runs
		goes time.Duration
		want []run
		told int
	}{
		{"short runs", Schedule{Every: 10 * s}, []time.Duration{3 * s, 1 * s, 9 * s}, 45 * s,
			[]run{{10 * s, 10 * s, 0, nil}, {20 * s, 20 * s, 0, nil}, {30 * s, 30 * s, 0, nil}, {40 * s, 40 * s, 0, nil}}, 0},
		{"a long run", Schedule{Every: 10 * s}, []time.Duration{35 * s, s}, 65 * s,
			[]run{{10 * s, 10 * s, 0, nil}, {50 * s, 50 * s, 3, nil}, {60 * s, 60 * s, 0, nil}}, 1},
		{"long runs are told of once", Schedule{Every: 10 * s}, []time.Duration{15 * s}, 69 * s,
			[]run{{10 * s, 10 * s, 0, nil}, {30 * s, 30 * s, 1, nil}, {50 * s, 50 * s, 1, nil}}, 1},
		{"and again after one that missed none", Schedule{Every: 10 * s}, []time.Duration{15 * s, s, 15 * s, s}, 69 * s,
			[]run{{10 * s, 10 * s, 0, nil}, {30 * s, 30 * s, 1, nil}, {40 * s, 40 * s, 0, nil}, {60 * s, 60 * s, 1, nil}}, 2},
		{"queue", Schedule{Every: 10 * s, Queue: 2}, []time.Duration{25 * s, s}, 45 * s,
			[]run{{10 * s, 10 * s, 0, nil}, {20 * s, 35 * s, 0, nil}, {30 * s, 36 * s, 0, nil}, {40 * s, 40 * s, 0, nil}}, 0},
		{"full queue", Schedule{Every: 10 * s, Queue: 2}, []time.Duration{45 * s, s}, 65 * s,
			[]run{{10 * s, 10 * s, 0, nil}, {40 * s, 55 * s, 2, nil}, {50 * s, 56 * s, 0, nil}, {60 * s, 60 * s, 0, nil}}, 1},
		{"cron", Schedule{Cron: "*/2 * * * *"}, []time.Duration{150 * s, s}, 9 * time.Minute,
			[]run{{120 * s, 120 * s, 0, nil}, {360 * s, 360 * s, 1, nil}, {480 * s, 480 * s, 0, nil}}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				r := &runs{took: func(n int) time.Duration { return c.took[min(n, len(c.took)-1)] }}
				newJob(t, c.s, r, &log).goes(t, c.goes)
				if len(r.log) != len(c.want) {
					t.Fatalf("%v", r.log)
				}
				for i, had := range r.log {
					if had != c.want[i] {
						t.Errorf("run %d: %v, want %v", i, had, c.want[i])
					}
				}
				if n := strings.Count(log.String(), "missed ticks"); n != c.told {
					t.Errorf("told %d times, want %d: %s", n, c.told, &log)
				}
			})
		})
	}
}

// TestFailedRuns: a run that fails does not change the times of the next ones; one that ends with a status is logged.
func TestFailedRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := &runs{err: func(n int) error {
			return []error{errors.New("no instance"), cm.Trapf(cm.TrapUnreachable, "x"), &cm.ExitError{Code: 3}, &cm.ExitError{}, nil}[min(n, 4)]
		}}
		newJob(t, Schedule{Every: time.Second}, r, &log).goes(t, 5500*time.Millisecond)
		if len(r.log) != 5 {
			t.Errorf("%v", r.log)
		}
		if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "status=3") {
			t.Errorf("log: %s", text)
		}
	})
}

// TestDrain: a run that is under way is waited for, and cut when the time for that is over; what is queued does not run.
func TestDrain(t *testing.T) {
	for _, c := range []struct {
		name  string
		grace time.Duration
		cut   bool
	}{{"in time", 15 * time.Second, false}, {"too long", 5 * time.Second, true}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &runs{took: func(int) time.Duration { return 30 * time.Second }}
				var log bytes.Buffer
				j := newJob(t, Schedule{Every: 10 * time.Second, Queue: 10}, r, &log)
				g := loop.NewGroup()
				g.Start(j.Loop, j.run, nil)
				running, stop := context.WithCancel(context.Background())
				defer stop()
				go g.Run(running, 0)
				time.Sleep(29 * time.Second) // one runs, one waits
				ctx, cancel := context.WithTimeout(context.Background(), c.grace)
				defer cancel()
				err := g.Drain(ctx, []*loop.Loop{j.Loop})
				if len(r.log) != 1 || errors.Is(r.log[0].cut, cm.ErrStopping) != c.cut {
					t.Fatalf("%v", r.log)
				}
				if (err != nil) != c.cut || c.cut && !strings.Contains(err.Error(), "calls were cut") {
					t.Error(err)
				}
				if err := g.Drain(ctx, []*loop.Loop{j.Loop}); err != nil {
					t.Errorf("drained twice: %v", err)
				}
			})
		})
	}
}

// TestStopBeforeBegin: a job whose trigger never runs can be stopped.
func TestStopBeforeBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		j := newJob(t, Schedule{Every: time.Second}, &runs{}, &log)
		g := loop.NewGroup()
		g.Start(j.Loop, j.run, nil)
		time.Sleep(time.Hour)
		if err := g.Drain(context.Background(), []*loop.Loop{j.Loop}); err != nil {
			t.Error(err)
		}
	})
}
