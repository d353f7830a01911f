package messaging

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/messaging/bindings/messaging3"
)

// client3 implements the consumer of wasmcloud:messaging 0.3.0.
type client3 struct{ c *client }

var _ messaging3.Consumer = client3{}

// Publish implements messaging3.Consumer.
func (c client3) Publish(ctx context.Context, msg messaging3.BrokerMessage) error {
	m := &Message{Subject: msg.Subject}
	if msg.ReplyTo != nil {
		m.Reply = *msg.ReplyTo
	}
	var err error
	if m.Body, err = readBody(ctx, msg.Body); err == nil {
		err = c.c.publish(ctx, m)
	}
	return fail3(ctx, err)
}

// Request implements messaging3.Consumer. The time for the answer begins when the guest has written the body.
func (c client3) Request(ctx context.Context, subject string, body *cm.StreamReader[uint8], timeoutMs *uint32) (messaging3.BrokerMessage, error) {
	within := requestTime
	if timeoutMs != nil {
		within = time.Duration(*timeoutMs) * time.Millisecond
	}
	m := &Message{Subject: subject}
	var err error
	if m.Body, err = readBody(ctx, body); err != nil {
		return messaging3.BrokerMessage{}, fail3(ctx, err)
	}
	answer, err := c.c.request(ctx, m, within)
	if err != nil {
		return messaging3.BrokerMessage{}, fail3(ctx, err)
	}
	return message3(answer), nil
}

// readBody reads a body that a guest writes, and closes it. No broker here takes a message in parts.
func readBody(ctx context.Context, body *cm.StreamReader[uint8]) ([]byte, error) {
	defer body.Close()
	b, err := io.ReadAll(io.LimitReader(cm.ReadStream(ctx, body), MaxBody+1))
	if err == nil && len(b) > MaxBody {
		err = ErrTooLarge
	}
	return b, err
}

func message3(m *Message) messaging3.BrokerMessage {
	out := messaging3.BrokerMessage{Subject: m.Subject, Body: newBody(m.Body)}
	if m.Reply != "" {
		out.ReplyTo = &m.Reply
	}
	return out
}

func fail3(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	known, text, cause, ok := failure(ctx, err)
	if !ok {
		return cause
	}
	to := messaging3.ErrorOther(text)
	for e, as := range map[error]messaging3.Error{
		ErrSubject: messaging3.ErrorSubjectInvalid(), ErrDenied: messaging3.ErrorAccessDenied(), ErrTimeout: messaging3.ErrorTimeout(),
		ErrUnavailable: messaging3.ErrorBrokerUnavailable(), ErrTooLarge: messaging3.ErrorMessageTooLarge(), ErrQuota: messaging3.ErrorQuotaExceeded(),
	} {
		if errors.Is(known, e) {
			to = as
		}
	}
	return cm.FailFor(to, cause)
}
