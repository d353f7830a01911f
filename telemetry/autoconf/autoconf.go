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

// Options are what Read needs. The zero value is usable.
type Options struct {
	// Getenv reads the environment; os.Getenv when nil. The SDK's exporters read the process's own, whatever Getenv says.
	Getenv func(string) string
	// Logger hears what is wrong with variables, and what the SDK has to say; slog.Default when nil. It must not lead back
	// into telemetry.
	Logger *slog.Logger
}

// Export is where the environment wants telemetry to go, as package telemetry's Config takes it.
type Export struct {
	Consumers []export.Consumer
	Providers export.Source // nil: OTEL_CONFIG_FILE names no file
}

// Shutdown ends what Read started, for who does not hand it on.
func (e Export) Shutdown(ctx context.Context) error {
	var errs []error
	for _, c := range e.Consumers {
		errs = append(errs, c.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// Read makes the consumers of each signal that is on: OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER or OTEL_LOGS_EXPORTER names
// exporters for it, with commas between several, or OTEL_EXPORTER_OTLP_ENDPOINT (or the signal's own) is set. Nothing is exported when nothing was asked for.
// Bad values are warned of and ignored, and so are variables of the process that are called nearly as one of OpenTelemetry's is. What cannot be ignored, as nothing would be sent, is the error, a [*SettingError] that
// names the variable.
//
// It sets the process's OpenTelemetry logger and error handler, which the SDK has only once for all, to Options.Logger at the
// level of OTEL_LOG_LEVEL.
func Read(ctx context.Context, opts Options) (Export, error) {
	if opts.Getenv == nil {
		opts.Getenv = os.Getenv
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	e := environment{env.Env{Getenv: opts.Getenv, Log: opts.Logger}}
	sayThrough(opts.Logger, e.level())
	file, err := readConfigFile(opts.Getenv)
	switch {
	case err != nil || e.Quiet().Truth("OTEL_SDK_DISABLED"):
		return Export{}, err
	case file != nil:
		return Export{Providers: sourceOf(file)}, nil
	}
	e.check()
	return e.consumers(ctx)
}

func (e environment) consumers(ctx context.Context) (Export, error) {
	var out Export
	makers := map[signal]maker{traces: e.spans, metrics: e.metrics, logs: e.logs}
	for _, s := range []signal{traces, metrics, logs} {
		consumers, err := open(ctx, e, s, makers[s])
		out.Consumers = append(out.Consumers, consumers...)
		if err != nil {
			return Export{}, errors.Join(err, out.Shutdown(ctx))
		}
	}
	return out, nil
}

// maker makes the exporter of a signal by its name; nil for none.
type maker func(ctx context.Context, name string) (*export.Consumer, error)

// open makes the exporters of a signal, also those before one that fails. A name that nobody knows is warned of and ignored.
func open(ctx context.Context, e environment, s signal, mk maker) (out []export.Consumer, err error) {
	wellKnown := []string{"otlp", "console", "none"}
	if s == metrics {
		wellKnown = append(wellKnown, "prometheus")
	}
	names := e.exporters(s)
	ignored := 0
	for i := 0; i < len(names); i++ {
		c, err := made(ctx, e, s, names[i], mk)
		switch {
		case err == nil && c != nil:
			out = append(out, *c)
		case err == nil:
		case slices.Contains(wellKnown, names[i]):
			return out, e.refined(s, names[i], err)
		default:
			e.Bad(exporterKey(s), names[i], "there is no such exporter; want "+orList(wellKnown)+", or several with commas between them")
			if ignored++; ignored == len(names) {
				names = append(names, e.fallback(s)...)
			}
		}
	}
	return out, nil
}

// made makes the exporter called name, if what the environment says of it can be used at all.
func made(ctx context.Context, e environment, s signal, name string, mk maker) (*export.Consumer, error) {
	if name == "otlp" {
		if _, _, err := e.endpoint(s); err != nil {
			return nil, err
		}
	}
	c, err := byName(ctx, s, name, mk)
	if c != nil && name == "otlp" {
		c.Destination = e.destination(s)
	}
	return c, err
}

// naming guards the variables that byName sets.
var naming sync.Mutex

// byName has mk make the exporter called name. autoexport takes the name from the process's environment alone, and takes a list for one name.
func byName(ctx context.Context, s signal, name string, mk maker) (*export.Consumer, error) {
	naming.Lock()
	defer naming.Unlock()
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
