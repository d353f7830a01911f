package telemetry

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/bound"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/mend"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/pipeline"
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

// attributes are the identity as a resource tells it; of the host, only its name.
func (i identity) attributes() []attribute.KeyValue {
	attrs := []attribute.KeyValue{semconv.ServiceName(i.service())}
	if i.namespace != "" {
		attrs = append(attrs, semconv.ServiceNamespace(i.namespace), keyNamespace.String(i.namespace))
	}
	if i.version != "" {
		attrs = append(attrs, semconv.ServiceVersion(i.version))
	}
	if i.workload != "" {
		attrs = append(attrs, keyWorkload.String(i.workload))
	}
	if i.component != "" {
		attrs = append(attrs, keyComponent.String(i.component))
	}
	return attrs
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

	provided []provider // to flush and to shut down

	// Of what guests tell of themselves.
	res     mend.Resource
	spans   *span.Provider // nil: nobody takes their spans
	scopeMu sync.Mutex
	scopes  map[scopeKey]*guestScope

	// parentBased says that the sampler never samples below a parent that is not sampled.
	parentBased bool

	users   int           // guarded by Telemetry.mu
	held    atomic.Int64  // calls that may end behind the invocation that made them
	settled chan struct{} // closed when there are none any more, or they were waited for
	ended   chan struct{} // closed when the last export is over
}

// provider is what the SDK's providers of all signals have in common.
type provider interface {
	ForceFlush(ctx context.Context) error
	Shutdown(ctx context.Context) error
}

// acquire finds or makes the set of a service. Whoever has it releases it.
func (t *Telemetry) acquire(id identity) *providers {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.sets[id]
	if p == nil {
		p = t.newProviders(id)
		t.sets[id] = p
	}
	p.users++
	return p
}

// Bounds of the end of a service: how long calls that are still held are waited for, and how long the last export may take.
const (
	heldTime = time.Second
	heldStep = 5 * time.Millisecond
	lastTime = 10 * time.Second
)

// release gives a set back. When nobody has it any more, its last measurements are sent in the background: whoever stops a
// workload does not wait for a collector.
func (t *Telemetry) release(p *providers) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.users--; p.users > 0 || t.closed {
		return
	}
	delete(t.sets, p.id)
	t.ending[p] = struct{}{}
	go t.end(p)
}

// end sends what a set has left to send, and forgets the set.
func (t *Telemetry) end(p *providers) {
	for since := time.Now(); p.held.Load() > 0 && time.Since(since) < heldTime; {
		time.Sleep(heldStep) // an outgoing request that was cut ends a moment after the invocation that it was cut with
	}
	close(p.settled)
	if p.meter != nil {
		p.meter.Release()
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastTime)
	defer cancel()
	if err := p.shutdown(ctx); err != nil {
		t.log.Warn("telemetry: not all that a service measured last was sent", "service", p.id.service(), "error", redact.Text(err.Error()))
	}
	t.mu.Lock()
	delete(t.ending, p)
	t.mu.Unlock()
	close(p.ended)
}

// awaitEnding waits until all sets that nobody has any more have come as far as their channel says, or ctx ends.
func (t *Telemetry) awaitEnding(ctx context.Context, step func(*providers) <-chan struct{}) error {
	t.mu.RLock()
	ending := slices.Collect(maps.Keys(t.ending))
	t.mu.RUnlock()
	for _, p := range ending {
		select {
		case <-step(p):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func settled(p *providers) <-chan struct{} { return p.settled }
func ended(p *providers) <-chan struct{}   { return p.ended }

// newProviders makes the set of a service. t.mu is held.
func (t *Telemetry) newProviders(id identity) *providers {
	p := &providers{t: t, id: id, settled: make(chan struct{}), ended: make(chan struct{})}
	if !t.on() || t.closed {
		return p
	}
	res := t.resource(id)
	p.res = res
	var given export.Providers
	if t.source != nil {
		var err error
		if given, err = t.source(context.Background(), export.Service{Resource: res.SDK(), SpanProcessors: t.pipe.SpanProcessors()}); err != nil {
			if id == (identity{}) {
				t.hostError = err
				return p
			}
			t.log.Error("telemetry: cannot be set up", "service", id.service(), "error", redact.Text(err.Error()))
		}
	}
	if given.Propagator != nil && id == (identity{}) { // the host's is made first, before anybody reads it
		t.prop = given.Propagator
	}
	scope := instrumentation.Scope{Name: scopeName, Version: t.cfg.Version, SchemaURL: semconv.SchemaURL}
	if given.Shared {
		scope.Attributes = attribute.NewSet(mend.Labels(id.attributes())...)
	}
	if p.meter = t.newMeter(p, res, given, scope); p.meter != nil {
		p.m = newInstruments(p.meter, t.log)
	}
	switch {
	case given.Tracer != nil:
		p.keep(given.Tracer, given.Shared)
		p.parentBased = given.ParentBased
		p.tracer = span.FromSDK(given.Tracer.Tracer(scope.Name, trace.WithInstrumentationVersion(scope.Version), trace.WithSchemaURL(scope.SchemaURL),
			trace.WithInstrumentationAttributes(scope.Attributes.ToSlice()...)))
	case t.pipe.Traces():
		tp := t.pipe.Spans(res)
		p.provided = append(p.provided, tp)
		p.parentBased = t.pipe.FollowsParent()
		p.spans = tp
		p.tracer = tp.Of(scope.Name, trace.WithInstrumentationVersion(scope.Version), trace.WithSchemaURL(scope.SchemaURL))
	}
	if p.spans == nil && t.pipe.Traces() { // a provider that was given makes identifiers of its own: what has some already passes it by
		p.spans = t.pipe.Spans(res)
		p.provided = append(p.provided, p.spans)
	}
	p.logs = t.newLogs(p, res, given)
	if p.logs != nil {
		p.logger = p.logs.Of(scope.Name, log.WithInstrumentationVersion(scope.Version), log.WithSchemaURL(scope.SchemaURL),
			log.WithInstrumentationAttributes(scope.Attributes.ToSlice()...))
	}
	return p
}

// keep has a provider that was given flushed and shut down with the service, if it can be. One that is shared is flushed, once
// for all services.
func (p *providers) keep(given any, shared bool) {
	x, ok := given.(provider)
	switch {
	case !ok:
	case !shared:
		p.provided = append(p.provided, x)
	case p.id == (identity{}):
		p.provided = append(p.provided, flushOnly{x})
	}
}

// flushOnly is a provider that others shut down.
type flushOnly struct{ provider }

func (flushOnly) Shutdown(context.Context) error { return nil }

// newLogs makes the way in for log records; nil for none.
func (t *Telemetry) newLogs(p *providers, res mend.Resource, given export.Providers) *mend.LoggerProvider {
	var to []log.LoggerProvider
	if given.Logger != nil {
		p.keep(given.Logger, given.Shared)
		to = append(to, given.Logger)
	}
	if sink := t.pipe.LogProcessor(); sink != nil {
		lp := sdklog.NewLoggerProvider(sdklog.WithResource(res.SDK()), sdklog.WithProcessor(sink))
		p.provided = append(p.provided, lp)
		to = append(to, lp)
	}
	if len(to) == 0 {
		return nil
	}
	return mend.NewLoggerProvider(to...)
}

// newMeter makes the meters of one service, one for each reader; nil for none. Where there is one reader for all (prometheus),
// there is one meter provider, with the host's resource, and what identifies the service are attributes of the scope.
func (t *Telemetry) newMeter(p *providers, res mend.Resource, given export.Providers, scope instrumentation.Scope) *bound.Meter {
	var all []*bound.Meter
	if given.Meter != nil {
		p.keep(given.Meter, given.Shared)
		var none *bound.Producer // its readers were made by others, without our producers
		all = append(all, none.Of(given.Meter, scope))
	}
	scope.Attributes = attribute.Set{}
	for _, r := range t.pipe.MetricReaders() {
		mp := sdkmetric.NewMeterProvider(sdkmetric.WithResource(res.SDK()), sdkmetric.WithReader(r.Reader))
		p.provided = append(p.provided, mp)
		all = append(all, r.Producer.Of(mp, scope))
	}
	scope.Attributes = attribute.NewSet(p.id.attributes()...)
	for i, r := range t.pipe.SharedReaders() {
		if i == len(t.shared) {
			t.shared = append(t.shared, sdkmetric.NewMeterProvider(sdkmetric.WithResource(t.resource(identity{}).SDK()), sdkmetric.WithReader(r.Reader)))
		}
		all = append(all, r.Producer.Of(t.shared[i], scope))
	}
	return bound.Join(all...)
}

// quiet says that nothing that is started below ctx can be sampled, so that a span need not be made to find out.
func (p *providers) quiet(ctx context.Context) bool {
	if p.tracer == nil {
		return true
	}
	if !p.parentBased {
		return false
	}
	sc := trace.SpanContextFromContext(ctx)
	return sc.IsValid() && !sc.IsSampled()
}

// flush and shutdown do it for all at once, so that one behind which a consumer is blocked does not use up the time of others.
func (p *providers) flush(ctx context.Context) error {
	return p.all(ctx, provider.ForceFlush)
}

func (p *providers) shutdown(ctx context.Context) error {
	return p.all(ctx, provider.Shutdown)
}

func (p *providers) all(ctx context.Context, f func(provider, context.Context) error) error {
	todo := make([]func(context.Context) error, len(p.provided))
	for i, x := range p.provided {
		todo[i] = func(ctx context.Context) error { return f(x, ctx) }
	}
	return pipeline.All(ctx, todo...)
}
