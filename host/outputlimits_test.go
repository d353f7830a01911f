package host

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/workload"
)

// unlimited is outputRates that let everything through.
func unlimited() *outputRates {
	m := &outputRates{now: time.Now}
	m.set(workload.DefaultLimits())
	return m
}

// counter is a sink that counts dropped lines.
type counter struct {
	recorder
	left map[string]uint64
}

func (c *counter) CountDropped(_ context.Context, l LogLine, n uint64) {
	if c.left == nil {
		c.left = map[string]uint64{}
	}
	c.left[l.Stream+" "+l.Limit] += n
}

// TestOutputLimits: lines beyond a limit are dropped, reported once in the log, and counted.
func TestOutputLimits(t *testing.T) {
	large := workload.Limits{OutputLines: 1e6, OutputBytes: 1e9, OutputLinesPerSecond: 1e6, OutputBytesPerSecond: 1e9}
	limit := func(set func(*workload.Limits)) workload.Limits {
		l := large
		set(&l)
		return l
	}
	for _, c := range []struct {
		name   string
		limits workload.Limits
		lines  int // of ten bytes each
		passed int
		notice string
		left   string
	}{
		{"within", large, 100, 100, "", "map[]"},
		{"lines", limit(func(l *workload.Limits) { l.OutputLines = 3 }), 2005, 3,
			"this invocation has reached its limit of 3 lines; further lines are dropped", "map[stdout outputLines:2002]"},
		{"bytes", limit(func(l *workload.Limits) { l.OutputBytes = 35 }), 10, 3,
			"this invocation has reached its limit of 35 of lines; further lines are dropped", "map[stdout outputBytes:7]"},
		{"lines a second", limit(func(l *workload.Limits) { l.OutputLinesPerSecond = 4 }), 1500, 4,
			"the component logs more than 4 lines a second; lines beyond that are dropped", "map[stdout outputLinesPerSecond:1496]"},
		{"bytes a second", limit(func(l *workload.Limits) { l.OutputBytesPerSecond = 15 }), 10, 2,
			"the component logs more than 15 a second; lines beyond that are dropped", "map[stdout outputBytesPerSecond:8]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Unix(1, 0)
			sink := &counter{}
			m := &outputRates{now: func() time.Time { return now }}
			m.set(c.limits)
			b := &budget{lines: &Lines{sinks: []LogSink{sink}, rates: m}}
			f := &framer{budget: b, line: LogLine{Stream: "stdout"}}
			for range c.lines {
				f.write(t.Context(), []byte("0123456789\n"))
			}
			_ = f.Close()
			_ = b.Close()
			passed, notices := 0, []string{}
			for _, l := range sink.lines {
				if l.Limit != "" {
					notices = append(notices, l.Text)
				} else {
					passed++
				}
			}
			if passed != c.passed || strings.Join(notices, "|") != c.notice || fmt.Sprint(sink.left) != c.left {
				t.Errorf("%d passed, said %q, left out %v; wanted %d, %q, %s", passed, notices, sink.left, c.passed, c.notice, c.left)
			}
		})
	}
}

// TestOutputGoesOnNextSecond: the limits of a second are those of all invocations together; those of an invocation are
// its own.
func TestOutputGoesOnNextSecond(t *testing.T) {
	now := time.Unix(1, 0)
	sink := &counter{}
	m := &outputRates{now: func() time.Time { return now }}
	m.set(workload.Limits{OutputLines: 3, OutputBytes: 1e6, OutputLinesPerSecond: 4, OutputBytesPerSecond: 1e6})
	passed := func(b *budget, lines int) (n int) {
		for range lines {
			if b.admit(t.Context(), LogLine{}, 1) == "" {
				n++
			}
		}
		return n
	}
	lines := &Lines{sinks: []LogSink{sink}, rates: m}
	a, b := &budget{lines: lines}, &budget{lines: lines}
	if n := passed(a, 10); n != 3 {
		t.Errorf("the first invocation: %d lines", n)
	}
	if n := passed(b, 10); n != 1 {
		t.Errorf("the second in the same second: %d lines", n)
	}
	now = now.Add(time.Second)
	if n := passed(b, 10); n != 2 {
		t.Errorf("the second in the next second: %d lines", n)
	}
	if n := passed(a, 10); n != 0 {
		t.Errorf("the first in the next second: %d lines", n)
	}
}

func TestEndlessOutput(t *testing.T) {
	for name, c := range map[string]struct {
		endless bool
		limits  workload.Limits
		lines   uint64
	}{
		"service":              {false, workload.Limits{}, workload.DefaultLimits().OutputLines},
		"command":              {true, workload.Limits{}, 0},
		"command with a limit": {true, workload.Limits{OutputLines: 7}, 7},
	} {
		h := &Local{}
		if c.endless {
			h.cfg.Deadline = -1
		}
		m := h.making(&workload.Spec{Name: "w"})
		s := m.part(&workload.Component{Name: "c", Limits: c.limits}).lines
		if s.rates.limits.OutputLines != c.lines {
			t.Errorf("%s: %d lines", name, s.rates.limits.OutputLines)
		}
		if again := m.part(&workload.Component{Name: "c", Limits: c.limits}).lines; again.rates != s.rates {
			t.Errorf("%s: two plugins of one component do not share its limits", name)
		}
		if other := m.part(&workload.Component{Name: "d"}).lines; other.rates == s.rates {
			t.Errorf("%s: two components share limits", name)
		}
	}
}
