package telemetry

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"slices"

	"go.opentelemetry.io/contrib/otelconf"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/bound"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/mend"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/redact"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// configFileVar names the file of OpenTelemetry's declarative configuration, which takes the place of the other variables.
const configFileVar = "OTEL_CONFIG_FILE"

// readConfigFile reads the file that the environment names; nil if it names none. A file that cannot be read is an error:
// who writes one wants what is in it.
//
// The variable is taken out of the process's environment, because otelconf would read the file again for each service and
// put its resource in place of the service's own.
func readConfigFile(getenv func(string) string) (*otelconf.OpenTelemetryConfiguration, error) {
	name := getenv(configFileVar)
	if name == "" {
		return nil, nil
	}
	content, err := os.ReadFile(name)
	if err != nil {
		why := err.Error()
		var path *fs.PathError
		if errors.As(err, &path) {
			why = text.Printable(name) + ": " + path.Err.Error()
		}
		return nil, &SettingError{Variable: configFileVar, Why: why, Do: "give the path of a file in OpenTelemetry's declarative configuration, or unset it", Err: err}
	}
	cfg, err := otelconf.ParseYAML(content)
	if err != nil {
		return nil, badConfigFile(name, err)
	}
	if err := os.Unsetenv(configFileVar); err != nil {
		return nil, err
	}
	return cfg, nil
}

// quoted is what errors of YAML quote of the file, which may be a secret.
var quoted = regexp.MustCompile("`[^`]*`")

func badConfigFile(name string, err error) error {
	why := text.Cut(quoted.ReplaceAllString(redact.Text(err.Error()), "a value"), 1000)
	return &SettingError{Variable: configFileVar, Why: text.Printable(name) + ": " + why, Do: "correct the file", Err: err}
}

// followsParent says whether the file's sampler never samples below a parent that is not sampled.
func followsParent(cfg *otelconf.OpenTelemetryConfiguration) bool {
	return cfg.TracerProvider == nil || cfg.TracerProvider.Sampler == nil || cfg.TracerProvider.Sampler.ParentBased != nil
}

// disabled says that the file switches telemetry off.
func disabled(cfg *otelconf.OpenTelemetryConfiguration) bool {
	return cfg.Disabled != nil && *cfg.Disabled
}

// fromFile makes the providers of one service as the file says, with the service's own resource. What the file says of
// the resource wins. Exporters are made for each service, since the file describes whole providers.
func (t *Telemetry) fromFile(ctx context.Context, p *providers) error {
	cfg := *t.file
	var resource otelconf.Resource
	if cfg.Resource != nil {
		resource = *cfg.Resource
	}
	said := resource.Attributes
	resource.Attributes = nil
	for _, kv := range t.resource(p.id).SDK().Attributes() {
		if !slices.ContainsFunc(said, func(a otelconf.AttributeNameValue) bool { return a.Name == string(kv.Key) }) {
			resource.Attributes = append(resource.Attributes, otelconf.AttributeNameValue{Name: string(kv.Key), Value: kv.Value.AsInterface()})
		}
	}
	resource.Attributes = append(resource.Attributes, said...)
	cfg.Resource = &resource
	if cfg.TracerProvider == nil && t.pipe.Traces() { // for the printer of trees alone
		cfg.TracerProvider = &otelconf.TracerProvider{}
	}
	var printers []sdktrace.TracerProviderOption
	for _, sp := range t.pipe.SpanProcessors() {
		printers = append(printers, sdktrace.WithSpanProcessor(sp))
	}
	sdk, err := otelconf.NewSDK(otelconf.WithContext(ctx), otelconf.WithOpenTelemetryConfiguration(cfg), otelconf.WithTracerProviderOptions(printers...))
	if err != nil {
		return badConfigFile("what it describes", err)
	}
	if cfg.Propagator != nil && p.id == (identity{}) { // the host's is made first, before anybody reads it
		t.prop = sdk.Propagator()
	}
	keep := func(of any) {
		if f, ok := of.(provider); ok {
			p.provided = append(p.provided, f)
		}
	}
	if cfg.MeterProvider != nil {
		var none *bound.Producer // the readers are made by the file, without producers
		p.meter = none.Of(sdk.MeterProvider(), instrumentation.Scope{Name: scopeName, Version: t.cfg.Version, SchemaURL: semconv.SchemaURL})
		p.m = newInstruments(p.meter, t.log)
		keep(sdk.MeterProvider())
	}
	if cfg.TracerProvider != nil {
		p.tracer = span.Via(sdk.TracerProvider().Tracer(scopeName, trace.WithInstrumentationVersion(t.cfg.Version), trace.WithSchemaURL(semconv.SchemaURL)))
		keep(sdk.TracerProvider())
	}
	if cfg.LoggerProvider != nil {
		p.logs = mend.NewLoggerProvider(sdk.LoggerProvider())
		p.logger = p.logs.Of(scopeName, log.WithInstrumentationVersion(t.cfg.Version), log.WithSchemaURL(semconv.SchemaURL))
		keep(sdk.LoggerProvider())
	}
	return nil
}
