package timer

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/trigger/internal/loop"
)

// job is one timer of a workload. Its goroutine has all fields that are not constant.
type job struct {
	*loop.Loop
	log     *slog.Logger
	ticks   ticks
	queue   int
	invoker host.Invoker
	target  string // what is called
	name    string
	call    runFunc

	last    time.Time   // tick that was looked at
	waiting []time.Time // ticks that are due, the oldest first
	missed  int         // since the last run
	told    bool        // the log was told of missed ticks, since a run that missed none
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
	j.last = j.ticks.now()
	for j.await() {
		for len(j.waiting) > 0 && !j.Stopped() {
			j.invoke()
		}
	}
}

// await waits for the next tick, and says whether there is one. Where several have come, as the machine slept, they are as many as the
// queue and a run can take.
func (j *job) await() bool {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if j.Stopped() {
			return false
		}
		now := j.ticks.now()
		if j.take(now, j.queue+1); len(j.waiting) > 0 {
			return true
		}
		next := j.ticks.next(j.last)
		if next.IsZero() { // the expression's last year is over
			<-j.Open().Done()
			return false
		}
		timer.Reset(j.ticks.wait(next.Sub(now)))
		select {
		case <-timer.C:
		case <-j.Open().Done():
			return false
		}
	}
}

// take notes the ticks that have come by now, the newest in the queue, which has room for so many.
func (j *job) take(now time.Time, room int) {
	n, newest, latest := due(j.ticks, j.last, now, room)
	j.last = latest
	all := append(j.waiting, newest...)
	over := max(len(all)-room, 0)
	j.waiting = all[over:]
	j.missed += n - len(newest) + over
}

// invoke runs the component for the oldest tick, and notes those that have come meanwhile.
func (j *job) invoke() {
	at := &tick{j.waiting[0], j.missed}
	j.waiting, j.missed = j.waiting[1:], 0
	_ = j.invoker.Invoke(j.Calls(), &host.Invocation{ // the invoker reports a failure, and the next run is not affected
		Component: j.target,
		Trigger:   TypeName,
		Name:      j.name,
		Subject:   at,
		Run:       j.call,
		Settle:    j.settle,
	})
	j.take(j.ticks.now(), j.queue)
	if j.missed > 0 && !j.told && !j.Stopped() {
		j.log.Warn("a run took so long that the timer missed ticks; this is said once until it misses none", "missed", j.missed, "run", at.scheduled.UTC().Format(time.RFC3339))
	}
	j.told = j.missed > 0
}

// settle reports a run that has ended with a status, which is no failure of the invocation.
func (j *job) settle(ctx context.Context, err error) {
	var exit *cm.ExitError
	if errors.As(err, &exit) && exit.Code != 0 {
		j.log.WarnContext(ctx, "a run of the timer ended with an error", "status", exit.Code)
	}
}
