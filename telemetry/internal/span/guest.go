package span

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/sanitize"
)

// Guest makes a tracer for a guest's own spans, which have identifiers, times and sampling from the guest: only [Tracer.Record] may
// be used. Each call makes another tracer.
func (p *Provider) Guest(scope instrumentation.Scope) *Tracer {
	return &Tracer{p: p, source: &Source{p.resource, sanitize.Scope(scope), &p.ended, true}}
}

// SamplesRoot is the sampler's decision on a root span of a trace.
func (p *Provider) SamplesRoot(id trace.TraceID, name string) bool {
	if p.isDefault {
		return true
	}
	r := p.sampler.ShouldSample(sdktrace.SamplingParameters{ParentContext: context.Background(), TraceID: id, Name: name, Kind: trace.SpanKindInternal})
	return r.Decision == sdktrace.RecordAndSample
}

// GuestKey identifies the provider's guests, as [Source.Guest] does.
func (p *Provider) GuestKey() any { return &p.ended }

// Recorded is a span that a guest has recorded. Times are nanoseconds since 1970.
type Recorded struct {
	Context, Parent trace.SpanContext
	Kind            trace.SpanKind
	Name            string
	Start, End      uint64
	Attributes      []attribute.KeyValue
	Events          []Event
	Links           []trace.Link
	Status          codes.Code
	Description     string

	// Counts of what the guest has dropped, to which those of the provider's limits are added.
	DroppedAttributes, DroppedEvents, DroppedLinks int
}

// Event is an event of a Recorded span.
type Event struct {
	Name       string
	Time       uint64
	Attributes []attribute.KeyValue
}

// Record takes a span that has ended. As for any span, texts are sanitized and bounded, and the provider's limits hold.
func (t *Tracer) Record(r *Recorded) {
	if t.sdk != nil {
		t.recordSDK(r)
		return
	}
	p := t.p
	if p.ended.Load() {
		return
	}
	d := newBuffer()
	d.record(r, p)
	end := min(r.End, 1<<63-1)
	if len(p.processors) > 0 { // they see a span
		s := &Span{t: t, parent: context.Background(), sc: r.Context, start: timeFromNanos(r.Start), d: d}
		s.Start()
		s.endAt(end)
		return
	}
	defer d.release()
	if p.sink != nil && r.Context.IsSampled() {
		d.b = d.finish(d.b, end)
		p.sink.Take(t.source, d.b)
	}
}

// IsSDK says whether the spans are recorded by an SDK's tracer.
func (t *Tracer) IsSDK() bool { return t.sdk != nil }

// record writes a span that has ended, but for its end.
func (d *buffer) record(r *Recorded, p *Provider) {
	l := &p.limits
	d.name = r.Name
	d.begin(r.Context, r.Parent, trace.ValidateSpanKind(r.Kind), timeFromNanos(r.Start))
	for _, kv := range r.Attributes {
		d.set(kv, p)
	}
	d.droppedAttrs += r.DroppedAttributes
	events, links := latest(r.Events, l.EventCountLimit), latest(r.Links, l.LinkCountLimit)
	for _, e := range events {
		d.event(e.Name, timeFromNanos(e.Time), e.Attributes, l)
	}
	d.events.dropped = r.DroppedEvents + len(r.Events) - len(events)
	for _, k := range links {
		d.link(k, l)
	}
	d.links.dropped = r.DroppedLinks + len(r.Links) - len(links)
	d.setStatus(r.Status, r.Description)
}

// latest returns the last n elements; all if n is negative.
func latest[T any](all []T, n int) []T {
	if n < 0 || len(all) <= n {
		return all
	}
	return all[len(all)-n:]
}

func timeFromNanos(ns uint64) time.Time { return time.Unix(0, int64(min(ns, 1<<63-1))) }
