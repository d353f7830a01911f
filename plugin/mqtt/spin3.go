package mqtt

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/mqtt/bindings/spin3"
)

// spin3Brokers serves spin:mqtt/mqtt@3.0.0.
type spin3Brokers struct{ *brokers }

var _ spin3.Mqtt = spin3Brokers{}

// ConnectionOpen implements spin3.Mqtt. The connection's own interval of keeping it alive counts, as others use it.
func (b spin3Brokers) ConnectionOpen(ctx context.Context, address, username, password string, _ uint64) (spin3.Connection, error) {
	c, err := b.open(ctx, address, username, password)
	if err != nil {
		return nil, spin3Failure(ctx, err)
	}
	return spin3Connection{c}, nil
}

type spin3Connection struct{ *connection }

var _ spin3.Connection = spin3Connection{}

// Publish implements spin3.Connection.
func (c spin3Connection) Publish(ctx context.Context, topic string, payload spin3.Payload, qos spin3.Qos) error {
	err := c.publish(ctx, topic, payload, int(qos)) // the cases are in the order of their numbers in MQTT
	if err == nil {
		return nil
	}
	return spin3Failure(ctx, err)
}

func spin3Failure(ctx context.Context, err error) error {
	k, text, cause, ok := failure(ctx, err)
	if !ok {
		return cause
	}
	return cm.FailFor([]spin3.Error{
		kindAddress: spin3.ErrorInvalidAddress(), kindConnections: spin3.ErrorTooManyConnections(), kindFailed: spin3.ErrorConnectionFailed(text),
		kindOther: spin3.ErrorOther(text),
	}[k], cause)
}
