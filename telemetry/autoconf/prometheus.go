package autoconf

import (
	"log/slog"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"

	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/env"
)

// Prometheus makes a consumer of metrics that a handler shows in Prometheus' format, each time it is asked. It is beside what the environment
// names, and has no listener of its own.
func Prometheus(o Options) (export.Consumer, http.Handler, error) {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	producer := export.NewMetricProducer(env.Env{Getenv: o.Getenv, Log: slog.New(slog.DiscardHandler)}.ExemplarFilter())
	registry := prometheus.NewRegistry()
	reader, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithProducer(producer))
	if err != nil {
		return export.Consumer{}, nil, err
	}
	return export.Consumer{Destination: "prometheus", MetricReader: reader, MetricProducer: producer}, promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}), nil
}
