package pipeline

import (
	"fmt"
	"log/slog"

	"github.com/go-logr/logr"
)

// sdkSink turns the SDK's messages into ours. Verbosities are those of package go.opentelemetry.io/otel/internal/global.
type sdkSink struct {
	log    *slog.Logger
	level  slog.Level
	values []any
}

// Init does nothing.
func (*sdkSink) Init(logr.RuntimeInfo) {}

// Enabled says whether a verbosity is wanted. The SDK's information and details are nobody's business unless
// OTEL_LOG_LEVEL asks for debug.
func (s *sdkSink) Enabled(v int) bool {
	if v <= 1 {
		return s.level <= slog.LevelWarn
	}
	return s.level <= slog.LevelDebug
}

// Info says a warning (verbosity 1) or a detail. Details are not passed on with their values, which hold whole batches.
func (s *sdkSink) Info(v int, msg string, kv ...any) {
	if v <= 1 {
		s.log.Warn("opentelemetry: "+msg, append(s.values, kv...)...)
		return
	}
	s.log.Debug("opentelemetry: " + msg)
}

// Error says an error.
func (s *sdkSink) Error(err error, msg string, kv ...any) {
	if s.level <= slog.LevelError {
		s.log.Error(fmt.Sprintf("opentelemetry: %s: %v", msg, err), append(s.values, kv...)...)
	}
}

// WithValues and WithName keep context.
func (s *sdkSink) WithValues(kv ...any) logr.LogSink {
	return &sdkSink{s.log, s.level, append(append([]any{}, s.values...), kv...)}
}

// WithName leaves names out.
func (s *sdkSink) WithName(string) logr.LogSink { return s }
