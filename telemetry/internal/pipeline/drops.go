package pipeline

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/redact"
)

// Reasons of a loss.
const (
	ReasonQueueFull = "queue_full"
	ReasonExport    = "export_failed"
	ReasonShutdown  = "shutdown"
)

// sayEvery is the least time between two messages about losses of one signal.
const sayEvery = time.Minute

// Drop is how many items of one signal were lost for one reason.
type Drop struct {
	Signal, Reason string
	Count          int64
}

// losses counts what one signal lost, and says so now and then.
type losses struct {
	signal signal
	log    *slog.Logger

	full, failed, shutdown atomic.Int64

	mu    sync.Mutex
	said  time.Time
	since int64 // lost since the last message
}

func (l *losses) count(reason string, n int, err error) {
	if n == 0 {
		return
	}
	switch reason {
	case ReasonQueueFull:
		l.full.Add(int64(n))
	case ReasonExport:
		l.failed.Add(int64(n))
	case ReasonShutdown:
		l.shutdown.Add(int64(n))
	}
	if !l.mu.TryLock() { // somebody else is saying it; a request does not wait for a message
		return
	}
	defer l.mu.Unlock()
	l.since += int64(n)
	now := time.Now()
	if !l.said.IsZero() && now.Sub(l.said) < sayEvery && reason != ReasonShutdown {
		return
	}
	l.said = now
	args := []any{"signal", string(l.signal), "reason", reason, "dropped", l.since}
	if err != nil {
		args = append(args, "error", redact.Text(err.Error()))
	}
	l.log.Warn("telemetry is being dropped", args...)
	l.since = 0
}

func (l *losses) list() []Drop {
	return []Drop{
		{string(l.signal), ReasonQueueFull, l.full.Load()},
		{string(l.signal), ReasonExport, l.failed.Load()},
		{string(l.signal), ReasonShutdown, l.shutdown.Load()},
	}
}

// repeats keeps a message that comes again and again (a collector that takes part of each batch, say) from being said
// each time. The zero value is ready.
type repeats struct {
	mu   sync.Mutex
	said map[string]time.Time
}

const maxRepeats = 64

// news says whether text was not said within the last minute.
func (r *repeats) news(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if at, ok := r.said[text]; ok && now.Sub(at) < sayEvery {
		return false
	}
	if r.said == nil || len(r.said) >= maxRepeats {
		r.said = map[string]time.Time{}
	}
	r.said[text] = now
	return true
}
