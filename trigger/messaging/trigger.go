package messaging

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/trigger/internal/feed"
	"github.com/vitrine-wasm/vitrine/trigger/internal/loop"
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
	sources *feed.Feeds
}

var (
	_ host.Trigger  = (*Trigger)(nil)
	_ host.Checker  = (*Trigger)(nil)
	_ host.Replacer = (*Trigger)(nil)
)

// New makes a trigger. It takes messages when Run is called.
func New(c Config) *Trigger {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Trigger{config: c, sources: feed.NewFeeds()}
}

// Type implements host.Trigger: it is "messaging".
func (*Trigger) Type() string { return TypeName }

// Check is host.Checker's.
func (t *Trigger) Check(w *workload.Spec, inv host.Invoker) error {
	_, err := t.subscribers(w, inv)
	return err
}

// Attach implements host.Trigger. It subscribes, or goes on trying to where a broker is down. Detaching takes no more messages, waits for
// handlers, and cuts them when its context ends.
func (t *Trigger) Attach(ctx context.Context, w *workload.Spec, inv host.Invoker) (func(context.Context) error, error) {
	subscribers, err := t.subscribers(w, inv)
	if err != nil {
		return nil, err
	}
	return feed.Attach(ctx, t.sources, w, subscribers, t.opening(ctx, w))
}

// Replace implements host.Replacer: a subject that w has as before, with the same broker, goes on by the same subscription.
func (t *Trigger) Replace(ctx context.Context, w *workload.Spec, inv host.Invoker) (func(context.Context) error, error) {
	subscribers, err := t.subscribers(w, inv)
	if err != nil {
		return nil, err
	}
	return feed.Replace(ctx, t.sources, w, subscribers, t.opening(ctx, w))
}

func (t *Trigger) opening(ctx context.Context, w *workload.Spec) func(*subscriber) (*feed.Feed, func(), error) {
	return func(s *subscriber) (*feed.Feed, func(), error) {
		return s.Feed, s.free, s.connect(ctx, t.config.Plugin, w)
	}
}

func (t *Trigger) subscribers(w *workload.Spec, inv host.Invoker) ([]*subscriber, error) {
	return loop.Each(w, TypeName, func(spec *workload.TriggerSpec, config Subscription) (*subscriber, error) {
		return t.subscriber(w, spec, config, inv)
	})
}

func (t *Trigger) subscriber(w *workload.Spec, spec *workload.TriggerSpec, config Subscription, inv host.Invoker) (*subscriber, error) {
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
	f := &feed.Feed{
		Loop: loop.New("messaging: "+config.Subject, w, spec.Component),
		Config: feed.Config{
			Trigger: TypeName, Destination: config.Subject, Group: config.Group, Durable: config.Durable != "",
			Attempts: config.Attempts, Retry: config.Retry, DeadLetter: config.DeadLetter, Concurrency: config.Concurrency,
		},
		Log:     t.config.Logger.With("workload", string(w.ID()), "component", spec.Component, "subject", config.Subject),
		Invoker: inv,
		Target:  spec.Target(),
	}
	f.Fill()
	return &subscriber{Feed: f, config: config, source: spec.Component, handle: handle}, nil
}

// handlerFor is how a component handles messages: by the first handler that it exports.
func handlerFor(linked *component.Linked) (messaging.HandleFunc, error) {
	handlers := messaging.Handlers()
	var wanted []wit.InterfaceID
	for _, h := range handlers {
		wanted = append(wanted, h.Export)
	}
	i, err := host.FirstExport(linked.Name(), linked, wanted...)
	if err != nil {
		return nil, err
	}
	return handlers[i].Handle, nil
}

// Run implements host.Trigger: messages are taken until ctx ends. Then it waits for handlers for Config.Grace, cuts the rest and returns nil.
func (t *Trigger) Run(ctx context.Context) error {
	t.sources.Run(ctx, t.config.Grace)
	return nil
}
