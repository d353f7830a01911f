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

// Config is what New needs beyond the environment. The zero value is usable.
type Config struct {
	// Getenv reads the environment; os.Getenv when nil. The SDK reads what concerns limits from the process's own environment,
	// whatever Getenv says.
	Getenv  func(string) string
	Version string // service.version of the host and version of the instrumentation scope
	Detail  Detail // for components whose specification names none; DetailBoundary when zero
	// TraceTree receives each finished trace as a tree of text; nil for none. It needs no exporter.
	TraceTree io.Writer
	// TraceTreeColor marks failures by ANSI colours, for terminals.
	TraceTreeColor bool
	// OTelLevel is the least severity of log records that are exported, of the host and of guests alike.
	OTelLevel slog.Level
	// Logger hears what telemetry itself has to say; slog.Default when nil. It must not lead back into [Telemetry.LogHandler].
	Logger *slog.Logger

	// Consumers take what is recorded, side by side: those that package autoconf reads from the environment, the embedder's
	// own, or both. New takes them over: they are ended by Shutdown, or by New when it fails.
	Consumers []export.Consumer
	// Providers makes providers of OpenTelemetry's API that take what is recorded beside the consumers; see [export.Use] for
	// those that an embedder has. Nil for none.
	Providers export.Source
	// Sampler of the spans that consumers get and the tree prints; nil for the one that OTEL_TRACES_SAMPLER names. A tracer
	// provider has a sampler of its own.
	Sampler sdktrace.Sampler
	// Resource is what the embedder says of the process, nil for nothing. It wins over what is found out, a component's
	// identity wins over it, and OTEL_RESOURCE_ATTRIBUTES over both.
	Resource *resource.Resource
}

// Telemetry is the host's Observer. Safe for concurrent use.
type Telemetry struct {
	cfg  Config
	log  *slog.Logger
	pipe *pipeline.Pipeline
	carrier
	process *resource.Resource
	source  export.Source // nil: consumers only

	mu     sync.RWMutex
	sets   map[identity]*providers    // that somebody has
	ending map[*providers]struct{}    // that nobody has any more, until they have sent what they measured
	shared []*sdkmetric.MeterProvider // of readers that all components must share
	host   *providers
	closed bool

	guests atomic.Bool // a guest has told of a span of its own, so that boundaries ask for their parents

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

// New sets telemetry up. Where it goes is what cfg says, and package autoconf reads from the environment; the rest of the
// standard environment is read here: OTEL_SDK_DISABLED, OTEL_TRACES_SAMPLER, OTEL_BSP_*, OTEL_BLRP_*, OTEL_PROPAGATORS,
// OTEL_RESOURCE_ATTRIBUTES and so on. Bad values are warned of and ignored. [Telemetry.Shutdown] releases what New started.
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
	if cfg.TraceTree != nil {
		printers = append(printers, tree.New(cfg.TraceTree, treeKeys(), cfg.TraceTreeColor))
	}
	pipe, err := pipeline.New(ctx, pipeline.Config{
		Env:       env.Env{Getenv: cfg.Getenv, Log: cfg.Logger},
		Consumers: cfg.Consumers, Printers: printers, Sampler: cfg.Sampler,
	})
	if err != nil {
		return nil, err
	}
	t := &Telemetry{
		cfg: cfg, log: cfg.Logger, pipe: pipe, carrier: carrier{pipe.Propagator},
		sets:   map[identity]*providers{},
		ending: map[*providers]struct{}{},
	}
	if err := soundEnvironment(); err != nil {
		return nil, errors.Join(err, t.Shutdown(ctx))
	}
	if !pipe.Disabled() {
		t.source = cfg.Providers
	}
	if t.on() {
		t.process = t.processResource(ctx)
	}
	t.host = t.acquire(identity{})
	if t.hostError != nil {
		return nil, errors.Join(t.hostError, t.Shutdown(ctx))
	}
	t.observeDrops()
	return t, nil
}

// on says whether any signal goes anywhere.
func (t *Telemetry) on() bool {
	return t.source != nil || t.pipe.Traces() || t.pipe.Metrics() || t.pipe.Logs()
}

// Component makes what observes one component of one start of a workload, as the service that namespace, workload, version
// and component name. All that have the same identity at a time are one service. After the last of them is released the
// service sends once more what it measured, in the background, and is forgotten; started again, it has a service.instance.id,
// and sums, of its own. Where metrics are read by others (prometheus), the next reading is the last one that has them, and a
// component that is started again before it goes on with its sums.
//
// When no signal goes anywhere it does nothing but carry the context of a request to those that it causes, and is nil where
// there is no propagator either.
func (t *Telemetry) Component(spec *workload.Spec, c *workload.Component) host.ComponentObserver {
	if !t.on() {
		if len(t.prop.Fields()) == 0 {
			return nil
		}
		return passer{t.carrier}
	}
	id := identity{spec.Namespace, spec.Name, spec.Version, c.Name}
	i := &interceptor{t: t, id: id, own: t.acquire(id), peers: map[string]*providers{}}
	for _, other := range spec.Components {
		if peer := id; other.Name != c.Name && i.peers[other.Name] == nil {
			peer.component = other.Name
			i.peers[other.Name] = t.acquire(peer)
		}
	}
	i.setDetail(c.Detail)
	return i
}

// Host is the interceptor for what belongs to no component: the start of a workload, its triggers; nil
// when no signal goes anywhere.
func (t *Telemetry) Host() cm.Interceptor {
	if !t.on() {
		return nil
	}
	i := &interceptor{t: t, own: t.host}
	i.setDetail("")
	return i
}

// Dropped lists what was lost so far, by signal and reason.
func (t *Telemetry) Dropped() []Drop {
	var out []Drop
	for _, d := range t.pipe.Drops() {
		out = append(out, Drop(d))
	}
	return out
}

// Flush sends what is queued and keeps going.
func (t *Telemetry) Flush(ctx context.Context) error {
	return errors.Join(t.each(ctx, func(ctx context.Context, p *providers) error { return p.flush(ctx) }), t.awaitEnding(ctx, ended), t.pipe.FlushPushes(ctx))
}

// Shutdown sends what is queued and ends everything; what happens afterwards is not recorded. When ctx ends before all
// is sent (after 10 seconds if it has no deadline) the rest is dropped and counted. Calls after the first do nothing.
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
	_ = t.awaitEnding(ctx, settled) // the spans of calls that were cut are still to be queued
	err := t.pipe.Shutdown(ctx, func(ctx context.Context) error {
		err := errors.Join(t.each(ctx, func(ctx context.Context, p *providers) error { return p.shutdown(ctx) }), t.awaitEnding(ctx, ended))
		for _, shared := range t.shared {
			err = errors.Join(err, shared.Shutdown(ctx))
		}
		return err
	})
	if ctx.Err() != nil { // one reason for all that did not end
		return fmt.Errorf("telemetry: not all was sent in time: %w", context.Cause(ctx))
	}
	return err
}

// each runs f for every provider set that somebody has at once, so that one slow export does not use up the time of all.
func (t *Telemetry) each(ctx context.Context, f func(context.Context, *providers) error) error {
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
