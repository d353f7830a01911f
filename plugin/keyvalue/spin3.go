package keyvalue

import (
	"context"
	"io"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/bindings/spin3"
	"github.com/vitrine-wasm/vitrine/wasi/flow"
)

// asyncSpin implements spin:key-value 3.0.0, whose functions are asynchronous.
type asyncSpin struct{ stores }

var _ spin3.KeyValue = asyncSpin{}

var spin3Error = &guestError[spin3.Error]{spin3.ErrorNoSuchStore(), spin3.ErrorAccessDenied(), spin3.ErrorOther}

// StoreOpen implements spin3.KeyValue.
func (s asyncSpin) StoreOpen(ctx context.Context, label string) (spin3.Store, error) {
	o, err := s.open(ctx, label)
	if err != nil {
		return nil, spin3Error.fail(ctx, err)
	}
	return &asyncSpinStore{o, s.stores}, nil
}

// asyncSpinStore is the resource; it implements spin3.Store.
type asyncSpinStore struct {
	opened
	stores stores
}

// Get implements spin3.Store.
func (s *asyncSpinStore) Get(ctx context.Context, key string) (*[]byte, error) {
	v, err := s.get(ctx, key)
	return v, spin3Error.fail(ctx, err)
}

// Set implements spin3.Store.
func (s *asyncSpinStore) Set(ctx context.Context, key string, value []byte) error {
	return spin3Error.fail(ctx, s.put(ctx, key, value))
}

// Delete implements spin3.Store.
func (s *asyncSpinStore) Delete(ctx context.Context, key string) error {
	return spin3Error.fail(ctx, s.remove(ctx, key))
}

// Exists implements spin3.Store.
func (s *asyncSpinStore) Exists(ctx context.Context, key string) (bool, error) {
	ok, err := s.exists(ctx, key)
	return ok, spin3Error.fail(ctx, err)
}

// keysAndEnd are the parts of a list of keys.
type keysAndEnd = cm.Tuple2[*cm.StreamReader[string], *cm.FutureReader[cm.Result[struct{}, spin3.Error]]]

// GetKeys implements spin3.Store. Pages are read as the guest reads, from a bucket of the stream's own: the guest may drop the store before.
func (s *asyncSpinStore) GetKeys(ctx context.Context) (keysAndEnd, error) {
	w, keys := cm.NewStream[string]()
	ended, end := flow.Outcome(func(err error) spin3.Error {
		of, _, _ := spin3Error.of(context.Background(), err)
		return of
	})
	out := keysAndEnd{F0: keys, F1: ended}
	scope := flow.Of(ctx)
	o, err := s.stores.open(ctx, s.name)
	if err != nil {
		flow.Failed(scope, w, err, end)
		return out, nil
	}
	l := &lister{of: &o}
	return out, flow.FeedValues(scope, w, l.next, func(string) {}, func(ctx context.Context, err error) {
		_ = o.Drop(ctx)
		end(ctx, err)
	})
}

// lister gives the keys of a bucket one by one.
type lister struct {
	of     *opened
	keys   []string
	cursor string
	last   bool
}

func (l *lister) next(ctx context.Context) (string, error) {
	for len(l.keys) == 0 {
		if l.last {
			return "", io.EOF
		}
		page, err := l.of.list(ctx, l.cursor)
		if err != nil {
			return "", err
		}
		l.keys, l.cursor, l.last = page.Keys, page.Next, page.Next == ""
	}
	key := l.keys[0]
	l.keys = l.keys[1:]
	return key, nil
}
