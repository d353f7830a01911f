package nats

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/vitrine-wasm/vitrine/plugin/messaging"
)

// pendingBytes bounds the bytes of messages that wait in the process for one plain subscription.
const pendingBytes = 64 << 20

// Subscribe implements messaging.Bus. A plain subscription goes on by itself when a lost connection is there again.
func (b *Backend) Subscribe(ctx context.Context, s messaging.Subscription) (messaging.Source, error) {
	if err := messaging.CheckPattern(s.Subject); err != nil {
		return nil, err
	}
	nc, js, err := b.conn(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if s.Durable != "" {
		return b.consume(ctx, js, s)
	}
	sub, err := nc.QueueSubscribeSync(s.Subject, s.Group)
	if err != nil {
		return nil, failure(err)
	}
	if s.Pending > 0 {
		err = sub.SetPendingLimits(s.Pending, pendingBytes)
	}
	if err == nil {
		err = nc.FlushWithContext(ctx) // the server knows of it now
	}
	if err != nil {
		_ = sub.Unsubscribe()
		return nil, failure(err)
	}
	return &plain{sub}, nil
}

// plain implements messaging.Source.
type plain struct{ sub *nats.Subscription }

// Next implements messaging.Source.
func (p *plain) Next(ctx context.Context) (messaging.Delivery, error) {
	for {
		m, err := p.sub.NextMsgWithContext(ctx)
		switch {
		case err == nil:
			return once{fromNATS(m.Subject, m.Reply, m.Data, m.Header)}, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case !errors.Is(err, nats.ErrSlowConsumer): // which Lost says, too
			return nil, failure(err)
		}
	}
}

// Lost implements messaging.Source.
func (p *plain) Lost() int64 {
	n, err := p.sub.Dropped()
	if err != nil { // it is closed
		return 0
	}
	return int64(n)
}

// Close implements messaging.Source.
func (p *plain) Close() error {
	if err := p.sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrBadSubscription) && !errors.Is(err, nats.ErrConnectionClosed) {
		return err
	}
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
