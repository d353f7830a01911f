package pipeline

import (
	"context"
	"sync"
	"sync/atomic"
)

// inflight counts and bounds the items between a processor's input and the end of their export, in number and bytes. The SDK's batch
// processors drop silently when their queues are full; in front of one, with the same bound, inflight drops and counts instead.
type inflight struct {
	maxItems int64 // of items
	maxBytes int64 // of bytes
	pending  atomic.Int64
	bytes    atomic.Int64
	losses   *losses

	mu     sync.Mutex // held by leave and abandon, so that only one of them counts an item
	closed atomic.Bool
}

// bytesPerItem bounds a queue's bytes for each of its items: about ten times their usual size.
const bytesPerItem = 8 << 10

// minQueueBytes is the least bound of a queue's bytes: one item must fit into the smallest queue.
const minQueueBytes = 1 << 20

func newInflight(bound int, l *losses) *inflight {
	return &inflight{maxItems: int64(bound), maxBytes: max(int64(bound)*bytesPerItem, minQueueBytes), losses: l}
}

// enter adds an item of a size in bytes. It reports false, and counts the item as dropped, if it does not fit.
func (f *inflight) enter(size int) bool {
	if f.closed.Load() {
		return false
	}
	if f.pending.Add(1) > f.maxItems {
		f.pending.Add(-1)
		f.losses.count(ReasonQueueFull, 1, nil)
		return false
	}
	if f.bytes.Add(int64(size)) > f.maxBytes {
		f.bytes.Add(int64(-size))
		f.pending.Add(-1)
		f.losses.count(ReasonQueueBytes, 1, nil)
		return false
	}
	return true
}

// room says whether one more item would fit, by number.
func (f *inflight) room() bool { return f.pending.Load() < f.maxItems && f.bytes.Load() < f.maxBytes }

// leave removes n items of a total size after their export, which failed if err is not nil.
func (f *inflight) leave(n, size int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed.Load() {
		return
	}
	f.pending.Add(int64(-n))
	f.bytes.Add(int64(-size))
	f.losses.exportDone(n, err)
}

// abandon counts the remaining items as lost, and closes f.
func (f *inflight) abandon() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed.Store(true)
	if n := f.pending.Swap(0); n > 0 {
		f.losses.count(ReasonShutdown, int(n), nil)
	}
}

// stopper cancels running exports when the time of Shutdown is over, so that no goroutine outlives it in a retry.
type stopper struct {
	ctx  context.Context
	stop context.CancelFunc
}

func newStopper() *stopper {
	ctx, stop := context.WithCancel(context.Background())
	return &stopper{ctx, stop}
}

// derive returns a context that the stopper cancels, too.
func (s *stopper) derive(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	release := context.AfterFunc(s.ctx, cancel)
	return ctx, func() { release(); cancel() }
}
