package host

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/workload"
)

// run is what a test's service does in one of its runs.
type run struct {
	lasts    time.Duration
	err      error
	unmade   bool // its instance cannot be made
	ignores  bool // it does not end when it is told to
	stubborn bool // nor when its context ends
}

// fakeService is a service without a guest, whose runs are those given and then like the last one.
type fakeService struct {
	service
	states   []workload.ServiceState
	began    []time.Duration // since the start
	discards int
}

func newFake(spec workload.Service, runs ...run) *fakeService {
	f := &fakeService{}
	start := time.Now()
	f.spec, f.log = spec, slog.New(slog.DiscardHandler)
	f.changed = func(s workload.ServiceStatus) { f.states = append(f.states, s.State) }
	f.discard = func() { f.discards++ }
	f.once = func(ctx context.Context, tell <-chan struct{}, running func()) error {
		r := runs[min(len(f.began), len(runs)-1)]
		f.began = append(f.began, time.Since(start))
		if r.unmade {
			return r.err
		}
		running()
		if r.ignores {
			tell = nil
		}
		done := ctx.Done()
		if r.stubborn {
			done = nil
		}
		select {
		case <-time.After(r.lasts):
			return r.err
		case <-tell:
			return nil
		case <-done:
			return cm.EndedTrap(ctx)
		}
	}
	return f
}

func count(n int) *int { return &n }

// TestServiceRuns: how a service ends, and how often it runs, by what its runs do.
func TestServiceRuns(t *testing.T) {
	bad := errors.New("bad")
	for name, c := range map[string]struct {
		spec     workload.Service
		runs     []run
		began    int
		state    workload.ServiceState
		reason   string
		restarts int
	}{
		"completes":                  {workload.Service{}, []run{{lasts: time.Second}}, 1, workload.ServiceCompleted, "", 0},
		"completes at the third try": {workload.Service{}, []run{{err: bad}, {err: bad}, {}}, 3, workload.ServiceCompleted, "", 2},
		"fails for ever":             {workload.Service{MaxRestarts: count(3)}, []run{{err: bad}}, 4, workload.ServiceFailed, "bad", 3},
		"no restarts":                {workload.Service{MaxRestarts: count(0)}, []run{{err: bad}}, 1, workload.ServiceFailed, "bad", 0},
		"never":                      {workload.Service{Restart: workload.RestartNever}, []run{{err: bad}}, 1, workload.ServiceFailed, "bad", 0},
		"never, well":                {workload.Service{Restart: workload.RestartNever}, []run{{}}, 1, workload.ServiceCompleted, "", 0},
		"always":                     {workload.Service{Restart: workload.RestartAlways, MaxRestarts: count(2)}, []run{{}, {err: bad}, {}}, 3, workload.ServiceCompleted, "", 2},
		"no instance":                {workload.Service{MaxRestarts: count(2)}, []run{{unmade: true, err: bad}}, 3, workload.ServiceFailed, "bad", 2},
		"good runs count anew": {workload.Service{MaxRestarts: count(1), GoodRun: time.Minute},
			[]run{{err: bad}, {err: bad, lasts: time.Minute}, {err: bad, lasts: time.Hour}, {err: bad, lasts: time.Minute - 1}}, 4, workload.ServiceFailed, "bad", 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(c.spec, c.runs...)
				f.start()
				<-f.ready
				<-f.over
				st := f.status
				if len(f.began) != c.began || st.State != c.state || st.Reason != c.reason || st.Restarts != c.restarts {
					t.Errorf("%d runs, then %+v; wanted %d, %s %q, %d restarts", len(f.began), st, c.began, c.state, c.reason, c.restarts)
				}
				if wanted := c.began - 1; f.discards != wanted && f.discards != c.began || c.state == workload.ServiceCompleted && c.spec.Restart == "" && f.discards != wanted {
					t.Errorf("%d instances of %d were discarded", f.discards, c.began)
				}
				if err := f.stop(t.Context()); err != nil || f.state() != c.state {
					t.Errorf("stopped, it is %s: %v", f.state(), err)
				}
			})
		})
	}
}

// TestServiceBackoff: the waits double up to the most, half of each is random, and a good run begins anew.
func TestServiceBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := errors.New("bad")
		f := newFake(workload.Service{Backoff: time.Second, MaxBackoff: 10 * time.Second, GoodRun: time.Hour, MaxRestarts: count(7)},
			run{err: bad}, run{err: bad}, run{err: bad}, run{err: bad}, run{err: bad}, run{err: bad, lasts: time.Hour}, run{err: bad})
		f.start()
		<-f.over
		for i, most := range []time.Duration{1, 2, 4, 8, 10, 1, 2, 4} {
			waited := f.began[i+1] - f.began[i]
			if i == 5 {
				waited -= time.Hour
			}
			if most *= time.Second; waited < most/2 || waited > most {
				t.Errorf("wait %d was %s, wanted at most %s and at least half of it", i, waited, most)
			}
		}
		if len(f.began) != 13 { // the good run is followed by all restarts that may be
			t.Errorf("%d runs", len(f.began))
		}
	})
	for _, c := range []struct {
		random float64
		want   []time.Duration
	}{{0, []time.Duration{50, 100, 200, 350, 350}}, {0.5, []time.Duration{75, 150, 300, 525, 525}}} {
		b := backoff{first: 100, most: 700, random: func() float64 { return c.random }}
		var got []time.Duration
		for range c.want {
			got = append(got, b.next())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("waits %d, wanted %d", got, c.want)
		}
	}
	b := backoff{first: time.Duration(1) << 61, most: time.Duration(1<<63 - 1), random: func() float64 { return 1 }}
	for range 1000 {
		if d := b.next(); d <= 0 {
			t.Fatal(d)
		}
	}
}

// TestServiceStops: a service is stopped in each of its states.
func TestServiceStops(t *testing.T) {
	bad := errors.New("bad")
	for name, c := range map[string]struct {
		runs   []run
		after  time.Duration // the start
		drain  time.Duration
		took   time.Duration
		reason string
		failed bool
	}{
		"running":                     {[]run{{lasts: time.Hour}}, time.Second, time.Minute, 0, "", false},
		"backing off":                 {[]run{{err: bad}}, 10 * time.Millisecond, time.Minute, 0, "", false},
		"it takes its time":           {[]run{{lasts: 10 * time.Second, ignores: true}}, time.Second, time.Minute, 9 * time.Second, "", false},
		"it fails when it is stopped": {[]run{{lasts: 10 * time.Second, ignores: true, err: bad}}, time.Second, time.Minute, 9 * time.Second, "bad", false},
		"it does not listen":          {[]run{{lasts: time.Hour, ignores: true}}, time.Second, time.Minute, time.Minute, "", false},
		"it does not end":             {[]run{{lasts: time.Hour, ignores: true, stubborn: true}}, time.Second, time.Minute, time.Minute + lastStop, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(workload.Service{Backoff: time.Minute}, c.runs...)
				f.start()
				time.Sleep(c.after)
				at := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), c.drain)
				defer cancel()
				err := f.stop(ctx)
				if took := time.Since(at); took != c.took || (err != nil) != c.failed {
					t.Errorf("it took %s: %v", took, err)
				}
				if c.failed {
					if f.state() != workload.ServiceStopping {
						t.Errorf("it is %s", f.state())
					}
					<-f.over
					return
				}
				if f.status.State != workload.ServiceStopped || f.status.Reason != c.reason || len(f.began) != 1 {
					t.Errorf("%+v after %d runs", f.status, len(f.began))
				}
				want := []workload.ServiceState{workload.ServiceStarting, workload.ServiceRunning, workload.ServiceStopping, workload.ServiceStopped}
				if name == "backing off" {
					want = slices.Insert(want, 2, workload.ServiceBackingOff)
				}
				if !slices.Equal(f.states, want) {
					t.Errorf("its states were %q", f.states)
				}
			})
		})
	}
}
