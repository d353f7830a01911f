package async

import (
	"context"
	"runtime"
	"time"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
)

// waits are where events go, by their waitables. A channel has room for all that can come: a subtask has started, and has ended.
var waits = map[uint32]chan uint32{}

// watch has the events of a waitable come to the current task, and gives the channel where they arrive.
func watch(waitable uint32) (*task, chan uint32) {
	t := current()
	if t == nil {
		t = active
	}
	if t == nil || t == &synchronous {
		panic("async: a goroutine waits for the host, which has called no asynchronous function: one that is synchronous can neither sleep nor wait for a call, a stream or a future")
	}
	if t.set == nil {
		t.set = takeSet()
	}
	t.waits++
	w := make(chan uint32, 2)
	waits[waitable] = w
	waitableJoin(waitable, t.set.handle)
	return t, w
}

func (t *task) unwatch(waitable uint32) {
	t.waits--
	delete(waits, waitable)
	waitableJoin(waitable, 0)
}

// blocked is what an operation returns that is not over yet.
const blocked = 0xffffffff

// next is the next event of a waitable. When the context ends, it calls cancel once, which may bring the event.
func next(done *<-chan struct{}, w chan uint32, cancel func() uint32) uint32 {
	for {
		select {
		case e := <-w:
			return e
		case <-*done:
		}
		*done = nil
		gate()
		select { // the event may have come first
		case e := <-w:
			return e
		default:
		}
		if e := cancel(); e != blocked {
			return e
		}
	}
}

// The states of a subtask (CanonicalABI.md §Subtask State).
const (
	starting = 0
	returned = 2
)

// Call waits for the end of a call of the host, of which status is what the host has returned. Bindings call it within a crossing, which it ends when the host has read what is
// passed. The call is cancelled when the context ends: it is over then without a result, and the error is the context's, unless the result is there already.
func Call(ctx context.Context, status uint32) error {
	state, subtask := status&0xf, status>>4
	if state != starting {
		cabi.Leave()
	}
	if subtask == 0 {
		return nil
	}
	t, w := watch(subtask)
	done := ctx.Done()
	for state < returned {
		began := state != starting
		state = next(&done, w, func() uint32 { return subtaskCancel(subtask) })
		if !began && state != starting {
			cabi.Leave()
		}
	}
	t.unwatch(subtask)
	subtaskDrop(subtask)
	if state != returned {
		return context.Cause(ctx)
	}
	return nil
}

// Sleep waits for a duration, or until the context ends, whose error it returns then.
func Sleep(ctx context.Context, d time.Duration) error {
	if err := context.Cause(ctx); err != nil || d <= 0 {
		return err
	}
	cabi.Enter()
	return Call(ctx, waitFor(uint64(d)))
}

// pending is what the host reads or writes while an operation is under way. That it is here has the compiler put it on the heap, which does not move.
type pending struct {
	bytes  []byte
	buffer *cabi.Buffer
}

// settle waits until an operation of an end is over, of which r is what the host has returned.
func (p *pending) settle(ctx context.Context, end, r uint32, cancel func(end uint32) uint32) uint32 {
	if r == blocked {
		t, w := watch(end)
		done := ctx.Done()
		r = next(&done, w, func() uint32 { return cancel(end) })
		t.unwatch(end)
	}
	runtime.KeepAlive(p)
	return r
}
