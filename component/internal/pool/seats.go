package pool

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// seats counts the invocations that have a member of a pool, or are about to get one. Their number is limited, and the limit may change.
// Invocations that find no free seat wait, first come first served.
type seats struct {
	mu     sync.Mutex
	queue  []chan struct{} // of those that wait; one is closed when it is given a seat
	taken  atomic.Int64    // changed under mu
	number atomic.Int64    // the limit; changed under mu
}

func (s *seats) len() int { return int(s.taken.Load()) }
func (s *seats) cap() int { return int(s.number.Load()) }

// try takes a seat if one is free and nobody waits.
func (s *seats) try() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.free()
}

func (s *seats) free() bool {
	if len(s.queue) > 0 || s.taken.Load() >= s.number.Load() {
		return false
	}
	s.taken.Add(1)
	return true
}

// wait takes a seat, after those that wait already; false if ctx ends before one is free.
func (s *seats) wait(ctx context.Context) bool {
	s.mu.Lock()
	if s.free() {
		s.mu.Unlock()
		return true
	}
	given := make(chan struct{})
	s.queue = append(s.queue, given)
	s.mu.Unlock()
	select {
	case <-given:
		return true
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := slices.Index(s.queue, given)
	if n >= 0 {
		s.queue = slices.Delete(s.queue, n, n+1)
	}
	return n < 0 // both happened at once
}

// give returns a seat.
func (s *seats) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken.Add(-1)
	s.serve()
}

// resize changes the limit. While more seats than that are taken, no seat is given.
func (s *seats) resize(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number.Store(int64(n))
	s.serve()
}

// serve gives free seats to those that wait. s.mu is held.
func (s *seats) serve() {
	for len(s.queue) > 0 && s.taken.Load() < s.number.Load() {
		s.taken.Add(1)
		close(s.queue[0])
		s.queue[0] = nil
		s.queue = s.queue[1:]
	}
}
