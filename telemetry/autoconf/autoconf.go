package autoconf

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"

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

// Read makes a consumer for each signal that is on: OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER or OTEL_LOGS_EXPORTER names an
// exporter for it, or OTEL_EXPORTER_OTLP_ENDPOINT (or the signal's own) is set. Nothing is exported when nothing was asked for.
// Bad values are warned of and ignored. What cannot be ignored, as nothing would be sent, is the error, a [*SettingError] that
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
	for _, s := range []signal{traces, metrics, logs} {
		var c *export.Consumer
		var err error
		switch s {
		case traces:
			c, err = open(ctx, e, s, e.spans)
		case metrics:
			c, err = open(ctx, e, s, e.metrics)
		case logs:
			c, err = open(ctx, e, s, e.logs)
		}
		if err != nil {
			return Export{}, errors.Join(err, out.Shutdown(ctx))
		}
		if c != nil {
			out.Consumers = append(out.Consumers, *c)
		}
	}
	return out, nil
}

// maker makes the exporter of a signal by its name; nil for none.
type maker func(ctx context.Context, name string) (*export.Consumer, error)

// open makes the exporter of a signal; nil for none. A name that nobody knows is warned of and ignored.
func open(ctx context.Context, e environment, s signal, mk maker) (*export.Consumer, error) {
	name := e.exporter(s)
	if name == exporterNone {
		return nil, nil
	}
	exp, err := made(ctx, e, s, name, mk)
	if err == nil {
		return exp, nil
	}
	wellKnown := []string{"otlp", "console", "none"}
	if s == metrics {
		wellKnown = append(wellKnown, "prometheus")
	}
	if slices.Contains(wellKnown, name) {
		return nil, e.refined(s, name, err)
	}
	e.Bad("OTEL_"+strings.ToUpper(string(s))+"_EXPORTER", name, "there is no such exporter; want "+orList(wellKnown))
	if name = e.fallback(s); name == exporterNone {
		return nil, nil
	}
	if exp, err = made(ctx, e, s, name, mk); err != nil {
		return nil, e.refined(s, name, err)
	}
	return exp, nil
}

// made makes the exporter called name, if what the environment says of it can be used at all.
func made(ctx context.Context, e environment, s signal, name string, mk maker) (*export.Consumer, error) {
	if name == "otlp" {
		if _, _, err := e.endpoint(s); err != nil {
			return nil, err
		}
	}
	c, err := mk(ctx, name)
	if c != nil && name == "otlp" {
		c.Destination = e.destination(s)
	}
	return c, err
}
