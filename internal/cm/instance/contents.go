package instance

import (
	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/handle"
)

// Contents is what is in a store: the elements of its handle tables by kind, and what goes on.
type Contents struct {
	Resources, Streams, Futures, Subtasks, Sets, Errors int // Streams and Futures are ends of them
	Calls                                               int // from the host, that have not ended
	Invocations                                         int
	Inside                                              bool // a thread has not ended, or waits to enter a component instance
}

// Contents counts what is in the store at a moment when no guest code runs, for which it waits.
func (s *Store) Contents() (c Contents) {
	done := make(chan struct{})
	s.sched.Post(cm.JobFunc(func() { // threads may be on their way out
		defer close(done)
		c.Calls, c.Inside = len(s.running), s.sched.Live()
		for i := range s.instances {
			c.Inside = c.Inside || !s.instances[i].entry.Idle()
			s.instances[i].table.Kinds(func(k handle.Kind) { *c.counter(k)++ })
		}
	}))
	<-done
	s.uses.Lock()
	defer s.uses.Unlock()
	c.Invocations = len(s.invocations)
	return c
}

func (c *Contents) counter(k handle.Kind) *int {
	switch k {
	case handle.StreamEnd:
		return &c.Streams
	case handle.FutureEnd:
		return &c.Futures
	case handle.Subtask:
		return &c.Subtasks
	case handle.WaitableSet:
		return &c.Sets
	case handle.ErrorContext:
		return &c.Errors
	}
	return &c.Resources
}
