package messaging

import (
	"context"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/messaging/bindings/messaging2"
)

// client2 implements the consumer of wasmcloud:messaging 0.2.0.
type client2 struct{ c *client }

var _ messaging2.Consumer = client2{}

// Publish implements messaging2.Consumer.
func (c client2) Publish(ctx context.Context, msg messaging2.BrokerMessage) error {
	m := &Message{Subject: msg.Subject, Body: msg.Body}
	if msg.ReplyTo != nil {
		m.Reply = *msg.ReplyTo
	}
	return fail2(ctx, c.c.publish(ctx, m))
}

// Request implements messaging2.Consumer.
func (c client2) Request(ctx context.Context, subject string, body []byte, timeoutMs uint32) (messaging2.BrokerMessage, error) {
	answer, err := c.c.request(ctx, &Message{Subject: subject, Body: body}, time.Duration(timeoutMs)*time.Millisecond)
	if err != nil {
		return messaging2.BrokerMessage{}, fail2(ctx, err)
	}
	return message2(answer), nil
}

func message2(m *Message) messaging2.BrokerMessage {
	out := messaging2.BrokerMessage{Subject: m.Subject, Body: m.Body}
	if m.Reply != "" {
		out.ReplyTo = &m.Reply
	}
	return out
}

func fail2(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	_, text, cause, ok := failure(ctx, err)
	if !ok {
		return cause
	}
	return cm.FailFor(text, cause)
}
