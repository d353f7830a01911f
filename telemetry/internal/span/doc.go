// Package span records spans in their encoded form: from its start a span is an OTLP protobuf message
// (opentelemetry/proto/trace/v1), to which attributes are appended as bytes and which its end passes to a [Sink]. So a span costs
// two small allocations and a copy.
//
// Spans are [trace.Span]s in contexts of OpenTelemetry's API, so that propagators, exemplars, log bridges and host functions with
// their own instrumentation work as with the SDK. Sampler, limits and the encoded content equal the SDK's. Boundaries use a
// shorter way: a [Template] made at link time, [Tracer.Open], attributes by [Key], [Span.Start].
//
// For processors and exporters of the SDK (a printer, an exporter other than OTLP's), [Decode] converts the bytes. If the operator
// or an embedder has configured a tracer provider of the SDK's, [FromSDK] records the same spans there.
package span
