package env

import (
	"sync"
	"time"
)

// sayEvery is the least time between two messages that say the same.
const sayEvery = time.Minute

// Repeats keeps a message that comes again and again (a collector that takes part of each batch, say) from being said
// each time, and many that differ from being said at all. The zero value is ready.
type Repeats struct {
	mu   sync.Mutex
	said map[string]time.Time
}

// maxRepeats is how many different messages are said within a minute.
const maxRepeats = 64

// News says whether text was not said within the last minute, and there is room to say it.
func (r *Repeats) News(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if at, ok := r.said[text]; ok && now.Sub(at) < sayEvery {
		return false
	}
	if r.said == nil {
		r.said = map[string]time.Time{}
	}
	if len(r.said) >= maxRepeats {
		for t, at := range r.said {
			if now.Sub(at) >= sayEvery {
				delete(r.said, t)
			}
		}
		if len(r.said) >= maxRepeats {
			return false
		}
	}
	r.said[text] = now
	return true
}
