// Package poll has goroutines of a component of WASI 0.2 wait for the host. There is one thread, which the host has while the component waits in a call: so a goroutine
// that waits leaves the others running, and when all of them wait, the host is asked once for whatever comes first, a timer of Go's included.
package poll

import (
	"context"
	"math"
	"runtime"
	"slices"

	"github.com/vitrine-wasm/vitrine/sdk/go/internal/schedule"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/bindings"
)

// waiter is a goroutine that waits.
type waiter struct {
	ctx   context.Context
	on    bindings.Pollable
	ready chan struct{}
}

var (
	waiting  []*waiter
	settling bool // a goroutine is in Alone: one at a time has the others run, or each would wait for the other to wait
	polling  bool // a goroutine runs poll
)

// Alone says that no other goroutine can run before the host has done what this one is about to call it for: then the call may block.
func Alone() bool {
	if settling || polling || len(waiting) > 0 {
		return false
	}
	settling = true
	schedule.Settle()
	settling = false
	begin()
	return len(waiting) == 0 && schedule.NextTimer() == math.MaxInt64
}

// begin has a goroutine poll for those that wait.
func begin() {
	if !polling && !settling && len(waiting) > 0 {
		polling = true
		go poll()
	}
}

// Wait waits until something is ready, or until the context ends, whose error it returns then. Drop on when Wait has returned, not before.
func Wait(ctx context.Context, on bindings.Pollable) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if Alone() {
		on.Block()
		return nil
	}
	w := &waiter{ctx, on, make(chan struct{})}
	waiting = append(waiting, w)
	begin()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		waiting = slices.DeleteFunc(waiting, func(other *waiter) bool { return other == w })
		return context.Cause(ctx)
	}
}

// Release has goroutines that wait though their context has ended go on, and let go of what they have of the host's.
func Release() {
	for slices.ContainsFunc(waiting, func(w *waiter) bool { return w.ctx.Err() != nil }) {
		runtime.Gosched()
	}
}

// poll asks the host for those that wait, for as long as there are any.
func poll() {
	defer func() { polling = false }()
	for {
		schedule.Settle()
		if len(waiting) == 0 {
			return
		}
		asked := slices.Clone(waiting)
		list := make([]bindings.Pollable, len(asked), len(asked)+1)
		for i, w := range asked {
			list[i] = w.on
		}
		if at := schedule.NextTimer(); at != math.MaxInt64 {
			list = append(list, bindings.MonotonicClockSubscribeDuration(bindings.Duration(max(at-schedule.Now(), 1))))
		}
		ready := bindings.PollPoll(list)
		if len(list) > len(asked) {
			list[len(asked)].Drop()
		}
		for _, i := range ready {
			if int(i) < len(asked) {
				w := asked[i]
				waiting = slices.DeleteFunc(waiting, func(other *waiter) bool { return other == w })
				close(w.ready)
			}
		}
	}
}
