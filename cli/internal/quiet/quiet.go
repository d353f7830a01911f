// Package quiet keeps libraries from writing to standard error while the process is being initialised, before there is a
// handler that could say it in the form that the operator asked for: OpenTelemetry's packages read variables then, and log
// what they cannot use with its value. It is for the binary; whoever uses the library has loggers of their own.
//
// Packages are initialised in the order of their paths once all that they import is (Go specification, §Program
// initialization), so this one, which imports next to nothing, comes before those of go.opentelemetry.io.
package quiet

import "log/slog"

// Until says that nothing is logged by the default logger until somebody sets one.
var Until = silence()

func silence() bool {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	return true
}
