package pipeline

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"

	"go.opentelemetry.io/otel/propagation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/bound"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/env"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/sanitize"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

type signal = env.Signal

const (
	traces  = env.Traces
	metrics = env.Metrics
	logs    = env.Logs
)

const defaultQueue = 2048

// Config of New.
type Config struct {
	Env       env.Env
	Consumers []export.Consumer // the pipeline ends them, also if New fails
	// Printers are processors of spans besides the consumers, such as a printer of trees. The pipeline shuts them down.
	Printers []sdktrace.SpanProcessor
	Sampler  sdktrace.Sampler // nil: that of the environment

	ParentBased bool // Sampler never samples below a parent that is not sampled
}

// Pipeline has the queues of all consumers. Safe for concurrent use.
type Pipeline struct {
	Propagator propagation.TextMapPropagator

	disabled    bool
	printers    []sdktrace.SpanProcessor
	queues      []*spanQueue
	sampler     sdktrace.Sampler
	parentBased bool
	logs        []*logPipe
	metrics     []*sharedMetrics
	begun       *span.Begun     // nil: no consumer asks for spans in flight
	readers     []MetricReader  // each for one provider of all
	filter      exemplar.Filter // of measurements that may become exemplars; nil for none
	losses      []*losses       // of each consumer's signals
	stop        *stopper
	once        sync.Once
}

// MetricReader is a reader for a meter provider, and the producer that it reads besides; nil if it has none.
type MetricReader struct {
	Reader   sdkmetric.Reader
	Producer *bound.Producer
}

// New makes a queue for each signal of each consumer. It fails if a consumer cannot be started.
func New(ctx context.Context, cfg Config) (*Pipeline, error) {
	p := &Pipeline{printers: cfg.Printers, stop: newStopper()}
	p.Propagator = propagatorOf(cfg.Env)
	if p.disabled = cfg.Env.Bool("OTEL_SDK_DISABLED"); p.disabled {
		var ends []func(context.Context) error
		for _, c := range cfg.Consumers {
			ends = append(ends, c.Shutdown)
		}
		return p, All(ctx, ends...)
	}
	if p.sampler, p.parentBased = cfg.Sampler, cfg.ParentBased; p.sampler == nil {
		p.sampler, p.parentBased = samplerOf(cfg.Env)
	}
	p.filter = cfg.Env.ExemplarFilter()
	spans, records := spanLimits(cfg.Env), cfg.Env.Count("OTEL_BLRP_MAX_QUEUE_SIZE", defaultQueue)
	for i, c := range cfg.Consumers {
		if err := p.open(ctx, c, spans, records, cfg.Env.Log); err != nil {
			errs := []error{err}
			for _, c := range cfg.Consumers[i+1:] {
				errs = append(errs, c.Shutdown(ctx))
			}
			return nil, errors.Join(append(errs, p.Shutdown(ctx, nil))...)
		}
	}
	return p, nil
}

// open makes the queues of a consumer.
func (p *Pipeline) open(ctx context.Context, c export.Consumer, spans limits, records int, log *slog.Logger) error {
	lossesOf := func(s signal) *losses {
		l := &losses{signal: s, log: log, destination: c.Destination}
		p.losses = append(p.losses, l)
		return l
	}
	var to sender
	switch {
	case c.SpanClient != nil:
		var err error
		if to, err = newOTLPSender(ctx, c.SpanClient); err != nil {
			c.Spans = nil
			return errors.Join(err, c.Shutdown(ctx))
		}
	case c.Spans != nil:
		to = &exporterSender{c.Spans}
	}
	if to != nil {
		spans.delay = cmp.Or(c.Delay, spans.delay)
		p.queues = append(p.queues, newSpanQueue(to, spans, lossesOf(traces), p.stop))
	}
	if c.InFlight != nil {
		if p.begun == nil {
			p.begun = new(span.Begun)
		}
		c.InFlight.Bind(p.begun.Spans)
	}
	if c.Logs != nil {
		p.logs = append(p.logs, newLogPipe(c.Logs, records, c.Delay, lossesOf(logs), p.stop))
	}
	if c.Metrics != nil {
		p.metrics = append(p.metrics, newSharedMetrics(c.Metrics, c.Interval, lossesOf(metrics), p.stop))
	}
	if c.MetricReader != nil {
		producer, _ := c.MetricProducer.(*bound.Producer)
		p.readers = append(p.readers, MetricReader{c.MetricReader, producer})
	}
	return nil
}

// Traces says whether any consumer or printer takes spans.
func (p *Pipeline) Traces() bool { return !p.disabled && len(p.queues)+len(p.printers) > 0 }

// Disabled says whether OTEL_SDK_DISABLED is set.
func (p *Pipeline) Disabled() bool { return p.disabled }

// Metrics says whether any consumer takes metrics.
func (p *Pipeline) Metrics() bool { return len(p.metrics)+len(p.readers) > 0 }

// Logs says whether any consumer takes log records.
func (p *Pipeline) Logs() bool { return len(p.logs) > 0 }

// Spans makes a service's provider of spans.
func (p *Pipeline) Spans(res sanitize.Resource) *span.Provider {
	return span.NewProvider(span.Config{
		Resource: res.SDK(), Sampler: p.sampler, Limits: sdktrace.NewSpanLimits(), Processors: p.printers, Sink: p.sink(), Begun: p.begun,
	})
}

// sink is the sink of all queues; nil if there is none.
func (p *Pipeline) sink() span.Sink {
	switch len(p.queues) {
	case 0:
		return nil
	case 1:
		return p.queues[0]
	}
	return allQueues(p.queues)
}

// ParentBased says that the sampler never samples below a parent that is not sampled.
func (p *Pipeline) ParentBased() bool { return p.parentBased }

// SpanProcessors returns processors that give an SDK provider's spans to the printers and consumers.
func (p *Pipeline) SpanProcessors() []sdktrace.SpanProcessor {
	var out []sdktrace.SpanProcessor
	for _, s := range p.printers {
		out = append(out, sharedSpans{s})
	}
	if to := p.sink(); to != nil {
		out = append(out, newEncoder(to))
	}
	return out
}

// sharedSpans is a processor that several providers share: a provider's shutdown does not end it.
type sharedSpans struct{ sdktrace.SpanProcessor }

func (sharedSpans) Shutdown(context.Context) error { return nil }

// LogProcessor is the processor of a logger provider; nil if logs are off.
func (p *Pipeline) LogProcessor() sdklog.Processor {
	if len(p.logs) == 0 {
		return nil
	}
	return allLogs{p.logs[0], p.logs}
}

// MetricReaders makes the readers of one service, each for a meter provider of its own.
func (p *Pipeline) MetricReaders() []MetricReader {
	var out []MetricReader
	for _, m := range p.metrics {
		producer := bound.NewProducer(bound.Settings{Temporality: m.Temporality, Aggregation: m.Aggregation, Exemplars: p.filter})
		out = append(out, MetricReader{m.reader(producer), producer})
	}
	return out
}

// SharedReaders are readers that all services share, each with one meter provider.
func (p *Pipeline) SharedReaders() []MetricReader { return p.readers }

// Drops returns the losses of all consumers so far, by signal and reason.
func (p *Pipeline) Drops() []Drop {
	var out []Drop
	for _, s := range []signal{traces, metrics, logs} {
		for _, r := range reasons {
			d := Drop{Signal: string(s), Reason: r}
			for _, l := range p.losses {
				if l.signal == s {
					d.Count += l.counter(r).Load()
				}
			}
			out = append(out, d)
		}
	}
	return out
}

// Shutdown sends the queues and ends printers and consumers, concurrently, so that one that is blocked does not use up the others'
// time. providers, which may be nil, ends the providers; exporters of metrics end after it. If ctx ends first, the rest is counted
// as dropped. Calls after the first do nothing.
func (p *Pipeline) Shutdown(ctx context.Context, providers func(context.Context) error) (err error) {
	p.once.Do(func() {
		defer p.stop.stop()
		release := context.AfterFunc(ctx, p.stop.stop)
		defer release()
		var ends []func(context.Context) error
		for _, s := range p.printers {
			ends = append(ends, s.Shutdown)
		}
		for _, q := range p.queues {
			ends = append(ends, q.close)
		}
		for _, l := range p.logs {
			ends = append(ends, l.close)
		}
		err = All(ctx, append(ends, func(ctx context.Context) error { return p.closeMetrics(ctx, providers) })...)
	})
	return err
}

func (p *Pipeline) closeMetrics(ctx context.Context, providers func(context.Context) error) error {
	var err error
	if providers != nil {
		err = providers(ctx)
	}
	var ends []func(context.Context) error
	for _, m := range p.metrics {
		ends = append(ends, m.Exporter.Shutdown)
	}
	return errors.Join(err, All(ctx, ends...))
}

// All calls all of f concurrently and waits for them.
func All(ctx context.Context, f ...func(context.Context) error) error {
	errs := make([]error, len(f))
	var wg sync.WaitGroup
	for i := range f {
		wg.Go(func() { errs[i] = f[i](ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
