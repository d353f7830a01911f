package host

import (
	"context"
	"sync"
)

// StoreCall is where a plugin tells an observer which store a call reaches, if no resource among the call's arguments says so. The
// observer makes it, at the call's boundary. Safe for concurrent use.
type StoreCall struct {
	mu                            sync.Mutex
	system, namespace, collection string
}

// Reaches says which store it is: the system by OpenTelemetry's name (db.system.name), and the name of the database. s may be nil.
func (s *StoreCall) Reaches(system, namespace string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.system, s.namespace = system, namespace
}

// ReachesCollection says which store it is: the system by OpenTelemetry's name (db.system.name), and the name of a container, bucket or table
// (db.collection.name). The last call counts. s may be nil.
func (s *StoreCall) ReachesCollection(system, collection string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.system, s.collection = system, collection
}

// Store is what Reaches or ReachesCollection was told; empty without it.
func (s *StoreCall) Store() (system, namespace, collection string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.system, s.namespace, s.collection
}

type storeCallKey struct{}

// WithStoreCall is ctx for a call that reaches a store.
func WithStoreCall(ctx context.Context, s *StoreCall) context.Context {
	return context.WithValue(ctx, storeCallKey{}, s)
}

// StoreCallFrom is the one of the call that ctx is of; nil if nobody observes it.
func StoreCallFrom(ctx context.Context) *StoreCall {
	s, _ := ctx.Value(storeCallKey{}).(*StoreCall)
	return s
}
