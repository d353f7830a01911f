// Package autoconf reads from the environment (OTEL_*) where telemetry is to go: the exporters of OTLP, prometheus, the console,
// and those that an embedder registered with OpenTelemetry's autoexport; or all that OTEL_CONFIG_FILE describes.
//
// It stands beside package telemetry so that a program with consumers of its own links no exporter that it does not use,
// and no gRPC:
//
//	to, err := autoconf.Read(ctx, autoconf.Options{})
//	tel, err := telemetry.New(ctx, telemetry.Config{Consumers: to.Consumers, Providers: to.Providers})
//
// What of the environment needs no exporter (sampler, sizes of queues, propagators, resource) package telemetry reads itself.
package autoconf
