package task

import "github.com/vitrine-wasm/vitrine/cm"

// maxBackpressure is the count that traps (CanonicalABI.md §canon backpressure.{inc,dec}).
const maxBackpressure = 1 << 16

// Entry is who may come into a component instance, and leave it (CanonicalABI.md §Component Instance State). Nothing of it
// belongs to one call: it says which one it is that has the instance for itself.
type Entry struct {
	// Concurrent lets several tasks in at once, as guests have it whose lifts say that they can be entered again while
	// they wait.
	Concurrent bool
	// NoLeave says that realloc or post-return runs, which must not call imports. They are not parked meanwhile.
	NoLeave bool

	exclusive    *Task // that has the instance for itself; nil if none
	backpressure int
}

// Busy says that Enter would let nobody in.
func (e *Entry) Busy() bool { return e.exclusive != nil }

// Enter lets a task in, and says whether it could: the one that is inside must have come to its end.
func (e *Entry) Enter(t *Task) bool {
	if e.Concurrent {
		return true
	}
	if e.exclusive != nil {
		return false
	}
	e.exclusive = t
	return true
}

// Leave is the end of a task that was let in.
func (e *Entry) Leave(t *Task) {
	if e.exclusive == t {
		e.exclusive = nil
	}
}

// Idle says that nobody is inside.
func (e *Entry) Idle() bool { return e.exclusive == nil && !e.NoLeave }

// AddBackpressure counts by how much more often the guest has asked for backpressure than for its end. Synchronous calls
// do not heed it.
func (e *Entry) AddBackpressure(by int) error {
	e.backpressure += by
	if e.backpressure < 0 || e.backpressure == maxBackpressure {
		return cm.Trapf(cm.TrapBackpressure, "backpressure counter out of range: %d", e.backpressure)
	}
	return nil
}

// Reset makes the entry that of an instance in which nothing has run.
func (e *Entry) Reset() { e.backpressure = 0 }
