package mqtt

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/mqtt/bindings/spin2"
)

// spin2Brokers serves fermyon:spin/mqtt@2.0.0.
type spin2Brokers struct{ *brokers }

var _ spin2.Mqtt = spin2Brokers{}

// ConnectionOpen implements spin2.Mqtt. The connection's own interval of keeping it alive counts, as others use it.
func (b spin2Brokers) ConnectionOpen(ctx context.Context, address, username, password string, _ uint64) (spin2.Connection, error) {
	c, err := b.open(ctx, address, username, password)
	if err != nil {
		return nil, spin2Failure(ctx, err)
	}
	return spin2Connection{c}, nil
}

type spin2Connection struct{ *connection }

var _ spin2.Connection = spin2Connection{}

// Publish implements spin2.Connection.
func (c spin2Connection) Publish(ctx context.Context, topic string, payload spin2.Payload, qos spin2.Qos) error {
	err := c.publish(ctx, topic, payload, int(qos)) // the cases are in the order of their numbers in MQTT
	if err == nil {
		return nil
	}
	return spin2Failure(ctx, err)
}

func spin2Failure(ctx context.Context, err error) error {
	k, text, cause, ok := failure(ctx, err)
	if !ok {
		return cause
	}
	return cm.FailFor([]spin2.Error{
		kindAddress: spin2.ErrorInvalidAddress(), kindConnections: spin2.ErrorTooManyConnections(), kindFailed: spin2.ErrorConnectionFailed(text),
		kindOther: spin2.ErrorOther(text),
	}[k], cause)
}
