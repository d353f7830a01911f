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

	"github.com/vitrine-wasm/vitrine/telemetry/internal/sanitize"
)

// Span is one span. The methods of OpenTelemetry's API are safe for concurrent use; see [Span.Lock] for the others.
type Span struct {
	embedded.Span
	t      *Tracer
	parent context.Context
	sc     trace.SpanContext
	start  time.Time
	sdk    trace.Span // the SDK's, once it is started

	mu     sync.Mutex
	d      *buffer // nil: not recorded, or ended
	Beside any     // what its owner keeps beside it until its end; guarded by Lock

	// Of the provider's list of spans that have begun; guarded by its lock.
	next, prev *Span
	listed     bool
}

var _ trace.Span = (*Span)(nil)

// Start starts an opened span and returns the context that carries it.
func (s *Span) Start() context.Context {
	if s.t.sdk != nil {
		return s.startSDK()
	}
	if s.d != nil {
		if s.t.p.begun != nil {
			s.t.p.begun.add(s)
		}
		for _, p := range s.t.p.processors {
			p.OnStart(s.parent, s.readWriteSpan())
		}
	}
	return (*spanContext)(s)
}

// Lock locks the span while its attributes are set by [Key].
func (s *Span) Lock() { s.mu.Lock() }

// Unlock unlocks the span.
func (s *Span) Unlock() { s.mu.Unlock() }

// API is the span for OpenTelemetry's API: the SDK's own, if there is one.
func (s *Span) API() trace.Span {
	if s.sdk != nil {
		return s.sdk
	}
	return s
}

// SpanContext identifies the span.
func (s *Span) SpanContext() trace.SpanContext { return s.sc }

// IsRecording says whether the span records attributes.
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
	if s.d != nil {
		s.d.setStatus(code, description)
	}
}

// SetName changes the name.
func (s *Span) SetName(name string) {
	if s.sdk != nil {
		s.sdk.SetName(fitText(name, -1))
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
	s.d.apiAttributes = true
	for _, kv := range kvs {
		s.d.set(kv, s.t.p)
	}
}

// AddEvent adds an event.
func (s *Span) AddEvent(name string, opts ...trace.EventOption) {
	if s.sdk != nil {
		c := trace.NewEventConfig(opts...)
		s.sdk.AddEvent(fitText(name, -1), trace.WithTimestamp(c.Timestamp()), trace.WithStackTrace(c.StackTrace()), trace.WithAttributes(sanitize.Attributes(c.Attributes())...))
		return
	}
	c := trace.NewEventConfig(opts...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.d != nil {
		s.d.event(name, c.Timestamp(), c.Attributes(), &s.t.p.limits)
	}
}

// AddLink adds a link, unless it is empty.
func (s *Span) AddLink(l trace.Link) {
	if !l.SpanContext.IsValid() && len(l.Attributes) == 0 && l.SpanContext.TraceState().Len() == 0 {
		return
	}
	l.Attributes = sanitize.Attributes(l.Attributes)
	if s.sdk != nil {
		s.sdk.AddLink(l)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.d == nil {
		return
	}
	if s.d.sdkStart != nil {
		s.d.sdkStart.links = append(s.d.sdkStart.links, l)
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

// End ends the span and passes it to sink and processors. Calls after the first do nothing.
func (s *Span) End(opts ...trace.SpanEndOption) {
	end := nanos(s.start.Add(time.Since(s.start))) // by the monotonic clock
	if len(opts) > 0 {
		c := trace.NewSpanEndConfig(opts...)
		if at := c.Timestamp(); !at.IsZero() {
			end = nanos(at)
		}
	}
	s.endAt(end)
}

// endAt is End at a time in nanoseconds since 1970.
func (s *Span) endAt(end uint64) {
	s.mu.Lock()
	d := s.d
	s.d = nil
	s.mu.Unlock()
	if d == nil {
		return
	}
	defer d.release()
	if s.t.p.begun != nil {
		s.t.p.begun.remove(s)
	}
	if s.sdk != nil {
		s.endSDK(d)
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
	if err != nil { // impossible: the bytes are our own
		return
	}
	for _, x := range p.processors {
		x.OnEnd(ended)
	}
}

// spanContext is the context that carries a span. It is the span itself, which saves an allocation.
type spanContext Span

// Deadline is the parent's.
func (w *spanContext) Deadline() (time.Time, bool) { return w.parent.Deadline() }

// Done is the parent's.
func (w *spanContext) Done() <-chan struct{} { return w.parent.Done() }

// Err is the parent's.
func (w *spanContext) Err() error { return w.parent.Err() }

// Value returns the span for OpenTelemetry's key of the current span, and else the parent's value.
func (w *spanContext) Value(key any) any {
	if key == currentSpanKey {
		return (*Span)(w)
	}
	return w.parent.Value(key)
}

// String is for printed contexts.
func (w *spanContext) String() string { return fmt.Sprint(w.parent, ".WithSpan") }

// currentSpanKey is the key by which OpenTelemetry's API finds the span of a context. The API does not export it, but a context
// that it calls sees it.
var currentSpanKey = func() any {
	var p keyProbe
	trace.SpanFromContext(&p)
	return p.key
}()

type keyProbe struct {
	context.Context
	key any
}

// Value records the key.
func (p *keyProbe) Value(key any) any {
	p.key = key
	return nil
}
