package api

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/vitrine-wasm/vitrine/view/internal/otlpjson"
	"github.com/vitrine-wasm/vitrine/view/internal/store"
)

// object is a JSON object that is being written.
type object []byte

func (o *object) key(name string) {
	c := byte(',')
	if len(*o) == 0 {
		c = '{'
	}
	*o = append(append(append(*o, c, '"'), name...), '"', ':')
}

func (o *object) str(name, value string)    { o.key(name); *o = otlpjson.AppendString(*o, value) }
func (o *object) int(name string, n int64)  { o.key(name); *o = strconv.AppendInt(*o, n, 10) }
func (o *object) bool(name string, v bool)  { o.key(name); *o = strconv.AppendBool(*o, v) }
func (o *object) raw(name string, v []byte) { o.key(name); *o = append(*o, v...) }

// time writes a number of 64 bits, as a text.
func (o *object) time(name string, n int64) {
	o.key(name)
	*o = append(strconv.AppendInt(append(*o, '"'), n, 10), '"')
}

func (o object) end() []byte {
	if len(o) == 0 {
		return []byte("{}")
	}
	return append(o, '}')
}

// list writes the elements of a JSON array.
func list[T any](all []T, one func([]byte, T) []byte) []byte {
	b := []byte{'['}
	for i, e := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, e)
	}
	return append(b, ']')
}

func appendSummary(b []byte, s store.Summary) []byte {
	o := object(nil)
	o.str("traceId", s.ID.String())
	o.time("start", s.Start)
	o.int("duration", s.Duration())
	o.int("spans", int64(s.Spans))
	o.int("errors", int64(s.Errors))
	o.str("name", s.Name)
	o.str("service", s.Service)
	if s.Status != 0 {
		o.int("code", int64(s.Status))
	}
	if s.Failed {
		o.bool("failed", true)
	}
	if !s.Rooted {
		o.bool("partial", true)
	}
	o.raw("services", list(s.Services, otlpjson.AppendString))
	o.time("run", s.Run)
	o.str("at", formatCursor(s.At))
	return append(b, o.end()...)
}

func appendTraceList(b []byte, l *store.TraceList, groups []group) []byte {
	o := object(nil)
	o.raw("traces", list(l.Traces, appendSummary))
	o.int("matched", int64(l.Matched))
	if l.Partial {
		o.bool("partial", true)
	}
	var buckets []int
	for i, n := range l.Count {
		if n > 0 {
			buckets = append(buckets, i)
		}
	}
	o.raw("durations", list(buckets, func(b []byte, i int) []byte {
		var d object
		d.int("from", store.BucketStart(i))
		d.int("to", store.BucketStart(i+1))
		d.int("count", int64(l.Count[i]))
		d.int("failed", int64(l.Failed[i]))
		return append(b, d.end()...)
	}))
	o.raw("groups", list(groups, func(b []byte, g group) []byte {
		var d object
		d.str("service", g.Service)
		d.str("name", g.Name)
		d.int("count", int64(g.count))
		d.int("errors", int64(g.errors))
		d.int("p50", g.p50)
		d.int("p95", g.p95)
		d.int("p99", g.p99)
		return append(b, d.end()...)
	}))
	o.raw("services", list(slices.Sorted(maps.Keys(l.Service)), func(b []byte, name string) []byte {
		var d object
		d.str("name", name)
		d.int("count", int64(l.Service[name]))
		return append(b, d.end()...)
	}))
	return append(b, o.end()...)
}

// bySource calls add for each group of records with the same source, in the order of their first ones.
func bySource(n int, source func(int) *store.Source, add func(res *resourcepb.Resource, scope *commonpb.InstrumentationScope, records []int)) {
	at := map[*store.Source]int{}
	var order []*store.Source
	var groups [][]int
	for i := range n {
		src := source(i)
		g, ok := at[src]
		if !ok {
			g = len(groups)
			at[src], order, groups = g, append(order, src), append(groups, nil)
		}
		groups[g] = append(groups[g], i)
	}
	for g, src := range order {
		res, scope := &resourcepb.Resource{}, &commonpb.InstrumentationScope{}
		_ = proto.Unmarshal(src.Resource, res) // it was one when it was stored; what is damaged is left out
		_ = proto.Unmarshal(src.Scope, scope)
		add(res, scope, groups[g])
	}
}

func appendTraces(b []byte, records []store.Record) []byte {
	out := &tracepb.TracesData{}
	bySource(len(records), func(i int) *store.Source { return records[i].Source }, func(res *resourcepb.Resource, scope *commonpb.InstrumentationScope, of []int) {
		spans := &tracepb.ScopeSpans{Scope: scope}
		for _, i := range of {
			s := &tracepb.Span{}
			if proto.Unmarshal(records[i].Encoded, s) == nil {
				spans.Spans = append(spans.Spans, s)
			}
		}
		out.ResourceSpans = append(out.ResourceSpans, &tracepb.ResourceSpans{Resource: res, ScopeSpans: []*tracepb.ScopeSpans{spans}})
	})
	return otlpjson.Append(b, out)
}

func appendLogs(b []byte, records []store.LogRecord) []byte {
	out := &logspb.LogsData{}
	bySource(len(records), func(i int) *store.Source { return records[i].Source }, func(res *resourcepb.Resource, scope *commonpb.InstrumentationScope, of []int) {
		logs := &logspb.ScopeLogs{Scope: scope}
		for _, i := range of {
			l := &logspb.LogRecord{}
			if proto.Unmarshal(records[i].Encoded, l) == nil {
				logs.LogRecords = append(logs.LogRecords, l)
			}
		}
		out.ResourceLogs = append(out.ResourceLogs, &logspb.ResourceLogs{Resource: res, ScopeLogs: []*logspb.ScopeLogs{logs}})
	})
	return otlpjson.Append(b, out)
}

// appendLogList writes log records as a list reads them: what is in each, in the order found.
func appendLogList(b []byte, records []store.LogRecord) []byte {
	o := object(nil)
	o.raw("logs", list(records, appendLog))
	return append(b, o.end()...)
}

func appendLog(b []byte, r store.LogRecord) []byte {
	l := &logspb.LogRecord{}
	_ = proto.Unmarshal(r.Encoded, l) // it was one when it was stored; what is damaged is left out
	o := object(nil)
	o.time("time", r.Time)
	o.int("severity", int64(r.Severity))
	o.str("service", r.Source.Service)
	o.raw("body", otlpjson.Value(l.GetBody()))
	if len(l.GetTraceId()) == 16 {
		o.str("traceId", fmt.Sprintf("%x", l.GetTraceId()))
	}
	if len(l.GetSpanId()) == 8 {
		o.str("spanId", fmt.Sprintf("%x", l.GetSpanId()))
	}
	if l.GetEventName() != "" {
		o.str("eventName", l.GetEventName())
	}
	o.raw("attributes", otlpjson.Value(&commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: l.GetAttributes()}}}))
	o.str("at", formatCursor(r.At))
	return append(b, o.end()...)
}

// formatCursor is the place of a trace's last change or of a log record, for ?since= and ?before=.
func formatCursor(c store.Cursor) string { return fmt.Sprintf("%d.%d.%d", c.Run, c.Seq, c.Row) }

func parseCursor(s string) (c store.Cursor, err error) {
	if s == "" {
		return c, nil
	}
	if n, err := fmt.Sscanf(s, "%d.%d.%d", &c.Run, &c.Seq, &c.Row); err != nil || n != 3 || formatCursor(c) != s {
		return store.Cursor{}, fmt.Errorf("%.100q is no place: want what \"at\" of one that you have says", s)
	}
	return c, nil
}

// pointPlace is the place of a data point: that of the record that has it, and where it is in this.
type pointPlace struct {
	store.Cursor
	index int
}

func (p pointPlace) String() string { return fmt.Sprintf("%s.%d", formatCursor(p.Cursor), p.index) }

func parsePointPlace(s string) (p pointPlace, err error) {
	if s == "" {
		return p, nil
	}
	if n, err := fmt.Sscanf(s, "%d.%d.%d.%d", &p.Run, &p.Seq, &p.Row, &p.index); err != nil || n != 4 || p.String() != s {
		return pointPlace{}, fmt.Errorf("%.100q is no place of a data point: want what \"at\" of one that you have says", s)
	}
	return p, nil
}
