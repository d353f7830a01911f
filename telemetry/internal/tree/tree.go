// Package tree prints traces as trees of text. Its span processor keeps the finished spans of each trace until none of its spans
// is open, and then writes them, callers above callees, with their durations and split times.
//
// A tree also says when: each line has a bar on a time axis that all of its trace share, in which the critical path is marked. Siblings
// that are alike are one line, and lines that components wrote are below the spans they belong to.
//
// It is for people at a terminal. It keeps a bounded number of spans and writes on a goroutine of its own, so that a slow terminal
// delays no request: then it drops trees, and prints their number.
package tree

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/internal/text"
)

// Bounds of the printer's memory.
const (
	maxTraces = 256  // traces with spans that are still open
	maxSpans  = 1000 // spans of one trace
	maxQueue  = 64   // finished traces that wait to be written
)

// openSpansTimeout is how long a trace whose local root has ended waits for spans that are still open.
const openSpansTimeout = 2 * time.Second

// Keys are the attributes that a tree has.
type Keys struct {
	Guest, Host, Wait attribute.Key // seconds
	GuestTotal        attribute.Key // Guest with that of callees; seconds
	Calls             attribute.Key // how many calls the span is of, if it is of several
	CallsTime         attribute.Key // of all of them; seconds
	CallsLongest      attribute.Key // of one; seconds
	CallsFunctions    attribute.Key // what they called
	Status, URL       attribute.Key
	Path, Query       attribute.Key   // printed if there is no URL
	Facts             []attribute.Key // printed as "name=value", without the first part of their names
	ErrorType, Blame  attribute.Key
	Outcome           attribute.Key
	ResultError       attribute.Key
}

// Printer is the processor. Safe for concurrent use.
type Printer struct {
	out    io.Writer
	keys   Keys
	look   Look
	filter Filter

	mu      sync.Mutex
	traces  map[trace.TraceID]*traceState
	closed  bool
	queue   chan *traceState
	done    chan struct{}
	omitted atomic.Int64
}

var _ sdktrace.SpanProcessor = (*Printer)(nil)

// Look is how trees are printed. The zero value is for files.
type Look struct {
	Color bool       // ANSI colours
	Width func() int // of the terminal, asked for before each tree; nil, or 0 from it: none, so that there are no bars and no lines of components, and rows have any length
}

// traceState is a trace whose spans are being collected.
type traceState struct {
	id                      trace.TraceID
	open                    int
	spans                   []node
	dropped                 int // spans beyond the bound
	lines                   map[trace.SpanID][]line
	lineCount, linesDropped int
	timer                   *time.Timer
	flushed                 chan struct{} // not nil: no trace, but a request to say when all before it is written
}

// node has the printed parts of a span.
type node struct {
	id, parent        trace.SpanID
	root              bool // its parent is not of this process
	name              string
	kind              trace.SpanKind
	start, end        time.Time
	failed            bool
	guest, host, wait float64
	guestTotal        float64 // 0 where it is guest
	calls             int64   // that the span is of; 0 for one
	took, longest     float64 // all of them, and one
	functions         string
	status            int64
	url, path, query  string
	facts             string
	errorType         string
	blame, outcome    string
	resultError       string
}

// New makes a printer that writes to out.
func New(out io.Writer, keys Keys, look Look, filter Filter) *Printer {
	p := &Printer{
		out: out, keys: keys, look: look, filter: filter,
		traces: map[trace.TraceID]*traceState{},
		queue:  make(chan *traceState, maxQueue),
		done:   make(chan struct{}),
	}
	go p.writeLoop()
	return p
}

// OnStart counts an open span.
func (p *Printer) OnStart(_ context.Context, s sdktrace.ReadWriteSpan) {
	p.Begin(s.SpanContext().TraceID())
}

// Begin counts an open span that comes to the printer as a whole later, when it has ended, and for which End is called then. A nil
// Printer does nothing.
func (p *Printer) Begin(id trace.TraceID) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.traces[id]
	if t == nil {
		if len(p.traces) >= maxTraces || p.closed {
			p.omitted.Add(1)
			return
		}
		t = &traceState{id: id}
		p.traces[id] = t
	}
	t.open++
}

// End takes back a Begin.
func (p *Printer) End(id trace.TraceID) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.traces[id]
	if t == nil {
		return
	}
	if t.open--; t.open <= 0 {
		p.release(t)
	}
}

// OnEnd keeps a finished span, and queues its trace for writing after the last one.
func (p *Printer) OnEnd(s sdktrace.ReadOnlySpan) {
	n := p.newNode(s)
	id := s.SpanContext().TraceID()
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.traces[id]
	if t == nil {
		return
	}
	t.open--
	if len(t.spans) < maxSpans || n.root {
		t.spans = append(t.spans, n)
	} else {
		t.dropped++
	}
	switch {
	case t.open <= 0:
		p.release(t)
	case n.root && t.timer == nil:
		t.timer = time.AfterFunc(openSpansTimeout, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.traces[id] == t {
				p.release(t)
			}
		})
	}
}

// release queues a trace for writing; the lock is held.
func (p *Printer) release(t *traceState) {
	delete(p.traces, t.id)
	if t.timer != nil {
		t.timer.Stop()
	}
	if p.closed || len(t.spans)+t.dropped == 0 {
		return
	}
	select {
	case p.queue <- t:
	default:
		p.omitted.Add(1)
	}
}

func (p *Printer) newNode(s sdktrace.ReadOnlySpan) node {
	parent := s.Parent()
	n := node{
		id: s.SpanContext().SpanID(), parent: parent.SpanID(), root: !parent.IsValid() || parent.IsRemote(),
		name: text.Cut(s.Name(), maxPart), kind: s.SpanKind(), start: s.StartTime(), end: s.EndTime(),
		failed: s.Status().Code == codes.Error,
	}
	for _, a := range s.Attributes() {
		switch a.Key {
		case p.keys.Guest:
			n.guest = a.Value.AsFloat64()
		case p.keys.GuestTotal:
			n.guestTotal = a.Value.AsFloat64()
		case p.keys.Host:
			n.host = a.Value.AsFloat64()
		case p.keys.Wait:
			n.wait = a.Value.AsFloat64()
		case p.keys.Calls:
			n.calls = a.Value.AsInt64()
		case p.keys.CallsTime:
			n.took = a.Value.AsFloat64()
		case p.keys.CallsLongest:
			n.longest = a.Value.AsFloat64()
		case p.keys.CallsFunctions:
			n.functions = text.Cut(a.Value.AsString(), maxPart)
		case p.keys.Status:
			n.status = a.Value.AsInt64()
		case p.keys.URL:
			n.url = text.Cut(a.Value.AsString(), maxPart)
		case p.keys.Path:
			n.path = text.Cut(a.Value.AsString(), maxPart)
		case p.keys.Query:
			n.query = text.Cut(a.Value.AsString(), maxPart)
		case p.keys.ErrorType:
			n.errorType = a.Value.AsString()
		case p.keys.Blame:
			n.blame = a.Value.AsString()
		case p.keys.Outcome:
			n.outcome = a.Value.AsString()
		case p.keys.ResultError:
			n.resultError = a.Value.AsString()
		default:
			if a.Key != "" && slices.Contains(p.keys.Facts, a.Key) {
				n.facts += text.Cut(" "+string(a.Key[strings.IndexByte(string(a.Key), '.')+1:])+"="+a.Value.String(), maxPart)
			}
		}
	}
	return n
}

// writeLoop is the goroutine that writes.
func (p *Printer) writeLoop() {
	defer close(p.done)
	for t := range p.queue {
		if t.flushed != nil {
			close(t.flushed)
			continue
		}
		if text := p.render(t); text != "" { // the filter leaves some out
			_, _ = io.WriteString(p.out, text) // there is no other place to report an error
		}
	}
}

// ForceFlush waits until all complete traces are written.
func (p *Printer) ForceFlush(ctx context.Context) error {
	mark := &traceState{flushed: make(chan struct{})}
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil
		}
		sent := false
		select {
		case p.queue <- mark:
			sent = true
		default:
		}
		p.mu.Unlock()
		if sent {
			break
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	select {
	case <-mark.flushed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Shutdown writes all traces, incomplete ones too, and ends the goroutine.
func (p *Printer) Shutdown(ctx context.Context) error {
	p.mu.Lock()
	if !p.closed {
		for _, t := range p.traces {
			if len(t.spans) > 0 {
				p.release(t)
			}
		}
		p.closed = true
		close(p.queue)
	}
	p.mu.Unlock()
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
