package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vitrine-wasm/vitrine/plugin/internal/redisconn"
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
)

// Subscribe implements messaging.Bus.
func (b *Backend) Subscribe(ctx context.Context, s messaging.Subscription) (messaging.Source, error) {
	switch err := messaging.CheckPattern(s.Subject); {
	case err != nil:
		return nil, err
	case s.Durable != "":
		return nil, errDurable
	case s.Group != "":
		return nil, errGroup
	case !strings.ContainsAny(s.Subject, "*>"):
		return b.Channel(ctx, s.Subject, s.Pending)
	}
	covered := func(channel string) bool {
		return messaging.CheckSubject(channel) == nil && messaging.Covers(s.Subject, channel)
	}
	src := b.source(ctx, s.Pending, covered)
	return src.begin(ctx, src.sub.PSubscribe(ctx, glob(s.Subject)))
}

// Channel subscribes to one channel, whose name may be any. What is said of Subscribe is so here.
func (b *Backend) Channel(ctx context.Context, channel string, pending int) (messaging.Source, error) {
	src := b.source(ctx, pending, func(string) bool { return true })
	return src.begin(ctx, src.sub.Subscribe(ctx, channel))
}

// source implements messaging.Source. A goroutine reads the connection whatever handlers do: the server ends the connection of a subscriber
// that does not read.
type source struct {
	sub      *redis.PubSub
	messages chan *messaging.Message
	covered  func(channel string) bool
	lost     atomic.Int64
	heard    atomic.Int64 // what has come, answers to pings with it

	reading context.Context
	stop    context.CancelFunc
	once    sync.Once
	failed  error         // why the subscription has ended; it is set before ended is closed
	ended   chan struct{} // closed: no more messages come
	done    sync.WaitGroup
}

// defaultPending is how many messages wait for a subscription that does not say.
const defaultPending = 1024

func (b *Backend) source(ctx context.Context, pending int, covered func(string) bool) *source {
	s := &source{sub: b.client.Subscribe(ctx), messages: make(chan *messaging.Message, cmp.Or(pending, defaultPending)), ended: make(chan struct{}), covered: covered}
	s.reading, s.stop = context.WithCancel(context.Background())
	return s
}

// begin waits for the server's word about a subscription that was asked for, or closes s.
func (s *source) begin(ctx context.Context, err error) (messaging.Source, error) {
	if err == nil {
		_, err = s.sub.ReceiveTimeout(ctx, redisconn.CallTime)
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		s.stop()
		_ = s.sub.Close()
		return nil, failure(err)
	}
	s.done.Go(s.read)
	s.done.Go(s.ping)
	return s, nil
}

// read takes what comes until the connection fails or is closed. Messages that nobody has room for are lost.
func (s *source) read() {
	for {
		got, err := s.sub.Receive(s.reading)
		if err != nil {
			s.end(failure(err))
			return
		}
		s.heard.Add(1)
		m, ok := got.(*redis.Message)
		if !ok || !s.covered(m.Channel) {
			continue
		}
		select {
		case s.messages <- &messaging.Message{Subject: m.Channel, Body: []byte(m.Payload)}:
		default:
			s.lost.Add(1)
		}
	}
}

// pingTime is how long nothing comes before the server is asked whether it is there, and how long it has to answer.
const pingTime = 5 * time.Second

// ping ends a subscription whose server does not answer.
func (s *source) ping() {
	tick := time.NewTicker(pingTime)
	defer tick.Stop()
	before, asked := int64(-1), false
	for {
		select {
		case <-tick.C:
		case <-s.ended:
			return
		}
		switch now := s.heard.Load(); {
		case now != before:
			before, asked = now, false
		case asked:
			s.end(fmt.Errorf("%w: the server does not answer", messaging.ErrUnavailable))
			return
		default:
			asked = true
			if err := s.sub.Ping(s.reading); err != nil {
				s.end(failure(err))
				return
			}
		}
	}
}

// end ends the subscription once, for a reason.
func (s *source) end(why error) {
	s.once.Do(func() {
		s.failed = why
		close(s.ended)
		s.stop()
		_ = s.sub.Close() // the reader's error comes of it
	})
}

// Next implements messaging.Source.
func (s *source) Next(ctx context.Context) (messaging.Delivery, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	select {
	case m := <-s.messages:
		return once{m}, nil
	default:
	}
	select {
	case m := <-s.messages:
		return once{m}, nil
	case <-s.ended:
		return nil, s.failed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Lost implements messaging.Source.
func (s *source) Lost() int64 { return s.lost.Load() }

var errClosed = errors.New("the subscription is closed")

// Close implements messaging.Source.
func (s *source) Close() error {
	s.end(errClosed)
	s.done.Wait()
	return nil
}

// once is a message that comes once.
type once struct{ m *messaging.Message }

// Message implements messaging.Delivery.
func (o once) Message() *messaging.Message { return o.m }

// Attempt implements messaging.Delivery.
func (once) Attempt() int { return 1 }

// Done implements messaging.Delivery.
func (once) Done(context.Context) error { return nil }

// Retry implements messaging.Delivery.
func (once) Retry(context.Context, time.Duration) error { return messaging.ErrNoRetry }
