package keyvalue

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/bindings/draft2"
)

// secondDraft implements wasi:keyvalue 0.2.0-draft2: cursors are text, increments are signed, and a key can be set if it has not changed.
type secondDraft struct{ stores }

var (
	_ draft2.Store   = secondDraft{}
	_ draft2.Atomics = secondDraft{}
	_ draft2.Batch   = secondDraft{}
)

var draft2Error = &guestError[draft2.Error]{draft2.ErrorNoSuchStore(), draft2.ErrorAccessDenied(), draft2.ErrorOther}

// Open implements draft2.Store.
func (d secondDraft) Open(ctx context.Context, name string) (draft2.Bucket, error) {
	o, err := d.open(ctx, name)
	if err != nil {
		return nil, draft2Error.fail(ctx, err)
	}
	return &bucket2{o}, nil
}

func bucket2Of(b draft2.Bucket) (*bucket2, error) {
	return cm.ObjectAs[*bucket2](draft2.BucketType, b)
}

// bucket2 is the resource; it implements draft2.Bucket.
type bucket2 struct{ opened }

// Get implements draft2.Bucket.
func (b *bucket2) Get(ctx context.Context, key string) (*[]byte, error) {
	v, err := b.get(ctx, key)
	return v, draft2Error.fail(ctx, err)
}

// Set implements draft2.Bucket.
func (b *bucket2) Set(ctx context.Context, key string, value []byte) error {
	return draft2Error.fail(ctx, b.put(ctx, key, value))
}

// Delete implements draft2.Bucket.
func (b *bucket2) Delete(ctx context.Context, key string) error {
	return draft2Error.fail(ctx, b.remove(ctx, key))
}

// Exists implements draft2.Bucket.
func (b *bucket2) Exists(ctx context.Context, key string) (bool, error) {
	ok, err := b.exists(ctx, key)
	return ok, draft2Error.fail(ctx, err)
}

// ListKeys implements draft2.Bucket.
func (b *bucket2) ListKeys(ctx context.Context, cursor *string) (out draft2.KeyResponse, err error) {
	from := ""
	if cursor != nil {
		from = *cursor
	}
	page, err := b.list(ctx, from)
	if err != nil {
		return out, draft2Error.fail(ctx, err)
	}
	if page.Next != "" {
		out.Cursor = &page.Next
	}
	out.Keys = page.Keys
	return out, nil
}

// Increment implements draft2.Atomics.
func (secondDraft) Increment(ctx context.Context, of draft2.Bucket, key string, delta int64) (int64, error) {
	b, err := bucket2Of(of)
	if err != nil {
		return 0, err
	}
	n, err := b.add(ctx, key, delta)
	return n, draft2Error.fail(ctx, err)
}

// cas is the resource; it implements draft2.Cas. It needs its bucket no more: the guest may drop that first, which closes it, so that a swap
// opens it again.
type cas struct {
	opened
	stores stores
	key    string
	now    Versioned
	held   cm.Holding // for key and value
}

// Drop releases what is kept. The bucket is the guest's.
func (c *cas) Drop(context.Context) error {
	c.held.Release()
	return nil
}

// Current implements draft2.Cas.
func (c *cas) Current(context.Context) (*[]byte, error) {
	if c.now.Version == "" {
		return nil, nil
	}
	return &c.now.Value, nil
}

// CasNew implements draft2.Atomics.
func (d secondDraft) CasNew(ctx context.Context, of draft2.Bucket, key string) (draft2.Cas, error) {
	b, err := bucket2Of(of)
	if err != nil {
		return nil, err
	}
	s, can := b.swapper()
	if !can {
		return nil, draft2Error.fail(ctx, errNoSwap)
	}
	now, err := s.Current(ctx, key)
	if err != nil {
		return nil, draft2Error.fail(ctx, err)
	}
	c, err := d.casOf(ctx, b.opened, key, now)
	if err != nil {
		return nil, draft2Error.fail(ctx, err)
	}
	return c, nil
}

func (d secondDraft) casOf(ctx context.Context, o opened, key string, now Versioned) (*cas, error) {
	c := &cas{opened: o, stores: d.stores, key: key, now: now}
	return c, c.held.Hold(ctx, len(key)+len(now.Value))
}

// Swap implements draft2.Atomics. Of a key that has changed, the guest gets a handle with its present state.
func (d secondDraft) Swap(ctx context.Context, of draft2.Cas, value []byte) error {
	c, err := cm.ObjectAs[*cas](draft2.CasType, of)
	if err != nil {
		return err
	}
	defer c.held.Release()
	swapped, now, err := c.swap(ctx, value)
	if err == nil && !swapped {
		var next *cas
		if next, err = d.casOf(ctx, c.opened, c.key, now); err == nil {
			return cm.Fail(draft2.CasErrorCasFailed(next))
		}
	}
	store, cause, ok := draft2Error.of(ctx, err)
	if !ok {
		return cause
	}
	return cm.FailFor(draft2.CasErrorStoreError(store), cause)
}

func (c *cas) swap(ctx context.Context, value []byte) (swapped bool, now Versioned, err error) {
	o, err := c.stores.open(ctx, c.name)
	if err != nil {
		return false, now, err
	}
	defer o.Drop(ctx)
	s, can := o.swapper()
	if !can {
		return false, now, errNoSwap
	}
	return s.Swap(ctx, c.key, c.now.Version, value)
}

// GetMany implements draft2.Batch.
func (secondDraft) GetMany(ctx context.Context, of draft2.Bucket, keys []string) ([]cm.Tuple2[string, *[]byte], error) {
	b, err := bucket2Of(of)
	if err != nil {
		return nil, err
	}
	values, err := b.getMany(ctx, keys)
	if err != nil {
		return nil, draft2Error.fail(ctx, err)
	}
	out := make([]cm.Tuple2[string, *[]byte], len(keys))
	for i, v := range values {
		out[i].F0 = keys[i]
		if v.OK {
			out[i].F1 = &v.Value
		}
	}
	return out, nil
}

// SetMany implements draft2.Batch.
func (secondDraft) SetMany(ctx context.Context, of draft2.Bucket, kvs []cm.Tuple2[string, []byte]) error {
	b, err := bucket2Of(of)
	if err != nil {
		return err
	}
	return draft2Error.fail(ctx, b.setMany(ctx, kvs))
}

// DeleteMany implements draft2.Batch.
func (secondDraft) DeleteMany(ctx context.Context, of draft2.Bucket, keys []string) error {
	b, err := bucket2Of(of)
	if err != nil {
		return err
	}
	return draft2Error.fail(ctx, b.deleteMany(ctx, keys))
}
