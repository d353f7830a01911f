package otel

// ResourceMetrics is metrics of one resource.
type ResourceMetrics struct {
	Resource Resource
	Scopes   []ScopeMetrics
}

// ScopeMetrics is metrics of one scope.
type ScopeMetrics struct {
	Scope   Scope
	Metrics []Metric
}

// Metric is what one instrument has measured.
type Metric struct {
	Name, Description, Unit string
	Data                    MetricData
}

// MetricData is *[Gauge], *[Sum], *[Histogram] or *[ExponentialHistogram].
type MetricData interface{ metricData() }

func (*Gauge) metricData()                {}
func (*Sum) metricData()                  {}
func (*Histogram) metricData()            {}
func (*ExponentialHistogram) metricData() {}

// NumberKind says what an instrument counts in.
type NumberKind uint8

// The kinds.
const (
	Float64 NumberKind = iota
	Int64
	Uint64
)

// Number is a measured number; the field that Kind names holds it. The WIT says the kind of an instrument and that of each
// number; where they differ, the number is converted to the instrument's.
type Number struct {
	Kind  NumberKind
	Float float64
	Int   int64
	Uint  uint64
}

// Temporality says what a sum is a sum of.
type Temporality uint8

// The temporalities. LowMemory is a preference of SDKs, which some send as if it were one: it stands for delta in histograms
// and monotonic sums, and for cumulative in others.
const (
	Cumulative Temporality = iota
	Delta
	LowMemory
)

// Gauge is current values.
type Gauge struct {
	Kind   NumberKind
	Points []Point
	Start  *Time // nil: unknown
	Time   Time
}

// Sum is sums.
type Sum struct {
	Kind        NumberKind
	Points      []Point
	Start, Time Time
	Temporality Temporality
	Monotonic   bool
}

// Interval is the times of a point of its own, where a way in has them: wasi:otel has those of the aggregation only.
type Interval struct {
	Start *Time // nil: the aggregation's
	Time  *Time // nil: the aggregation's
}

// Point is one value of a gauge or a sum.
type Point struct {
	Attributes []KeyValue
	Value      Number
	Exemplars  []Exemplar
	Interval   Interval
}

// Histogram is distributions over buckets with given bounds.
type Histogram struct {
	Kind        NumberKind
	Points      []HistogramPoint
	Start, Time Time
	Temporality Temporality
}

// HistogramPoint is one distribution. It has one count more than bounds.
type HistogramPoint struct {
	Attributes []KeyValue
	Count      uint64
	Bounds     []float64
	Counts     []uint64
	Min, Max   *Number // nil: unknown
	Sum        Number
	Exemplars  []Exemplar
	Interval   Interval
}

// ExponentialHistogram is distributions over buckets whose bounds are powers of 2^(2^-Scale).
type ExponentialHistogram struct {
	Kind        NumberKind
	Points      []ExponentialPoint
	Start, Time Time
	Temporality Temporality
}

// ExponentialPoint is one such distribution.
type ExponentialPoint struct {
	Attributes         []KeyValue
	Count              uint64
	Min, Max           *Number // nil: unknown
	Sum                Number
	Scale              int8
	ZeroCount          uint64
	ZeroThreshold      float64
	Positive, Negative Buckets
	Exemplars          []Exemplar
	Interval           Interval
}

// Buckets are counts of neighbouring buckets, the first of which has the index Offset.
type Buckets struct {
	Offset int32
	Counts []uint64
}

// Exemplar is one of the measurements that an aggregate was made of.
type Exemplar struct {
	Filtered []KeyValue
	Time     Time
	Value    Number
	TraceID  TraceID // zero where no span was active
	SpanID   SpanID
}
