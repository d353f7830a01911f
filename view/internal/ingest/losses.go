package ingest

import "sync"

// Loss is how many spans, log records or metrics, or parts of them, were not stored, and why.
type Loss struct {
	Signal, Reason string
	Count          int64
}

// Reasons of losses.
const (
	reasonUnstored  = "not stored"                 // the store cannot be written
	reasonInvalid   = "no valid one, or too large" // no span, record or metric, or one that is too large
	reasonShortened = "long texts cut"             // texts
	reasonElements  = "left out of long lists"     // attributes, events, links and elements of values
)

// losses counts. The zero value is ready. Safe for concurrent use.
type losses struct {
	mu    sync.Mutex
	count map[Loss]int64 // by Signal and Reason
}

func (l *losses) add(s *signal, reason string, n int) {
	if n == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count == nil {
		l.count = map[Loss]int64{}
	}
	l.count[Loss{Signal: s.path, Reason: reason}] += int64(n)
}

// cut counts what of a message was cut.
func (l *losses) cut(s *signal, told *taken) {
	l.add(s, reasonInvalid, told.rejected)
	l.add(s, reasonShortened, told.shortened)
	l.add(s, reasonElements, told.leftOut)
}

// Losses returns what was not stored so far, by signal and reason.
func (r *Receiver) Losses() (out []Loss) {
	r.losses.mu.Lock()
	defer r.losses.mu.Unlock()
	for _, s := range []*signal{traces, logs, metrics} {
		for _, reason := range []string{reasonUnstored, reasonInvalid, reasonShortened, reasonElements} {
			if n := r.losses.count[Loss{Signal: s.path, Reason: reason}]; n > 0 {
				out = append(out, Loss{s.path, reason, n})
			}
		}
	}
	return out
}
