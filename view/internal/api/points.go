package api

import (
	"math"
	"slices"
	"strings"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"

	"github.com/vitrine-wasm/vitrine/view/internal/otlpjson"
)

// Kinds of metrics.
const (
	kindCounter   = "counter"   // a sum that only grows
	kindUpDown    = "updown"    // a sum that does not
	kindGauge     = "gauge"     // a value
	kindHistogram = "histogram" // a distribution
)

// label is one attribute of a data point, its value as text.
type label struct{ key, value string }

// measured is one data point.
type measured struct {
	start, time int64 // nanoseconds since 1970
	value       float64
	count       uint64
	buckets     []bucket // of a histogram
	labels      []label  // by key
	exemplars   []*metricspb.Exemplar
}

// bucket is the number of measurements of up to a value; the last one's is infinite.
type bucket struct {
	upTo  float64
	count float64
}

// metric is a decoded metric: what it is, and its points.
type metric struct {
	*metricspb.Metric
	kind  string
	delta bool // points are what was added since the one before, and not sums
}

// readMetric decodes a stored metric; nil: it is damaged, or of a kind that is not shown.
func readMetric(encoded []byte) *metric {
	m := &metric{Metric: &metricspb.Metric{}}
	if proto.Unmarshal(encoded, m.Metric) != nil {
		return nil
	}
	switch d := m.GetData().(type) {
	case *metricspb.Metric_Gauge:
		m.kind = kindGauge
	case *metricspb.Metric_Sum:
		m.kind = kindUpDown
		if d.Sum.GetIsMonotonic() {
			m.kind = kindCounter
		}
		m.delta = d.Sum.GetAggregationTemporality() == metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA
	case *metricspb.Metric_Histogram:
		m.kind = kindHistogram
		m.delta = d.Histogram.GetAggregationTemporality() == metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA
	case *metricspb.Metric_ExponentialHistogram:
		m.kind = kindHistogram
		m.delta = d.ExponentialHistogram.GetAggregationTemporality() == metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA
	case *metricspb.Metric_Summary:
		m.kind = kindGauge
	default:
		return nil
	}
	return m
}

// noValue is the flag of a data point that says that there is none any more.
const noValue = uint32(metricspb.DataPointFlags_DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK)

// points are the metric's data points. Those without a value are left out.
func (m *metric) points() (out []measured) {
	numbers := func(all []*metricspb.NumberDataPoint) {
		for _, p := range all {
			one := measured{start: moment(p.GetStartTimeUnixNano()), time: moment(p.GetTimeUnixNano()), value: p.GetAsDouble(), labels: labels(p.GetAttributes()), exemplars: p.GetExemplars()}
			if _, whole := p.GetValue().(*metricspb.NumberDataPoint_AsInt); whole {
				one.value = float64(p.GetAsInt())
			}
			if p.GetFlags()&noValue == 0 && !math.IsNaN(one.value) && !math.IsInf(one.value, 0) {
				out = append(out, one)
			}
		}
	}
	switch d := m.GetData().(type) {
	case *metricspb.Metric_Gauge:
		numbers(d.Gauge.GetDataPoints())
	case *metricspb.Metric_Sum:
		numbers(d.Sum.GetDataPoints())
	case *metricspb.Metric_Histogram:
		for _, p := range d.Histogram.GetDataPoints() {
			if p.GetFlags()&noValue == 0 {
				out = append(out, measured{start: moment(p.GetStartTimeUnixNano()), time: moment(p.GetTimeUnixNano()), value: finite(p.GetSum()), count: p.GetCount(),
					buckets: explicit(p), labels: labels(p.GetAttributes()), exemplars: p.GetExemplars()})
			}
		}
	case *metricspb.Metric_ExponentialHistogram:
		for _, p := range d.ExponentialHistogram.GetDataPoints() {
			if p.GetFlags()&noValue == 0 {
				out = append(out, measured{start: moment(p.GetStartTimeUnixNano()), time: moment(p.GetTimeUnixNano()), value: finite(p.GetSum()), count: p.GetCount(),
					buckets: exponential(p), labels: labels(p.GetAttributes()), exemplars: p.GetExemplars()})
			}
		}
	case *metricspb.Metric_Summary:
		for _, p := range d.Summary.GetDataPoints() {
			if p.GetCount() > 0 {
				out = append(out, measured{time: moment(p.GetTimeUnixNano()), value: finite(p.GetSum() / float64(p.GetCount())), labels: labels(p.GetAttributes())})
			}
		}
	}
	return out
}

func moment(ns uint64) int64 { return int64(min(ns, math.MaxInt64)) }

func finite(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

// maxLabels bounds the attributes of a data point that are shown, and maxLabel each of their texts, in bytes.
const maxLabels, maxLabel = 64, 1 << 10

func labels(all []*commonpb.KeyValue) []label {
	out := make([]label, 0, len(all))
	for _, kv := range all[:min(len(all), maxLabels)] {
		v := string(otlpjson.Value(kv.GetValue()))
		if s, ok := kv.GetValue().GetValue().(*commonpb.AnyValue_StringValue); ok {
			v = s.StringValue
		}
		out = append(out, label{cut(kv.GetKey()), cut(v)})
	}
	slices.SortFunc(out, func(a, b label) int { return strings.Compare(a.key, b.key) })
	return out
}

func cut(s string) string {
	if len(s) <= maxLabel {
		return s
	}
	return strings.ToValidUTF8(s[:maxLabel], "") + "…"
}

// maxBuckets bounds the buckets of a data point.
const maxBuckets = 2000

// explicit are the buckets of a histogram with bounds of its own; none if these do not increase.
func explicit(p *metricspb.HistogramDataPoint) (out []bucket) {
	bounds := p.GetExplicitBounds()
	for i, b := range bounds {
		if math.IsNaN(b) || i > 0 && b <= bounds[i-1] {
			return nil
		}
	}
	for i, n := range p.GetBucketCounts()[:min(len(p.GetBucketCounts()), maxBuckets)] {
		upTo := math.Inf(1)
		if i < len(bounds) {
			upTo = bounds[i]
		}
		out = append(out, bucket{upTo, float64(n)})
	}
	return out
}

// exponential are the buckets of an exponential histogram, by their upper ends.
func exponential(p *metricspb.ExponentialHistogramDataPoint) (out []bucket) {
	base := math.Pow(2, math.Pow(2, -float64(p.GetScale())))
	negative, positive := p.GetNegative(), p.GetPositive()
	counts := negative.GetBucketCounts()
	for i := min(len(counts), maxBuckets) - 1; i >= 0; i-- {
		out = append(out, bucket{finite(-math.Pow(base, float64(negative.GetOffset())+float64(i))), float64(counts[i])})
	}
	out = append(out, bucket{finite(p.GetZeroThreshold()), float64(p.GetZeroCount())})
	for i, n := range positive.GetBucketCounts()[:min(len(positive.GetBucketCounts()), maxBuckets)] {
		out = append(out, bucket{math.Pow(base, float64(positive.GetOffset())+float64(i)+1), float64(n)})
	}
	return out
}
