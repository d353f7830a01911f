package telemetry

import (
	"context"
	"io"
	"slices"
	"sync"

	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// Bounds of what is kept of the guest spans of one invocation. Beyond the first the oldest open span is forgotten.
const (
	maxOpen  = 256
	maxEnded = 64
)

// guestStack is the spans that guests have begun in one invocation and not ended: a TaskValue. Safe for concurrent use, since
// records may come on another goroutine than the task's.
type guestStack struct {
	p *providers // of the component that told first; it counts what is left at the end

	mu     sync.Mutex
	open   []guestSpan // in the order of their start
	ended  []spanName  // the last ones
	next   int         // in ended, when it is full
	held   cm.Holding  // for open
	closed bool
}

// guestSpan is one open span.
type guestSpan struct {
	sc    trace.SpanContext
	above []trace.SpanID // the host's spans around it when it began, the innermost first
	bytes int
}

// spanName identifies a span in all traces.
type spanName struct {
	trace trace.TraceID
	span  trace.SpanID
}

func nameOf(sc trace.SpanContext) spanName { return spanName{sc.TraceID(), sc.SpanID()} }

// What a task's invocation is told to have ended with its spans.
var _ io.Closer = (*guestStack)(nil)

// guestStackKey is the key of the TaskValue, and of a context that Detach gave.
type guestStackKey struct{ t *Telemetry }

// stack finds the open guest spans of the task in ctx; nil if no guest has begun any.
func (t *Telemetry) stack(ctx context.Context) *guestStack {
	if !t.guests.Load() {
		return nil
	}
	if s, ok := ctx.Value(guestStackKey{t}).(*guestStack); ok {
		return s
	}
	s, _ := component.TaskValue(ctx, guestStackKey{t}, nil).(*guestStack)
	return s
}

// newStack is stack, and makes one where there is none.
func (t *Telemetry) newStack(ctx context.Context, p *providers) *guestStack {
	t.guests.Store(true)
	if s := t.stack(ctx); s != nil {
		return s
	}
	return component.TaskValue(ctx, guestStackKey{t}, func() any { return &guestStack{p: p} }).(*guestStack)
}

// begin notes that a span has begun, and gives the irregularity that there is in it; empty for none.
func (s *guestStack) begin(ctx context.Context, g guestSpan) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return irregularLate
	}
	if slices.ContainsFunc(s.open, func(o guestSpan) bool { return nameOf(o.sc) == nameOf(g.sc) }) {
		return irregularTwice
	}
	irregular := ""
	if len(s.open) >= maxOpen {
		s.remove(0)
		irregular = irregularEvicted
	}
	if s.held.Hold(ctx, s.held.Bytes()+g.bytes) != nil {
		return irregularMemory
	}
	s.open = append(s.open, g)
	return irregular
}

// end notes that a span has ended. repeated says that it had ended already, known that its beginning was told.
func (s *guestStack) end(sc trace.SpanContext) (known, repeated bool) {
	name := nameOf(sc)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.open) - 1; i >= 0; i-- {
		if nameOf(s.open[i].sc) == name {
			s.remove(i)
			known = true
			break
		}
	}
	if !known && slices.Contains(s.ended, name) {
		return false, true
	}
	if len(s.ended) < maxEnded {
		s.ended = append(s.ended, name)
	} else {
		s.ended[s.next] = name
		s.next = (s.next + 1) % maxEnded
	}
	return known, false
}

// remove forgets an open span. The stack is locked.
func (s *guestStack) remove(i int) {
	_ = s.held.Set(s.held.Bytes() - s.open[i].bytes) // less never fails
	s.open = slices.Delete(s.open, i, i+1)
}

// current finds the guest's span that is current in the call c, whose innermost host span is inner (the zero value if there is
// none): the one that began last while that span was around it. What the guest began before the host's span did is above that.
func (s *guestStack) current(inner trace.SpanID) (trace.SpanContext, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range slices.Backward(s.open) {
		if !inner.IsValid() || slices.Contains(g.above, inner) {
			return g.sc, true
		}
	}
	return trace.SpanContext{}, false
}

// Close is the end of the invocation: spans that are open are nobody's parent any more, and are counted. A span of them that
// ends later, in another invocation, is exported as it is.
func (s *guestStack) Close() error {
	s.mu.Lock()
	n := len(s.open)
	s.open, s.closed = nil, true
	s.held.Release()
	s.mu.Unlock()
	s.p.irregular(context.Background(), irregularOpen, n)
	return nil
}

// spanOf is the span that is open for a call; nil for none.
func spanOf(c *cm.Call) *span.Span {
	switch st := c.State.(type) {
	case *span.Span:
		return st
	case *eventState:
		return st.span
	case *clientState:
		return st.span
	}
	return nil
}

// innermost finds the innermost span of the host's around c; nil for none.
func innermost(c *cm.Call) *span.Span {
	for ; c != nil; c = c.Parent {
		if s := spanOf(c); s != nil {
			return s
		}
	}
	return nil
}

// around are the identifiers of all spans of the host's around c.
func around(c *cm.Call) (ids []trace.SpanID) {
	for ; c != nil; c = c.Parent {
		if s := spanOf(c); s != nil {
			ids = append(ids, s.SpanContext().SpanID())
		}
	}
	return ids
}

// guestSpanIn is the guest's span that is current in ctx, seen from the call c.
func (t *Telemetry) guestSpanIn(ctx context.Context, c *cm.Call) (trace.SpanContext, bool) {
	s := t.stack(ctx)
	if s == nil {
		return trace.SpanContext{}, false
	}
	var inner trace.SpanID
	if in := innermost(c); in != nil {
		inner = in.SpanContext().SpanID()
	}
	return s.current(inner)
}

// below is the context of what c causes: ctx, or one in which the guest's own span that is open there is the current one.
func (t *Telemetry) below(ctx context.Context, c *cm.Call) context.Context {
	if sc, ok := t.guestSpanIn(ctx, c); ok {
		return trace.ContextWithSpanContext(ctx, sc)
	}
	return ctx
}
