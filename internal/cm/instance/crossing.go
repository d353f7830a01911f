package instance

import (
	"context"
	"errors"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/task"
	"github.com/vitrine-wasm/vitrine/internal/core"
	"github.com/vitrine-wasm/vitrine/internal/reqctx"
)

// crossing is an observed call that the engine makes: the context of its callee, and the state for the time split at its end, in one
// allocation.
type crossing struct {
	cm.Crossing
	context.Context             // as Enter left it
	outer           *task.Tally // of the call that makes it
}

// guestCrossing is one into a guest.
type guestCrossing struct {
	crossing
	tally task.Tally
	store *Store
	core  *core.Thread // that the callee runs on
	apart bool         // it is not the caller's
	fuel  uint64       // of the thread, before
}

// Value makes the crossing the context of a host function: cm.CallFrom finds the call.
func (c *crossing) Value(key any) any {
	if key == cm.CallKey() {
		return &c.Call
	}
	return c.Context.Value(key)
}

// AfterFunc is what [context.AfterFunc] uses.
func (c *crossing) AfterFunc(f func()) (stop func() bool) { return reqctx.AfterFunc(c.Context, f) }

// enterHost begins an observed call of a host function that a makes over b. start is when it began; zero for now.
func (a *activation) enterHost(h cm.Hooks, b *cm.Boundary, args []cm.Val, start time.Time) *crossing {
	c := &crossing{}
	c.Start = start
	c.begin(a, a, h, b, args)
	return c
}

// enterGuest begins an observed call of a guest that a makes over b, in ctx.
func (a *activation) enterGuest(ctx context.Context, h cm.Hooks, b *cm.Boundary, args []cm.Val) *guestCrossing {
	c := &guestCrossing{store: a.store, core: a.core, fuel: a.core.Fuel()}
	c.begin(a, ctx, h, b, args)
	return c
}

func (c *crossing) begin(a *activation, ctx context.Context, h cm.Hooks, b *cm.Boundary, args []cm.Val) {
	c.outer = a.Tally
	c.Boundary, c.Parent, c.Call.Context, c.Instance = b, a.Call, ctx, *a.root.invocation.info
	c.SetArgs(args)
	c.Context = c.Enter(h)
}

// limitOf finds the limit in a cause. It is a function of its own so that the End of other calls does not escape to the heap.
func limitOf(cause error) (limit *cm.LimitError) {
	errors.As(cause, &limit)
	return limit
}

// leftHost leaves a call of a host function, with its duration and the cause of its guest's error. The time of its hooks counts as the call's in
// the caller's split, not as guest time.
func (c *crossing) leftHost(took time.Duration, cause error, result cm.Val, err error) {
	end := cm.End{Err: err, Cause: cause}
	if cause != nil {
		end.Limit = limitOf(cause)
	}
	end.Host, end.Wait = task.Split(took, c.Waited())
	c.Leave(result, end)
	c.outer.AddHost(time.Since(c.Start), end.Wait)
}

// leftCounted is leftHost for a call that is seen at its end only. What it has waited is noted on the call around it.
func (c *crossing) leftCounted(took, waited time.Duration, cause error, result cm.Val, err error) {
	end := cm.End{Err: err, Cause: cause}
	if cause != nil {
		end.Limit = limitOf(cause)
	}
	end.Host, end.Wait = task.Split(took, waited)
	c.Leave(result, end)
	c.outer.AddHost(time.Since(c.Start), 0)
}

// leftApart is leftHost for a function whose caller has gone on meanwhile.
func (c *crossing) leftApart(took time.Duration, cause error, result cm.Val, err error) {
	end := cm.End{Err: err, Cause: cause}
	if cause != nil {
		end.Limit = limitOf(cause)
	}
	end.Host, end.Wait = task.Split(took, c.Waited())
	c.Leave(result, end)
}

// leftGuest leaves a call of a guest, with its duration; for the caller's split see leftHost.
func (c *guestCrossing) leftGuest(took time.Duration, result cm.Val, err error) {
	spent := c.tally.Spend(took, c.Waited(), c.core.Fuel()-c.fuel)
	end := cm.End{
		Err: err, Guest: spent.Guest, Host: spent.Host, Wait: spent.Wait, Callees: spent.Callees, GuestTotal: spent.GuestTotal,
		Fuel: spent.Fuel, FuelTotal: spent.FuelTotal,
	}
	if c.Boundary.Kind == cm.HostToGuest {
		end.MemoryPeak, end.Limit = c.store.group.MemoryPeak(), c.core.Refused()
		c.Parent.AddWait(spent.WaitTotal) // a host function that calls a guest waits when that waits
	}
	c.Leave(result, end)
	if c.apart {
		c.outer.AddApart(&spent)
	} else {
		c.outer.Add(time.Since(c.Start), &spent)
	}
}

// abandon leaves a crossing whose goroutine ends in the callee, which only a deferred call sees.
func (c *crossing) abandon() {
	if c.Entered() {
		c.Leave(cm.Val{}, cm.End{Err: cm.Trapf(cm.TrapPanic, "the goroutine of %s has ended in it", c.Boundary.Name())})
	}
}
