package core

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/tetratelabs/wazero/api"

	"github.com/vitrine-wasm/vitrine/cm"
)

// Interrupt ends the guest code of one task, and of no other task in the same group. The zero Interrupt is none.
// Safe for concurrent use.
type Interrupt struct{ err atomic.Pointer[error] }

// Set makes guest code of the task end soon with err (a *cm.Trap as a rule); nil does nothing. The first err counts. Calls of
// the task that begin later end with it at once.
func (i *Interrupt) Set(err error) {
	if err != nil {
		i.err.CompareAndSwap(nil, &err)
	}
}

// Err is what was Set; nil if nothing was.
func (i *Interrupt) Err() error {
	if i == nil {
		return nil
	}
	if p := i.err.Load(); p != nil {
		return *p
	}
	return nil
}

// Thread is one thread of execution through the guests of one group, on behalf of one task. It counts the fuel that it has used, apart
// from the other threads of the group, which may run while it is parked in a host function. A group whose threads run one after the
// other pays nothing for that.
//
// Begin it before, and End it after its calls, whose context has to be a [Threaded] one. Its fields and methods belong to
// the goroutine that is inside the group.
type Thread struct {
	group     *Group
	interrupt *Interrupt
	running   *callObject // the innermost call under way
	stack     *guestStack // of its calls; nil before the first
	deep      uint64      // share of the engine's stackBudget
	charged   stackCharge // what of the stack is counted as memory
	limit     int64       // of fuel; 0: the group's only
	end       int64       // see Group.fuelEnd; for limit
	fuel      int64       // used until it was last the current thread
	lead      *Thread     // the thread whose limit bounds what both use together; nil: its own
	total     int64       // of a lead: what it and its parts have used, likewise
	refused   refusal
	denied    denial // of a lead: for itself and its parts
}

// refusal is a growth that a limit has refused.
type refusal struct{ memory, tables, budget bool }

// Threaded is a context for calls of guests that has their thread. Calls under any other context are of a thread of the group's own,
// which cannot be interrupted.
type Threaded interface {
	context.Context
	Thread() *Thread
}

// Begin makes t a thread of g that i interrupts (nil: nothing does) and that may use fuel units; 0: only the group's limit bounds it.
func (t *Thread) Begin(g *Group, i *Interrupt, fuel uint64) {
	t.group, t.interrupt, t.limit = g, i, int64(min(fuel, maxFuel))
	if g.current == nil && t.limit == 0 {
		g.current, g.mark = t, 0 // the start of its count does not matter
		return
	}
	t.Run()
}

// BeginPart makes t another thread of lead's task, with the same interrupt and under the same limit of fuel. It counts its own fuel.
func (t *Thread) BeginPart(lead *Thread) {
	t.group, t.interrupt, t.lead = lead.group, lead.interrupt, lead.first()
	t.Run()
}

// first is the thread whose limit bounds t.
func (t *Thread) first() *Thread {
	if t.lead != nil {
		return t.lead
	}
	return t
}

// Rest gives the thread's stack back until its next call; none is under way.
func (t *Thread) Rest() {
	if t.running == nil {
		t.giveStack()
	}
}

// Run makes t the current thread: before guest code is called, and when a host function returns to it.
func (t *Thread) Run() {
	if t.group.current != t {
		t.group.turnTo(t)
	}
}

// End ends t. Refusals that Refused has not returned go to its lead; without one, to the next Refused in the group if keep is set.
func (t *Thread) End(keep bool) {
	g := t.group
	if g.current == t {
		if t.lead != nil {
			t.charge(g.used() - g.mark)
		}
		g.current = nil
	}
	t.giveStack()
	if t.lead != nil {
		t.lead.refused.add(t.refused)
	} else if keep {
		g.own.refused.add(t.refused)
	}
}

// Err is what ends the thread's guest code: its task's interrupt, or the end of the group; nil if nothing does. It is checked
// when host functions return: a guest that does little but call them would use up its fuel slowly.
func (t *Thread) Err() error {
	if t.group.closed.Load() {
		return errClosed
	}
	return t.interrupt.Err()
}

// Fuel grows by what t uses, in the units of [Group.Fuel]; its first value is unspecified. It is exact while t runs no guest
// code.
func (t *Thread) Fuel() uint64 {
	n := t.fuel
	if t.group.current == t {
		n += t.group.used() - t.group.mark
	}
	return uint64(n)
}

// Refused returns the growth that a limit has refused in calls of t since the last Refused, which the guest has seen as a growth that
// fails; nil if there is none. A growth beyond the memory's or table's own maximum does not count.
func (t *Thread) Refused() *cm.LimitError {
	g := t.group
	r := t.refused
	r.add(g.own.refused)
	t.refused, g.own.refused = refusal{}, refusal{}
	return g.limitOf(r)
}

// limitOf is the limit that has refused a growth; nil for none.
func (g *Group) limitOf(r refusal) *cm.LimitError {
	switch {
	case r.budget:
		return g.engine.budget.Refusal("memory.grow was refused: a guest asked for more memory")
	case r.memory:
		return &cm.LimitError{Limit: "memory", Detail: fmt.Sprintf("memory.grow was refused: the memories of an instance may have %d bytes", g.limits.Memory)}
	case r.tables:
		return &cm.LimitError{Limit: "tables", Detail: fmt.Sprintf("table.grow was refused: the tables of an instance may have %d elements", g.limits.Tables)}
	}
	return nil
}

// HasRefused says whether Refused would return a growth.
func (t *Thread) HasRefused() bool {
	own := t.group.own.refused
	return t.refused.memory || t.refused.tables || own.memory || own.tables
}

func (r *refusal) add(o refusal) {
	r.memory = r.memory || o.memory
	r.tables = r.tables || o.tables
	r.budget = r.budget || o.budget
}

// thread is the thread of calls under ctx.
func (g *Group) thread(ctx context.Context) *Thread {
	if c, ok := ctx.(Threaded); ok {
		if t := c.Thread(); t.group == g {
			return t
		}
	}
	return &g.own
}

// charge adds n units to what t has used.
func (t *Thread) charge(n int64) {
	t.fuel += n
	t.first().total += n
}

// turnTo makes t the current thread and charges the previous one for the fuel used until now.
func (g *Group) turnTo(t *Thread) {
	lead := t.first()
	if lead.limit > 0 {
		g.takeBack()
	}
	now := g.used()
	if g.current != nil {
		g.current.charge(now - g.mark)
	}
	g.current, g.mark = t, now
	t.end = now + lead.limit - lead.total
}

// takeBack leaves instances without fuel, so that what was given to one thread is not spent by another.
func (g *Group) takeBack() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, i := range g.instances {
		fuel, ok := i.fuel.(api.MutableGlobal)
		if left := i.fuelLeft(); ok && left > 0 {
			fuel.Set(0)
			g.granted.Add(-left)
		}
	}
}

// noFuel is the trap of a thread that has used up its limit of fuel.
func noFuel(limit int64) error {
	return cm.Trapf(cm.TrapFuel, "the guest has done the work that it may do: %d loop iterations and function entries", limit)
}
