package redis

import (
	"context"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/redis/bindings/spin3"
)

// spin3Servers serves spin:redis/redis@3.0.0.
type spin3Servers struct{ *servers }

var _ spin3.Redis = spin3Servers{}

// ConnectionOpen implements spin3.Redis.
func (s spin3Servers) ConnectionOpen(ctx context.Context, address string) (spin3.Connection, error) {
	c, err := s.open(ctx, address)
	if err != nil {
		return nil, spin3Failure(ctx, err)
	}
	return spin3Connection{c}, nil
}

type spin3Connection struct{ *connection }

var _ spin3.Connection = spin3Connection{}

// Publish implements spin3.Connection.
func (c spin3Connection) Publish(ctx context.Context, channel string, payload spin3.Payload) error {
	return spin3Failure(ctx, c.publish(ctx, channel, payload))
}

// Get implements spin3.Connection.
func (c spin3Connection) Get(ctx context.Context, key string) (*spin3.Payload, error) {
	v, err := c.get(ctx, key)
	return v, spin3Failure(ctx, err)
}

// Set implements spin3.Connection.
func (c spin3Connection) Set(ctx context.Context, key string, value spin3.Payload) error {
	return spin3Failure(ctx, c.set(ctx, key, value))
}

// Incr implements spin3.Connection.
func (c spin3Connection) Incr(ctx context.Context, key string) (int64, error) {
	n, err := c.incr(ctx, key)
	return n, spin3Failure(ctx, err)
}

// Del implements spin3.Connection.
func (c spin3Connection) Del(ctx context.Context, keys []string) (uint32, error) {
	n, err := c.del(ctx, keys)
	return n, spin3Failure(ctx, err)
}

// Sadd implements spin3.Connection.
func (c spin3Connection) Sadd(ctx context.Context, key string, values []string) (uint32, error) {
	n, err := c.sadd(ctx, key, values)
	return n, spin3Failure(ctx, err)
}

// Smembers implements spin3.Connection.
func (c spin3Connection) Smembers(ctx context.Context, key string) ([]string, error) {
	members, err := c.smembers(ctx, key)
	return members, spin3Failure(ctx, err)
}

// Srem implements spin3.Connection.
func (c spin3Connection) Srem(ctx context.Context, key string, values []string) (uint32, error) {
	n, err := c.srem(ctx, key, values)
	return n, spin3Failure(ctx, err)
}

// Execute implements spin3.Connection.
func (c spin3Connection) Execute(ctx context.Context, command string, arguments []spin3.RedisParameter) ([]spin3.RedisResult, error) {
	args := make([]any, len(arguments))
	for i, a := range arguments {
		if args[i] = a.Int64; a.Tag == spin3.RedisParameterTagBinary {
			args[i] = a.Binary
		}
	}
	answer, err := c.execute(ctx, command, args)
	if err != nil {
		return nil, spin3Failure(ctx, err)
	}
	results := make([]spin3.RedisResult, len(answer))
	for i, v := range answer {
		switch v := v.(type) {
		case Status:
			results[i] = spin3.RedisResultStatus(strings.ToValidUTF8(string(v), "\uFFFD"))
		case int64:
			results[i] = spin3.RedisResultInt64(v)
		case []byte:
			results[i] = spin3.RedisResultBinary(v)
		default:
			results[i] = spin3.RedisResultNil()
		}
	}
	return results, nil
}

func spin3Failure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	k, text, cause, ok := failure(ctx, err)
	if !ok {
		return cause
	}
	return cm.FailFor([]spin3.Error{
		kindAddress: spin3.ErrorInvalidAddress(), kindConnections: spin3.ErrorTooManyConnections(), kindType: spin3.ErrorTypeError(),
		kindOther: spin3.ErrorOther(text),
	}[k], cause)
}
