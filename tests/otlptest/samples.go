package otlptest

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Sample is a request of one signal in both encodings of OTLP, and a template of its answer.
type Sample struct {
	Path           string
	Protobuf, JSON []byte
	Response       proto.Message // empty, to unmarshal an answer into
}

// Samples are a request for each signal in which every field has a value, as the published messages write them.
func Samples(t testing.TB) []Sample {
	t.Helper()
	var out []Sample
	for _, s := range []struct {
		path          string
		request, into proto.Message
	}{
		{"/v1/traces", &coltrace.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{sampleSpans()}}, &coltrace.ExportTraceServiceResponse{}},
		{"/v1/metrics", &colmetrics.ExportMetricsServiceRequest{ResourceMetrics: []*metricspb.ResourceMetrics{sampleMetrics()}}, &colmetrics.ExportMetricsServiceResponse{}},
		{"/v1/logs", &collogs.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{sampleLogs()}}, &collogs.ExportLogsServiceResponse{}},
	} {
		b, err := proto.Marshal(s.request)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, Sample{s.path, b, otlpJSON(t, s.request), s.into})
	}
	return out
}

// otlpJSON is a message in OTLP's JSON, which has hexadecimal identifiers.
func otlpJSON(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := protojson.MarshalOptions{UseEnumNumbers: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(b, &tree); err != nil {
		t.Fatal(err)
	}
	hexIDs(tree)
	if b, err = json.Marshal(tree); err != nil {
		t.Fatal(err)
	}
	return b
}

func hexIDs(tree any) {
	switch v := tree.(type) {
	case []any:
		for _, e := range v {
			hexIDs(e)
		}
	case map[string]any:
		for k, e := range v {
			text, ok := e.(string)
			if ok && (k == "traceId" || k == "spanId" || k == "parentSpanId") {
				if b, err := base64.StdEncoding.DecodeString(text); err == nil {
					v[k] = hex.EncodeToString(b)
				}
				continue
			}
			hexIDs(e)
		}
	}
}

// The identifiers in Samples.
const (
	SampleTrace  = "0af7651916cd43dd8448eb211c80319c"
	SampleSpan   = "b7ad6b7169203331"
	SampleParent = "00f067aa0ba902b7"
)

func id(text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return b
}

func text(s string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
}

// sampleAttributes has one attribute of each kind.
func sampleAttributes() []*commonpb.KeyValue {
	number := &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: -1 << 63}}
	kv := func(k string, v *commonpb.AnyValue) *commonpb.KeyValue { return &commonpb.KeyValue{Key: k, Value: v} }
	return []*commonpb.KeyValue{
		kv("text", text("é\x00\"")), kv("number", number), kv("empty", &commonpb.AnyValue{}),
		kv("bool", &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: true}}),
		kv("double", &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: 1.5}}),
		kv("bytes", &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: []byte{0xff, 0xfe, 0}}}),
		kv("list", &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: []*commonpb.AnyValue{text("a"), number}}}}),
		kv("map", &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: []*commonpb.KeyValue{kv("inner", text("b"))}}}}),
	}
}

func few() []*commonpb.KeyValue { return sampleAttributes()[:1] }

func sampleResource() *resourcepb.Resource {
	return &resourcepb.Resource{Attributes: []*commonpb.KeyValue{{Key: "service.name", Value: text("another")}, {Key: "own", Value: text("resource")}}}
}

func sampleScope() *commonpb.InstrumentationScope {
	return &commonpb.InstrumentationScope{Name: "scope", Version: "1.2", Attributes: few()}
}

func sampleSpans() *tracepb.ResourceSpans {
	span := &tracepb.Span{
		TraceId: id(SampleTrace), SpanId: id(SampleSpan), ParentSpanId: id(SampleParent), TraceState: "a=1,b=2", Flags: 0x301,
		Name: "work", Kind: tracepb.Span_SPAN_KIND_PRODUCER, StartTimeUnixNano: 1_700_000_000_000_000_001, EndTimeUnixNano: 1_700_000_001_000_000_002,
		Attributes: sampleAttributes(), DroppedAttributesCount: 1, DroppedEventsCount: 2, DroppedLinksCount: 3,
		Events: []*tracepb.Span_Event{{TimeUnixNano: 1_700_000_000_500_000_000, Name: "event", Attributes: few(), DroppedAttributesCount: 4}},
		Links:  []*tracepb.Span_Link{{TraceId: id(SampleTrace), SpanId: id(SampleParent), TraceState: "c=3", Attributes: few(), DroppedAttributesCount: 5, Flags: 0x301}},
		Status: &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: "broken"},
	}
	root := &tracepb.Span{TraceId: id(SampleTrace), SpanId: id(SampleParent), Name: "root", Kind: tracepb.Span_SPAN_KIND_CLIENT}
	return &tracepb.ResourceSpans{
		Resource: sampleResource(), SchemaUrl: "resource-schema",
		ScopeSpans: []*tracepb.ScopeSpans{{Scope: sampleScope(), SchemaUrl: "scope-schema", Spans: []*tracepb.Span{span, root}}},
	}
}

func sampleLogs() *logspb.ResourceLogs {
	full := &logspb.LogRecord{
		TimeUnixNano: 1_700_000_000_000_000_001, ObservedTimeUnixNano: 1_700_000_000_000_000_002,
		SeverityNumber: logspb.SeverityNumber_SEVERITY_NUMBER_WARN2, SeverityText: "WARN2", Body: text("body"), Attributes: sampleAttributes(),
		DroppedAttributesCount: 1, Flags: 1, TraceId: id(SampleTrace), SpanId: id(SampleSpan), EventName: "event",
	}
	return &logspb.ResourceLogs{
		Resource: sampleResource(), SchemaUrl: "resource-schema",
		ScopeLogs: []*logspb.ScopeLogs{{Scope: sampleScope(), SchemaUrl: "scope-schema", LogRecords: []*logspb.LogRecord{full, {}}}},
	}
}

func sampleMetrics() *metricspb.ResourceMetrics {
	const from, to = 1_700_000_000_000_000_001, 1_700_000_001_000_000_002
	exemplars := []*metricspb.Exemplar{
		{FilteredAttributes: few(), TimeUnixNano: to, Value: &metricspb.Exemplar_AsInt{AsInt: 7}, TraceId: id(SampleTrace), SpanId: id(SampleSpan)},
		{TimeUnixNano: to, Value: &metricspb.Exemplar_AsDouble{AsDouble: 7.5}},
	}
	whole := &metricspb.NumberDataPoint{Attributes: sampleAttributes(), StartTimeUnixNano: from, TimeUnixNano: to, Value: &metricspb.NumberDataPoint_AsInt{AsInt: -5}, Exemplars: exemplars}
	broken := &metricspb.NumberDataPoint{TimeUnixNano: to + 1, Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: 2.5}}
	delta, cumulative := metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA, metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
	sum := 10.5
	histogram := &metricspb.HistogramDataPoint{
		Attributes: few(), StartTimeUnixNano: from, TimeUnixNano: to, Count: 3, Sum: &sum, BucketCounts: []uint64{1, 2, 0}, ExplicitBounds: []float64{1, 2.5},
		Exemplars: exemplars, Min: proto.Float64(-1), Max: proto.Float64(9),
	}
	exponential := &metricspb.ExponentialHistogramDataPoint{
		Attributes: few(), StartTimeUnixNano: from, TimeUnixNano: to, Count: 4, Sum: &sum, Scale: -3, ZeroCount: 1, ZeroThreshold: 0.25,
		Positive:  &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: -2, BucketCounts: []uint64{1, 300}},
		Negative:  &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: 2, BucketCounts: []uint64{2}},
		Exemplars: exemplars, Min: proto.Float64(-1), Max: proto.Float64(9),
	}
	return &metricspb.ResourceMetrics{
		Resource: sampleResource(), SchemaUrl: "resource-schema",
		ScopeMetrics: []*metricspb.ScopeMetrics{{Scope: sampleScope(), SchemaUrl: "scope-schema", Metrics: []*metricspb.Metric{
			{Name: "g", Description: "gauge", Unit: "1", Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: []*metricspb.NumberDataPoint{whole, broken}}}},
			{Name: "s", Data: &metricspb.Metric_Sum{Sum: &metricspb.Sum{DataPoints: []*metricspb.NumberDataPoint{whole}, AggregationTemporality: delta, IsMonotonic: true}}},
			{Name: "h", Data: &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{DataPoints: []*metricspb.HistogramDataPoint{histogram}, AggregationTemporality: cumulative}}},
			{Name: "e", Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{DataPoints: []*metricspb.ExponentialHistogramDataPoint{exponential}, AggregationTemporality: delta}}},
		}}},
	}
}

// Fields describes the fields of a request's message and of those below it, each as "path number json kind", once for each message. It
// leaves out what is deprecated.
func Fields(requestPath string) (out []string) {
	var m proto.Message
	switch requestPath {
	case "/v1/traces":
		m = &coltrace.ExportTraceServiceRequest{}
	case "/v1/metrics":
		m = &colmetrics.ExportMetricsServiceRequest{}
	case "/v1/logs":
		m = &collogs.ExportLogsServiceRequest{}
	}
	seen := map[protoreflect.FullName]bool{}
	var walk func(path string, d protoreflect.MessageDescriptor)
	walk = func(path string, d protoreflect.MessageDescriptor) {
		if seen[d.FullName()] {
			return
		}
		seen[d.FullName()] = true
		for i := range d.Fields().Len() {
			f := d.Fields().Get(i)
			kind := f.Kind().String()
			if f.IsList() {
				kind = "repeated " + kind
			}
			if e := f.Enum(); e != nil {
				for k := range e.Values().Len() {
					kind += " " + string(e.Values().Get(k).Name())
				}
			}
			out = append(out, fmt.Sprintf("%s %d %s %s", path, f.Number(), f.JSONName(), kind))
			if f.Message() != nil {
				walk(strings.TrimPrefix(path+"."+f.JSONName(), "."), f.Message())
			}
		}
	}
	walk("", m.ProtoReflect().Descriptor())
	return out
}
