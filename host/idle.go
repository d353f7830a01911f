package host

import (
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/component"
)

// DefaultIdle is how long an instance is kept that does nothing.
const DefaultIdle = 5 * time.Second

// idle keeps instances between invocations, as they were left: the next one resets what it takes. The one that was used
// last is taken first, so that those that are not needed grow old, and its memory is still in the processor's caches.
//
// There are never more instances than invocations at once: a new one is made only when none is idle.
type idle struct {
	life  time.Duration
	close func(*component.Instance)

	mu     sync.Mutex
	kept   []keptInstance // oldest first
	timer  *time.Timer    // runs while something is kept
	ended  bool
	closes sync.WaitGroup // sweeps that are under way
}

type keptInstance struct {
	inst  *component.Instance
	since time.Time
}

// take gives an instance, or nil.
func (p *idle) take() *component.Instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.kept)
	if n == 0 {
		return nil
	}
	inst := p.kept[n-1].inst
	p.kept[n-1] = keptInstance{}
	p.kept = p.kept[:n-1]
	return inst
}

// keep takes an instance in; false if it is not wanted any more, which leaves it to the caller to close.
func (p *idle) keep(inst *component.Instance) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return false
	}
	p.kept = append(p.kept, keptInstance{inst, time.Now()})
	if p.timer == nil {
		p.timer = time.AfterFunc(p.life, p.sweep)
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
	now, n := time.Now(), 0
	for n < len(p.kept) && now.Sub(p.kept[n].since) >= p.life {
		n++
	}
	old := append([]keptInstance(nil), p.kept[:n]...)
	p.kept = append(p.kept[:0], p.kept[n:]...)
	clear(p.kept[len(p.kept) : len(p.kept)+n])
	if len(p.kept) > 0 {
		p.timer.Reset(p.kept[0].since.Add(p.life).Sub(now))
	} else {
		p.timer = nil
	}
	p.mu.Unlock()
	for _, k := range old {
		p.close(k.inst)
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
		p.close(k.inst)
	}
	p.closes.Wait()
}

// len is how many instances are idle.
func (p *idle) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.kept)
}
