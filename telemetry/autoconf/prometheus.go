package autoconf

import (
	"log/slog"
	"net/http"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/bound"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/env"
)

// Prometheus makes a consumer of metrics that a handler shows in Prometheus' format, each time it is asked. It is beside what the environment
// names, and has no listener of its own. With OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION=base2_exponential_bucket_histogram
// histograms are native ones, which only Prometheus' binary format can say: in the text format they are a sum and a count.
func Prometheus(o Options) (export.Consumer, http.Handler, error) {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	e := env.Env{Getenv: o.Getenv, Log: slog.New(slog.DiscardHandler)}
	settings := bound.Settings{Exemplars: e.ExemplarFilter()}
	registry := prometheus.NewRegistry()
	options := []otelprometheus.Option{otelprometheus.WithRegisterer(registry)}
	if strings.EqualFold(e.Text(histogramAggregation), "base2_exponential_bucket_histogram") {
		settings.Aggregation = exponential
		options = append(options, otelprometheus.WithAggregationSelector(exponential))
	}
	producer := bound.NewProducer(settings)
	reader, err := otelprometheus.New(append(options, otelprometheus.WithProducer(producer))...)
	if err != nil {
		return export.Consumer{}, nil, err
	}
	return export.Consumer{Destination: "prometheus", MetricReader: reader, MetricProducer: producer}, promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}), nil
}

const histogramAggregation = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"

// exponential gives histograms buckets that fit what is measured, by the SDK's defaults.
func exponential(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	if kind == sdkmetric.InstrumentKindHistogram {
		return sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}
	}
	return sdkmetric.DefaultAggregationSelector(kind)
}
