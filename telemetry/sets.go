package telemetry

import (
	"maps"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
)

// setsBound is how many attribute sets of one kind a service has at most. What comes after is measured under the key's
// overflow, so that no stream of odd requests fills memory or a metrics store.
const setsBound = 500

// setKey is what an attribute set is made from.
type setKey[K any] interface {
	comparable
	attributes() []attribute.KeyValue
	overflow() K // the key that stands for all that do not fit
	mended() K   // the key with texts as measurements have them: what is kept is bounded in size, too
}

// sets remembers what is bound to attribute sets, by what these are made from. To find one costs no lock and no allocation.
type sets[K setKey[K], V any] struct {
	make  func(...attribute.KeyValue) V
	known atomic.Pointer[map[K]V] // never written to once it is here
	mu    sync.Mutex              // of putting another map in its place
}

func (s *sets[K, V]) get(k K) V {
	if v, ok := s.find(&k); ok {
		return v
	}
	k = k.mended()
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.find(&k); ok { // somebody was faster, or k has become a key that is known
		return v
	}
	next := map[K]V{}
	if m := s.known.Load(); m != nil {
		next = maps.Clone(*m)
	}
	v := s.make(k.attributes()...)
	next[k] = v
	s.known.Store(&next)
	return v
}

// find looks k up. Where there is no room for it, it becomes the key that stands for it.
func (s *sets[K, V]) find(k *K) (v V, ok bool) {
	m := s.known.Load()
	if m == nil {
		return v, false
	}
	if v, ok = (*m)[*k]; !ok && len(*m) >= setsBound {
		*k = (*k).overflow()
		v, ok = (*m)[*k]
	}
	return v, ok
}
