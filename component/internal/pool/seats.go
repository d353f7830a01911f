package pool

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// seats are how many invocations have a member of a pool, or are about to get one. There is a limit, which may change; who finds none free
// waits, in order.
type seats struct {
	mu     sync.Mutex
	queue  []chan struct{} // closed for who is given a seat
	taken  atomic.Int64    // changed under mu
	number atomic.Int64    // how many there are; changed under mu
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

// wait takes a seat, behind those who wait already; false if ctx ends before there is one.
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

// give gives a seat back.
func (s *seats) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken.Add(-1)
	s.serve()
}

// resize changes how many there are. Where more are taken, nobody gets one until they are fewer.
func (s *seats) resize(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number.Store(int64(n))
	s.serve()
}

// serve gives what is free to who waits. s.mu is held.
func (s *seats) serve() {
	for len(s.queue) > 0 && s.taken.Load() < s.number.Load() {
		s.taken.Add(1)
		close(s.queue[0])
		s.queue[0] = nil
		s.queue = s.queue[1:]
	}
}
