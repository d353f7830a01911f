package host

import (
	"bytes"
	"context"
	"strings"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
)

// MaxLine is how long a line of a guest may be, in bytes. A longer one is cut, and the rest of it is dropped.
const MaxLine = 64 << 10

// Stream is the writer of one of a component's streams, for the plugin that serves standard output. Each invocation
// has its own unfinished line: a part of a line waits for the rest, and is logged when the invocation ends. A line
// is logged in the context of the write that completed it.
//
// A line that is a JSON object with a level or a message is taken apart, unless workload.Component.Lines says that it is text: its level
// becomes the line's severity, its message the text, its time is left out, and what else it says becomes Fields.
//
// A line is SeverityInfo unless it says otherwise: by its level, or, on standard error, by a word for one at its begin, as "ERROR: no cart" or
// "[warn] low on pears"; the first line of a panic is SeverityError.
func (s *Lines) Stream(name string) func(ctx context.Context, p []byte) error {
	if s == nil {
		return func(context.Context, []byte) error { return nil }
	}
	line := s.line
	line.Stream, line.Severity = name, SeverityInfo
	own := new(byte) // its address tells this stream from every other
	return func(ctx context.Context, p []byte) error {
		f := component.TaskValue(ctx, own, func() any { return &framer{budget: s.budget(ctx), line: line, plain: s.plain} }).(*framer)
		f.write(ctx, p)
		return nil
	}
}

// framer is one stream of one invocation.
type framer struct {
	budget *budget
	line   LogLine
	plain  bool // JSON is text

	mu      sync.Mutex
	ctx     context.Context // of the last write
	partial []byte
	cut     bool
	held    cm.Holding // for partial
}

func (f *framer) write(ctx context.Context, p []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ctx = ctx
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			f.add(p)
			return
		}
		f.add(p[:i])
		f.emit()
		p = p[i+1:]
	}
}

func (f *framer) add(p []byte) {
	if room := MaxLine - len(f.partial); len(p) > room {
		p = p[:room]
		f.cut = true
	}
	if need := len(f.partial) + len(p); need > cap(f.partial) {
		most := max(need, min(2*cap(f.partial), MaxLine))
		if f.held.Hold(f.ctx, most) != nil { // the line is a copy of the host's: the guest gets no error
			f.cut = true
			return
		}
		f.partial = append(make([]byte, 0, most), f.partial...)
	}
	f.partial = append(f.partial, p...)
}

func (f *framer) emit() {
	l := f.line
	if f.budget.admit(f.ctx, l, len(f.partial)) != "" {
		f.partial, f.cut = f.partial[:0], false
		return
	}
	l.Text = strings.ToValidUTF8(string(bytes.TrimSuffix(f.partial, []byte("\r"))), "\uFFFD")
	l.Truncated = f.cut
	severe := false
	if !f.plain {
		severe = l.parseJSON()
	}
	if !severe && l.Stream == "stderr" {
		l.Severity = severityOfText(l.Text)
	}
	f.budget.lines.hand(f.ctx, l)
	if cap(f.partial) > 4<<10 {
		f.partial = nil // a stream that had one long line does not keep its buffer
		f.held.Release()
	}
	f.partial, f.cut = f.partial[:0], false
}

// Close logs a line that has not ended. It is called at the end of the invocation.
func (f *framer) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.partial) > 0 {
		f.emit()
	}
	f.held.Release()
	return nil
}
