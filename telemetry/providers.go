package telemetry

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/bound"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/mend"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/redact"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// identity names one service: a component of a workload, or with an empty component the host.
type identity struct{ namespace, workload, version, component string }

func (i identity) service() string {
	if i.component == "" {
		return hostService
	}
	return i.component
}

// providers are the way in of one service: its tracer, logger and instruments, each nil when its signal is off.
type providers struct {
	t      *Telemetry
	id     identity
	tracer *span.Tracer
	logger *mend.Logger
	logs   *mend.LoggerProvider // of logger
	meter  *bound.Meter
	m      *instruments

	provided []provider // to flush and to shut down, metrics first
}

// provider is what the SDK's providers of all signals have in common.
type provider interface {
	ForceFlush(ctx context.Context) error
	Shutdown(ctx context.Context) error
}

// providers finds or makes the set of a service.
func (t *Telemetry) providers(id identity) *providers {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.sets[id]; p != nil {
		return p
	}
	p := &providers{t: t, id: id}
	t.sets[id] = p
	if !t.on() || t.closed {
		return p
	}
	if t.file != nil {
		if err := t.fromFile(context.Background(), p); err != nil {
			if id == (identity{}) {
				t.badFile = err
				return p
			}
			t.log.Error("telemetry: cannot be set up", "service", id.service(), "error", redact.Text(err.Error()))
		}
		return p
	}
	res := t.resource(id)
	if t.pipe.Metrics() {
		p.meter = t.newMeter(p, id, res)
		p.m = newInstruments(p.meter, t.log)
	}
	if t.pipe.Traces() {
		tp := t.pipe.Spans(res)
		p.provided = append(p.provided, tp)
		p.tracer = tp.Of(scopeName, trace.WithInstrumentationVersion(t.cfg.Version), trace.WithSchemaURL(semconv.SchemaURL))
	}
	if sink := t.pipe.LogProcessor(); sink != nil {
		lp := sdklog.NewLoggerProvider(sdklog.WithResource(res.SDK()), sdklog.WithProcessor(sink))
		p.provided = append(p.provided, lp)
		p.logs = mend.NewLoggerProvider(lp)
		p.logger = p.logs.Of(scopeName, log.WithInstrumentationVersion(t.cfg.Version), log.WithSchemaURL(semconv.SchemaURL))
	}
	return p
}

// newMeter makes the meters of one service. Where there is one reader for all (prometheus), there is one meter provider, with
// the host's resource, and the service's name is an attribute of the scope.
func (t *Telemetry) newMeter(p *providers, id identity, res mend.Resource) *bound.Meter {
	scope := instrumentation.Scope{Name: scopeName, Version: t.cfg.Version, SchemaURL: semconv.SchemaURL}
	var mp *sdkmetric.MeterProvider
	r, producer := t.pipe.MetricReader()
	if r != nil {
		mp = sdkmetric.NewMeterProvider(sdkmetric.WithResource(res.SDK()), sdkmetric.WithReader(r))
		p.provided = append(p.provided, mp)
	} else {
		r, producer = t.pipe.SingleReader()
		if t.shared == nil {
			t.shared = sdkmetric.NewMeterProvider(sdkmetric.WithResource(t.resource(identity{}).SDK()), sdkmetric.WithReader(r))
		}
		mp = t.shared
		scope.Attributes = attribute.NewSet(semconv.ServiceName(id.service()))
	}
	return producer.Of(mp, scope)
}

// quiet says that nothing that is started below ctx can be sampled, so that a span need not be made to find out.
func (p *providers) quiet(ctx context.Context) bool {
	if p.tracer == nil {
		return true
	}
	if !p.t.parentBased {
		return false
	}
	sc := trace.SpanContextFromContext(ctx)
	return sc.IsValid() && !sc.IsSampled()
}

func (p *providers) flush(ctx context.Context) error {
	var errs []error
	for _, x := range p.provided {
		errs = append(errs, x.ForceFlush(ctx))
	}
	return errors.Join(errs...)
}

func (p *providers) shutdown(ctx context.Context) error {
	var errs []error
	for _, x := range p.provided {
		errs = append(errs, x.Shutdown(ctx))
	}
	return errors.Join(errs...)
}
