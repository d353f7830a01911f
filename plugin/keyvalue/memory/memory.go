// Package memory is a backend that keeps buckets in the process's memory. Each component has bounded buckets of its own, which are
// deleted when its workload is stopped.
package memory

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
)

// DefaultBytes bounds a bucket: the bytes of its keys and values together, and EntryBytes for each key.
const (
	DefaultBytes = 64 << 20
	EntryBytes   = 128
)

// pageSize is how many keys a page of List has.
const pageSize = 100

// Backend implements keyvalue.Backend. Its buckets implement all optional interfaces.
type Backend struct {
	bytes int

	mu     sync.Mutex
	owners map[keyvalue.Owner]map[string]*bucket
}

var (
	_ keyvalue.Backend = (*Backend)(nil)
	_ backend.Dropper  = (*Backend)(nil)

	_ keyvalue.Bucket      = (*bucket)(nil)
	_ keyvalue.Batcher     = (*bucket)(nil)
	_ keyvalue.Exister     = (*bucket)(nil)
	_ keyvalue.Incrementer = (*bucket)(nil)
	_ keyvalue.Swapper     = (*bucket)(nil)
)

// New makes a backend whose buckets hold at most bytes each; 0 is DefaultBytes.
func New(bytes int) *Backend {
	if bytes == 0 {
		bytes = DefaultBytes
	}
	return &Backend{bytes: bytes, owners: map[keyvalue.Owner]map[string]*bucket{}}
}

// Name is the backend's name in grants.
func (*Backend) Name() string { return "memory" }

// Open implements keyvalue.Backend.
func (b *Backend) Open(_ context.Context, owner keyvalue.Owner, name string) (keyvalue.Bucket, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	buckets := b.owners[owner]
	if buckets == nil {
		buckets = map[string]*bucket{}
		b.owners[owner] = buckets
	}
	if buckets[name] == nil {
		buckets[name] = &bucket{room: b.bytes, values: map[string]*entry{}}
	}
	return buckets[name], nil
}

// Drop implements backend.Dropper. A bucket that is still open lives on for its user.
func (b *Backend) Drop(owner keyvalue.Owner) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.owners, owner)
}

// bucket is a component's bucket of one name.
type bucket struct {
	mu      sync.RWMutex
	room    int
	changes uint64            // how often a value was set; each has its own version
	values  map[string]*entry // a pointer: what is set again, as most are, is looked up once
	keys    backend.Index
}

type entry struct {
	value   []byte
	number  uint64 // of the key in keys
	version uint64
}

func (e *entry) versioned() keyvalue.Versioned {
	if e == nil {
		return keyvalue.Versioned{}
	}
	return keyvalue.Versioned{Value: e.value, Version: keyvalue.Version(strconv.FormatUint(e.version, 10))}
}

func (b *bucket) Get(_ context.Context, key string) ([]byte, bool, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if e := b.values[key]; e != nil {
		return e.value, true, nil
	}
	return nil, false, nil
}

func (b *bucket) GetMany(_ context.Context, keys []string) ([]keyvalue.Found, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	values := make([]keyvalue.Found, len(keys))
	for i, k := range keys {
		if e := b.values[k]; e != nil {
			values[i] = keyvalue.Found{Value: e.value, OK: true}
		}
	}
	return values, nil
}

func (b *bucket) Exists(_ context.Context, key string) (bool, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	_, ok := b.values[key]
	return ok, nil
}

func (b *bucket) Set(_ context.Context, key string, value []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.set(key, bytes.Clone(value))
}

func (b *bucket) SetMany(_ context.Context, entries []keyvalue.Entry) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range entries {
		if err := b.set(e.Key, bytes.Clone(e.Value)); err != nil {
			return err
		}
	}
	return nil
}

// set stores value. b.mu is held.
func (b *bucket) set(key string, value []byte) error {
	e := b.values[key]
	need := len(value)
	if e != nil {
		need -= len(e.value)
	} else {
		need += len(key) + EntryBytes
	}
	if need > b.room {
		return fmt.Errorf("%w: %d bytes are left, %d are needed", keyvalue.ErrFull, b.room, need)
	}
	if e == nil {
		e = &entry{number: b.keys.Add(key)}
		b.values[key] = e
	}
	b.room -= need
	b.changes++
	e.value, e.version = value, b.changes
	return nil
}

func (b *bucket) Delete(_ context.Context, key string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.remove(key)
	return nil
}

func (b *bucket) DeleteMany(_ context.Context, keys []string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range keys {
		b.remove(k)
	}
	return nil
}

// remove removes a key. b.mu is held.
func (b *bucket) remove(key string) {
	if e, ok := b.values[key]; ok {
		b.room += len(key) + len(e.value) + EntryBytes
		b.keys.Remove(e.number)
		delete(b.values, key)
	}
}

func (b *bucket) List(_ context.Context, cursor string) (keyvalue.Page, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	keys, next, err := b.keys.Page(cursor, pageSize)
	return keyvalue.Page{Keys: keys, Next: next}, err
}

func (b *bucket) Increment(_ context.Context, key string, delta uint64) (uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var n uint64
	if e, ok := b.values[key]; ok {
		var err error
		if n, err = strconv.ParseUint(string(e.value), 10, 64); err != nil {
			return 0, keyvalue.ErrNotNumber
		}
	}
	if n+delta < n {
		return 0, keyvalue.ErrOverflow
	}
	n += delta
	return n, b.set(key, strconv.AppendUint(nil, n, 10))
}

func (b *bucket) Current(_ context.Context, key string) (keyvalue.Versioned, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	e := b.values[key]
	return e.versioned(), nil
}

func (b *bucket) Swap(_ context.Context, key string, version keyvalue.Version, value []byte) (bool, keyvalue.Versioned, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.values[key]
	now := e.versioned()
	if now.Version != version {
		return false, now, nil
	}
	if err := b.set(key, bytes.Clone(value)); err != nil {
		return false, now, err
	}
	e = b.values[key]
	return true, e.versioned(), nil
}
