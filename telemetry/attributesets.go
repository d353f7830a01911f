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
	last  atomic.Pointer[attributeSet[K, V]]        // most measurements have the attributes of the one before
	known atomic.Pointer[map[K]*attributeSet[K, V]] // the map is never changed, but replaced
	mu    sync.Mutex                                // guards the replacement
}

// attributeSet is an instrument that is bound to a set.
type attributeSet[K comparable, V any] struct {
	key   K
	bound V
}

func (s *attributeSets[K, V]) get(k K) V {
	if last := s.last.Load(); last != nil && last.key == k {
		return last.bound
	}
	if v := s.find(&k); v != nil {
		s.last.Store(v)
		return v.bound
	}
	k = k.sanitized()
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.find(&k); v != nil { // another goroutine has added it, or k is known in its sanitized form
		return v.bound
	}
	next := map[K]*attributeSet[K, V]{}
	if m := s.known.Load(); m != nil {
		next = maps.Clone(*m)
	}
	v := &attributeSet[K, V]{k, s.make(k.attributes()...)}
	next[k] = v
	s.known.Store(&next)
	return v.bound
}

// find looks k up; nil if it is unknown. If it is and the bound is reached, k becomes its overflow.
func (s *attributeSets[K, V]) find(k *K) *attributeSet[K, V] {
	m := s.known.Load()
	if m == nil {
		return nil
	}
	v := (*m)[*k]
	if v == nil && len(*m) >= maxAttributeSets {
		*k = (*k).overflow()
		v = (*m)[*k]
	}
	return v
}
