package host

import (
	"context"
	"time"

	"github.com/vitrine-wasm/vitrine/workload"
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
	rates *outputRates
}

// NewLines makes the Lines of a component. A host makes one for each component that it starts, and hands it to plugins.
func NewLines(w *workload.Spec, c *workload.Component, sinks ...LogSink) *Lines {
	return newLines(w, c, c.Limits.Filled(), sinks)
}

func newLines(w *workload.Spec, c *workload.Component, limits workload.Limits, sinks []LogSink) *Lines {
	m := &outputRates{now: time.Now}
	m.set(limits)
	return &Lines{sinks: sinks, line: lineOf(w, c.Name), rates: m}
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
