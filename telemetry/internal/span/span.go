package span

import (
	"context"
	"fmt"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/mend"
)

// Span is one span. The methods of OpenTelemetry's API are safe for concurrent use; see [Span.Lock] for the others.
type Span struct {
	embedded.Span
	t      *Tracer
	parent context.Context
	sc     trace.SpanContext
	start  time.Time
	via    trace.Span // the SDK's, once it is started

	mu sync.Mutex
	d  *draft // nil: not recorded, or ended
}

var _ trace.Span = (*Span)(nil)

// Start ends the opening of a span and gives the context that carries it.
func (s *Span) Start() context.Context {
	if s.t.via != nil {
		return s.hand()
	}
	if s.d != nil {
		for _, p := range s.t.p.processors {
			p.OnStart(s.parent, s.readable())
		}
	}
	return (*within)(s)
}

// Lock keeps others from writing to the span while its attributes are set by [Key].
func (s *Span) Lock() { s.mu.Lock() }

// Unlock ends what Lock began.
func (s *Span) Unlock() { s.mu.Unlock() }

// API is the span for those who know OpenTelemetry only.
func (s *Span) API() trace.Span {
	if s.via != nil {
		return s.via
	}
	return s
}

// SpanContext identifies the span.
func (s *Span) SpanContext() trace.SpanContext { return s.sc }

// IsRecording says whether what is set is kept.
func (s *Span) IsRecording() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.d != nil
}

// TracerProvider makes tracers for the span's service.
func (s *Span) TracerProvider() trace.TracerProvider { return s.t.p }

// SetStatus sets the status unless a higher one is set: ok is higher than error.
func (s *Span) SetStatus(code codes.Code, description string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.d == nil || s.d.status > code {
		return
	}
	s.d.status, s.d.message = code, ""
	if code == codes.Error {
		s.d.message = text(description, -1)
	}
}

// SetName changes the name.
func (s *Span) SetName(name string) {
	if s.via != nil {
		s.via.SetName(text(name, -1))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.d != nil {
		s.d.name = name
	}
}

// SetAttributes sets attributes; what was set under the same keys is replaced.
func (s *Span) SetAttributes(kvs ...attribute.KeyValue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.d == nil {
		return
	}
	s.d.mixed = true
	for _, kv := range kvs {
		s.d.set(kv, s.t.p)
	}
}

// AddEvent adds an event.
func (s *Span) AddEvent(name string, opts ...trace.EventOption) {
	if s.via != nil {
		c := trace.NewEventConfig(opts...)
		s.via.AddEvent(text(name, -1), trace.WithTimestamp(c.Timestamp()), trace.WithStackTrace(c.StackTrace()), trace.WithAttributes(mend.Attributes(c.Attributes())...))
		return
	}
	c := trace.NewEventConfig(opts...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.d != nil {
		s.d.event(name, c.Timestamp(), c.Attributes(), &s.t.p.limits)
	}
}

// AddLink adds a link, unless it says nothing.
func (s *Span) AddLink(l trace.Link) {
	if !l.SpanContext.IsValid() && len(l.Attributes) == 0 && l.SpanContext.TraceState().Len() == 0 {
		return
	}
	l.Attributes = mend.Attributes(l.Attributes)
	if s.via != nil {
		s.via.AddLink(l)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.d == nil {
		return
	}
	if s.d.later != nil {
		s.d.later.links = append(s.d.later.links, l)
		return
	}
	s.d.link(l, &s.t.p.limits)
}

// RecordError adds err as an event; the status is not changed.
func (s *Span) RecordError(err error, opts ...trace.EventOption) {
	if err == nil || !s.IsRecording() {
		return
	}
	kind := reflect.TypeOf(err)
	name := kind.String()
	if kind.PkgPath() != "" {
		name = fmt.Sprintf("%s.%s", kind.PkgPath(), kind.Name())
	}
	attrs := []attribute.KeyValue{semconv.ExceptionType(name), semconv.ExceptionMessage(err.Error())}
	if c := trace.NewEventConfig(opts...); c.StackTrace() {
		attrs = append(attrs, semconv.ExceptionStacktrace(string(debug.Stack())))
	}
	s.AddEvent(semconv.ExceptionEventName, append(opts, trace.WithAttributes(attrs...))...)
}

// End ends the span and sends it on its way. Calls after the first do nothing.
func (s *Span) End(opts ...trace.SpanEndOption) {
	end := nanos(s.start.Add(time.Since(s.start))) // by the monotonic clock
	if len(opts) > 0 {
		c := trace.NewSpanEndConfig(opts...)
		if at := c.Timestamp(); !at.IsZero() {
			end = nanos(at)
		}
	}
	s.mu.Lock()
	d := s.d
	s.d = nil
	s.mu.Unlock()
	if d == nil {
		return
	}
	defer d.release()
	if s.via != nil {
		s.tell(d)
		return
	}
	d.b = d.finish(d.b, end)
	p := s.t.p
	if p.sink != nil && s.sc.IsSampled() {
		p.sink.Take(s.t.source, d.b)
	}
	if len(p.processors) == 0 {
		return
	}
	ended, err := Decode(s.t.source, d.b)
	if err != nil { // bytes of our own
		return
	}
	for _, x := range p.processors {
		x.OnEnd(ended)
	}
}

// within is the context that carries a span: the span itself, so that none need be made.
type within Span

// Deadline, Done and Err are those of the context in which the span was started.
func (w *within) Deadline() (time.Time, bool) { return w.parent.Deadline() }

// Done is the parent's.
func (w *within) Done() <-chan struct{} { return w.parent.Done() }

// Err is the parent's.
func (w *within) Err() error { return w.parent.Err() }

// Value answers OpenTelemetry's key of the current span.
func (w *within) Value(key any) any {
	if key == current {
		return (*Span)(w)
	}
	return w.parent.Value(key)
}

// String is for those who print contexts.
func (w *within) String() string { return fmt.Sprint(w.parent, ".WithSpan") }

// current is the key under which OpenTelemetry's API looks for the span of a context. The API does not tell it, but asks
// contexts for it.
var current = func() any {
	var p probe
	trace.SpanFromContext(&p)
	return p.asked
}()

type probe struct {
	context.Context
	asked any
}

// Value notes what is asked for.
func (p *probe) Value(key any) any {
	p.asked = key
	return nil
}
