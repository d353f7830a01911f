package pipeline

import (
	"context"
	"sync"
	"sync/atomic"
)

// inflight counts and bounds what is between a processor's input and its exporter's answer, in items and in bytes. The SDK's
// batch processors drop silently when their queues are full; in front of one of them, with the same bound, it keeps that
// from happening and counts instead.
type inflight struct {
	bound   int64 // of items
	room    int64 // of bytes
	pending atomic.Int64
	bytes   atomic.Int64
	losses  *losses

	mu     sync.Mutex // of leave and abandon, so that nothing is counted by both
	closed atomic.Bool
}

// roomPerItem is how many bytes of a queue's room there are for each of its items: some ten times what they have as a rule.
const roomPerItem = 8 << 10

// minRoom is the least room of a queue, in bytes: one item must fit, whatever was asked for.
const minRoom = 1 << 20

func newInflight(bound int, l *losses) *inflight {
	return &inflight{bound: int64(bound), room: max(int64(bound)*roomPerItem, minRoom), losses: l}
}

// enter says whether one more item of a size fits; if not, it is counted as dropped.
func (f *inflight) enter(size int) bool {
	if f.closed.Load() {
		return false
	}
	if f.pending.Add(1) > f.bound {
		f.pending.Add(-1)
		f.losses.count(ReasonQueueFull, 1, nil)
		return false
	}
	if f.bytes.Add(int64(size)) > f.room {
		f.bytes.Add(int64(-size))
		f.pending.Add(-1)
		f.losses.count(ReasonQueueBytes, 1, nil)
		return false
	}
	return true
}

// leave takes n items of a size out: sent when err is nil, lost otherwise.
func (f *inflight) leave(n, size int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed.Load() {
		return
	}
	f.pending.Add(int64(-n))
	f.bytes.Add(int64(-size))
	f.losses.ended(n, err)
}

// abandon counts what is still on its way as lost; nothing enters or leaves any more.
func (f *inflight) abandon() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed.Store(true)
	if n := f.pending.Swap(0); n > 0 {
		f.losses.count(ReasonShutdown, int(n), nil)
	}
}

// stopper ends exports that are under way when the time given to Shutdown is over, so that no goroutine outlives it in
// a retry.
type stopper struct {
	ctx  context.Context
	stop context.CancelFunc
}

func newStopper() *stopper {
	ctx, stop := context.WithCancel(context.Background())
	return &stopper{ctx, stop}
}

// bound derives a context that also ends with the stopper.
func (s *stopper) bound(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	release := context.AfterFunc(s.ctx, cancel)
	return ctx, func() { release(); cancel() }
}
