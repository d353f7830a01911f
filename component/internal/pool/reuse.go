package pool

import (
	"context"
	"slices"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
)

// crew are the members of a pool that reuses them. Its lock is taken before that of the idle list.
type crew struct {
	mu      sync.Mutex
	open    []*Member // with a seat that is taken, and more may be; those that are being made included
	usable  int       // members that are not leaving: open, idle, or being made
	leaving int       // members in which no more seats are taken, and some are
}

func (c *crew) number() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.usable
}

func (c *crew) counts() (busy, leaving, fullest int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.open {
		fullest = max(fullest, m.taken)
	}
	return len(c.open), c.leaving, fullest
}

// begin adds a member whose instance is to be made; others may take a seat in it from now on. c.mu is held.
func (c *crew) begin(seats int) *Member {
	m := &Member{seats: seats, counted: true, there: make(chan struct{})}
	c.usable++
	c.open = append(c.open, m)
	return m
}

// discount says that a member is not usable any more.
func (c *crew) discount(m *Member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uncount(m)
}

// uncount is discount with the lock held.
func (c *crew) uncount(m *Member) {
	if m.counted {
		m.counted = false
		c.usable--
	}
}

// leave says that no more seats in m are taken. c.mu is held.
func (c *crew) leave(m *Member, why string) {
	if m.leaving != "" {
		return
	}
	m.leaving = why
	c.uncount(m)
	c.close(m)
	c.leaving++
}

// close takes m off the list open. c.mu is held.
func (c *crew) close(m *Member) {
	if n := slices.Index(c.open, m); n >= 0 {
		c.open = slices.Delete(c.open, n, n+1)
	}
}

// join takes a seat in a member, for an invocation that holds one of the pool's seats; it is the use'th of the member's.
func (p *Pool) join(ctx context.Context) (m *Member, use uint64, err error) {
	for {
		m, use, makes := p.choose(ctx)
		switch {
		case makes:
			if err := p.makeOpen(ctx, m); err != nil {
				return nil, 0, err
			}
			return m, use, nil
		case m.there == nil:
			return m, use, nil
		}
		select {
		case <-m.there:
			if m.Instance != nil {
				return m, use, nil
			}
		case <-ctx.Done():
			p.part(context.WithoutCancel(ctx), m, nil)
			t := cm.EndedTrap(ctx)
			t.Detail += " while waiting for an instance"
			return nil, 0, t
		}
	}
}

// choose reserves a seat: in an idle member, in one that the caller has to make, or in one that others are in.
func (p *Pool) choose(ctx context.Context) (m *Member, use uint64, makes bool) {
	c := &p.crew
	c.mu.Lock()
	defer c.mu.Unlock()
	l := p.limits.Load()
	for m = p.idle.take(); m != nil; m = p.idle.take() {
		if m.Instance.Alive() {
			m.seats = l.Seats
			m.sit()
			c.open = append(c.open, m)
			break
		}
		c.mu.Unlock() // work that was left in it has ended it
		p.retire(ctx, m, RetiredEnded)
		c.mu.Lock()
	}
	if m == nil {
		m = c.roomiest()
		// Where none has a free seat there are fewer members than may be, or one is just being retired for having been idle, or they had
		// more seats before: then there is one member more for a while.
		if m == nil || c.usable < min(l.Max, p.cfg.Processors) || m.barred() && c.usable < l.Max {
			m, makes = c.begin(l.Seats), true
		}
		m.reserve()
	}
	use = m.uses
	if l.Uses > 0 && m.uses >= l.Uses {
		c.leave(m, RetiredUsed)
	}
	return m, use, makes
}

// barred is Instance.Barred of a member whose instance may not have been made. crew.mu is held, which makeOpen sets Instance under.
func (m *Member) barred() bool { return m.Instance != nil && m.Instance.Barred() }

// roomiest is the member with the most free seats, one that is not barred if there is any; nil if none has one. Those whose
// instances have ended leave the list. c.mu is held.
func (c *crew) roomiest() (best *Member) {
	for n := len(c.open) - 1; n >= 0; n-- {
		m := c.open[n]
		switch {
		case m.Instance != nil && !m.Instance.Alive():
			c.leave(m, RetiredEnded)
		case m.taken >= m.seats:
		case best == nil, best.barred() && !m.barred(), m.taken < best.taken && (best.barred() || !m.barred()):
			best = m
		}
	}
	return best
}

// makeOpen makes the instance of a member in which seats are taken already. If that fails it is gone, and each of the
// others that wait for it takes another one.
func (p *Pool) makeOpen(ctx context.Context, m *Member) error {
	made, err := p.make(ctx)
	c := &p.crew
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		m.Instance = made.Instance
		m.become(busy)
	} else {
		if m.leaving != "" {
			c.leaving--
		}
		c.uncount(m)
		c.close(m)
	}
	close(m.there)
	return err
}

// makeSpare makes a member that no invocation waits for, unless there are Max.
func (p *Pool) makeSpare(ctx context.Context) error {
	c := &p.crew
	c.mu.Lock()
	l := p.limits.Load()
	if c.usable >= l.Max {
		c.mu.Unlock()
		return nil
	}
	m := c.begin(l.Seats)
	m.taken++ // it is settled as after an invocation
	c.mu.Unlock()
	if err := p.makeOpen(ctx, m); err != nil {
		return err
	}
	p.part(ctx, m, nil)
	return nil
}

// part gives back a seat in m; use is nil if it was not used. The last one to leave settles m.
func (p *Pool) part(ctx context.Context, m *Member, use Use) {
	var err error
	if use != nil {
		if err = p.guard("the end of an invocation", use.End); err != nil {
			p.cfg.Logger.ErrorContext(ctx, "an invocation could not be released", "component", p.cfg.Name, "error", err)
		}
	}
	c := &p.crew
	c.mu.Lock()
	m.taken--
	if m.state == made { // it is still being made, or could not be
		c.mu.Unlock()
		return
	}
	switch {
	case !m.Instance.Alive():
		c.leave(m, RetiredEnded)
	case err != nil:
		c.leave(m, RetiredRelease)
	case m.taken == 0 && m.Instance.Barred():
		c.leave(m, RetiredBarred)
	}
	if m.taken > 0 {
		c.mu.Unlock()
		return
	}
	m.become(settling)
	why := m.leaving
	if why != "" {
		c.leaving--
	} else {
		c.close(m)
		if !p.idle.keep(m, ready) {
			why = RetiredClosed
		}
	}
	c.mu.Unlock()
	if why != "" {
		p.retire(ctx, m, why)
	}
}
