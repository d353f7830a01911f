// Package blobstore serves wasi:blobstore to components, over any backend.
package blobstore

import (
	"context"
	"errors"
	"time"
)

// ErrNotFound says that there is no container or object of that name, ErrExists that there is one already. Backends
// return errors that wrap them.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("exists already")
)

// Owner is the component that uses a store.
type Owner struct{ Namespace, Workload, Component string }

// Backend has a store for each owner. Safe for concurrent use.
type Backend interface{ Store(owner Owner) Store }

// Dropper is an optional power of backends whose data goes with the workload: Drop forgets all that is of an owner. It is
// called when the workload has been stopped, or its start has failed.
type Dropper interface {
	Drop(owner Owner)
}

// Store holds containers of objects. Safe for concurrent use; each call is atomic for itself.
type Store interface {
	CreateContainer(ctx context.Context, name string) error
	DeleteContainer(ctx context.Context, name string) error
	Container(ctx context.Context, name string) (created time.Time, err error)
	// Put makes or replaces an object, and keeps data.
	Put(ctx context.Context, container, object string, data []byte) error
	// Get gives an object's bytes, which the caller may keep and must not change.
	Get(ctx context.Context, container, object string) (Object, error)
	// List gives the names of a container's objects.
	List(ctx context.Context, container string) ([]string, error)
	// Delete removes objects; one that is not there is no error.
	Delete(ctx context.Context, container string, objects ...string) error
}

// Object is an object as it was at one moment.
type Object struct {
	Data    []byte
	Created time.Time
}

// MaxObject bounds one object, in bytes: it is held in memory while it is written.
const MaxObject = 64 << 20
