package autoconf

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/env"
)

func logger(b *bytes.Buffer) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// The environment decides which signals are on.
func TestExporterNames(t *testing.T) {
	for name, tc := range map[string]struct {
		env  map[string]string
		want [3]string // traces, metrics, logs: names with commas between them
		said int       // warnings
	}{
		"nothing":      {nil, [3]string{}, 0},
		"endpoint":     {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h"}, [3]string{"otlp", "otlp", "otlp"}, 0},
		"own endpoint": {map[string]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://h"}, [3]string{"", "otlp", ""}, 0},
		"named":        {map[string]string{"OTEL_TRACES_EXPORTER": "console", "OTEL_LOGS_EXPORTER": " otlp "}, [3]string{"console", "", "otlp"}, 0},
		"blank":        {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "  ", "OTEL_TRACES_EXPORTER": " "}, [3]string{}, 0},
		"none":         {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_TRACES_EXPORTER": "none"}, [3]string{"", "otlp", "otlp"}, 0},
		"several":      {map[string]string{"OTEL_TRACES_EXPORTER": "otlp,console", "OTEL_METRICS_EXPORTER": " prometheus , otlp,,otlp "}, [3]string{"otlp,console", "prometheus,otlp", ""}, 0},
		"commas alone": {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_LOGS_EXPORTER": ","}, [3]string{"otlp", "otlp", "otlp"}, 0},
		"none twice":   {map[string]string{"OTEL_LOGS_EXPORTER": "none,none", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://h"}, [3]string{}, 0},
		"none beside":  {map[string]string{"OTEL_LOGS_EXPORTER": "none,console"}, [3]string{"", "", "console"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var said bytes.Buffer
			e := environment{env.Env{Getenv: func(k string) string { return tc.env[k] }, Log: logger(&said)}}
			got := [3]string{strings.Join(e.exporters(traces), ","), strings.Join(e.exporters(metrics), ","), strings.Join(e.exporters(logs), ",")}
			if got != tc.want || strings.Count(said.String(), "WARN") != tc.said {
				t.Errorf("%v, want %v; %s", got, tc.want, said.String())
			}
		})
	}
}

// TestMistypedNames: a warning about a misspelled name of OpenTelemetry's has the right one and not the value; other names are ignored.
func TestMistypedNames(t *testing.T) {
	for name, want := range map[string]string{
		"OTEL_EXPORTER_OLTP_ENDPOINT":         "OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_EXPORTER_OTLP_ENDPIONT":         "OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_EXPORTER_OTLP_TRACE_ENDPOINT":   "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
		"OTEL_EXPORTER_ENDPOINT":              "OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_EXPORTER_OTLP_HEADER":           "OTEL_EXPORTER_OTLP_HEADERS",
		"OTEL_TRACE_EXPORTER":                 "OTEL_TRACES_EXPORTER",
		"OTEL_SERVICENAME":                    "OTEL_SERVICE_NAME",
		"OTLE_SERVICE_NAME":                   "OTEL_SERVICE_NAME",
		"otel_service_name":                   "OTEL_SERVICE_NAME",
		"OTEL_RESOURCES_ATTRIBUTES":           "OTEL_RESOURCE_ATTRIBUTES",
		"OTEL_SERVICE_NAME":                   "",
		"OTEL_EXPORTER_OTLP_LOGS_HEADERS":     "",
		"OTEL_COLLECTOR_SERVICE_HOST":         "",
		"OTEL_COLLECTOR_PORT_4317_TCP_ADDR":   "",
		"OTEL_PYTHON_LOG_CORRELATION":         "",
		"OTEL_GO_X_OBSERVABILITY":             "",
		"OTEL_INSTRUMENTATION_HTTP_KNOWN":     "",
		"SERVICE_NAME":                        "",
		"PATH":                                "",
		"OTEL_X\x1b[2J":                       "",
		"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "",
	} {
		var said bytes.Buffer
		e := environment{env.Env{Getenv: func(k string) string { return map[string]string{name: "s3cr3t"}[k] }, Log: logger(&said)}}
		e.checkNames([]string{name + "=s3cr3t", "OTEL_SERVICE_NAM="})
		if got := said.String(); strings.Count(got, "\n") != len(want)/max(len(want), 1) || want != "" && !strings.Contains(got, "did you mean "+want+"?") || strings.Contains(got, "s3cr3t") {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestExporterValues(t *testing.T) {
	var said bytes.Buffer
	at := func(v string) environment {
		said.Reset()
		return environment{env.Env{Getenv: func(string) string { return v }, Log: logger(&said)}}
	}
	for v, want := range map[string]slog.Level{"": slog.LevelInfo, "debug": slog.LevelDebug, "ERROR": slog.LevelError, "none": slog.LevelError + 4, "loud": slog.LevelInfo} {
		if got := at(v).level(); got != want {
			t.Errorf("level of %q is %s", v, got)
		}
	}
	for _, tc := range []struct {
		s    signal
		v    string
		want string
	}{
		{traces, "grpc", "grpc"}, {traces, "http/json", "http/json"}, {logs, "http/json", "http/protobuf"}, {metrics, "", "http/protobuf"}, {logs, "x", "http/protobuf"},
	} {
		if got := at(tc.v).protocol(tc.s); got != tc.want {
			t.Errorf("protocol of %s from %q is %s", tc.s, tc.v, got)
		}
	}
}
