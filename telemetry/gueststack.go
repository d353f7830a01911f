package telemetry

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// Bounds of the guest spans that are kept of one invocation.
const (
	maxOpen  = 256 // open spans; then the oldest is removed
	maxEnded = 64  // identifiers of the last ended spans
	fewEnded = 16  // that there is room for at first
)

// guestStack is the open spans of guests in one invocation: a TaskValue. Safe for concurrent use, since records may come on
// another goroutine than the task's.
type guestStack struct {
	left *leftSpans // of the instance

	mu     sync.Mutex
	open   []guestSpan    // in the order of their start
	around []trace.SpanID // the host's spans around the call in which the last one began
	ended  []spanRef      // the last ones
	next   int            // in ended, when it is full
	held   cm.Holding     // for open
	closed bool
}

// guestSpan is one open span.
type guestSpan struct {
	sc        trace.SpanContext
	hostSpans []trace.SpanID    // the host's spans around it when it began, the innermost first
	parent    trace.SpanContext // what was current when it began, which only its end tells for certain
	from      guestSource       // without a call
	awaited   bool              // the printer of trees waits for its end: it is in a trace of the guest's own, or longer open than its invocation
	start     time.Time
	bytes     int
}

// spanRef identifies a span in all traces.
type spanRef struct {
	trace trace.TraceID
	span  trace.SpanID
}

func refOf(sc trace.SpanContext) spanRef { return spanRef{sc.TraceID(), sc.SpanID()} }

// The end of the invocation closes its TaskValues.
var _ io.Closer = (*guestStack)(nil)

// guestStackKey is the key of the TaskValue, and of a detached context's value.
type guestStackKey struct{ t *Telemetry }

// stack returns the guest stack of the task in ctx; nil if no guest has started a span.
func (t *Telemetry) stack(ctx context.Context) *guestStack {
	if !t.hasGuestSpans.Load() {
		return nil
	}
	return t.findStack(ctx)
}

func (t *Telemetry) findStack(ctx context.Context) *guestStack {
	key := any(guestStackKey{t})
	if s, ok := component.TaskValue(ctx, key, nil).(*guestStack); ok {
		return s
	}
	s, _ := ctx.Value(key).(*guestStack)
	return s
}

// newStack returns the guest stack of the task in ctx, a new one if there is none.
func (t *Telemetry) newStack(ctx context.Context) *guestStack {
	if s := t.findStack(ctx); s != nil {
		return s
	}
	return component.TaskValue(ctx, guestStackKey{t}, func() any { return &guestStack{left: t.leftSpans(ctx)} }).(*guestStack)
}

// begin adds an open span and returns the irregularity in that; "" for none.
func (s *guestStack) begin(ctx context.Context, g guestSpan) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return irregularLate
	}
	if slices.ContainsFunc(s.open, func(o guestSpan) bool { return refOf(o.sc) == refOf(g.sc) }) {
		return irregularTwice
	}
	irregular := ""
	if len(s.open) >= maxOpen {
		s.open[0].done()
		s.remove(0)
		irregular = irregularEvicted
	}
	if s.held.Hold(ctx, s.held.Bytes()+g.bytes) != nil {
		return irregularMemory
	}
	s.open = append(s.open, g)
	g.begun()
	return irregular
}

// begun has the printer of trees wait for the end of a span that the host has no open span around.
func (g *guestSpan) begun() {
	if g.awaited {
		g.from.p.t.trees.Begin(g.sc.TraceID())
	}
}

// done ends that wait.
func (g *guestSpan) done() {
	if g.awaited {
		g.from.p.t.trees.End(g.sc.TraceID())
	}
}

// end removes a span, also one that an earlier invocation has left open. begun is what was noted of it, the zero value if it was not open;
// repeated says that it was exported already.
func (s *guestStack) end(sc trace.SpanContext) (begun guestSpan, repeated bool) {
	name := refOf(sc)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.open) - 1; i >= 0; i-- {
		if refOf(s.open[i].sc) == name {
			begun = s.open[i]
			s.remove(i)
			break
		}
	}
	if !begun.sc.IsValid() {
		if slices.Contains(s.ended, name) {
			return guestSpan{}, true
		}
		if begun, repeated = s.left.take(sc); repeated {
			return guestSpan{}, true
		}
	}
	if s.ended == nil {
		s.ended = make([]spanRef, 0, fewEnded)
	}
	if len(s.ended) < maxEnded {
		s.ended = append(s.ended, name)
	} else {
		s.ended[s.next] = name
		s.next = (s.next + 1) % maxEnded
	}
	return begun, false
}

// remove removes an open span. s.mu is held.
func (s *guestStack) remove(i int) {
	_ = s.held.Set(s.held.Bytes() - s.open[i].bytes) // a smaller size never fails
	s.open = slices.Delete(s.open, i, i+1)
}

// current returns the guest span that is current inside the host span inner (the zero value if there is none): the last one that
// started inside inner. Guest spans that started before inner are its ancestors.
func (s *guestStack) current(inner trace.SpanID) (trace.SpanContext, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range slices.Backward(s.open) {
		if !inner.IsValid() || slices.Contains(g.hostSpans, inner) {
			return g.sc, true
		}
	}
	return trace.SpanContext{}, false
}

// Close leaves the spans that are open at the end of the invocation to their instance, in which a later invocation may end them.
func (s *guestStack) Close() error {
	s.mu.Lock()
	open, held := s.open, s.held
	s.open, s.held, s.closed = nil, cm.Holding{}, true
	s.mu.Unlock()
	s.left.keep(open, &held)
	return nil
}

// spanOf returns the host's open span of a call; nil for none.
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

// innermostHostSpan returns the host's innermost open span of c and its callers; nil for none.
func innermostHostSpan(c *cm.Call) *span.Span {
	for ; c != nil; c = c.Parent {
		if s := spanOf(c); s != nil {
			return s
		}
	}
	return nil
}

// hostSpans returns what hostSpanIDs does. Spans that began in the same call share it.
func (s *guestStack) hostSpans(c *cm.Call) []trace.SpanID {
	in := innermostHostSpan(c)
	if in == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if innermostOf(s.around) != in.SpanContext().SpanID() {
		s.around = hostSpanIDs(c)
	}
	return s.around
}

// innermostOf is the first of hostSpanIDs; zero for none.
func innermostOf(ids []trace.SpanID) trace.SpanID {
	if len(ids) == 0 {
		return trace.SpanID{}
	}
	return ids[0]
}

// hostSpanIDs returns the identifiers of the host's open spans of c and its callers, the innermost first.
func hostSpanIDs(c *cm.Call) []trace.SpanID {
	ids := make([]trace.SpanID, 0, 4) // mostly an event's, an invocation's, and those of components between
	for ; c != nil; c = c.Parent {
		if s := spanOf(c); s != nil {
			ids = append(ids, s.SpanContext().SpanID())
		}
	}
	return ids
}

// guestSpanIn returns the guest span that is current in the call c of the task in ctx.
func (t *Telemetry) guestSpanIn(ctx context.Context, c *cm.Call) (trace.SpanContext, bool) {
	s := t.stack(ctx)
	if s == nil {
		return trace.SpanContext{}, false
	}
	var inner trace.SpanID
	if in := innermostHostSpan(c); in != nil {
		inner = in.SpanContext().SpanID()
	}
	return s.current(inner)
}

// withGuestParent is ctx with the guest span, if any, that is current in c as the parent of new spans.
func (t *Telemetry) withGuestParent(ctx context.Context, c *cm.Call) context.Context {
	if sc, ok := t.guestSpanIn(ctx, c); ok {
		return trace.ContextWithSpanContext(ctx, sc)
	}
	return ctx
}
