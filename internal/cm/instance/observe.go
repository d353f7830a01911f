package instance

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/task"
	"github.com/vitrine-wasm/vitrine/internal/core"
	"github.com/vitrine-wasm/vitrine/internal/life"
)

// crossing is one observed call: the cm.Call, the context that its callee sees, and what is needed to tell the time
// split at its end. One allocation holds it all.
type crossing struct {
	cm.Call
	context.Context // as Enter left it
	store           *Store
	thread          *core.Thread
	hooks           cm.Hooks
	begun           time.Time // after Enter: what hooks do is no time of the callee's
	clock           *task.Clock
	hostBefore      time.Duration
	fuelBefore      uint64
	limit           *cm.LimitError // that the host function ran into
	end             cm.End

	// A held call ends when both its host function has returned and its work has finished; the second one reports. What the
	// work says of its end stays apart until then: the two may be on different goroutines.
	halves   atomic.Int32
	finished atomic.Bool
	value    any
	failure  error
}

// Value makes the crossing the context of a host function: cm.CallFrom finds the call.
func (c *crossing) Value(key any) any {
	if key == cm.CallKey() {
		return &c.Call
	}
	return c.Context.Value(key)
}

// AfterFunc is what [context.AfterFunc] uses.
func (c *crossing) AfterFunc(f func()) (stop func() bool) { return life.AfterFunc(c.Context, f) }

// enter makes an observed call. parent is the task that makes it.
func (s *Store) enter(parent *activation, ctx context.Context, h cm.Hooks, b *cm.Boundary, args []cm.Val) *crossing {
	c := &crossing{thread: parent.thread, store: s, hooks: h, clock: parent.Clock}
	c.Boundary, c.Parent, c.Call.Context, c.Instance = b, parent.Call, ctx, s.info
	c.Start = time.Now()
	if c.clock == nil {
		c.clock = &task.Clock{}
	}
	c.hostBefore = c.clock.Host
	if b.Kind != cm.GuestToHost {
		c.fuelBefore = c.thread.Fuel()
	}
	c.SetArgs(args)
	c.Context = h.Enter(&c.Call)
	c.begun = time.Now()
	return c
}

// exit ends an observed call; err is what comes out of it.
func (c *crossing) exit(result cm.Val, err error) {
	total := time.Since(c.begun)
	c.end = cm.End{Outcome: outcome(err), Err: err, Wait: c.Waited(), Limit: c.limit}
	switch c.Boundary.Kind {
	case cm.GuestToHost:
		c.end.Host = total - c.end.Wait
		c.clock.Host = c.hostBefore + total
	default:
		inHost := c.clock.Host - c.hostBefore
		c.end.Host = inHost - c.end.Wait
		c.end.Guest = total - inHost
		c.end.Fuel = c.thread.Fuel() - c.fuelBefore
	}
	if c.Boundary.Kind == cm.HostToGuest {
		c.end.MemoryPeak, c.end.Limit = c.store.group.MemoryPeak(), c.thread.Refused()
	}
	if !result.IsZero() {
		c.SetResults([]cm.Val{result})
	}
	if !c.Held() || err != nil {
		if c.halves.Swap(over) < over {
			c.hooks.Exit(&c.Call, c.end)
		}
		return
	}
	if r, ok := c.hooks.(cm.Returner); ok {
		r.Returned(&c.Call)
	}
	c.SetArgs(nil)
	c.SetResults(nil)
	if c.halves.Add(1) == 2 {
		c.settle()
	}
}

// over is what halves is from when a call has ended without waiting for its work.
const over = 100

// finish is the end of a held call's work, from any goroutine.
func (c *crossing) finish(value any, err error) {
	if c.finished.Swap(true) {
		return
	}
	c.value, c.failure = value, err
	if c.halves.Add(1) == 2 {
		c.settle()
	}
}

// settle reports the end of a held call once both halves are there.
func (c *crossing) settle() {
	c.end.Value = c.value
	if c.failure != nil {
		errors.As(c.failure, &c.end.Limit)
		c.end.Outcome, c.end.Err = outcome(c.failure), c.failure
	}
	c.hooks.Exit(&c.Call, c.end)
}

// outcome classifies an error.
func outcome(err error) cm.Outcome {
	if err == nil {
		return cm.OK
	}
	var exit *cm.ExitError
	var t *cm.Trap
	switch {
	case errors.As(err, &exit):
		return cm.OK
	case errors.As(err, &t):
		if t.Code == cm.TrapCancel {
			return cm.Cancelled
		}
		if t.Blame() == cm.BlameGuest {
			return cm.Trapped
		}
	case errors.Is(err, context.Canceled):
		return cm.Cancelled
	}
	return cm.Aborted
}
