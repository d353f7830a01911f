package autoconf

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/env"
)

type signal = env.Signal

const (
	traces  = env.Traces
	metrics = env.Metrics
	logs    = env.Logs
)

// Protocols of OTLP, as OTEL_EXPORTER_OTLP_PROTOCOL spells them.
const (
	protoGRPC     = "grpc"
	protoProtobuf = "http/protobuf"
	protoJSON     = "http/json"
)

const exporterNone = "none"

// environment reads the variables of exporters.
type environment struct{ env.Env }

// quiet is the environment without warnings, for variables that are read a second time.
func (e environment) quiet() environment { return environment{e.Quiet()} }

// exporterKey is the variable that names the exporters of s.
func exporterKey(s signal) string { return "OTEL_" + strings.ToUpper(string(s)) + "_EXPORTER" }

// exporters names the exporters of s, each once; none if s is off. A signal is on if an exporter is named, or an OTLP endpoint is
// set for it or for all signals. The specification's default of "otlp" would send to localhost without being configured.
func (e environment) exporters(s signal) []string {
	var names []string
	given, none := false, false
	for name := range strings.SplitSeq(e.Text(exporterKey(s)), ",") {
		name = strings.TrimSpace(name)
		given = given || name != ""
		switch {
		case name == exporterNone:
			none = true
		case name != "" && !slices.Contains(names, name):
			names = append(names, name)
		}
	}
	if none && len(names) > 0 {
		e.WarnIgnored(exporterKey(s), exporterNone, "other exporters are named beside it, and used")
	}
	if given {
		return names
	}
	return e.defaultExporters(s)
}

// defaultExporters are the exporters of s if no known exporter is named.
func (e environment) defaultExporters(s signal) []string {
	upper := strings.ToUpper(string(s))
	if e.Text("OTEL_EXPORTER_OTLP_"+upper+"_ENDPOINT") != "" || e.Text("OTEL_EXPORTER_OTLP_ENDPOINT") != "" {
		return []string{"otlp"}
	}
	return nil
}

// protocol is the OTLP protocol for s; http/protobuf by default.
func (e environment) protocol(s signal) string {
	known := []string{protoGRPC, protoProtobuf}
	if s == traces { // the SDK's exporters of the other signals have no JSON encoding
		known = append(known, protoJSON)
	}
	for _, key := range []string{
		"OTEL_EXPORTER_OTLP_" + strings.ToUpper(string(s)) + "_PROTOCOL",
		"OTEL_EXPORTER_OTLP_PROTOCOL",
	} {
		v := e.Text(key)
		if v == "" {
			continue
		}
		if slices.Contains(known, v) {
			return v
		}
		e.WarnIgnored(key, v, fmt.Sprintf("%s can use %s", s, strings.Join(known, ", ")))
	}
	return protoProtobuf
}

// level is OTEL_LOG_LEVEL, the level of the SDK's own messages.
func (e environment) level() slog.Level {
	v := e.Text("OTEL_LOG_LEVEL")
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
		e.WarnIgnored("OTEL_LOG_LEVEL", v, "want none, error, warn, info or debug")
	}
	return slog.LevelInfo
}
