// Package span records spans in the form in which they leave: a span is its own OTLP protobuf message from the start
// (opentelemetry/proto/trace/v1), attributes are appended to it as bytes, and its end hands the bytes on. Nothing is kept
// to be transformed later, so a span costs two small allocations and a copy.
//
// Spans are [trace.Span]s and contexts carry them as OpenTelemetry's API expects, so propagators, exemplars, log bridges
// and host functions with instrumentation of their own work as with the SDK. Sampler, limits and what is sent are the SDK's.
// Boundaries use the shorter way: a [Template] made at link time, [Tracer.Open], attributes by [Key], [Span.Start].
//
// Where something wants spans as the SDK gives them (a printer, an exporter that is not OTLP's), [Decode] makes one from the
// bytes. Where an SDK's provider records by order of the operator, [FromSDK] has the same spans go there.
package span
