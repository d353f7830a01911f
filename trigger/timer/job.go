package timer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/trigger/command"
	"github.com/vitrine-wasm/vitrine/wit"
)

// job is one timer of a workload. Its goroutine, loop, has all fields that are not constant.
type job struct {
	log      *slog.Logger
	ticks    ticks
	queue    int
	deadline time.Duration // of a run
	invoker  host.Invoker
	target   string // what is called
	name     string
	run      wit.InterfaceID // by which

	stopped sync.Once
	stop    chan struct{} // closed: no more runs begin
	done    chan struct{} // closed: the loop has ended
	ctx     context.Context
	cut     context.CancelCauseFunc // ends the run that is under way

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

// loop runs the component at each tick, until the job is stopped.
func (j *job) loop(begin <-chan struct{}) {
	defer close(j.done)
	defer j.cut(nil)
	select {
	case <-begin:
	case <-j.stop:
		return
	}
	j.last = j.ticks.now()
	for j.await() {
		for len(j.waiting) > 0 && !j.isStopped() {
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
		if j.isStopped() {
			return false
		}
		now := j.ticks.now()
		if j.take(now, j.queue+1); len(j.waiting) > 0 {
			return true
		}
		next := j.ticks.next(j.last)
		if next.IsZero() { // the expression's last year is over
			<-j.stop
			return false
		}
		timer.Reset(j.ticks.wait(next.Sub(now)))
		select {
		case <-timer.C:
		case <-j.stop:
			return false
		}
	}
}

func (j *job) isStopped() bool {
	select {
	case <-j.stop:
		return true
	default:
		return false
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
	_ = j.invoker.Invoke(j.ctx, &host.Invocation{ // the invoker reports a failure, and the next run is not affected
		Component: j.target,
		Trigger:   TypeName,
		Name:      j.name,
		Subject:   at,
		Run:       func(ctx context.Context, inst *component.Instance) error { return command.Call(ctx, inst, j.run) },
		Settle:    j.settle,
	})
	j.take(j.ticks.now(), j.queue)
	if j.missed > 0 && !j.told && !j.isStopped() {
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

// cutTime is how long a run that was cut may take to end.
const cutTime = time.Second

// drain stops the job and waits for the run that is under way, which is cut when ctx ends.
func (j *job) drain(ctx context.Context) error {
	j.stopped.Do(func() { close(j.stop) })
	select {
	case <-j.done:
		return nil
	default:
	}
	select {
	case <-j.done:
		return nil
	case <-ctx.Done():
	}
	j.cut(cm.Trapf(cm.TrapCancel, "%w: the time to drain is over", cm.ErrStopping))
	late := time.NewTimer(cutTime)
	defer late.Stop()
	select {
	case <-j.done:
		return fmt.Errorf("trigger timer: %s: a run was cut: %w", j.name, context.Cause(ctx))
	case <-late.C: // a host function ignores the end of its context
		return fmt.Errorf("trigger timer: %s: a run that was cut did not end", j.name)
	}
}
