package wasiotel

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/sdk/go/internal/bindings"
)

// SpanProcessor tells the host when a span begins, and hands it over when it ends. It is safe for concurrent use.
type SpanProcessor struct {
	host host

	mu   sync.Mutex
	open map[trace.SpanID]*request // the spans that have not ended
	seen Stats
}

// maxOpen is for how many open spans a processor remembers which request they belong to.
const maxOpen = 4096

// NewSpanProcessor makes a processor for a tracer provider.
func NewSpanProcessor() *SpanProcessor { return newSpanProcessor(theHost()) }

func newSpanProcessor(h host) *SpanProcessor {
	return &SpanProcessor{host: h, open: map[trace.SpanID]*request{}}
}

var _ sdktrace.SpanProcessor = (*SpanProcessor)(nil)

// OnStart tells the host that a span has begun.
func (p *SpanProcessor) OnStart(parent context.Context, s sdktrace.ReadWriteSpan) {
	if p == nil || p.host == nil {
		return
	}
	p.mu.Lock()
	r, _ := parent.Value(requestKey{}).(*request)
	if p.seen.Started++; len(p.open) < maxOpen {
		p.open[s.SpanContext().SpanID()] = r
		if r != nil {
			r.open++
		}
	}
	p.mu.Unlock()
	p.host.onStart(lowerSpanContext(s.SpanContext()))
}

// OnEnd hands over a span that has ended.
func (p *SpanProcessor) OnEnd(s sdktrace.ReadOnlySpan) {
	if p == nil || p.host == nil {
		return
	}
	p.mu.Lock()
	id := s.SpanContext().SpanID()
	p.seen.Ended++
	if r := p.open[id]; r != nil {
		if r.open--; r.done {
			p.seen.EndedLate++
		}
	}
	delete(p.open, id)
	p.mu.Unlock()
	p.host.onEnd(lowerSpan(s))
}

// ForceFlush does nothing: no span is kept.
func (p *SpanProcessor) ForceFlush(context.Context) error { return nil }

// Shutdown does nothing.
func (p *SpanProcessor) Shutdown(context.Context) error { return nil }

// ended notes that a request is over, whatever spans it has open.
func (p *SpanProcessor) ended(r *request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !r.done {
		r.done = true
		p.seen.LeftOpen += uint64(max(r.open, 0))
	}
}

func (p *SpanProcessor) stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

// kinds are the kinds of spans; any other is internal.
var kinds = map[trace.SpanKind]bindings.SpanKind{
	trace.SpanKindClient: bindings.SpanKindClient, trace.SpanKindServer: bindings.SpanKindServer,
	trace.SpanKindProducer: bindings.SpanKindProducer, trace.SpanKindConsumer: bindings.SpanKindConsumer,
}

func lowerSpan(s sdktrace.ReadOnlySpan) bindings.SpanData {
	kind, ok := kinds[s.SpanKind()]
	if !ok {
		kind = bindings.SpanKindInternal
	}
	d := bindings.SpanData{
		SpanContext: lowerSpanContext(s.SpanContext()), SpanKind: kind, Name: s.Name(),
		StartTime: lowerTime(s.StartTime()), EndTime: lowerTime(s.EndTime()),
		Attributes: lowerAttributes(s.Attributes()), Status: lowerStatus(s.Status()), InstrumentationScope: lowerScope(s.InstrumentationScope()),
		DroppedAttributes: count(s.DroppedAttributes()), DroppedEvents: count(s.DroppedEvents()), DroppedLinks: count(s.DroppedLinks()),
	}
	if s.Parent().SpanID().IsValid() {
		d.ParentSpanID = s.Parent().SpanID().String()
	}
	for _, e := range s.Events() {
		d.Events = append(d.Events, bindings.Event{Name: e.Name, Time: lowerTime(e.Time), Attributes: lowerAttributes(e.Attributes)})
	}
	for _, l := range s.Links() {
		d.Links = append(d.Links, bindings.Link{SpanContext: lowerSpanContext(l.SpanContext), Attributes: lowerAttributes(l.Attributes)})
	}
	return d
}

func lowerStatus(s sdktrace.Status) bindings.Status {
	switch s.Code {
	case codes.Ok:
		return bindings.StatusOk()
	case codes.Error:
		return bindings.StatusError(s.Description)
	}
	return bindings.StatusUnset()
}

func count(n int) uint32 { return uint32(min(max(n, 0), 1<<32-1)) }
