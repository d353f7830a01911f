package otlp

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// maxMetrics bounds the metrics of one resource in one request, in bytes and what their points take in memory.
const maxMetrics = 2 << 20

// metricsReader decodes the metrics of one resource.
type metricsReader struct {
	room     room
	rejected int // points that are not taken
	why      error
}

// reject leaves n points out.
func (r *metricsReader) reject(n int, why error) {
	r.rejected += n
	if r.why == nil {
		r.why = why
	}
}

var (
	errSummary = errors.New("summaries are not taken")
	errNoData  = errors.New("a metric has no data")
	errNoValue = errors.New("a data point has no value")
	errScale   = errors.New("the scale of an exponential histogram is beyond 8 bits")
	errTooMany = fmt.Errorf("more than %d bytes of metrics in one export", maxMetrics)
)

// resource decodes a ResourceMetrics.
func (r *metricsReader) resource(b []byte) *otel.ResourceMetrics {
	ofResource := otlp.resourceMetrics
	ofScope := ofResource.field(2).of
	m := &otel.ResourceMetrics{Resource: *resourceOf(ofResource.last(b, 1), string(ofResource.last(b, 3)))}
	for num, s := range ofResource.values(b) {
		if num != 2 {
			continue
		}
		scope := otel.ScopeMetrics{Scope: scopeOf(ofScope.last(s.bytes, 1), string(ofScope.last(s.bytes, 3)))}
		for num, v := range ofScope.values(s.bytes) {
			if num == 2 {
				r.metric(&scope, v.bytes)
			}
		}
		m.Scopes = append(m.Scopes, scope)
	}
	return m
}

// pointsIn counts the data points of a metric's data.
func pointsIn(data *message, b []byte) (n int) {
	for num := range data.values(b) {
		if num == 1 {
			n++
		}
	}
	return n
}

func (r *metricsReader) metric(to *otel.ScopeMetrics, b []byte) {
	var m otel.Metric
	var data otel.MetricData
	points, seen := 0, false
	size := partBytes
	for num, v := range otlp.metric.values(b) {
		switch num {
		case 1:
			m.Name = string(v.bytes)
		case 2:
			m.Description = string(v.bytes)
		case 3:
			m.Unit = string(v.bytes)
		default:
			points, seen = pointsIn(otlp.metric.field(num).of, v.bytes), true
			if size += points * partBytes; size+len(b) <= int(r.room) {
				data = r.data(num, v.bytes)
			}
		}
	}
	if size += len(b); size > int(r.room) {
		r.reject(points, errTooMany)
		return
	}
	r.room -= room(size)
	switch {
	case !seen:
		r.reject(0, errNoData)
	case data == nil:
		r.reject(points, errSummary)
	default:
		m.Data = data
		to.Metrics = append(to.Metrics, m)
	}
}

// data decodes what an instrument has measured, by the field of Metric that has it; nil for a summary.
func (r *metricsReader) data(num protowire.Number, b []byte) otel.MetricData {
	switch num {
	case 5:
		g := &otel.Gauge{Kind: otel.Int64}
		for _, v := range otlp.gauge.values(b) {
			g.Points = r.number(g.Points, v.bytes, &g.Kind)
		}
		return g
	case 7:
		s := &otel.Sum{Kind: otel.Int64}
		for num, v := range otlp.sum.values(b) {
			switch num {
			case 1:
				s.Points = r.number(s.Points, v.bytes, &s.Kind)
			case 2:
				s.Temporality = temporalityOf(v.bits)
			case 3:
				s.Monotonic = v.bits != 0
			}
		}
		return s
	case 9:
		h := &otel.Histogram{Kind: otel.Float64}
		for num, v := range otlp.histograms.values(b) {
			switch num {
			case 1:
				h.Points = r.histogram(h.Points, v.bytes)
			case 2:
				h.Temporality = temporalityOf(v.bits)
			}
		}
		return h
	case 10:
		h := &otel.ExponentialHistogram{Kind: otel.Float64}
		for num, v := range otlp.exponentials.values(b) {
			switch num {
			case 1:
				h.Points = r.exponential(h.Points, v.bytes)
			case 2:
				h.Temporality = temporalityOf(v.bits)
			}
		}
		return h
	}
	return nil
}

// temporalityOf is cumulative for what is not said, which OTLP forbids.
func temporalityOf(bits uint64) otel.Temporality {
	if bits == 1 {
		return otel.Delta
	}
	return otel.Cumulative
}

// flagNoValue says that a point only tells that its series has ended (metrics.proto, DataPointFlags).
const flagNoValue = 1

func float(x float64) otel.Number { return otel.Number{Kind: otel.Float64, Float: x} }

func optional(x float64) *otel.Number {
	n := float(x)
	return &n
}

func integerNumber(bits uint64) otel.Number { return otel.Number{Kind: otel.Int64, Int: int64(bits)} }

// points adds one to those that have a value.
func points[P any](r *metricsReader, to []P, p P, flags uint64) []P {
	if flags&flagNoValue != 0 {
		r.reject(1, errNoValue)
		return to
	}
	return append(to, p)
}

func (r *metricsReader) number(to []otel.Point, b []byte, kind *otel.NumberKind) []otel.Point {
	var p otel.Point
	flags := uint64(flagNoValue) // until there is a value
	stale := uint64(0)
	for num, v := range otlp.number.values(b) {
		switch num {
		case 2:
			p.Interval.Start = knownTime(v.bits)
		case 3:
			p.Interval.Time = knownTime(v.bits)
		case 4:
			p.Value, flags = float(v.double()), 0
		case 5:
			p.Exemplars = append(p.Exemplars, exemplarOf(v.bytes))
		case 6:
			p.Value, flags = integerNumber(v.bits), 0
		case 7:
			p.Attributes = append(p.Attributes, attribute(v.bytes))
		case 8:
			stale = v.bits
		}
	}
	if p.Value.Kind == otel.Float64 && flags == 0 {
		*kind = otel.Float64
	}
	return points(r, to, p, flags|stale)
}

func (r *metricsReader) histogram(to []otel.HistogramPoint, b []byte) []otel.HistogramPoint {
	p := otel.HistogramPoint{Sum: float(0)}
	var flags uint64
	for num, v := range otlp.histogram.values(b) {
		switch num {
		case 2:
			p.Interval.Start = knownTime(v.bits)
		case 3:
			p.Interval.Time = knownTime(v.bits)
		case 4:
			p.Count = v.bits
		case 5:
			p.Sum = float(v.double())
		case 6:
			p.Counts = append(p.Counts, v.bits)
		case 7:
			p.Bounds = append(p.Bounds, v.double())
		case 8:
			p.Exemplars = append(p.Exemplars, exemplarOf(v.bytes))
		case 9:
			p.Attributes = append(p.Attributes, attribute(v.bytes))
		case 10:
			flags = v.bits
		case 11:
			p.Min = optional(v.double())
		case 12:
			p.Max = optional(v.double())
		}
	}
	return points(r, to, p, flags)
}

func (r *metricsReader) exponential(to []otel.ExponentialPoint, b []byte) []otel.ExponentialPoint {
	p := otel.ExponentialPoint{Sum: float(0)}
	var flags uint64
	for num, v := range otlp.exponential.values(b) {
		switch num {
		case 1:
			p.Attributes = append(p.Attributes, attribute(v.bytes))
		case 2:
			p.Interval.Start = knownTime(v.bits)
		case 3:
			p.Interval.Time = knownTime(v.bits)
		case 4:
			p.Count = v.bits
		case 5:
			p.Sum = float(v.double())
		case 6:
			scale := signed(v.bits)
			if scale != int32(int8(scale)) {
				r.reject(1, errScale)
				return to
			}
			p.Scale = int8(scale)
		case 7:
			p.ZeroCount = v.bits
		case 8:
			p.Positive = bucketsOf(v.bytes)
		case 9:
			p.Negative = bucketsOf(v.bytes)
		case 10:
			flags = v.bits
		case 11:
			p.Exemplars = append(p.Exemplars, exemplarOf(v.bytes))
		case 12:
			p.Min = optional(v.double())
		case 13:
			p.Max = optional(v.double())
		case 14:
			p.ZeroThreshold = v.double()
		}
	}
	return points(r, to, p, flags)
}

// signed decodes a sint32.
func signed(bits uint64) int32 {
	n := uint32(bits & math.MaxUint32)
	return int32(n>>1) ^ -int32(n&1)
}

func bucketsOf(b []byte) (out otel.Buckets) {
	for num, v := range otlp.buckets.values(b) {
		switch num {
		case 1:
			out.Offset = signed(v.bits)
		case 2:
			out.Counts = append(out.Counts, v.bits)
		}
	}
	return out
}

func exemplarOf(b []byte) (e otel.Exemplar) {
	for num, v := range otlp.exemplar.values(b) {
		switch num {
		case 2:
			e.Time = timeOf(v.bits)
		case 3:
			e.Value = float(v.double())
		case 4:
			e.SpanID = spanID(v.bytes)
		case 5:
			e.TraceID = traceID(v.bytes)
		case 6:
			e.Value = integerNumber(v.bits)
		case 7:
			e.Filtered = append(e.Filtered, attribute(v.bytes))
		}
	}
	return e
}
