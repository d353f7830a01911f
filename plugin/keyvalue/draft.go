package keyvalue

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/bindings"
)

// draft implements wasi:keyvalue 0.2.0-draft.
type draft struct{ stores }

var (
	_ bindings.Store   = draft{}
	_ bindings.Atomics = draft{}
	_ bindings.Batch   = draft{}
)

var draftError = &guestError[bindings.Error]{bindings.ErrorNoSuchStore(), bindings.ErrorAccessDenied(), bindings.ErrorOther}

// Open implements bindings.Store.
func (d draft) Open(ctx context.Context, name string) (bindings.Bucket, error) {
	o, err := d.open(ctx, name)
	if err != nil {
		return nil, draftError.fail(ctx, err)
	}
	return &bucket{opened: o}, nil
}

// bucketOf returns the bucket of a resource.
func bucketOf(b bindings.Bucket) (*bucket, error) {
	return cm.ObjectAs[*bucket](bindings.BucketType, b)
}

// bucket is the resource; it implements bindings.Bucket.
type bucket struct {
	opened
	cursors cursors
}

// Drop closes the bucket.
func (b *bucket) Drop(ctx context.Context) error {
	b.cursors.held.Release()
	return b.opened.Drop(ctx)
}

// Get implements bindings.Bucket.
func (b *bucket) Get(ctx context.Context, key string) (*[]byte, error) {
	v, err := b.get(ctx, key)
	return v, draftError.fail(ctx, err)
}

// Set implements bindings.Bucket.
func (b *bucket) Set(ctx context.Context, key string, value []byte) error {
	return draftError.fail(ctx, b.put(ctx, key, value))
}

// Delete implements bindings.Bucket.
func (b *bucket) Delete(ctx context.Context, key string) error {
	return draftError.fail(ctx, b.remove(ctx, key))
}

// Exists implements bindings.Bucket.
func (b *bucket) Exists(ctx context.Context, key string) (bool, error) {
	ok, err := b.exists(ctx, key)
	return ok, draftError.fail(ctx, err)
}

// ListKeys implements bindings.Bucket.
func (b *bucket) ListKeys(ctx context.Context, cursor *uint64) (bindings.KeyResponse, error) {
	page, err := b.page(ctx, cursor)
	return page, draftError.fail(ctx, err)
}

func (b *bucket) page(ctx context.Context, cursor *uint64) (out bindings.KeyResponse, err error) {
	var number uint64
	if cursor != nil {
		number = *cursor
	}
	from, err := b.cursors.text(number)
	if err != nil {
		return out, err
	}
	page, err := b.list(ctx, from)
	if err != nil {
		return out, err
	}
	if page.Next != "" {
		next, err := b.cursors.number(ctx, page.Next)
		if err != nil {
			return out, err
		}
		out.Cursor = &next
	}
	out.Keys = page.Keys
	return out, nil
}

// Increment implements bindings.Atomics.
func (draft) Increment(ctx context.Context, of bindings.Bucket, key string, delta uint64) (uint64, error) {
	b, err := bucketOf(of)
	if err != nil {
		return 0, err
	}
	n, err := b.increment(ctx, key, delta)
	return n, draftError.fail(ctx, err)
}

// GetMany implements bindings.Batch.
func (draft) GetMany(ctx context.Context, of bindings.Bucket, keys []string) ([]*cm.Tuple2[string, []byte], error) {
	b, err := bucketOf(of)
	if err != nil {
		return nil, err
	}
	values, err := b.getMany(ctx, keys)
	if err != nil {
		return nil, draftError.fail(ctx, err)
	}
	return pairs(keys, values), nil
}

// pairs are the keys with their values, nil where there is none.
func pairs(keys []string, values []Found) []*cm.Tuple2[string, []byte] {
	out := make([]*cm.Tuple2[string, []byte], len(keys))
	for i, v := range values {
		if v.OK {
			out[i] = &cm.Tuple2[string, []byte]{F0: keys[i], F1: v.Value}
		}
	}
	return out
}

// SetMany implements bindings.Batch.
func (draft) SetMany(ctx context.Context, of bindings.Bucket, kvs []cm.Tuple2[string, []byte]) error {
	b, err := bucketOf(of)
	if err != nil {
		return err
	}
	return draftError.fail(ctx, b.setMany(ctx, kvs))
}

// DeleteMany implements bindings.Batch.
func (draft) DeleteMany(ctx context.Context, of bindings.Bucket, keys []string) error {
	b, err := bucketOf(of)
	if err != nil {
		return err
	}
	return draftError.fail(ctx, b.deleteMany(ctx, keys))
}
