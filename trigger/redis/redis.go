// Package redis brings the messages of a channel of a Redis or Valkey server to a component, one call each, by Spin's interfaces: inbound-redis of
// spin:redis 3.0.0, or of fermyon:spin, which has no version.
//
// Pub/sub of Redis has no acknowledgement, no groups and no fields: a message comes once, to each who subscribes at the time, and the trace
// of who has published it does not go on. One that its handler did not handle (an error, a trap, a deadline) is given up and does not come
// again. Up to Subscription.Concurrency messages are under way at once; a bounded number waits in the process, and those beyond it are lost,
// which the log says.
//
// A server that is down keeps no workload from starting: the trigger subscribes when it is up, and again when a connection was lost.
package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	broker "github.com/vitrine-wasm/vitrine/plugin/messaging/redis"
	"github.com/vitrine-wasm/vitrine/plugin/redis/bindings/inbound"
	"github.com/vitrine-wasm/vitrine/plugin/redis/bindings/spin3"
	"github.com/vitrine-wasm/vitrine/trigger/internal/feed"
	"github.com/vitrine-wasm/vitrine/trigger/internal/loop"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// TypeName is the type of the trigger: workload.TriggerSpec.Type, and the key in a manifest.
const TypeName = "redis"

// Subscription is the config of the trigger in a workload.
type Subscription struct {
	Address     string          `yaml:"address" required:"true" minLength:"1" reaches:"true" doc:"The server: redis://HOST:PORT, rediss://… with TLS, unix:///PATH. It has no password."`
	Channel     string          `yaml:"channel" required:"true" minLength:"1" doc:"The channel; its name has no wildcards."`
	Username    string          `yaml:"username" doc:"The user; default that of the address, or the server's default."`
	Password    workload.Secret `yaml:"password" doc:"Where the password is."`
	Concurrency int             `yaml:"concurrency" min:"1" max:"10000" doc:"How many messages are handled at once; 16 by default."`
}

// Type describes the trigger to readers and writers of workloads.
func Type() workload.TriggerType {
	return workload.TriggerType{
		Name: TypeName, Doc: "Messages of a channel of Redis, each of them a call.",
		Config: Subscription{}, ComponentDoc: "The component that handles them, by its inbound-redis.",
		Summary: func(config any) string { return config.(Subscription).Channel },
		Check: func(ts []workload.TriggerSpec) (found []workload.TriggerMistake) {
			for i := range ts {
				s, _ := ts[i].Config.(Subscription)
				if key, problem := s.check(); problem != "" {
					found = append(found, workload.TriggerMistake{Trigger: i, Key: key, Problem: problem})
				}
			}
			return found
		},
	}
}

// check finds the first mistake, and the key that has it.
func (s *Subscription) check() (key, problem string) {
	if s.Channel == "" {
		return "channel", "want the name of a channel"
	}
	if _, problem := broker.Type().Check(s.server()); problem != "" {
		return "address", problem
	}
	return "", ""
}

func (s *Subscription) server() broker.Config {
	return broker.Config{URL: s.Address, Username: s.Username, Password: s.Password}
}

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

// Type implements host.Trigger: it is "redis".
func (*Trigger) Type() string { return TypeName }

// Check is host.Checker's.
func (t *Trigger) Check(w *workload.Spec, inv host.Invoker) error {
	_, err := t.feeds(w, inv)
	return err
}

// Attach implements host.Trigger. It subscribes, or goes on trying to where a server is down. Detaching takes no more messages, waits for
// handlers, and cuts them when its context ends.
func (t *Trigger) Attach(ctx context.Context, w *workload.Spec, inv host.Invoker) (func(context.Context) error, error) {
	feeds, err := t.feeds(w, inv)
	if err != nil {
		return nil, err
	}
	return feed.Attach(ctx, t.sources, w, feeds, (*channelFeed).open)
}

// Replace implements host.Replacer: a channel that w has as before goes on by the same subscription.
func (t *Trigger) Replace(ctx context.Context, w *workload.Spec, inv host.Invoker) (func(context.Context) error, error) {
	feeds, err := t.feeds(w, inv)
	if err != nil {
		return nil, err
	}
	return feed.Replace(ctx, t.sources, w, feeds, (*channelFeed).open)
}

// channelFeed is one trigger of a workload.
type channelFeed struct {
	*feed.Feed
	config Subscription
}

// open connects the feed to its server, until free is called.
func (f *channelFeed) open() (_ *feed.Feed, free func(), err error) {
	b, err := broker.Open(f.config.server())
	if err != nil {
		return nil, nil, fmt.Errorf("trigger redis: %w", err)
	}
	f.Subscribe = func(ctx context.Context, pending int, _ time.Duration) (messaging.Source, error) {
		return b.Channel(ctx, f.config.Channel, pending)
	}
	return f.Feed, func() { _ = b.Close() }, nil
}

func (t *Trigger) feeds(w *workload.Spec, inv host.Invoker) ([]*channelFeed, error) {
	return loop.Each(w, TypeName, func(spec *workload.TriggerSpec, config Subscription) (*channelFeed, error) {
		return t.feed(w, spec, config, inv)
	})
}

func (t *Trigger) feed(w *workload.Spec, spec *workload.TriggerSpec, config Subscription, inv host.Invoker) (*channelFeed, error) {
	if key, problem := config.check(); problem != "" {
		return nil, fmt.Errorf("%s: %s", key, problem)
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
		Loop:    loop.New("redis: "+config.Channel, w, spec.Component),
		Config:  feed.Config{Trigger: TypeName, System: "redis", Destination: config.Channel, Concurrency: config.Concurrency},
		Log:     t.config.Logger.With("workload", string(w.ID()), "component", spec.Component, "channel", config.Channel),
		Invoker: inv,
		Target:  spec.Target(),
		Handle:  handle,
	}
	f.Fill()
	f.Identity = feed.Identity{Config: []any{config.Address, config.Channel}, Component: spec.Component}
	return &channelFeed{f, config}, nil
}

// Run implements host.Trigger: messages are taken until ctx ends. Then it waits for handlers for Config.Grace, cuts the rest and returns nil.
func (t *Trigger) Run(ctx context.Context) error {
	t.sources.Run(ctx, t.config.Grace)
	return nil
}

// handlers are the interfaces that this version knows, the preferred first.
var handlers = []struct {
	export wit.InterfaceID
	handle messaging.HandleFunc
}{{spin3.InboundRedisID, handle3}, {inbound.InboundRedisID, handleUnversioned}}

// handlerFor is how a component handles messages: by the first interface that it exports.
func handlerFor(linked *component.Linked) (messaging.HandleFunc, error) {
	var wanted []wit.InterfaceID
	for _, h := range handlers {
		wanted = append(wanted, h.export)
	}
	i, err := host.FirstExport(linked.Name(), linked, wanted...)
	if err != nil {
		return nil, err
	}
	return handlers[i].handle, nil
}

func handle3(ctx context.Context, inst *component.Instance, m *messaging.Message) error {
	h, err := spin3.NewInboundRedisExport(inst)
	if err != nil {
		return err
	}
	err = h.HandleMessage(ctx, m.Body)
	var fail *cm.ResultError[spin3.Error]
	if errors.As(err, &fail) {
		return refusal()
	}
	return err
}

func handleUnversioned(ctx context.Context, inst *component.Instance, m *messaging.Message) error {
	h, err := inbound.NewInboundRedisExport(inst)
	if err != nil {
		return err
	}
	err = h.HandleMessage(ctx, m.Body)
	var fail *cm.ResultError[inbound.Error]
	if errors.As(err, &fail) {
		return refusal()
	}
	return err
}

// refusal is the error of a guest that did not handle a message. The guest's own text is not in it: it may quote the message.
func refusal() error {
	return &cm.AnswerError{Reason: messaging.ReasonError, Detail: "the component did not handle the message"}
}
