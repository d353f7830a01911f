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
	noticeInterval = time.Second // between two lines that tell of the same limit
	countEvery     = 1000        // lines left out, before sinks are told of them
)

// LineCounter is an optional power of sinks: CountLeftOut tells that n lines like l, whose Limit says why, were left out.
// As Log, it must not block.
type LineCounter interface {
	CountLeftOut(ctx context.Context, l LogLine, n uint64)
}

// Lines is where the lines of one component go, held to its limits: what is over them is left out, said and counted. A nil
// Lines drops all. Safe for concurrent use.
type Lines struct {
	sinks []LogSink
	line  LogLine // says whose they are
	meter *meter
}

// NewLines makes the Lines of a component. A host makes one for each component that it starts, and hands it to plugins.
func NewLines(w *workload.Spec, c *workload.Component, sinks ...LogSink) *Lines {
	return newLines(w, c, c.Limits.Filled(), sinks)
}

func newLines(w *workload.Spec, c *workload.Component, limits workload.Limits, sinks []LogSink) *Lines {
	m := &meter{now: time.Now}
	m.set(limits)
	return &Lines{sinks: sinks, line: lineOf(w, c.Name), meter: m}
}

// lineOf is a line of a component, without all but whose it is.
func lineOf(w *workload.Spec, component string) LogLine {
	return LogLine{Namespace: w.Namespace, Workload: w.Name, Version: w.Version, Component: component}
}

// Log hands a line to the sinks, unless it is over a limit. Whose it is is filled in.
func (s *Lines) Log(ctx context.Context, l LogLine) {
	if s == nil {
		return
	}
	l.Namespace, l.Workload, l.Version, l.Component = s.line.Namespace, s.line.Workload, s.line.Version, s.line.Component
	if s.budget(ctx).admit(ctx, l, len(l.Text)+len(l.Context)) == "" {
		s.hand(ctx, l)
	}
}

// budget is that of the invocation in ctx.
func (s *Lines) budget(ctx context.Context) *budget {
	return component.TaskValue(ctx, s.meter, func() any { return &budget{lines: s} }).(*budget)
}

// meter is what all instances of a component have logged lately: a bucket of lines and one of bytes, which fill up within
// a second.
type meter struct {
	now func() time.Time

	mu           sync.Mutex
	limits       workload.Limits
	lines, bytes float64 // that may be logged now
	filled       time.Time
	said         map[string]time.Time // when, by limit
}

func (m *meter) set(l workload.Limits) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.limits = l
	m.lines, m.bytes = float64(l.OutputLinesPerSecond), float64(l.OutputBytesPerSecond)
	m.filled, m.said = m.now(), map[string]time.Time{}
}

// budget is what one invocation has logged.
type budget struct {
	lines *Lines

	used  struct{ lines, bytes uint64 }
	left  LogLine // the last line that was left out, without its text
	count uint64  // of such lines that sinks have not been told of
}

// What is an io.Closer ends with its invocation, also where the instance is used again.
var _ io.Closer = (*budget)(nil)

// admit names the limit that a line of n bytes is over; empty if it is within all. It says and counts what is not.
func (b *budget) admit(ctx context.Context, l LogLine, n int) string {
	m := b.lines.meter
	m.mu.Lock()
	limit := b.over(n)
	if limit == "" {
		m.mu.Unlock()
		return ""
	}
	var told LogLine
	var count uint64
	if b.count >= countEvery || b.count > 0 && b.left.Limit != limit {
		told, count, b.count = b.left, b.count, 0
	}
	l.Text, l.Limit = "", limit
	b.left = l
	b.count++
	if now := m.now(); now.Sub(m.said[limit]) >= noticeInterval {
		m.said[limit] = now
		l.Stream, l.Severity, l.Context, l.Truncated = "limit", SeverityWarn, "", false
		l.Text = m.notice(limit)
	}
	m.mu.Unlock()

	if count > 0 {
		b.lines.leftOut(ctx, told, count)
	}
	if l.Text != "" {
		b.lines.hand(ctx, l)
	}
	return limit
}

// over names the limit that a line of n bytes is over; empty if it is within all, and counted then. The meter is locked.
func (b *budget) over(n int) string {
	m, l := b.lines.meter, &b.lines.meter.limits
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
	switch { // a line may be larger than what a second allows: others wait for it then
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

// notice says that lines are left out, and why. The meter is locked.
func (m *meter) notice(limit string) string {
	switch limit {
	case limitLines:
		return fmt.Sprintf("this invocation has logged the %d lines that it may; the rest is left out", m.limits.OutputLines)
	case limitBytes:
		return fmt.Sprintf("this invocation has logged the %s that it may; the rest is left out", workload.FormatSize(m.limits.OutputBytes))
	case limitLineRate:
		return fmt.Sprintf("the component logs more than %d lines a second; what is over it is left out", m.limits.OutputLinesPerSecond)
	case limitByteRate:
		return fmt.Sprintf("the component logs more than %s a second; what is over it is left out", workload.FormatSize(m.limits.OutputBytesPerSecond))
	}
	return "lines are left out"
}

// Close tells of the last lines that were left out. It is called at the end of the invocation.
func (b *budget) Close() error {
	b.lines.meter.mu.Lock()
	told, count := b.left, b.count
	b.count = 0
	b.lines.meter.mu.Unlock()
	if count > 0 {
		b.lines.leftOut(context.Background(), told, count)
	}
	return nil
}

func (s *Lines) hand(ctx context.Context, l LogLine) {
	for _, to := range s.sinks {
		to.Log(ctx, l)
	}
}

func (s *Lines) leftOut(ctx context.Context, l LogLine, n uint64) {
	for _, to := range s.sinks {
		if c, ok := to.(LineCounter); ok {
			c.CountLeftOut(ctx, l, n)
		}
	}
}
