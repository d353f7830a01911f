// Package otel is what components tell of themselves in OpenTelemetry's terms, in plain Go: the records of wasi:otel, and
// [Sink], which takes them. It knows no version of the WIT and none of OpenTelemetry's libraries, so that several ways in
// (the interfaces of wasi:otel, OTLP that a guest sends) lead to one way out.
//
// The records are those of wasi:otel@0.2.0-rc.2 with its text forms decoded: identifiers are bytes, attribute values are Go
// values. Texts are as the guest gave them, of any length and not always UTF-8: who takes a record mends and bounds it.
package otel
