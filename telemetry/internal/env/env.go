// Package env reads OTEL_* variables by the rules of the specification ("Environment Variable Specification"): empty means unset,
// only "true" is true, and bad values are warned of and ignored.
package env

import (
	"log/slog"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/exemplar"

	"github.com/vitrine-wasm/vitrine/internal/redact"
	"github.com/vitrine-wasm/vitrine/internal/text"
)

// Signal is one of the three signals, by its name in environment variables and in counts of losses.
type Signal string

// The signals.
const (
	Traces  Signal = "traces"
	Metrics Signal = "metrics"
	Logs    Signal = "logs"
)

// Env reads variables.
type Env struct {
	Getenv func(string) string
	Log    *slog.Logger // for warnings
}

// Text is a variable without surrounding space.
func (e Env) Text(key string) string { return strings.TrimSpace(e.Getenv(key)) }

// Bool says whether key is "true", in any case of letters.
func (e Env) Bool(key string) bool {
	v := e.Text(key)
	switch strings.ToLower(v) {
	case "true":
		return true
	case "", "false":
	default:
		e.WarnIgnored(key, v, "want true or false; taken as false")
	}
	return false
}

// Count is a positive number; def by default.
func (e Env) Count(key string, def int) int {
	v := e.Text(key)
	if v == "" {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil || n <= 0 {
		e.WarnIgnored(key, v, "want a positive number")
		return def
	}
	return n
}

// Millis is a duration in milliseconds, 0 or more; def by default.
func (e Env) Millis(key string, def int) time.Duration {
	n := def
	if v := e.Text(key); v != "" {
		ms, err := strconv.Atoi(v)
		if err != nil || ms < 0 {
			e.WarnIgnored(key, v, "want milliseconds")
		} else {
			n = ms
		}
	}
	return time.Duration(n) * time.Millisecond
}

// Ratio is a number from 0 to 1; 1 by default.
func (e Env) Ratio(key string) float64 {
	v := e.Text(key)
	if v == "" {
		return 1
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || !(f >= 0 && f <= 1) {
		e.WarnIgnored(key, v, "want a number from 0 to 1")
		return 1
	}
	return f
}

// ExemplarFilter is OTEL_METRICS_EXEMPLAR_FILTER, which chooses the measurements that may become exemplars; nil: none.
func (e Env) ExemplarFilter() exemplar.Filter {
	const key = "OTEL_METRICS_EXEMPLAR_FILTER"
	v := e.Text(key)
	switch strings.ToLower(v) {
	case "", "trace_based":
	case "always_on":
		return exemplar.AlwaysOnFilter
	case "always_off":
		return nil
	default:
		e.WarnIgnored(key, v, "want always_on, always_off or trace_based")
	}
	return exemplar.TraceBasedFilter
}

// hidden says whether a variable's value must not be logged.
func hidden(key string) bool { return strings.HasSuffix(key, "_HEADERS") }

// WarnIgnored warns of a bad value that is ignored.
func (e Env) WarnIgnored(key, value, why string) {
	if hidden(key) {
		e.Log.Warn("telemetry: ignoring "+key, "reason", why)
		return
	}
	e.Log.Warn("telemetry: ignoring "+key, "value", text.Cut(redact.Text(text.Valid(value)), 100), "reason", why)
}

// Quiet is the environment without warnings, for variables that are read a second time.
func (e Env) Quiet() Env {
	e.Log = slog.New(slog.DiscardHandler)
	return e
}
