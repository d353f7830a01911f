// Package wasilog is a log/slog handler inside a component: a record goes to the host with its level, message, attributes and time, by wasi:otel, and is part of the trace of
// the request in which it is logged.
//
//	slog.SetDefault(slog.New(wasilog.NewHandler(nil)))
//
// What package log prints is then a record, too. There is no grant, and nothing is queued: a record is the host's when the call returns. With OpenTelemetry's SDK (package
// wasiotel) and its bridge of slog, records name the program's own spans; with this package they name the host's span, and a component is smaller by what the SDK is.
//
// Outside of a component (any GOOS but wasip1) nothing is logged.
package wasilog
