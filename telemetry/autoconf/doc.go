// Package autoconf reads the destinations of telemetry from the environment (OTEL_*): exporters of OTLP, prometheus, the console,
// and those that an embedder registered with OpenTelemetry's autoexport; or the providers that OTEL_CONFIG_FILE describes.
//
// It is apart from package telemetry so that a program with consumers of its own links neither unused exporters nor gRPC:
//
//	to, err := autoconf.Read(ctx, autoconf.Options{})
//	tel, err := telemetry.New(ctx, telemetry.Config{Consumers: to.Consumers, Providers: to.Providers})
//
// Package telemetry itself reads the variables that need no exporter: sampler, sizes of queues, propagators, resource.
package autoconf
