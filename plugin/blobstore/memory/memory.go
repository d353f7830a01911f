// Package memory is a backend that keeps objects in the process's memory. Each component has a bounded store of its own, which is
// deleted when its workload is stopped.
package memory

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
)

// DefaultBytes bounds a store: the bytes of its names and objects together, and EntryBytes for each container and object.
const (
	DefaultBytes = 256 << 20
	EntryBytes   = 256
)

// pageSize is how many names a page of List has.
const pageSize = 1000

// Backend implements blobstore.Backend.
type Backend struct {
	bytes int

	mu     sync.Mutex
	stores map[blobstore.Owner]*store
}

var (
	_ blobstore.Backend = (*Backend)(nil)
	_ backend.Dropper   = (*Backend)(nil)
)

// New makes a backend whose stores hold at most bytes each; 0 is DefaultBytes.
func New(bytes int) *Backend {
	if bytes == 0 {
		bytes = DefaultBytes
	}
	return &Backend{bytes: bytes, stores: map[blobstore.Owner]*store{}}
}

// Name is the backend's name in grants.
func (*Backend) Name() string { return "memory" }

// Store implements blobstore.Backend.
func (b *Backend) Store(owner blobstore.Owner) blobstore.Store {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stores[owner] == nil {
		b.stores[owner] = &store{room: b.bytes, containers: map[string]*container{}}
	}
	return b.stores[owner]
}

// Drop implements backend.Dropper. A store that is still in use lives on for its user.
func (b *Backend) Drop(owner blobstore.Owner) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.stores, owner)
}

type store struct {
	mu         sync.RWMutex
	room       int
	containers map[string]*container
}

var (
	_ blobstore.Store  = (*store)(nil)
	_ blobstore.Copier = (*store)(nil)
)

type container struct {
	created time.Time
	objects map[string]object
	names   backend.Index
}

// object is never changed, but replaced.
type object struct {
	data    []byte
	created time.Time
	number  uint64 // of the name in names
}

func (o *object) info() blobstore.Info {
	return blobstore.Info{Size: uint64(len(o.data)), Created: o.created}
}

// find returns a container. s.mu is held.
func (s *store) find(name string) (*container, error) {
	if c := s.containers[name]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("%q: %w", name, blobstore.ErrNoSuchContainer)
}

// object returns an object.
func (s *store) object(in, name string) (object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, err := s.find(in)
	if err != nil {
		return object{}, err
	}
	o, ok := c.objects[name]
	if !ok {
		return o, fmt.Errorf("in container %q: %w", in, blobstore.ErrNoSuchObject)
	}
	return o, nil
}

// takeRoom takes n bytes from the store's bound. s.mu is held.
func (s *store) takeRoom(n int) error {
	if n > s.room {
		return fmt.Errorf("%w: %d bytes are left, %d are needed", blobstore.ErrFull, s.room, n)
	}
	s.room -= n
	return nil
}

func (s *store) CreateContainer(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.containers[name] != nil {
		return fmt.Errorf("container %q: %w", name, blobstore.ErrExists)
	}
	if err := s.takeRoom(len(name) + EntryBytes); err != nil {
		return err
	}
	s.containers[name] = &container{created: time.Now(), objects: map[string]object{}}
	return nil
}

func (s *store) DeleteContainer(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.find(name)
	if err != nil {
		return err
	}
	s.room += len(name) + EntryBytes
	for n, o := range c.objects {
		s.room += len(n) + len(o.data) + EntryBytes
	}
	delete(s.containers, name)
	return nil
}

func (s *store) Container(_ context.Context, name string) (blobstore.ContainerInfo, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, err := s.find(name)
	if err != nil {
		return blobstore.ContainerInfo{}, err
	}
	return blobstore.ContainerInfo{Created: c.created}, nil
}

func (s *store) Stat(_ context.Context, in, name string) (blobstore.Info, error) {
	o, err := s.object(in, name)
	if err != nil {
		return blobstore.Info{}, err
	}
	return o.info(), nil
}

func (s *store) Open(_ context.Context, in, name string, from, n uint64) (io.ReadCloser, blobstore.Info, error) {
	o, err := s.object(in, name)
	if err != nil {
		return nil, blobstore.Info{}, err
	}
	size := uint64(len(o.data))
	from = min(from, size)
	return &reader{rest: o.data[from : from+min(n, size-from)], held: len(o.data)}, o.info(), nil
}

// reader reads a part of an object, and keeps the whole object in memory.
type reader struct {
	mu   sync.Mutex
	rest []byte
	held int
}

var _ blobstore.InMemory = (*reader)(nil)

// Rest implements blobstore.InMemory.
func (r *reader) Rest() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rest
}

// Held implements blobstore.InMemory.
func (r *reader) Held() int { return r.held }

func (r *reader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.rest) == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rest = nil
	return nil
}

func (s *store) List(_ context.Context, in, cursor string) (blobstore.Page, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, err := s.find(in)
	if err != nil {
		return blobstore.Page{}, err
	}
	names, next, err := c.names.Page(cursor, pageSize)
	return blobstore.Page{Names: names, Next: next}, err
}

func (s *store) Delete(_ context.Context, in string, names ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.find(in)
	if err != nil {
		return err
	}
	for _, n := range names {
		if o, ok := c.objects[n]; ok {
			s.room += len(n) + len(o.data) + EntryBytes
			c.names.Remove(o.number)
			delete(c.objects, n)
		}
	}
	return nil
}

func (s *store) Put(ctx context.Context, in, name string, from io.Reader) (blobstore.Info, error) {
	p := pendingPut{s: s, in: in, name: name}
	defer p.release()
	if _, err := p.reserve(0, 0); err != nil { // there is a container
		return blobstore.Info{}, err
	}
	data, err := p.read(ctx, from)
	if err != nil {
		return blobstore.Info{}, fmt.Errorf("put in container %q: %w", in, err)
	}
	return p.commit(data)
}

func (s *store) Copy(_ context.Context, in, name, toContainer, toName string) error {
	o, err := s.object(in, name)
	if err != nil {
		return err
	}
	p := pendingPut{s: s, in: toContainer, name: toName}
	_, err = p.commit(bytes.Clone(o.data)) // the bound counts the bytes of each object, so that they must not be shared
	return err
}
