package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/telemetry/autoconf"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/workload"
)

// startProblem reports why a workload cannot start. An unknown cause counts as bad input.
func startProblem(w *workload.Spec, err error) error {
	p := *explain(err)
	if p.Code == ExitFailed {
		p = Problem{What: "workload " + string(w.ID()) + " cannot start", Whys: lines(err), Code: ExitUsage}
	}
	if p.Where == "" && len(w.Components) == 1 {
		p.Where = cmp.Or(w.Components[0].Source.File, w.Components[0].Source.Image)
	}
	return &p
}

// placed adds the position in the manifest at path to an error about a chain or a service.
func (p *process) placed(path string, err error) error {
	var service *host.ServiceError
	if errors.As(err, &service) {
		return p.ships.format().Mistake(path, app.ServiceKey(service.Service), service.Error())
	}
	var chain *host.ChainError
	if !errors.As(err, &chain) {
		return err
	}
	return p.ships.format().Mistake(path, app.ChainKey(chain.Trigger, chain.Type, chain.Link), chain.Problem)
}

// flushTime bounds the last export of telemetry, and the last lines of the console. closeTime bounds how long invocations may
// still run when the triggers, which have waited for them, have ended.
const (
	flushTime = 5 * time.Second
	closeTime = time.Second
)

// session holds what the commands that run or link components share: engine, telemetry, console, host.
type session struct {
	stderr  *bufferedStderr
	log     *slog.Logger
	level   *slog.LevelVar // of the console
	json    bool           // the console has JSON alone
	metrics http.Handler   // in Prometheus' format; nil unless asked for
	tel     *telemetry.Telemetry
	console *host.Console
	engine  *component.Engine
	host    *host.Local
}

// sessionOptions are what the commands' sessions differ in.
type sessionOptions struct {
	// triggers makes the triggers, after the log and before anything slow; nil: none.
	triggers func(*slog.Logger, rejectedFunc) ([]host.Trigger, error)
	// streams are guests' standard streams, byte for byte; without them their lines go to the console.
	streams hostwasi.Config
	// deadline is that of components that set none; negative means no deadline.
	deadline time.Duration
	// drain is how long running invocations and services may go on when the workload is stopped; 0: the host's default.
	drain time.Duration
	// metrics makes a handler of metrics in Prometheus' format.
	metrics bool
	// viewer gets the session's telemetry; nil: there is none.
	viewer *viewer
	// consumers take telemetry besides those that the environment names.
	consumers []export.Consumer
	// workload is what the session is for.
	workload *workload.Spec
	// noTelemetry makes no telemetry, for commands that run no guest code.
	noTelemetry bool
}

// open makes a session. A session that is not nil must be closed, also where there is an error.
func (p *process) open(ctx context.Context, s *settings, opts sessionOptions) (*session, error) {
	least, err := s.level("log-level", "info")
	if err != nil {
		return nil, err
	}
	otelLevel, err := s.level("otel-level", "debug")
	if err != nil {
		return nil, err
	}
	if otelLevel == slog.LevelDebug {
		otelLevel = slog.LevelDebug - 4 // guests' trace level, which has no word of its own; the console shows it, too
	}
	format, err := s.choice("log-format", "text", "text", "json")
	if err != nil {
		return nil, err
	}
	detail, err := s.choice("detail", "boundary", "invocation", "boundary", "all")
	if err != nil {
		return nil, err
	}
	traceText, from := s.text("trace", "false")
	trace, traceFilter := true, ""
	if on, err := strconv.ParseBool(traceText); err == nil {
		trace = on
	} else if traceFilter = traceText; telemetry.CheckTreeFilter(traceFilter) != nil {
		return nil, badValue(from, telemetry.CheckTreeFilter(traceFilter))
	}

	accessLog, err := s.accessLog(trace && traceFilter == "")
	if err != nil {
		return nil, err
	}

	level := new(slog.LevelVar)
	level.Set(least)
	out := &session{level: level, json: format == "json", stderr: newBufferedStderr(p.stderr, func(lines int) []byte { return host.DroppedLines(lines, format == "json") })}
	handler := consoleHandler(out.stderr, format, level)
	out.log = slog.New(handler)
	redirectDefaultLoggers(out.log)
	p.warnOfVariables(ctx, s.cmd, opts.workload, out.log)
	if opts.streams.Stdout == nil {
		out.console = host.NewConsole(out.stderr, format == "json", severity(least))
		out.console.Trace = telemetry.IDs
	}
	var requests *access // nil: no lines of requests
	var rejected rejectedFunc
	if accessLog {
		requests = newAccess(out.console, level, format)
		rejected = requests.rejected
	}
	var triggers []host.Trigger
	if opts.triggers != nil {
		if triggers, err = opts.triggers(out.log, rejected); err != nil {
			return out, err
		}
	}
	var observer host.Observer
	if !opts.noTelemetry {
		to, err := autoconf.Read(ctx, autoconf.Options{Getenv: p.getenv, Logger: out.log})
		if err != nil {
			return out, fmt.Errorf("telemetry: %w", err)
		}
		if len(to.Consumers) > 0 || to.Providers != nil || opts.viewer != nil {
			p.heap.raise(recordingHeapFloor)
		}
		if opts.metrics {
			var consumer export.Consumer
			if consumer, out.metrics, err = autoconf.Prometheus(autoconf.Options{Getenv: p.getenv, Logger: out.log}); err != nil {
				return out, fmt.Errorf("telemetry: %w", err)
			}
			to.Consumers = append(to.Consumers, consumer)
		}
		cfg := telemetry.Config{Getenv: p.getenv, Version: buildVersion(), ProcessMetrics: opts.triggers != nil, OTelLevel: otelLevel, Logger: out.log, Consumers: append(to.Consumers, opts.consumers...), Providers: to.Providers}
		cfg.Detail, _ = telemetry.ParseDetail(detail, telemetry.DetailBoundary)
		if requests != nil {
			cfg.Access = requests.log
		}
		if trace {
			cfg.TraceTree = out.stderr // package tree makes what it prints printable
			cfg.TraceTreeColor, cfg.TraceTreeFilter, cfg.TraceTreeWidth = p.colours(p.stderr), traceFilter, p.columns
			if format == "json" {
				cfg.TraceTree, cfg.TraceTreeColor, cfg.TraceTreeWidth = treeRecords{out.log}, false, nil
			}
		}
		if err := opts.viewer.consume(ctx, &cfg); err != nil {
			return out, errors.Join(err, to.Shutdown(ctx))
		}
		if out.tel, err = telemetry.New(ctx, cfg); err != nil {
			return out, fmt.Errorf("telemetry: %w", err)
		}
		observer = out.tel
		opts.viewer.watch(out.tel)
		out.log = slog.New(slog.NewMultiHandler(handler, out.tel.LogHandler()))
	}
	p.held.pass(out.log.Handler())
	var budget uint64
	if opts.triggers != nil {
		if budget, err = s.memoryBudget(); err != nil {
			return out, err
		}
		limitHeap(budget)
	}
	if out.engine, err = p.engine(ctx, s, out.log, budgeted(budget)...); err != nil {
		return out, err
	}
	if out.tel != nil {
		watchBudget(out.tel.Host(), out.engine)
	}
	var console host.LogSink // run has none: it reports its one invocation by its exit status
	if out.console != nil {
		console = out.console
	}
	out.host, err = host.New(host.Config{
		Artifact: p.artifact(s),
		Console:  console,
		Engine:   out.engine,
		Plugins:  p.plugins(opts.streams),
		Triggers: triggers,
		Observer: observer,
		Logger:   out.log,
		Deadline: opts.deadline,
		Drain:    opts.drain,
	})
	return out, err
}

// engine makes the engine with its disk cache. It never uses a cache that others could have changed: that is a warning. Another
// fault of the cache is a warning for the default folder and an error for one that was set explicitly.
func (p *process) engine(ctx context.Context, s *settings, log *slog.Logger, opts ...component.Option) (*component.Engine, error) {
	dir, from := s.text("cache-dir", "")
	if dir == "off" {
		return component.NewEngine(ctx, opts...)
	}
	explicit := dir != ""
	if !explicit {
		base, err := os.UserCacheDir()
		if err != nil {
			return withoutCache(ctx, log, err, opts...)
		}
		dir = filepath.Join(base, "vitrine")
	}
	engine, err := component.NewEngine(ctx, append(opts, component.WithCacheDir(dir), component.WithCacheWarning(func(err error) {
		log.WarnContext(ctx, "compiled code in the cache is not used: others could have changed it", "reason", err)
	}))...)
	var untrusted *component.UntrustedCacheError
	switch {
	case err == nil:
		return engine, nil
	case !explicit || errors.As(err, &untrusted):
		return withoutCache(ctx, log, err, opts...)
	}
	return nil, &Problem{What: "cannot use the cache folder " + dir, Where: from, Why: err.Error(),
		Do: "choose another with --cache-dir, or --cache-dir off", Code: ExitUsage}
}

func withoutCache(ctx context.Context, log *slog.Logger, reason error, opts ...component.Option) (*component.Engine, error) {
	log.WarnContext(ctx, "compiled code is not kept: choose a folder of your own with --cache-dir, or --cache-dir off", "reason", reason)
	return component.NewEngine(ctx, opts...)
}

// close stops the workload, exports the rest of telemetry and writes the rest of the console.
func (s *session) close(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	var errs []error
	if s.host != nil {
		hctx, cancel := context.WithTimeout(ctx, closeTime)
		errs = append(errs, s.host.Close(hctx))
		cancel()
	}
	s.stderr.release("")
	if s.tel != nil {
		tctx, cancel := context.WithTimeout(ctx, flushTime)
		if err := s.tel.Shutdown(tctx); err != nil {
			s.log.Warn("telemetry did not arrive", "error", err)
		}
		cancel()
	}
	if s.console != nil {
		cctx, cancel := context.WithTimeout(ctx, flushTime)
		_ = s.console.Close(cctx) // it writes to s.stderr, which never waits
		cancel()
	}
	if s.engine != nil {
		errs = append(errs, s.engine.Close(ctx))
	}
	gctx, cancel := context.WithTimeout(ctx, flushTime)
	defer cancel()
	s.stderr.close(gctx)
	return errors.Join(errs...)
}

func (s *settings) level(name, def string) (slog.Level, error) {
	word, err := s.choice(name, def, "debug", "info", "warn", "error")
	var l slog.Level
	if err == nil {
		err = l.UnmarshalText([]byte(word))
	}
	return l, err
}

// severity is the least severity of guests' log lines that a console of level l shows.
func severity(l slog.Level) host.Severity {
	switch l {
	case slog.LevelDebug:
		return host.SeverityTrace
	case slog.LevelInfo:
		return host.SeverityInfo
	case slog.LevelWarn:
		return host.SeverityWarn
	}
	return host.SeverityError
}
