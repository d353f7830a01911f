package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/workload"
)

func TestFramer(t *testing.T) {
	long := strings.Repeat("x", MaxLine)
	for _, c := range []struct {
		name   string
		writes []string
		want   string // lines, "|" between them; "!" after one that was cut
	}{
		{"nothing", nil, ""},
		{"two lines at once", []string{"a\nb\n"}, "a|b"},
		{"a line in pieces", []string{"a", "b", "\n"}, "ab"},
		{"empty lines", []string{"\n\n"}, "|"},
		{"no end", []string{"a\nb"}, "a|b"},
		{"carriage returns", []string{"a\r\nb\rc\r", "\n"}, "a|b\rc"},
		{"no UTF-8", []string{"a\xffb\n"}, "a\uFFFDb"},
		{"a character in pieces", []string{"\xc3", "\xa4\n"}, "ä"},
		{"just fits", []string{long + "\n"}, long},
		{"too long", []string{long + "yz\nb\n"}, long + "!|b"},
		{"too long in pieces", []string{long, "y", "z", "\nb"}, long + "!|b"},
	} {
		rec := &recorder{}
		f := &framer{budget: &budget{lines: &Lines{sinks: []LogSink{rec}, rates: unlimited()}}}
		for _, w := range c.writes {
			f.write(t.Context(), []byte(w))
		}
		_ = f.Close()
		var got []string
		for _, l := range rec.lines {
			if l.Truncated {
				l.Text += "!"
			}
			got = append(got, l.Text)
		}
		if s := strings.Join(got, "|"); s != c.want {
			t.Errorf("%s: got %.100q, want %.100q", c.name, s, c.want)
		}
	}
}

func TestSeverityOfStreams(t *testing.T) {
	rec := &recorder{}
	for _, s := range []string{"stdout", "stderr"} {
		if err := NewLines(&workload.Spec{}, &workload.Component{}, rec).Stream(s)(t.Context(), []byte("x\n")); err != nil {
			t.Fatal(err)
		}
	}
	if rec.lines[0].Severity != SeverityInfo || rec.lines[1].Severity != SeverityInfo {
		t.Errorf("got %+v", rec.lines)
	}
}

func TestConsole(t *testing.T) {
	var b bytes.Buffer
	c := NewConsole(&b, false, SeverityInfo)
	c.Log(t.Context(), LogLine{Component: "cart", Stream: "stdout", Severity: SeverityInfo, Text: "hello\x1b[2J"})
	c.Log(t.Context(), LogLine{Component: "cart", Stream: "stderr", Severity: SeverityDebug, Text: "below the level"})
	c.Log(t.Context(), LogLine{Component: "cart", Stream: "log", Severity: SeverityError, Context: "db", Text: "bad", Truncated: true})
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "INFO [cart stdout] :: hello\\x1b[2J\n[cart log] :: ERROR db: bad …(cut)\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	b.Reset()
	c = NewConsole(&b, true, SeverityInfo)
	c.Log(t.Context(), LogLine{Component: "cart", Stream: "stdout", Severity: SeverityInfo, Text: "a \"b\""})
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.Contains(got, `"component":"cart"`) || !strings.Contains(got, `"msg":"a \"b\""`) || !strings.HasSuffix(got, "}\n") {
		t.Errorf("got %q", got)
	}
}

// stuck is a writer that stands still until it is told to go on.
type stuck struct {
	bytes.Buffer
	entered, proceed chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	s.entered <- struct{}{}
	<-s.proceed
	return s.Buffer.Write(p)
}

// TestConsoleNeverBlocks: lines that find no room are dropped and the loss is said.
func TestConsoleNeverBlocks(t *testing.T) {
	w := &stuck{entered: make(chan struct{}, 10), proceed: make(chan struct{})}
	c := NewConsole(w, false, SeverityInfo)
	line := LogLine{Component: "c", Stream: "stdout", Severity: SeverityInfo, Text: strings.Repeat("x", 1<<20)}
	c.Log(t.Context(), line)
	<-w.entered
	for range 6 {
		c.Log(t.Context(), line)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("close of a console that stands still: %v", err)
	}
	close(w.proceed)
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.String(); strings.Count(got, "[c stdout]") != 4 || !strings.HasSuffix(got, "3 lines dropped: the console is slow\n") {
		t.Errorf("%d lines, ends with %q", strings.Count(got, "[c stdout]"), got[len(got)-60:])
	}
}

func TestClassify(t *testing.T) {
	live := t.Context()
	cancelled, cancel := context.WithCancel(live)
	cancel()
	late, cancelLate := context.WithTimeoutCause(live, 0, &cm.Trap{Code: cm.TrapDeadline, Detail: "too long"})
	defer cancelLate()
	<-late.Done()
	theirs, cancelTheirs := context.WithTimeout(live, 0)
	defer cancelTheirs()
	<-theirs.Done()
	hostErr := errors.New("the disk is gone")
	for _, c := range []struct {
		name    string
		ctx     context.Context
		err     error
		outcome cm.Outcome
		code    cm.TrapCode
	}{
		{"ok", live, nil, cm.OK, ""},
		{"exit", live, &cm.ExitError{Code: 3}, cm.OK, ""},
		{"guest's trap", live, fmt.Errorf("x: %w", &cm.Trap{Code: cm.TrapUnreachable}), cm.Trapped, cm.TrapUnreachable},
		{"guest's trap after the end", cancelled, &cm.Trap{Code: cm.TrapUnreachable}, cm.Trapped, cm.TrapUnreachable},
		{"limit", live, &cm.Trap{Code: cm.TrapMemory}, cm.Aborted, cm.TrapMemory},
		{"host's trap", live, &cm.Trap{Code: cm.TrapHost, Err: hostErr}, cm.Aborted, cm.TrapHost},
		{"host's trap after the end", cancelled, &cm.Trap{Code: cm.TrapHost, Err: hostErr}, cm.Aborted, cm.TrapHost},
		{"host error", live, hostErr, cm.Aborted, ""},
		{"cancelled", cancelled, context.Canceled, cm.Cancelled, cm.TrapCancel},
		{"cancelled in a host function", cancelled, &cm.Trap{Code: cm.TrapHost, Err: context.Canceled}, cm.Cancelled, cm.TrapCancel},
		{"deadline", late, context.DeadlineExceeded, cm.Aborted, cm.TrapDeadline},
		{"deadline by its cause", late, context.Cause(late), cm.Aborted, cm.TrapDeadline},
		{"the caller's deadline", theirs, context.DeadlineExceeded, cm.Aborted, cm.TrapDeadline},
		{"no answer", live, &cm.AnswerError{Reason: "no-response"}, cm.Aborted, ""},
		{"exit without an answer", live, &cm.AnswerError{Reason: "exit", Err: &cm.ExitError{Code: 3}}, cm.Aborted, ""},
		{"somebody else's cancellation", live, context.Canceled, cm.Aborted, ""},
	} {
		outcome, err := classify(c.ctx, c.err)
		if outcome != c.outcome || code(err) != c.code || (err == nil) != (c.err == nil) {
			t.Errorf("%s: got %v, %v", c.name, outcome, err)
		}
	}
}

func TestFailureLine(t *testing.T) {
	inv := &Invocation{Trigger: "http", Name: "/shop"}
	trap := &cm.Trap{Code: cm.TrapUnreachable, Boundary: &cm.Boundary{Callee: "price", Func: "quote"}, Stack: []string{"a", "b", "c", "d", "e", "f"}}
	if got, want := failure(inv, trap), "http /shop: trap: unreachable; in price quote; at a < b < c < d < e"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := failure(inv, errors.New("gone")), "http /shop: gone"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for err, want := range map[error]Severity{cm.Trapf(cm.TrapCancel, "%w", cm.ErrStopping): SeverityWarn, &cm.AnswerError{}: SeverityError, trap: SeverityError, &cm.Trap{Code: cm.TrapOverload}: SeverityWarn, &cm.Trap{Code: cm.TrapCancel}: SeverityDebug} {
		outcome, _ := classify(t.Context(), err)
		if got := severityOf(outcome, err); got != want {
			t.Errorf("%v: got %v, want %v", err, got, want)
		}
	}
}
