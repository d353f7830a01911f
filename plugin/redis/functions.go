package redis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/vitrine-wasm/vitrine/cm"
)

// errType says that a value is of another type than the function's: the interfaces' case type-error.
var errType = errors.New("the value is of another type")

// isType says that an error of the server's is that.
func isType(e *ServerError) bool {
	return e.Code == "WRONGTYPE" || strings.HasPrefix(e.Text, "ERR value is not an integer") || strings.HasPrefix(e.Text, "ERR increment or decrement would overflow")
}

// do runs a command. What its answer costs the host's memory is held until the guest has the result.
func (c *connection) do(ctx context.Context, held *cm.Holding, args ...any) (any, error) {
	answer, err := c.client.Do(ctx, func(bytes int) error { return held.Hold(ctx, held.Bytes()+bytes) }, args...)
	c.watch.Met(ctx, err)
	return answer, err
}

// unexpected is the error of an answer that the command does not have.
func unexpected(answer any) error { return fmt.Errorf("the server's answer is a %T", answer) }

// publish sends a message to a channel.
func (c *connection) publish(ctx context.Context, channel string, payload []byte) error {
	_, err := c.count(ctx, "PUBLISH", channel, payload)
	return err
}

// get is the value of a key, nil where there is none.
func (c *connection) get(ctx context.Context, key string) (*[]byte, error) {
	var held cm.Holding
	defer held.Release()
	switch v, err := c.do(ctx, &held, "GET", key); v := v.(type) {
	case nil:
		return nil, err
	case []byte:
		return &v, nil
	default:
		return nil, unexpected(v)
	}
}

func (c *connection) set(ctx context.Context, key string, value []byte) error {
	var held cm.Holding
	defer held.Release()
	_, err := c.do(ctx, &held, "SET", key, value)
	return err
}

func (c *connection) incr(ctx context.Context, key string) (int64, error) {
	return c.count(ctx, "INCR", key)
}

func (c *connection) del(ctx context.Context, keys []string) (uint32, error) {
	return c.many(ctx, []any{"DEL"}, keys)
}

func (c *connection) sadd(ctx context.Context, key string, values []string) (uint32, error) {
	return c.many(ctx, []any{"SADD", key}, values)
}

func (c *connection) srem(ctx context.Context, key string, values []string) (uint32, error) {
	return c.many(ctx, []any{"SREM", key}, values)
}

// count runs a command whose answer is a number.
func (c *connection) count(ctx context.Context, args ...any) (int64, error) {
	var held cm.Holding
	defer held.Release()
	v, err := c.do(ctx, &held, args...)
	if err != nil {
		return 0, err
	}
	n, ok := v.(int64)
	if !ok {
		return 0, unexpected(v)
	}
	return n, nil
}

// many runs a command for a list of texts. Without one, which the server refuses, nothing is to be done.
func (c *connection) many(ctx context.Context, command []any, texts []string) (uint32, error) {
	if len(texts) == 0 {
		return 0, nil
	}
	for _, t := range texts {
		command = append(command, t)
	}
	n, err := c.count(ctx, command...)
	if err == nil && (n < 0 || n > math.MaxUint32) {
		err = fmt.Errorf("the server's answer is %d", n)
	}
	return uint32(n), err
}

func (c *connection) smembers(ctx context.Context, key string) ([]string, error) {
	var held cm.Holding
	defer held.Release()
	v, err := c.do(ctx, &held, "SMEMBERS", key)
	if err != nil {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok {
		return nil, unexpected(v)
	}
	members := make([]string, len(list))
	for i, v := range list {
		b, ok := v.([]byte)
		if !ok {
			return nil, unexpected(v)
		}
		if !utf8.Valid(b) {
			return nil, errType
		}
		members[i] = string(b)
	}
	return members, nil
}

// execute runs any command that may be run. Lists in the answer are given as their elements, also those in lists.
func (c *connection) execute(ctx context.Context, command string, args []any) ([]any, error) {
	if err := CheckCommand(command, args...); err != nil {
		return nil, err
	}
	var held cm.Holding
	defer held.Release()
	v, err := c.do(ctx, &held, append([]any{command}, args...)...)
	if err != nil {
		return nil, err
	}
	return flat(nil, v)
}

// flat appends an answer's elements.
func flat(to []any, v any) ([]any, error) {
	list, ok := v.([]any)
	if !ok {
		if e, ok := v.(*ServerError); ok {
			return nil, e
		}
		return append(to, v), nil
	}
	var err error
	for _, v := range list {
		if to, err = flat(to, v); err != nil {
			return nil, err
		}
	}
	return to, nil
}
