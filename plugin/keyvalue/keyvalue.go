// Package keyvalue serves wasi:keyvalue to components, over any backend. What a backend has to hold to is the contract
// suite in keyvaluetest.
//
// A backend is small: it opens buckets that get, set, delete and list. What else it can do it says by implementing [Batcher],
// [Exister], [Incrementer] or [Swapper] with its buckets. The plugin makes up for the first two by single calls, because the
// interface promises nothing of a batch as a whole. It makes up for nothing that would have to be atomic: where a bucket is no
// Incrementer the guest is told so.
//
// These interfaces are made to serve the package's later forms, too: wasi:keyvalue 0.2.0-draft2 and wasmcloud:keyvalue have text
// for a cursor and swap by version, spin:key-value lists everything, which is one page after another. Left out as yet, because no
// interface that is served can ask for it, are expiry and writes only where there is no key (set-options of
// wasmcloud:keyvalue), lists of keys by prefix, signed increments, and watching for changes. Each of them can be an optional
// interface beside the others: a backend that does not have it stays as it is.
package keyvalue

import (
	"context"
	"errors"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
)

// Errors that guests are told by the interface's own error, or by these words. Backends return errors that wrap them. Of any other
// error guests are told [backend.FailedText], and operators what it says.
var (
	ErrNoSuchStore  = errors.New("no such store")             // there is no bucket of that name
	ErrAccessDenied = errors.New("access denied")             // the component may not use it
	ErrFull         = errors.New("the store is full")         // there is no room for what was to be stored
	ErrNotNumber    = errors.New("the value is not a number") // it cannot be incremented
	ErrOverflow     = errors.New("the sum is beyond 64 bits") // it would be
	ErrCursor       = backend.ErrCursor                       // List has not given this cursor
)

// Owner is the component that opens a bucket.
type Owner = backend.Owner

// Backend opens buckets. Safe for concurrent use. [backend.Dropper] or [backend.Persistent] says what becomes of the data when
// its workload has ended; a backend must be one of them.
type Backend interface {
	// Open opens an owner's bucket, and makes it if need be. name is one that the owner has been granted; "default" is the
	// bucket that guests open without a name. A bucket that is an [io.Closer] is closed when its guest lets go of it.
	Open(ctx context.Context, owner Owner, name string) (Bucket, error)
}

// Bucket holds values under keys. Safe for concurrent use; each call is atomic for itself. Calls end with their context: one that
// waits for something outside gives up, with an error, when it is cancelled.
type Bucket interface {
	// Get gives a value, which the caller may keep and must not change, and whether there is one.
	Get(ctx context.Context, key string) (value []byte, found bool, err error)
	// Set stores a copy.
	Set(ctx context.Context, key string, value []byte) error
	// Delete removes a key; one that is not there is no error.
	Delete(ctx context.Context, key string) error
	// List gives keys a page at a time, in any order. cursor is "" for the first page, and else the Next of a page, of this
	// bucket or of another that was opened for the same owner and name. A page may be empty and have another after it. Keys that
	// come or go meanwhile may or may not be seen; every other key is seen once. A cursor that is not the bucket's own is an
	// ErrCursor or begins somewhere: guests can make them up.
	List(ctx context.Context, cursor string) (Page, error)
}

// Page is a part of a bucket's keys.
type Page struct {
	Keys []string
	// Next is where the next page begins; "" if there is none. Only the bucket knows what it means. A decimal number below
	// 2⁶³ reaches guests of interfaces that have numbers for cursors as it is, and is good in other instances of theirs; of
	// any other text a bucket's resource remembers the last few.
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

// Batcher is an optional power of buckets: several keys in one call. A batch need not be atomic; where it fails, a part of it
// may have been done.
type Batcher interface {
	// GetMany gives the values of keys, one for each in their order. The caller may keep the values, and must not change them.
	GetMany(ctx context.Context, keys []string) ([]Found, error)
	// SetMany stores copies. Of entries with the same key the last one counts.
	SetMany(ctx context.Context, entries []Entry) error
	// DeleteMany removes keys; those that are not there are no error.
	DeleteMany(ctx context.Context, keys []string) error
}

// Exister is an optional power of buckets that can say whether there is a value without fetching it.
type Exister interface {
	Exists(ctx context.Context, key string) (bool, error)
}

// Incrementer is an optional power of buckets with atomic counters.
type Incrementer interface {
	// Increment adds to the number under a key (decimal text; 0 where there is none) and gives the sum. A value that is no
	// number, or a sum beyond 64 bits, is an error and changes nothing.
	Increment(ctx context.Context, key string, delta uint64) (uint64, error)
}

// Swapper is an optional power of buckets with an atomic compare-and-swap. No interface that is served as yet reaches it.
type Swapper interface {
	// Current gives the value of a key with its version.
	Current(ctx context.Context, key string) (Versioned, error)
	// Swap sets a key to value if its version is still that one: of what Current or Swap gave, the zero Version where there was
	// no value. Otherwise it changes nothing. now is what the key has then, for another try.
	Swap(ctx context.Context, key string, version Version, value []byte) (swapped bool, now Versioned, err error)
}

// Version tells the states of a key apart: a number, a tag. It is opaque, and only equality means something; a value that was
// changed and changed back has another version. "" is the version of a key without a value.
type Version string

// Versioned is the state of a key. Version is "" if there is no value.
type Versioned struct {
	Value   []byte
	Version Version
}
