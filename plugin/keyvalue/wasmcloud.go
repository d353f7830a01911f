package keyvalue

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/bindings/wasmcloud"
	"github.com/vitrine-wasm/vitrine/workload"
)

// wasmCloud implements wasmcloud:keyvalue 0.2.0, whose functions are asynchronous.
type wasmCloud struct{ stores }

var (
	_ wasmcloud.Store   = wasmCloud{}
	_ wasmcloud.Atomics = wasmCloud{}
	_ wasmcloud.Cas     = wasmCloud{}
	_ wasmcloud.Batch   = wasmCloud{}
)

// Errors of guests that ask for what only this interface has.
var (
	errExists    = errors.New("the key has a value")
	errNoOptions = errors.New("a swap without a condition")
	errNoExpiry  = errors.New("expiry is not supported by this store")
)

var wasmCloudError = &guestError[wasmcloud.Error]{wasmcloud.ErrorNoSuchStore(), wasmcloud.ErrorAccessDenied(), wasmcloud.ErrorOther}

// wasmCloudFail turns a backend's error into a WIT error. This interface has more cases than others.
func wasmCloudFail(ctx context.Context, err error) error {
	of, cause, ok := wasmCloudError.of(ctx, err)
	if !ok {
		return cause
	}
	down := backend.DownReason(err)
	switch {
	case errors.Is(err, errExists):
		return cm.Fail(wasmcloud.ErrorPreconditionFailed())
	case errors.Is(err, errNoOptions):
		return cm.Fail(wasmcloud.ErrorInvalidArgument())
	case errors.Is(err, ErrFull):
		of = wasmcloud.ErrorQuotaExceeded()
	case down == workload.BackendTimeout:
		of = wasmcloud.ErrorTimeout()
	case down != "":
		of = wasmcloud.ErrorStoreUnavailable()
	}
	return cm.FailFor(of, cause)
}

// Open implements wasmcloud.Store.
func (w wasmCloud) Open(ctx context.Context, name string) (wasmcloud.Bucket, error) {
	o, err := w.open(ctx, name)
	if err != nil {
		return nil, wasmCloudFail(ctx, err)
	}
	return &wasmCloudBucket{o}, nil
}

func wasmCloudBucketOf(b wasmcloud.Bucket) (*wasmCloudBucket, error) {
	return cm.ObjectAs[*wasmCloudBucket](wasmcloud.BucketType, b)
}

// wasmCloudBucket is the resource; it implements wasmcloud.Bucket.
type wasmCloudBucket struct{ opened }

// Get implements wasmcloud.Bucket.
func (b *wasmCloudBucket) Get(ctx context.Context, key string) (*[]byte, error) {
	v, err := b.get(ctx, key)
	return v, wasmCloudFail(ctx, err)
}

// Set implements wasmcloud.Bucket.
func (b *wasmCloudBucket) Set(ctx context.Context, key string, value []byte, options *wasmcloud.SetOptions) error {
	return wasmCloudFail(ctx, b.set(ctx, key, value, options))
}

func (b *wasmCloudBucket) set(ctx context.Context, key string, value []byte, options *wasmcloud.SetOptions) error {
	switch {
	case options == nil:
		return b.put(ctx, key, value)
	case options.TtlMs != nil:
		return errNoExpiry
	case !options.IfNotExists:
		return b.put(ctx, key, value)
	}
	s, can := b.swapper()
	if !can {
		return errNoSwap
	}
	swapped, _, err := s.Swap(ctx, key, "", value)
	if err == nil && !swapped {
		err = errExists
	}
	return err
}

// Delete implements wasmcloud.Bucket.
func (b *wasmCloudBucket) Delete(ctx context.Context, key string) error {
	return wasmCloudFail(ctx, b.remove(ctx, key))
}

// Exists implements wasmcloud.Bucket.
func (b *wasmCloudBucket) Exists(ctx context.Context, key string) (bool, error) {
	ok, err := b.exists(ctx, key)
	return ok, wasmCloudFail(ctx, err)
}

// ListKeys implements wasmcloud.Bucket. A page has those of a page of all keys that begin with the prefix, which may be none.
func (b *wasmCloudBucket) ListKeys(ctx context.Context, prefix, cursor *string) (out wasmcloud.KeyResponse, err error) {
	from := ""
	if cursor != nil {
		from = *cursor
	}
	page, err := b.list(ctx, from)
	if err != nil {
		return out, wasmCloudFail(ctx, err)
	}
	for _, k := range page.Keys {
		if prefix == nil || strings.HasPrefix(k, *prefix) {
			out.Keys = append(out.Keys, k)
		}
	}
	if page.Next != "" {
		out.Cursor = &page.Next
	}
	return out, nil
}

// Increment implements wasmcloud.Atomics.
func (wasmCloud) Increment(ctx context.Context, of wasmcloud.Bucket, key string, delta int64) (int64, error) {
	b, err := wasmCloudBucketOf(of)
	if err != nil {
		return 0, err
	}
	n, err := b.add(ctx, key, delta)
	return n, wasmCloudFail(ctx, err)
}

// Current implements wasmcloud.Cas.
func (wasmCloud) Current(ctx context.Context, of wasmcloud.Bucket, key string) (*wasmcloud.Entry, error) {
	b, err := wasmCloudBucketOf(of)
	if err != nil {
		return nil, err
	}
	s, can := b.swapper()
	if !can {
		return nil, wasmCloudFail(ctx, errNoSwap)
	}
	now, err := s.Current(ctx, key)
	if err != nil {
		return nil, wasmCloudFail(ctx, err)
	}
	return entryOf(now), nil
}

// entryOf is the state of a key, nil without a value.
func entryOf(v Versioned) *wasmcloud.Entry {
	if v.Version == "" {
		return nil
	}
	return &wasmcloud.Entry{Value: v.Value, Version: string(v.Version)}
}

// Swap implements wasmcloud.Cas.
func (wasmCloud) Swap(ctx context.Context, of wasmcloud.Bucket, key string, value []byte, options wasmcloud.CasOptions) (wasmcloud.CasResult, error) {
	b, err := wasmCloudBucketOf(of)
	if err != nil {
		return wasmcloud.CasResult{}, err
	}
	swapped, now, err := b.swapIf(ctx, key, value, &options)
	switch {
	case err != nil:
		return wasmcloud.CasResult{}, wasmCloudFail(ctx, err)
	case swapped:
		return wasmcloud.CasResultSwapped(), nil
	}
	return wasmcloud.CasResultStale(entryOf(now)), nil
}

// swapIf sets a key if all conditions hold. What somebody changes between looking and setting is looked at again: the value may be the same.
func (b *wasmCloudBucket) swapIf(ctx context.Context, key string, value []byte, options *wasmcloud.CasOptions) (swapped bool, now Versioned, err error) {
	if options.RequireVersion == nil && options.RequireValue == nil {
		return false, now, errNoOptions
	}
	s, can := b.swapper()
	if !can {
		return false, now, errNoSwap
	}
	now, err = s.Current(ctx, key)
	for err == nil && !swapped {
		// Both conditions are about a value: a key without one meets neither.
		if now.Version == "" || options.RequireVersion != nil && string(now.Version) != *options.RequireVersion ||
			options.RequireValue != nil && !bytes.Equal(now.Value, *options.RequireValue) {
			return false, now, nil
		}
		if err = ctx.Err(); err == nil {
			swapped, now, err = s.Swap(ctx, key, now.Version, value)
		}
	}
	return swapped, now, err
}

// GetMany implements wasmcloud.Batch.
func (wasmCloud) GetMany(ctx context.Context, of wasmcloud.Bucket, keys []string) ([]*cm.Tuple2[string, []byte], error) {
	b, err := wasmCloudBucketOf(of)
	if err != nil {
		return nil, err
	}
	values, err := b.getMany(ctx, keys)
	if err != nil {
		return nil, wasmCloudFail(ctx, err)
	}
	return pairs(keys, values), nil
}

// SetMany implements wasmcloud.Batch.
func (wasmCloud) SetMany(ctx context.Context, of wasmcloud.Bucket, kvs []cm.Tuple2[string, []byte]) error {
	b, err := wasmCloudBucketOf(of)
	if err != nil {
		return err
	}
	return wasmCloudFail(ctx, b.setMany(ctx, kvs))
}

// DeleteMany implements wasmcloud.Batch.
func (wasmCloud) DeleteMany(ctx context.Context, of wasmcloud.Bucket, keys []string) error {
	b, err := wasmCloudBucketOf(of)
	if err != nil {
		return err
	}
	return wasmCloudFail(ctx, b.deleteMany(ctx, keys))
}
