package keyvalue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
)

// stores opens what the grants of one component name.
type stores struct {
	routes map[string]backend.Route[Backend]
}

// open opens a bucket. Guests may leave out the name of the bucket "default".
func (s stores) open(ctx context.Context, name string) (opened, error) {
	if name == "" {
		name = backend.Default
	}
	r, granted := s.routes[name]
	if !granted {
		return opened{}, ErrNoSuchStore
	}
	b, err := r.Backend.Open(ctx, r.Owner, name)
	return opened{Bucket: b, system: r.Name, name: name}, err
}

// opened is an open bucket, without the types of an interface: resources are made of it. It does without the optional interfaces of buckets
// where that is possible.
type opened struct {
	Bucket
	system, name string
}

// StoreSystem is the name of the backend, or of its type.
func (o *opened) StoreSystem() string { return o.system }

// StoreCollection is the guest's name for the bucket, which its component's grants have.
func (o *opened) StoreCollection() string { return o.name }

// Drop closes the bucket, if it is an io.Closer.
func (o *opened) Drop(context.Context) error {
	if c, ok := o.Bucket.(io.Closer); ok {
		c.Close() // there is no way to report an error
	}
	return nil
}

// get is the value of a key, nil for none.
func (o *opened) get(ctx context.Context, key string) (*[]byte, error) {
	v, ok, err := o.Bucket.Get(ctx, key)
	if err != nil || !ok {
		return nil, err
	}
	return &v, nil
}

func (o *opened) exists(ctx context.Context, key string) (ok bool, err error) {
	if e, can := o.Bucket.(Exister); can {
		ok, err = e.Exists(ctx, key)
	} else {
		_, ok, err = o.Bucket.Get(ctx, key)
	}
	return ok && err == nil, err
}

// all is all keys.
func (o *opened) all(ctx context.Context) (keys []string, err error) {
	var held cm.Holding // a list of keys may be larger than a component's values
	defer held.Release()
	for cursor := ""; ; {
		page, err := o.List(ctx, cursor)
		if err != nil {
			return nil, err
		}
		n := 0
		for _, k := range page.Keys {
			n += len(k) + keyBytes
		}
		if err := held.Hold(ctx, held.Bytes()+n); err != nil {
			return nil, err
		}
		keys = append(keys, page.Keys...)
		if page.Next == "" {
			return keys, nil
		}
		if page.Next == cursor {
			return nil, fmt.Errorf("listing does not go on behind %d keys", len(keys))
		}
		cursor = page.Next
	}
}

// keyBytes is the size of a key in memory besides its text.
const keyBytes = 16

// Errors of guests that ask a bucket for what it cannot do.
var (
	errNotAtomic = errors.New("increment is not supported by this store")
	errNoSwap    = errors.New("compare-and-swap is not supported by this store")
)

// increment fails for a bucket that is no Incrementer: by Get and Set it would not be atomic.
func (o *opened) increment(ctx context.Context, key string, delta uint64) (uint64, error) {
	i, can := o.Bucket.(Incrementer)
	if !can {
		return 0, errNotAtomic
	}
	return i.Increment(ctx, key, delta)
}

// add adds a signed number, by swaps until nobody has come between.
func (o *opened) add(ctx context.Context, key string, delta int64) (sum int64, err error) {
	s, can := o.Bucket.(Swapper)
	if !can {
		return 0, errNotAtomic
	}
	now, err := s.Current(ctx, key)
	for swapped := false; err == nil && !swapped; {
		if sum, err = signedSum(now, delta); err != nil {
			return 0, err
		}
		if err = ctx.Err(); err == nil {
			swapped, now, err = s.Swap(ctx, key, now.Version, strconv.AppendInt(nil, sum, 10))
		}
	}
	return sum, err
}

func signedSum(to Versioned, delta int64) (int64, error) {
	n := int64(0)
	if to.Version != "" {
		var err error
		switch n, err = strconv.ParseInt(string(to.Value), 10, 64); {
		case errors.Is(err, strconv.ErrRange):
			return 0, ErrOverflow
		case err != nil:
			return 0, ErrNotNumber
		}
	}
	sum := n + delta
	if (sum > n) != (delta > 0) && delta != 0 {
		return 0, ErrOverflow
	}
	return sum, nil
}

func (o *opened) getMany(ctx context.Context, keys []string) ([]Found, error) {
	if batch, can := o.Bucket.(Batcher); can {
		values, err := batch.GetMany(ctx, keys)
		if err == nil && len(values) != len(keys) {
			err = fmt.Errorf("%d values for %d keys", len(values), len(keys))
		}
		return values, err
	}
	out := make([]Found, len(keys))
	for i, k := range keys {
		v, ok, err := o.Bucket.Get(ctx, k)
		if err != nil {
			return nil, err
		}
		out[i] = Found{v, ok}
	}
	return out, nil
}

func (o *opened) setMany(ctx context.Context, kvs []cm.Tuple2[string, []byte]) error {
	if batch, can := o.Bucket.(Batcher); can {
		entries := make([]Entry, len(kvs))
		for i, kv := range kvs {
			entries[i] = Entry{kv.F0, kv.F1}
		}
		return batch.SetMany(ctx, entries)
	}
	for _, kv := range kvs {
		if err := o.Bucket.Set(ctx, kv.F0, kv.F1); err != nil {
			return err
		}
	}
	return nil
}

func (o *opened) deleteMany(ctx context.Context, keys []string) error {
	if batch, can := o.Bucket.(Batcher); can {
		return batch.DeleteMany(ctx, keys)
	}
	for _, k := range keys {
		if err := o.Bucket.Delete(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

// guestErrors are the errors that guests get, by a case of the interface's error or by their text.
var guestErrors = []error{ErrNoSuchStore, ErrAccessDenied, ErrFull, ErrNotNumber, ErrOverflow, ErrCursor, errNotAtomic, errNoSwap, errExists, errNoOptions, errNoExpiry}

// guestError has the cases of an interface's error.
type guestError[E any] struct {
	noSuchStore, accessDenied E
	other                     func(string) E
}

// fail turns a backend's error into a WIT error.
func (g *guestError[E]) fail(ctx context.Context, err error) error {
	of, cause, ok := g.of(ctx, err)
	if !ok {
		return cause
	}
	return cm.FailFor(of, cause)
}

// of is the WIT error for a backend's, with its cause. ok is false if there is none, and cause the error that the call has then.
func (g *guestError[E]) of(ctx context.Context, err error) (of E, cause error, ok bool) {
	if err == nil {
		return of, nil, false
	}
	text, cause, ok := backend.Failure(ctx, err, guestErrors...)
	switch {
	case !ok:
		return of, cause, false
	case err == ErrNoSuchStore: // not granted: the case says it all
		return g.noSuchStore, nil, true
	case text == ErrNoSuchStore.Error():
		return g.noSuchStore, cause, true
	case text == ErrAccessDenied.Error():
		return g.accessDenied, cause, true
	}
	return g.other(text), cause, true
}
