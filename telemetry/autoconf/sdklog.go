package autoconf

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"

	"github.com/vitrine-wasm/vitrine/internal/redact"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/env"
)

// setSDKLogging sends the SDK's own messages to log. The SDK uses logr with verbosity 1 for warnings, 4 for information and 8 for
// details.
func setSDKLogging(log *slog.Logger, level slog.Level) {
	otel.SetLogger(logr.New(&sdkLogSink{log: log, level: level}))
	var throttle env.Throttle
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		ending := errors.Is(err, context.Canceled) // a provider was shut down during a collection
		if err == nil || ending || level > slog.LevelError || alreadyReported(err.Error()) {
			return
		}
		if msg := text.Cut(redact.Text(err.Error()), maxMessage); throttle.Allow(msg) {
			log.Error("opentelemetry: " + msg)
		}
	}))
}

// sdkLogSink logs the SDK's messages. Verbosities are those of package go.opentelemetry.io/otel/internal/global.
type sdkLogSink struct {
	log      *slog.Logger
	level    slog.Level
	throttle env.Throttle
}

// Init does nothing.
func (*sdkLogSink) Init(logr.RuntimeInfo) {}

// Enabled says whether messages of a verbosity are logged: information and details only if OTEL_LOG_LEVEL is debug.
func (s *sdkLogSink) Enabled(v int) bool {
	if v <= 1 {
		return s.level <= slog.LevelWarn
	}
	return s.level <= slog.LevelDebug
}

// Info logs a warning (verbosity 1) or a detail. It drops the message's values: they hold whole batches, and values of variables.
func (s *sdkLogSink) Info(v int, msg string, _ ...any) {
	if alreadyReported(msg) {
		return
	}
	msg = "opentelemetry: " + text.Cut(redact.Text(msg), maxMessage)
	switch {
	case v > 1:
		s.log.Debug(msg)
	case s.throttle.Allow(msg):
		s.log.Warn(msg)
	}
}

// Error logs an error.
func (s *sdkLogSink) Error(err error, msg string, _ ...any) {
	if s.level > slog.LevelError || alreadyReported(msg) {
		return
	}
	line := "opentelemetry: " + msg
	if err != nil {
		line += ": " + err.Error()
	}
	if line = text.Cut(redact.Text(line), maxMessage); s.throttle.Allow(line) {
		s.log.Error(line)
	}
}

// maxMessage bounds a message of the SDK's, in bytes.
const maxMessage = 1 << 10

// checkedMessages are parts of the SDK's messages about bad values of variables. [environment.checkVariables] has warned of these
// values at the start, with the variable's name and without the value.
var checkedMessages = []string{
	"parse duration", "parse url", "parse headers", "escape header", "read tls ", "create tls ", "non-positive duration", "duration overflows",
	"Got invalid value, number value expected", "OTEL_EXPORTER_OTLP_METRICS_", "parse endpoint url", "not a valid protocol",
	"invalid OTEL_", "invalid compression type", "unknown compression", "using no compression", "partial resource: ", "invalid URL escape",
}

func alreadyReported(msg string) bool {
	return slices.ContainsFunc(checkedMessages, func(s string) bool { return strings.Contains(msg, s) })
}

// WithValues drops the values.
func (s *sdkLogSink) WithValues(...any) logr.LogSink { return s }

// WithName drops the name.
func (s *sdkLogSink) WithName(string) logr.LogSink { return s }
