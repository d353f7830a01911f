// Package env reads OTEL_* variables by the rules of the specification ("Environment Variable Specification"): empty means
// unset, only "true" is true, a value that cannot be used is warned of and ignored.
package env

import (
	"log/slog"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/exemplar"

	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/redact"
)

// Signal is one of the three signals, by the names that environment variables and drop counts use.
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

// Text is a variable without the blanks around it.
func (e Env) Text(key string) string { return strings.TrimSpace(e.Getenv(key)) }

// Truth is whether key is "true", in any case.
func (e Env) Truth(key string) bool {
	v := e.Text(key)
	switch strings.ToLower(v) {
	case "true":
		return true
	case "", "false":
	default:
		e.Bad(key, v, "want true or false; taken as false")
	}
	return false
}

// Count is a positive number.
func (e Env) Count(key string, def int) int {
	v := e.Text(key)
	if v == "" {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil || n <= 0 {
		e.Bad(key, v, "want a positive number")
		return def
	}
	return n
}

// Millis is a time in milliseconds; it may be zero.
func (e Env) Millis(key string, def int) time.Duration {
	n := def
	if v := e.Text(key); v != "" {
		ms, err := strconv.Atoi(v)
		if err != nil || ms < 0 {
			e.Bad(key, v, "want milliseconds")
		} else {
			n = ms
		}
	}
	return time.Duration(n) * time.Millisecond
}

// Ratio is a number from 0 to 1; 1 unless told.
func (e Env) Ratio(key string) float64 {
	v := e.Text(key)
	if v == "" {
		return 1
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || !(f >= 0 && f <= 1) {
		e.Bad(key, v, "want a number from 0 to 1")
		return 1
	}
	return f
}

// ExemplarFilter is OTEL_METRICS_EXEMPLAR_FILTER: which measurements may become exemplars; nil for none.
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
		e.Bad(key, v, "want always_on, always_off or trace_based")
	}
	return exemplar.TraceBasedFilter
}

// silent are variables whose values are never shown.
func silent(key string) bool { return strings.HasSuffix(key, "_HEADERS") }

// Bad warns of a value.
func (e Env) Bad(key, value, why string) {
	if silent(key) {
		e.Log.Warn("telemetry: ignoring "+key, "reason", why)
		return
	}
	e.Log.Warn("telemetry: ignoring "+key, "value", text.Cut(redact.Text(text.Valid(value)), 100), "reason", why)
}

// Quiet is the environment for what is read twice: it is warned of once.
func (e Env) Quiet() Env {
	e.Log = slog.New(slog.DiscardHandler)
	return e
}
