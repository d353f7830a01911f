package pool

import "time"

// Limits are what of a Config can be changed while the pool runs.
type Limits struct {
	Max, Seats, Queue int
	Uses              uint64
	Idle              time.Duration
}

// Change sets other limits. Invocations that are too many then go on to their ends, and so do members: nobody gets a seat in them until
// fewer have one, and the idle ones go when they have been idle for long enough.
func (p *Pool) Change(l Limits) {
	c := &p.crew
	c.mu.Lock()
	p.limits.Store(&l)
	for _, m := range c.open {
		m.seats = l.Seats
	}
	c.mu.Unlock()
	p.idle.live(l.Idle)
	p.seats.resize(l.Max * l.Seats)
}

// live changes how long members are kept.
func (l *idleList) live(life time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.life = life
	if l.timer != nil && len(l.kept) > 0 {
		l.timer.Reset(max(time.Until(l.kept[0].since.Add(life)), 0))
	}
}
