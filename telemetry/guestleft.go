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
)

// leftWait is how long a span may be open after its invocation: then it is exported as unfinished, though its instance may still end it.
const leftWait = 10 * time.Second

// leftSpans is the spans that invocations of one instance have left open, of which a later one may tell the end: a StoreValue. A span
// is exported once, by its end or, if none is told while the instance is used and leftWait lasts, as unfinished. Safe for concurrent use.
type leftSpans struct {
	mu     sync.Mutex
	spans  []leftSpan // in the order in which they were left
	told   []spanRef  // the last ones that were exported as unfinished
	next   int        // in told, when it is full
	timer  *time.Timer
	closed bool

	report func(*guestSpan) // reportUnfinished
}

type leftSpan struct {
	guestSpan
	held  *cm.Holding // that its bytes are a part of; guarded by mu once the span is here
	since time.Time
}

// The end of the instance's use closes its StoreValues.
var _ io.Closer = (*leftSpans)(nil)

type leftSpansKey struct{ t *Telemetry }

// leftSpans returns what the instance of the host function with ctx has left open.
func (t *Telemetry) leftSpans(ctx context.Context) *leftSpans {
	return component.StoreValue(ctx, leftSpansKey{t}, func() any { return &leftSpans{report: reportUnfinished} }).(*leftSpans)
}

// keep takes the spans that an invocation has left open, whose bytes held has.
func (l *leftSpans) keep(open []guestSpan, held *cm.Holding) {
	if len(open) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for _, g := range open {
		if !g.awaited && g.sc.IsSampled() {
			g.awaited = true
			g.begun()
		}
		l.spans = append(l.spans, leftSpan{g, held, now})
	}
	switch {
	case l.closed:
		l.export(len(l.spans))
	case len(l.spans) > maxOpen:
		l.export(len(l.spans) - maxOpen)
	}
	l.wake()
}

// take removes a span because its end is told. repeated says that it was exported as unfinished already.
func (l *leftSpans) take(sc trace.SpanContext) (begun guestSpan, repeated bool) {
	name := refOf(sc)
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.spans {
		if refOf(l.spans[i].sc) == name {
			begun = l.spans[i].guestSpan
			l.spans[i].release()
			l.spans = slices.Delete(l.spans, i, i+1)
			return begun, false
		}
	}
	return guestSpan{}, slices.Contains(l.told, name)
}

func (s *leftSpan) release() { _ = s.held.Set(s.held.Bytes() - s.bytes) } // a smaller size never fails

// export exports the first n spans as unfinished, so that what was below them has its parent. l.mu is held: Close waits for it.
func (l *leftSpans) export(n int) {
	for i := range l.spans[:n] {
		s := &l.spans[i]
		s.release()
		l.report(&s.guestSpan)
		if name := refOf(s.sc); len(l.told) < maxOpen {
			l.told = append(l.told, name)
		} else {
			l.told[l.next] = name
			l.next = (l.next + 1) % maxOpen
		}
	}
	l.spans = slices.Delete(l.spans, 0, n)
}

// reportUnfinished exports a span that was not ended, and counts it.
func reportUnfinished(g *guestSpan) {
	g.from.recordUnfinished(g)
	g.done()
	g.from.p.irregular(context.Background(), irregularOpen, 1)
}

// wake sees to it that the first span is exported in time. l.mu is held.
func (l *leftSpans) wake() {
	switch {
	case len(l.spans) == 0 || l.closed:
	case l.timer == nil:
		l.timer = time.AfterFunc(leftWait, l.expire)
	default:
		l.timer.Reset(time.Until(l.spans[0].since.Add(leftWait)))
	}
}

// expire exports what has waited long enough.
func (l *leftSpans) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for n < len(l.spans) && time.Since(l.spans[n].since) >= leftWait {
		n++
	}
	l.export(n)
	l.wake()
}

// Close exports the spans that are still open: no invocation of the instance can end them any more.
func (l *leftSpans) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}
	l.export(len(l.spans))
	return nil
}
