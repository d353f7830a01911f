package async

import (
	"context"
	"unsafe"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/internal/schedule"
)

// task is one call of an exported function.
type task struct {
	labels []struct{ key, value string } // first, so that a task is a set of labels to what looks at a goroutine's
	ctx    context.Context
	cancel context.CancelCauseFunc
	id     uint32
	set    *waitableSet    // nil before the task waits for the first time
	waits  int             // of its goroutines for the host, and goroutines of Go that run
	gates  []chan struct{} // of its goroutines that wait until the task runs
	done   bool            // its function has returned
}

// tasks are those that have not ended, byLabel the same by the label of their goroutines.
var (
	tasks   = map[uint32]*task{}
	byLabel = map[unsafe.Pointer]*task{}
	lastID  uint32
	active  *task // the one that the host has entered the component for
)

func init() { cabi.Gate, cabi.Serving = gate, serve }

// What an asynchronous function returns to the host (CanonicalABI.md §canon lift).
const (
	exitCode = 0
	waitCode = 2
)

// The events that the host calls back with (CanonicalABI.md §Waitable State).
const (
	eventSubtask       = 1
	eventStreamRead    = 2
	eventTaskCancelled = 6
)

// Start begins a task, which calls run on a goroutine of its own, and returns what the exported function has to return. run passes the result to the host; its context
// ends when the caller cancels the call.
func Start(run func(ctx context.Context)) uint32 {
	lastID++
	t := &task{id: lastID}
	t.ctx, t.cancel = context.WithCancelCause(context.Background())
	tasks[t.id], byLabel[unsafe.Pointer(t)] = t, t
	contextSet(t.id)
	outer := schedule.Label()
	schedule.SetLabel(unsafe.Pointer(t))
	go func() {
		defer func() { t.done = true }() // also where run ends its goroutine
		run(t.ctx)
	}()
	schedule.SetLabel(outer)
	return t.drive()
}

// synchronous stands for a call of a synchronous function, which is active while it runs, and never waits.
var synchronous task

// serve begins a call of a synchronous function. Before it ends, what it has woken runs, as far as that needs no call of the host: goroutines of tasks then wait at the
// gate, and have the
// host call back their task.
func serve() (end func()) {
	outer, label := active, schedule.Label()
	active = &synchronous
	schedule.SetLabel(nil)
	return func() {
		if outer == nil && len(tasks) > 0 { // else the task has them run that is active
			schedule.Settle()
		}
		active = outer
		schedule.SetLabel(label)
	}
}

// Go runs f on a goroutine. The task that calls it does not end before f returns, whatever f waits for.
func Go(f func()) {
	t := current()
	if t == nil {
		t = active
	}
	if t == nil || t == &synchronous {
		go f()
		return
	}
	t.waits++
	go func() {
		defer func() { // also where f ends its goroutine
			gate() // the host asks a task whether it is over when the task runs
			t.waits--
		}()
		f()
	}()
}

// Resume hands an event to the task that it is for, and returns what the callback has to return.
func Resume(event, waitable, payload uint32) uint32 {
	t := tasks[contextGet()]
	switch w := waits[waitable]; {
	case event == eventTaskCancelled:
		t.cancel(context.Canceled)
	case event == eventStreamRead && t.set != nil && waitable == t.set.read:
		t.set.reading, t.set.written = false, false
	case event == eventSubtask && waitable == alarm.subtask && alarm.subtask != 0:
		alarmRings(payload)
	case w != nil:
		w <- payload
	}
	return t.drive()
}

// Cancel ends a task without a result, if the caller has cancelled it and err is the error of its context. It says whether it has.
func Cancel(ctx context.Context, err error) bool {
	if err == nil || ctx.Err() == nil || err != ctx.Err() && err != context.Cause(ctx) {
		return false
	}
	gate()
	taskCancel()
	return true
}

// drive runs goroutines until all of them wait, and returns what the host has to know.
func (t *task) drive() uint32 {
	active = t
	for _, open := range t.gates {
		close(open)
	}
	t.gates = nil
	for {
		schedule.Settle() // the host has entered the component on this goroutine, so Go does not take it for a deadlock
		if t.done && t.waits == 0 && len(t.gates) == 0 {
			active = nil
			t.end()
			return exitCode
		}
		if t.set == nil {
			t.set = takeSet()
		}
		t.set.listen()
		if !setAlarm(t) {
			active = nil
			return waitCode | t.set.handle<<4
		}
	}
}

// end forgets a task.
func (t *task) end() {
	t.cancel(context.Canceled)
	delete(tasks, t.id)
	delete(byLabel, unsafe.Pointer(t))
	if alarm.task == t {
		passAlarm()
	}
	if t.set != nil {
		idleSets = append(idleSets, t.set)
		t.set = nil
	}
}

// current is the task that a goroutine belongs to; nil for none.
func current() *task { return byLabel[schedule.Label()] }

// gate has a goroutine wait until the task that it belongs to runs. Some goroutine of another task has woken it, or a timer.
func gate() {
	if active == nil || active != &synchronous && len(tasks) == 1 {
		return
	}
	t := current()
	if t == nil || t == active {
		return
	}
	open := make(chan struct{})
	t.gates = append(t.gates, open)
	t.set.wake()
	<-open
}
