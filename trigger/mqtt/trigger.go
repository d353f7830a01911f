package mqtt

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	broker "github.com/vitrine-wasm/vitrine/plugin/messaging/mqtt"
	"github.com/vitrine-wasm/vitrine/trigger/internal/feed"
	"github.com/vitrine-wasm/vitrine/trigger/internal/loop"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Config configures a Trigger. The zero value will do.
type Config struct {
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

// Type implements host.Trigger: it is "mqtt".
func (*Trigger) Type() string { return TypeName }

// Check is host.Checker's.
func (t *Trigger) Check(w *workload.Spec, inv host.Invoker) error {
	_, err := t.feeds(w, inv)
	return err
}

// Attach implements host.Trigger. It subscribes, or goes on trying to where a broker is down. Detaching takes no more messages, waits for
// handlers, and cuts them when its context ends.
func (t *Trigger) Attach(ctx context.Context, w *workload.Spec, inv host.Invoker) (func(context.Context) error, error) {
	feeds, err := t.feeds(w, inv)
	if err != nil {
		return nil, err
	}
	return feed.Attach(ctx, t.sources, w, feeds, opening(w))
}

// Replace implements host.Replacer: a topic that w has as before goes on by the same subscription.
func (t *Trigger) Replace(ctx context.Context, w *workload.Spec, inv host.Invoker) (func(context.Context) error, error) {
	feeds, err := t.feeds(w, inv)
	if err != nil {
		return nil, err
	}
	return feed.Replace(ctx, t.sources, w, feeds, opening(w))
}

func opening(w *workload.Spec) func(*topicFeed) (*feed.Feed, func(), error) {
	return func(f *topicFeed) (*feed.Feed, func(), error) {
		free, err := f.open(w)
		return f.Feed, free, err
	}
}

// topicFeed is one trigger of a workload.
type topicFeed struct {
	*feed.Feed
	config Subscription
	source string // the component that the trigger names
}

// open connects the feed to its broker, until free is called.
func (f *topicFeed) open(w *workload.Spec) (free func(), err error) {
	b, err := broker.Open(f.config.server())
	if err != nil {
		return nil, fmt.Errorf("trigger mqtt: %w", err)
	}
	filter := f.config.filter(w, f.source)
	f.Session = filter.Session
	f.Subscribe = func(ctx context.Context, pending int, _ time.Duration) (messaging.Source, error) {
		filter := filter
		filter.Session = f.Session
		if filter.Pending = pending; filter.Session != "" {
			filter.Pending = ahead * f.Concurrency // what waits, waits with the broker
		}
		return b.Listen(ctx, filter)
	}
	if f.config.DeadLetter != "" {
		f.Bury = func(ctx context.Context, m *messaging.Message) error { return b.Send(ctx, m.Subject, m) }
	}
	return func() { _ = b.Close() }, nil
}

func (t *Trigger) feeds(w *workload.Spec, inv host.Invoker) ([]*topicFeed, error) {
	return loop.Each(w, TypeName, func(spec *workload.TriggerSpec, config Subscription) (*topicFeed, error) {
		return t.feed(w, spec, config, inv)
	})
}

func (t *Trigger) feed(w *workload.Spec, spec *workload.TriggerSpec, config Subscription, inv host.Invoker) (*topicFeed, error) {
	if key, problem := config.check(); problem != "" {
		return nil, fmt.Errorf("%s: %s", key, problem)
	}
	linked, err := inv.Linked(spec.Target())
	if err != nil {
		return nil, err
	}
	if !handles(linked) {
		return nil, fmt.Errorf("component %s does not export the function %s, of the world spin:mqtt-trigger/spin-mqtt", linked.Name(), function)
	}
	f := &feed.Feed{
		Loop: loop.New("mqtt: "+config.Topic, w, spec.Component),
		Config: feed.Config{
			Trigger: TypeName, System: "mqtt", Destination: config.Topic, Group: config.Group, Durable: config.qos() > 0,
			Attempts: config.Attempts, Retry: config.Retry, DeadLetter: config.DeadLetter, Concurrency: config.Concurrency,
		},
		Log:     t.config.Logger.With("workload", string(w.ID()), "component", spec.Component, "topic", config.Topic),
		Invoker: inv,
		Target:  spec.Target(),
		Handle:  handle,
	}
	f.Fill()
	// How many messages wait with the broker is a matter of the concurrency, and a durable session is one component's.
	told := []any{config.Address, config.Topic, config.qos(), config.Group, f.Concurrency}
	if config.Durable != "" {
		told = append(told, config.Durable, spec.Component)
	}
	f.Identity = feed.Identity{Config: told, Component: spec.Component}
	return &topicFeed{f, config, spec.Component}, nil
}

// Run implements host.Trigger: messages are taken until ctx ends. Then it waits for handlers for Config.Grace, cuts the rest and returns nil.
func (t *Trigger) Run(ctx context.Context) error {
	t.sources.Run(ctx, t.config.Grace)
	return nil
}
