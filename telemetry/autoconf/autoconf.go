package autoconf

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync"

	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/env"
)

// Options of Read. The zero value is usable.
type Options struct {
	// Getenv reads the environment; os.Getenv when nil. The SDK's exporters always read the process's own environment.
	Getenv func(string) string
	// Logger gets warnings about variables, and the SDK's own messages; slog.Default when nil. It must not export its records
	// by telemetry.
	Logger *slog.Logger
}

// Export holds the destinations of telemetry that the environment names, for package telemetry's Config.
type Export struct {
	Consumers []export.Consumer
	Providers export.Source // nil unless OTEL_CONFIG_FILE names a file that does not disable telemetry
}

// Shutdown ends the consumers, for a caller that does not pass them to package telemetry.
func (e Export) Shutdown(ctx context.Context) error {
	var errs []error
	for _, c := range e.Consumers {
		errs = append(errs, c.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// Read makes the consumers of each signal that is on: OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER or OTEL_LOGS_EXPORTER names
// exporters for it, separated by commas, or OTEL_EXPORTER_OTLP_ENDPOINT (or the signal's own) is set. Without these variables
// nothing is exported. It warns of bad values, which it ignores, and of variables whose names look like misspelled names of
// OpenTelemetry's. A value with which nothing could be sent is the error, a [*SettingError].
//
// It sets OpenTelemetry's logger and error handler, which are global to the process, to Options.Logger at the level of
// OTEL_LOG_LEVEL.
func Read(ctx context.Context, opts Options) (Export, error) {
	if opts.Getenv == nil {
		opts.Getenv = os.Getenv
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	e := environment{env.Env{Getenv: opts.Getenv, Log: opts.Logger}}
	setSDKLogging(opts.Logger, e.level())
	file, err := readConfigFile(opts.Getenv)
	switch {
	case err != nil || e.Quiet().Bool("OTEL_SDK_DISABLED"):
		return Export{}, err
	case file != nil:
		return Export{Providers: providersOf(file)}, nil
	}
	e.checkVariables()
	return e.consumers(ctx)
}

func (e environment) consumers(ctx context.Context) (Export, error) {
	var out Export
	makers := map[signal]exporterFunc{traces: e.spans, metrics: e.metrics, logs: e.logs}
	for _, s := range []signal{traces, metrics, logs} {
		consumers, err := openExporters(ctx, e, s, makers[s])
		out.Consumers = append(out.Consumers, consumers...)
		if err != nil {
			return Export{}, errors.Join(err, out.Shutdown(ctx))
		}
	}
	return out, nil
}

// exporterFunc makes a signal's exporter by its name; nil for the exporter "none".
type exporterFunc func(ctx context.Context, name string) (*export.Consumer, error)

// openExporters makes the exporters of a signal. It warns of unknown names and ignores them. With an error it returns the
// exporters made before.
func openExporters(ctx context.Context, e environment, s signal, mk exporterFunc) (out []export.Consumer, err error) {
	wellKnown := []string{"otlp", "console", "none"}
	if s == metrics {
		wellKnown = append(wellKnown, "prometheus")
	}
	names := e.exporters(s)
	ignored := 0
	for i := 0; i < len(names); i++ {
		c, err := makeExporter(ctx, e, s, names[i], mk)
		switch {
		case err == nil && c != nil:
			out = append(out, *c)
		case err == nil:
		case slices.Contains(wellKnown, names[i]):
			return out, e.settingError(s, names[i], err)
		default:
			e.WarnIgnored(exporterKey(s), names[i], "there is no such exporter; want "+orList(wellKnown)+", or several with commas between them")
			if ignored++; ignored == len(names) {
				names = append(names, e.defaultExporters(s)...)
			}
		}
	}
	return out, nil
}

// makeExporter makes the exporter called name, unless its settings are so bad that nothing could be sent.
func makeExporter(ctx context.Context, e environment, s signal, name string, mk exporterFunc) (*export.Consumer, error) {
	if name == "otlp" {
		if _, _, err := e.endpoint(s); err != nil {
			return nil, err
		}
	}
	c, err := makeWithName(ctx, s, name, mk)
	if c != nil && name == "otlp" {
		c.Destination = e.destination(s)
	}
	return c, err
}

// exporterVariableMu guards the variables that byName sets.
var exporterVariableMu sync.Mutex

// makeWithName calls mk with the signal's variable set to name: autoexport reads the name from the process's environment only,
// and would take a list for one name.
func makeWithName(ctx context.Context, s signal, name string, mk exporterFunc) (*export.Consumer, error) {
	exporterVariableMu.Lock()
	defer exporterVariableMu.Unlock()
	key := exporterKey(s)
	was, set := os.LookupEnv(key)
	if was == name {
		return mk(ctx, name)
	}
	if err := os.Setenv(key, name); err != nil {
		return nil, err
	}
	defer func() {
		if set {
			_ = os.Setenv(key, was)
		} else {
			_ = os.Unsetenv(key)
		}
	}()
	return mk(ctx, name)
}
