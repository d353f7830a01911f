package otelchecks

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"testing"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/vitrine-wasm/vitrine/plugin/otel/bindings"
	clocksp2 "github.com/vitrine-wasm/vitrine/wasi/clocks/p2"
	"github.com/vitrine-wasm/vitrine/workload"
)

// counterOf is a cumulative counter.
func counterOf(name string, n uint64) bindings.Metric {
	return bindings.Metric{Name: name, Unit: "1", Data: bindings.MetricDataU64Sum(bindings.Sum{
		DataPoints: []bindings.SumDataPoint{{Value: bindings.MetricNumberU64(n)}}, StartTime: at(1), Time: at(2), IsMonotonic: true,
	})}
}

func at(s uint64) clocksp2.Datetime { return clocksp2.Datetime{Seconds: s} }

// exported exports metrics in one invocation, and gives what the guest was told.
func (r *rig) exported(ms ...bindings.Metric) string {
	r.Helper()
	im := newImage()
	at := im.export(ms...)
	return r.play(im).result(at)
}

// sumOf is a sum of one point.
func sumOf(name string, v bindings.MetricNumber, change func(*bindings.Sum)) bindings.Metric {
	s := bindings.Sum{DataPoints: []bindings.SumDataPoint{{Value: v}}, StartTime: at(1), Time: at(2)}
	if change != nil {
		change(&s)
	}
	return bindings.Metric{Name: name, Data: bindings.MetricDataF64Sum(s)}
}

func histogramOf(name string, change func(*bindings.HistogramDataPoint)) bindings.Metric {
	h := bindings.HistogramDataPoint{Count: 3, Bounds: []float64{1, 10}, BucketCounts: []uint64{1, 1, 1}, Sum: bindings.MetricNumberF64(12.5)}
	if change != nil {
		change(&h)
	}
	return bindings.Metric{Name: name, Data: bindings.MetricDataF64Histogram(bindings.Histogram{DataPoints: []bindings.HistogramDataPoint{h}, StartTime: at(1), Time: at(2)})}
}

var metricChecks = []check{
	{71, "twelve-kinds", func(t *testing.T) {
		r := newRig(t, withGuest("rust-otel-p2"))
		if got := r.get("/metrics"); got != "12 metrics\n" {
			t.Fatal(got)
		}
		for kind, want := range map[string][2]string{"f64": {"double 1.5", "1.5"}, "u64": {"int 7", "7"}, "s64": {"int -3", "-3"}} {
			for _, name := range []string{"gauge", "sum"} {
				m := r.metric("guest." + kind + "." + name)
				p := m.GetGauge().GetDataPoints()
				if name == "sum" {
					p = m.GetSum().GetDataPoints()
				}
				if len(p) != 1 || numberOf(p[0]) != want[0] || attrOf(p[0].Attributes, "kind") != `"`+kind+`"` || m.Description != "a "+name || m.Unit != "1" {
					t.Errorf("%s: %v", m.Name, m)
				}
			}
			h := r.metric("guest." + kind + ".histogram").GetHistogram().GetDataPoints()
			if len(h) != 1 || h[0].Count != 3 || fmt.Sprint(h[0].BucketCounts) != "[1 1 1]" || fmt.Sprint(h[0].GetSum()) != want[1] || fmt.Sprint(h[0].GetMin()) != want[1] || h[0].Max != nil {
				t.Errorf("%s histogram: %v", kind, h)
			}
			e := r.metric("guest." + kind + ".exponential").GetExponentialHistogram().GetDataPoints()
			if len(e) != 1 || e[0].Count != 4 || e[0].Scale != 2 || e[0].ZeroCount != 1 || e[0].ZeroThreshold != 0.001 || e[0].Positive.Offset != -1 || fmt.Sprint(e[0].Positive.BucketCounts) != "[1 0 1]" || fmt.Sprint(e[0].Negative.BucketCounts) != "[1]" {
				t.Errorf("%s exponential: %v", kind, e)
			}
		}
	}},
	{72, "kinds-that-differ", func(t *testing.T) {
		r := newRig(t)
		if got := r.exported(sumOf("f", bindings.MetricNumberS64(-3), nil), bindings.Metric{Name: "u", Data: bindings.MetricDataU64Gauge(bindings.Gauge{DataPoints: []bindings.GaugeDataPoint{{Value: bindings.MetricNumberF64(1.5)}}})}); got != "" {
			t.Error(got)
		}
		if got := numberOf(r.metric("f").GetSum().DataPoints[0]); got != "double -3" {
			t.Error(got)
		}
		if got := numberOf(r.metric("u").GetGauge().DataPoints[0]); got != "double 1.5" {
			t.Error(got)
		}
	}},
	{73, "large-whole-numbers", func(t *testing.T) {
		r := newRig(t)
		r.exported(counterOf("c", math.MaxUint64), counterOf("d", math.MaxInt64))
		if got := numberOf(r.metric("c").GetSum().DataPoints[0]); got != fmt.Sprint("double ", float64(math.MaxUint64)) {
			t.Error(got)
		}
		if got := numberOf(r.metric("d").GetSum().DataPoints[0]); got != fmt.Sprint("int ", math.MaxInt64) {
			t.Error(got)
		}
	}},
	{74, "temporality", func(t *testing.T) {
		r := newRig(t)
		for name, c := range map[string]struct {
			t    bindings.Temporality
			mono bool
			want metricspb.AggregationTemporality
		}{
			"cumulative": {bindings.TemporalityCumulative, true, metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE},
			"delta":      {bindings.TemporalityDelta, true, metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA},
			"low":        {bindings.TemporalityLowMemory, true, metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA},
			"low.down":   {bindings.TemporalityLowMemory, false, metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE},
		} {
			r.exported(sumOf(name, bindings.MetricNumberF64(1), func(s *bindings.Sum) { s.Temporality, s.IsMonotonic = c.t, c.mono }))
			if got := r.metric(name).GetSum(); got.AggregationTemporality != c.want || got.IsMonotonic != c.mono {
				t.Errorf("%s: %v, %v", name, got.AggregationTemporality, got.IsMonotonic)
			}
		}
		for range 3 { // deltas of several instances add up
			r.exported(sumOf("more", bindings.MetricNumberF64(2), func(s *bindings.Sum) { s.Temporality = bindings.TemporalityDelta }))
		}
		if got := numberOf(r.metric("more").GetSum().DataPoints[0]); got != "double 6" {
			t.Errorf("three deltas of 2 are %s", got)
		}
	}},
	{75, "monotonic", func(t *testing.T) {
		r := newRig(t)
		mono := func(s *bindings.Sum) { s.IsMonotonic = true }
		im := newImage()
		a := im.export(sumOf("m", bindings.MetricNumberF64(10), mono), sumOf("neg", bindings.MetricNumberF64(-5), mono), sumOf("down", bindings.MetricNumberF64(10), nil))
		b := im.export(sumOf("m", bindings.MetricNumberF64(4), mono), sumOf("down", bindings.MetricNumberF64(4), nil))
		m := r.play(im)
		if m.result(a)+m.result(b) != "" {
			t.Error(m.result(a), m.result(b))
		}
		for name, want := range map[string]string{"m": "double 14", "neg": "double -5", "down": "double 4"} { // m began anew
			if got := r.metric(name).GetSum(); numberOf(got.DataPoints[0]) != want || got.IsMonotonic != (name != "down") {
				t.Errorf("%s: %v", name, got)
			}
		}
	}},
	{76, "gauge-start", func(t *testing.T) {
		r := newRig(t)
		gauge := func(name string, start *clocksp2.Datetime) bindings.Metric {
			return bindings.Metric{Name: name, Data: bindings.MetricDataS64Gauge(bindings.Gauge{DataPoints: []bindings.GaugeDataPoint{{Value: bindings.MetricNumberS64(5)}}, StartTime: start, Time: at(9)})}
		}
		r.exported(gauge("none", nil), gauge("some", p(at(4))))
		if p := r.metric("none").GetGauge().DataPoints[0]; p.StartTimeUnixNano != 0 || p.TimeUnixNano != 9e9 {
			t.Errorf("%v", p)
		}
		if p := r.metric("some").GetGauge().DataPoints[0]; p.StartTimeUnixNano != 4e9 {
			t.Errorf("%v", p)
		}
	}},
	{77, "times-of-points", func(t *testing.T) {
		r := newRig(t)
		r.exported(sumOf("s", bindings.MetricNumberF64(1), func(s *bindings.Sum) {
			s.DataPoints = []bindings.SumDataPoint{{Value: bindings.MetricNumberF64(1)}, {Value: bindings.MetricNumberF64(2), Attributes: []bindings.KeyValue{{Key: "k", Value: "1"}}}}
		}), sumOf("back", bindings.MetricNumberF64(1), func(s *bindings.Sum) { s.StartTime, s.Time = at(9), at(3) }))
		for _, p := range r.metric("s").GetSum().DataPoints {
			if p.StartTimeUnixNano != 1e9 || p.TimeUnixNano != 2e9 {
				t.Errorf("%v", p)
			}
		}
		if p := r.metric("back").GetSum().DataPoints[0]; p.StartTimeUnixNano != 9e9 || p.TimeUnixNano != 3e9 {
			t.Errorf("%v", p)
		}
	}},
	{78, "histogram", func(t *testing.T) {
		r := newRig(t)
		got := r.exported(histogramOf("good", nil), histogramOf("odd", func(h *bindings.HistogramDataPoint) { h.BucketCounts = []uint64{1} }),
			histogramOf("unordered", func(h *bindings.HistogramDataPoint) { h.Bounds = []float64{10, 1} }),
			histogramOf("none", func(h *bindings.HistogramDataPoint) { h.Bounds, h.BucketCounts = nil, []uint64{3} }),
			histogramOf("ends", func(h *bindings.HistogramDataPoint) {
				h.Min, h.Max = p(bindings.MetricNumberF64(0.5)), p(bindings.MetricNumberF64(11))
			}))
		if !strings.Contains(got, `"odd"`) || !strings.Contains(got, `"unordered"`) || strings.Contains(got, `"good"`) {
			t.Errorf("the guest was told %q", got)
		}
		h := r.metric("good").GetHistogram().DataPoints[0]
		if fmt.Sprint(h.ExplicitBounds, h.BucketCounts, h.GetSum(), h.Min, h.Max) != fmt.Sprint([]float64{1, 10}, []uint64{1, 1, 1}, 12.5, (*float64)(nil), (*float64)(nil)) {
			t.Errorf("%v", h)
		}
		if h := r.metric("none").GetHistogram().DataPoints[0]; len(h.ExplicitBounds) != 0 || fmt.Sprint(h.BucketCounts) != "[3]" {
			t.Errorf("%v", h)
		}
		if h := r.metric("ends").GetHistogram().DataPoints[0]; h.GetMin() != 0.5 || h.GetMax() != 11 {
			t.Errorf("%v", h)
		}
		if len(r.metrics("odd"))+len(r.metrics("unordered")) != 0 {
			t.Error("a malformed histogram was exported")
		}
	}},
	{79, "exponential", func(t *testing.T) {
		r := newRig(t)
		got := r.exported(bindings.Metric{Name: "e", Data: bindings.MetricDataF64ExponentialHistogram(bindings.ExponentialHistogram{DataPoints: []bindings.ExponentialHistogramDataPoint{{
			Count: 5, Sum: bindings.MetricNumberF64(2), Scale: -3, ZeroCount: 2, ZeroThreshold: 0.5, PositiveBucket: bindings.ExponentialBucket{Offset: -7, Counts: []uint64{1, 0, 2}},
		}}, StartTime: at(1), Time: at(2)})})
		if e := r.metric("e").GetExponentialHistogram().DataPoints[0]; got != "" || e.Scale != -3 || e.ZeroCount != 2 || e.ZeroThreshold != 0.5 || e.Positive.Offset != -7 || fmt.Sprint(e.Positive.BucketCounts) != "[1 0 2]" || len(e.Negative.GetBucketCounts()) != 0 {
			t.Errorf("%q, %v", got, e)
		}
	}},
	{80, "exemplars", func(t *testing.T) {
		r := newRig(t)
		ex := func(trace, span string) bindings.Exemplar {
			return bindings.Exemplar{FilteredAttributes: []bindings.KeyValue{{Key: "f", Value: "1"}}, Time: at(3), Value: bindings.MetricNumberF64(1.5), TraceID: trace, SpanID: span}
		}
		raw, rawSpan := "\x01abcdefghijklmno", "\x02bcdefgh"
		r.exported(sumOf("s", bindings.MetricNumberF64(1), func(s *bindings.Sum) {
			s.DataPoints[0].Exemplars = []bindings.Exemplar{ex(ownTrace, spanID(1)), ex("", ""), ex(raw, rawSpan), ex("no", "no")}
		}))
		var got []string
		for _, e := range r.metric("s").GetSum().DataPoints[0].Exemplars {
			got = append(got, fmt.Sprintf("%x %x %v %d %s", e.TraceId, e.SpanId, e.GetAsDouble(), e.TimeUnixNano, attrOf(e.FilteredAttributes, "f")))
		}
		rest := " 1.5 3000000000 int 1"
		want := []string{ownTrace + " " + spanID(1) + rest, " " + rest, hex.EncodeToString([]byte(raw)) + " " + hex.EncodeToString([]byte(rawSpan)) + rest, " " + rest}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got\n%s\nwanted\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}},
	{81, "empty", func(t *testing.T) {
		r := newRig(t)
		im := newImage()
		all := []uint32{im.exportAll(bindings.ResourceMetrics{}), im.export(), im.export(sumOf("s", bindings.MetricNumber{}, func(s *bindings.Sum) { s.DataPoints = nil }))}
		m := r.play(im)
		for _, a := range all {
			if got := m.result(a); got != "" {
				t.Error(got)
			}
		}
	}},
	{82, "same-names", func(t *testing.T) {
		r := newRig(t)
		im := newImage()
		scope := func(name string, ms ...bindings.Metric) bindings.ScopeMetrics {
			return bindings.ScopeMetrics{Scope: bindings.InstrumentationScope{Name: name}, Metrics: ms}
		}
		gauge := bindings.Metric{Name: "m", Data: bindings.MetricDataF64Gauge(bindings.Gauge{DataPoints: []bindings.GaugeDataPoint{{Value: bindings.MetricNumberF64(1)}}})}
		im.exportAll(bindings.ResourceMetrics{ScopeMetrics: []bindings.ScopeMetrics{scope("a", sumOf("m", bindings.MetricNumberF64(1), nil), gauge), scope("b", sumOf("m", bindings.MetricNumberF64(1), nil))}})
		r.play(im)
		if got := r.metrics("m"); len(got) != 3 {
			t.Errorf("%d metrics", len(got))
		}
	}},
	{83, "refused", func(t *testing.T) { // what is not taken is told at once; a collector that hangs is not waited for
		r := newRig(t, withComponent(func(c *workload.Component) { c.Limits.OutputLines = 1 }))
		im := newImage()
		a, b := im.export(counterOf("c", 1)), im.export(counterOf("c", 2))
		m := r.play(im)
		if m.result(a) != "" || !strings.Contains(m.result(b), "outputLines") {
			t.Errorf("%q, %q", m.result(a), m.result(b))
		}
		r.collector.Silence()
		if got := r.exported(counterOf("d", 1)); got != "" {
			t.Error(got)
		}
		r.collector.Answer()
		r.metric("d")
	}},
	{84, "same-snapshot-twice", func(t *testing.T) {
		r := newRig(t)
		im := newImage()
		im.export(counterOf("c", 5), histogramOf("h", nil))
		im.export(counterOf("c", 5), histogramOf("h", nil))
		r.play(im)
		if got := numberOf(r.metric("c").GetSum().DataPoints[0]); got != "int 5" {
			t.Error(got)
		}
		if got := r.metric("h").GetHistogram().DataPoints[0]; got.Count != 3 || got.GetSum() != 12.5 {
			t.Error(got)
		}
	}},
	{85, "1000-instances", func(t *testing.T) {
		r := newRig(t)
		for range 1000 {
			r.exported(counterOf("c", 1))
		}
		m := r.metric("c") // of one writer
		if got := m.GetSum().DataPoints; len(got) != 1 || numberOf(got[0]) != "int 1000" {
			t.Error(got)
		}
	}},
	{86, "not-finite", func(t *testing.T) {
		r := newRig(t)
		gauge := func(name string, x float64) bindings.Metric {
			return bindings.Metric{Name: name, Data: bindings.MetricDataF64Gauge(bindings.Gauge{DataPoints: []bindings.GaugeDataPoint{{Value: bindings.MetricNumberF64(x)}}})}
		}
		got := r.exported(gauge("nan", math.NaN()), gauge("inf", math.Inf(1)), sumOf("s", bindings.MetricNumberF64(math.NaN()), nil),
			histogramOf("bounds", func(h *bindings.HistogramDataPoint) { h.Bounds = []float64{math.NaN(), 1} }), histogramOf("sum", func(h *bindings.HistogramDataPoint) { h.Sum = bindings.MetricNumberF64(math.Inf(-1)) }))
		if !strings.Contains(got, `"bounds"`) {
			t.Errorf("the guest was told %q", got)
		}
		if x := r.metric("nan").GetGauge().DataPoints[0].GetAsDouble(); !math.IsNaN(x) {
			t.Error(x)
		}
		if x := r.metric("inf").GetGauge().DataPoints[0].GetAsDouble(); !math.IsInf(x, 1) {
			t.Error(x)
		}
		r.exported(sumOf("s", bindings.MetricNumberF64(2), nil)) // the sum goes on
		if got := numberOf(r.metric("s").GetSum().DataPoints[0]); got != "double 2" {
			t.Error(got)
		}
		r.wantIrregular(map[string]int64{"not_finite": 2})
	}},
}

func numberOf(p *metricspb.NumberDataPoint) string {
	if _, ok := p.Value.(*metricspb.NumberDataPoint_AsInt); ok {
		return fmt.Sprint("int ", p.GetAsInt())
	}
	return fmt.Sprint("double ", p.GetAsDouble())
}
