package pool

import (
	"sync"
	"time"
)

// idleList holds the members that are ready or used. The one that was used last is taken first, because its memory is still in the processor's caches, and
// so that those that are not needed grow old. Members that are idle for longer than life are retired, down to a floor.
type idleList struct {
	life   time.Duration
	floor  int // that stay, however old
	retire func(m *Member, why string)
	// hold takes a seat for a member that is about to be retired, if one is free, and free gives it back: while the member is being closed,
	// nobody makes one more than there may be.
	hold  func() bool
	free  func()
	idles func() // is called after a member has become idle; nil: nobody wants to know

	mu     sync.Mutex
	kept   []idleMember // oldest first
	timer  *time.Timer  // runs while more than floor are kept
	ended  bool
	sweeps sync.WaitGroup
}

type idleMember struct {
	*Member
	since time.Time
}

// take returns the member that was used last; nil if there is none.
func (l *idleList) take() *Member {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.kept)
	if n == 0 {
		return nil
	}
	m := l.kept[n-1].Member
	l.kept[n-1] = idleMember{}
	l.kept = l.kept[:n-1]
	return m
}

// keep adds a member, in state s; false if the list has ended: then the caller has to retire the member.
func (l *idleList) keep(m *Member, s state) bool {
	if !l.add(m, s) {
		return false
	}
	if l.idles != nil {
		l.idles()
	}
	return true
}

func (l *idleList) add(m *Member, s state) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return false
	}
	m.become(s)
	l.kept = append(l.kept, idleMember{m, time.Now()})
	if l.timer == nil && len(l.kept) > l.floor {
		l.sweepAfter(l.overAge())
	}
	return true
}

// sweep retires members that have been idle for too long, one after the other.
func (l *idleList) sweep() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	l.sweeps.Add(1)
	defer l.sweeps.Done()
	for !l.ended && l.overAge() <= 0 && l.hold() {
		m := l.kept[0].Member
		l.kept[0] = idleMember{}
		l.kept = l.kept[1:] // append moves what is left, once for as many
		l.mu.Unlock()
		l.retire(m, RetiredIdle)
		l.free()
		l.mu.Lock()
	}
	switch {
	case l.ended || len(l.kept) <= l.floor:
		l.timer = nil
	case l.overAge() > 0:
		l.sweepAfter(l.overAge())
	default: // invocations have all seats, and some are about to take these members
		l.sweepAfter(l.life)
	}
}

// sweepAfter has a sweep begin after d. l.mu is held.
func (l *idleList) sweepAfter(d time.Duration) {
	if l.timer == nil {
		l.timer = time.AfterFunc(d, l.sweep)
		return
	}
	l.timer.Reset(d)
}

// overAge is how long it takes until the oldest member has been idle for too long; more than life where none is to be retired. l.mu is held.
func (l *idleList) overAge() time.Duration {
	if len(l.kept) <= l.floor {
		return l.life + 1
	}
	return l.life - time.Since(l.kept[0].since)
}

// end retires all and keeps nothing more.
func (l *idleList) end() {
	l.mu.Lock()
	l.ended = true
	kept := l.kept
	l.kept = nil
	if l.timer != nil {
		l.timer.Stop()
	}
	l.mu.Unlock()
	for _, k := range kept {
		l.retire(k.Member, RetiredClosed)
	}
	l.sweeps.Wait()
}

// len is how many members are idle.
func (l *idleList) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.kept)
}

// IdleSince is when the member that has been idle for longest became so; ok is false where none is idle.
func (p *Pool) IdleSince() (since time.Time, ok bool) {
	l := &p.idle
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.kept) == 0 {
		return since, false
	}
	return l.kept[0].since, true
}

// Evict retires the member that has been idle for longest, also one of those that are to be ready, and says whether there was one. It may be
// called from any goroutine, one that runs in a member included.
func (p *Pool) Evict() bool {
	l := &p.idle
	l.mu.Lock()
	if l.ended || len(l.kept) == 0 {
		l.mu.Unlock()
		return false
	}
	m := l.kept[0].Member
	l.kept[0] = idleMember{}
	l.kept = l.kept[1:]
	l.sweeps.Add(1) // the end of the list waits for it
	l.mu.Unlock()
	defer l.sweeps.Done()
	l.retire(m, RetiredMemory)
	return true
}
