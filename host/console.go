package host

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vitrine-wasm/vitrine/internal/text"
)

// consoleRoom bounds what a Console holds while its writer is slow, in bytes.
const consoleRoom = 4 << 20

// maxShown bounds a text that a Console shows, in bytes; guests' lines are bounded before.
const maxShown = 1 << 20

// Console prints guests' lines for people: "SEVERITY trace/span [component stream] :: text", for wasi:logging
// "trace/span [component log] :: SEVERITY context: text", or a JSON object a line. The identifiers of trace and span are
// short, and left out where there are none. Fields of a line of JSON follow its text, as key=value; in JSON they are the member "fields". A slow or blocked writer delays no guest: lines for which there is no room
// are dropped and counted, and the console prints their number once there is room again.
type Console struct {
	// Trace returns the trace and span of a context, in hexadecimal; empty for none. It is set before the first line.
	Trace func(context.Context) (trace, span string)

	w    io.Writer
	json bool
	min  atomic.Int32 // a Severity

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
	c := &Console{w: w, json: asJSON, wake: make(chan struct{}, 1), done: make(chan struct{})}
	c.SetMin(min)
	go c.run()
	return c
}

// SetMin changes the least severity of lines that are printed. Safe for concurrent use.
func (c *Console) SetMin(min Severity) { c.min.Store(int32(min)) }

// Log implements LogSink.
func (c *Console) Log(ctx context.Context, l LogLine) {
	if l.Severity < Severity(c.min.Load()) {
		return
	}
	var trace, span string
	if c.Trace != nil && ctx != nil {
		trace, span = c.Trace(ctx)
	}
	_, _ = c.Write(c.format(l, trace, span)) // it never fails
}

// Write prints a whole line that is the host's own, as it is, among those of guests and by the same bounds. It never fails and never waits.
func (c *Console) Write(line []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.pending)+len(line) > consoleRoom {
		c.dropped++
		return len(line), nil
	}
	if c.dropped > 0 {
		c.pending = append(c.pending, c.notice(c.dropped)...)
		c.dropped = 0
	}
	c.pending = append(c.pending, line...)
	c.signal()
	return len(line), nil
}

func (c *Console) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *Console) format(l LogLine, trace, span string) []byte {
	l.Text = text.Cut(l.Text, maxShown)
	if c.json {
		m := map[string]any{
			"time": time.Now().Format(time.RFC3339Nano), "level": l.Severity.String(), "msg": l.Text,
			"component": l.Component, "stream": l.Stream, "truncated": l.Truncated,
		}
		if len(l.Fields) > 0 {
			m["fields"] = fieldsObject(l.Fields)
		}
		for key, value := range map[string]string{"namespace": l.Namespace, "workload": l.Workload, "context": l.Context, "limit": l.Limit, "trace_id": trace, "span_id": span} {
			if value != "" {
				m[key] = value
			}
		}
		return jsonLine(m)
	}
	// A guest's control characters are shown, not obeyed: a line of a guest must not clear a screen or fake a prefix.
	var b bytes.Buffer
	if l.Stream != "log" {
		b.WriteString(l.Severity.String() + " ")
	}
	if trace != "" {
		b.WriteString(short(trace) + "/" + short(span) + " ")
	}
	fmt.Fprintf(&b, "[%s %s] :: ", text.Printable(l.Component), text.Printable(l.Stream))
	if l.Stream == "log" { // the guest's own words: severity and context go with the text
		fmt.Fprintf(&b, "%s %s: ", l.Severity, text.Printable(l.Context))
	}
	b.WriteString(text.Printable(l.Shown()))
	if l.Truncated {
		b.WriteString(" …(cut)")
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// fieldsObject is fields as a JSON object has them.
func fieldsObject(fields []Field) map[string]any {
	m := make(map[string]any, len(fields))
	for _, f := range fields {
		m[f.Key] = f.Value
	}
	return m
}

// short is the part of an identifier that is shown.
func short(id string) string { return id[:min(len(id), 8)] }

// DroppedLines is the line that reports n dropped lines.
func DroppedLines(n int, asJSON bool) []byte {
	if asJSON {
		return jsonLine(map[string]any{"time": time.Now().Format(time.RFC3339Nano), "level": "WARN", "msg": "lines dropped: the console is slow", "dropped": n})
	}
	return fmt.Appendf(nil, "%d lines dropped: the console is slow\n", n)
}

func (c *Console) notice(n int) []byte { return DroppedLines(n, c.json) }

func jsonLine(m map[string]any) []byte {
	encoded, err := json.Marshal(m)
	if err != nil {
		return nil // strings, numbers and booleans always marshal
	}
	return append(text.JSON(encoded), '\n')
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
			_, _ = c.w.Write(text) // the error could not be printed either
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
