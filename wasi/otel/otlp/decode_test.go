package otlp

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// kindNames are the kinds as protobuf's descriptors name them. Identifiers and bytes are both bytes.
var kindNames = map[kind][]string{
	kindMessage: {"message"}, kindText: {"string"}, kindBytes: {"bytes"}, kindID: {"bytes"}, kindBool: {"bool"}, kindEnum: {"enum"}, kindInt64: {"int64"},
	kindUint: {"uint32", "uint64"}, kindSint32: {"sint32"}, kindFixed32: {"fixed32"}, kindFixed64: {"fixed64"}, kindSfixed64: {"sfixed64"}, kindDouble: {"double"},
}

// notRead are fields of the published messages that have nowhere to go.
var notRead = []string{
	"entityRefs", "metadata", "keyStrindex", "stringValueStrindex", // profiles, and drafts
}

// The table of messages is the published one.
func TestSchema(t *testing.T) {
	for path, s := range signals {
		published := otlptest.Fields(path)
		if len(published) < 20 {
			t.Fatalf("%s: %d fields", path, len(published))
		}
		known := map[string]bool{}
		var walk func(path string, m *message)
		walk = func(path string, m *message) {
			for _, f := range m.fields {
				for _, name := range kindNames[f.kind] {
					kind := strings.Join(append([]string{name}, f.values...), " ")
					if f.repeated {
						kind = "repeated " + kind
					}
					known[fmt.Sprintf("%s %d %s %s", path, f.num, f.name, kind)] = true
				}
				if f.of != nil && strings.Count(path, ".") < 12 {
					walk(strings.TrimPrefix(path+"."+f.name, "."), f.of)
				}
			}
		}
		walk("", s.request)
		for _, p := range published {
			name := strings.Fields(p)[len(strings.Fields(p))-2]
			if strings.Contains(p, "droppedAttributesCount") || slices.ContainsFunc(notRead, func(n string) bool { return strings.Contains(p, n) }) {
				continue
			}
			if !known[p] {
				t.Errorf("%s: %q (%s) is not in the table", path, p, name)
			}
		}
	}
}

// Both encodings, compressed or not, give the same records, and those are right.
func TestSamples(t *testing.T) {
	for _, s := range otlptest.Samples(t) {
		for _, c := range []struct {
			name string
			enc  encoding
			body []byte
			gzip bool
		}{
			{"protobuf", protobuf, s.Protobuf, false}, {"protobuf, gzip", protobuf, s.Protobuf, true},
			{"json", jsonText, s.JSON, false}, {"json, gzip", jsonText, s.JSON, true},
		} {
			t.Run(s.Path+", "+c.name, func(t *testing.T) {
				to := newSink()
				header := []string{}
				if c.gzip {
					c.body, header = zip(t, c.body), []string{"Content-Encoding", "gzip"}
				}
				w := post(t, New(to), s.Path, c.enc, c.body, header...)
				if want := map[encoding]string{protobuf: "", jsonText: "{}"}[c.enc]; w.Code != 200 || w.Body.String() != want || w.Header().Get("Content-Type") != string(c.enc) {
					t.Fatalf("%d %v %q", w.Code, w.Header(), w.Body)
				}
				got := any(to.spans)
				want := any(sampleSpans())
				switch s.Path {
				case "/v1/logs":
					got, want = to.logs, sampleLogs()
				case "/v1/metrics":
					got, want = to.metrics, sampleMetrics()
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("got\n%s\nwant\n%s", dump(got), dump(want))
				}
			})
		}
	}
}

func dump(v any) string {
	var b strings.Builder
	rv := reflect.ValueOf(v)
	for i := range rv.Len() {
		fmt.Fprintf(&b, "%+v\n", rv.Index(i).Elem())
	}
	return b.String()
}

var (
	sampleTrace  = otel.TraceID{0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c}
	sampleSpan   = otel.SpanID{0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31}
	sampleParent = otel.SpanID{0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7}
	from         = otel.Time{Seconds: 1_700_000_000, Nanoseconds: 1}
	to           = otel.Time{Seconds: 1_700_000_001, Nanoseconds: 2}
)

func few() []otel.KeyValue { return all()[:1:1] }

func all() []otel.KeyValue {
	return []otel.KeyValue{
		{Key: "text", Value: "é\x00\""}, {Key: "number", Value: int64(math.MinInt64)}, {Key: "empty"}, {Key: "bool", Value: true}, {Key: "double", Value: 1.5},
		{Key: "bytes", Value: []byte{0xff, 0xfe, 0}}, {Key: "list", Value: []otel.Value{"a", int64(math.MinInt64)}},
		{Key: "map", Value: []otel.KeyValue{{Key: "inner", Value: "b"}}},
	}
}

func sampleResource() *otel.Resource {
	return &otel.Resource{Attributes: []otel.KeyValue{{Key: "service.name", Value: "another"}, {Key: "own", Value: "resource"}}, SchemaURL: "resource-schema"}
}

func sampleScope() otel.Scope {
	return otel.Scope{Name: "scope", Version: "1.2", SchemaURL: "scope-schema", Attributes: few()}
}

func sampleSpans() []*otel.Span {
	return []*otel.Span{{
		Context:  otel.SpanContext{TraceID: sampleTrace, SpanID: sampleSpan, Sampled: true, State: otel.TraceState{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}},
		ParentID: sampleParent, Kind: otel.KindProducer, Name: "work", Start: from, End: to, Attributes: all(),
		Events: []otel.Event{{Name: "event", Time: otel.Time{Seconds: 1_700_000_000, Nanoseconds: 500_000_000}, Attributes: few()}},
		Links: []otel.Link{{
			Context:    otel.SpanContext{TraceID: sampleTrace, SpanID: sampleParent, Sampled: true, IsRemote: true, State: otel.TraceState{{Key: "c", Value: "3"}}},
			Attributes: few(),
		}},
		Status: otel.Status{Code: otel.StatusError, Description: "broken"}, Scope: sampleScope(), Resource: sampleResource(),
		DroppedAttributes: 1, DroppedEvents: 2, DroppedLinks: 3,
	}, {
		Context: otel.SpanContext{TraceID: sampleTrace, SpanID: sampleParent, Sampled: true}, Kind: otel.KindClient, Name: "root",
		Scope: sampleScope(), Resource: sampleResource(),
	}}
}

func sampleLogs() []*otel.LogRecord {
	at, observed, scope := from, otel.Time{Seconds: 1_700_000_000, Nanoseconds: 2}, sampleScope()
	return []*otel.LogRecord{{
		Time: &at, Observed: &observed, Severity: 14, SeverityText: "WARN2", Body: "body", Attributes: all(), EventName: "event",
		Resource: sampleResource(), Scope: &scope, TraceID: sampleTrace, SpanID: sampleSpan, Sampled: true,
	}, {Resource: sampleResource(), Scope: &scope}}
}

func sampleMetrics() []*otel.ResourceMetrics {
	number := func(x float64) otel.Number { return otel.Number{Kind: otel.Float64, Float: x} }
	ptr := func(x float64) *otel.Number {
		n := number(x)
		return &n
	}
	whole := func(n int64) otel.Number { return otel.Number{Kind: otel.Int64, Int: n} }
	start, end, later := from, to, otel.Time{Seconds: to.Seconds, Nanoseconds: to.Nanoseconds + 1}
	interval := otel.Interval{Start: &start, Time: &end}
	exemplars := []otel.Exemplar{
		{Filtered: few(), Time: to, Value: whole(7), TraceID: sampleTrace, SpanID: sampleSpan},
		{Time: to, Value: number(7.5)},
	}
	five := otel.Point{Attributes: all(), Value: whole(-5), Exemplars: exemplars, Interval: interval}
	return []*otel.ResourceMetrics{{Resource: *sampleResource(), Scopes: []otel.ScopeMetrics{{Scope: sampleScope(), Metrics: []otel.Metric{
		{Name: "g", Description: "gauge", Unit: "1", Data: &otel.Gauge{Kind: otel.Float64, Points: []otel.Point{five, {Value: number(2.5), Interval: otel.Interval{Time: &later}}}}},
		{Name: "s", Data: &otel.Sum{Kind: otel.Int64, Points: []otel.Point{five}, Temporality: otel.Delta, Monotonic: true}},
		{Name: "h", Data: &otel.Histogram{Temporality: otel.Cumulative, Points: []otel.HistogramPoint{{
			Attributes: few(), Count: 3, Sum: number(10.5), Counts: []uint64{1, 2, 0}, Bounds: []float64{1, 2.5}, Min: ptr(-1), Max: ptr(9), Exemplars: exemplars, Interval: interval,
		}}}},
		{Name: "e", Data: &otel.ExponentialHistogram{Temporality: otel.Delta, Points: []otel.ExponentialPoint{{
			Attributes: few(), Count: 4, Sum: number(10.5), Min: ptr(-1), Max: ptr(9), Scale: -3, ZeroCount: 1, ZeroThreshold: 0.25,
			Positive: otel.Buckets{Offset: -2, Counts: []uint64{1, 300}}, Negative: otel.Buckets{Offset: 2, Counts: []uint64{2}}, Exemplars: exemplars, Interval: interval,
		}}}},
	}}}}}
}

// What JSON may look like besides what protobuf's own encoder writes.
func TestJSON(t *testing.T) {
	span := func(rest string) string {
		return `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0AF7651916CD43DD8448EB211C80319C","spanId":"b7ad6b7169203331"` + rest + `}]}]}]}`
	}
	for name, c := range map[string]struct {
		body string
		want func(*otel.Span) bool // nil: 400
	}{
		"upper-case ids":                   {span(``), func(s *otel.Span) bool { return s.Context.TraceID == sampleTrace }},
		"enum by number":                   {span(`,"kind":3`), func(s *otel.Span) bool { return s.Kind == otel.KindClient }},
		"enum by name":                     {span(`,"kind":"SPAN_KIND_CLIENT"`), func(s *otel.Span) bool { return s.Kind == otel.KindClient }},
		"enum that is none":                {span(`,"kind":99`), func(s *otel.Span) bool { return s.Kind == otel.KindInternal }},
		"time as a number":                 {span(`,"startTimeUnixNano":1700000000000000001`), func(s *otel.Span) bool { return s.Start == from }},
		"time as a string":                 {span(`,"startTimeUnixNano":"1700000000000000001"`), func(s *otel.Span) bool { return s.Start == from }},
		"time with an exponent":            {span(`,"startTimeUnixNano":1.7e18`), func(s *otel.Span) bool { return s.Start.Seconds == 1_700_000_000 }},
		"unknown fields":                   {span(`,"later":{"a":[1,{"b":null}]},"more":"x"`), func(s *otel.Span) bool { return s.Context.SpanID == sampleSpan }},
		"null":                             {span(`,"name":null,"attributes":null,"status":null`), func(s *otel.Span) bool { return s.Name == "" }},
		"last of a field written twice":    {span(`,"name":"a","name":"b"`), func(s *otel.Span) bool { return s.Name == "b" }},
		"empty parent":                     {span(`,"parentSpanId":""`), func(s *otel.Span) bool { return s.ParentID == otel.SpanID{} }},
		"short parent":                     {span(`,"parentSpanId":"01"`), func(s *otel.Span) bool { return s.ParentID == otel.SpanID{} }},
		"infinity":                         {span(`,"attributes":[{"key":"a","value":{"doubleValue":"-Infinity"}}]`), func(s *otel.Span) bool { return s.Attributes[0].Value == math.Inf(-1) }},
		"base64 for the web":               {span(`,"attributes":[{"key":"a","value":{"bytesValue":"__4A"}}]`), func(s *otel.Span) bool { return string(s.Attributes[0].Value.([]byte)) == "\xff\xfe\x00" }},
		"white space around":               {" \n" + span(``) + "\n ", func(s *otel.Span) bool { return s.Context.TraceID == sampleTrace }},
		"text of half a character":         {span(`,"name":"\ud800"`), func(s *otel.Span) bool { return s.Name == "\uFFFD" }},
		"snake_case, which is no OTLP":     {span(`,"start_time_unix_nano":1`), func(s *otel.Span) bool { return s.Start == otel.Time{} }},
		"nothing":                          {``, nil},
		"no object":                        {`[]`, nil},
		"half":                             {span(``)[:40], nil},
		"two messages":                     {`{}{}`, nil},
		"ids that are base64":              {`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"CvdlGRbNQ92ESOshHIAxnA=="}]}]}]}`, nil},
		"a number for a text":              {span(`,"name":1`), nil},
		"an object for a list":             {span(`,"events":{}`), nil},
		"a list for an object":             {span(`,"status":[]`), nil},
		"a number beyond its bits":         {span(`,"droppedEventsCount":18446744073709551616`), nil},
		"a time before 1970":               {span(`,"startTimeUnixNano":-1`), nil},
		"a whole number with a fraction":   {span(`,"attributes":[{"key":"a","value":{"intValue":1.5}}]`), nil},
		"null in a list":                   {span(`,"events":[null]`), nil},
		"no JSON, though protobuf may be":  {"\x0a\x00", nil},
		"a whole number that is not there": {span(`,"attributes":[{"key":"a","value":{"intValue":""}}]`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			to := newSink()
			w := post(t, New(to), "/v1/traces", jsonText, []byte(c.body))
			if c.want == nil {
				if w.Code != 400 || !strings.Contains(w.Body.String(), `"code":3`) || len(to.spans) != 0 {
					t.Errorf("%d %q, %d spans", w.Code, w.Body, len(to.spans))
				}
				return
			}
			if w.Code != 200 || len(to.spans) != 1 || !c.want(to.spans[0]) {
				t.Errorf("%d %q: %s", w.Code, w.Body, dump(to.spans))
			}
		})
	}
}
