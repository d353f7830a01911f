package component

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
)

// WithMemoryBudget bounds the bytes that the instances of an engine have together: their memories, those of idle instances in pools
// included, and what the host holds for them. Where it does not suffice, pools give back their idle instances, the longest idle first. Then a
// pool waits for a few seconds with an instance that it has to make, and refuses the invocation with a trap of code overload if there is still
// no room; a guest that runs sees memory.grow fail. 0 is no bound.
func WithMemoryBudget(bytes uint64) Option { return func(o *engineOptions) { o.budget = bytes } }

// MemoryBudget is what the engine's memory budget counts; all is zero without one.
func (e *Engine) MemoryBudget() cm.BudgetStats { return e.core.Budget().Stats() }

// budgetPatience is how long an invocation waits for memory for its instance. Instances are given back when the invocations in them end,
// which most do within that time; a client does better to try again than to wait longer.
const budgetPatience = 5 * time.Second

// pools are an engine's pools, which give back idle instances where memory is short.
type pools struct {
	mu  sync.Mutex
	all map[*Pool]struct{}
}

func (s *pools) add(p *Pool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[*Pool]struct{}{}
	}
	s.all[p] = struct{}{}
}

func (s *pools) remove(p *Pool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, p)
}

// reclaim closes the instance that has been idle for longest, and says whether there was one.
func (s *pools) reclaim() bool {
	for {
		s.mu.Lock()
		var oldest *Pool
		var since time.Time
		for p := range s.all {
			if t, ok := p.pool.IdleSince(); ok && (oldest == nil || t.Before(since)) {
				oldest, since = p, t
			}
		}
		s.mu.Unlock()
		if oldest == nil {
			return false
		}
		if oldest.pool.Evict() {
			return true
		}
	}
}

// crowded says that the budget is nearly used up: then nothing is made ahead, which would be given back at once.
func (p *Pool) crowded() bool {
	s := p.linked.engine.MemoryBudget()
	return s.Limit > 0 && s.Used > s.Limit/8*7
}

// withMemory makes an instance, and waits where the budget has no room for it.
func (p *Pool) withMemory(ctx context.Context, attempt func(context.Context) (*Instance, error)) (*Instance, error) {
	inst, err := attempt(ctx)
	if !overBudget(err) {
		return inst, err
	}
	waits := p.short.Add(1)
	defer p.short.Add(-1)
	if waits > int64(p.Settings().Queue) {
		return nil, err
	}
	wctx, end := ctx, func(error) {}
	if p.linked.interceptor != nil {
		wctx, end = p.observeWait(ctx, waits-1)
	}
	p.linked.engine.core.Budget().Wait(wctx, budgetPatience, func() bool {
		inst, err = attempt(ctx)
		return !overBudget(err)
	})
	if err != nil && ctx.Err() != nil {
		t := cm.EndedTrap(ctx)
		t.Detail += " while waiting for memory for an instance"
		err = t
	}
	end(err)
	return inst, err
}

// overBudget says that an instance could not be made because the engine's budget has no room.
func overBudget(err error) bool {
	var limit *cm.LimitError
	return errors.As(err, &limit) && limit.Limit == cm.LimitBudget
}
