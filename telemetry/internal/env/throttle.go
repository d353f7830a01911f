package env

import (
	"sync"
	"time"
)

// throttleInterval is the least time between two equal messages.
const throttleInterval = time.Minute

// Throttle limits log messages: the same message (such as that of a collector that rejects a part of each batch) to one a minute,
// and the number of different ones. The zero value is ready. Safe for concurrent use.
type Throttle struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// maxThrottled is how many different messages are allowed within a minute.
const maxThrottled = 64

// Allow says whether text may be logged now, and counts it.
func (r *Throttle) Allow(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if at, ok := r.last[text]; ok && now.Sub(at) < throttleInterval {
		return false
	}
	if r.last == nil {
		r.last = map[string]time.Time{}
	}
	if len(r.last) >= maxThrottled {
		for t, at := range r.last {
			if now.Sub(at) >= throttleInterval {
				delete(r.last, t)
			}
		}
		if len(r.last) >= maxThrottled {
			return false
		}
	}
	r.last[text] = now
	return true
}
