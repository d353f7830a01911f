package trial

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// span is what tests look at.
type span struct {
	id, parent string
	name       string
	server     bool // of the request itself
	failed     string
	attributes map[string]string
}

// withParent has what is done with ctx belong to a span.
func withParent(ctx context.Context, traceID, spanID string) context.Context {
	t, _ := trace.TraceIDFromHex(traceID)
	s, _ := trace.SpanIDFromHex(spanID)
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: t, SpanID: s, TraceFlags: trace.FlagsSampled, Remote: true}))
}

// maxSpans bounds the spans of one trace.
const maxSpans = 100_000

// Spans is an exporter that keeps the spans of the traces that tests wait for. Safe for concurrent use.
type Spans struct {
	mu    sync.Mutex
	trace map[string][]span
	came  chan struct{}
}

var _ sdktrace.SpanExporter = (*Spans)(nil)

// NewSpans makes one that has no spans.
func NewSpans() *Spans { return &Spans{trace: map[string][]span{}, came: make(chan struct{}, 1)} }

// ExportSpans implements sdktrace.SpanExporter.
func (s *Spans) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, from := range spans {
		id := from.SpanContext().TraceID().String()
		if all, expected := s.trace[id]; !expected || len(all) >= maxSpans {
			continue
		}
		out := span{id: from.SpanContext().SpanID().String(), parent: from.Parent().SpanID().String(), name: from.Name(),
			server: from.SpanKind() == trace.SpanKindServer, attributes: map[string]string{}}
		for _, kv := range from.Attributes() {
			out.attributes[string(kv.Key)] = kv.Value.String()
		}
		if from.Status().Code == codes.Error {
			out.failed = "it has failed"
			if kind := out.attributes["error.type"]; kind != "" {
				out.failed += " with error.type " + kind
			}
		}
		s.trace[id] = append(s.trace[id], out)
	}
	select {
	case s.came <- struct{}{}:
	default:
	}
	return nil
}

// Shutdown implements sdktrace.SpanExporter.
func (s *Spans) Shutdown(context.Context) error { return nil }

func (s *Spans) expect(trace string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trace[trace] = nil
}

func (s *Spans) forget(trace string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.trace, trace)
}

func (s *Spans) of(trace string) []span {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.trace[trace])
}

// trace checks what is expected of the trace.
func (c *checker) trace(t *Test, spans []span) {
	byID := map[string]*span{}
	for i := range spans {
		byID[spans[i].id] = &spans[i]
	}
	for i := range t.Expect.Trace {
		c.span(&t.Expect.Trace[i], fmt.Sprintf(".expect.trace[%d]", i), spans, byID)
	}
	if !t.Expect.NoErrors {
		return
	}
	for _, s := range spans {
		if s.failed != "" {
			c.fail(".expect.noErrors", "span %q: %s", s.name, s.failed)
		}
	}
}

// span checks one expectation.
func (c *checker) span(e *Span, key string, spans []span, byID map[string]*span) {
	var found, elsewhere []*span
	for i := range spans {
		switch s := &spans[i]; {
		case !like(e.Span, s.name):
		case e.Under != "" && !below(s, e.Under, byID):
			elsewhere = append(elsewhere, s)
		default:
			found = append(found, s)
		}
	}
	under := ""
	if e.Under != "" {
		under = fmt.Sprintf(" under %q", e.Under)
	}
	switch {
	case e.Times == nil && len(found) == 0 && len(elsewhere) > 0:
		c.fail(key+".under", "span %q%s: want one, got %d that are not below it; %s is below %s", e.Span, under, len(elsewhere), quoted(elsewhere[0].name), above(elsewhere[0], byID))
	case e.Times == nil && len(found) == 0:
		c.fail(key+".span", "span %q%s: want one, got none; there are %s", e.Span, under, namesOf(spans))
	case e.Times != nil && len(found) != *e.Times:
		c.fail(key+".times", "span %q%s: want %d, got %d; there are %s", e.Span, under, *e.Times, len(found), namesOf(spans))
	}
	for _, s := range found {
		if e.Error != nil && *e.Error != (s.failed != "") {
			c.fail(key+".error", "span %q: %s", s.name, map[bool]string{true: "want a failure, and it has not failed", false: "want no failure, and " + s.failed}[*e.Error])
		}
		for _, name := range slices.Sorted(maps.Keys(e.Attributes)) {
			got, has := s.attributes[name]
			switch {
			case !has:
				c.fail(key+".attributes."+quoted(name), "span %q: attribute %s: want %q, got none; it has %s", s.name, name, e.Attributes[name],
					strings.Join(slices.Sorted(maps.Keys(s.attributes)), ", "))
			case got != e.Attributes[name]:
				c.fail(key+".attributes."+quoted(name), "span %q: attribute %s: want %q, got %s", s.name, name, e.Attributes[name], short(got))
			}
		}
	}
}

// like says whether a name is a pattern's: * stands for any text.
func like(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	rest, ok := strings.CutPrefix(name, parts[0])
	if !ok || len(parts) == 1 {
		return ok && rest == ""
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(rest, part)
		if at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	return strings.HasSuffix(rest, last)
}

// below says whether a span is below one of a name.
func below(s *span, name string, byID map[string]*span) bool {
	for n := 0; n < maxSpans; n++ {
		if s = byID[s.parent]; s == nil {
			return false
		}
		if like(name, s.name) {
			return true
		}
	}
	return false
}

// above are the names of the spans that a span is below, the nearest first.
func above(s *span, byID map[string]*span) string {
	var names []string
	for n := 0; n < 10; n++ {
		if s = byID[s.parent]; s == nil {
			break
		}
		names = append(names, quoted(s.name))
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// namesOf are the names of spans, each once, and not too many.
func namesOf(spans []span) string {
	count := map[string]int{}
	for _, s := range spans {
		count[s.name]++
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(count)) {
		if len(names) == 20 {
			names = append(names, "…")
			break
		}
		names = append(names, fmt.Sprintf("%q (%d)", name, count[name]))
	}
	return strings.Join(names, ", ")
}
