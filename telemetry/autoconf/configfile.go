package autoconf

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"slices"

	"go.opentelemetry.io/contrib/otelconf"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/vitrine-wasm/vitrine/internal/redact"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
)

// configFileVar names the file of OpenTelemetry's declarative configuration, which replaces the other variables.
const configFileVar = "OTEL_CONFIG_FILE"

// readConfigFile reads the file that the environment names; nil if it names none. A file that cannot be read is an error.
//
// It unsets the variable in the process's environment, because otelconf would read the file again for each service and replace
// the service's resource by the file's.
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

// yamlQuoted finds what errors of YAML quote from the file, which may be a secret.
var yamlQuoted = regexp.MustCompile("`[^`]*`")

func badConfigFile(name string, err error) error {
	why := text.Cut(yamlQuoted.ReplaceAllString(redact.Text(err.Error()), "a value"), 1000)
	return &SettingError{Variable: configFileVar, Why: text.Printable(name) + ": " + why, Do: "correct the file", Err: err}
}

// parentBased says whether the file's sampler never samples below a parent that is not sampled.
func parentBased(cfg *otelconf.OpenTelemetryConfiguration) bool {
	return cfg.TracerProvider == nil || cfg.TracerProvider.Sampler == nil || cfg.TracerProvider.Sampler.ParentBased != nil
}

// disabled says whether the file disables telemetry.
func disabled(cfg *otelconf.OpenTelemetryConfiguration) bool {
	return cfg.Disabled != nil && *cfg.Disabled
}

// providersOf makes each service's providers and exporters as the file describes them. The resource is the service's, in which
// the file's attributes win. It is nil if the file disables telemetry.
func providersOf(file *otelconf.OpenTelemetryConfiguration) export.Source {
	if disabled(file) {
		return nil
	}
	return func(ctx context.Context, s export.Service) (export.Providers, error) {
		cfg := *file
		cfg.Resource = mergeService(file.Resource, s.Resource)
		var processors []sdktrace.TracerProviderOption
		for _, sp := range s.SpanProcessors {
			processors = append(processors, sdktrace.WithSpanProcessor(sp))
		}
		sdk, err := otelconf.NewSDK(otelconf.WithContext(ctx), otelconf.WithOpenTelemetryConfiguration(cfg), otelconf.WithTracerProviderOptions(processors...))
		if err != nil {
			return export.Providers{}, badConfigFile("what it describes", err)
		}
		out := export.Providers{ParentBased: parentBased(file)}
		if cfg.Propagator != nil {
			out.Propagator = sdk.Propagator()
		}
		if cfg.MeterProvider != nil {
			out.Meter = sdk.MeterProvider()
		}
		if cfg.TracerProvider != nil {
			out.Tracer = sdk.TracerProvider()
		}
		if cfg.LoggerProvider != nil {
			out.Logger = sdk.LoggerProvider()
		}
		return out, nil
	}
}

// mergeService is the file's resource with the service's attributes that the file does not set.
func mergeService(file *otelconf.Resource, service *resource.Resource) *otelconf.Resource {
	var out otelconf.Resource
	if file != nil {
		out = *file
	}
	given := out.Attributes
	out.Attributes = nil
	for _, kv := range service.Attributes() {
		if !slices.ContainsFunc(given, func(a otelconf.AttributeNameValue) bool { return a.Name == string(kv.Key) }) {
			out.Attributes = append(out.Attributes, otelconf.AttributeNameValue{Name: string(kv.Key), Value: kv.Value.AsInterface()})
		}
	}
	out.Attributes = append(out.Attributes, given...)
	return &out
}
