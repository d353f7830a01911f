package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/bound"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/mend"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/redact"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

const defaultQueue = 2048

// Config is what New needs.
type Config struct {
	Getenv func(string) string
	Logger *slog.Logger
	// Spans are processors beside the exporter's, such as a printer of trees. The pipeline shuts them down.
	Spans []sdktrace.SpanProcessor
	// FromFile says that a configuration file describes the exporters: the pipeline makes none.
	FromFile bool
	// Exporters that are used instead of those the environment names; for tests and embedders.
	SpanExporter   sdktrace.SpanExporter
	LogExporter    sdklog.Exporter
	MetricExporter sdkmetric.Exporter
	MetricReader   sdkmetric.Reader // comes before MetricExporter
}

// Pipeline is the shared way out. Safe for concurrent use.
type Pipeline struct {
	Propagator propagation.TextMapPropagator

	disabled bool
	spans    []sdktrace.SpanProcessor
	queue    *spanQueue
	sampler  sdktrace.Sampler
	follows  bool
	logs     *logPipe
	metrics  *sharedMetrics
	filter   exemplar.Filter  // of measurements that may become exemplars; nil for none
	reader   sdkmetric.Reader // instead of metrics: one reader for one provider
	producer *bound.Producer  // of reader, if it took one
	losses   map[signal]*losses
	stop     *stopper
	once     sync.Once
}

// New reads the environment and makes the exporters. It sets the process's OpenTelemetry logger and error handler, which
// the SDK has only once for all, to cfg.Logger at the level of OTEL_LOG_LEVEL. The error is that of an exporter that
// could not be made from valid settings.
func New(ctx context.Context, cfg Config) (*Pipeline, error) {
	env := environment{cfg.Getenv, cfg.Logger}
	p := &Pipeline{
		spans:  cfg.Spans,
		losses: map[signal]*losses{},
		stop:   newStopper(),
	}
	for _, s := range []signal{traces, metrics, logs} {
		p.losses[s] = &losses{signal: s, log: cfg.Logger}
		if env.exporter(s) == "otlp" && cfg.SpanExporter == nil && cfg.LogExporter == nil && cfg.MetricExporter == nil && cfg.MetricReader == nil {
			p.losses[s].to = env.destination(s)
		}
	}
	sayThrough(cfg.Logger, env.level())
	p.Propagator = env.propagator()
	if p.disabled = env.truth("OTEL_SDK_DISABLED"); p.disabled || cfg.FromFile {
		return p, nil
	}
	env.check()

	err := p.openTraces(ctx, env, cfg.SpanExporter)
	if err == nil {
		err = p.openMetrics(ctx, env, metricsOut{exp: cfg.MetricExporter, reader: cfg.MetricReader})
	}
	if err == nil {
		err = p.openLogs(ctx, env, cfg.LogExporter)
	}
	if err != nil {
		return nil, errors.Join(err, p.Shutdown(ctx))
	}
	return p, nil
}

// sayThrough sends the SDK's own messages to log. The SDK speaks logr with verbosity 1 for warnings, 4 for information
// and 8 for details.
func sayThrough(log *slog.Logger, level slog.Level) {
	otel.SetLogger(logr.New(&sdkSink{log: log, level: level}))
	var said repeats
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		ending := errors.Is(err, context.Canceled) // of a provider, while something is collected
		if err == nil || ending || level > slog.LevelError || known(err.Error()) {
			return
		}
		if msg := text.Cut(redact.Text(err.Error()), maxSaid); said.news(msg) {
			log.Error("opentelemetry: " + msg)
		}
	}))
}

func (p *Pipeline) openTraces(ctx context.Context, env environment, exp sdktrace.SpanExporter) error {
	var to sender
	if exp != nil {
		to = &exporterSender{exp}
	} else {
		var err error
		if to, err = open(ctx, env, traces, env.spanSender); err != nil {
			return err
		}
	}
	if to != nil || len(p.spans) > 0 {
		p.sampler, p.follows = env.sampler()
	}
	if to != nil {
		p.queue = newSpanQueue(to, env.spanLimits(), p.losses[traces], p.stop)
	}
	return nil
}

func (p *Pipeline) openLogs(ctx context.Context, env environment, exp sdklog.Exporter) error {
	if exp == nil {
		var err error
		exp, err = open(ctx, env, logs, env.logExporter)
		if err != nil {
			return err
		}
	}
	if exp != nil {
		p.logs = newLogPipe(exp, env.count("OTEL_BLRP_MAX_QUEUE_SIZE", defaultQueue), p.losses[logs], p.stop)
	}
	return nil
}

func (p *Pipeline) openMetrics(ctx context.Context, env environment, m metricsOut) error {
	if m.reader == nil && m.exp == nil {
		var err error
		m, err = open(ctx, env, metrics, env.metricsOut)
		if err != nil {
			return err
		}
	}
	p.filter = env.exemplarFilter()
	switch {
	case m.reader != nil:
		p.reader, p.producer = m.reader, m.producer
	case m.exp != nil:
		p.metrics = newSharedMetrics(m.exp, p.losses[metrics], p.stop)
	}
	return nil
}

// open makes the exporter of a signal, or the zero T for none. A name that nobody knows is warned of and ignored.
func open[T any](ctx context.Context, env environment, s signal, mk func(context.Context, string) (T, error)) (T, error) {
	var none T
	name := env.exporter(s)
	if name == exporterNone {
		return none, nil
	}
	exp, err := made(ctx, env, s, name, mk)
	if err == nil {
		return exp, nil
	}
	wellKnown := []string{"otlp", "console", "none"}
	if s == metrics {
		wellKnown = append(wellKnown, "prometheus")
	}
	if slices.Contains(wellKnown, name) {
		return none, env.refined(s, name, err)
	}
	env.bad("OTEL_"+strings.ToUpper(string(s))+"_EXPORTER", name, "there is no such exporter; want "+orList(wellKnown))
	if name = env.fallback(s); name == exporterNone {
		return none, nil
	}
	if exp, err = made(ctx, env, s, name, mk); err != nil {
		return none, env.refined(s, name, err)
	}
	return exp, nil
}

// made makes the exporter called name, if what the environment says of it can be used at all.
func made[T any](ctx context.Context, env environment, s signal, name string, mk func(context.Context, string) (T, error)) (T, error) {
	if name == "otlp" {
		if _, _, err := env.endpoint(s); err != nil {
			var none T
			return none, err
		}
	}
	return mk(ctx, name)
}

// Traces, Metrics and Logs say which signals are on.
func (p *Pipeline) Traces() bool { return p.queue != nil || len(p.spans) > 0 }

// Disabled says that OTEL_SDK_DISABLED has switched everything off.
func (p *Pipeline) Disabled() bool { return p.disabled }

// Metrics says whether metrics go anywhere.
func (p *Pipeline) Metrics() bool { return p.metrics != nil || p.reader != nil }

// Logs says whether log records go anywhere.
func (p *Pipeline) Logs() bool { return p.logs != nil }

// Spans makes the provider of spans for one more service.
func (p *Pipeline) Spans(res mend.Resource) *span.Provider {
	c := span.Config{Resource: res.SDK(), Sampler: p.sampler, Limits: sdktrace.NewSpanLimits(), Processors: p.spans}
	if p.queue != nil {
		c.Sink = p.queue
	}
	return span.NewProvider(c)
}

// FollowsParent says that the sampler never samples below a parent that is not sampled.
func (p *Pipeline) FollowsParent() bool { return p.follows }

// SpanProcessors are the processors beside the exporter's, for one more tracer provider of the SDK.
func (p *Pipeline) SpanProcessors() []sdktrace.SpanProcessor {
	out := make([]sdktrace.SpanProcessor, len(p.spans))
	for i, s := range p.spans {
		out[i] = sharedSpans{s}
	}
	return out
}

// sharedSpans is a processor as one of several providers sees it: the end of a provider does not end the processor.
type sharedSpans struct{ sdktrace.SpanProcessor }

func (sharedSpans) Shutdown(context.Context) error { return nil }

// LogProcessor is the processor for one more logger provider; nil when logs are off.
func (p *Pipeline) LogProcessor() sdklog.Processor {
	if p.logs == nil {
		return nil
	}
	return sharedLogs{p.logs}
}

// MetricReader is a reader for one more meter provider, and the producer whose measurements it reads too; nil when there is
// none to be had: metrics are off, or they go to [Pipeline.SingleReader].
func (p *Pipeline) MetricReader() (sdkmetric.Reader, *bound.Producer) {
	if p.metrics == nil {
		return nil, nil
	}
	producer := bound.NewProducer(bound.Settings{
		Temporality: p.metrics.Temporality, Aggregation: p.metrics.Aggregation, Exemplars: p.filter,
	})
	return sdkmetric.NewPeriodicReader(p.metrics, sdkmetric.WithProducer(producer)), producer
}

// SingleReader is the reader for the one meter provider that everybody has to share; nil when each may have its own. Its
// producer is nil if it takes none.
func (p *Pipeline) SingleReader() (sdkmetric.Reader, *bound.Producer) { return p.reader, p.producer }

// Drops lists what was lost so far, by signal and reason.
func (p *Pipeline) Drops() []Drop {
	var out []Drop
	for _, s := range []signal{traces, metrics, logs} {
		out = append(out, p.losses[s].list()...)
	}
	return out
}

// Shutdown sends what is queued and ends the exporters. When ctx ends first, what is left is counted as dropped. The
// providers must have been shut down before. Calls after the first do nothing.
func (p *Pipeline) Shutdown(ctx context.Context) (err error) {
	p.once.Do(func() {
		defer p.stop.stop()
		release := context.AfterFunc(ctx, p.stop.stop)
		defer release()
		var errs [3]error
		var wg sync.WaitGroup
		wg.Go(func() { errs[0] = p.closeSpans(ctx) })
		if p.logs != nil {
			wg.Go(func() { errs[1] = p.logs.close(ctx) })
		}
		if p.metrics != nil {
			wg.Go(func() { errs[2] = p.metrics.Exporter.Shutdown(ctx) })
		}
		wg.Wait()
		err = errors.Join(errs[:]...)
	})
	return err
}

func (p *Pipeline) closeSpans(ctx context.Context) error {
	var errs []error
	for _, s := range p.spans {
		errs = append(errs, s.Shutdown(ctx))
	}
	if p.queue != nil {
		errs = append(errs, p.queue.close(ctx))
	}
	return errors.Join(errs...)
}
