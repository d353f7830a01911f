package messaging

import (
	"context"
	"time"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/trigger/internal/feed"
	"github.com/vitrine-wasm/vitrine/workload"
)

// subscriber is one trigger of a workload: its feed, and the brokers that it uses.
type subscriber struct {
	*feed.Feed
	config  Subscription
	source  string // the component that the trigger names
	handle  messaging.HandleFunc
	route   messaging.Route
	release []func()
}

// connect finds the brokers. What it makes, free releases; it does so itself if it fails.
func (s *subscriber) connect(ctx context.Context, p *messaging.Plugin, w *workload.Spec) (err error) {
	defer func() {
		if err != nil {
			s.free()
		}
	}()
	open := func(subject string) (messaging.Route, error) {
		r, release, err := p.Connect(ctx, w, s.source, subject)
		if err == nil {
			s.release = append(s.release, release)
		}
		return r, err
	}
	if s.route, err = open(s.config.Subject); err != nil {
		return err
	}
	brokers := [2]messaging.Backend{s.route.Backend}
	if s.config.DeadLetter != "" {
		dead, err := open(s.config.DeadLetter)
		if err != nil {
			return err
		}
		s.Bury, brokers[1] = dead.Bus.Publish, dead.Backend
	}
	s.Identity = feed.Identity{Config: []any{s.source, s.config, s.Deadline()}, Connection: brokers}
	s.System, s.Subscribe, s.Handle = s.route.Backend.System(), s.subscribe, s.answer
	return nil
}

func (s *subscriber) free() {
	for i := len(s.release) - 1; i >= 0; i-- {
		s.release[i]()
	}
	s.release = nil
}

func (s *subscriber) subscribe(ctx context.Context, pending int, wait time.Duration) (messaging.Source, error) {
	return s.route.Bus.Subscribe(ctx, messaging.Subscription{
		Subject: s.config.Subject, Group: s.config.Group, Durable: s.config.Durable, Wait: wait, Pending: pending,
	})
}

// answer has an instance handle a message, which it may answer.
func (s *subscriber) answer(ctx context.Context, inst *component.Instance, m *messaging.Message) error {
	return s.handle(messaging.Answering(ctx, m.Reply, s.route), inst, m)
}
