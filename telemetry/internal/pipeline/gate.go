package pipeline

import (
	"context"
	"sync"
	"sync/atomic"
)

// gate bounds what is on its way between a processor's input and its exporter's answer. The SDK's batch processors
// drop silently when their queues are full; in front of one of them, with the same bound, a gate keeps that from
// happening and counts instead.
type gate struct {
	bound   int64
	pending atomic.Int64
	losses  *losses

	mu     sync.Mutex // of leave and abandon, so that nothing is counted by both
	closed atomic.Bool
}

// enter says whether one more item fits; if not, it is counted as dropped.
func (g *gate) enter() bool {
	if g.closed.Load() {
		return false
	}
	if g.pending.Add(1) <= g.bound {
		return true
	}
	g.pending.Add(-1)
	g.losses.count(ReasonQueueFull, 1, nil)
	return false
}

// leave takes n items out: sent when err is nil, lost otherwise.
func (g *gate) leave(n int, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed.Load() {
		return
	}
	g.pending.Add(int64(-n))
	if err != nil {
		g.losses.count(ReasonExport, n, err)
	}
}

// abandon counts what is still on its way as lost; nothing enters or leaves any more.
func (g *gate) abandon() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed.Store(true)
	if n := g.pending.Swap(0); n > 0 {
		g.losses.count(ReasonShutdown, int(n), nil)
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
