package host

import (
	"sync"
	"time"
)

// DefaultIdle is how long an instance is kept that does nothing.
const DefaultIdle = 5 * time.Second

// idle keeps instances between invocations. The one that was used last is taken first, so that those that are not needed
// grow old, and its memory is still in the processor's caches. What is older than life goes away, down to a floor.
//
// There are never more instances than may be busy at once: whoever makes one holds a slot of the pool and has found none
// idle, or makes it in the place of one that is gone.
type idle struct {
	life  time.Duration
	floor int // that stay, however old
	close func(*member)

	mu     sync.Mutex
	kept   []keptInstance // oldest first
	timer  *time.Timer    // runs while more than floor are kept
	ended  bool
	closes sync.WaitGroup // sweeps that are under way
}

type keptInstance struct {
	*member
	since time.Time
	ready bool // it is as new; otherwise as the last invocation left it, and to be reset
}

// take gives an instance, and whether it is ready; nil if there is none.
func (p *idle) take() (m *member, ready bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.kept)
	if n == 0 {
		return nil, false
	}
	k := p.kept[n-1]
	p.kept[n-1] = keptInstance{}
	p.kept = p.kept[:n-1]
	return k.member, k.ready
}

// keep takes an instance in; false if it is not wanted any more, which leaves it to the caller to close.
func (p *idle) keep(m *member, ready bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return false
	}
	now := time.Now()
	p.kept = append(p.kept, keptInstance{m, now, ready})
	if p.timer == nil && len(p.kept) > p.floor {
		p.timer = time.AfterFunc(p.kept[0].since.Add(p.life).Sub(now), p.sweep)
	}
	return true
}

// sweep closes what has been idle for too long.
func (p *idle) sweep() {
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return
	}
	p.closes.Add(1)
	defer p.closes.Done()
	now := time.Now()
	var old []*member
	for len(p.kept) > p.floor && now.Sub(p.kept[0].since) >= p.life {
		old = append(old, p.kept[0].member)
		p.kept[0] = keptInstance{}
		p.kept = p.kept[1:] // append moves what is left, once for as many
	}
	if len(p.kept) > p.floor {
		p.timer.Reset(p.kept[0].since.Add(p.life).Sub(now))
	} else {
		p.timer = nil
	}
	p.mu.Unlock()
	for _, m := range old {
		p.close(m)
	}
}

// end closes everything and keeps nothing more.
func (p *idle) end() {
	p.mu.Lock()
	p.ended = true
	kept := p.kept
	p.kept = nil
	if p.timer != nil {
		p.timer.Stop()
	}
	p.mu.Unlock()
	for _, k := range kept {
		p.close(k.member)
	}
	p.closes.Wait()
}

// len is how many instances are idle.
func (p *idle) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.kept)
}
