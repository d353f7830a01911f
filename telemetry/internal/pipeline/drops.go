package pipeline

import (
	"errors"
	"log/slog"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vitrine-wasm/vitrine/internal/redact"
)

// Reasons of a loss.
const (
	ReasonQueueFull  = "queue_full"    // the queue has as many items as it may
	ReasonQueueBytes = "queue_bytes"   // the queue has as many bytes as it may
	ReasonGuestShare = "guest_share"   // the queue has as many of guests' own spans as it may
	ReasonExport     = "export_failed" // the receiver could not be reached, or refused the whole export
	ReasonRejected   = "rejected"      // the receiver refused a part
	ReasonShutdown   = "shutdown"
)

// reasons are all reasons.
var reasons = []string{ReasonQueueFull, ReasonQueueBytes, ReasonGuestShare, ReasonExport, ReasonRejected, ReasonShutdown}

// warnInterval is the least time between two messages about losses of one signal.
const warnInterval = time.Minute

// Drop is how many items of one signal were lost for one reason.
type Drop struct {
	Signal, Reason string
	Count          int64
}

// losses counts a consumer's losses of one signal. It logs the beginning and the end of an outage, from the first failed export to
// the next successful one, and other losses at intervals.
type losses struct {
	signal      signal
	log         *slog.Logger
	destination string // the receiver, for messages

	full, bytes, share, failed, refused, shutdown atomic.Int64

	mu          sync.Mutex
	failing     bool      // there is an outage
	muted       bool      // its beginning was not logged, because the previous outage began recently
	outageStart time.Time // the last one that was logged
	lastWarned  time.Time // when another loss was logged
	unreported  int64     // lost since the last message
	outage      atomic.Bool
}

func (l *losses) count(reason string, n int, err error) {
	if n == 0 {
		return
	}
	l.counter(reason).Add(int64(n))
	if reason == ReasonExport || reason == ReasonShutdown {
		l.mu.Lock()
	} else if !l.mu.TryLock() { // another goroutine is logging it; a request does not wait for that
		return
	}
	defer l.mu.Unlock()
	l.unreported += int64(n)
	now := time.Now()
	switch {
	case reason == ReasonShutdown:
	case reason == ReasonExport && !l.failing:
		l.failing = true
		l.outage.Store(true)
		if l.muted = !l.outageStart.IsZero() && now.Sub(l.outageStart) < warnInterval; l.muted {
			return
		}
		l.outageStart = now
	case l.failing, !l.lastWarned.IsZero() && now.Sub(l.lastWarned) < warnInterval:
		return
	default:
		l.lastWarned = now
	}
	args := []any{"signal", string(l.signal), "reason", reason, "dropped", l.unreported}
	if err != nil {
		args = append(args, "error", redact.Text(err.Error()))
	}
	if l.destination != "" && (reason == ReasonExport || reason == ReasonRejected || reason == ReasonShutdown) {
		args = append(args, "endpoint", l.destination)
	}
	l.log.Warn("telemetry is being dropped", args...)
	l.unreported = 0
}

// exportSucceeded ends an outage.
func (l *losses) exportSucceeded() {
	if !l.outage.Load() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.failing {
		return
	}
	l.failing = false
	l.outage.Store(false)
	if l.muted {
		return
	}
	l.log.Info("telemetry arrives again", "signal", string(l.signal), "dropped", l.unreported)
	l.unreported = 0
}

// exportDone counts the losses of an export of n items; err may say that a part of them was rejected.
func (l *losses) exportDone(n int, err error) {
	if part, ok := rejected(err); ok {
		l.exportSucceeded()
		l.count(ReasonRejected, min(part, n), err)
		return
	}
	if err != nil {
		l.count(ReasonExport, n, err)
		return
	}
	l.exportSucceeded()
}

// partial matches the SDK's error for a partial success, whose type its exporters do not export.
var partial = regexp.MustCompile(`(?s)^OTLP partial success: .* \((\d+) [a-z ]+ rejected\)$`)

// rejected returns how many items the receiver has rejected; ok is false if err has other causes.
func rejected(err error) (n int, ok bool) {
	for err != nil {
		if m := partial.FindStringSubmatch(err.Error()); m != nil {
			n, _ = strconv.Atoi(m[1]) // out of range: the largest int
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

// counter is the counter of a reason.
func (l *losses) counter(reason string) *atomic.Int64 {
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
