package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/env"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/pipeline"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/tree"
	"github.com/vitrine-wasm/vitrine/workload"
)

// shutdownTime bounds Shutdown where its context has no deadline.
const shutdownTime = 10 * time.Second

// Config of New, besides the environment. The zero value is usable.
type Config struct {
	// Getenv reads the environment; os.Getenv when nil. The SDK always reads variables of limits from the process's own environment.
	Getenv  func(string) string
	Version string // service.version of the host and version of the instrumentation scope
	Detail  Detail // for components whose specification sets none; DetailBoundary when zero
	// TraceTree receives each finished trace as a tree of text; nil for none. It needs no exporter.
	TraceTree io.Writer
	// TraceTreeColor marks failures by ANSI colours, for terminals.
	TraceTreeColor bool
	// TraceTreeWidth is the width of the terminal behind TraceTree in columns, asked for before each tree: then a tree has bars on a
	// time axis and the lines that components wrote. Nil, or 0 from it: no terminal, and neither.
	TraceTreeWidth func() int
	// TraceTreeFilter says which traces are printed: parts with | between them, of which a trace has to meet one. "errors" is a trace with a
	// span that failed, "slow>100ms" one that took longer; what has a * or a / in it is a pattern of a span's name, URL or path: * is any
	// text, and a pattern without * is a part of them. "" is all traces.
	TraceTreeFilter string
	// Access is called at the end of each request by HTTP that reaches a component or that the host answers in its place, whatever is exported or
	// sampled; nil for none. ctx has the request's trace, if it has one (see IDs). It is called on the request's own goroutine, by several at once,
	// and must not block.
	Access func(ctx context.Context, a Access)
	// OTelLevel is the least severity of log records that are exported, of the host and of guests alike. slog.LevelDebug is all.
	OTelLevel slog.Level
	// Logger gets telemetry's own messages; slog.Default when nil. It must not use [Telemetry.LogHandler].
	Logger *slog.Logger

	// ProcessMetrics adds metrics of the process to those of the host: go.* of Go's runtime, and process.* of the operating system. Leave it
	// off in a program that measures itself.
	ProcessMetrics bool

	// Consumers take all signals side by side: those that package autoconf reads from the environment, the embedder's own, or
	// both. New takes ownership: Shutdown ends them, or New if it fails.
	Consumers []export.Consumer
	// Providers makes providers of OpenTelemetry's API that take signals besides the consumers; [export.Use] makes one of an
	// embedder's existing providers. Nil for none.
	Providers export.Source
	// Sampler samples the spans for consumers and TraceTree; nil: the one that OTEL_TRACES_SAMPLER names. A tracer provider has a
	// sampler of its own.
	Sampler sdktrace.Sampler
	// ParentBased says that Sampler never samples below a parent that is not sampled, which saves work for requests that are not.
	ParentBased bool
	// MeasureSampled says that of an event that is not sampled only the event itself is measured, its errors and what it sends to other
	// services, but not the calls of components in it, which would cost a small request a fifth more. It needs ParentBased.
	MeasureSampled bool
	// Resource has the embedder's attributes of the process; may be nil. It overrides detected attributes, a component's identity
	// overrides it, and OTEL_RESOURCE_ATTRIBUTES overrides both.
	Resource *resource.Resource
}

// Telemetry is the host's Observer. Safe for concurrent use.
type Telemetry struct {
	cfg   Config
	log   *slog.Logger
	pipe  *pipeline.Pipeline
	trees *tree.Printer // nil: none
	propagator
	process *resource.Resource
	source  export.Source // nil: consumers only

	mu     sync.RWMutex
	sets   map[identity]*providers    // in use
	ending map[*providers]struct{}    // released, until their last export
	shared []*sdkmetric.MeterProvider // of readers that all services share
	host   *providers
	closed bool

	observers map[*interceptor]struct{} // of components that run
	details   map[detailKey]Detail      // that were asked for; 0: what the specification says

	hasGuestSpans atomic.Bool // a guest has started a span, so that boundaries look for guest parents
	guestsTrace   atomic.Bool // a component is linked that can start spans, so that members is kept
	members       traceMembers

	hostError   error // why the host's providers could not be made
	badResource sync.Once
	reported    reported
}

var _ host.Observer = (*Telemetry)(nil)

// Drop is how many items of one signal were lost for one reason.
type Drop struct {
	Signal string // traces, metrics or logs
	Reason string // as the metric vitrine.telemetry.dropped names it: queue_full, export_failed …
	Count  int64
}

// New sets telemetry up with the destinations in cfg, which package autoconf can read from the environment. New reads the rest of
// the standard environment: OTEL_SDK_DISABLED, OTEL_TRACES_SAMPLER, OTEL_BSP_*, OTEL_BLRP_*, OTEL_PROPAGATORS,
// OTEL_RESOURCE_ATTRIBUTES and so on. It warns of bad values and ignores them. The caller must call [Telemetry.Shutdown].
func New(ctx context.Context, cfg Config) (*Telemetry, error) {
	if cfg.Getenv == nil {
		cfg.Getenv = os.Getenv
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Detail == 0 {
		cfg.Detail = DetailBoundary
	}
	var printers []sdktrace.SpanProcessor
	var trees *tree.Printer
	if cfg.TraceTree != nil {
		filter, err := tree.ParseFilter(cfg.TraceTreeFilter)
		if err != nil {
			return nil, fmt.Errorf("filter of traces: %w", err)
		}
		trees = tree.New(cfg.TraceTree, treeKeys(), tree.Look{Color: cfg.TraceTreeColor, Width: cfg.TraceTreeWidth}, filter)
		printers = append(printers, trees)
	}
	pipe, err := pipeline.New(ctx, pipeline.Config{
		Env:       env.Env{Getenv: cfg.Getenv, Log: cfg.Logger},
		Consumers: cfg.Consumers, Printers: printers, Sampler: cfg.Sampler, ParentBased: cfg.ParentBased,
	})
	if err != nil {
		return nil, err
	}
	t := &Telemetry{
		cfg: cfg, log: cfg.Logger, pipe: pipe, trees: trees, propagator: propagator{pipe.Propagator},
		sets:   map[identity]*providers{},
		ending: map[*providers]struct{}{},
	}
	if err := sanitizeEnvironment(); err != nil {
		return nil, errors.Join(err, t.Shutdown(ctx))
	}
	if !pipe.Disabled() {
		t.source = cfg.Providers
	}
	if t.enabled() {
		t.process = t.processResource(ctx)
	}
	t.host = t.acquire(identity{})
	if t.hostError != nil {
		return nil, errors.Join(t.hostError, t.Shutdown(ctx))
	}
	t.observeDrops()
	return t, nil
}

// CheckTreeFilter says what is wrong with a filter for [Config].TraceTreeFilter, or returns nil.
func CheckTreeFilter(filter string) error {
	_, err := tree.ParseFilter(filter)
	return err
}

// enabled says whether any signal is on.
func (t *Telemetry) enabled() bool {
	return t.source != nil || t.pipe.Traces() || t.pipe.Metrics() || t.pipe.Logs()
}

// Component makes the observer of one component of one start of a workload. Its service is identified by namespace, workload,
// version and component; observers with the same identity share one service. After the last of them is released, the service
// exports its last measurements in the background and ends; started again, it has a new service.instance.id and new sums. With a
// reader that collects by itself (prometheus), the next collection is the last one with these measurements, and a component that
// is started again before that continues its sums.
//
// If no signal is on, the observer only propagates the context of incoming requests to outgoing ones, and calls Config.Access; it is nil if there
// is neither a propagator nor the latter.
func (t *Telemetry) Component(spec *workload.Spec, c *workload.Component) host.ComponentObserver {
	id := identity{spec.Namespace, spec.Name, spec.Version, c.Name}
	if !t.enabled() {
		if len(t.api.Fields()) == 0 && t.cfg.Access == nil {
			return nil
		}
		return propagateOnly{t.propagator, t, id}
	}
	i := &interceptor{t: t, id: id, own: t.acquire(id), peers: map[string]*providers{}}
	for _, other := range spec.Components {
		if peer := id; other.Name != c.Name && i.peers[other.Name] == nil {
			peer.component = other.Name
			i.peers[other.Name] = t.acquire(peer)
		}
	}
	i.setDetail(c.Detail)
	t.observe(i)
	return i
}

// Host returns the interceptor for operations that belong to no component: the start of a workload, its triggers. It is nil if no
// signal is on.
func (t *Telemetry) Host() cm.Interceptor {
	if !t.enabled() {
		return nil
	}
	i := &interceptor{t: t, own: t.host}
	i.setDetail("")
	return i
}

// Dropped returns the losses so far, by signal and reason.
func (t *Telemetry) Dropped() []Drop {
	var out []Drop
	for _, d := range t.pipe.Drops() {
		out = append(out, Drop(d))
	}
	return out
}

// Flush exports all that is queued or measured.
func (t *Telemetry) Flush(ctx context.Context) error {
	return errors.Join(t.eachProviders(ctx, func(ctx context.Context, p *providers) error { return p.flush(ctx) }), t.awaitEnding(ctx, exportsDone))
}

// Shutdown exports all that is queued or measured, and ends telemetry; nothing is recorded afterwards. If ctx ends first (after 10
// seconds if it has no deadline), the rest is dropped and counted. Calls after the first do nothing.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	t.mu.Lock()
	done := t.closed
	t.closed = true
	t.mu.Unlock()
	if done {
		return nil
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, shutdownTime)
		defer cancel()
	}
	_ = t.awaitEnding(ctx, callsDone) // spans of calls that were cut must be queued first
	err := t.pipe.Shutdown(ctx, func(ctx context.Context) error {
		err := errors.Join(t.eachProviders(ctx, func(ctx context.Context, p *providers) error { return p.shutdown(ctx) }), t.awaitEnding(ctx, exportsDone))
		for _, shared := range t.shared {
			err = errors.Join(err, shared.Shutdown(ctx))
		}
		return err
	})
	if ctx.Err() != nil { // one error for all that did not end in time
		return fmt.Errorf("telemetry: not all was sent in time: %w", context.Cause(ctx))
	}
	return err
}

// eachProviders calls f concurrently for the providers of all services in use, so that a slow export does not use up the others'
// time.
func (t *Telemetry) eachProviders(ctx context.Context, f func(context.Context, *providers) error) error {
	t.mu.RLock()
	var all []*providers
	for _, p := range t.sets {
		all = append(all, p)
	}
	t.mu.RUnlock()
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, p := range all {
		wg.Go(func() { errs[i] = f(ctx, p) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
