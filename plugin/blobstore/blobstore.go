// Package blobstore serves wasi:blobstore 0.2.0-draft and wasmcloud:blobstore 0.1.0 to components, over any backend. By each of them a container is
// the same data. The contract of backends is the test suite in blobstoretest; FUNCTIONS.md lists the functions and which outcomes of them are tested.
//
// Objects are streams: no backend needs to hold a whole one, and the plugin holds a buffer of it, as long as the guest reads and
// writes it as a stream and names its destination before it has written much.
//
// Not covered yet, because no interface that is served needs them, are an object's own metadata, conditional
// writes, and lists by prefix: each can be an optional interface like [Copier].
package blobstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
)

// Errors whose texts guests get, some with the names that they gave. Backends return errors that wrap them. For any other error
// guests get [backend.FailedText], and operators its text, in telemetry, too: a backend's error must not have the name of an object in it.
// ErrNoSuchContainer and ErrNoSuchObject wrap ErrNotFound.
var (
	ErrNotFound        = errors.New("not found")
	ErrNoSuchContainer = fmt.Errorf("container %w", ErrNotFound)
	ErrNoSuchObject    = fmt.Errorf("object %w", ErrNotFound)
	ErrExists          = errors.New("exists already") // there is a container of that name
	ErrAccessDenied    = errors.New("access denied")
	ErrFull            = errors.New("the store is full")
	ErrCursor          = backend.ErrCursor // List has not returned this cursor
)

// Owner is the component that uses a store.
type Owner = backend.Owner

// Backend has a store for each owner. It must be safe for concurrent use, and implement [backend.Dropper] or [backend.Persistent],
// which decide about the data when the workload has ended.
type Backend interface{ Store(owner Owner) Store }

// Store holds containers of objects. It must be safe for concurrent use, and each call atomic. A call that waits must return an
// error when its context ends.
type Store interface {
	// CreateContainer makes an empty container. It fails with ErrExists if there is one of that name.
	CreateContainer(ctx context.Context, name string) error
	// DeleteContainer removes a container with all that is in it.
	DeleteContainer(ctx context.Context, name string) error
	// Container returns a container's info. It and all methods below fail with ErrNoSuchContainer if there is no such container.
	Container(ctx context.Context, name string) (ContainerInfo, error)

	// Open reads up to n bytes of an object from offset from; beyond the object's end that is none, and no error. The reader
	// returns bytes of the object as info describes it, or an error: replacing or deleting the object meanwhile never mixes two
	// objects. ctx is that of all reads. The caller closes the reader, which ends a running Read. It fails with ErrNoSuchObject
	// if there is no such object.
	Open(ctx context.Context, container, object string, from, n uint64) (r io.ReadCloser, info Info, err error)
	// Put makes or replaces an object from data, which it reads up to io.EOF and no further. Its error wraps any other error of
	// data. A Put that fails leaves the old object, if any; a part of an object is never visible. Put must not use data after it
	// has returned.
	Put(ctx context.Context, container, object string, data io.Reader) (Info, error)
	// Stat returns an object's info. It fails with ErrNoSuchObject if there is no such object.
	Stat(ctx context.Context, container, object string) (Info, error)
	// List returns the names of a container's objects a page at a time, in any order. cursor is "" for the first page, and else the
	// Next of a page. A page may be empty and not the last. Each object that is there during the whole listing is listed once;
	// others may or may not be.
	List(ctx context.Context, container, cursor string) (Page, error)
	// Delete removes objects; a missing one is no error.
	Delete(ctx context.Context, container string, objects ...string) error
}

// ContainerInfo describes a container.
type ContainerInfo struct{ Created time.Time }

// Info describes an object.
type Info struct {
	Size    uint64 // of the whole object, in bytes
	Created time.Time
}

// Page is a part of a container's list of objects.
type Page struct {
	Names []string
	Next  string // the cursor of the next page, opaque to the caller; "" if there is none
}

// Copier is an optional interface of stores that can copy an object. Without it the plugin reads and writes it. A move is a copy and
// a Delete, since the interface does not promise more.
type Copier interface {
	// Copy makes or replaces an object by a copy of another. It is atomic, as Put is.
	Copy(ctx context.Context, fromContainer, fromObject, toContainer, toObject string) error
}

// InMemory is an optional interface of Open's readers whose bytes are in the process's memory. A Read of such a reader never waits.
type InMemory interface {
	// Rest returns the bytes that were not read yet, which the caller may keep and must not change.
	Rest() []byte
	// Held is how many bytes the reader keeps in memory until it is closed, of which Rest may be a small part. They count for the
	// guest's limit hostMemory.
	Held() int
}

// MaxObject bounds the bytes of one object in memory: for a guest that reads all of it at once, and for one that writes before it
// has named a destination. Objects that are streamed may be larger.
const MaxObject = 64 << 20
