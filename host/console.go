package host

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// consoleRoom bounds what a Console holds while its writer is slow, in bytes.
const consoleRoom = 4 << 20

// Console prints guests' lines for people: "[component stream] :: text", or a JSON object a line. A writer that is slow or
// stands still holds nobody up: what finds no room is dropped, counted, and said once there is room again.
type Console struct {
	w    io.Writer
	json bool
	min  Severity

	mu      sync.Mutex
	pending []byte
	dropped int
	closed  bool
	wake    chan struct{}
	done    chan struct{}
}

var _ LogSink = (*Console)(nil)

// NewConsole makes a console that prints lines of at least the severity min. Close it.
func NewConsole(w io.Writer, asJSON bool, min Severity) *Console {
	c := &Console{w: w, json: asJSON, min: min, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go c.run()
	return c
}

// Log implements LogSink.
func (c *Console) Log(_ context.Context, l LogLine) {
	if l.Severity < c.min {
		return
	}
	text := c.format(l)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.pending)+len(text) > consoleRoom {
		c.dropped++
		return
	}
	if c.dropped > 0 {
		c.pending = append(c.pending, c.notice(c.dropped)...)
		c.dropped = 0
	}
	c.pending = append(c.pending, text...)
	c.signal()
}

func (c *Console) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *Console) format(l LogLine) []byte {
	if c.json {
		return jsonLine(map[string]any{
			"time": time.Now().Format(time.RFC3339Nano), "level": l.Severity.String(), "msg": l.Text,
			"component": l.Component, "stream": l.Stream, "truncated": l.Truncated,
		})
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "[%s %s] :: ", l.Component, l.Stream)
	if l.Stream == "log" {
		fmt.Fprintf(&b, "%s %s: ", l.Severity, l.Context)
	}
	// A guest's control characters are shown, not obeyed: a line of a guest must not clear a screen or fake a prefix.
	for _, r := range l.Text {
		if r < ' ' && r != '\t' || r == 0x7f {
			fmt.Fprintf(&b, "\\x%02x", r)
			continue
		}
		b.WriteRune(r)
	}
	if l.Truncated {
		b.WriteString(" …(cut)")
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func (c *Console) notice(n int) []byte {
	if c.json {
		return jsonLine(map[string]any{"time": time.Now().Format(time.RFC3339Nano), "level": "WARN", "msg": "lines dropped: the console is slow", "dropped": n})
	}
	return fmt.Appendf(nil, "%d lines dropped: the console is slow\n", n)
}

func jsonLine(m map[string]any) []byte {
	text, err := json.Marshal(m)
	if err != nil {
		return nil // strings, numbers and booleans always marshal
	}
	return append(text, '\n')
}

func (c *Console) run() {
	defer close(c.done)
	for {
		c.mu.Lock()
		text, closed := c.pending, c.closed
		c.pending = nil
		if closed && c.dropped > 0 {
			text = append(text, c.notice(c.dropped)...)
			c.dropped = 0
		}
		c.mu.Unlock()
		if len(text) > 0 {
			_, _ = c.w.Write(text) // nobody is left to tell
			continue
		}
		if closed {
			return
		}
		<-c.wake
	}
}

// Close prints what is held and ends the console; it waits for a slow writer until ctx ends. Lines that come later are
// dropped.
func (c *Console) Close(ctx context.Context) error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.signal()
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// String is the severity in a word, as slog has it.
func (s Severity) String() string {
	switch {
	case s >= SeverityFatal:
		return "FATAL"
	case s >= SeverityError:
		return "ERROR"
	case s >= SeverityWarn:
		return "WARN"
	case s >= SeverityInfo:
		return "INFO"
	case s >= SeverityDebug:
		return "DEBUG"
	}
	return "TRACE"
}
