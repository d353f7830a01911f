package wasiotel

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// SDK is OpenTelemetry's SDK with the host as what it exports to. A nil one does nothing. It is safe for concurrent use.
type SDK struct {
	Tracers *sdktrace.TracerProvider
	Meters  *sdkmetric.MeterProvider
	Loggers *sdklog.LoggerProvider

	config   config
	spans    *SpanProcessor
	ids      *ids
	exporter *MetricExporter
	reader   *sdkmetric.ManualReader
}

// Stats are numbers of spans, and of data points of metrics that were not handed over.
type Stats struct {
	Started   uint64 // spans that have begun
	Ended     uint64 // spans that were handed over
	LeftOpen  uint64 // spans that had not ended when their request did
	EndedLate uint64 // of these, those that have ended since; the host has them, too
	Dropped   uint64 // data points beyond a bound of Flush
}

type config struct {
	host        host
	globals     bool
	temporality sdkmetric.TemporalitySelector
	points      int
	timeout     time.Duration
	attributes  []attribute.KeyValue
	traces      []sdktrace.TracerProviderOption
	metrics     []sdkmetric.Option
	logs        []sdklog.LoggerProviderOption
}

// Option is an option of [Setup].
type Option func(*config)

// WithoutGlobals leaves OpenTelemetry's global providers and propagator as they are. Without it they are those of the SDK, and W3C's trace context and baggage.
func WithoutGlobals() Option { return func(c *config) { c.globals = false } }

// WithTemporality says which metrics are deltas and which cumulative. The default is sdkmetric.DeltaTemporalitySelector.
func WithTemporality(s sdkmetric.TemporalitySelector) Option {
	return func(c *config) { c.temporality = s }
}

// WithMaxDataPoints bounds how many data points of metrics one flush hands over; the default is 10 000. Others are dropped and counted.
func WithMaxDataPoints(n int) Option { return func(c *config) { c.points = n } }

// WithFlushTimeout bounds how long one flush takes; the default is a second. The time is heeded between calls of the host.
func WithFlushTimeout(d time.Duration) Option { return func(c *config) { c.timeout = d } }

// WithResource adds attributes to the resource of log records and metrics. The others are those of OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME. What wasi:otel has
// of spans has no resource: the host's is theirs.
func WithResource(attributes ...attribute.KeyValue) Option {
	return func(c *config) { c.attributes = append(c.attributes, attributes...) }
}

// WithTracerProvider adds options of the tracer provider: a sampler, limits, an ID generator.
func WithTracerProvider(o ...sdktrace.TracerProviderOption) Option {
	return func(c *config) { c.traces = append(c.traces, o...) }
}

// WithMeterProvider adds options of the meter provider: views, an exemplar filter.
func WithMeterProvider(o ...sdkmetric.Option) Option {
	return func(c *config) { c.metrics = append(c.metrics, o...) }
}

// WithLoggerProvider adds options of the logger provider: limits, processors.
func WithLoggerProvider(o ...sdklog.LoggerProviderOption) Option {
	return func(c *config) { c.logs = append(c.logs, o...) }
}

// Setup makes an SDK, whose providers become the global ones. It calls nothing of wasi:otel, so it may be called while packages are initialised.
func Setup(options ...Option) *SDK {
	c := config{host: theHost(), globals: true, points: 10_000, timeout: time.Second}
	for _, o := range options {
		o(&c)
	}
	s := &SDK{config: c, ids: &ids{}, spans: newSpanProcessor(c.host), exporter: newMetricExporter(c.host, c.temporality)}
	s.reader = sdkmetric.NewManualReader(sdkmetric.WithTemporalitySelector(s.exporter.Temporality))
	res := resource.Environment()
	if merged, err := resource.Merge(res, resource.NewSchemaless(c.attributes...)); err == nil {
		res = merged
	}
	s.Tracers = sdktrace.NewTracerProvider(append([]sdktrace.TracerProviderOption{sdktrace.WithResource(res), sdktrace.WithSpanProcessor(s.spans), sdktrace.WithIDGenerator(s.ids)}, c.traces...)...)
	s.Meters = sdkmetric.NewMeterProvider(append([]sdkmetric.Option{sdkmetric.WithResource(res), sdkmetric.WithReader(s.reader)}, c.metrics...)...)
	s.Loggers = sdklog.NewLoggerProvider(append([]sdklog.LoggerProviderOption{sdklog.WithResource(res), sdklog.WithProcessor(&LogProcessor{c.host})}, c.logs...)...)
	if c.globals {
		otel.SetTracerProvider(s.Tracers)
		otel.SetMeterProvider(s.Meters)
		otel.SetLoggerProvider(s.Loggers)
		otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	}
	return s
}

// request is a request that a context is of.
type request struct {
	open int // spans that have not ended
	done bool
}

type requestKey struct{}

// Request begins a request, a message or a command: the host's span is the parent of what is begun with the context that it returns (see [HostContext]). Call the function that it
// returns at the end, behind the ends of the request's spans: it flushes metrics, and counts the spans that are still open. What is wrong with the
// flush goes to otel.Handle. Calling it again does nothing but flush.
func (s *SDK) Request(ctx context.Context) (context.Context, func()) {
	if s == nil || s.config.host == nil {
		return ctx, func() {}
	}
	s.ids.reseed()
	r := &request{}
	ctx = context.WithValue(hostContext(ctx, s.config.host), requestKey{}, r)
	return ctx, func() {
		s.spans.ended(r)
		if err := s.Flush(context.WithoutCancel(ctx)); err != nil {
			otel.Handle(err)
		}
	}
}

// Flush hands over the metrics of all instruments, within the bounds of [WithMaxDataPoints] and [WithFlushTimeout]. Spans and log records need none.
func (s *SDK) Flush(ctx context.Context) error {
	if s == nil || s.config.host == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.timeout)
	defer cancel()
	var all metricdata.ResourceMetrics
	if err := s.reader.Collect(ctx, &all); err != nil {
		return err
	}
	left := s.config.points
	var dropped int
	for i := range all.ScopeMetrics {
		scope := &all.ScopeMetrics[i]
		kept := scope.Metrics[:0]
		for _, m := range scope.Metrics {
			if n := points(m.Data); n <= left {
				left -= n
				kept = append(kept, m)
			} else {
				dropped += n
			}
		}
		scope.Metrics = kept
	}
	err := s.exporter.Export(ctx, &all)
	if dropped > 0 {
		s.spans.mu.Lock()
		s.spans.seen.Dropped += uint64(dropped)
		s.spans.mu.Unlock()
		err = errors.Join(err, errors.New("wasiotel: more data points of metrics than one flush hands over: raise WithMaxDataPoints, or use fewer attributes"))
	}
	return err
}

// Stats are the numbers so far.
func (s *SDK) Stats() Stats {
	if s == nil {
		return Stats{}
	}
	return s.spans.stats()
}

// points is how many data points there are.
func points(data metricdata.Aggregation) int {
	switch d := data.(type) {
	case metricdata.Gauge[int64]:
		return len(d.DataPoints)
	case metricdata.Gauge[float64]:
		return len(d.DataPoints)
	case metricdata.Sum[int64]:
		return len(d.DataPoints)
	case metricdata.Sum[float64]:
		return len(d.DataPoints)
	case metricdata.Histogram[int64]:
		return len(d.DataPoints)
	case metricdata.Histogram[float64]:
		return len(d.DataPoints)
	case metricdata.ExponentialHistogram[int64]:
		return len(d.DataPoints)
	case metricdata.ExponentialHistogram[float64]:
		return len(d.DataPoints)
	}
	return 0
}
