package telemetry_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/telemetry/autoconf"
	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/workload"
)

const configFile = `file_format: "1.0-rc.2"
resource:
  attributes:
    - {name: deployment.environment.name, value: test}
tracer_provider:
  processors:
    - batch: {exporter: {otlp_http: {endpoint: "%URL/v1/traces"}}}
logger_provider:
  processors:
    - batch: {exporter: {otlp_http: {endpoint: "%URL/v1/logs"}}}
meter_provider:
  readers:
    - periodic: {exporter: {otlp_http: {endpoint: "%URL/v1/metrics"}}}
`

// TestConfigFile: with OTEL_CONFIG_FILE exporters are the file's, and each component is a service of its own.
func TestConfigFile(t *testing.T) {
	ctx := context.Background()
	collector := otlptest.New(t)
	file := filepath.Join(t.TempDir(), "otel.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(configFile, "%URL", collector.URL)), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("OTEL_CONFIG_FILE", file)
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	to, err := autoconf.Read(ctx, autoconf.Options{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	tel, err := telemetry.New(ctx, telemetry.Config{Logger: quiet, Consumers: to.Consumers, Providers: to.Providers})
	if err != nil {
		t.Fatal(err)
	}
	spec := &workload.Spec{Name: "shop", Components: []workload.Component{{Name: "cart"}, {Name: "price"}}}
	for i := range spec.Components {
		c := &spec.Components[i]
		o := tel.Component(spec, c)
		_, end := cm.Begin(ctx, o, &cm.Operation{Name: "compile", Component: cm.Path(c.Name)})
		end(nil)
		o.Log(ctx, host.LogLine{Workload: "shop", Component: c.Name, Stream: "stdout", Severity: host.SeverityInfo, Text: "hello"})
	}
	if err := tel.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	services := map[string]string{}
	for _, rs := range collector.Traces() {
		attrs := map[string]string{}
		for _, a := range rs.Resource.Attributes {
			attrs[a.Key] = a.Value.GetStringValue()
		}
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				services[attrs["service.name"]] = s.Name + " " + attrs["deployment.environment.name"]
			}
		}
	}
	if services["cart"] != "compile cart test" || services["price"] != "compile price test" || len(services) != 2 {
		t.Errorf("services %v", services)
	}
	if n := len(collector.Records()); n != 2 {
		t.Errorf("%d log records, wanted 2", n)
	}
	if len(collector.Metrics()) == 0 {
		t.Error("no metrics")
	}

	for name, text := range map[string]string{"missing.yaml": "", "broken.yaml": "tracer_provider: [\n"} {
		bad := filepath.Join(t.TempDir(), name)
		if text != "" {
			if err := os.WriteFile(bad, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := autoconf.Read(ctx, autoconf.Options{Logger: quiet, Getenv: func(k string) string {
			if k == "OTEL_CONFIG_FILE" {
				return bad
			}
			return ""
		}}); err == nil || !strings.Contains(err.Error(), "OTEL_CONFIG_FILE") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
