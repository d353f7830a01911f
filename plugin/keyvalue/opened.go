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
	denied func(ctx context.Context, name string) // tells the operator of a bucket that is not granted
}

// open opens a bucket. Guests may leave out the name of the bucket "default".
func (s stores) open(ctx context.Context, name string) (opened, error) {
	if name == "" {
		name = backend.Default
	}
	r, granted := s.routes[name]
	if !granted {
		s.denied(ctx, name)
		return opened{}, ErrNoSuchStore
	}
	b, err := r.Backend.Open(ctx, r.Owner, name)
	r.Watch.Met(ctx, err, guestErrors...)
	return opened{bucket: b, watch: r.Watch, system: r.Name, name: name}, err
}

// opened is an open bucket, without the types of an interface: resources are made of it. It does without the optional interfaces of buckets
// where that is possible. How each call of the bucket ends, the backend's watch is told.
type opened struct {
	bucket       Bucket
	watch        *backend.Watch
	system, name string
}

// met tells the watch how a call has ended.
func (o *opened) met(ctx context.Context, err error) error {
	o.watch.Met(ctx, err, guestErrors...)
	return err
}

func (o *opened) put(ctx context.Context, key string, value []byte) error {
	return o.met(ctx, o.bucket.Set(ctx, key, value))
}

func (o *opened) remove(ctx context.Context, key string) error {
	return o.met(ctx, o.bucket.Delete(ctx, key))
}

func (o *opened) list(ctx context.Context, cursor string) (Page, error) {
	page, err := o.bucket.List(ctx, cursor)
	return page, o.met(ctx, err)
}

// swapper is the bucket, if it can swap.
func (o *opened) swapper() (Swapper, bool) {
	s, can := o.bucket.(Swapper)
	return watchedSwapper{s, o}, can
}

type watchedSwapper struct {
	Swapper
	of *opened
}

// Current implements Swapper.
func (s watchedSwapper) Current(ctx context.Context, key string) (Versioned, error) {
	v, err := s.Swapper.Current(ctx, key)
	return v, s.of.met(ctx, err)
}

// Swap implements Swapper.
func (s watchedSwapper) Swap(ctx context.Context, key string, version Version, value []byte) (bool, Versioned, error) {
	swapped, now, err := s.Swapper.Swap(ctx, key, version, value)
	return swapped, now, s.of.met(ctx, err)
}

// StoreSystem is the name of the backend, or of its type.
func (o *opened) StoreSystem() string { return o.system }

// StoreCollection is the guest's name for the bucket, which its component's grants have.
func (o *opened) StoreCollection() string { return o.name }

// Drop closes the bucket, if it is an io.Closer.
func (o *opened) Drop(context.Context) error {
	if c, ok := o.bucket.(io.Closer); ok {
		c.Close() // there is no way to report an error
	}
	return nil
}

// get is the value of a key, nil for none.
func (o *opened) get(ctx context.Context, key string) (*[]byte, error) {
	v, ok, err := o.bucket.Get(ctx, key)
	if o.met(ctx, err) != nil || !ok {
		return nil, err
	}
	return &v, nil
}

func (o *opened) exists(ctx context.Context, key string) (ok bool, err error) {
	if e, can := o.bucket.(Exister); can {
		ok, err = e.Exists(ctx, key)
	} else {
		_, ok, err = o.bucket.Get(ctx, key)
	}
	return ok && err == nil, o.met(ctx, err)
}

// all is all keys.
func (o *opened) all(ctx context.Context) (keys []string, err error) {
	var held cm.Holding // a list of keys may be larger than a component's values
	defer held.Release()
	for cursor := ""; ; {
		page, err := o.list(ctx, cursor)
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
	i, can := o.bucket.(Incrementer)
	if !can {
		return 0, errNotAtomic
	}
	sum, err := i.Increment(ctx, key, delta)
	return sum, o.met(ctx, err)
}

// add adds a signed number, by swaps until nobody has come between.
func (o *opened) add(ctx context.Context, key string, delta int64) (sum int64, err error) {
	s, can := o.swapper()
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
	if batch, can := o.bucket.(Batcher); can {
		values, err := batch.GetMany(ctx, keys)
		if o.met(ctx, err) == nil && len(values) != len(keys) {
			err = fmt.Errorf("%d values for %d keys", len(values), len(keys))
		}
		return values, err
	}
	out := make([]Found, len(keys))
	for i, k := range keys {
		v, err := o.get(ctx, k)
		if err != nil {
			return nil, err
		}
		if v != nil {
			out[i] = Found{*v, true}
		}
	}
	return out, nil
}

func (o *opened) setMany(ctx context.Context, kvs []cm.Tuple2[string, []byte]) error {
	if batch, can := o.bucket.(Batcher); can {
		entries := make([]Entry, len(kvs))
		for i, kv := range kvs {
			entries[i] = Entry{kv.F0, kv.F1}
		}
		return o.met(ctx, batch.SetMany(ctx, entries))
	}
	for _, kv := range kvs {
		if err := o.put(ctx, kv.F0, kv.F1); err != nil {
			return err
		}
	}
	return nil
}

func (o *opened) deleteMany(ctx context.Context, keys []string) error {
	if batch, can := o.bucket.(Batcher); can {
		return o.met(ctx, batch.DeleteMany(ctx, keys))
	}
	for _, k := range keys {
		if err := o.remove(ctx, k); err != nil {
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
