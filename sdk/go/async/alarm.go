package async

import (
	"math"

	"github.com/vitrine-wasm/vitrine/sdk/go/internal/schedule"
)

// alarm is the call of the host that ends when Go's next timer is due.
var alarm struct {
	subtask uint32 // 0: there is none
	at      int64
	task    *task // in whose set it is
	early   bool  // it is being cancelled
}

// setAlarm sees to it that the host calls back when the next timer is due: t, which has begun it, unless it is told already. It says whether one is due now.
func setAlarm(t *task) (due bool) {
	at := schedule.NextTimer()
	if alarm.subtask != 0 && alarm.task == nil {
		alarm.task = t
		waitableJoin(alarm.subtask, t.set.handle)
	}
	if at == math.MaxInt64 || alarm.subtask != 0 && (alarm.at <= at || alarm.early) {
		return false
	}
	if alarm.subtask != 0 {
		state := subtaskCancel(alarm.subtask)
		if state == blocked {
			alarm.early = true // its event has the next one set
			return false
		}
		alarmRings(state)
	}
	status := waitFor(uint64(max(at-schedule.Now(), 1)))
	if alarm.subtask = status >> 4; alarm.subtask == 0 {
		return true
	}
	alarm.at, alarm.task = at, t
	waitableJoin(alarm.subtask, t.set.handle)
	return false
}

// alarmRings ends the alarm, if the state of its subtask is one of the last.
func alarmRings(state uint32) {
	if state < returned {
		return
	}
	waitableJoin(alarm.subtask, 0)
	subtaskDrop(alarm.subtask)
	alarm.subtask, alarm.task, alarm.early = 0, nil, false
}

// passAlarm gives the alarm of a task that ends to another one that waits, or ends it.
func passAlarm() {
	for _, t := range tasks {
		if t.set != nil {
			alarm.task = t
			waitableJoin(alarm.subtask, t.set.handle)
			return
		}
	}
	waitableJoin(alarm.subtask, 0)
	alarm.task = nil
	if alarm.early {
		return // to cancel it twice traps
	}
	state := subtaskCancel(alarm.subtask)
	alarm.early = state == blocked
	if !alarm.early {
		alarmRings(state)
	}
}
