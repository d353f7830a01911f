package otelchecks

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// record is a span as the collector has it, with its scope and resource.
type record struct {
	*tracepb.Span
	scope    *commonpb.InstrumentationScope
	resource map[string]string
	schema   string
}

func (s *record) id() string     { return hex.EncodeToString(s.SpanId) }
func (s *record) trace() string  { return hex.EncodeToString(s.TraceId) }
func (s *record) parent() string { return hex.EncodeToString(s.ParentSpanId) }

// attr is an attribute as text; "-" if there is none.
func (s *record) attr(key string) string { return attrOf(s.Attributes, key) }

func attrOf(kvs []*commonpb.KeyValue, key string) string {
	for _, kv := range kvs {
		if kv.Key == key {
			return show(kv.Value)
		}
	}
	return "-"
}

// show is a value with its type: s"text", i1, d1.5, b"AA", [..], {..}, nil.
func show(v *commonpb.AnyValue) string {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return fmt.Sprintf("%q", v.StringValue)
	case *commonpb.AnyValue_BoolValue:
		return fmt.Sprint(v.BoolValue)
	case *commonpb.AnyValue_IntValue:
		return fmt.Sprint("int ", v.IntValue)
	case *commonpb.AnyValue_DoubleValue:
		return fmt.Sprint("double ", v.DoubleValue)
	case *commonpb.AnyValue_BytesValue:
		return fmt.Sprintf("bytes %x", v.BytesValue)
	case *commonpb.AnyValue_ArrayValue:
		var parts []string
		for _, e := range v.ArrayValue.GetValues() {
			parts = append(parts, show(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case *commonpb.AnyValue_KvlistValue:
		var parts []string
		for _, kv := range v.KvlistValue.GetValues() {
			parts = append(parts, kv.Key+": "+show(kv.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return "nil"
}

func mapOf(kvs []*commonpb.KeyValue) map[string]string {
	out := map[string]string{}
	for _, kv := range kvs {
		out[kv.Key] = show(kv.Value)
	}
	return out
}

// flush sends what is queued.
func (r *rig) flush() {
	r.Helper()
	if r.over {
		return
	}
	if err := r.Flush(context.Background()); err != nil {
		r.Fatal(err)
	}
}

// spans flushes and gives all spans but those of the lives of workload and instances. The span of a request ends behind its answer,
// and is waited for.
func (r *rig) spans() []*record {
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		all := r.received()
		servers := 0
		for _, s := range all {
			if s.Kind == tracepb.Span_SPAN_KIND_SERVER && s.scope.GetName() != "sdk" {
				servers++
			}
		}
		if servers >= r.gets || time.Now().After(until) {
			return all
		}
	}
}

func (r *rig) received() []*record {
	r.flush()
	var out []*record
	for _, rs := range r.collector.Traces() {
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				out = append(out, &record{s, ss.Scope, mapOf(rs.Resource.Attributes), ss.SchemaUrl})
			}
		}
	}
	waiting := map[string]bool{} // spans of guests that wait in them
	for _, s := range out {
		if s.Name == "pause" || s.Name == "late" {
			waiting[s.trace()+s.id()] = true
		}
	}
	return slices.DeleteFunc(out, func(s *record) bool {
		if isWait := strings.HasSuffix(s.Name, "#wait-for") || strings.HasSuffix(s.Name, "#[method]pollable.block"); isWait && waiting[s.trace()+s.parent()] {
			return true // it is a span if it takes a millisecond; in another place it is a fault
		}
		return strings.HasSuffix(s.Name, " guest") || strings.HasSuffix(s.Name, " service") || strings.HasPrefix(s.Name, "workload ") || s.Name == "trigger ready"
	})
}

// span gives the one span of a name.
func (r *rig) span(name string) *record {
	r.Helper()
	found := named(r.spans(), name)
	if len(found) != 1 {
		r.Fatalf("%d spans called %q in %s", len(found), name, outline(r.spans()))
	}
	return found[0]
}

func named(spans []*record, name string) []*record {
	return slices.DeleteFunc(slices.Clone(spans), func(s *record) bool { return s.Name != name })
}

// tree flushes and gives all spans as trees in one line.
func (r *rig) tree() string {
	r.Helper()
	return outline(r.spans())
}

// outline is trees of spans in one line: "a(b c(d))", siblings by name. Of a span of the host's, the last word of the name.
func outline(spans []*record) string {
	ids := map[string]bool{}
	for _, s := range spans {
		ids[s.trace()+s.id()] = true
	}
	seen := 0
	var below func(parent string, depth int) string
	below = func(parent string, depth int) string {
		var all []string
		for _, s := range spans {
			p := s.trace() + s.parent()
			if depth > 50 || p != parent && (parent != "" || ids[p] && s.parent() != "") {
				continue
			}
			seen++
			name := s.Name[strings.LastIndexAny(s.Name, "# ")+1:]
			if name == "/" { // the route of a request
				name, _, _ = strings.Cut(s.Name, " ")
			}
			if in := below(s.trace()+s.id(), depth+1); in != "" {
				name += "(" + in + ")"
			}
			all = append(all, name)
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	out := below("", 0)
	if seen != len(spans) {
		out += fmt.Sprintf(" and %d in circles or twice", len(spans)-seen)
	}
	return out
}

// logRecord is a log record as the collector has it.
type logRecord struct {
	*logspb.LogRecord
	scope    *commonpb.InstrumentationScope
	resource map[string]string
}

func (r *rig) logs() []*logRecord {
	r.Helper()
	r.flush()
	var out []*logRecord
	for _, rl := range r.collector.Logs() {
		for _, sl := range rl.ScopeLogs {
			for _, l := range sl.LogRecords {
				out = append(out, &logRecord{l, sl.Scope, mapOf(rl.Resource.Attributes)})
			}
		}
	}
	return out
}

// metric is the last that the collector has of a metric.
type metric struct {
	*metricspb.Metric
	scope    *commonpb.InstrumentationScope
	resource map[string]string
}

// metrics flushes and gives the last of each metric of a name, by resource and scope.
func (r *rig) metrics(name string) []*metric {
	r.Helper()
	r.flush()
	last := map[string]*metric{}
	var order []string
	for _, rm := range r.collector.Metrics() {
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				if m.Name != name {
					continue
				}
				res := mapOf(rm.Resource.Attributes)
				key := fmt.Sprint(res, sm.Scope.String(), fmt.Sprintf("%T", m.Data))
				if last[key] == nil {
					order = append(order, key)
				}
				last[key] = &metric{m, sm.Scope, res}
			}
		}
	}
	var out []*metric
	for _, k := range order {
		out = append(out, last[k])
	}
	return out
}

func (r *rig) metric(name string) *metric {
	r.Helper()
	all := r.metrics(name)
	if len(all) != 1 {
		r.Fatalf("%d metrics called %s", len(all), name)
	}
	return all[0]
}

// irregular is what has been counted as irregular, by reason.
func (r *rig) irregular() map[string]int64 {
	r.Helper()
	out := map[string]int64{}
	for _, name := range []string{"vitrine.guest_telemetry.irregular", "vitrine.output.dropped"} {
		for _, m := range r.metrics(name) {
			for _, p := range m.GetSum().GetDataPoints() {
				why := strings.Trim(attrOf(p.Attributes, "vitrine.reason"), `"`)
				if why == "-" {
					why = strings.Trim(attrOf(p.Attributes, "vitrine.limit"), `"`)
				}
				out[why] += p.GetAsInt()
			}
		}
	}
	return out
}

// wantIrregular compares what has been counted.
func (r *rig) wantIrregular(want map[string]int64) {
	r.Helper()
	if want == nil {
		want = map[string]int64{}
	}
	if got := r.irregular(); fmt.Sprint(got) != fmt.Sprint(want) {
		r.Errorf("irregular %v, wanted %v", got, want)
	}
}

// wantTree compares trees of spans.
func (r *rig) wantTree(want string) {
	r.Helper()
	if got := r.tree(); got != want {
		r.Errorf("got    %s\nwanted %s", got, want)
	}
}
