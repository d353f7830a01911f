// Package keyvalue serves wasi:keyvalue to components, over any backend. What a backend has to hold to is the contract
// suite in keyvaluetest.
package keyvalue

import (
	"context"
	"errors"
)

// ErrNoSuchStore says that there is no bucket of that name; ErrAccessDenied that the component may not use it. Backends
// return errors that wrap them.
var (
	ErrNoSuchStore  = errors.New("no such store")
	ErrAccessDenied = errors.New("access denied")
)

// Owner is the component that opens a bucket.
type Owner struct{ Namespace, Workload, Component string }

// Backend opens buckets. Safe for concurrent use.
type Backend interface {
	Open(ctx context.Context, owner Owner, name string) (Bucket, error)
}

// Dropper is an optional power of backends whose data goes with the workload: Drop forgets all that is of an owner. It is
// called when the workload has been stopped, or its start has failed.
type Dropper interface {
	Drop(owner Owner)
}

// Bucket holds values under keys. Safe for concurrent use; each call is atomic for itself.
type Bucket interface {
	// Get gives a value that the caller may keep and must not change, and whether there is one.
	Get(ctx context.Context, key string) ([]byte, bool, error)
	// Set stores a copy.
	Set(ctx context.Context, key string, value []byte) error
	// Delete removes a key; one that is not there is no error.
	Delete(ctx context.Context, key string) error
	// Keys gives keys a page at a time: cursor 0 is the first page, next 0 says that there is none after it. Keys that
	// come or go meanwhile may or may not be seen; every other key is seen once.
	Keys(ctx context.Context, cursor uint64) (keys []string, next uint64, err error)
	// Increment adds to the number under a key (decimal text; 0 where there is none) and gives the sum. A value that is
	// no number, or a sum beyond 64 bits, is an error and changes nothing.
	Increment(ctx context.Context, key string, delta uint64) (uint64, error)
}
