package main

import (
	"context"
	"sync"
	"time"
)

// How long a name waits after failures: the first and the longest time.
const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = time.Minute
)

// queue has the names that are to be reconciled, each once. One that fails waits twice as long each time.
type queue struct {
	mu       sync.Mutex
	names    []string
	waiting  map[string]bool // in names
	failures map[string]int
	added    chan struct{} // has an element where names may not be empty
}

func newQueue() *queue {
	return &queue{waiting: map[string]bool{}, failures: map[string]int{}, added: make(chan struct{}, 1)}
}

// add has a name reconciled, if it does not wait for that already.
func (q *queue) add(name string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting[name] {
		return
	}
	q.waiting[name] = true
	q.names = append(q.names, name)
	select {
	case q.added <- struct{}{}:
	default:
	}
}

// next waits for a name. The error is the context's.
func (q *queue) next(ctx context.Context) (string, error) {
	for {
		q.mu.Lock()
		if len(q.names) > 0 {
			name := q.names[0]
			q.names = q.names[1:]
			delete(q.waiting, name)
			q.mu.Unlock()
			return name, nil
		}
		q.mu.Unlock()
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-q.added:
		}
	}
}

// done says that a name was reconciled.
func (q *queue) done(name string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.failures, name)
}

// retry adds a name after a while.
func (q *queue) retry(name string) {
	q.mu.Lock()
	n := q.failures[name]
	q.failures[name] = n + 1
	q.mu.Unlock()
	time.AfterFunc(backoff(n, firstRetry, lastRetry), func() { q.add(name) })
}

// backoff doubles with each failure.
func backoff(failures int, first, last time.Duration) time.Duration {
	return min(first<<min(failures, 20), last)
}
