package host

import (
	"context"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/workload"
)

// LineCounter is an optional interface of sinks: CountDropped reports that n lines like l, whose Limit says why, were dropped.
// As Log, it must not block.
type LineCounter interface {
	CountDropped(ctx context.Context, l LogLine, n uint64)
}

// Lines passes one component's lines to sinks, within the component's limits: lines beyond them are dropped, reported and counted.
// A nil Lines drops all. Safe for concurrent use.
type Lines struct {
	sinks []LogSink
	line  LogLine // the identity that every line gets
	plain bool    // lines of JSON are text
	rates *outputRates

	denials struct {
		sync.Mutex
		said map[string]bool
	}
}

// StreamDenied is the stream of lines of the host about what no grant of the component allows. Lines hands each text of it on once.
const StreamDenied = "denied"

// maxDenials bounds the texts that are remembered: guests choose the destinations. Those beyond are dropped.
const maxDenials = 1000

// repeats says whether a line about a denial has been handed on before, or is not to be. With note, one that has not counts as handed on now.
func (s *Lines) repeats(l LogLine, note bool) bool {
	if l.Stream != StreamDenied {
		return false
	}
	s.denials.Lock()
	defer s.denials.Unlock()
	if s.denials.said[l.Text] || len(s.denials.said) == maxDenials {
		return true
	}
	if note {
		if s.denials.said == nil {
			s.denials.said = map[string]bool{}
		}
		s.denials.said[l.Text] = true
	}
	return false
}

// NewLines makes the Lines of a component. A host makes one for each component that it starts, and hands it to plugins.
func NewLines(w *workload.Spec, c *workload.Component, sinks ...LogSink) *Lines {
	return newLines(w, c, c.Limits.Filled(), sinks)
}

func newLines(w *workload.Spec, c *workload.Component, limits workload.Limits, sinks []LogSink) *Lines {
	m := &outputRates{now: time.Now}
	m.set(limits)
	return &Lines{sinks: sinks, line: lineOf(w, c.Name), plain: c.Lines == linesText, rates: m}
}

// linesText is the value of [workload.Component.Lines] that leaves lines of JSON as they are.
const linesText = "text"

// lineOf is an empty line with the identity of a component.
func lineOf(w *workload.Spec, component string) LogLine {
	return LogLine{Namespace: w.Namespace, Workload: w.Name, Version: w.Version, Component: component}
}

// Log fills in the component's identity and hands the line to the sinks, unless it is over a limit.
func (s *Lines) Log(ctx context.Context, l LogLine) {
	if s == nil || s.repeats(l, false) {
		return
	}
	l.Namespace, l.Workload, l.Version, l.Component = s.line.Namespace, s.line.Workload, s.line.Version, s.line.Component
	// A denial that a limit keeps back is told the next time.
	if s.budget(ctx).admit(ctx, l, len(l.Text)+len(l.Context)) == "" && !s.repeats(l, true) {
		s.hand(ctx, l)
	}
}

func (s *Lines) hand(ctx context.Context, l LogLine) {
	for _, to := range s.sinks {
		to.Log(ctx, l)
	}
}

func (s *Lines) dropped(ctx context.Context, l LogLine, n uint64) {
	for _, to := range s.sinks {
		if c, ok := to.(LineCounter); ok {
			c.CountDropped(ctx, l, n)
		}
	}
}
