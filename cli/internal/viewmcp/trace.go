package viewmcp

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/internal/text"
)

// maxAttributes bounds the attributes of one span or line.
const maxAttributes = 40

// wholeTrace is the arguments of get_trace.
type wholeTrace struct {
	Trace string `json:"trace_id" jsonschema:"32 hexadecimal digits, as list_traces says them"`
	Spans int    `json:"max_spans,omitempty" jsonschema:"how many spans at most: 80 unless it is said, 200 at most"`
	Brief bool   `json:"brief,omitempty" jsonschema:"without attributes"`
}

// keyValue is OTLP's JSON of an attribute.
type keyValue struct {
	Key   string
	Value map[string]any
}

func (kv *keyValue) text() string {
	for _, v := range kv.Value { // it has one
		return plain(v)
	}
	return ""
}

// span is OTLP's JSON of a span.
type span struct {
	SpanID, ParentSpanID, Name         string
	StartTimeUnixNano, EndTimeUnixNano uint64 `json:",string"`
	Attributes                         []keyValue
	Status                             struct {
		Code    int
		Message string
	}
	Events []struct {
		Name         string
		TimeUnixNano uint64 `json:",string"`
		Attributes   []keyValue
	}

	service  string
	parent   *span
	children []*span
	shown    bool
	told     bool
}

func (s *span) duration() int64 { return max(int64(s.EndTimeUnixNano-s.StartTimeUnixNano), 0) }

type shown struct {
	Depth      int               `json:"depth"`
	ID         string            `json:"span_id"`
	Service    string            `json:"service"`
	Name       string            `json:"name"`
	At         string            `json:"at"`
	Duration   string            `json:"duration"`
	Failed     string            `json:"failed,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
	Events     []string          `json:"events,omitempty"`
}

func (v *viewer) getTrace(ctx context.Context, in wholeTrace) (any, error) {
	if err := traceID(in.Trace); err != nil {
		return nil, err
	}
	most := defaultSpan
	if in.Spans > 0 {
		most = min(in.Spans, maxItems)
	}
	var data struct {
		ResourceSpans []struct {
			Resource   struct{ Attributes []keyValue }
			ScopeSpans []struct{ Spans []*span }
		}
	}
	if err := v.get(ctx, "/api/v1/traces/"+in.Trace, nil, &data); err != nil {
		return nil, err
	}
	var all []*span
	for _, r := range data.ResourceSpans {
		service := ""
		for _, a := range r.Resource.Attributes {
			if a.Key == "service.name" {
				service = a.text()
			}
		}
		for _, scope := range r.ScopeSpans {
			for _, s := range scope.Spans {
				s.service = service
				all = append(all, s)
			}
		}
	}
	roots := connect(all)
	choose(all, most)
	out := struct {
		Duration string  `json:"duration"`
		Spans    []shown `json:"spans"`
		Omitted  int     `json:"omitted_spans,omitempty"`
	}{Spans: []shown{}}
	var start, end uint64
	for _, s := range all {
		if start == 0 || s.StartTimeUnixNano < start {
			start = s.StartTimeUnixNano
		}
		end = max(end, s.EndTimeUnixNano)
	}
	out.Duration = brief(int64(end - start))
	var walk func(s *span, depth int)
	walk = func(s *span, depth int) {
		if s.told || depth > 1000 {
			return
		}
		s.told = true
		if s.shown {
			out.Spans = append(out.Spans, s.show(depth, start, in.Brief))
		} else {
			out.Omitted++
		}
		for _, c := range s.children {
			walk(c, depth+1)
		}
	}
	for _, s := range append(roots, all...) { // spans whose parents form a circle are below no root
		walk(s, 0)
	}
	return fit(&out.Spans, &out.Omitted, &out), nil
}

// fit drops attributes and events, and then spans, until an answer is within its bound: those that failed, which are what is looked for, last.
func fit(spans *[]shown, omitted *int, out any) any {
	bare := func(failed bool) {
		for i := range *spans {
			if s := &(*spans)[i]; failed == (s.Failed != "") {
				s.Attributes, s.Events = nil, nil
			}
		}
	}
	// halve drops the later half of the spans that have failed, or of those that have not.
	halve := func(failed bool) {
		n := 0
		for i := range *spans {
			if failed == ((*spans)[i].Failed != "") {
				n++
			}
		}
		keep, had := n/2, len(*spans)
		*spans = slices.DeleteFunc(*spans, func(s shown) bool {
			if failed != (s.Failed != "") {
				return false
			}
			keep--
			return keep < 0
		})
		*omitted += had - len(*spans)
	}
	for _, failed := range []bool{false, true} {
		if size(out) > maxAnswer {
			bare(failed)
		}
		for had := -1; size(out) > maxAnswer && len(*spans) != had; {
			had = len(*spans)
			halve(failed)
		}
	}
	return out
}

// size is the number of bytes of an answer.
func size(out any) int {
	b, _ := json.Marshal(out) // it has texts and numbers only
	return len(b)
}

// connect finds the parent of each span, and sorts by start. It returns those without one.
func connect(all []*span) (roots []*span) {
	slices.SortStableFunc(all, func(a, b *span) int { return cmp.Compare(a.StartTimeUnixNano, b.StartTimeUnixNano) })
	known := map[string]*span{}
	for _, s := range all {
		if known[s.SpanID] == nil {
			known[s.SpanID] = s
		}
	}
	for _, s := range all {
		if p := known[s.ParentSpanID]; p != nil && p != s {
			s.parent = p
			p.children = append(p.children, s)
		} else {
			roots = append(roots, s)
		}
	}
	return roots
}

// choose marks the spans to show: all, or those that failed and the slowest, each with what is above it.
func choose(all []*span, most int) {
	byWeight := slices.Clone(all)
	slices.SortStableFunc(byWeight, func(a, b *span) int {
		return cmp.Or(cmp.Compare(b.Status.Code/2, a.Status.Code/2), cmp.Compare(b.duration(), a.duration()))
	})
	n := 0
	for _, s := range byWeight {
		var path []*span
		for x := s; x != nil && !x.shown && len(path) <= most; x = x.parent {
			path = append(path, x)
		}
		if n+len(path) > most {
			if s.Status.Code != 2 || n >= most {
				continue
			}
			path = path[:1] // one that failed is shown without what is above it, rather than not at all
		}
		for _, x := range path {
			if !x.shown {
				x.shown = true
				n++
			}
		}
	}
}

func (s *span) show(depth int, start uint64, short bool) shown {
	out := shown{Depth: depth, ID: s.SpanID, Service: cut(s.service), Name: cut(s.Name), At: brief(int64(s.StartTimeUnixNano - start)), Duration: brief(s.duration())}
	if s.Status.Code == 2 {
		out.Failed = cmp.Or(cut(s.Status.Message), "yes")
	}
	if short {
		return out
	}
	for i := range s.Attributes {
		if out.Attributes == nil {
			out.Attributes = map[string]string{}
		}
		if len(out.Attributes) < maxAttributes {
			out.Attributes[cut(s.Attributes[i].Key)] = s.Attributes[i].text()
		}
	}
	for _, e := range s.Events {
		if len(out.Events) == 10 {
			break
		}
		t := brief(int64(e.TimeUnixNano-start)) + " " + e.Name
		for i := range e.Attributes {
			t += " " + e.Attributes[i].Key + "=" + e.Attributes[i].text()
		}
		out.Events = append(out.Events, cut(t))
	}
	return out
}

// cut bounds a text.
func cut(s string) string { return text.Cut(s, maxText) }

// plain is a value of JSON as a bounded text.
func plain(v any) string {
	if s, ok := v.(string); ok {
		return cut(s)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return cut(string(b))
}

// bounded cuts the texts in a value of JSON, and its lists to so many items.
func bounded(v any, items int) any {
	switch v := v.(type) {
	case string:
		return cut(v)
	case []any:
		v = v[:min(len(v), items)]
		for i := range v {
			v[i] = bounded(v[i], items)
		}
		return v
	case map[string]any:
		for k := range v {
			v[k] = bounded(v[k], items)
		}
	}
	return v
}

func clock(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000Z") }

// brief is a duration with three digits or so.
func brief(ns int64) string {
	d := time.Duration(ns)
	for unit := time.Duration(1); unit <= time.Second; unit *= 1000 {
		if d < 1000*unit {
			return d.Round(max(unit/100, 1)).String()
		}
	}
	return d.Round(10 * time.Millisecond).String()
}

func level(severity int) string {
	words := []string{"trace", "debug", "info", "warn", "error", "fatal"}
	if severity < 1 || severity > 24 {
		return ""
	}
	return strings.ToUpper(words[(severity-1)/4])
}
