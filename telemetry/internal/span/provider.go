package span

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/mend"
)

// Source is what all spans of one tracer have in common. Sources are compared by pointer.
type Source struct {
	Resource *resource.Resource
	Scope    instrumentation.Scope

	ended *atomic.Bool // the provider's; nil: none
	guest bool
}

// Guest is the provider's identity, where a guest has recorded the spans: what it may have on the way is bounded apart. Nil for
// spans of the host's.
func (s *Source) Guest() any {
	if !s.guest {
		return nil
	}
	return s.ended
}

// NewSource makes the source of spans that another provider records. End says that hardly a span more comes from there.
func NewSource(res *resource.Resource, scope instrumentation.Scope) (s *Source, end func()) {
	s = &Source{res, scope, new(atomic.Bool), false}
	return s, func() { s.ended.Store(true) }
}

// Ended says that the provider was shut down: hardly a span more comes from here.
func (s *Source) Ended() bool { return s.ended != nil && s.ended.Load() }

// Sink takes spans that have ended. Both methods are safe for concurrent use.
type Sink interface {
	// Take takes one span as an encoded message Span, which is the caller's again when Take returns. It must not block.
	Take(from *Source, span []byte)
	// Flush sends what was taken before.
	Flush(ctx context.Context) error
}

// Config is what a Provider needs.
type Config struct {
	Resource *resource.Resource
	Sampler  sdktrace.Sampler
	Limits   sdktrace.SpanLimits
	Sink     Sink // of spans that are sampled; nil for none
	// Processors see each span that is recorded, as the SDK would show it to them.
	Processors []sdktrace.SpanProcessor
}

// usualSampler is the one that nearly everybody has. What it decides is known without asking it, which takes longer than all
// else that the beginning of a span does.
var usualSampler = sdktrace.ParentBased(sdktrace.AlwaysSample())

// Provider makes tracers of one service. Safe for concurrent use.
type Provider struct {
	embedded.TracerProvider

	resource   *resource.Resource
	sampler    sdktrace.Sampler
	usual      bool // the sampler is the SDK's default
	limits     sdktrace.SpanLimits
	bounds     bounds
	sink       Sink
	processors []sdktrace.SpanProcessor
	ended      atomic.Bool

	mu      sync.Mutex
	tracers map[instrumentation.Scope]*Tracer
}

var _ trace.TracerProvider = (*Provider)(nil)

// NewProvider makes a provider.
func NewProvider(c Config) *Provider {
	return &Provider{
		resource: c.Resource, sampler: c.Sampler, usual: reflect.DeepEqual(c.Sampler, usualSampler), limits: c.Limits, sink: c.Sink, processors: c.Processors,
		bounds:  bounds{c.Limits.AttributeValueLengthLimit, c.Limits.AttributeValueDepthLimit},
		tracers: map[instrumentation.Scope]*Tracer{},
	}
}

// Tracer is the tracer of a scope, as OpenTelemetry's API wants it.
func (p *Provider) Tracer(name string, opts ...trace.TracerOption) trace.Tracer {
	return p.Of(name, opts...)
}

// Of is the tracer of a scope.
func (p *Provider) Of(name string, opts ...trace.TracerOption) *Tracer {
	c := trace.NewTracerConfig(opts...)
	scope := mend.Scope(instrumentation.Scope{
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

// Shutdown ends recording. Sink and processors go on: they are shared.
func (p *Provider) Shutdown(context.Context) error {
	p.ended.Store(true)
	return nil
}
