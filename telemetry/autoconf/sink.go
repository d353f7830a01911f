package autoconf

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"

	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/env"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/redact"
)

// sayThrough sends the SDK's own messages to log. The SDK speaks logr with verbosity 1 for warnings, 4 for information
// and 8 for details.
func sayThrough(log *slog.Logger, level slog.Level) {
	otel.SetLogger(logr.New(&sdkSink{log: log, level: level}))
	var said env.Repeats
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		ending := errors.Is(err, context.Canceled) // of a provider, while something is collected
		if err == nil || ending || level > slog.LevelError || known(err.Error()) {
			return
		}
		if msg := text.Cut(redact.Text(err.Error()), maxSaid); said.News(msg) {
			log.Error("opentelemetry: " + msg)
		}
	}))
}

// sdkSink turns the SDK's messages into ours. Verbosities are those of package go.opentelemetry.io/otel/internal/global.
type sdkSink struct {
	log   *slog.Logger
	level slog.Level
	said  env.Repeats
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

// Info says a warning (verbosity 1) or a detail. What the SDK says beside its words is not passed on: it holds whole batches,
// and what variables are set to.
func (s *sdkSink) Info(v int, msg string, _ ...any) {
	if known(msg) {
		return
	}
	msg = "opentelemetry: " + text.Cut(redact.Text(msg), maxSaid)
	switch {
	case v > 1:
		s.log.Debug(msg)
	case s.said.News(msg):
		s.log.Warn(msg)
	}
}

// Error says an error.
func (s *sdkSink) Error(err error, msg string, _ ...any) {
	if s.level > slog.LevelError || known(msg) {
		return
	}
	said := "opentelemetry: " + msg
	if err != nil {
		said += ": " + err.Error()
	}
	if said = text.Cut(redact.Text(said), maxSaid); s.said.News(said) {
		s.log.Error(said)
	}
}

// maxSaid bounds what the SDK says, in bytes.
const maxSaid = 1 << 10

// spoken are the SDK's words for values of variables that it cannot use, which were said at the start by [environment.check]:
// with the variable's name and without its value.
var spoken = []string{
	"parse duration", "parse url", "parse headers", "escape header", "read tls ", "create tls ", "non-positive duration", "duration overflows",
	"Got invalid value, number value expected", "OTEL_EXPORTER_OTLP_METRICS_", "parse endpoint url", "not a valid protocol",
	"invalid OTEL_", "invalid compression type", "unknown compression", "using no compression", "partial resource: ", "invalid URL escape",
}

func known(msg string) bool {
	return slices.ContainsFunc(spoken, func(s string) bool { return strings.Contains(msg, s) })
}

// WithValues and WithName leave out what they are given.
func (s *sdkSink) WithValues(...any) logr.LogSink { return s }

// WithName leaves names out.
func (s *sdkSink) WithName(string) logr.LogSink { return s }
