// Package otlp takes OpenTelemetry's protocol over HTTP (OTLP 1.11, opentelemetry-proto docs/specification.md §OTLP/HTTP) from
// guests: what an exporter of a stock SDK sends becomes records of package otel, which a [otel.Sink] takes.
//
// A [Collector] is for one component, whose sink says who the records belong to: nothing in a request does. It answers within the
// process; package wasi/http has the seam through which guests reach it, under [otel.CollectorHost].
//
// Bodies are untrusted. One is read up to a bound, of which all requests of a component share a multiple; JSON becomes protobuf's
// wire format by a table of the messages (schema.go), without values in between; the wire format is checked whole before any of it
// counts, so that a request is taken or refused; and then each record is made, handed over and forgotten. Nothing here is as large as
// a small body can say it is. The generated messages would be, and they bring gRPC with them.
package otlp
