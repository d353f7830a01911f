package span

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/sanitize"
)

// Source has the resource and the scope of all spans of one tracer. Sources are compared by pointer.
type Source struct {
	Resource *resource.Resource
	Scope    instrumentation.Scope

	ended *atomic.Bool // the provider's; nil: none
	guest bool
}

// Guest identifies the service whose guests recorded the spans, for bounds of their number in queues. It is nil for the host's
// spans.
func (s *Source) Guest() any {
	if !s.guest {
		return nil
	}
	return s.ended
}

// NewSource makes the source of spans that another provider records. end marks it as ended.
func NewSource(res *resource.Resource, scope instrumentation.Scope) (s *Source, end func()) {
	s = &Source{res, scope, new(atomic.Bool), false}
	return s, func() { s.ended.Store(true) }
}

// Ended says that the provider was shut down, so that at most a few spans still come.
func (s *Source) Ended() bool { return s.ended != nil && s.ended.Load() }

// Sink takes spans that have ended. Both methods are safe for concurrent use.
type Sink interface {
	// Take takes one span as an encoded message Span. It must not block, and must copy the span's bytes.
	Take(from *Source, span []byte)
	// Flush sends the spans that were taken before.
	Flush(ctx context.Context) error
}

// RootSampler is an optional interface of a sampler that never samples below a parent that is not sampled, always below one that is, and
// looks at nothing of a span without a parent. Its methods are safe for concurrent use.
type RootSampler interface {
	// SampleRoot decides on a span without a parent, as ShouldSample does, and saves what that costs with all that is told to it.
	// start is when the span has begun.
	SampleRoot(start time.Time) bool
	// KeepRoot decides again, at the end of one that was not sampled: then it is recorded without what happened in it.
	KeepRoot(took time.Duration, failed bool) bool
}

// Config of a Provider.
type Config struct {
	Resource *resource.Resource
	Sampler  sdktrace.Sampler // may be a RootSampler
	Limits   sdktrace.SpanLimits
	Sink     Sink // takes sampled spans; may be nil
	// Processors get each span that is recorded, as from the SDK.
	Processors []sdktrace.SpanProcessor
	// Begun has the spans that are recorded until they end; nil: nobody asks.
	Begun *Begun
}

// defaultSampler is the SDK's default. Its decision is computed without calling it, which would take most of the time of starting
// a span.
var defaultSampler = sdktrace.ParentBased(sdktrace.AlwaysSample())

// Provider makes tracers of one service. Safe for concurrent use.
type Provider struct {
	embedded.TracerProvider

	resource   *resource.Resource
	sampler    sdktrace.Sampler
	isDefault  bool        // the sampler is the SDK's default
	roots      RootSampler // the sampler, if it is one
	limits     sdktrace.SpanLimits
	bounds     bounds
	sink       Sink
	processors []sdktrace.SpanProcessor
	begun      *Begun
	ended      atomic.Bool

	mu      sync.Mutex
	tracers map[instrumentation.Scope]*Tracer
}

var _ trace.TracerProvider = (*Provider)(nil)

// NewProvider makes a provider.
func NewProvider(c Config) *Provider {
	roots, _ := c.Sampler.(RootSampler)
	return &Provider{
		roots:    roots,
		resource: c.Resource, sampler: c.Sampler, isDefault: reflect.DeepEqual(c.Sampler, defaultSampler), limits: c.Limits, sink: c.Sink, processors: c.Processors, begun: c.Begun,
		bounds:  bounds{c.Limits.AttributeValueLengthLimit, c.Limits.AttributeValueDepthLimit},
		tracers: map[instrumentation.Scope]*Tracer{},
	}
}

// Tracer is Of, for OpenTelemetry's API.
func (p *Provider) Tracer(name string, opts ...trace.TracerOption) trace.Tracer {
	return p.Of(name, opts...)
}

// Of returns the tracer of a scope; the same for the same scope.
func (p *Provider) Of(name string, opts ...trace.TracerOption) *Tracer {
	c := trace.NewTracerConfig(opts...)
	scope := sanitize.Scope(instrumentation.Scope{
		Name: name, Version: c.InstrumentationVersion(), SchemaURL: c.SchemaURL(), Attributes: c.InstrumentationAttributes(),
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.tracers[scope]
	if t == nil {
		t = &Tracer{p: p, source: &Source{p.resource, scope, &p.ended, false}}
		p.tracers[scope] = t
	}
	return t
}

// ForceFlush sends all spans that have ended.
func (p *Provider) ForceFlush(ctx context.Context) error {
	var errs []error
	for _, x := range p.processors {
		errs = append(errs, x.ForceFlush(ctx))
	}
	if p.sink != nil {
		errs = append(errs, p.sink.Flush(ctx))
	}
	return errors.Join(errs...)
}

// Shutdown ends recording. It does not end sink and processors, which are shared.
func (p *Provider) Shutdown(context.Context) error {
	p.ended.Store(true)
	return nil
}
