package component

import (
	"cmp"
	"fmt"
	"time"

	"github.com/vitrine-wasm/vitrine/component/internal/pool"
)

// PoolSettings are those of a pool that can be changed while it runs. They are those of [PoolConfig] with the same names.
type PoolSettings struct {
	Max         int           // instances at most
	Queue       int           // invocations that wait; of Change: less than 0 is none
	Concurrency int           // invocations at once in one instance, of a pool with Reuse
	Uses        int           // invocations of an instance in its life, of a pool with Reuse; of Change: less than 0 is any number, which reads as 0
	Idle        time.Duration // how long an instance is kept that nobody uses
}

// Settings are those that the pool has now. Safe for concurrent use.
func (p *Pool) Settings() PoolSettings { return *p.settings.Load() }

// Change gives a running pool other settings; what is 0 stays as it is. Nobody is interrupted: invocations that are more than may be now
// go on, and so does who waits already, and instances that are too many end when they have been idle, or had their uses. An error says
// what contradicts itself; nothing has changed then. Safe for concurrent use.
func (p *Pool) Change(s PoolSettings) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	now := p.Settings()
	n := PoolSettings{Max: cmp.Or(s.Max, now.Max), Queue: max(cmp.Or(s.Queue, now.Queue), 0), Concurrency: cmp.Or(s.Concurrency, now.Concurrency),
		Uses: max(cmp.Or(s.Uses, now.Uses), 0), Idle: cmp.Or(s.Idle, now.Idle)}
	switch {
	case !p.config.Reuse && (s.Concurrency != 0 || s.Uses != 0):
		return fmt.Errorf("component %s: Concurrency and Uses of a pool say something with Reuse only", p.linked.name)
	case n.Max < 0 || n.Concurrency < 0 || n.Idle < 0:
		return fmt.Errorf("component %s: a pool cannot have less than nothing: Max %d, Concurrency %d, Idle %s", p.linked.name, n.Max, n.Concurrency, n.Idle)
	case n.Max < p.config.Ready:
		return fmt.Errorf("component %s: a pool of %d instances at most cannot keep %d ready; let more run", p.linked.name, n.Max, p.config.Ready)
	}
	if !p.linked.Concurrent() {
		n.Concurrency = 1
	}
	p.settings.Store(&n)
	p.pool.Change(pool.Limits{Max: n.Max, Seats: n.Concurrency, Queue: n.Queue, Uses: uint64(n.Uses), Idle: n.Idle})
	return nil
}
