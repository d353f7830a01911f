// Package memory keeps buckets in the process: a private one for each component, gone when its workload is stopped. It needs no
// grant, because it reaches nothing that anybody else has; it is bounded.
package memory

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
)

// DefaultBytes bounds a bucket: the bytes of its keys and values together, and EntryBytes for each of them, which is what it costs
// to keep one.
const (
	DefaultBytes = 64 << 20
	EntryBytes   = 128
)

// page is how many keys Keys gives at once.
const page = 100

// Backend implements keyvalue.Backend. Names "" and "default" open the component's one bucket.
type Backend struct {
	bytes int

	mu      sync.Mutex
	buckets map[keyvalue.Owner]*bucket
}

var (
	_ keyvalue.Backend = (*Backend)(nil)
	_ keyvalue.Dropper = (*Backend)(nil)
)

// New makes a backend whose buckets hold at most so many bytes each; 0 is DefaultBytes.
func New(bytes int) *Backend {
	if bytes == 0 {
		bytes = DefaultBytes
	}
	return &Backend{bytes: bytes, buckets: map[keyvalue.Owner]*bucket{}}
}

// Open implements keyvalue.Backend.
func (b *Backend) Open(_ context.Context, owner keyvalue.Owner, name string) (keyvalue.Bucket, error) {
	if name != "" && name != "default" {
		return nil, keyvalue.ErrNoSuchStore
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buckets[owner] == nil {
		b.buckets[owner] = &bucket{room: b.bytes, values: map[string]entry{}}
	}
	return b.buckets[owner], nil
}

// Drop implements keyvalue.Dropper. A bucket that is still open is its holder's alone.
func (b *Backend) Drop(owner keyvalue.Owner) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.buckets, owner)
}

// bucket keeps each key with the number under which Keys pages: keys are numbered as they come, so that a page's cursor
// stays good while others come and go.
type bucket struct {
	mu     sync.RWMutex
	room   int
	last   uint64
	values map[string]entry
}

type entry struct {
	value  []byte
	number uint64
}

func (b *bucket) Get(_ context.Context, key string) ([]byte, bool, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	e, ok := b.values[key]
	return e.value, ok, nil
}

func (b *bucket) Set(_ context.Context, key string, value []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.set(key, bytes.Clone(value))
}

func (b *bucket) set(key string, value []byte) error {
	old, had := b.values[key]
	need := len(value) - len(old.value)
	if !had {
		need += len(key) + EntryBytes
	}
	if need > b.room {
		return fmt.Errorf("the store is full: %d bytes are left, %d are needed", b.room, need)
	}
	if !had {
		b.last++
		old.number = b.last
	}
	b.room -= need
	b.values[key] = entry{value, old.number}
	return nil
}

func (b *bucket) Delete(_ context.Context, key string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e, ok := b.values[key]; ok {
		b.room += len(key) + len(e.value) + EntryBytes
		delete(b.values, key)
	}
	return nil
}

func (b *bucket) Keys(_ context.Context, cursor uint64) ([]string, uint64, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	type numbered struct {
		key    string
		number uint64
	}
	var all []numbered
	for k, e := range b.values {
		if e.number > cursor {
			all = append(all, numbered{k, e.number})
		}
	}
	slices.SortFunc(all, func(x, y numbered) int { return int(int64(x.number) - int64(y.number)) })
	var next uint64
	if len(all) > page {
		all = all[:page]
		next = all[page-1].number
	}
	keys := make([]string, len(all))
	for i, n := range all {
		keys[i] = n.key
	}
	return keys, next, nil
}

func (b *bucket) Increment(_ context.Context, key string, delta uint64) (uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var n uint64
	if e, ok := b.values[key]; ok {
		var err error
		if n, err = strconv.ParseUint(string(e.value), 10, 64); err != nil {
			return 0, fmt.Errorf("the value is no number")
		}
	}
	if n+delta < n {
		return 0, fmt.Errorf("the sum is beyond 64 bits")
	}
	n += delta
	return n, b.set(key, strconv.AppendUint(nil, n, 10))
}
