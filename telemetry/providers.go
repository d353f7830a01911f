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
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/redact"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/aggregate"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/bound"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/pipeline"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/sanitize"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/self"
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

// attributes are the identity's resource attributes; the host has only its name.
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

// providers are the tracer, logger and instruments of one service, each nil if its signal is off.
type providers struct {
	t      *Telemetry
	id     identity
	tracer *span.Tracer
	logger *sanitize.Logger
	logs   *sanitize.LoggerProvider // of logger
	meter  *bound.Meter
	m      *instruments

	owned []provider // flushed and shut down with the service

	// For guests' own records.
	res       sanitize.Resource
	spans     *span.Provider // nil: no consumer takes spans
	given     givenTracer
	lastScope atomic.Pointer[lastScope]
	scopeMu   sync.Mutex
	scopes    map[scopeKey]*guestScope
	member    uint32           // in traceMembers
	logSink   sdklog.Processor // of guestLogs; nil: a given provider takes log records
	guestLogs map[attribute.Distinct]*sanitize.LoggerProvider
	guestMetrics
	releases []func() // of guestMetrics

	irregularSaid sync.Map // reasons

	// parentBased says that the sampler never samples below a parent that is not sampled.
	parentBased bool

	refs         int           // guarded by Telemetry.mu
	pendingCalls atomic.Int64  // calls that may end after their invocation
	callsDone    chan struct{} // closed when the pending calls have ended, or the wait for them is over
	exportsDone  chan struct{} // closed after the last export
}

// part names a component in the attributes of a metric: nothing where it is what the service's resource names already, a path where it is
// composed into another one. The result is the caller's.
func (p *providers) part(component cm.Path) []attribute.KeyValue {
	if component == "" || string(component) == p.id.component {
		return nil
	}
	return []attribute.KeyValue{keyComponent.String(string(component))}
}

// givenTracer is a given tracer provider; the zero value is none.
type givenTracer struct {
	provider trace.TracerProvider
	extra    []attribute.KeyValue // of each scope; they identify the service where all share the provider
}

// keepsGuestSpans says that the given provider records guests' own spans, too: it keeps their identifiers.
func (p *providers) keepsGuestSpans() bool {
	return p.given.provider != nil && p.tracer.KeepsIdentifiers()
}

// takesGuestSpans says that anybody takes guests' own spans.
func (p *providers) takesGuestSpans() bool { return p.spans != nil || p.keepsGuestSpans() }

// provider is the interface that the SDK's providers of all signals share.
type provider interface {
	ForceFlush(ctx context.Context) error
	Shutdown(ctx context.Context) error
}

// acquire finds or makes the providers of a service. The caller releases them.
func (t *Telemetry) acquire(id identity) *providers {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.sets[id]
	if p == nil {
		p = t.newProviders(id)
		t.sets[id] = p
	}
	p.refs++
	return p
}

// Bounds of the end of a service: the wait for pending calls, its polling interval, and the last export.
const (
	pendingCallsTimeout = time.Second
	pendingCallsPoll    = 5 * time.Millisecond
	lastExportTimeout   = 10 * time.Second
)

// release releases providers. After the last release their last measurements are exported in the background, so that stopping a
// workload does not wait for a collector.
func (t *Telemetry) release(p *providers) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.refs--; p.refs > 0 || t.closed {
		return
	}
	delete(t.sets, p.id)
	t.ending[p] = struct{}{}
	go t.finish(p)
}

// finish exports the rest of a service's telemetry, and removes the service.
func (t *Telemetry) finish(p *providers) {
	for since := time.Now(); p.pendingCalls.Load() > 0 && time.Since(since) < pendingCallsTimeout; {
		time.Sleep(pendingCallsPoll) // an outgoing request that is cut with its invocation ends a moment after it
	}
	close(p.callsDone)
	if p.meter != nil {
		p.meter.Release()
	}
	for _, release := range p.releases {
		release()
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastExportTimeout)
	defer cancel()
	if err := p.shutdown(ctx); err != nil {
		t.log.Warn("telemetry: not all that a service measured last was sent", "service", p.id.service(), "error", redact.Text(err.Error()))
	}
	t.mu.Lock()
	delete(t.ending, p)
	t.mu.Unlock()
	close(p.exportsDone)
}

// awaitEnding waits until the channels of all released services are closed, or ctx ends.
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

func callsDone(p *providers) <-chan struct{}   { return p.callsDone }
func exportsDone(p *providers) <-chan struct{} { return p.exportsDone }

// newProviders makes the providers of a service. t.mu is held.
func (t *Telemetry) newProviders(id identity) *providers {
	p := &providers{t: t, id: id, callsDone: make(chan struct{}), exportsDone: make(chan struct{})}
	if !t.enabled() || t.closed {
		return p
	}
	res := t.resource(id)
	p.res, p.member = res, t.members.member(id)
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
	if given.Propagator != nil && id == (identity{}) { // the host's providers are made first, before any reader of the propagator
		t.api = given.Propagator
	}
	scope := instrumentation.Scope{Name: scopeName, Version: t.cfg.Version, SchemaURL: semconv.SchemaURL}
	if given.Shared {
		scope.Attributes = attribute.NewSet(sanitize.Labels(id.attributes())...)
	}
	if p.meter = t.newMeter(p, res, given, scope); p.meter != nil {
		p.m = newInstruments(p.meter, t.log)
	}
	switch {
	case given.Tracer != nil:
		p.own(given.Tracer, given.Shared)
		p.parentBased = given.ParentBased
		p.given = givenTracer{given.Tracer, scope.Attributes.ToSlice()}
		p.tracer = span.FromSDK(given.Tracer.Tracer(scope.Name, trace.WithInstrumentationVersion(scope.Version), trace.WithSchemaURL(scope.SchemaURL),
			trace.WithInstrumentationAttributes(scope.Attributes.ToSlice()...)))
	case t.pipe.Traces():
		tp := t.pipe.Spans(res)
		p.owned = append(p.owned, tp)
		p.parentBased = t.pipe.ParentBased()
		p.spans = tp
		p.tracer = tp.Of(scope.Name, trace.WithInstrumentationVersion(scope.Version), trace.WithSchemaURL(scope.SchemaURL))
	}
	if p.spans == nil && t.pipe.Traces() { // guests' spans have identifiers, and a given provider may make new ones
		p.spans = t.pipe.Spans(res)
		p.owned = append(p.owned, p.spans)
	}
	p.logs = t.newLogs(p, res, given)
	if p.logs != nil {
		p.logger = p.logs.Of(scope.Name, log.WithInstrumentationVersion(scope.Version), log.WithSchemaURL(scope.SchemaURL),
			log.WithInstrumentationAttributes(scope.Attributes.ToSlice()...))
	}
	return p
}

// own adds a given provider to those that are flushed and shut down with the service, if it has the methods. A shared one is only
// flushed, with the host.
func (p *providers) own(given any, shared bool) {
	x, ok := given.(provider)
	switch {
	case !ok:
	case !shared:
		p.owned = append(p.owned, x)
	case p.id == (identity{}):
		p.owned = append(p.owned, flushOnly{x})
	}
}

// flushOnly is a provider that its owner shuts down.
type flushOnly struct{ provider }

func (flushOnly) Shutdown(context.Context) error { return nil }

// newLogs makes the provider of loggers; nil if logs are off.
func (t *Telemetry) newLogs(p *providers, res sanitize.Resource, given export.Providers) *sanitize.LoggerProvider {
	var to []log.LoggerProvider
	if given.Logger != nil {
		p.own(given.Logger, given.Shared)
		to = append(to, given.Logger)
	}
	if sink := t.pipe.LogProcessor(); sink != nil {
		lp := sdklog.NewLoggerProvider(sdklog.WithResource(res.SDK()), sdklog.WithProcessor(sink))
		p.owned = append(p.owned, lp)
		to = append(to, lp)
		if given.Logger == nil {
			p.logSink = sink
		}
	}
	if len(to) == 0 {
		return nil
	}
	return sanitize.NewLoggerProvider(to...)
}

// newMeter makes the meter of one service, joined of one for each reader; nil if metrics are off. A reader that all services share
// (prometheus) has one meter provider with the host's resource, and attributes of the scope identify the service.
func (t *Telemetry) newMeter(p *providers, res sanitize.Resource, given export.Providers, scope instrumentation.Scope) *bound.Meter {
	var all []*bound.Meter
	if given.Meter != nil {
		p.own(given.Meter, given.Shared)
		var none *bound.Producer // its readers do not have our producers
		all = append(all, none.Of(given.Meter, scope))
		if p.id == (identity{}) {
			t.measureProcess(func() error { return self.Measure(given.Meter, scopeName, t.cfg.Version) })
		}
		p.api = &aggregate.API{Provider: given.Meter, Extra: scope.Attributes.ToSlice()}
	}
	scope.Attributes = attribute.Set{}
	for _, r := range t.pipe.MetricReaders() {
		mp := sdkmetric.NewMeterProvider(sdkmetric.WithResource(res.SDK()), sdkmetric.WithReader(r.Reader))
		p.owned = append(p.owned, mp)
		if p.id == (identity{}) {
			t.measureProcess(func() error { return self.Measure(mp, scopeName, t.cfg.Version) })
		}
		all = append(all, r.Producer.Of(mp, scope))
		p.addSums(r.Producer, attribute.Set{})
	}
	scope.Attributes = attribute.NewSet(p.id.attributes()...)
	for i, r := range t.pipe.SharedReaders() {
		if i == len(t.shared) {
			t.shared = append(t.shared, sdkmetric.NewMeterProvider(sdkmetric.WithResource(t.resource(identity{}).SDK()), sdkmetric.WithReader(r.Reader)))
			t.measureProcess(func() error { return self.Measure(t.shared[i], scopeName, t.cfg.Version) })
		}
		all = append(all, r.Producer.Of(t.shared[i], scope))
		p.addSums(r.Producer, scope.Attributes)
	}
	return bound.Join(all...)
}

// measureProcess measures the process, if the host's metrics are to have that.
func (t *Telemetry) measureProcess(measure func() error) {
	if !t.cfg.ProcessMetrics {
		return
	}
	if err := measure(); err != nil {
		t.log.Error("telemetry: the process cannot be measured", "error", err.Error())
	}
}

// addSums has a reader's producer collect what the service's components measure themselves, in scopes with these attributes
// besides their own.
func (p *providers) addSums(to *bound.Producer, identity attribute.Set) {
	if to == nil || p.id.component == "" {
		return
	}
	sums := &aggregate.Sums{}
	p.sums = append(p.sums, sums)
	p.releases = append(p.releases, to.AddSource(func() []metricdata.ScopeMetrics {
		out := sums.Collect()
		for i := range out {
			if s := &out[i].Scope; identity.Len() > 0 {
				s.Attributes = attribute.NewSet(append(s.Attributes.ToSlice(), identity.ToSlice()...)...)
			}
		}
		return out
	}))
}

// neverSampled says that a child of the span in ctx cannot be sampled, so that the span need not be made.
func (p *providers) neverSampled(ctx context.Context) bool {
	if p.tracer == nil {
		return true
	}
	if !p.parentBased {
		return false
	}
	sc := trace.SpanContextFromContext(ctx)
	return sc.IsValid() && !sc.IsSampled()
}

// flush flushes all providers concurrently, so that one with a blocked consumer does not use up the others' time.
func (p *providers) flush(ctx context.Context) error {
	return p.all(ctx, provider.ForceFlush)
}

func (p *providers) shutdown(ctx context.Context) error {
	return p.all(ctx, provider.Shutdown)
}

func (p *providers) all(ctx context.Context, f func(provider, context.Context) error) error {
	todo := make([]func(context.Context) error, len(p.owned))
	for i, x := range p.owned {
		todo[i] = func(ctx context.Context) error { return f(x, ctx) }
	}
	return pipeline.All(ctx, todo...)
}
