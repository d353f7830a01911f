package timer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/trigger/internal/loop"
)

// job is one timer of a workload. Its goroutine has all fields that are not constant.
type job struct {
	*loop.Loop
	log     *slog.Logger
	source  string // the component that the trigger names
	config  Schedule
	plan    *plan
	invoker host.Invoker
	target  string // what is called
	name    string
	call    runFunc

	told bool // the log was told of missed ticks, since a run that missed none
}

// plan is when a timer is due. It passes from the job of one start of a workload to that of the next, with the ticks that wait.
type plan struct {
	ticks ticks
	queue int

	mu      sync.Mutex
	last    time.Time   // tick that was looked at; zero: the timer has not begun
	waiting []time.Time // ticks that are due, the oldest first
	missed  int         // since the last run
}

// sameTimer says whether a job is the other's timer in another start of the workload.
func (j *job) sameTimer(other *job) bool { return j.source == other.source && j.config == other.config }

// takeOver has j go on where old, which begins no more runs, has stopped: each tick is a run of one of the two.
func (j *job) takeOver(old *job) {
	old.plan.mu.Lock()
	defer old.plan.mu.Unlock()
	old.Stop()
	j.plan = old.plan
}

// tick is a time that has come: a host.TimerSubject.
type tick struct {
	scheduled time.Time
	missed    int
}

var _ host.TimerSubject = (*tick)(nil)

// Scheduled implements host.TimerSubject.
func (t *tick) Scheduled() time.Time { return t.scheduled }

// Missed implements host.TimerSubject.
func (t *tick) Missed() int { return t.missed }

// run runs the component at each tick, until the job is stopped.
func (j *job) run() {
	j.plan.begin()
	for j.await() {
		for {
			at, ok := j.next()
			if !ok {
				break
			}
			j.invoke(at)
		}
	}
}

// begin has the first ticks be those after now.
func (p *plan) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last.IsZero() {
		p.last = p.ticks.now()
	}
}

// await waits for the next tick, and says whether there is one. Where several have come, as the machine slept, they are as many as the
// queue and a run can take.
func (j *job) await() bool {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait, due, stopped := j.look()
		if due || stopped {
			return due
		}
		var ticked <-chan time.Time // nil: the expression's last year is over
		if wait >= 0 {
			timer.Reset(wait)
			ticked = timer.C
		}
		select {
		case <-ticked:
		case <-j.Open().Done():
			return false
		}
	}
}

// look says whether a tick waits, or how long to sleep until one may; negative: none will come.
func (j *job) look() (wait time.Duration, due, stopped bool) {
	p := j.plan
	p.mu.Lock()
	defer p.mu.Unlock()
	if j.Stopped() {
		return 0, false, true
	}
	now := p.ticks.now()
	if p.take(now, p.queue+1); len(p.waiting) > 0 {
		return 0, true, false
	}
	next := p.ticks.next(p.last)
	if next.IsZero() {
		return -1, false, false
	}
	return max(p.ticks.wait(next.Sub(now)), 0), false, false
}

// take notes the ticks that have come by now, the newest in the queue, which has room for so many. p.mu is held.
func (p *plan) take(now time.Time, room int) {
	n, newest, latest := due(p.ticks, p.last, now, room)
	p.last = latest
	all := append(p.waiting, newest...)
	over := max(len(all)-room, 0)
	p.waiting = all[over:]
	p.missed += n - len(newest) + over
}

// next takes the oldest tick that waits, unless the job has stopped.
func (j *job) next() (*tick, bool) {
	p := j.plan
	p.mu.Lock()
	defer p.mu.Unlock()
	if j.Stopped() || len(p.waiting) == 0 {
		return nil, false
	}
	at := &tick{p.waiting[0], p.missed}
	p.waiting, p.missed = p.waiting[1:], 0
	return at, true
}

// invoke runs the component for a tick, and notes those that have come meanwhile.
func (j *job) invoke(at *tick) {
	_ = j.invoker.Invoke(j.Calls(), &host.Invocation{ // the invoker reports a failure, and the next run is not affected
		Component: j.target,
		Trigger:   TypeName,
		Name:      j.name,
		Subject:   at,
		Run:       j.call,
		Settle:    j.settle,
	})
	missed, stopped := j.missed()
	if missed > 0 && !j.told && !stopped {
		j.log.Warn("a run took so long that the timer missed ticks; this is said once until it misses none", "missed", missed, "run", at.scheduled.UTC().Format(time.RFC3339))
	}
	j.told = missed > 0
}

// missed says how many ticks were missed while the job ran. If it has stopped meanwhile, the ticks are another's.
func (j *job) missed() (n int, stopped bool) {
	p := j.plan
	p.mu.Lock()
	defer p.mu.Unlock()
	if j.Stopped() {
		return 0, true
	}
	p.take(p.ticks.now(), p.queue)
	return p.missed, false
}

// settle reports a run that has ended with a status, which is no failure of the invocation.
func (j *job) settle(ctx context.Context, err error) {
	var exit *cm.ExitError
	if errors.As(err, &exit) && exit.Code != 0 {
		j.log.WarnContext(ctx, "a run of the timer ended with an error", "status", exit.Code)
	}
}
