package cm

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// LimitBudget is the Limit of a [LimitError] for what a [Budget] has refused.
const LimitBudget = "memoryBudget"

// Budget bounds the bytes that all guests of an engine have together: their memories, in use or idle, and what the host holds for them.
// Beyond it nothing is taken; who is refused can wait until something is given back. A nil Budget has no bound. Safe for concurrent use.
type Budget struct {
	limit   int64
	used    atomic.Int64
	refused atomic.Int64
	reclaim func() bool

	mu    sync.Mutex
	freed chan struct{} // closed by the next Give; nil: nobody waits
	waits atomic.Int64
}

// NewBudget makes a budget of so many bytes. reclaim is called where it does not suffice: it gives something back that is not in use,
// and says whether it has; nil: nothing can be. It is called from any goroutine.
func NewBudget(bytes uint64, reclaim func() bool) *Budget {
	return &Budget{limit: int64(min(bytes, 1<<62)), reclaim: reclaim}
}

// Take counts n bytes more, and says whether there is room for them. Before it refuses, what is not in use is given back.
func (b *Budget) Take(n int64) bool {
	if b == nil {
		return true
	}
	for !b.try(n) {
		if n > b.limit || b.reclaim == nil || !b.reclaim() {
			b.refused.Add(1)
			return false
		}
	}
	return true
}

// try takes n bytes, or nothing: a try that fails must not be, even for a moment, in the way of a smaller one.
func (b *Budget) try(n int64) bool {
	for {
		used := b.used.Load()
		if n > b.limit-used {
			return false
		}
		if b.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

// Force counts n bytes that exist already, even beyond the limit.
func (b *Budget) Force(n int64) {
	if b != nil {
		b.used.Add(n)
	}
}

// Give counts n bytes less, which were taken before.
func (b *Budget) Give(n int64) {
	if b == nil || n == 0 {
		return
	}
	b.used.Add(-n)
	b.Reclaimable()
}

// Reclaimable says that something is not in use any more which can be given back: who waits tries again.
func (b *Budget) Reclaimable() {
	if b == nil || b.waits.Load() == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.freed != nil {
		close(b.freed)
		b.freed = nil
	}
}

// pause is the least time between two tries of one that waits: what a try that fails has taken and given back is no reason for another one.
const pause = 10 * time.Millisecond

// Wait calls try now, and again each time something has been given back, until it says that there was room; false where that takes longer
// than patience, or ctx ends first.
func (b *Budget) Wait(ctx context.Context, patience time.Duration, try func() bool) bool {
	b.waits.Add(1)
	defer b.waits.Add(-1)
	end := time.NewTimer(patience)
	defer end.Stop()
	for {
		b.mu.Lock()
		if b.freed == nil {
			b.freed = make(chan struct{})
		}
		freed := b.freed
		b.mu.Unlock()
		if try() {
			return true
		}
		for _, next := range []<-chan struct{}{after(pause), freed} {
			select {
			case <-next:
			case <-end.C:
				return false
			case <-ctx.Done():
				return false
			}
		}
	}
}

// after is closed after d.
func after(d time.Duration) <-chan struct{} {
	c := make(chan struct{})
	time.AfterFunc(d, func() { close(c) })
	return c
}

// BudgetStats is what a budget counts.
type BudgetStats struct {
	Limit, Used uint64 // bytes
	Refused     uint64 // how often something was refused
	Waiting     int    // who waits
}

// Stats returns what is counted now; zero for a nil Budget.
func (b *Budget) Stats() BudgetStats {
	if b == nil {
		return BudgetStats{}
	}
	return BudgetStats{Limit: uint64(b.limit), Used: uint64(max(b.used.Load(), 0)), Refused: uint64(b.refused.Load()), Waiting: int(b.waits.Load())}
}

// Refusal is the error of something for which there is no room.
func (b *Budget) Refusal(what string) *LimitError {
	s := b.Stats()
	return &LimitError{Limit: LimitBudget, Detail: what + ", for which the memory budget of the process has no room: " +
		strconv.FormatUint(s.Used, 10) + " of " + strconv.FormatUint(s.Limit, 10) + " bytes are taken (--memory-budget)"}
}
