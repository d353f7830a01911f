package bound

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/sanitize"
)

// DefaultLimit is how many attribute sets an instrument measures at most, which is the SDK's default too.
const DefaultLimit = 2000

// Settings of a reader. The zero value has the SDK's defaults and no exemplars.
type Settings struct {
	Temporality sdkmetric.TemporalitySelector // nil: cumulative
	Aggregation sdkmetric.AggregationSelector // nil: the default
	Exemplars   exemplar.Filter               // which measurements may become exemplars; nil: none
	Limit       int                           // of attribute sets per instrument; DefaultLimit when 0
}

// Producer gives the measurements of its meters to one reader, besides the SDK's own. It must not serve two readers: with delta
// temporality each would get a part only. Safe for concurrent use.
type Producer struct {
	settings Settings
	shards   int

	mu      sync.Mutex // held to collect and to make meters, not to measure
	meters  []*Meter
	sources []*source
}

// source gives metrics that no instrument of ours has measured.
type source struct {
	collect  func() []metricdata.ScopeMetrics
	released bool
}

// AddSource makes each collection call collect, which must not block and whose result the collection owns. The first collection after
// release is the last to call it.
func (p *Producer) AddSource(collect func() []metricdata.ScopeMetrics) (release func()) {
	s := &source{collect: collect}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sources = append(p.sources, s)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		s.released = true
	}
}

var _ sdkmetric.Producer = (*Producer)(nil)

// NewProducer makes a producer for a reader with these settings.
func NewProducer(s Settings) *Producer {
	if s.Temporality == nil {
		s.Temporality = sdkmetric.DefaultTemporalitySelector
	}
	if s.Aggregation == nil {
		s.Aggregation = sdkmetric.DefaultAggregationSelector
	}
	if s.Limit == 0 {
		s.Limit = DefaultLimit
	}
	return &Producer{settings: s, shards: shardsFor(runtime.GOMAXPROCS(0))}
}

// Meter returns the meter of a scope; the same for the same scope. The SDK's meter of that scope makes the instruments that the
// producer cannot, and all instruments of a nil Producer.
func (p *Producer) Meter(sdk metric.Meter, scope instrumentation.Scope) *Meter {
	return p.meter(func() metric.Meter { return sdk }, scope)
}

// Of is [Producer.Meter] with a meter of an SDK's provider, which keeps its meters for ever: it makes the meter only when an
// instrument needs it.
func (p *Producer) Of(sdk metric.MeterProvider, scope instrumentation.Scope) *Meter {
	scope = sanitize.Scope(scope)
	return p.meter(sync.OnceValue(func() metric.Meter {
		return sdk.Meter(scope.Name, metric.WithInstrumentationVersion(scope.Version), metric.WithSchemaURL(scope.SchemaURL),
			metric.WithInstrumentationAttributeSet(scope.Attributes))
	}), scope)
}

func (p *Producer) meter(sdk func() metric.Meter, scope instrumentation.Scope) *Meter {
	if p == nil {
		return &Meter{sdk: sdk}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.meters {
		if m.scope == scope {
			m.refs++
			return m
		}
	}
	m := &Meter{sdk: sdk, p: p, scope: scope, refs: 1}
	p.meters = append(p.meters, m)
	return m
}

// Produce collects. The caller owns the result. Released meters are removed afterwards.
func (p *Producer) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []metricdata.ScopeMetrics
	for _, m := range p.meters {
		if metrics := m.collect(); len(metrics) > 0 {
			out = append(out, metricdata.ScopeMetrics{Scope: m.scope, Metrics: metrics})
		}
	}
	for _, s := range p.sources {
		out = append(out, s.collect()...)
	}
	p.meters = slices.DeleteFunc(p.meters, func(m *Meter) bool { return m.refs == 0 })
	p.sources = slices.DeleteFunc(p.sources, func(s *source) bool { return s.released })
	return out, nil
}

// Meter makes instruments; the same one for the same name and kind. Safe for concurrent use.
type Meter struct {
	sdk   func() metric.Meter
	p     *Producer // nil: all instruments are the SDK's
	scope instrumentation.Scope
	refs  int // uses that were not released; guarded by p.mu

	mu          sync.Mutex
	instruments []collector

	each []*Meter // of a joined meter, whose other fields are unused
}

// Release ends one use of the meter. After the last, the next collection is the last with the meter's instruments. The SDK's
// instruments stay: the SDK has no way to remove them.
func (m *Meter) Release() {
	for _, one := range m.each {
		one.Release()
	}
	if m.p == nil {
		return
	}
	m.p.mu.Lock()
	defer m.p.mu.Unlock()
	m.refs--
}

// collector is an instrument that a collection reads.
type collector interface {
	describe() *header
	// collect returns nil if nothing was measured.
	collect(start, now time.Time) metricdata.Aggregation
}

// header is the part that instruments of all kinds share.
type header struct {
	name, unit, help string
	temporality      metricdata.Temporality
	start            time.Time // what the next collection measures began
}

func (h *header) describe() *header { return h }

func (m *Meter) collect() []metricdata.Metrics {
	m.mu.Lock()
	instruments := slices.Clone(m.instruments)
	m.mu.Unlock()
	var out []metricdata.Metrics
	for _, in := range instruments {
		h, now := in.describe(), time.Now()
		data := in.collect(h.start, now)
		if h.temporality == metricdata.DeltaTemporality {
			h.start = now
		}
		if data != nil {
			out = append(out, metricdata.Metrics{Name: h.name, Description: h.help, Unit: h.unit, Data: data})
		}
	}
	return out
}

// header is the header of an instrument of ours; nil if the SDK has to make it.
func (m *Meter) header(kind sdkmetric.InstrumentKind, name, unit, help string) *header {
	if m.p == nil || !supported(kind, m.p.settings.Aggregation(kind)) {
		return nil
	}
	return &header{name: name, unit: unit, help: help, temporality: m.p.settings.Temporality(kind), start: time.Now()}
}

// supported says whether instruments of that kind have the aggregation a here.
func supported(kind sdkmetric.InstrumentKind, a sdkmetric.Aggregation) bool {
	histogram := kind == sdkmetric.InstrumentKindHistogram
	switch a := a.(type) {
	case nil, sdkmetric.AggregationDefault:
		return true
	case sdkmetric.AggregationSum:
		return !histogram
	case sdkmetric.AggregationExplicitBucketHistogram:
		return histogram && !a.NoMinMax
	}
	return false
}

// findOrAdd returns the instrument with the name and type of in, or adds in.
func findOrAdd[T collector](m *Meter, in T) T {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, have := range m.instruments {
		if t, ok := have.(T); ok && have.describe().name == in.describe().name {
			return t
		}
	}
	m.instruments = append(m.instruments, in)
	return in
}

// Counter makes a counter. The error is the SDK's.
func (m *Meter) Counter(name, unit, help string) (*Counter, error) {
	if m.each != nil {
		all, err := eachMeter(m, func(m *Meter) (*Counter, error) { return m.Counter(name, unit, help) })
		return &Counter{each: all}, err
	}
	if h := m.header(sdkmetric.InstrumentKindCounter, name, unit, help); h != nil {
		return &Counter{own: findOrAdd(m, newSum(h, m.p, true))}, nil
	}
	sdk, err := m.sdk().Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(help))
	return &Counter{sdk: sdk}, err
}

// UpDownCounter makes a counter that also goes down. The error is the SDK's.
func (m *Meter) UpDownCounter(name, unit, help string) (*Counter, error) {
	if m.each != nil {
		all, err := eachMeter(m, func(m *Meter) (*Counter, error) { return m.UpDownCounter(name, unit, help) })
		return &Counter{each: all}, err
	}
	if h := m.header(sdkmetric.InstrumentKindUpDownCounter, name, unit, help); h != nil {
		return &Counter{own: findOrAdd(m, newSum(h, m.p, false))}, nil
	}
	sdk, err := m.sdk().Int64UpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(help))
	return &Counter{sdk: sdk}, err
}

// Durations makes a histogram of durations, exported in seconds, the unit of bounds. The error is the SDK's.
func (m *Meter) Durations(name, help string, bounds []float64) (*Durations, error) {
	if m.each != nil {
		all, err := eachMeter(m, func(m *Meter) (*Durations, error) { return m.Durations(name, help, bounds) })
		return &Durations{each: all}, err
	}
	if h := m.header(sdkmetric.InstrumentKindHistogram, name, "s", help); h != nil {
		return &Durations{own: findOrAdd(m, newHistogram(h, m.p, bounds, float64(time.Second), asSeconds))}, nil
	}
	sdk, err := m.sdk().Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(help), metric.WithExplicitBucketBoundaries(bounds...))
	return &Durations{sdk: sdk}, err
}

// Sizes makes a histogram of whole numbers. The error is the SDK's.
func (m *Meter) Sizes(name, unit, help string, bounds []float64) (*Sizes, error) {
	if m.each != nil {
		all, err := eachMeter(m, func(m *Meter) (*Sizes, error) { return m.Sizes(name, unit, help, bounds) })
		return &Sizes{each: all}, err
	}
	if h := m.header(sdkmetric.InstrumentKindHistogram, name, unit, help); h != nil {
		return &Sizes{own: findOrAdd(m, newHistogram(h, m.p, bounds, 1, asInt))}, nil
	}
	sdk, err := m.sdk().Int64Histogram(name, metric.WithUnit(unit), metric.WithDescription(help), metric.WithExplicitBucketBoundaries(bounds...))
	return &Sizes{sdk: sdk}, err
}

// Observe takes the value of an observable instrument during a collection.
type Observe func(value int64, attrs ...attribute.KeyValue)

// Gauge makes an observable up-down counter, whose values read reports at each collection until stop is called. The error is the
// SDK's.
func (m *Meter) Gauge(name, unit, help string, read func(Observe)) (stop func(), err error) {
	if m.each != nil {
		all, err := eachMeter(m, func(m *Meter) (func(), error) { return m.Gauge(name, unit, help, read) })
		return stopAll(all), err
	}
	h := m.header(sdkmetric.InstrumentKindObservableUpDownCounter, text.Valid(name), text.Valid(unit), text.Valid(help))
	if h != nil && h.temporality == metricdata.CumulativeTemporality {
		return findOrAdd(m, &observable{header: h, limit: m.p.settings.Limit}).add(read), nil
	}
	g, err := m.sdk().Int64ObservableUpDownCounter(text.Valid(name), metric.WithUnit(text.Valid(unit)), metric.WithDescription(text.Valid(help)))
	if err != nil {
		return nil, err
	}
	return m.observe(g, read)
}

// Total makes an observable counter of the SDK's, whose sums read reports at each collection until stop is called. The error is the
// SDK's.
func (m *Meter) Total(name, unit, help string, read func(Observe)) (stop func(), err error) {
	if m.each != nil {
		all, err := eachMeter(m, func(m *Meter) (func(), error) { return m.Total(name, unit, help, read) })
		return stopAll(all), err
	}
	c, err := m.sdk().Int64ObservableCounter(text.Valid(name), metric.WithUnit(text.Valid(unit)), metric.WithDescription(text.Valid(help)))
	if err != nil {
		return nil, err
	}
	return m.observe(c, read)
}

func (m *Meter) observe(in metric.Int64Observable, read func(Observe)) (stop func(), err error) {
	reg, err := m.sdk().RegisterCallback(func(_ context.Context, o metric.Observer) error {
		read(func(value int64, attrs ...attribute.KeyValue) {
			o.ObserveInt64(in, value, metric.WithAttributeSet(setOf(attrs)))
		})
		return nil
	}, in)
	if err != nil {
		return nil, err
	}
	return func() { _ = reg.Unregister() }, nil
}

// setOf makes the attribute set of a measurement, with sanitized texts of bounded length. All attribute sets are made here.
func setOf(attrs []attribute.KeyValue) attribute.Set {
	return attribute.NewSet(sanitize.Labels(attrs)...)
}

// overflow is the attribute set of measurements beyond the limit, named by the specification.
var overflow = attribute.NewSet(attribute.Bool("otel.metric.overflow", true))

// wholeBounds converts bounds to whole numbers in the measurements' unit. It rounds down, since buckets include their upper bounds.
func wholeBounds(bounds []float64, unit float64) []int64 {
	out := make([]int64, len(bounds))
	for i, b := range bounds {
		n := math.Round(b * unit)
		if n/unit > b {
			n--
		}
		out[i] = int64(n)
	}
	return out
}
