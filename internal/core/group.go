package core

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"

	"github.com/vitrine-wasm/vitrine/cm"
)

// Limits bound what a Group's guests may have.
type Limits struct {
	Memory     uint64        // bytes, all memories together; 0: one page less than 4 GiB a memory
	Tables     uint32        // elements of all tables together; 0: a default of 10 million
	Fuel       uint64        // the most that Group.Fuel may be, within a check interval; 0: no bound
	Stack      uint64        // bytes of stack of each thread of control; 0: a default of 128 MiB
	StackApart bool          // stacks are not charged to the account: their limit is Stack alone
	StackHeld  *atomic.Int64 // the bytes of stacks beyond the free 2 MiB of each thread are added to it; nil: not counted
	CheckEvery uint32        // loop iterations and function entries between interrupt checks; 0: default
}

// defaultInterval is the check interval where Limits set none. A check costs about 50 ns, and an iteration between one nanosecond and
// half a microsecond: so checks cost a percent at most, and a guest runs for two milliseconds at most without one.
const defaultInterval = 4096

// maxInterval keeps the counter, a signed 32-bit number, far from its ends.
const maxInterval = 1 << 30

// Group is the state that the instances of one store share.
//
// The caller has to ensure that exactly one goroutine at a time runs inside a Group: in a Func.Call, in Instantiate, in Close, or with
// the bytes of a Memory. Others may be inside it as long as they are parked in host functions; each has a [Thread]. Fuel, Memory and
// MemoryPeak may be called at any time from any goroutine.
type Group struct {
	engine   *Engine
	limits   Limits
	interval int64
	granted  atomic.Int64 // fuel given out to instances so far
	fuelEnd  atomic.Int64 // a value of granted that is certainly within Limits.Fuel
	memory   atomic.Int64
	peak     atomic.Int64
	closed   atomic.Bool // written under mu

	own     Thread      // of calls without one
	current *Thread     // whose guest code runs, or ran last; nil: none
	mark    int64       // used fuel when current was set
	spare   *guestStack // of a thread that has ended, for the next one
	account *cm.Account // is charged for deep stacks

	mu        sync.Mutex // guards what follows
	instances []*Instance
	memories  []*linearMemory
	spent     int64  // fuel that instances had used when the group was closed
	base      int64  // fuel that they had used when the group was last reset
	elements  uint64 // of the tables of all instances
}

// maxFuel bounds limits, so that sums of them do not overflow.
const maxFuel = math.MaxInt64 / 4

// errClosed is the error of calls into a closed group.
var errClosed error = &cm.Trap{Code: cm.TrapDead, Detail: "the store is closed"}

// NewGroup makes a group.
func (e *Engine) NewGroup(l Limits) *Group {
	g := &Group{engine: e, limits: l, interval: defaultInterval}
	g.own.group = g
	if l.CheckEvery != 0 {
		g.interval = int64(min(l.CheckEvery, maxInterval))
	}
	if g.limits.Tables == 0 {
		g.limits.Tables = defaultTableLimit
	}
	if g.limits.Stack == 0 {
		g.limits.Stack = defaultStack
	}
	g.limits.Stack = min(g.limits.Stack, maxStack)
	g.limits.Fuel = min(g.limits.Fuel, maxFuel)
	g.fuelEnd.Store(int64(g.limits.Fuel))
	return g
}

// SetAccount sets the account that is charged for the stacks of threads that become deep from now on; nil, as at first: none.
func (g *Group) SetAccount(a *cm.Account) { g.account = a }

// refuel gives fuel to an instance in which t has overdrawn its own by -left; a trap if the group, or t, has used up its
// limit.
func (g *Group) refuel(t *Thread, left int64) (int64, error) {
	give := g.interval
	// The instance's counter is overdrawn, and Fuel sees it.
	if g.limits.Fuel != 0 && g.granted.Load()-left+give > g.fuelEnd.Load() {
		rest := int64(g.limits.Fuel) - int64(g.Fuel())
		if rest < 0 {
			return 0, noFuel(int64(g.limits.Fuel))
		}
		give = min(give, rest)
	}
	if lead := t.first(); lead.limit != 0 && g.granted.Load()-left+give > t.end {
		rest := lead.limit - lead.total
		if g.current == t {
			rest -= g.used() - g.mark
		}
		if rest < 0 {
			return 0, noFuel(lead.limit)
		}
		give = min(give, rest)
	}
	g.granted.Add(give - left)
	return give, nil
}

// Fuel is how much guest code has run: loop iterations, and entries of functions that call others. A long iteration or
// function counts once for each 4 KiB of its code, a bulk operation once for each 4 KiB that it moves. The figure is
// exact while no guest code runs, and behind by at most the check interval while some does; an innermost loop that ends by a trap may
// leave out what it has used since its beginning, at most an interval. It starts again at a Reset.
func (g *Group) Fuel() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return uint64(max(g.usedLocked()-g.base, 0))
}

// used is what instances have used since the group was made.
func (g *Group) used() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.usedLocked()
}

func (g *Group) usedLocked() int64 {
	if g.closed.Load() {
		return g.spent
	}
	n := g.granted.Load()
	for _, i := range g.instances {
		n -= i.fuelLeft()
	}
	return n
}

// Memory is the bytes that the group's memories have now, and MemoryPeak the most that they had.
func (g *Group) Memory() uint64 { return uint64(g.memory.Load()) }

// MemoryPeak is the most bytes that the group's memories had since the last Reset.
func (g *Group) MemoryPeak() uint64 { return uint64(g.peak.Load()) }

// elementBytes is what an element of a table takes.
const elementBytes = 8

// manyElements is a number of elements that Go's heap certainly has room for.
const manyElements = 1 << 17

// growTable counts n more elements of a table, in a call of t, and returns n; -1 if that is beyond the limit.
func (g *Group) growTable(t *Thread, n int32) int32 {
	refused := false
	defer func() { // without the lock
		if refused {
			t.deny(refusal{tables: true})
		}
	}()
	g.mu.Lock()
	defer g.mu.Unlock()
	if n == math.MaxInt32 || g.elements+uint64(n) > uint64(g.limits.Tables) {
		refused = true
		return -1
	}
	if n > 0 && g.elements+uint64(n) > manyElements && !addressSpace((g.elements+uint64(n))*elementBytes*2) { // wazero copies what grows
		return -1
	}
	g.elements += uint64(n)
	return n
}

// take counts n more bytes of memory. Where it does not, it says whether the group's own limit or the process's budget is why.
func (g *Group) take(n uint64) (limited, short bool) {
	now := g.memory.Add(int64(n))
	if g.limits.Memory != 0 && uint64(now) > g.limits.Memory {
		g.memory.Add(-int64(n))
		return true, false
	}
	if !g.engine.budget.Take(int64(n)) {
		g.memory.Add(-int64(n))
		return false, true
	}
	for {
		p := g.peak.Load()
		if now <= p || g.peak.CompareAndSwap(p, now) {
			return false, false
		}
	}
}

// give counts n bytes of memory less.
func (g *Group) give(n uint64) {
	g.memory.Add(-int64(n))
	g.engine.budget.Give(int64(n))
}

// Close releases every instance and memory of the group. No goroutine may be inside it, and later calls end with an error.
// The bytes of its memories are unmapped, and touching them kills the process. A second
// Close does nothing.
func (g *Group) Close(ctx context.Context) error {
	g.mu.Lock()
	if g.closed.Load() {
		g.mu.Unlock()
		return nil
	}
	g.spent = g.usedLocked()
	g.closed.Store(true)
	instances, memories := g.instances, g.memories
	g.instances, g.memories = nil, nil
	stacks := []*guestStack{g.spare, g.own.stack}
	g.spare, g.own.stack = nil, nil
	g.mu.Unlock()

	// The whole tree ends at once: wazero hides pointers between instances from the collector, so each stays referenced
	// until all are closed, and memory goes last of all.
	var errs []error
	for i := len(instances) - 1; i >= 0; i-- {
		errs = append(errs, instances[i].close(ctx))
	}
	for _, m := range memories {
		m.release()
	}
	for _, s := range stacks {
		if s != nil {
			g.engine.stacks.put(s)
		}
	}
	g.engine.budget.Give(g.memory.Swap(0))
	return errors.Join(errs...)
}
