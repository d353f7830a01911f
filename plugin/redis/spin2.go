package redis

import (
	"context"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/redis/bindings/spin2"
)

// spin2Servers serves fermyon:spin/redis@2.0.0.
type spin2Servers struct{ *servers }

var _ spin2.Redis = spin2Servers{}

// ConnectionOpen implements spin2.Redis.
func (s spin2Servers) ConnectionOpen(ctx context.Context, address string) (spin2.Connection, error) {
	c, err := s.open(ctx, address)
	if err != nil {
		return nil, spin2Failure(ctx, err)
	}
	return spin2Connection{c}, nil
}

type spin2Connection struct{ *connection }

var _ spin2.Connection = spin2Connection{}

// Publish implements spin2.Connection.
func (c spin2Connection) Publish(ctx context.Context, channel string, payload spin2.Payload) error {
	return spin2Failure(ctx, c.publish(ctx, channel, payload))
}

// Get implements spin2.Connection.
func (c spin2Connection) Get(ctx context.Context, key string) (*spin2.Payload, error) {
	v, err := c.get(ctx, key)
	return v, spin2Failure(ctx, err)
}

// Set implements spin2.Connection.
func (c spin2Connection) Set(ctx context.Context, key string, value spin2.Payload) error {
	return spin2Failure(ctx, c.set(ctx, key, value))
}

// Incr implements spin2.Connection.
func (c spin2Connection) Incr(ctx context.Context, key string) (int64, error) {
	n, err := c.incr(ctx, key)
	return n, spin2Failure(ctx, err)
}

// Del implements spin2.Connection.
func (c spin2Connection) Del(ctx context.Context, keys []string) (uint32, error) {
	n, err := c.del(ctx, keys)
	return n, spin2Failure(ctx, err)
}

// Sadd implements spin2.Connection.
func (c spin2Connection) Sadd(ctx context.Context, key string, values []string) (uint32, error) {
	n, err := c.sadd(ctx, key, values)
	return n, spin2Failure(ctx, err)
}

// Smembers implements spin2.Connection.
func (c spin2Connection) Smembers(ctx context.Context, key string) ([]string, error) {
	members, err := c.smembers(ctx, key)
	return members, spin2Failure(ctx, err)
}

// Srem implements spin2.Connection.
func (c spin2Connection) Srem(ctx context.Context, key string, values []string) (uint32, error) {
	n, err := c.srem(ctx, key, values)
	return n, spin2Failure(ctx, err)
}

// Execute implements spin2.Connection.
func (c spin2Connection) Execute(ctx context.Context, command string, arguments []spin2.RedisParameter) ([]spin2.RedisResult, error) {
	args := make([]any, len(arguments))
	for i, a := range arguments {
		if args[i] = a.Int64; a.Tag == spin2.RedisParameterTagBinary {
			args[i] = a.Binary
		}
	}
	answer, err := c.execute(ctx, command, args)
	if err != nil {
		return nil, spin2Failure(ctx, err)
	}
	results := make([]spin2.RedisResult, len(answer))
	for i, v := range answer {
		switch v := v.(type) {
		case Status:
			results[i] = spin2.RedisResultStatus(strings.ToValidUTF8(string(v), "\uFFFD"))
		case int64:
			results[i] = spin2.RedisResultInt64(v)
		case []byte:
			results[i] = spin2.RedisResultBinary(v)
		default:
			results[i] = spin2.RedisResultNil()
		}
	}
	return results, nil
}

func spin2Failure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	k, text, cause, ok := failure(ctx, err)
	if !ok {
		return cause
	}
	return cm.FailFor([]spin2.Error{
		kindAddress: spin2.ErrorInvalidAddress(), kindConnections: spin2.ErrorTooManyConnections(), kindType: spin2.ErrorTypeError(),
		kindOther: spin2.ErrorOther(text),
	}[k], cause)
}
