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
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return false
	}
	m.become(s)
	now := time.Now()
	l.kept = append(l.kept, idleMember{m, now})
	if l.timer == nil && len(l.kept) > l.floor {
		l.timer = time.AfterFunc(l.kept[0].since.Add(l.life).Sub(now), l.sweep)
	}
	return true
}

// sweep retires members that have been idle for too long.
func (l *idleList) sweep() {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return
	}
	l.sweeps.Add(1)
	defer l.sweeps.Done()
	now := time.Now()
	var old []*Member
	for len(l.kept) > l.floor && now.Sub(l.kept[0].since) >= l.life {
		old = append(old, l.kept[0].Member)
		l.kept[0] = idleMember{}
		l.kept = l.kept[1:] // append moves what is left, once for as many
	}
	if len(l.kept) > l.floor {
		l.timer.Reset(l.kept[0].since.Add(l.life).Sub(now))
	} else {
		l.timer = nil
	}
	l.mu.Unlock()
	for _, m := range old {
		l.retire(m, RetiredIdle)
	}
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
