package aggregate

import (
	"math"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
)

// Kind is the kind of aggregate.
type Kind uint8

// The kinds.
const (
	Gauge Kind = iota
	Sum
	Histogram
	Exponential
)

// Metric is what one instrument of one instance has exported. Texts and attributes are valid UTF-8 of bounded length.
type Metric struct {
	Scope                   instrumentation.Scope
	Name, Description, Unit string
	Kind                    Kind
	Delta, Monotonic        bool
	Float                   bool // numbers are floating-point ones
	Points                  []Point
}

// Point is the aggregate of one set of attributes. Only the field of its kind counts: Value of a gauge or sum.
type Point struct {
	Attributes  attribute.Set
	Start, Time time.Time // zero: unknown
	Value       Number
	Buckets     *BucketPoint
	Powers      *PowerPoint
	Exemplars   []Exemplar
}

// Number is a whole number, or, if IsFloat, a floating-point one.
type Number struct {
	Int     int64
	Float   float64
	IsFloat bool
}

// AsFloat converts the number.
func (n Number) AsFloat() float64 {
	if n.IsFloat {
		return n.Float
	}
	return float64(n.Int)
}

// plus adds. A sum of whole numbers that does not fit is a floating-point one.
func (n Number) plus(m Number) Number {
	sum := n.Int + m.Int
	if n.IsFloat || m.IsFloat || (n.Int < 0) == (m.Int < 0) && (sum < 0) != (n.Int < 0) {
		return Number{Float: n.AsFloat() + m.AsFloat(), IsFloat: true}
	}
	return Number{Int: sum}
}

func (n Number) negative() Number {
	if n.IsFloat || n.Int == math.MinInt64 {
		return Number{Float: -n.AsFloat(), IsFloat: true}
	}
	return Number{Int: -n.Int}
}

// BucketPoint is a distribution over buckets with given bounds.
type BucketPoint struct {
	Count    uint64
	Bounds   []float64
	Counts   []uint64 // one more than bounds; none: unknown
	Sum      float64
	Min, Max *float64 // nil: unknown
}

// PowerPoint is a distribution over buckets whose bounds are powers of 2^(2^-Scale).
type PowerPoint struct {
	Count              uint64
	Sum                float64
	Min, Max           *float64
	Scale              int32
	Zero               uint64
	Threshold          float64
	Positive, Negative Range
}

// Range is counts of neighbouring buckets.
type Range struct {
	Offset int32
	Counts []uint64
}

// Exemplar is one measurement.
type Exemplar struct {
	Filtered []attribute.KeyValue
	Time     time.Time
	Value    Number
	SpanID   []byte
	TraceID  []byte
}

// MaxBuckets bounds the buckets of one point, with which exponential ones are kept by a smaller scale.
const MaxBuckets = 1024

// size is about how many bytes a point takes.
func (p *Point) size() int {
	n := 256
	if p.Buckets != nil {
		n += 8 * (len(p.Buckets.Bounds) + len(p.Buckets.Counts))
	}
	if p.Powers != nil {
		n += 8 * (len(p.Powers.Positive.Counts) + len(p.Powers.Negative.Counts))
	}
	return n
}
