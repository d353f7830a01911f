package instance

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/plan"
)

// Invocation is one use of a store: the InstanceInfo and the fuel limit of its calls, and the values that host functions keep for it. A store may have several at once. It must
// not be copied.
type Invocation struct {
	store *Store
	info  *cm.InstanceInfo
	fuel  uint64 // that each call may use; 0: the store's limit only

	mu    sync.Mutex // guards kept: work of host functions outside the store may ask for values
	kept  []value
	first [3]value // what kept has room for without an allocation
}

// value is one that a host function keeps.
type value struct{ key, value any }

// Begin makes i a use of the store, which info tells of and must not change any more. fuel bounds the guest work of each of
// its calls; 0 is no bound but the store's. It ends with End, or with the store's Release.
func (i *Invocation) Begin(s *Store, info *cm.InstanceInfo, fuel uint64) {
	i.store, i.info, i.fuel = s, info, fuel
	s.uses.Lock()
	defer s.uses.Unlock()
	s.invocations = append(s.invocations, i)
}

// Own is the invocation of calls without one.
func (s *Store) Own() *Invocation { return &s.own }

// Info is the InstanceInfo of its calls.
func (i *Invocation) Info() cm.InstanceInfo { return *i.info }

// Call is [Store.Call] for an invocation.
func (i *Invocation) Call(ctx context.Context, f *plan.ExportFunc, args []cm.Val) (cm.Val, error) {
	return i.store.call(ctx, i, f, args)
}

// Drop is [Store.Drop] for an invocation.
func (i *Invocation) Drop(ctx context.Context, r *cm.Resource) error { return i.store.drop(ctx, i, r) }

// Value finds or makes the value of key that belongs to this invocation; an io.Closer is closed at its end. If mk is nil it
// makes none and may return nil. Safe for concurrent use: of values made at once one is kept.
func (i *Invocation) Value(key any, mk func() any) any {
	i.mu.Lock()
	defer i.mu.Unlock()
	if v, ok := i.find(key); ok || mk == nil {
		return v
	}
	i.mu.Unlock() // mk may ask for values
	v := mk()
	i.mu.Lock()
	if first, ok := i.find(key); ok {
		return first
	}
	if i.kept == nil {
		i.kept = i.first[:0]
	}
	i.kept = append(i.kept, value{key, v})
	return v
}

// find finds a value. i.mu is held.
func (i *Invocation) find(key any) (any, bool) {
	for _, v := range i.kept {
		if v.key == key {
			return v.value, true
		}
	}
	return nil, false
}

// End closes the values of the invocation, the youngest first. A second End does nothing.
func (i *Invocation) End() error {
	s := i.store
	s.forget(i)
	i.mu.Lock()
	if len(i.kept) == 0 {
		i.mu.Unlock()
		return nil
	}
	kept, first := i.kept, i.first
	if len(kept) <= len(first) {
		kept = first[:len(kept)]
	}
	i.kept = nil
	clear(i.first[:])
	i.mu.Unlock()
	var errs []error
	for _, v := range slices.Backward(kept) {
		if c, ok := v.value.(io.Closer); ok {
			if err := c.Close(); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// forget removes an invocation from the store's list.
func (s *Store) forget(i *Invocation) {
	s.uses.Lock()
	defer s.uses.Unlock()
	if n := slices.Index(s.invocations, i); n >= 0 {
		s.invocations = slices.Delete(s.invocations, n, n+1)
	}
}

// lastInvocation is the one that has begun last of those that have not ended; nil if there is none.
func (s *Store) lastInvocation() *Invocation {
	s.uses.Lock()
	defer s.uses.Unlock()
	if len(s.invocations) == 0 {
		return nil
	}
	return s.invocations[len(s.invocations)-1]
}

// values are what host functions keep for a store.
type values struct {
	mu      sync.Mutex
	all     map[any]any
	closers []io.Closer
}

// get finds or makes the value of key; an io.Closer is closed when the values end.
func (v *values) get(key any, mk func() any) any {
	v.mu.Lock()
	defer v.mu.Unlock()
	if x, ok := v.all[key]; ok {
		return x
	}
	v.mu.Unlock() // mk may ask for values
	x := mk()
	v.mu.Lock()
	if first, ok := v.all[key]; ok {
		return first
	}
	if v.all == nil {
		v.all = map[any]any{}
	}
	v.all[key] = x
	if c, ok := x.(io.Closer); ok {
		v.closers = append(v.closers, c)
	}
	return x
}

// end closes those that are io.Closers, in reverse order, and forgets them.
func (v *values) end() error {
	v.mu.Lock()
	closers := v.closers
	v.closers = nil
	maps.DeleteFunc(v.all, ends)
	v.mu.Unlock()
	var errs []error
	for _, c := range slices.Backward(closers) {
		if err := c.Close(); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// ends says that a value is closed when the store is released.
func ends(_, v any) bool {
	_, ok := v.(io.Closer)
	return ok
}
