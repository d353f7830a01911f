package core

import (
	"runtime"
	"slices"
	"sync"
	"time"
)

const (
	// stackFree is how deep a thread of control may be, in bytes, without a share of the budget.
	stackFree = 2 << 20

	// What all threads of control of an engine that are deeper may have at once: so much, or so much for each processor.
	deepStacks    = 512 << 20
	deepProcessor = 64 << 20

	// interruptPoll is the interval at which a thread that waits for its share checks its interrupt.
	interruptPoll = 5 * time.Millisecond
)

// stackBudget bounds what the deep stacks of an engine take together. A thread that needs more than is left waits: a guest that
// recurses without end is over in milliseconds, and one that is deep for good reason does not fail because of others. A thread takes
// all that it may ever need at once, so that none waits while it holds a part.
type stackBudget struct {
	mu      sync.Mutex
	total   uint64 // 0: not known yet
	taken   uint64
	waiting []*stackWaiter // the longest first
}

type stackWaiter struct {
	want  uint64
	ready chan struct{} // closed when it has its share
}

// take takes n bytes, or the whole budget if that is less, and returns how much. When stop returns an error, it gives up with that.
func (b *stackBudget) take(n uint64, stop func() error) (uint64, error) {
	b.mu.Lock()
	if b.total == 0 {
		b.total = max(deepStacks, deepProcessor*uint64(runtime.GOMAXPROCS(0)))
	}
	n = min(n, b.total)
	if len(b.waiting) == 0 && b.taken+n <= b.total {
		b.taken += n
		b.mu.Unlock()
		return n, nil
	}
	w := &stackWaiter{want: n, ready: make(chan struct{})}
	b.waiting = append(b.waiting, w)
	b.mu.Unlock()
	tick := time.NewTicker(interruptPoll)
	defer tick.Stop()
	for {
		select {
		case <-w.ready:
			return n, nil
		case <-tick.C:
			if err := stop(); err != nil {
				b.leave(w)
				return 0, err
			}
		}
	}
}

// leave removes w from the queue, or gives back the share that it got meanwhile.
func (b *stackBudget) leave(w *stackWaiter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.waiting, w); i >= 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
	} else {
		b.taken -= w.want
	}
	b.serve()
}

// give takes n bytes back.
func (b *stackBudget) give(n uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken -= n
	b.serve()
}

func (b *stackBudget) serve() {
	for len(b.waiting) > 0 && b.taken+b.waiting[0].want <= b.total {
		w := b.waiting[0]
		b.waiting = slices.Delete(b.waiting, 0, 1)
		b.taken += w.want
		close(w.ready)
	}
}
