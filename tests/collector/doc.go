// Package collector runs a real OpenTelemetry Collector in tests: built once from the Collector's own modules, started on
// loopback with the OTLP receiver, and with the file exporter, whose files it reads, or with the OTLP exporter, behind which the checks of
// tests/otelchecks run. It is a module of its own, so that the Collector's dependencies do not change Vitrine's.
package collector
