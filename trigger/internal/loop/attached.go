package loop

import (
	"sync"

	"github.com/vitrine-wasm/vitrine/workload"
)

// Attached is what a trigger has attached of each workload, for the next start to take over. The zero value is empty. Safe for concurrent use.
type Attached[T any] struct {
	mu  sync.Mutex
	all map[workload.ID]*[]T
}

// Of returns what a workload has attached last, and has not forgotten.
func (a *Attached[T]) Of(id workload.ID) []T {
	a.mu.Lock()
	defer a.mu.Unlock()
	if all := a.all[id]; all != nil {
		return *all
	}
	return nil
}

// Set says what a workload has attached. forget takes that back, unless there has been another Set since.
func (a *Attached[T]) Set(id workload.ID, all []T) (forget func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all == nil {
		a.all = map[workload.ID]*[]T{}
	}
	mine := &all
	a.all[id] = mine
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.all[id] == mine {
			delete(a.all, id)
		}
	}
}
