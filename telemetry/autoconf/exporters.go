package autoconf

import (
	"context"
	"sync"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/vitrine-wasm/vitrine/telemetry/export"
)

// Exporters named "otlp" are made here, because autoexport refuses a bad protocol, which the specification says to ignore;
// autoexport makes all others, those that an embedder has registered included.

func (e environment) spans(ctx context.Context, name string) (*export.Consumer, error) {
	if name != "otlp" {
		exp, err := autoexport.NewSpanExporter(ctx)
		return spansTo(exp, err)
	}
	var grpc []otlptracegrpc.Option
	var http []otlptracehttp.Option
	if where := e.defaultEndpoint(traces); where != "" {
		grpc, http = append(grpc, otlptracegrpc.WithEndpointURL(where)), append(http, otlptracehttp.WithEndpointURL(where))
	}
	switch e.protocol(traces) {
	case protoGRPC:
		return &export.Consumer{SpanClient: otlptracegrpc.NewClient(grpc...)}, nil
	case protoJSON: // its client takes no spans that are encoded otherwise
		exp, err := otlptracehttp.New(ctx, append(http, otlptracehttp.WithEncoding(otlptracehttp.EncodingJSON))...)
		return spansTo(exp, err)
	}
	return &export.Consumer{SpanClient: otlptracehttp.NewClient(append(http, otlptracehttp.WithEncoding(otlptracehttp.EncodingProtobuf))...)}, nil
}

func spansTo(exp sdktrace.SpanExporter, err error) (*export.Consumer, error) {
	if err != nil || autoexport.IsNoneSpanExporter(exp) {
		return nil, err
	}
	return &export.Consumer{Spans: exp}, nil
}

func (e environment) logs(ctx context.Context, name string) (*export.Consumer, error) {
	if name != "otlp" {
		exp, err := autoexport.NewLogExporter(ctx)
		return logsTo(exp, err)
	}
	var grpc []otlploggrpc.Option
	var http []otlploghttp.Option
	if where := e.defaultEndpoint(logs); where != "" {
		grpc, http = append(grpc, otlploggrpc.WithEndpointURL(where)), append(http, otlploghttp.WithEndpointURL(where))
	}
	if e.protocol(logs) == protoGRPC {
		exp, err := otlploggrpc.New(ctx, grpc...)
		return logsTo(exp, err)
	}
	exp, err := otlploghttp.New(ctx, http...)
	return logsTo(exp, err)
}

func logsTo(exp sdklog.Exporter, err error) (*export.Consumer, error) {
	if err != nil || autoexport.IsNoneLogExporter(exp) {
		return nil, err
	}
	return &export.Consumer{Logs: exp}, nil
}

// metrics makes the consumer of metrics. A reader serves one provider only and an exporter many, so that exporters are made here
// where autoexport would return a reader around one.
func (e environment) metrics(ctx context.Context, name string) (*export.Consumer, error) {
	switch name {
	case "otlp":
		var grpc []otlpmetricgrpc.Option
		var http []otlpmetrichttp.Option
		if where := e.defaultEndpoint(metrics); where != "" {
			grpc, http = append(grpc, otlpmetricgrpc.WithEndpointURL(where)), append(http, otlpmetrichttp.WithEndpointURL(where))
		}
		if e.protocol(metrics) == protoGRPC {
			exp, err := otlpmetricgrpc.New(ctx, grpc...)
			return metricsTo(exp, err)
		}
		exp, err := otlpmetrichttp.New(ctx, http...)
		return metricsTo(exp, err)
	case "console":
		exp, err := stdoutmetric.New()
		return metricsTo(exp, err)
	}
	r, producer, err := e.autoexportReader(ctx)
	if err != nil || autoexport.IsNoneMetricReader(r) {
		return nil, err
	}
	return &export.Consumer{MetricReader: r, MetricProducer: producer}, nil
}

func metricsTo(exp sdkmetric.Exporter, err error) (*export.Consumer, error) {
	if err != nil {
		return nil, err
	}
	return &export.Consumer{Metrics: exp}, nil
}

// fallbackProducerMu guards autoexport's fallback producer, which is global to the process.
var fallbackProducerMu sync.Mutex

// autoexportReader makes a reader by autoexport, which uses our producer unless OTEL_METRICS_PRODUCERS names others. taken is the
// producer if the reader uses it. The temporality of a reader without an exporter is cumulative.
func (e environment) autoexportReader(ctx context.Context) (r sdkmetric.Reader, taken export.MetricProducer, err error) {
	fallbackProducerMu.Lock()
	defer fallbackProducerMu.Unlock()
	autoexport.WithFallbackMetricProducer(func(context.Context) (sdkmetric.Producer, error) {
		taken = export.NewMetricProducer(e.Quiet().ExemplarFilter())
		return taken, nil
	})
	defer autoexport.WithFallbackMetricProducer(nil)
	r, err = autoexport.NewMetricReader(ctx)
	return r, taken, err
}
