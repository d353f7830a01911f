// Package quiet keeps libraries from writing to standard error while the process's packages are initialised, before there is
// a handler with the format that the operator chose: OpenTelemetry's packages read variables then, and log bad values.
// It is for programs built on package cli; a user of the library has loggers of their own.
//
// Packages are initialised in the order of their paths once their imports are (Go specification, §Program initialization),
// so that this one, which imports only log/slog, comes before those of go.opentelemetry.io.
package quiet

import "log/slog"

// Discarding says that the default logger discards everything until somebody sets another.
var Discarding = discard()

func discard() bool {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	return true
}
