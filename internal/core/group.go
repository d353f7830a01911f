package core

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"github.com/tetratelabs/wazero/api"

	"github.com/vitrine-wasm/vitrine/cm"
)

// Limits bound what a Group's guests may have.
type Limits struct {
	Memory     uint64 // bytes, all memories together; 0: 4 GiB a memory
	Tables     uint32 // elements of each table, and of all tables together as they start; 0: a default of 10 million
	Fuel       uint64 // what Group.Fuel may come to, to the check interval; 0: no bound
	Stack      uint64 // bytes of stack of each thread of control; 0: a default of 128 MiB
	CheckEvery uint32 // loop iterations and function entries between interrupt checks; 0: default
}

// defaultInterval is between checks where Limits say nothing. A check costs about 50 ns, and an iteration between one
// nanosecond and half a microsecond: this is a percent at most, and two milliseconds before a guest hears anything.
const defaultInterval = 4096

// maxInterval keeps the counter, a signed 32-bit number, far from its ends.
const maxInterval = 1 << 30

// Group is what the instances of one store share.
//
// Exactly one goroutine may be inside a Group at a time, which is for the caller to see to: in a Func.Call, in
// Instantiate, in Close, or with the bytes of a Memory. Interrupt, Resume, Fuel, Memory and MemoryPeak may be called by
// anybody at any time.
type Group struct {
	engine    *Engine
	limits    Limits
	interval  int64
	interrupt atomic.Pointer[error]
	granted   atomic.Int64 // fuel given out to instances so far
	fuelEnd   atomic.Int64 // granted that is certainly within Limits.Fuel
	memory    atomic.Int64
	peak      atomic.Int64

	running *callObject         // the innermost call under way
	stack   *guestStack         // what calls run on; nil before the first
	deep    uint64              // share of the engine's stackBudget
	refused bool                // a memory was not let grow by Limits.Memory
	growers []api.MutableGlobal // what says the same of tables, of each instance that can grow one

	mu        sync.Mutex // guards what follows
	instances []*Instance
	memories  []*linearMemory
	spent     int64  // what instances had used when the group was closed
	base      int64  // what they had used when the group was last reset
	elements  uint64 // that the tables of all instances started with
	closed    bool
}

// errClosed is what calls into a closed group end with.
var errClosed error = &cm.Trap{Code: cm.TrapDead, Detail: "the store is closed"}

// NewGroup makes a group.
func (e *Engine) NewGroup(l Limits) *Group {
	g := &Group{engine: e, limits: l, interval: defaultInterval}
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
	g.limits.Fuel = min(g.limits.Fuel, math.MaxInt64/2)
	g.fuelEnd.Store(int64(g.limits.Fuel))
	return g
}

// refuel gives fuel to an instance that has overdrawn its own by -left; a trap if the group has used up all of its own.
func (g *Group) refuel(left int64) (int64, error) {
	give := g.interval
	if g.limits.Fuel != 0 && g.granted.Load()-left+give > g.fuelEnd.Load() {
		rest := int64(g.limits.Fuel) - int64(g.Fuel()) // the instance's counter is overdrawn, and Fuel sees it
		if rest < 0 {
			return 0, cm.Trapf(cm.TrapFuel, "the guest has done the work that it may do: %d loop iterations and function entries", g.limits.Fuel)
		}
		give = min(give, rest)
	}
	g.granted.Add(give - left)
	return give, nil
}

// Interrupt makes guest code of the group end soon with err (a *cm.Trap as a rule); safe from any goroutine. Resume
// clears it. The first interrupt wins until then. Calls that begin while it lasts end with err at once.
func (g *Group) Interrupt(err error) {
	if err != nil {
		g.interrupt.CompareAndSwap(nil, &err)
	}
}

// Interrupted is the error of the interrupt that is in force; nil if there is none. Host functions ask it on their way
// back: a guest that does little but call them would use up its fuel slowly.
func (g *Group) Interrupted() error {
	if p := g.interrupt.Load(); p != nil {
		return *p
	}
	return nil
}

// Resume takes an Interrupt back. It does not open a closed group again.
func (g *Group) Resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.interrupt.Store(nil)
	}
}

// Fuel is how much guest code has run: loop iterations, and entries of functions that call others. A long iteration or
// function counts once for each 4 KiB of its code, a bulk operation once for each 4 KiB that it moves. The figure is
// exact while no guest code runs, and behind by at most the check interval while some does. It starts again at a Reset.
func (g *Group) Fuel() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := g.spent
	if !g.closed {
		n = g.granted.Load()
		for _, i := range g.instances {
			n -= i.fuelLeft()
		}
		n -= g.base
	}
	return uint64(max(n, 0))
}

// Memory is the bytes that the group's memories have now, and MemoryPeak the most that they had.
func (g *Group) Memory() uint64 { return uint64(g.memory.Load()) }

// MemoryPeak is the most bytes that the group's memories had since the last Reset.
func (g *Group) MemoryPeak() uint64 { return uint64(g.peak.Load()) }

// Refused says whether the limits have kept a memory or a table from growing since it was asked last, which the guest has
// seen as a growth that fails; nil if not. What the memory's or table's own maximum forbids does not count. It is for
// whoever may be inside the group.
func (g *Group) Refused() *cm.LimitError {
	memory, tables := g.refused, false
	g.refused = false
	for _, x := range g.growers {
		if x.Get() != 0 {
			x.Set(0)
			tables = true
		}
	}
	switch {
	case memory:
		return &cm.LimitError{Limit: "memory", Detail: fmt.Sprintf("memory.grow was refused: the memories of an instance may have %d bytes", g.limits.Memory)}
	case tables:
		return &cm.LimitError{Limit: "tables", Detail: fmt.Sprintf("table.grow was refused: a table may have %d elements", g.limits.Tables)}
	}
	return nil
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
	fuel := g.Fuel()
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return nil
	}
	g.closed = true
	g.spent = int64(fuel)
	g.interrupt.Store(&errClosed)
	instances, memories := g.instances, g.memories
	g.instances, g.memories, g.growers = nil, nil, nil
	stack := g.stack
	g.stack = nil
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
	if stack != nil {
		g.engine.stacks.put(stack)
	}
	g.memory.Store(0)
	return errors.Join(errs...)
}
