// Package memory keeps blobs in the process: a private store for each component, gone when its workload is stopped. It needs no
// grant, because it reaches nothing that anybody else has; it is bounded.
package memory

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
)

// DefaultBytes bounds a store: the bytes of its names and objects together, and EntryBytes for each container and object, which
// is what it costs to keep one.
const (
	DefaultBytes = 256 << 20
	EntryBytes   = 256
)

// Backend implements blobstore.Backend.
type Backend struct {
	bytes int

	mu     sync.Mutex
	stores map[blobstore.Owner]*store
}

var (
	_ blobstore.Backend = (*Backend)(nil)
	_ blobstore.Dropper = (*Backend)(nil)
)

// New makes a backend whose stores hold at most so many bytes each; 0 is DefaultBytes.
func New(bytes int) *Backend {
	if bytes == 0 {
		bytes = DefaultBytes
	}
	return &Backend{bytes: bytes, stores: map[blobstore.Owner]*store{}}
}

// Store implements blobstore.Backend.
func (b *Backend) Store(owner blobstore.Owner) blobstore.Store {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stores[owner] == nil {
		b.stores[owner] = &store{room: b.bytes, containers: map[string]*container{}}
	}
	return b.stores[owner]
}

// Drop implements blobstore.Dropper. A store that is still used is its user's alone.
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

type container struct {
	created time.Time
	objects map[string]blobstore.Object
}

func (s *store) find(name string) (*container, error) {
	if c := s.containers[name]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("container %q: %w", name, blobstore.ErrNotFound)
}

func (s *store) take(n int) error {
	if n > s.room {
		return fmt.Errorf("the store is full: %d bytes are left, %d are needed", s.room, n)
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
	s.containers[name] = &container{time.Now(), map[string]blobstore.Object{}}
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
		s.room += len(n) + len(o.Data) + EntryBytes
	}
	delete(s.containers, name)
	return nil
}

func (s *store) Container(_ context.Context, name string) (time.Time, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, err := s.find(name)
	if err != nil {
		return time.Time{}, err
	}
	return c.created, nil
}

func (s *store) Put(_ context.Context, in, name string, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.find(in)
	if err != nil {
		return err
	}
	need := len(data)
	if old, ok := c.objects[name]; ok {
		need -= len(old.Data)
	} else {
		need += len(name) + EntryBytes
	}
	if err := s.take(need); err != nil {
		return err
	}
	c.objects[name] = blobstore.Object{Data: bytes.Clone(data), Created: time.Now()}
	return nil
}

func (s *store) Get(_ context.Context, in, name string) (blobstore.Object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, err := s.find(in)
	if err != nil {
		return blobstore.Object{}, err
	}
	o, ok := c.objects[name]
	if !ok {
		return o, fmt.Errorf("object %q in container %q: %w", name, in, blobstore.ErrNotFound)
	}
	return o, nil
}

func (s *store) List(_ context.Context, in string) ([]string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, err := s.find(in)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(c.objects)), nil
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
			s.room += len(n) + len(o.Data) + EntryBytes
			delete(c.objects, n)
		}
	}
	return nil
}
