package pipeline

import (
	"errors"
	"log/slog"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/redact"
)

// Reasons of a loss.
const (
	ReasonQueueFull  = "queue_full"    // as many items as the queue takes
	ReasonQueueBytes = "queue_bytes"   // as many bytes
	ReasonGuestShare = "guest_share"   // as many of one component's own spans as it may have in the queue
	ReasonExport     = "export_failed" // the receiver could not be reached, or refused it all
	ReasonRejected   = "rejected"      // the receiver took a part only
	ReasonShutdown   = "shutdown"
)

// reasons are all of them.
var reasons = []string{ReasonQueueFull, ReasonQueueBytes, ReasonGuestShare, ReasonExport, ReasonRejected, ReasonShutdown}

// sayEvery is the least time between two messages about losses of one signal.
const sayEvery = time.Minute

// Drop is how many items of one signal were lost for one reason.
type Drop struct {
	Signal, Reason string
	Count          int64
}

// losses counts what one consumer lost of one signal. An outage, which begins with an export that fails and ends with one that does not, is
// said once, and its end; other losses now and then.
type losses struct {
	signal signal
	log    *slog.Logger
	to     string // where the signal goes to, for people

	full, bytes, share, failed, refused, shutdown atomic.Int64

	mu      sync.Mutex
	failing bool      // an outage goes on
	muted   bool      // and its beginning was not said, because the one before was lately
	began   time.Time // when one was said to begin
	said    time.Time // when another loss was said
	since   int64     // lost since the last message
	down    atomic.Bool
}

func (l *losses) count(reason string, n int, err error) {
	if n == 0 {
		return
	}
	l.of(reason).Add(int64(n))
	if reason == ReasonExport || reason == ReasonShutdown {
		l.mu.Lock()
	} else if !l.mu.TryLock() { // somebody else is saying it; a request does not wait for a message
		return
	}
	defer l.mu.Unlock()
	l.since += int64(n)
	now := time.Now()
	switch {
	case reason == ReasonShutdown:
	case reason == ReasonExport && !l.failing:
		l.failing = true
		l.down.Store(true)
		if l.muted = !l.began.IsZero() && now.Sub(l.began) < sayEvery; l.muted {
			return
		}
		l.began = now
	case l.failing, !l.said.IsZero() && now.Sub(l.said) < sayEvery:
		return
	default:
		l.said = now
	}
	args := []any{"signal", string(l.signal), "reason", reason, "dropped", l.since}
	if err != nil {
		args = append(args, "error", redact.Text(err.Error()))
	}
	if l.to != "" && (reason == ReasonExport || reason == ReasonRejected || reason == ReasonShutdown) {
		args = append(args, "endpoint", l.to)
	}
	l.log.Warn("telemetry is being dropped", args...)
	l.since = 0
}

// arrived says that an export went well.
func (l *losses) arrived() {
	if !l.down.Load() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.failing {
		return
	}
	l.failing = false
	l.down.Store(false)
	if l.muted {
		return
	}
	l.log.Info("telemetry arrives again", "signal", string(l.signal), "dropped", l.since)
	l.since = 0
}

// ended counts what became of an export of n items; err may hold that a part of them was refused.
func (l *losses) ended(n int, err error) {
	if part, ok := rejected(err); ok {
		l.arrived()
		l.count(ReasonRejected, min(part, n), err)
		return
	}
	if err != nil {
		l.count(ReasonExport, n, err)
		return
	}
	l.arrived()
}

// partial is the text of the SDK's error for a partial success, whose type each of its exporters keeps to itself.
var partial = regexp.MustCompile(`(?s)^OTLP partial success: .* \((\d+) [a-z ]+ rejected\)$`)

// rejected is how many items the receiver said that it refused, if that is all that went wrong.
func rejected(err error) (n int, ok bool) {
	for err != nil {
		if m := partial.FindStringSubmatch(err.Error()); m != nil {
			n, _ = strconv.Atoi(m[1]) // too many to be a number are all
			return n, true
		}
		if joined, is := err.(interface{ Unwrap() []error }); is {
			all := joined.Unwrap()
			for _, e := range all {
				part, isPart := rejected(e)
				if !isPart {
					return 0, false
				}
				n += part
			}
			return n, len(all) > 0
		}
		err = errors.Unwrap(err)
	}
	return 0, false
}

// of is the count of a reason.
func (l *losses) of(reason string) *atomic.Int64 {
	switch reason {
	case ReasonQueueFull:
		return &l.full
	case ReasonQueueBytes:
		return &l.bytes
	case ReasonGuestShare:
		return &l.share
	case ReasonRejected:
		return &l.refused
	case ReasonShutdown:
		return &l.shutdown
	}
	return &l.failed
}
