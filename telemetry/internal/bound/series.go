package bound

import (
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
)

// table holds the attribute sets of one instrument: a handle T for each set that was asked for, and cells C, where
// measurements are kept, for each that was measured.
type table[T, C any] struct {
	limit int
	make  func() *C

	mu      sync.Mutex
	handles map[attribute.Distinct]*T
	sets    []attribute.Set // of cells
	cells   []*C            // in the order of their first measurement
	rest    *C              // of all sets beyond the limit; also in cells
}

// handle finds the handle of a set, or keeps what mk makes.
func (t *table[T, C]) handle(set attribute.Set, mk func() *T) *T {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h := t.handles[set.Equivalent()]; h != nil {
		return h
	}
	if t.handles == nil {
		t.handles = map[attribute.Distinct]*T{}
	}
	h := mk()
	t.handles[set.Equivalent()] = h
	return h
}

// open makes the cells of a set that is measured for the first time, and puts them at its handle's. Where there are too
// many, they are the cells that all further sets share.
func (t *table[T, C]) open(set attribute.Set, at *atomic.Pointer[C]) *C {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := at.Load(); c != nil { // somebody was faster
		return c
	}
	c := t.rest
	switch {
	case c != nil:
	case len(t.cells) < t.limit-1:
		c = t.add(set)
	default:
		c = t.add(overflow)
		t.rest = c
	}
	at.Store(c)
	return c
}

func (t *table[T, C]) add(set attribute.Set) *C {
	c := t.make()
	t.sets, t.cells = append(t.sets, set), append(t.cells, c)
	return c
}

// measured are the sets that were measured so far, and their cells. Both only ever grow.
func (t *table[T, C]) measured() ([]attribute.Set, []*C) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sets, t.cells
}
