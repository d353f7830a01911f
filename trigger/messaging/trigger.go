package messaging

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Config configures a Trigger. Plugin must be set.
type Config struct {
	// Plugin has the brokers; it is the one that the host has among its plugins.
	Plugin *messaging.Plugin
	// Logger is told of lost connections and lost messages; nil drops that.
	Logger *slog.Logger
	// Grace is how long handlers may go on after Run's context has ended; 0 is the longest deadline of the attached workloads.
	Grace time.Duration
}

// Trigger brings messages to the components of any number of workloads. Safe for concurrent use.
type Trigger struct {
	config  Config
	running chan struct{} // closed when Run is called: messages are taken
	once    sync.Once

	mu    sync.Mutex
	feeds map[*feed]struct{}
}

var (
	_ host.Trigger = (*Trigger)(nil)
	_ host.Checker = (*Trigger)(nil)
)

// New makes a trigger. It takes messages when Run is called.
func New(c Config) *Trigger {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Trigger{config: c, running: make(chan struct{}), feeds: map[*feed]struct{}{}}
}

// Type implements host.Trigger: it is "messaging".
func (*Trigger) Type() string { return TypeName }

// Check is host.Checker's.
func (t *Trigger) Check(w *workload.Spec, inv host.Invoker) error {
	_, err := t.newFeeds(w, inv)
	return err
}

// Attach implements host.Trigger. It subscribes, or goes on trying to where a broker is down. Detaching takes no more messages, waits for
// handlers, and cuts them when its context ends.
func (t *Trigger) Attach(ctx context.Context, w *workload.Spec, inv host.Invoker) (func(context.Context) error, error) {
	feeds, err := t.newFeeds(w, inv)
	if err != nil {
		return nil, err
	}
	for i, f := range feeds {
		if err := f.connect(ctx, t.config.Plugin, w); err != nil {
			return nil, errors.Join(err, t.drain(ctx, feeds[:i]))
		}
		go f.loop(t.running)
	}
	t.mu.Lock()
	for _, f := range feeds {
		t.feeds[f] = struct{}{}
	}
	t.mu.Unlock()
	return func(ctx context.Context) error { return t.drain(ctx, feeds) }, nil
}

func (t *Trigger) newFeeds(w *workload.Spec, inv host.Invoker) ([]*feed, error) {
	var feeds []*feed
	for _, trigger := range w.Triggers {
		if trigger.Type != TypeName {
			continue
		}
		f, err := t.newFeed(w, &trigger, inv)
		if err != nil {
			return nil, fmt.Errorf("trigger messaging: component %s: %w", trigger.Component, err)
		}
		feeds = append(feeds, f)
	}
	return feeds, nil
}

func (t *Trigger) newFeed(w *workload.Spec, spec *workload.TriggerSpec, inv host.Invoker) (*feed, error) {
	config, ok := spec.Config.(Subscription)
	if !ok {
		return nil, fmt.Errorf("the config is a %T; want a messaging.Subscription", spec.Config)
	}
	if key, err := config.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	if err := t.config.Plugin.Granted(w, spec.Component, config.Subject); err != nil {
		return nil, fmt.Errorf("subject: %w", err)
	}
	if config.DeadLetter != "" {
		if err := t.config.Plugin.Granted(w, spec.Component, config.DeadLetter); err != nil {
			return nil, fmt.Errorf("deadLetter: %w", err)
		}
	}
	linked, err := inv.Linked(spec.Target())
	if err != nil {
		return nil, err
	}
	handle, err := handlerFor(linked)
	if err != nil {
		return nil, err
	}
	f := &feed{
		log:      t.config.Logger.With("workload", string(w.ID()), "component", spec.Component, "subject", config.Subject),
		config:   config.filled(),
		deadline: workload.DefaultLimits().Deadline,
		invoker:  inv,
		target:   spec.Target(),
		source:   spec.Component,
		handle:   handle,
		done:     make(chan struct{}),
	}
	if c := w.Component(spec.Component); c != nil {
		f.deadline = c.Limits.Filled().Deadline
	}
	f.ctx, f.cut = context.WithCancelCause(context.Background())
	f.taking, f.stop = context.WithCancel(context.Background())
	return f, nil
}

// handlerFor is how a component handles messages: by the first handler that it exports.
func handlerFor(linked *component.Linked) (messaging.HandleFunc, error) {
	var wanted []wit.InterfaceID
	for _, h := range messaging.Handlers() {
		if _, ok := linked.FindExport(h.Export); ok {
			return h.Handle, nil
		}
		wanted = append(wanted, h.Export)
	}
	return nil, &host.NoExportError{Component: linked.Name(), Wanted: wanted, Exports: linked.Exports()}
}

// drain stops feeds and waits until their handlers have ended.
func (t *Trigger) drain(ctx context.Context, feeds []*feed) error {
	errs := make([]error, len(feeds))
	var all sync.WaitGroup
	for i, f := range feeds {
		all.Go(func() { errs[i] = f.drain(ctx) })
	}
	all.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range feeds {
		delete(t.feeds, f)
	}
	return errors.Join(errs...)
}

// Run implements host.Trigger: messages are taken until ctx ends. Then it waits for handlers for Config.Grace, cuts the rest and returns nil.
func (t *Trigger) Run(ctx context.Context) error {
	t.once.Do(func() { close(t.running) })
	<-ctx.Done()
	t.mu.Lock()
	feeds := slices.Collect(maps.Keys(t.feeds))
	t.mu.Unlock()
	var longest time.Duration
	for _, f := range feeds {
		longest = max(longest, f.deadline)
	}
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), cmp.Or(t.config.Grace, longest))
	defer cancel()
	_ = t.drain(draining, feeds) // that some were cut is no error of Run
	return nil
}
