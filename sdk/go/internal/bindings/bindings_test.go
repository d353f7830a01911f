package bindings

import (
	"math"
	"reflect"
	"testing"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
)

func some[T any](v T) *T { return &v }

var (
	context_ = SpanContext{TraceID: "0af7651916cd43dd8448eb211c80319c", SpanID: "00f067aa0ba902b7", TraceFlags: TraceFlagsSampled, IsRemote: true,
		TraceState: TraceState{{F0: "a", F1: "1"}, {F0: "b", F1: "2"}}}
	when       = Datetime{Seconds: math.MaxUint64, Nanoseconds: 999_999_999}
	attributes = []KeyValue{{Key: "k", Value: `"v"`}, {Key: "", Value: ""}}
	scope      = InstrumentationScope{Name: "n", Version: some("1"), SchemaURL: some(""), Attributes: attributes}
	resource   = Resource{Attributes: attributes, SchemaURL: some("u")}
	exemplars  = []Exemplar{{FilteredAttributes: attributes, Time: when, Value: MetricNumberU64(math.MaxUint64), SpanID: "s", TraceID: "t"}}
)

// roundTrip has a value in memory and back.
func roundTrip[T any](t *testing.T, size, align uint32, lower func(uint32, T), lift func(uint32) T, values ...T) {
	t.Helper()
	for _, want := range values {
		cabi.Enter()
		at := cabi.Alloc(size, align)
		lower(at, want)
		if got := lift(at); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v\nwant %+v", got, want)
		}
		cabi.Leave()
	}
}

// TestMemory: what is lowered is lifted again, whatever it holds.
func TestMemory(t *testing.T) {
	empty := []KeyValue{}
	roundTrip(t, 28, 4, LowerSpanContext, LiftSpanContext, context_, SpanContext{TraceState: TraceState{}})
	roundTrip(t, 168, 8, LowerSpanData, LiftSpanData,
		SpanData{SpanContext: context_, ParentSpanID: "p", SpanKind: SpanKindInternal, Name: "é", StartTime: when, EndTime: Datetime{Seconds: 1},
			Attributes: attributes, Events: []Event{{Name: "e", Time: when, Attributes: attributes}, {Attributes: empty}},
			Links: []Link{{SpanContext: context_, Attributes: attributes}}, Status: StatusError("why"), InstrumentationScope: scope,
			DroppedAttributes: 1, DroppedEvents: math.MaxUint32, DroppedLinks: 3},
		SpanData{SpanContext: SpanContext{TraceState: TraceState{}}, Attributes: empty, Events: []Event{}, Links: []Link{}, InstrumentationScope: InstrumentationScope{Attributes: empty}})
	roundTrip(t, 200, 8, LowerLogRecord, LiftLogRecord, LogRecord{},
		LogRecord{Timestamp: &when, ObservedTimestamp: &when, SeverityText: some("s"), SeverityNumber: some(uint8(24)), Body: some("{}"), Attributes: &attributes,
			EventName: some("e"), Resource: &resource, InstrumentationScope: &scope, TraceID: some("t"), SpanID: some("s"), TraceFlags: some(TraceFlagsSampled)})
}

// TestMetricKinds: all twelve, with each kind of number.
func TestMetricKinds(t *testing.T) {
	numbers := []MetricNumber{MetricNumberF64(-0.5), MetricNumberS64(math.MinInt64), MetricNumberU64(math.MaxUint64)}
	var all []MetricData
	for _, n := range numbers {
		gauge := Gauge{DataPoints: []GaugeDataPoint{{Attributes: attributes, Value: n, Exemplars: exemplars}}, StartTime: &when, Time: when}
		sum := Sum{DataPoints: []SumDataPoint{{Attributes: attributes, Value: n, Exemplars: exemplars}}, StartTime: when, Time: when, Temporality: TemporalityDelta, IsMonotonic: true}
		histogram := Histogram{DataPoints: []HistogramDataPoint{{Attributes: attributes, Count: math.MaxUint64, Bounds: []float64{0, 1.5}, BucketCounts: []uint64{1, 2, 3},
			Min: &n, Max: nil, Sum: n, Exemplars: exemplars}}, StartTime: when, Time: when, Temporality: TemporalityLowMemory}
		exponential := ExponentialHistogram{DataPoints: []ExponentialHistogramDataPoint{{Attributes: attributes, Count: 1, Min: nil, Max: &n, Sum: n, Scale: -10, ZeroCount: 2,
			PositiveBucket: ExponentialBucket{Offset: math.MinInt32, Counts: []uint64{1}}, NegativeBucket: ExponentialBucket{Offset: 1, Counts: []uint64{}},
			ZeroThreshold: 1e-9, Exemplars: exemplars}}, StartTime: when, Time: when}
		all = append(all, MetricDataF64Gauge(gauge), MetricDataF64Sum(sum), MetricDataF64Histogram(histogram), MetricDataF64ExponentialHistogram(exponential),
			MetricDataU64Gauge(gauge), MetricDataU64Sum(sum), MetricDataU64Histogram(histogram), MetricDataU64ExponentialHistogram(exponential),
			MetricDataS64Gauge(gauge), MetricDataS64Sum(sum), MetricDataS64Histogram(histogram), MetricDataS64ExponentialHistogram(exponential))
	}
	for i, data := range all {
		if int(data.Tag) != i%12 {
			t.Errorf("%v is case %d, want %d", data.Tag, data.Tag, i%12)
		}
		rm := ResourceMetrics{Resource: resource, ScopeMetrics: []ScopeMetrics{{Scope: scope, Metrics: []Metric{{Name: "m", Description: "d", Unit: "u", Data: data}}}}}
		roundTrip(t, 28, 4, LowerResourceMetrics, LiftResourceMetrics, rm)
	}
}
