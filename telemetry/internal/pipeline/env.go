package pipeline

import (
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/sdk/metric/exemplar"
)

// signal is one of the three signals, by the names that environment variables and drop counts use.
type signal string

const (
	traces  signal = "traces"
	metrics signal = "metrics"
	logs    signal = "logs"
)

// Protocols of OTLP, as OTEL_EXPORTER_OTLP_PROTOCOL spells them.
const (
	protoGRPC     = "grpc"
	protoProtobuf = "http/protobuf"
	protoJSON     = "http/json"
)

const exporterNone = "none"

// environment reads OTEL_* variables by the rules of the specification ("Environment Variable Specification"): empty
// means unset, only "true" is true, a value that cannot be used is warned of and ignored.
type environment struct {
	getenv func(string) string
	warn   *slog.Logger
}

func (e environment) text(key string) string { return strings.TrimSpace(e.getenv(key)) }

// truth is whether key is "true", in any case.
func (e environment) truth(key string) bool {
	v := e.text(key)
	switch strings.ToLower(v) {
	case "true":
		return true
	case "", "false":
	default:
		e.bad(key, v, "want true or false; taken as false")
	}
	return false
}

// count is a positive number.
func (e environment) count(key string, def int) int {
	v := e.text(key)
	if v == "" {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil || n <= 0 {
		e.bad(key, v, "want a positive number")
		return def
	}
	return n
}

// exporter names the exporter that s is to use, or "none". A signal is on when its exporter is named, or when an OTLP
// endpoint is set for it or for all signals: the specification's default of "otlp" would send to localhost although
// nobody asked.
func (e environment) exporter(s signal) string {
	upper := strings.ToUpper(string(s))
	if name := e.text("OTEL_" + upper + "_EXPORTER"); name != "" {
		return name
	}
	return e.fallback(s)
}

func (e environment) fallback(s signal) string {
	upper := strings.ToUpper(string(s))
	if e.text("OTEL_EXPORTER_OTLP_"+upper+"_ENDPOINT") != "" || e.text("OTEL_EXPORTER_OTLP_ENDPOINT") != "" {
		return "otlp"
	}
	return exporterNone
}

// protocol is the OTLP protocol for s; http/protobuf unless told.
func (e environment) protocol(s signal) string {
	known := []string{protoGRPC, protoProtobuf}
	if s == traces { // the SDK's exporters of the other signals have no JSON encoding
		known = append(known, protoJSON)
	}
	for _, key := range []string{
		"OTEL_EXPORTER_OTLP_" + strings.ToUpper(string(s)) + "_PROTOCOL",
		"OTEL_EXPORTER_OTLP_PROTOCOL",
	} {
		v := e.text(key)
		if v == "" {
			continue
		}
		if slices.Contains(known, v) {
			return v
		}
		e.bad(key, v, fmt.Sprintf("%s can use %s", s, strings.Join(known, ", ")))
	}
	return protoProtobuf
}

// exemplarFilter is OTEL_METRICS_EXEMPLAR_FILTER: which measurements may become exemplars; nil for none.
func (e environment) exemplarFilter() exemplar.Filter {
	const key = "OTEL_METRICS_EXEMPLAR_FILTER"
	v := e.text(key)
	switch strings.ToLower(v) {
	case "", "trace_based":
	case "always_on":
		return exemplar.AlwaysOnFilter
	case "always_off":
		return nil
	default:
		e.bad(key, v, "want always_on, always_off or trace_based")
	}
	return exemplar.TraceBasedFilter
}

// level is OTEL_LOG_LEVEL, the level of the SDK's own messages.
func (e environment) level() slog.Level {
	v := e.text("OTEL_LOG_LEVEL")
	switch strings.ToLower(v) {
	case "", "info":
	case "none", "off":
		return slog.LevelError + 4
	case "error", "fatal":
		return slog.LevelError
	case "warn", "warning":
		return slog.LevelWarn
	case "debug", "verbose", "trace", "all":
		return slog.LevelDebug
	default:
		e.bad("OTEL_LOG_LEVEL", v, "want none, error, warn, info or debug")
	}
	return slog.LevelInfo
}
