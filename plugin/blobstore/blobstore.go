// Package blobstore serves wasi:blobstore to components, over any backend. What a backend has to hold to is the contract suite in
// blobstoretest.
//
// Objects pass as streams: no backend is made to hold a whole one, and the plugin holds no more of one than a buffer, as long as its
// guest reads and writes it as a stream and says where it goes before it has written much.
//
// The interfaces are made to serve wasmcloud:blobstore, too: its streams are these, its timestamps are as fine as Info has them, and
// its cases of error are kinds that backends wrap. Left out as yet, because no interface that is served can ask for it, are
// metadata of an object's own, conditional writes, and lists by prefix: each can be an optional interface beside [Copier].
package blobstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
)

// Errors that guests are told in these words, and the names that they gave. Backends return errors that wrap them. Of any other error guests are told
// [backend.FailedText], and operators what it says. The first is what both after it are.
var (
	ErrNotFound        = errors.New("not found")
	ErrNoSuchContainer = fmt.Errorf("container %w", ErrNotFound)
	ErrNoSuchObject    = fmt.Errorf("object %w", ErrNotFound)
	ErrExists          = errors.New("exists already") // a container of that name does
	ErrAccessDenied    = errors.New("access denied")
	ErrFull            = errors.New("the store is full") // there is no room for what was to be stored
	ErrCursor          = backend.ErrCursor               // List has not given this cursor
)

// Owner is the component that uses a store.
type Owner = backend.Owner

// Backend has a store for each owner. Safe for concurrent use. [backend.Dropper] or [backend.Persistent] says what becomes of the
// data when its workload has ended; a backend must be one of them.
type Backend interface{ Store(owner Owner) Store }

// Store holds containers of objects. Safe for concurrent use; each call is atomic for itself. Calls end with their context: one that
// waits for something outside gives up, with an error, when it is cancelled.
type Store interface {
	// CreateContainer makes an empty container. It is an ErrExists where there is one of that name.
	CreateContainer(ctx context.Context, name string) error
	// DeleteContainer removes a container with all that is in it.
	DeleteContainer(ctx context.Context, name string) error
	// Container says what is known of a container. This and all that follows is an ErrNoSuchContainer where there is none.
	Container(ctx context.Context, name string) (ContainerInfo, error)

	// Open reads n bytes of an object from its byte from on, less where it ends before; beyond its end that is nothing, and no
	// error. What the reader gives is of the object as info describes it, or an error: replacing or deleting the object meanwhile
	// never mixes two of them. ctx is that of the whole reading. The caller closes the reader, which ends a Read that is under
	// way. It is an ErrNoSuchObject where there is none.
	Open(ctx context.Context, container, object string, from, n uint64) (r io.ReadCloser, info Info, err error)
	// Put makes or replaces an object of what data gives up to io.EOF, and reads no further. Any other error of data's ends it, and
	// is in its own error. An object that fails in the middle leaves what was there before; nobody ever sees a part of one. data
	// must not be used once Put has returned.
	Put(ctx context.Context, container, object string, data io.Reader) (Info, error)
	// Stat says what is known of an object. It is an ErrNoSuchObject where there is none.
	Stat(ctx context.Context, container, object string) (Info, error)
	// List gives the names of a container's objects a page at a time, in any order. cursor is "" for the first page, and else the
	// Next of a page. A page may be empty and have another after it. Objects that come or go meanwhile may or may not be seen; the
	// name of every other one is seen once.
	List(ctx context.Context, container, cursor string) (Page, error)
	// Delete removes objects; one that is not there is no error.
	Delete(ctx context.Context, container string, objects ...string) error
}

// ContainerInfo is what is known of a container.
type ContainerInfo struct{ Created time.Time }

// Info is what is known of an object.
type Info struct {
	Size    uint64 // of the whole object, in bytes
	Created time.Time
}

// Page is a part of a container's list of objects.
type Page struct {
	Names []string
	Next  string // where the next page begins; "" if there is none. Only the store knows what it means
}

// Copier is an optional power of stores that can copy an object by themselves. Without it the plugin reads and writes it. A move is a
// copy and a Delete: the interface does not ask for more.
type Copier interface {
	// Copy makes or replaces an object of another. It is atomic, as Put is.
	Copy(ctx context.Context, fromContainer, fromObject, toContainer, toObject string) error
}

// InMemory is an optional power of what Open gives where the bytes are in the process's memory already. A Read of such a reader never
// waits.
type InMemory interface {
	// Rest is what is left to be read, which the caller may keep and must not change.
	Rest() []byte
	// Held is how many bytes it keeps from being freed until it is closed, of which Rest may be a small part. They are counted
	// against what the host may hold for its guest, hostMemory.
	Held() int
}

// MaxObject bounds in bytes what of one object is held in memory: for a guest that reads all of it at once, and for one that
// writes without having said where it goes. Objects that pass as streams may be larger.
const MaxObject = 64 << 20
