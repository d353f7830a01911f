package host

import (
	"context"
	"sync/atomic"

	"github.com/vitrine-wasm/vitrine/cm"
)

// pool bounds how many instances of a component run at once and how many invocations wait for one. Those who wait are
// served in order.
type pool struct {
	name    string
	slots   chan struct{}
	waiting atomic.Int64
	queue   int64
}

func newPool(name string, most, queue int) *pool {
	return &pool{name: name, slots: make(chan struct{}, most), queue: int64(queue)}
}

// try takes a slot if one is free.
func (p *pool) try() bool {
	select {
	case p.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// acquire waits for a slot. It fails at once with an overload trap when the queue is full, and with ctx's own trap when
// ctx ends first.
func (p *pool) acquire(ctx context.Context) error {
	if p.try() {
		return nil
	}
	if p.waiting.Add(1) > p.queue {
		p.waiting.Add(-1)
		return cm.Trapf(cm.TrapOverload, "%s: %d instances run and %d invocations wait", p.name, cap(p.slots), p.queue)
	}
	defer p.waiting.Add(-1)
	select {
	case p.slots <- struct{}{}:
		if ctx.Err() == nil {
			return nil
		}
		p.release() // both happened at once
	case <-ctx.Done():
	}
	return endedTrap(ctx, "while waiting for an instance")
}

func (p *pool) release() { <-p.slots }
