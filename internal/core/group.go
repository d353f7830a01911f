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
	Memory     uint64        // bytes, all memories together; 0: 4 GiB a memory
	Tables     uint32        // elements of all tables together; 0: a default of 10 million
	Fuel       uint64        // what Group.Fuel may come to, to the check interval; 0: no bound
	Stack      uint64        // bytes of stack of each thread of control; 0: a default of 128 MiB
	StackApart bool          // stacks are not charged to the account: their limit is Stack alone
	StackHeld  *atomic.Int64 // what stacks beyond the free 2 MiB of a thread take is added to it, in bytes; nil: not counted
	CheckEvery uint32        // loop iterations and function entries between interrupt checks; 0: default
}

// defaultInterval is between checks where Limits say nothing. A check costs about 50 ns, and an iteration between one
// nanosecond and half a microsecond: this is a percent at most, and two milliseconds before a guest hears anything.
const defaultInterval = 4096

// maxInterval keeps the counter, a signed 32-bit number, far from its ends.
const maxInterval = 1 << 30

// Group is what the instances of one store share.
//
// Exactly one goroutine may run inside a Group at a time, which is for the caller to see to: in a Func.Call, in
// Instantiate, in Close, or with the bytes of a Memory. Others may be inside it, too, as long as they are parked in host
// functions: each has a [Thread]. Fuel, Memory and MemoryPeak may be called by anybody at any time.
type Group struct {
	engine   *Engine
	limits   Limits
	interval int64
	granted  atomic.Int64 // fuel given out to instances so far
	fuelEnd  atomic.Int64 // granted that is certainly within Limits.Fuel
	memory   atomic.Int64
	peak     atomic.Int64
	closed   atomic.Bool // written under mu

	own     Thread      // of calls that come with none
	current *Thread     // whose guest code runs, or ran last and goes on; nil: nobody's
	mark    int64       // what had been used when it was made the current one
	spare   *guestStack // of a thread that has ended, for the next one
	account *cm.Account // what deep stacks are charged to

	mu        sync.Mutex // guards what follows
	instances []*Instance
	memories  []*linearMemory
	spent     int64  // what instances had used when the group was closed
	base      int64  // what they had used when the group was last reset
	elements  uint64 // that the tables of all instances have
}

// maxFuel bounds limits, so that sums of them stay numbers.
const maxFuel = math.MaxInt64 / 4

// errClosed is what calls into a closed group end with.
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

// SetAccount says which account the stacks of threads are charged to that become deep from now on; nil: to none, as before the first time.
func (g *Group) SetAccount(a *cm.Account) { g.account = a }

// refuel gives fuel to an instance in which t has overdrawn its own by -left; a trap if the group, or t, has used up all that
// it may.
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
// exact while no guest code runs, and behind by at most the check interval while some does. It starts again at a Reset.
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

// manyElements is as many as Go can be trusted to have room for.
const manyElements = 1 << 17

// growTable says whether a table may grow by n elements in a call of t: n if so, and counts them, else -1.
func (g *Group) growTable(t *Thread, n int32) int32 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n == math.MaxInt32 || g.elements+uint64(n) > uint64(g.limits.Tables) {
		t.refused.tables = true
		return -1
	}
	if n > 0 && g.elements+uint64(n) > manyElements && !addressSpace((g.elements+uint64(n))*elementBytes*2) { // wazero copies what grows
		return -1
	}
	g.elements += uint64(n)
	return n
}

// take accounts for n more bytes of memory; false if that is beyond the limit.
func (g *Group) take(n uint64) bool {
	now := g.memory.Add(int64(n))
	if g.limits.Memory != 0 && uint64(now) > g.limits.Memory {
		g.memory.Add(-int64(n))
		return false
	}
	for {
		p := g.peak.Load()
		if now <= p || g.peak.CompareAndSwap(p, now) {
			return true
		}
	}
}

// Close releases every instance and memory of the group. No goroutine may be inside it, and none may come later: calls
// end with an error, but bytes of a memory that somebody kept are gone, and touching them kills the process. A second
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
	g.memory.Store(0)
	return errors.Join(errs...)
}
