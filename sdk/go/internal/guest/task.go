//go:build wasip1

package main

import "iter"

// One component-model task = one coroutine. await suspends the coroutine and
// makes the export return WAIT to the host; the callback resumes it.

//go:wasmimport $root [waitable-set-new]
func waitableSetNew() uint32

//go:wasmimport $root [waitable-set-drop]
func waitableSetDrop(set uint32)

//go:wasmimport $root [waitable-join]
func waitableJoin(w, set uint32)

//go:wasmimport $root [subtask-drop]
func subtaskDrop(h uint32)

//go:wasmimport $root [context-set-0]
func contextSet(v uint32)

//go:wasmimport $root [context-get-0]
func contextGet() uint32

type task struct {
	id, set uint32
	next    func() (uint32, bool)
	yield   func(uint32) bool
	payload uint32
}

var tasks = map[uint32]*task{}
var lastTask uint32

const (
	blocked  = 0xffffffff
	waitCode = 2
)

func start(body func(t *task)) uint32 {
	lastTask++
	t := &task{id: lastTask, set: waitableSetNew()}
	tasks[t.id] = t
	contextSet(t.id)
	t.next, _ = iter.Pull(func(yield func(uint32) bool) {
		t.yield = yield
		body(t)
	})
	return t.step()
}

func (t *task) step() uint32 {
	code, more := t.next()
	if more {
		return code
	}
	delete(tasks, t.id)
	waitableSetDrop(t.set)
	return 0 // EXIT
}

func resume(event, _, payload uint32) uint32 {
	t := tasks[contextGet()]
	t.payload = payload
	return t.step()
}

// await waits for one event on h and returns its payload.
func (t *task) await(h uint32) uint32 {
	waitableJoin(h, t.set)
	t.yield(waitCode | t.set<<4)
	waitableJoin(h, 0)
	return t.payload
}

// awaitCall waits for a subtask started by an [async-lower] import.
func (t *task) awaitCall(status uint32) {
	sub := status >> 4
	if sub == 0 {
		return
	}
	for t.await(sub)&0xf < 2 { // STARTING, STARTED
	}
	subtaskDrop(sub)
}
