package autoconf

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/env"
)

func logger(b *bytes.Buffer) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// Which signals are on, from the environment alone.
func TestExporterNames(t *testing.T) {
	for name, tc := range map[string]struct {
		env  map[string]string
		want [3]string // traces, metrics, logs
	}{
		"nothing":      {nil, [3]string{"none", "none", "none"}},
		"endpoint":     {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h"}, [3]string{"otlp", "otlp", "otlp"}},
		"own endpoint": {map[string]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://h"}, [3]string{"none", "otlp", "none"}},
		"named":        {map[string]string{"OTEL_TRACES_EXPORTER": "console", "OTEL_LOGS_EXPORTER": " otlp "}, [3]string{"console", "none", "otlp"}},
		"blank":        {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "  ", "OTEL_TRACES_EXPORTER": " "}, [3]string{"none", "none", "none"}},
		"none":         {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_TRACES_EXPORTER": "none"}, [3]string{"none", "otlp", "otlp"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := environment{env.Env{Getenv: func(k string) string { return tc.env[k] }, Log: logger(&bytes.Buffer{})}}
			if got := [3]string{e.exporter(traces), e.exporter(metrics), e.exporter(logs)}; got != tc.want {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
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
