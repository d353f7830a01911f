// Package export describes the destinations of telemetry: any number of consumers, and providers of OpenTelemetry's own API.
// Package autoconf makes them from the process's environment; an embedder may make others, or use both.
package export

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/bound"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// Consumer takes one or several signals; a field that is nil takes none. Each consumer has queues and sums of its own: one that
// is slow or blocked loses the records that do not fit its own queue, and delays neither other consumers nor requests.
type Consumer struct {
	// Destination describes the receiver in messages about losses; it must hold no secrets, and may be empty.
	Destination string
	// Delay is how long spans and log records may wait until there are enough for a batch; 0: as long as the environment says.
	Delay time.Duration

	Spans sdktrace.SpanExporter
	// SpanClient replaces Spans for OTLP: it gets spans in their encoded form, which costs less than an exporter that encodes them
	// again. It must not have been started.
	SpanClient otlptrace.Client

	// InFlight can be asked for the spans that have begun and have not ended. It takes none itself.
	InFlight *InFlight

	Logs sdklog.Exporter

	// Metrics is called by a periodic reader for each service, one call at a time. Interval is the time between two of its collections; 0: as
	// the environment says.
	Metrics  sdkmetric.Exporter
	Interval time.Duration
	// MetricReader is for callers that collect themselves. It reads all services from one provider, in which each service is a scope
	// whose attributes name it. Without MetricProducer measurements use the SDK's own, slower instruments.
	MetricReader sdkmetric.Reader
	// MetricProducer is the producer that MetricReader was made with (sdkmetric.WithProducer); nil for none.
	MetricProducer MetricProducer
}

// InFlight shows the spans that have begun and have not ended: those that the host records itself, not those of a [Source] or of guests. The
// zero value, in a [Consumer], is ready. Safe for concurrent use.
type InFlight struct {
	spans atomic.Pointer[func(int) ([]sdktrace.ReadOnlySpan, int)]
}

// Spans returns the spans as they are now, at most as many as said, in no order; they have no end time. count is how many there are.
func (f *InFlight) Spans(most int) (all []sdktrace.ReadOnlySpan, count int) {
	if spans := f.spans.Load(); spans != nil {
		return (*spans)(most)
	}
	return nil, 0
}

// Bind says who knows the spans. Telemetry calls it for what is in a [Consumer].
func (f *InFlight) Bind(spans func(most int) ([]sdktrace.ReadOnlySpan, int)) { f.spans.Store(&spans) }

// Shutdown ends the consumer, for a caller that does not pass it to telemetry. It does not stop a SpanClient, which was not started.
func (c *Consumer) Shutdown(ctx context.Context) error {
	var errs []error
	if c.Spans != nil {
		errs = append(errs, c.Spans.Shutdown(ctx))
	}
	if c.Logs != nil {
		errs = append(errs, c.Logs.Shutdown(ctx))
	}
	if c.Metrics != nil {
		errs = append(errs, c.Metrics.Shutdown(ctx))
	}
	if c.MetricReader != nil {
		errs = append(errs, c.MetricReader.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// MetricProducer gives telemetry's measurements to the one reader that was made with it. Telemetry uses only producers of
// [NewMetricProducer].
type MetricProducer interface{ sdkmetric.Producer }

// NewMetricProducer makes a producer for a reader with the SDK's default temporality and aggregation. The filter chooses the
// measurements that may become exemplars; nil: none.
func NewMetricProducer(exemplars exemplar.Filter) MetricProducer {
	return bound.NewProducer(bound.Settings{Exemplars: exemplars})
}

// Providers are providers of OpenTelemetry's API, those of its SDK or others. They take signals besides the consumers; a field
// that is nil takes none.
//
// What components record themselves reaches them as far as OpenTelemetry's API can say it. Log records do. So do sums and gauges, at
// the time of their export; histograms do not, since the API has no way to record a distribution, and go to consumers only. Spans do
// if Tracer is the SDK's and was made with [IDGenerator]: a provider makes new identifiers otherwise, and the spans go to
// consumers only. What the component's SDK has dropped of a span is not told to a provider.
type Providers struct {
	Tracer trace.TracerProvider
	Meter  metric.MeterProvider
	Logger log.LoggerProvider
	// Propagator reads and writes the context of requests; nil: the one that OTEL_PROPAGATORS names. Only the Propagator of the
	// host's own providers is used.
	Propagator propagation.TextMapPropagator

	// ParentBased says that the tracer's sampler never samples below a parent that is not sampled, which saves work for requests
	// that are not sampled. If it is false, the tracer decides each time.
	ParentBased bool
	// Shared says that all services use these providers, and that their owner shuts them down. Since all have the same resource,
	// attributes of the instrumentation scope identify the service: service.name and the rest.
	Shared bool
}

// Service is one service to make providers for: the host, or one component of a workload.
type Service struct {
	// Resource identifies the service. All of its texts are valid UTF-8.
	Resource *resource.Resource
	// SpanProcessors must be registered with the tracer provider: they pass its spans to the consumers and the printer of trees.
	// Their Shutdown ends only this registration.
	SpanProcessors []sdktrace.SpanProcessor
}

// Source makes the providers of one service. It is called once for the host, where an error is the error of telemetry's New,
// and for each component that starts, where an error is logged. Providers that are not shared are flushed and shut down with the
// service, by their methods ForceFlush and Shutdown if they have them. It must be safe for concurrent use.
type Source func(ctx context.Context, s Service) (Providers, error)

// IDGenerator makes the identifiers of an SDK's tracer provider (sdktrace.WithIDGenerator), so that the provider can record the spans
// that components record themselves, which have identifiers. next makes those of all other spans; nil: random ones.
func IDGenerator(next sdktrace.IDGenerator) sdktrace.IDGenerator { return span.Identifiers(next) }

// Use makes a source that returns the same providers for every service. The caller keeps ownership: telemetry flushes them when
// it is flushed, and never shuts them down. [Providers] says what of components' own telemetry reaches them. If p.Tracer has the method RegisterSpanProcessor, as the SDK's has, consumers get all
// spans of that provider.
func Use(p Providers) Source {
	p.Shared = true
	var once sync.Once
	return func(_ context.Context, s Service) (Providers, error) {
		once.Do(func() {
			if r, ok := p.Tracer.(interface {
				RegisterSpanProcessor(sdktrace.SpanProcessor)
			}); ok {
				for _, sp := range s.SpanProcessors {
					r.RegisterSpanProcessor(sp)
				}
			}
		})
		return p, nil
	}
}
