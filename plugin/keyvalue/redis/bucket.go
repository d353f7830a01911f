package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
)

// The keys of a bucket: the values and the versions by the guest's keys; these keys by their first change, for List; and the number of
// changes.
const (
	values = iota
	versions
	order
	changes
)

const keysPage = 100 // keys of a page of List

// The scripts run alone in the server. KEYS are the bucket's.
var (
	setScript = redis.NewScript(`
for i = 1, #ARGV, 2 do
	local n = redis.call('INCR', KEYS[4])
	redis.call('HSET', KEYS[1], ARGV[i], ARGV[i+1])
	redis.call('HSET', KEYS[2], ARGV[i], n)
	redis.call('ZADD', KEYS[3], 'NX', n, ARGV[i])
end
return 0`)
	removeScript = redis.NewScript(`
for i = 1, #ARGV do
	redis.call('HDEL', KEYS[1], ARGV[i])
	redis.call('HDEL', KEYS[2], ARGV[i])
	redis.call('ZREM', KEYS[3], ARGV[i])
end
return 0`)
	// currentScript returns version and value; a missing value has the version "".
	currentScript = redis.NewScript(`
local version = redis.call('HGET', KEYS[2], ARGV[1])
if not version then
	return {'', ''}
end
return {version, redis.call('HGET', KEYS[1], ARGV[1])}`)
	// swapScript returns whether it swapped, and what is there then.
	swapScript = redis.NewScript(`
local version = redis.call('HGET', KEYS[2], ARGV[1]) or ''
if version ~= ARGV[2] then
	return {0, version, redis.call('HGET', KEYS[1], ARGV[1]) or ''}
end
local n = redis.call('INCR', KEYS[4])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[1], n)
redis.call('ZADD', KEYS[3], 'NX', n, ARGV[1])
return {1, tostring(n), ARGV[3]}`)
)

// bucket is a component's bucket of one name.
type bucket struct {
	client *redis.Client
	keys   []string
}

func (b *bucket) Get(ctx context.Context, key string) ([]byte, bool, error) {
	value, err := b.client.HGet(ctx, b.keys[values], key).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, false, nil
	}
	return value, err == nil, failure(err)
}

func (b *bucket) GetMany(ctx context.Context, keys []string) ([]keyvalue.Found, error) {
	found := make([]keyvalue.Found, len(keys))
	if len(keys) == 0 {
		return found, nil
	}
	got, err := b.client.HMGet(ctx, b.keys[values], keys...).Result()
	if err != nil {
		return nil, failure(err)
	}
	for i, v := range got {
		if text, ok := v.(string); ok {
			found[i] = keyvalue.Found{Value: []byte(text), OK: true}
		}
	}
	return found, nil
}

func (b *bucket) Exists(ctx context.Context, key string) (bool, error) {
	is, err := b.client.HExists(ctx, b.keys[values], key).Result()
	return is, failure(err)
}

func (b *bucket) Set(ctx context.Context, key string, value []byte) error {
	return failure(setScript.Run(ctx, b.client, b.keys, key, value).Err())
}

// maxBatch bounds what one script does, since the server does nothing else meanwhile.
const maxBatch = 1000

// SetMany sets up to maxBatch entries at a time, each part all or nothing.
func (b *bucket) SetMany(ctx context.Context, entries []keyvalue.Entry) error {
	for len(entries) > 0 {
		n := min(len(entries), maxBatch)
		args := make([]any, 0, 2*n)
		for _, e := range entries[:n] {
			args = append(args, e.Key, e.Value)
		}
		if err := setScript.Run(ctx, b.client, b.keys, args...).Err(); err != nil {
			return failure(err)
		}
		entries = entries[n:]
	}
	return nil
}

func (b *bucket) Delete(ctx context.Context, key string) error {
	return failure(removeScript.Run(ctx, b.client, b.keys, key).Err())
}

// DeleteMany deletes up to maxBatch keys at a time, each part all or nothing.
func (b *bucket) DeleteMany(ctx context.Context, keys []string) error {
	for len(keys) > 0 {
		n := min(len(keys), maxBatch)
		args := make([]any, n)
		for i, k := range keys[:n] {
			args[i] = k
		}
		if err := removeScript.Run(ctx, b.client, b.keys, args...).Err(); err != nil {
			return failure(err)
		}
		keys = keys[n:]
	}
	return nil
}

func (b *bucket) List(ctx context.Context, cursor string) (keyvalue.Page, error) {
	after := "-inf"
	if cursor != "" {
		n, err := strconv.ParseUint(cursor, 10, 53) // a score is a float64
		if err != nil {
			return keyvalue.Page{}, fmt.Errorf("%.40q: %w", cursor, keyvalue.ErrCursor)
		}
		after = "(" + strconv.FormatUint(n, 10)
	}
	got, err := b.client.ZRangeByScoreWithScores(ctx, b.keys[order], &redis.ZRangeBy{Min: after, Max: "+inf", Count: keysPage + 1}).Result()
	if err != nil {
		return keyvalue.Page{}, failure(err)
	}
	var page keyvalue.Page
	for i, z := range got {
		if i == keysPage {
			page.Next = strconv.FormatUint(uint64(got[i-1].Score), 10)
			break
		}
		key, ok := z.Member.(string)
		if !ok {
			return keyvalue.Page{}, fmt.Errorf("the server lists a key of type %T", z.Member)
		}
		page.Keys = append(page.Keys, key)
	}
	return page, nil
}

// Increment swaps until nobody has come between: the server's own numbers end at 2⁶³.
func (b *bucket) Increment(ctx context.Context, key string, delta uint64) (uint64, error) {
	now, err := b.Current(ctx, key)
	for err == nil {
		var n uint64
		if now.Version != "" {
			if n, err = strconv.ParseUint(string(now.Value), 10, 64); err != nil {
				return 0, keyvalue.ErrNotNumber
			}
		}
		sum := n + delta
		if sum < n {
			return 0, keyvalue.ErrOverflow
		}
		var swapped bool
		if swapped, now, err = b.Swap(ctx, key, now.Version, strconv.AppendUint(nil, sum, 10)); swapped {
			return sum, nil
		}
		if err == nil {
			err = ctx.Err()
		}
	}
	return 0, err
}

func (b *bucket) Current(ctx context.Context, key string) (keyvalue.Versioned, error) {
	got, err := currentScript.Run(ctx, b.client, b.keys, key).StringSlice()
	if err == nil && len(got) != 2 {
		err = fmt.Errorf("the server's answer has %d parts, want 2", len(got))
	}
	if err != nil {
		return keyvalue.Versioned{}, failure(err)
	}
	return keyvalue.Versioned{Value: []byte(got[1]), Version: keyvalue.Version(got[0])}, nil
}

func (b *bucket) Swap(ctx context.Context, key string, version keyvalue.Version, value []byte) (bool, keyvalue.Versioned, error) {
	got, err := swapScript.Run(ctx, b.client, b.keys, key, string(version), value).Slice()
	if err != nil {
		return false, keyvalue.Versioned{}, failure(err)
	}
	if len(got) == 3 {
		swapped, ok := got[0].(int64)
		now, ok2 := got[1].(string)
		text, ok3 := got[2].(string)
		if ok && ok2 && ok3 {
			return swapped == 1, keyvalue.Versioned{Value: []byte(text), Version: keyvalue.Version(now)}, nil
		}
	}
	return false, keyvalue.Versioned{}, fmt.Errorf("the server's answer has %d parts of other types than expected", len(got))
}
