package pool

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/vitrine-wasm/vitrine/cm"
)

// Prewarm makes the members that are to be ready. The first is made alone: the others share its snapshot. The rest is made
// by as many goroutines as there are processors.
func (p *Pool) Prewarm(ctx context.Context) error {
	if p.cfg.Ready == 0 {
		return nil
	}
	if err := p.makeReady(ctx); err != nil {
		return err
	}
	left := int64(p.cfg.Ready - 1)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var begun atomic.Int64
	var wg sync.WaitGroup
	for range min(int(left), runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for begun.Add(1) <= left && ctx.Err() == nil {
				if err := p.makeReady(ctx); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// makeReady makes one member and keeps it.
func (p *Pool) makeReady(ctx context.Context) error {
	ctx, stop := p.bound(ctx)
	defer stop()
	if p.cfg.Reuse {
		return p.makeSpare(ctx)
	}
	m, err := p.make(ctx)
	if err == nil {
		p.keep(m, ready)
	}
	return err
}

// bound gives initialisation outside an invocation the deadline of an invocation.
func (p *Pool) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if p.cfg.Deadline <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, p.cfg.Deadline, &cm.Trap{Code: cm.TrapDeadline,
		Detail: fmt.Sprintf("%s: initialisation took longer than %s", p.cfg.Name, p.cfg.Deadline)})
}

// mayWorkAhead says whether no invocation needs a seat and a processor is free for work ahead.
func (p *Pool) mayWorkAhead() bool {
	return p.waiting.Load() == 0 && p.seats.len() <= p.cfg.Processors && p.prewarmCtx.Err() == nil
}

// lacks says whether there are fewer members than are to be ready, those that are busy included: they come back.
func (p *Pool) lacks() bool {
	if p.cfg.Reuse {
		return p.crew.number() < p.cfg.Ready
	}
	return p.cfg.Ready > 0 && p.idle.len()+p.seats.len() < p.cfg.Ready
}

// resetAhead resets a member before an invocation needs it.
func (p *Pool) resetAhead(m *Member) {
	p.resetting.Add(1)
	defer p.resetting.Add(-1)
	ctx, stop := p.prewarmCtx, context.CancelFunc(func() {})
	if m.Instance.Initialises() {
		ctx, stop = p.bound(ctx)
	}
	defer stop()
	if p.reset(ctx, m) == nil {
		p.keep(m, ready)
	}
}

// refill makes members in the place of those that could not be kept, until Ready are there or invocations need the seats. It is done in
// the background, by one goroutine for each pool.
func (p *Pool) refill() {
	if p.cfg.Crowded != nil && p.cfg.Crowded() || p.refilling.Swap(true) {
		return
	}
	if !p.admit() {
		p.refilling.Store(false)
		return
	}
	go func() {
		defer p.discharge()
		defer p.refilling.Store(false)
		for p.lacks() && p.prewarmCtx.Err() == nil && p.seats.try() {
			// The seat stands for the new member.
			room := p.cfg.Reuse || p.idle.len()+p.seats.len() <= p.seats.cap()
			var err error
			if room {
				err = p.makeReady(p.prewarmCtx)
			}
			p.seats.give()
			if err != nil {
				p.cfg.Logger.Warn("an instance could not be made ready", "component", p.cfg.Name, "error", err)
			}
			if err != nil || !room || p.waiting.Load() > 0 {
				return
			}
		}
	}()
}
