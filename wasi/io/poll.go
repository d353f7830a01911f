package wasiio

import (
	"context"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
)

// Pollable is an event that has happened or not.
type Pollable interface {
	// Ready says whether the event has happened. It never blocks.
	Ready() bool
	// Watch sends to wake, without blocking, whenever Ready may have become true, until stop is called. Spurious sends are
	// allowed: the receiver calls Ready again. Readiness from before the call need not be sent.
	Watch(wake chan<- struct{}) (stop func())
}

// Poll waits until one or more of ps are ready and returns their indices in order, or the context's cause if ctx ends first.
// An empty list, which would wait for ever, is a trap.
func Poll(ctx context.Context, ps []Pollable) ([]uint32, error) {
	if len(ps) == 0 {
		return nil, Misuse("poll: the list is empty")
	}
	if r := readyOf(ps); r != nil {
		return r, nil
	}
	defer cm.Waiting(ctx)()
	wake := make(chan struct{}, 1)
	stops := make([]func(), len(ps))
	for i, p := range ps {
		stops[i] = p.Watch(wake)
	}
	defer func() {
		for _, stop := range stops {
			stop()
		}
	}()
	for {
		if r := readyOf(ps); r != nil {
			return r, nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func readyOf(ps []Pollable) []uint32 {
	var ready []uint32
	for i, p := range ps {
		if p.Ready() {
			ready = append(ready, uint32(i))
		}
	}
	return ready
}

// Wait waits for p, or for ctx to end.
func Wait(ctx context.Context, p Pollable) error {
	if p.Ready() {
		return nil
	}
	defer cm.Waiting(ctx)()
	wake := make(chan struct{}, 1)
	defer p.Watch(wake)()
	for !p.Ready() {
		select {
		case <-wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Event notifies its watchers that something may have changed. Embedded, it implements Watch of [Pollable]. The zero Event
// is ready for use.
type Event struct {
	mu       sync.Mutex
	watchers []chan<- struct{}
}

// Watch implements [Pollable].
func (e *Event) Watch(wake chan<- struct{}) (stop func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.watchers = append(e.watchers, wake)
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		for i, w := range e.watchers {
			if w == wake {
				last := len(e.watchers) - 1
				e.watchers[i], e.watchers[last] = e.watchers[last], nil
				e.watchers = e.watchers[:last]
				return
			}
		}
	}
}

// Watched says whether there are watchers.
func (e *Event) Watched() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.watchers) > 0
}

// Notify wakes all watchers. It does not block. It may be called with a lock of the owner held that is not held around
// Watch.
func (e *Event) Notify() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, w := range e.watchers {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

// Flag is an event that happens once and stays ready, such as the end of an operation. The zero Flag has not happened.
type Flag struct {
	Event
	mu  sync.Mutex
	set bool
}

// Set makes it ready. Further calls do nothing.
func (f *Flag) Set() {
	f.mu.Lock()
	f.set = true
	f.mu.Unlock()
	f.Notify()
}

// Ready says whether it has happened.
func (f *Flag) Ready() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.set
}

// Always is a pollable that is always ready.
func Always() Pollable { return always{} }

type always struct{}

func (always) Ready() bool                  { return true }
func (always) Watch(chan<- struct{}) func() { return func() {} }

// Misuse is the trap of a guest that breaks the contract of a host function whose interface has no error for it.
func Misuse(format string, args ...any) error { return cm.Trapf(cm.TrapMisuse, format, args...) }
