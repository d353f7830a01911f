package wasikeyvalue

import (
	"bytes"
	"errors"
	"iter"
	"maps"
	"slices"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasikeyvalue/internal/bindings"
)

// Bucket is a set of keys with their values. It may be used by several goroutines, until it is closed. An error of its methods is an [*Error]. A component sees
// what it has written at once; others see it some time later if the store is shared by several hosts.
type Bucket struct {
	name   string
	handle bindings.Bucket
	closed bool
}

// Open opens the bucket of that name. The caller closes it.
func Open(name string) (*Bucket, error) {
	if !cabi.InComponent {
		return nil, &Error{"open", name, "", ErrNoHost}
	}
	handle, err := bindings.StoreOpen(name)
	if err != nil {
		return nil, &Error{"open", name, "", cause(err)}
	}
	return &Bucket{name: name, handle: handle}, nil
}

// Close releases the bucket; its data stays. A second Close does nothing. The error is always nil.
func (b *Bucket) Close() error {
	if !b.closed {
		b.closed = true
		b.handle.Drop()
	}
	return nil
}

// do is a call of the host, and its error.
func (b *Bucket) do(op, key string, call func() error) error {
	if b.closed {
		return &Error{op, b.name, key, ErrClosed}
	}
	if err := call(); err != nil {
		return &Error{op, b.name, key, cause(err)}
	}
	return nil
}

// Get is the value of a key, and whether there is one. A value may be empty.
func (b *Bucket) Get(key string) (value []byte, found bool, err error) {
	var got *[]byte
	err = b.do("get", key, func() (err error) { got, err = b.handle.Get(key); return })
	value, found = valueOf(got)
	return value, found, err
}

// Set sets the value of a key, new or not.
func (b *Bucket) Set(key string, value []byte) error {
	return b.do("set", key, func() error { return b.handle.Set(key, value) })
}

// Delete removes a key. One that is not there is no error.
func (b *Bucket) Delete(key string) error {
	return b.do("delete", key, func() error { return b.handle.Delete(key) })
}

// Exists says whether the key has a value.
func (b *Bucket) Exists(key string) (found bool, err error) {
	err = b.do("exists", key, func() (err error) { found, err = b.handle.Exists(key); return })
	return found, err
}

// Keys are the keys of the bucket, in no order, asked for by pages. Those that are set or removed meanwhile may be among them or not. An error comes with an empty key, and is the last.
func (b *Bucket) Keys() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for cursor, more := (*string)(nil), true; more; more = cursor != nil {
			var page bindings.KeyResponse
			if err := b.do("list", "", func() (err error) { page, err = b.handle.ListKeys(cursor); return }); err != nil {
				yield("", err)
				return
			}
			for _, key := range page.Keys {
				if !yield(key, nil) {
					return
				}
			}
			cursor = page.Cursor
		}
	}
}

// Increment adds delta to the number under a key, which is 0 if there is none, and returns the sum. Nobody else's change is lost. Numbers are stored as decimal text.
func (b *Bucket) Increment(key string, delta int64) (sum int64, err error) {
	err = b.do("increment", key, func() (err error) { sum, err = bindings.AtomicsIncrement(b.handle, key, delta); return })
	return sum, err
}

// CompareAndSwap sets the value of a key if it is old, and says whether it was. A nil old is no value; an empty one is an empty value.
func (b *Bucket) CompareAndSwap(key string, old, value []byte) (swapped bool, err error) {
	err = b.Update(key, func(now []byte, found bool) ([]byte, error) {
		if found != (old != nil) || !bytes.Equal(now, old) {
			return nil, errOther
		}
		return value, nil
	})
	if err == errOther {
		return false, nil
	}
	return err == nil, err
}

// errOther says that the value is not the expected one.
var errOther = errors.New("the value is another one")

// Update sets the value of a key to what change makes of its present one, and calls change again where another has changed it meanwhile. An error of change is
// returned as it is, and nothing is set.
func (b *Bucket) Update(key string, change func(value []byte, found bool) ([]byte, error)) error {
	var handle bindings.Cas
	if err := b.do("swap", key, func() (err error) { handle, err = bindings.CasNew(b.handle, key); return }); err != nil {
		return err
	}
	held := true
	defer func() {
		if held {
			handle.Drop()
		}
	}()
	for {
		now, err := handle.Current()
		if err != nil {
			return &Error{"swap", b.name, key, cause(err)}
		}
		value, err := change(valueOf(now))
		if err != nil {
			return err
		}
		held = false // the call takes the handle over
		err = bindings.AtomicsSwap(handle, value)
		var failed *cabi.Error[bindings.CasError]
		if !errors.As(err, &failed) || failed.Value.Tag != bindings.CasErrorTagCasFailed {
			if err != nil {
				err = &Error{"swap", b.name, key, cause(err)}
			}
			return err
		}
		handle, held = failed.Value.CasFailed, true
	}
}

// GetMany are the values of several keys, in one call. Keys without a value are not in the map.
func (b *Bucket) GetMany(keys ...string) (map[string][]byte, error) {
	var got []cabi.Tuple2[string, *[]byte]
	if err := b.do("get-many", "", func() (err error) { got, err = bindings.BatchGetMany(b.handle, keys); return }); err != nil {
		return nil, err
	}
	values := make(map[string][]byte, len(got))
	for _, kv := range got {
		if value, found := valueOf(kv.F1); found {
			values[kv.F0] = value
		}
	}
	return values, nil
}

// SetMany sets several values, in one call. Where it fails, some may be set.
func (b *Bucket) SetMany(values map[string][]byte) error {
	list := make([]cabi.Tuple2[string, []byte], 0, len(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		list = append(list, cabi.Tuple2[string, []byte]{F0: key, F1: values[key]})
	}
	return b.do("set-many", "", func() error { return bindings.BatchSetMany(b.handle, list) })
}

// DeleteMany removes several keys, in one call. Where it fails, some may be removed.
func (b *Bucket) DeleteMany(keys ...string) error {
	return b.do("delete-many", "", func() error { return bindings.BatchDeleteMany(b.handle, keys) })
}

// valueOf is a value that is not nil, if there is one.
func valueOf(got *[]byte) ([]byte, bool) {
	switch {
	case got == nil:
		return nil, false
	case *got == nil:
		return []byte{}, true
	}
	return *got, true
}
