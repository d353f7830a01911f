// Package export says where telemetry goes: to any number of consumers at once, and to providers of OpenTelemetry's own API.
// Package autoconf makes them of the process's environment; an embedder may make others, or both.
package export

import (
	"context"
	"errors"
	"sync"

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
)

// Consumer takes what one or several signals record; a field that is nil takes nothing. Each consumer has queues and sums of
// its own: one that is slow or blocked loses what does not fit its own queue, and holds up no other and no request.
type Consumer struct {
	// Destination tells people where it all goes, in messages about losses; it holds no secrets, and may be empty.
	Destination string

	Spans sdktrace.SpanExporter
	// SpanClient takes the place of Spans where spans are sent by OTLP: they are handed to it as they were encoded, which
	// costs less than to have an exporter encode them again. It must not have been started.
	SpanClient otlptrace.Client

	Logs sdklog.Exporter

	// Metrics is called by a periodic reader for each service, one call at a time.
	Metrics sdkmetric.Exporter
	// MetricReader is for those who collect themselves. It sees all services in one provider, in which each is a scope whose
	// attributes name it. Measurements take the SDK's own, slower way to it, unless it was made with MetricProducer.
	MetricReader sdkmetric.Reader
	// MetricProducer is what MetricReader was given as a producer (sdkmetric.WithProducer); nil for none.
	MetricProducer MetricProducer
}

// Shutdown ends the consumer, for who made it and could not hand it on to telemetry.
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

// MetricProducer hands telemetry's measurements to the one reader that was made with it. Those of [NewMetricProducer] do; telemetry
// has nothing for any other.
type MetricProducer interface{ sdkmetric.Producer }

// NewMetricProducer makes a producer for a reader with the SDK's default temporality and aggregation. The filter says which
// measurements may become exemplars; nil for none.
func NewMetricProducer(exemplars exemplar.Filter) MetricProducer {
	return bound.NewProducer(bound.Settings{Exemplars: exemplars})
}

// Providers are providers of OpenTelemetry's API, those of its SDK or others. They take their signals beside the consumers;
// a field that is nil takes nothing. Spans and metrics that a component has recorded itself go to consumers only: a provider
// gives identifiers and makes sums of its own.
type Providers struct {
	Tracer trace.TracerProvider
	Meter  metric.MeterProvider
	Logger log.LoggerProvider
	// Propagator reads and writes the context of requests; nil for what OTEL_PROPAGATORS names. Only that which comes with
	// the host's own providers counts.
	Propagator propagation.TextMapPropagator

	// ParentBased says that the tracer's sampler never samples below a parent that is not sampled. Then less is done for
	// requests that are not sampled; where it is false, the tracer is asked each time.
	ParentBased bool
	// Shared says that other services have these providers too, and that they are somebody else's to shut down. Their
	// resource does not tell the services apart, so attributes of the instrumentation scope do: service.name and the rest.
	Shared bool
}

// Service is what providers are made for: the host, or one component of a workload.
type Service struct {
	// Resource identifies the service. All of its texts are sound.
	Resource *resource.Resource
	// SpanProcessors are to be registered with the tracer provider: through them its spans get to the consumers, and to the
	// printer of trees. Their Shutdown ends nothing but this registration.
	SpanProcessors []sdktrace.SpanProcessor
}

// Source makes the providers of one service. It is called once for the host, where an error is the error of telemetry's New,
// and for each component that starts, where an error is logged. What it makes, unless it is shared, is flushed and shut down
// with the service, by the methods ForceFlush and Shutdown where there are such. Safe for concurrent use.
type Source func(ctx context.Context, s Service) (Providers, error)

// Use makes the source that gives every service the same providers, which stay the caller's: telemetry flushes them when it
// is flushed, and never shuts them down. Spans get to consumers if p.Tracer has the method RegisterSpanProcessor, as the
// SDK's has; they then see all spans of that provider.
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
