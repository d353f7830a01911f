package span

import (
	"sync"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Begun has the spans that have begun and have not ended, so that they can be shown meanwhile. The zero value is ready. Safe for concurrent
// use. A span costs two short locks; nothing is encoded unless somebody asks.
type Begun struct{ shards [begunShards]begunShard }

// begunShards is the number of locks that spans share, by their identifiers. begunMost bounds the spans of each: beyond it the oldest are
// forgotten, which are those that nobody ever ends, if there are such.
const begunShards, begunMost = 32, 4096

type begunShard struct {
	mu          sync.Mutex
	first, last *Span
	count       int
}

func (b *Begun) shard(s *Span) *begunShard {
	id := s.sc.SpanID()
	return &b.shards[id[0]%begunShards]
}

func (b *Begun) add(s *Span) {
	h := b.shard(s)
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.listed {
		return
	}
	s.listed = true
	if s.next = h.first; s.next != nil {
		s.next.prev = s
	} else {
		h.last = s
	}
	h.first = s
	if h.count++; h.count > begunMost {
		h.unlink(h.last)
	}
}

func (b *Begun) remove(s *Span) {
	h := b.shard(s)
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.listed {
		h.unlink(s)
	}
}

// unlink takes a span out of the list; h.mu is held.
func (h *begunShard) unlink(s *Span) {
	s.listed = false
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		h.first = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	} else {
		h.last = s.prev
	}
	s.prev, s.next = nil, nil
	h.count--
}

// Spans returns the spans as they are now, without an end, at most as many as said, in no order; count is how many there are.
func (b *Begun) Spans(most int) (all []sdktrace.ReadOnlySpan, count int) {
	var some []*Span
	for i := range b.shards {
		h := &b.shards[i]
		h.mu.Lock()
		for s := h.first; s != nil; s = s.next {
			if count++; len(some) < most {
				some = append(some, s)
			}
		}
		h.mu.Unlock()
	}
	for _, s := range some {
		s.mu.Lock()
		var encoded []byte
		if s.d != nil {
			encoded = s.d.snapshot()
		}
		s.mu.Unlock()
		if encoded == nil {
			continue // it has ended meanwhile
		}
		if one, err := Decode(s.t.source, encoded); err == nil {
			all = append(all, one)
		}
	}
	return all, count
}
