package tree

import (
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/internal/text"
)

// Bounds of the lines that a printer keeps of a trace.
const (
	maxLines       = 200
	maxFoldedLines = 3 // below siblings that are one line
	maxFrames      = 8 // of the stack of a trap
)

// line is a line of a guest's output, or of what is said of its trap.
type line struct {
	at   time.Time
	text string
}

// Trap keeps what a trap says that ended the call of a span, and the guest's stack at it, innermost frame first; both are printed below the span.
// A nil Printer does nothing.
func (p *Printer) Trap(sc trace.SpanContext, at time.Time, message string, stack []string) {
	p.Line(sc, at, "✗"+glue+message)
	for i, frame := range stack {
		if i == maxFrames {
			p.Line(sc, at, fmt.Sprintf("  … %d more frames", len(stack)-i))
			return
		}
		p.Line(sc, at, "  at"+glue+frame)
	}
}

// Line keeps a line that a component wrote while a span was the current one; it is printed below the span. A nil Printer does nothing.
func (p *Printer) Line(sc trace.SpanContext, at time.Time, s string) {
	if p == nil || !sc.IsValid() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.traces[sc.TraceID()]
	if t == nil {
		return
	}
	if t.lineCount >= maxLines {
		t.linesDropped++
		return
	}
	if t.lines == nil {
		t.lines = map[trace.SpanID][]line{}
	}
	t.lineCount++
	t.lines[sc.SpanID()] = append(t.lines[sc.SpanID()], line{at, text.Cut(s, maxPart)})
}
