package telemetry

import (
	"maps"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
)

// maxAttributeSets bounds the attribute sets of one kind in a service. Further measurements use the key's overflow, so that no
// stream of odd requests fills memory or a metrics store.
const maxAttributeSets = 500

// attributeSetKey is a comparable form of an attribute set.
type attributeSetKey[K any] interface {
	comparable
	attributes() []attribute.KeyValue
	overflow() K  // the key of measurements beyond the bound
	sanitized() K // the key with sanitized texts, which bounds its size
}

// attributeSets keeps the bound instruments of attribute sets. Finding one takes no lock and no allocation.
type attributeSets[K attributeSetKey[K], V any] struct {
	make  func(...attribute.KeyValue) V
	known atomic.Pointer[map[K]V] // the map is never changed, but replaced
	mu    sync.Mutex              // guards the replacement
}

func (s *attributeSets[K, V]) get(k K) V {
	if v, ok := s.find(&k); ok {
		return v
	}
	k = k.sanitized()
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.find(&k); ok { // another goroutine has added it, or k is known in its sanitized form
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

// find looks k up. If k is unknown and the bound is reached, k becomes its overflow.
func (s *attributeSets[K, V]) find(k *K) (v V, ok bool) {
	m := s.known.Load()
	if m == nil {
		return v, false
	}
	if v, ok = (*m)[*k]; !ok && len(*m) >= maxAttributeSets {
		*k = (*k).overflow()
		v, ok = (*m)[*k]
	}
	return v, ok
}
