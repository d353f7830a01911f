package host

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/workload"
)

// The limits that lines are held to, as LogLine.Limit and telemetry name them.
const (
	limitLines     = "outputLines"
	limitBytes     = "outputBytes"
	limitLineRate  = "outputLinesPerSecond"
	limitByteRate  = "outputBytesPerSecond"
	noticeInterval = time.Second // between two notices about the same limit
	countEvery     = 1000        // dropped lines, before sinks get their number
)

// budget is that of the invocation in ctx.
func (s *Lines) budget(ctx context.Context) *budget {
	return component.TaskValue(ctx, s.rates, func() any { return &budget{lines: s} }).(*budget)
}

// outputRates meters what all instances of a component log: a bucket of lines and one of bytes, which fill up within a second.
type outputRates struct {
	now func() time.Time

	mu           sync.Mutex
	limits       workload.Limits
	lines, bytes float64 // what may be logged now
	filled       time.Time
	noticed      map[string]time.Time // the last notice of each limit
}

func (m *outputRates) set(l workload.Limits) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.limits = l
	m.lines, m.bytes = float64(l.OutputLinesPerSecond), float64(l.OutputBytesPerSecond)
	m.filled, m.noticed = m.now(), map[string]time.Time{}
}

// budget is what one invocation has logged.
type budget struct {
	lines *Lines

	used    struct{ lines, bytes uint64 }
	dropped LogLine // the last dropped line, without its text
	count   uint64  // of dropped lines, since sinks got their number
}

// A TaskValue that is an io.Closer is closed with its invocation, also where the instance is used again.
var _ io.Closer = (*budget)(nil)

// admit names the limit that a line of n bytes is over; empty if it is within all. A line that is over one is counted and, once in noticeInterval, reported.
func (b *budget) admit(ctx context.Context, l LogLine, n int) string {
	m := b.lines.rates
	m.mu.Lock()
	limit := b.over(n)
	if limit == "" {
		m.mu.Unlock()
		return ""
	}
	var like LogLine
	var count uint64
	if b.count >= countEvery || b.count > 0 && b.dropped.Limit != limit {
		like, count, b.count = b.dropped, b.count, 0
	}
	l.Text, l.Limit = "", limit
	b.dropped = l
	b.count++
	if now := m.now(); now.Sub(m.noticed[limit]) >= noticeInterval {
		m.noticed[limit] = now
		l.Stream, l.Severity, l.Context, l.Truncated = "limit", SeverityWarn, "", false
		l.Text = m.notice(limit)
	}
	m.mu.Unlock()

	if count > 0 {
		b.lines.dropped(ctx, like, count)
	}
	if l.Text != "" {
		b.lines.hand(ctx, l)
	}
	return limit
}

// over names the limit that a line of n bytes is over; empty if it is within all, and counted then. outputRates.mu is held.
func (b *budget) over(n int) string {
	m, l := b.lines.rates, &b.lines.rates.limits
	switch {
	case l.OutputLines > 0 && b.used.lines >= l.OutputLines:
		return limitLines
	case l.OutputBytes > 0 && b.used.bytes+uint64(n) > l.OutputBytes:
		return limitBytes
	}
	now := m.now()
	seconds := now.Sub(m.filled).Seconds()
	m.filled = now
	m.lines = min(m.lines+seconds*float64(l.OutputLinesPerSecond), float64(l.OutputLinesPerSecond))
	m.bytes = min(m.bytes+seconds*float64(l.OutputBytesPerSecond), float64(l.OutputBytesPerSecond))
	switch { // one line may be larger than what a second allows: the bucket is in debt then, and lines are dropped until it is paid
	case m.lines < 1:
		return limitLineRate
	case m.bytes <= 0:
		return limitByteRate
	}
	m.lines--
	m.bytes -= float64(n)
	b.used.lines++
	b.used.bytes += uint64(n)
	return ""
}

// notice is the text of the line that says that a limit drops lines. outputRates.mu is held.
func (m *outputRates) notice(limit string) string {
	switch limit {
	case limitLines:
		return fmt.Sprintf("this invocation has reached its limit of %d lines; further lines are dropped", m.limits.OutputLines)
	case limitBytes:
		return fmt.Sprintf("this invocation has reached its limit of %s of lines; further lines are dropped", workload.FormatSize(m.limits.OutputBytes))
	case limitLineRate:
		return fmt.Sprintf("the component logs more than %d lines a second; lines beyond that are dropped", m.limits.OutputLinesPerSecond)
	case limitByteRate:
		return fmt.Sprintf("the component logs more than %s a second; lines beyond that are dropped", workload.FormatSize(m.limits.OutputBytesPerSecond))
	}
	return "lines are dropped"
}

// Close passes the number of the last dropped lines to the sinks. It is called at the end of the invocation.
func (b *budget) Close() error {
	b.lines.rates.mu.Lock()
	like, count := b.dropped, b.count
	b.count = 0
	b.lines.rates.mu.Unlock()
	if count > 0 {
		b.lines.dropped(context.Background(), like, count)
	}
	return nil
}
