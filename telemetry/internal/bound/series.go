package bound

import (
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
)

// table holds the attribute sets of one instrument: a handle T for each bound set, and cells C with the measurements of each set
// that was measured.
type table[T, C any] struct {
	limit int
	make  func() *C

	mu       sync.Mutex
	handles  map[attribute.Distinct]*T
	sets     []attribute.Set // of cells
	cells    []*C            // in the order of their first measurement
	overflow *C              // of all sets beyond the limit; also in cells
}

// handle returns the handle of a set, made by mk the first time.
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

// open makes the cells of a set at its first measurement, and stores them at at. Beyond the limit all sets share the same cells.
func (t *table[T, C]) open(set attribute.Set, at *atomic.Pointer[C]) *C {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := at.Load(); c != nil { // another goroutine has stored them
		return c
	}
	c := t.overflow
	switch {
	case c != nil:
	case len(t.cells) < t.limit-1:
		c = t.add(set)
	default:
		c = t.add(overflow)
		t.overflow = c
	}
	at.Store(c)
	return c
}

func (t *table[T, C]) add(set attribute.Set) *C {
	c := t.make()
	t.sets, t.cells = append(t.sets, set), append(t.cells, c)
	return c
}

// snapshot returns the measured sets and their cells. Both slices only grow.
func (t *table[T, C]) snapshot() ([]attribute.Set, []*C) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sets, t.cells
}
