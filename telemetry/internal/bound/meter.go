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
	"github.com/vitrine-wasm/vitrine/telemetry/internal/mend"
)

// DefaultLimit is how many attribute sets an instrument measures at most, which is the SDK's default too.
const DefaultLimit = 2000

// Settings are what a reader wants of the metrics that it reads. The zero value is a reader that wants the SDK's defaults
// and no exemplars.
type Settings struct {
	Temporality sdkmetric.TemporalitySelector // nil: cumulative
	Aggregation sdkmetric.AggregationSelector // nil: the default
	Exemplars   exemplar.Filter               // which measurements may become exemplars; nil: none
	Limit       int                           // of attribute sets per instrument; DefaultLimit when 0
}

// Producer hands what the instruments of its meters measured to one reader, as one more source beside the SDK's own. It
// must not serve two readers: what one has collected with delta temporality, another would not see. Safe for concurrent use.
type Producer struct {
	settings Settings
	shards   int

	mu     sync.Mutex // of collecting and of making meters; no measurement waits for it
	meters []*Meter
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

// Meter makes the meter of one scope; the same for the same scope. The SDK's meter of that scope makes what the producer
// cannot; all that is made by the meter of a nil Producer.
func (p *Producer) Meter(sdk metric.Meter, scope instrumentation.Scope) *Meter {
	return p.meter(func() metric.Meter { return sdk }, scope)
}

// Of is [Producer.Meter] with the meter of a provider of the SDK's, which keeps each meter that it is asked for: it is only
// asked when there is something for it to make.
func (p *Producer) Of(sdk metric.MeterProvider, scope instrumentation.Scope) *Meter {
	scope = mend.Scope(scope)
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
			m.users++
			return m
		}
	}
	m := &Meter{sdk: sdk, p: p, scope: scope, users: 1}
	p.meters = append(p.meters, m)
	return m
}

// Produce collects. What it returns is the caller's. Meters that were released are forgotten.
func (p *Producer) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []metricdata.ScopeMetrics
	for _, m := range p.meters {
		if metrics := m.collect(); len(metrics) > 0 {
			out = append(out, metricdata.ScopeMetrics{Scope: m.scope, Metrics: metrics})
		}
	}
	p.meters = slices.DeleteFunc(p.meters, func(m *Meter) bool { return m.users == 0 })
	return out, nil
}

// Meter makes instruments. An instrument that is asked for again by the same name is the one that there is. Safe for
// concurrent use.
type Meter struct {
	sdk   func() metric.Meter
	p     *Producer // nil: all instruments are the SDK's
	scope instrumentation.Scope
	users int // guarded by p.mu: who asked for it and has not released it

	mu          sync.Mutex
	instruments []collector

	each []*Meter // of a joined meter, which has nothing else
}

// Release says that one who asked for the meter is done measuring. When all are, the next collection is the last that has
// the meter's instruments. The SDK's, which it never forgets, stay.
func (m *Meter) Release() {
	for _, one := range m.each {
		one.Release()
	}
	if m.p == nil {
		return
	}
	m.p.mu.Lock()
	defer m.p.mu.Unlock()
	m.users--
}

// collector is an instrument as a collection sees it.
type collector interface {
	describe() *header
	// collect returns nil where nothing was measured.
	collect(start, now time.Time) metricdata.Aggregation
}

// header is what instruments of all kinds have.
type header struct {
	name, unit, help string
	temporality      metricdata.Temporality
	since            time.Time // what the next collection measures began
}

func (h *header) describe() *header { return h }

func (m *Meter) collect() []metricdata.Metrics {
	m.mu.Lock()
	instruments := slices.Clone(m.instruments)
	m.mu.Unlock()
	var out []metricdata.Metrics
	for _, in := range instruments {
		h, now := in.describe(), time.Now()
		data := in.collect(h.since, now)
		if h.temporality == metricdata.DeltaTemporality {
			h.since = now
		}
		if data != nil {
			out = append(out, metricdata.Metrics{Name: h.name, Description: h.help, Unit: h.unit, Data: data})
		}
	}
	return out
}

// header begins an instrument, or reports nil where the SDK is to make it.
func (m *Meter) header(kind sdkmetric.InstrumentKind, name, unit, help string) *header {
	if m.p == nil || !ours(kind, m.p.settings.Aggregation(kind)) {
		return nil
	}
	return &header{name: name, unit: unit, help: help, temporality: m.p.settings.Temporality(kind), since: time.Now()}
}

// ours says whether a is what instruments of that kind do here.
func ours(kind sdkmetric.InstrumentKind, a sdkmetric.Aggregation) bool {
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

// keep finds the instrument by the name of in, or keeps in.
func keep[T collector](m *Meter, in T) T {
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
		all, err := joined(m, func(m *Meter) (*Counter, error) { return m.Counter(name, unit, help) })
		return &Counter{each: all}, err
	}
	if h := m.header(sdkmetric.InstrumentKindCounter, name, unit, help); h != nil {
		return &Counter{own: keep(m, newSum(h, m.p, true))}, nil
	}
	sdk, err := m.sdk().Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(help))
	return &Counter{sdk: sdk}, err
}

// UpDownCounter makes a counter that also goes down. The error is the SDK's.
func (m *Meter) UpDownCounter(name, unit, help string) (*Counter, error) {
	if m.each != nil {
		all, err := joined(m, func(m *Meter) (*Counter, error) { return m.UpDownCounter(name, unit, help) })
		return &Counter{each: all}, err
	}
	if h := m.header(sdkmetric.InstrumentKindUpDownCounter, name, unit, help); h != nil {
		return &Counter{own: keep(m, newSum(h, m.p, false))}, nil
	}
	sdk, err := m.sdk().Int64UpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(help))
	return &Counter{sdk: sdk}, err
}

// Durations makes a histogram of durations, which is exported in seconds as bounds are. The error is the SDK's.
func (m *Meter) Durations(name, help string, bounds []float64) (*Durations, error) {
	if m.each != nil {
		all, err := joined(m, func(m *Meter) (*Durations, error) { return m.Durations(name, help, bounds) })
		return &Durations{each: all}, err
	}
	if h := m.header(sdkmetric.InstrumentKindHistogram, name, "s", help); h != nil {
		return &Durations{own: keep(m, newHistogram(h, m.p, bounds, float64(time.Second), seconds))}, nil
	}
	sdk, err := m.sdk().Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(help), metric.WithExplicitBucketBoundaries(bounds...))
	return &Durations{sdk: sdk}, err
}

// Sizes makes a histogram of whole numbers. The error is the SDK's.
func (m *Meter) Sizes(name, unit, help string, bounds []float64) (*Sizes, error) {
	if m.each != nil {
		all, err := joined(m, func(m *Meter) (*Sizes, error) { return m.Sizes(name, unit, help, bounds) })
		return &Sizes{each: all}, err
	}
	if h := m.header(sdkmetric.InstrumentKindHistogram, name, unit, help); h != nil {
		return &Sizes{own: keep(m, newHistogram(h, m.p, bounds, 1, whole))}, nil
	}
	sdk, err := m.sdk().Int64Histogram(name, metric.WithUnit(unit), metric.WithDescription(help), metric.WithExplicitBucketBoundaries(bounds...))
	return &Sizes{sdk: sdk}, err
}

// Reading is what an observable instrument is told of when metrics are read.
type Reading func(value int64, attrs ...attribute.KeyValue)

// Gauge makes an up-down counter whose values are read each time metrics are. The error is the SDK's.
func (m *Meter) Gauge(name, unit, help string, read func(Reading)) (stop func(), err error) {
	if m.each != nil {
		all, err := joined(m, func(m *Meter) (func(), error) { return m.Gauge(name, unit, help, read) })
		return stopAll(all), err
	}
	h := m.header(sdkmetric.InstrumentKindObservableUpDownCounter, text.Valid(name), text.Valid(unit), text.Valid(help))
	if h != nil && h.temporality == metricdata.CumulativeTemporality {
		return keep(m, &observed{header: h, limit: m.p.settings.Limit}).add(read), nil
	}
	g, err := m.sdk().Int64ObservableUpDownCounter(text.Valid(name), metric.WithUnit(text.Valid(unit)), metric.WithDescription(text.Valid(help)))
	if err != nil {
		return nil, err
	}
	return m.observe(g, read)
}

// Total makes a counter whose sums are read, by the SDK, each time metrics are. The error is the SDK's.
func (m *Meter) Total(name, unit, help string, read func(Reading)) (stop func(), err error) {
	if m.each != nil {
		all, err := joined(m, func(m *Meter) (func(), error) { return m.Total(name, unit, help, read) })
		return stopAll(all), err
	}
	c, err := m.sdk().Int64ObservableCounter(text.Valid(name), metric.WithUnit(text.Valid(unit)), metric.WithDescription(text.Valid(help)))
	if err != nil {
		return nil, err
	}
	return m.observe(c, read)
}

func (m *Meter) observe(in metric.Int64Observable, read func(Reading)) (stop func(), err error) {
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

// setOf is the attribute set of a measurement: every one is made here, of texts that are sound and of bounded length.
func setOf(attrs []attribute.KeyValue) attribute.Set { return attribute.NewSet(mend.Labels(attrs)...) }

// overflow is the attribute set of what is measured beyond the limit, as the specification names it.
var overflow = attribute.NewSet(attribute.Bool("otel.metric.overflow", true))

// wholeBounds are bounds in the unit in which measurements are kept. A bound between two of its values is as good as the
// lower of them, since buckets include their upper bounds.
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
