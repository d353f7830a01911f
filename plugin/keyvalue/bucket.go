package keyvalue

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/bindings"
)

// bucket is the resource; it implements bindings.Bucket.
type bucket struct {
	Bucket
	system, name string
	cursors      cursors
}

// StoreSystem is the name of the backend, or of its type.
func (b *bucket) StoreSystem() string { return b.system }

// StoreCollection is the guest's name for the bucket, which its component's grants have.
func (b *bucket) StoreCollection() string { return b.name }

// Drop closes the bucket, if it is an io.Closer.
func (b *bucket) Drop(context.Context) error {
	if c, ok := b.Bucket.(io.Closer); ok {
		c.Close() // there is no way to report an error
	}
	b.cursors.held.Release()
	return nil
}

// Get implements bindings.Bucket.
func (b *bucket) Get(ctx context.Context, key string) (*[]byte, error) {
	v, ok, err := b.Bucket.Get(ctx, key)
	if err != nil || !ok {
		return nil, fail(ctx, err)
	}
	return &v, nil
}

// Set implements bindings.Bucket.
func (b *bucket) Set(ctx context.Context, key string, value []byte) error {
	return fail(ctx, b.Bucket.Set(ctx, key, value))
}

// Delete implements bindings.Bucket.
func (b *bucket) Delete(ctx context.Context, key string) error {
	return fail(ctx, b.Bucket.Delete(ctx, key))
}

// Exists implements bindings.Bucket.
func (b *bucket) Exists(ctx context.Context, key string) (ok bool, err error) {
	if e, can := b.Bucket.(Exister); can {
		ok, err = e.Exists(ctx, key)
	} else {
		_, ok, err = b.Bucket.Get(ctx, key)
	}
	return ok && err == nil, fail(ctx, err)
}

// ListKeys implements bindings.Bucket.
func (b *bucket) ListKeys(ctx context.Context, cursor *uint64) (bindings.KeyResponse, error) {
	var number uint64
	if cursor != nil {
		number = *cursor
	}
	from, err := b.cursors.text(number)
	if err != nil {
		return bindings.KeyResponse{}, fail(ctx, err)
	}
	page, err := b.List(ctx, from)
	if err != nil {
		return bindings.KeyResponse{}, fail(ctx, err)
	}
	out := bindings.KeyResponse{Keys: page.Keys}
	if page.Next != "" {
		next, err := b.cursors.number(ctx, page.Next)
		if err != nil {
			return bindings.KeyResponse{}, fail(ctx, err)
		}
		out.Cursor = &next
	}
	return out, nil
}

// errNotAtomic is the guest's error for Increment in a bucket without atomic counters.
var errNotAtomic = errors.New("increment is not supported by this store")

// Increment implements bindings.Atomics. It fails for a bucket that is no Incrementer: by Get and Set it would not be atomic.
func (stores) Increment(ctx context.Context, of bindings.Bucket, key string, delta uint64) (uint64, error) {
	b, err := bucketOf(of)
	if err != nil {
		return 0, err
	}
	i, can := b.Bucket.(Incrementer)
	if !can {
		return 0, fail(ctx, errNotAtomic)
	}
	n, err := i.Increment(ctx, key, delta)
	return n, fail(ctx, err)
}

// GetMany implements bindings.Batch.
func (stores) GetMany(ctx context.Context, of bindings.Bucket, keys []string) ([]*cm.Tuple2[string, []byte], error) {
	b, err := bucketOf(of)
	if err != nil {
		return nil, err
	}
	out := make([]*cm.Tuple2[string, []byte], len(keys))
	if batch, can := b.Bucket.(Batcher); can {
		values, err := batch.GetMany(ctx, keys)
		if err != nil {
			return nil, fail(ctx, err)
		}
		if len(values) != len(keys) {
			return nil, fail(ctx, fmt.Errorf("%d values for %d keys", len(values), len(keys)))
		}
		for i, v := range values {
			if v.OK {
				out[i] = &cm.Tuple2[string, []byte]{F0: keys[i], F1: v.Value}
			}
		}
		return out, nil
	}
	for i, k := range keys {
		v, ok, err := b.Bucket.Get(ctx, k)
		if err != nil {
			return nil, fail(ctx, err)
		}
		if ok {
			out[i] = &cm.Tuple2[string, []byte]{F0: k, F1: v}
		}
	}
	return out, nil
}

// SetMany implements bindings.Batch.
func (stores) SetMany(ctx context.Context, of bindings.Bucket, kvs []cm.Tuple2[string, []byte]) error {
	b, err := bucketOf(of)
	if err != nil {
		return err
	}
	if batch, can := b.Bucket.(Batcher); can {
		entries := make([]Entry, len(kvs))
		for i, kv := range kvs {
			entries[i] = Entry{kv.F0, kv.F1}
		}
		return fail(ctx, batch.SetMany(ctx, entries))
	}
	for _, kv := range kvs {
		if err := b.Bucket.Set(ctx, kv.F0, kv.F1); err != nil {
			return fail(ctx, err)
		}
	}
	return nil
}

// DeleteMany implements bindings.Batch.
func (stores) DeleteMany(ctx context.Context, of bindings.Bucket, keys []string) error {
	b, err := bucketOf(of)
	if err != nil {
		return err
	}
	if batch, can := b.Bucket.(Batcher); can {
		return fail(ctx, batch.DeleteMany(ctx, keys))
	}
	for _, k := range keys {
		if err := b.Bucket.Delete(ctx, k); err != nil {
			return fail(ctx, err)
		}
	}
	return nil
}
