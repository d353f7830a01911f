// Package memory keeps blobs in the process: each component has its own store, gone when its workload is stopped. They are bounded.
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

// DefaultBytes bounds a store: the bytes of its names and objects together, and EntryBytes for each container and object, which
// is what it costs to keep one.
const (
	DefaultBytes = 256 << 20
	EntryBytes   = 256
)

// page is how many names List gives at once.
const page = 1000

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

// New makes a backend whose stores hold at most so many bytes each; 0 is DefaultBytes.
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

// Drop implements backend.Dropper. A store that is still used is its user's alone.
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

// object is never changed: another takes its place.
type object struct {
	data    []byte
	created time.Time
	number  uint64 // of the name in names
}

func (o *object) info() blobstore.Info {
	return blobstore.Info{Size: uint64(len(o.data)), Created: o.created}
}

// find finds a container. s.mu is held.
func (s *store) find(name string) (*container, error) {
	if c := s.containers[name]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("%q: %w", name, blobstore.ErrNoSuchContainer)
}

// object finds an object.
func (s *store) object(in, name string) (object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, err := s.find(in)
	if err != nil {
		return object{}, err
	}
	o, ok := c.objects[name]
	if !ok {
		return o, fmt.Errorf("%q in container %q: %w", name, in, blobstore.ErrNoSuchObject)
	}
	return o, nil
}

// take takes n bytes of the room. s.mu is held.
func (s *store) take(n int) error {
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
	if err := s.take(len(name) + EntryBytes); err != nil {
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

// reader reads a part of an object, and keeps all of it.
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
	names, next, err := c.names.Page(cursor, page)
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
	p := put{s: s, in: in, name: name}
	defer p.giveBack()
	if _, err := p.reserve(0, 0); err != nil { // there is a container
		return blobstore.Info{}, err
	}
	data, err := p.read(ctx, from)
	if err != nil {
		return blobstore.Info{}, fmt.Errorf("put %q in container %q: %w", name, in, err)
	}
	return p.commit(data)
}

func (s *store) Copy(_ context.Context, in, name, toContainer, toName string) error {
	o, err := s.object(in, name)
	if err != nil {
		return err
	}
	p := put{s: s, in: toContainer, name: toName}
	_, err = p.commit(bytes.Clone(o.data)) // each has its own, which is what the room is counted for
	return err
}
