package telemetry

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// Host calls of level all are too many for a span each at level boundary, and some of them are where a request's time goes. So at that
// level a call that waits for longer than longWait is a span all the same, and calls that reach files or the network are one span together:
// for each call of a component, and for each foldTime of one that goes on longer. A wait for the answer to a request that is a span itself is none.
const (
	longWait  = time.Millisecond
	maxApart  = 16 // waits of one function that are spans of their own; further ones are one span together
	foldTime  = 10 * time.Second
	maxListed = 6 // functions that the span of folded calls names
)

// foldKind is what folded calls have in common.
type foldKind struct {
	name string         // of the span
	tmpl *span.Template // nil if traces are off
	list bool           // the calls are of several functions
}

// fold is calls that are one span. Times are from the begin of the component's call.
type fold struct {
	kind         *foldKind
	first, last  time.Duration
	calls, apart int // apart: others of its kind that have been spans of their own
	took, waited time.Duration
	longest      time.Duration
	functions    map[string]int
}

// folds are those of one call of a component, in the Beside of its span.
type folds struct {
	list []*fold

	// Of requests that it has sent and that are spans: how many are under way, and when the last one has ended.
	sent  int
	until time.Time
}

// sends notes that a call of a component has sent a request that is a span, and returns what is to be called at its end.
func sends(caller *cm.Call) (ended func()) {
	s := callerSpan(caller)
	if s == nil {
		return func() {}
	}
	s.Lock()
	foldsOf(s).sent++
	s.Unlock()
	return func() {
		now := time.Now()
		s.Lock()
		defer s.Unlock()
		f := foldsOf(s)
		f.sent, f.until = f.sent-1, now
	}
}

// told says whether a wait of a call of a component that began then is a part of a span already: that of a request which it has sent.
func told(caller *cm.Call, begun time.Time) bool {
	s := callerSpan(caller)
	if s == nil {
		return false
	}
	s.Lock()
	defer s.Unlock()
	f, ok := s.Beside.(*folds)
	return ok && (f.sent > 0 || f.until.After(begun))
}

// of finds the fold of a kind.
func (f *folds) of(k *foldKind) *fold {
	for _, g := range f.list {
		if g.kind.name == k.name {
			return g
		}
	}
	g := &fold{kind: k}
	f.list = append(f.list, g)
	return g
}

// foldsOf are those of a span that is locked.
func foldsOf(s *span.Span) *folds {
	f, ok := s.Beside.(*folds)
	if !ok {
		f = &folds{}
		s.Beside = f
	}
	return f
}

// add adds a call.
func (g *fold) add(at, took, waited time.Duration, function string) {
	if g.calls == 0 || at < g.first { // of calls that run at once, the one that has begun last may end first
		g.first = at
	}
	g.calls++
	g.last = max(g.last, at+took)
	g.took, g.waited, g.longest = g.took+took, g.waited+waited, max(g.longest, took)
	if g.kind.list {
		if g.functions == nil {
			g.functions = map[string]int{}
		}
		g.functions[function]++
	}
}

// callerSpan is the span of the call of a component that makes a host call; nil if it has none.
func callerSpan(caller *cm.Call) *span.Span {
	if caller == nil {
		return nil
	}
	s, _ := caller.State.(*span.Span)
	return s
}

// foldInto adds a call to those of its caller that are one span.
func (h *hostCall) foldInto(caller *cm.Call, k *foldKind, begun time.Time, took, waited time.Duration) {
	s := callerSpan(caller)
	if s == nil || k.tmpl == nil || !s.IsRecording() {
		return
	}
	at := begun.Sub(caller.Start)
	var full *fold
	s.Lock()
	g := foldsOf(s).of(k)
	if g.calls > 0 && at-g.first > foldTime {
		old := *g
		full = &old
		*g = fold{kind: k, apart: g.apart}
	}
	g.add(at, took, waited, h.function)
	s.Unlock()
	if full != nil {
		h.p.endFold(caller, s, full)
	}
}

// takesApart says whether a wait in h is to be a span of its own.
func (h *hostCall) takesApart(caller *cm.Call) bool {
	s := callerSpan(caller)
	if s == nil {
		return true
	}
	s.Lock()
	defer s.Unlock()
	g := foldsOf(s).of(&h.slow)
	g.apart++
	return g.apart <= maxApart
}

// late opens the span of a call that has ended, and that was not to have one; nil if it gets none.
func (h *hostCall) late(c *cm.Call, end *cm.End) *span.Span {
	if !h.below() {
		return nil
	}
	took := end.Host + end.Wait
	switch {
	case h.folded != nil:
		h.foldInto(c.Parent, h.folded, c.Start, took, end.Wait)
		return nil
	case end.Wait <= longWait && !(h.waits && took > longWait) || told(c.Parent, c.Start):
		return nil
	case !h.takesApart(c.Parent):
		h.foldInto(c.Parent, &h.slow, c.Start, took, end.Wait)
		return nil
	}
	_, s := h.start(c)
	return s
}

// below says that calls are no spans at the level of detail, but may be seen together.
func (h *hostCall) below() bool {
	return h.slow.tmpl != nil && h.detail == DetailAll && Detail(h.i.detail.Load()) == DetailBoundary
}

// endFolds makes the spans of what was folded below s, the span of c, which is about to end.
func (p *providers) endFolds(c *cm.Call, s *span.Span) {
	s.Lock()
	f, _ := s.Beside.(*folds)
	s.Beside = nil
	s.Unlock()
	if f == nil {
		return
	}
	for _, g := range f.list {
		if g.calls > 0 {
			p.endFold(c, s, g)
		}
	}
}

// endFold makes a span of folded calls, below s, the span of c.
func (p *providers) endFold(c *cm.Call, s *span.Span, g *fold) {
	ctx := trace.ContextWithSpan(c.Context, s.API())
	f := p.tracer.Open(ctx, g.kind.tmpl, g.kind.name, c.Start.Add(g.first))
	f.Start()
	f.Lock()
	f.Int(attrCalls, int64(g.calls))
	f.Float(attrCallsTime, g.took.Seconds())
	f.Float(attrCallsLongest, g.longest.Seconds())
	if g.waited > 0 {
		f.Float(attrWaitTime, g.waited.Seconds())
	}
	if g.kind.list {
		f.Str(attrCallsFunctions, g.listed())
	}
	f.Unlock()
	f.End(trace.WithTimestamp(c.Start.Add(g.last)))
}

// listed is "read 9, open-at 3, stat": the functions that were called most first.
func (g *fold) listed() string {
	names := make([]string, 0, len(g.functions))
	for name := range g.functions {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(g.functions[b]-g.functions[a], cmp.Compare(a, b)) })
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == maxListed {
			fmt.Fprintf(&b, "%d more", len(names)-i)
			break
		}
		b.WriteString(name)
		if n := g.functions[name]; n > 1 {
			fmt.Fprintf(&b, " %d", n)
		}
	}
	return b.String()
}

// shortFunction is the name of a function without the resource that it is of: "read" for "[method]descriptor.read".
func shortFunction(name string) string {
	return name[max(strings.IndexByte(name, ']'), strings.LastIndexByte(name, '.'))+1:]
}

// Count is called for calls that are no spans at this level of detail. They are not measured: a component calls dozens of such functions, and a
// series for each would be most of what it measures.
func (h *hostCall) Count(ctx context.Context, begun time.Time, took time.Duration) (see bool) {
	if took <= longWait && h.folded == nil || !h.below() {
		return false
	}
	if took > longWait { // the crossing knows what of it was a wait
		return true
	}
	h.foldInto(cm.CallFrom(ctx), h.folded, begun, took, 0)
	return false
}
