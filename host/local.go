package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/workload"
)

// DefaultDrain is how long running invocations may go on when a workload without deadlines stops.
const DefaultDrain = 10 * time.Second

// Config configures a Local. Only Engine must be set.
type Config struct {
	Engine   *component.Engine
	Plugins  []Plugin
	Triggers []Trigger
	Observer Observer     // nil observes nothing
	Logger   *slog.Logger // slog.Default when nil
	// Console prints, for people, guests' lines and a line for each failed invocation, which the observer sees at the boundary; nil for
	// none.
	Console LogSink
	// Artifact returns a component's bytes; ReadArtifact, which knows files only, when nil. It must refuse what s.Key asks to be signed and
	// is not.
	Artifact func(ctx context.Context, s workload.Source) (*Artifact, error)
	// Deadline is that of components that name none: the default of workload.Limits when zero, none when negative. With
	// none, fuel and an invocation's output have no bound either, unless a component names one: such a host is for commands.
	Deadline time.Duration
	// Drain is how long Stop waits before it ends running invocations; when zero, the longest deadline of the
	// workload, or DefaultDrain where it has none.
	Drain time.Duration
}

// Local is the host of this process. Safe for concurrent use. Close it after use.
type Local struct {
	cfg Config
	log *slog.Logger

	begin    sync.Once
	beginErr error
	started  []Stopper

	mu        sync.Mutex
	workloads map[workload.ID]*running
	ended     []*running // those of workloads that have ended, oldest first
	watchers  map[*watcher]struct{}
}

// maxEnded is how many workloads that have ended a Local remembers.
const maxEnded = 1000

var _ Host = (*Local)(nil)

// running is one workload and its status. All other fields belong to the goroutine that starts or stops it, and are cleared when it
// has ended.
type running struct {
	pools    map[string]*component.Pool // guarded by Local.mu; those of a workload that runs, by component
	status   workload.Status            // guarded by Local.mu
	changing chan struct{}              // guarded by Local.mu: closed when a Replace that is under way has ended; nil: none is
	before   *retirement                // of the start that this one has replaced; nil: it has replaced none. Set before the workload runs
	spec     *workload.Spec
	made     *making
	invoker  *invoker
	detach   []func(context.Context) error
	services []*service
}

// New makes a host. It starts nothing.
func New(c Config) (*Local, error) {
	if c.Engine == nil {
		return nil, errors.New("host: there is no engine")
	}
	if c.Artifact == nil {
		c.Artifact = ReadArtifact
	}
	if c.Deadline == 0 {
		c.Deadline = workload.DefaultLimits().Deadline
	}
	h := &Local{cfg: c, log: c.Logger, workloads: map[workload.ID]*running{}, watchers: map[*watcher]struct{}{}}
	if h.log == nil {
		h.log = slog.Default()
	}
	return h, nil
}

// Run runs the triggers until ctx ends or one of them fails, which ends the others.
func (h *Local) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, len(h.cfg.Triggers))
	for _, t := range h.cfg.Triggers {
		go func() {
			err := t.Run(ctx)
			if err != nil {
				cancel()
			}
			errs <- err
		}()
	}
	var all []error
	for range h.cfg.Triggers {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}

// Start starts a workload: when it returns without error, the workload answers. A workload of the same ID must not be
// running. ctx bounds the start, not the workload.
func (h *Local) Start(ctx context.Context, w *workload.Spec) (workload.ID, error) {
	id := w.ID()
	r := &running{}
	h.mu.Lock()
	if old := h.workloads[id]; old != nil && old.status.State != workload.Stopped && old.status.State != workload.Failed {
		h.mu.Unlock()
		return id, fmt.Errorf("workload %s is %s already", id, old.status.State)
	}
	h.workloads[id] = r
	h.setLocked(r, id, workload.Starting, "")
	h.mu.Unlock()

	h.begin.Do(func() { h.beginErr = h.startPlugins(ctx) })
	err := h.beginErr
	if err == nil {
		sctx, end := cm.Begin(ctx, h.own(), starting("workload start", w))
		err = h.start(sctx, w, r, nil)
		end(err)
	}
	if err != nil {
		if undone := h.undo(ctx, r); undone != nil {
			h.log.Warn("not everything that a failed start had made could be released", "workload", id, "error", undone)
		}
		h.end(r, id, workload.Failed, err.Error())
		return id, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	r.pools, r.status.Images = r.invoker.pools(), r.made.images
	h.setLocked(r, id, workload.Running, "")
	return id, nil
}

// own is the interceptor for operations that belong to no component; nil if the observer has none.
func (h *Local) own() cm.Interceptor {
	if o, ok := h.cfg.Observer.(interface{ Host() cm.Interceptor }); ok {
		return o.Host()
	}
	return nil
}

func (h *Local) startPlugins(ctx context.Context) error {
	for _, p := range h.cfg.Plugins {
		if s, ok := p.(Starter); ok {
			if err := s.Start(ctx); err != nil {
				return fmt.Errorf("plugin %s: %w", p.Name(), err)
			}
		}
		if s, ok := p.(Stopper); ok {
			h.started = append(h.started, s)
		}
	}
	return nil
}

// Stop detaches the triggers, waits for running invocations (for Config.Drain at most, and until ctx ends), then tells the services to end and
// waits for them for the rest of that time, ends what still runs, and releases the workload. One that has failed is only called stopped from then on;
// stopping one that has been stopped does nothing.
func (h *Local) Stop(ctx context.Context, id workload.ID) error {
	r, err := h.settled(ctx, id)
	if r == nil {
		return err
	}
	if r.status.State == workload.Failed {
		h.setLocked(r, id, workload.Stopped, "")
	}
	if r.status.State != workload.Running {
		h.mu.Unlock()
		return nil
	}
	h.setLocked(r, id, workload.Draining, "")
	h.mu.Unlock()

	dctx, cancel := context.WithTimeout(ctx, h.drain(r))
	defer cancel()
	err = h.undo(dctx, r)
	r.before.finish(dctx)
	reason := ""
	if err != nil {
		reason = err.Error()
	}
	h.end(r, id, workload.Stopped, reason)
	return err
}

// drain is how long r's running invocations may go on when it is stopped.
func (h *Local) drain(r *running) time.Duration {
	var longest time.Duration
	for _, e := range r.invoker.entries {
		longest = max(longest, e.deadline())
	}
	return cmp.Or(h.cfg.Drain, longest, DefaultDrain)
}

// undo detaches the triggers, drains until ctx ends, ends invocations that still run, and releases what was made.
func (h *Local) undo(ctx context.Context, r *running) error {
	var errs []error
	v := r.invoker
	if v != nil {
		v.stopPrewarm() // a trigger's drain also waits for invocations that make an instance ahead
	}
	for i := len(r.detach) - 1; i >= 0; i-- {
		if err := r.detach[i](ctx); err != nil && ctx.Err() == nil {
			errs = append(errs, err)
		}
	}
	errs = append(errs, stopServices(ctx, r.services)...)
	var stuck error
	if v != nil {
		stuck = v.close(ctx)
	}
	made := r.made
	if made == nil {
		return errors.Join(errs...)
	}
	made.release()
	if stuck == nil {
		return errors.Join(append(errs, made.unlink(ctx))...)
	}
	go func() { // code that still runs must not be unmapped
		v.wait()
		if err := made.unlink(ctx); err != nil {
			h.log.Warn("a component could not be released", "error", err)
		}
	}()
	return errors.Join(append(errs, stuck)...)
}

// Close stops every workload and then the plugins. ctx bounds it as it bounds Stop.
func (h *Local) Close(ctx context.Context) error {
	h.mu.Lock()
	var ids []workload.ID
	for id, r := range h.workloads {
		if r.status.State == workload.Running {
			ids = append(ids, id)
		}
	}
	h.mu.Unlock()
	errs := make([]error, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() { errs[i] = h.Stop(ctx, id) })
	}
	wg.Wait()
	for i := len(h.started) - 1; i >= 0; i-- {
		errs = append(errs, h.started[i].Stop(ctx))
	}
	return errors.Join(errs...)
}

// Status returns the status of a workload. Of those that have ended, stopped or failed, the last 1000 are known.
func (h *Local) Status(_ context.Context, id workload.ID) (workload.Status, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.workloads[id]; r != nil {
		return r.status, nil
	}
	return workload.Status{}, unknown(id)
}

func unknown(id workload.ID) error { return fmt.Errorf("there is no workload %s", id) }

// watcher holds the events that one Watch has not yet delivered.
type watcher struct {
	pending []workload.Event // guarded by Local.mu
	wake    chan struct{}
}

// end notes that a workload has ended, and keeps its status only.
func (h *Local) end(r *running, id workload.ID, s workload.State, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.clear()
	r.status.Backends = nil
	h.setLocked(r, id, s, reason)
	h.ended = append(h.ended, r)
	for len(h.ended) > maxEnded {
		old := h.ended[0]
		h.ended[0] = nil
		h.ended = h.ended[1:]
		if h.workloads[old.status.ID] == old { // not one that has been started since
			delete(h.workloads, old.status.ID)
		}
	}
}

func (h *Local) setLocked(r *running, id workload.ID, s workload.State, reason string) {
	now := time.Now()
	r.status = workload.Status{ID: id, State: s, Reason: reason, Since: now, Services: r.status.Services, Backends: r.status.Backends, Images: r.status.Images}
	h.tellLocked(r, now)
}

// tellLocked gives watchers the status.
func (h *Local) tellLocked(r *running, now time.Time) {
	if h.workloads[r.status.ID] != r { // its services change while it is replaced
		return
	}
	for w := range h.watchers {
		w.pending = append(w.pending, workload.Event{Status: r.status, Time: now})
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// Watch delivers the present state of every known workload, and then each change, in order and without gaps, until ctx ends,
// which ends it without an error.
func (h *Local) Watch(ctx context.Context) iter.Seq2[workload.Event, error] {
	return func(yield func(workload.Event, error) bool) {
		w := &watcher{wake: make(chan struct{}, 1)}
		h.mu.Lock()
		for _, r := range h.workloads {
			w.pending = append(w.pending, workload.Event{Status: r.status, Time: r.status.Since})
		}
		h.watchers[w] = struct{}{}
		h.mu.Unlock()
		defer func() {
			h.mu.Lock()
			delete(h.watchers, w)
			h.mu.Unlock()
		}()
		for {
			h.mu.Lock()
			events := w.pending
			w.pending = nil
			h.mu.Unlock()
			for _, e := range events {
				if !yield(e, nil) {
					return
				}
			}
			select {
			case <-w.wake:
			case <-ctx.Done():
				return
			}
		}
	}
}
