package attribution

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
)

// trace is what has come of one request's trace.
type trace struct {
	request *request
	spans   []*tracepb.Span
	lines   []string
}

// judge keeps the traces of one load until they are judged.
type judge struct {
	load  uint64
	rough bool // some requests end badly
	up    *upstream

	mu     sync.Mutex
	traces map[int]*trace
	models map[string][]string // kind → spans and lines of one that was alone
	out    *Result
}

// number is which request of the load a trace belongs to.
func (j *judge) number(id []byte) (int, bool) {
	if len(id) != 16 || binary.BigEndian.Uint64(id) != j.load {
		return 0, false
	}
	return int(binary.BigEndian.Uint64(id[8:])) - 1, true
}

// of is the trace of a number; nil for one that there is no request of. j.mu is held.
func (j *judge) of(n int, what string) *trace {
	t := j.traces[n]
	if t == nil {
		j.wrong("strays", "%s came for request %d, which there is none of, or was judged long ago", what, n)
	}
	return t
}

func (j *judge) span(s *tracepb.Span) bool {
	n, ok := j.number(s.TraceId)
	j.mu.Lock()
	defer j.mu.Unlock()
	if !ok {
		return false
	}
	j.out.Spans++
	if t := j.of(n, "span "+s.Name); t != nil {
		t.spans = append(t.spans, s)
	}
	return true
}

func (j *judge) record(r *logspb.LogRecord) bool {
	n, ok := j.number(r.TraceId)
	j.mu.Lock()
	defer j.mu.Unlock()
	if !ok {
		return false
	}
	j.out.Lines++
	if t := j.of(n, "a line"); t != nil {
		t.lines = append(t.lines, r.Body.GetStringValue())
	}
	return true
}

// begin registers a request.
func (j *judge) begin(r *request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.traces[r.n] = &trace{request: r}
}

// maxWrong bounds how many faults are kept in full.
const maxWrong = 20

// wrong notes a fault. j.mu is held.
func (j *judge) wrong(kind, format string, args ...any) {
	j.out.Faults[kind]++
	if len(j.out.Wrong) < maxWrong {
		j.out.Wrong = append(j.out.Wrong, kind+": "+fmt.Sprintf(format, args...))
	}
}

// sweep judges the requests that ended before a time.
func (j *judge) sweep(before time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var done []int
	for n, t := range j.traces {
		if e := t.request.ended; !e.IsZero() && e.Before(before) {
			done = append(done, n)
		}
	}
	slices.Sort(done) // those that are alone are first
	for _, n := range done {
		j.verdict(j.traces[n])
		delete(j.traces, n)
	}
}

// end is called when a request has ended.
func (j *judge) end(r *request) {
	now := time.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	r.ended = now
}

func attribute(attrs []*commonpb.KeyValue, key string) string {
	for _, a := range attrs {
		if n, ok := a.Value.Value.(*commonpb.AnyValue_IntValue); a.Key == key && ok {
			return fmt.Sprint(n.IntValue)
		} else if a.Key == key {
			return a.Value.GetStringValue()
		}
	}
	return ""
}

// pooling says whether a span is of what a pool does for a request, or below: that is not the same for each.
func pooling(s *tracepb.Span, byID map[string]*tracepb.Span) bool {
	for ; s != nil; s = byID[string(s.ParentSpanId)] {
		if verb, _, _ := strings.Cut(s.Name, " "); verb == "pool" || verb == "instantiate" || verb == "retire" {
			return true
		}
	}
	return false
}

var digits = regexp.MustCompile(`[0-9a-f]*[0-9][0-9a-f]*`)
var mixLine = regexp.MustCompile(`^mix (\d+) `)

// verdict judges a trace. j.mu is held.
func (j *judge) verdict(t *trace) {
	r, id := t.request, traceID(j.load, t.request.n)
	names := j.spans(t)
	trapped, late := false, false // also if its answer was whole: the guest was not at its end
	for _, l := range t.lines {
		trapped = trapped || strings.Contains(l, "trap: ")
		late = late || strings.Contains(l, "trap: deadline")
		if m := mixLine.FindStringSubmatch(l); m != nil && m[1] != fmt.Sprint(r.n) {
			j.wrong("lines", "request %d, %s: the line %q is another one's", r.n, r.path, l)
		}
		names = append(names, "line "+digits.ReplaceAllString(l, "#"))
	}
	j.requests(r, id)
	if r.status == -1 {
		j.wrong("answers", "request %d, %s: %v", r.n, r.path, r.err)
	}
	if r.kind == "late" && (r.status == 504 || late && r.err != nil) {
		j.out.Late++
		return
	}
	if r.kind == "late" && !trapped && !r.leaves {
		j.wrong("answers", "request %d, %s: status %d, %v, and it was not late; %s", r.n, r.path, r.status, r.err, r.seen)
	}
	if r.err != nil || r.status != 200 || trapped {
		j.out.Ended++
		// Where the request before it on the connection was broken off behind a whole answer, the server has never seen it.
		unseen := r.status == 0 && len(t.spans) == 0 && j.rough
		if !unseen && !trapped && !r.leaves {
			j.wrong("answers", "request %d, %s: status %d, %v, and no line says why: %q; %d spans; %s", r.n, r.path, r.status, r.err, t.lines, len(t.spans), r.seen)
		}
		return
	}
	if r.leaves { // it was too late to leave, or is still at it on the other side
		return
	}
	j.out.Whole++
	slices.Sort(names)
	if r.pieces > 0 { // the network may join or part them
		names = slices.Compact(names)
	}
	model, ok := j.models[r.kind]
	switch {
	case !ok:
		j.models[r.kind] = names
	case !slices.Equal(names, model):
		j.wrong("missing", "request %d, %s: its trace is without %q of one that was alone, and has %q beyond", r.n, r.path, without(model, names), without(names, model))
	}
}

// without gives what a has and b has not, as often as it is so.
func without(a, b []string) []string {
	a = slices.Clone(a)
	for _, s := range b {
		if n := slices.Index(a, s); n >= 0 {
			a = slices.Delete(a, n, n+1)
		}
	}
	return a
}

// spans checks the spans of a trace and gives their names with those of their parents. j.mu is held.
func (j *judge) spans(t *trace) (names []string) {
	r := t.request
	byID := map[string]*tracepb.Span{}
	for _, s := range t.spans {
		byID[string(s.SpanId)] = s
	}
	servers := 0
	for _, s := range t.spans {
		parent, server := "", s.Kind == tracepb.Span_SPAN_KIND_SERVER
		if p := byID[string(s.ParentSpanId)]; p != nil {
			parent = p.Name
		} else if !server {
			j.wrong("orphans", "request %d, %s: span %q has no parent", r.n, r.path, s.Name)
		}
		if server {
			servers++
			if path, _, _ := strings.Cut(r.path, "?"); attribute(s.Attributes, "url.path") != path || fmt.Sprintf("%x", s.ParentSpanId) != parentSpan {
				j.wrong("spans", "request %d, %s: a server span of %s below %x", r.n, r.path, attribute(s.Attributes, "url.path"), s.ParentSpanId)
			}
		}
		if pooling(s, byID) || otlptest.IsWait(s.Name) {
			continue
		}
		if i := attribute(s.Attributes, "vitrine.instance.id"); i != "" {
			j.out.instances[i] = true
		}
		// What languages' libraries ask 0.2 for they ask once in an instance, or when they collect garbage.
		if !strings.Contains(s.Name, "@0.2.") {
			names = append(names, s.Name+" < "+parent)
		}
	}
	if servers > 1 || servers == 0 && !r.leaves && r.err == nil {
		j.wrong("missing", "request %d, %s: %d server spans", r.n, r.path, servers)
	}
	return names
}

// requests checks what the upstream was sent for a request. j.mu is held.
func (j *judge) requests(r *request, id [16]byte) {
	if !r.fetch {
		return
	}
	path := fmt.Sprintf("/r%d", r.n)
	var clients [][]byte
	for _, s := range j.traces[r.n].spans {
		if s.Kind == tracepb.Span_SPAN_KIND_CLIENT {
			clients = append(clients, s.SpanId)
			if full := attribute(s.Attributes, "url.full"); !strings.HasSuffix(full, path) {
				j.wrong("spans", "request %d, %s: a client span of %s", r.n, r.path, full)
			}
		}
	}
	seen := j.up.take(path)
	for _, parent := range seen {
		j.out.Outgoing++
		own := slices.ContainsFunc(clients, func(c []byte) bool { return parent == fmt.Sprintf("00-%x-%x-01", id, c) })
		if lost := len(clients) == 0 && r.err != nil && strings.HasPrefix(parent, fmt.Sprintf("00-%x-", id)); !own && !lost {
			j.wrong("outgoing", "request %d, %s: the upstream was sent traceparent %s, and its client spans are %x", r.n, r.path, parent, clients)
		}
	}
	if len(seen) == 0 && r.status == 200 && r.err == nil {
		j.wrong("outgoing", "request %d, %s: the upstream was sent nothing", r.n, r.path)
	}
}

// unknown notes what belongs to no load: spans and lines of the host's own, which have no invocation.
func (j *judge) unknown(traceID []byte, kind tracepb.Span_SpanKind, attrs []*commonpb.KeyValue, name string) {
	if bytes.Equal(traceID, make([]byte, len(traceID))) {
		return
	}
	if kind == tracepb.Span_SPAN_KIND_SERVER || kind == tracepb.Span_SPAN_KIND_CLIENT || attribute(attrs, "vitrine.instance.use") != "" {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.wrong("strays", "%q is in the trace %x, which nobody began", name, traceID)
	}
}
