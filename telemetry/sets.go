package telemetry

import (
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// setsBound is how many attribute sets of one kind a service has at most. What comes after is measured under the key's
// overflow, so that no stream of odd requests fills memory or a metrics store.
const setsBound = 500

// measure is an attribute set, ready for instruments of both kinds.
type measure struct {
	record []metric.RecordOption
	add    []metric.AddOption
}

func newMeasure(attrs ...attribute.KeyValue) *measure {
	o := metric.WithAttributeSet(attribute.NewSet(attrs...))
	return &measure{[]metric.RecordOption{o}, []metric.AddOption{o}}
}

// measureKey is what an attribute set is made from.
type measureKey[K any] interface {
	comparable
	attributes() []attribute.KeyValue
	overflow() K // the key that stands for all that do not fit
}

// sets remembers attribute sets by what they are made from.
type sets[K measureKey[K]] struct {
	known sync.Map // K → *measure
	size  atomic.Int32
}

func (s *sets[K]) get(k K) *measure {
	if m, ok := s.known.Load(k); ok {
		return m.(*measure)
	}
	if s.size.Load() >= setsBound {
		k = k.overflow()
	}
	m, loaded := s.known.LoadOrStore(k, newMeasure(k.attributes()...))
	if !loaded {
		s.size.Add(1)
	}
	return m.(*measure)
}
