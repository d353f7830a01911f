// Package collector runs a real OpenTelemetry Collector in tests: built once from the Collector's own modules, started on
// loopback with the OTLP receiver and the file exporter, and read back. It is a module of its own, so that nothing of the
// Collector gets near the versions that Vitrine is built with.
package collector
