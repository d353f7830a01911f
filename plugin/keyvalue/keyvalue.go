// Package keyvalue serves key-value stores to components by several interfaces, over any backend: wasi:keyvalue 0.2.0-draft and
// 0.2.0-draft2, key-value of fermyon:spin 2.0.0, spin:key-value 3.0.0, and wasmcloud:keyvalue 0.2.0. By each of them a bucket is the same data. The contract of
// backends is the test suite in keyvaluetest; FUNCTIONS.md lists the functions and which outcomes of them are tested.
//
// A backend is small: it opens buckets that get, set, delete and list. Its buckets may implement [Batcher], [Exister],
// [Incrementer] and [Swapper] besides. The plugin replaces the first two by single calls, because the interfaces promise nothing
// of a batch as a whole. It does not replace atomic operations: in a bucket that is no Incrementer, increment of the first draft is an error,
// and in one that is no Swapper, the increments (of signed numbers), compare-and-swap and conditional writes of the others.
//
// Not covered yet are expiry (ttl-ms of wasmcloud:keyvalue is an error, as that interface requires), backends that list keys by prefix themselves,
// and watching for changes. Each can be an optional interface, which leaves other backends unchanged.
package keyvalue

import (
	"context"
	"errors"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
)

// Errors that guests get as a case of the interface's error, or by these texts. Backends return errors that wrap them. For any other
// error guests get [backend.FailedText], and operators its text.
var (
	ErrNoSuchStore  = errors.New("no such store") // there is no bucket of that name
	ErrAccessDenied = errors.New("access denied") // the component may not use it
	ErrFull         = errors.New("the store is full")
	ErrNotNumber    = errors.New("the value is not a number") // it cannot be incremented
	ErrOverflow     = errors.New("the sum is beyond 64 bits")
	ErrCursor       = backend.ErrCursor // List has not returned this cursor
)

// Owner is the component that opens a bucket.
type Owner = backend.Owner

// Backend opens buckets. It must be safe for concurrent use, and implement [backend.Dropper] or [backend.Persistent], which decide
// about the data when the workload has ended.
type Backend interface {
	// Open opens an owner's bucket, and makes it if there is none. name is one of the owner's grants; "default" is the bucket that
	// guests open without a name. A bucket that is an [io.Closer] is closed when the guest drops it.
	Open(ctx context.Context, owner Owner, name string) (Bucket, error)
}

// Bucket holds values under keys. It must be safe for concurrent use, and each call atomic. A call that waits must return an error
// when its context ends.
type Bucket interface {
	// Get returns a value, which the caller may keep and must not change, and whether there is one.
	Get(ctx context.Context, key string) (value []byte, found bool, err error)
	// Set stores a copy.
	Set(ctx context.Context, key string, value []byte) error
	// Delete removes a key; a missing one is no error.
	Delete(ctx context.Context, key string) error
	// List returns keys a page at a time, in any order. cursor is "" for the first page, and else the Next of a page, of this
	// bucket or of another that was opened for the same owner and name. A page may be empty and not the last. Each key that is
	// there during the whole listing is listed once; others may or may not be. For a cursor that the bucket has not returned,
	// which guests can invent, List fails with ErrCursor or begins anywhere.
	List(ctx context.Context, cursor string) (Page, error)
}

// Page is a part of a bucket's keys.
type Page struct {
	Keys []string
	// Next is the cursor of the next page, opaque to the caller; "" if there is none. For interfaces whose cursors are numbers, a
	// decimal number below 2⁶³ is passed unchanged and valid in other instances, too; of other texts a bucket's resource keeps
	// the last few.
	Next string
}

// Entry is a value under its key.
type Entry struct {
	Key   string
	Value []byte
}

// Found is the value of a key, if there is one.
type Found struct {
	Value []byte
	OK    bool // there is one
}

// Batcher is an optional interface of buckets: several keys in one call. A batch need not be atomic; if it fails, a part of it may
// have been done.
type Batcher interface {
	// GetMany returns the values of keys, in their order. The caller may keep the values, and must not change them.
	GetMany(ctx context.Context, keys []string) ([]Found, error)
	// SetMany stores copies. Of entries with the same key the last one counts.
	SetMany(ctx context.Context, entries []Entry) error
	// DeleteMany removes keys; missing ones are no error.
	DeleteMany(ctx context.Context, keys []string) error
}

// Exister is an optional interface of buckets that can look for a key without fetching its value.
type Exister interface {
	Exists(ctx context.Context, key string) (bool, error)
}

// Incrementer is an optional interface of buckets with atomic counters.
type Incrementer interface {
	// Increment adds to the number under a key (decimal text; 0 if there is none) and returns the sum. A value that is no number
	// (ErrNotNumber), or a sum beyond 64 bits (ErrOverflow), is an error and changes nothing.
	Increment(ctx context.Context, key string, delta uint64) (uint64, error)
}

// Swapper is an optional interface of buckets with an atomic compare-and-swap. A version is valid in any bucket of the owner and name.
type Swapper interface {
	// Current returns the value of a key with its version.
	Current(ctx context.Context, key string) (Versioned, error)
	// Swap sets a key to value if its version equals version, which Current or Swap has returned (the zero Version if there is no
	// value). Otherwise it changes nothing. now is the key's state after the call, for another try.
	Swap(ctx context.Context, key string, version Version, value []byte) (swapped bool, now Versioned, err error)
}

// Version identifies a state of a key: a number, a tag. It is opaque, and only compared for equality; a value that was changed and
// changed back has another version. "" is the version of a key without a value.
type Version string

// Versioned is the state of a key. Version is "" if there is no value.
type Versioned struct {
	Value   []byte
	Version Version
}
