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

	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/redact"
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

// sourceOf makes the providers of each service as the file says, with the service's own resource. What the file says of the
// resource wins. Exporters are made for each service, since the file describes whole providers. It is nil where the file
// switches telemetry off.
func sourceOf(file *otelconf.OpenTelemetryConfiguration) export.Source {
	if disabled(file) {
		return nil
	}
	return func(ctx context.Context, s export.Service) (export.Providers, error) {
		cfg := *file
		cfg.Resource = withService(file.Resource, s.Resource)
		var processors []sdktrace.TracerProviderOption
		for _, sp := range s.SpanProcessors {
			processors = append(processors, sdktrace.WithSpanProcessor(sp))
		}
		sdk, err := otelconf.NewSDK(otelconf.WithContext(ctx), otelconf.WithOpenTelemetryConfiguration(cfg), otelconf.WithTracerProviderOptions(processors...))
		if err != nil {
			return export.Providers{}, badConfigFile("what it describes", err)
		}
		out := export.Providers{ParentBased: followsParent(file)}
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

// withService is the file's resource and what it does not say of a service.
func withService(file *otelconf.Resource, service *resource.Resource) *otelconf.Resource {
	var out otelconf.Resource
	if file != nil {
		out = *file
	}
	said := out.Attributes
	out.Attributes = nil
	for _, kv := range service.Attributes() {
		if !slices.ContainsFunc(said, func(a otelconf.AttributeNameValue) bool { return a.Name == string(kv.Key) }) {
			out.Attributes = append(out.Attributes, otelconf.AttributeNameValue{Name: string(kv.Key), Value: kv.Value.AsInterface()})
		}
	}
	out.Attributes = append(out.Attributes, said...)
	return &out
}
