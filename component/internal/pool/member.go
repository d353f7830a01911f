package pool

import "context"

// seatsEach is how many invocations may be in one instance at once: guests of WASI 0.2 have it for themselves.
const seatsEach = 1

// Instance is what a member holds. One goroutine at a time calls its methods.
type Instance interface {
	// Resettable says why it cannot be reset; nil if it can, as far as is known before it is tried.
	Resettable() error
	// Initialises says whether Reset runs guest code.
	Initialises() bool
	// Release ends what its last invocation has left open.
	Release(ctx context.Context) error
	// Reset makes it as new. After an error it is only good to be closed.
	Reset(ctx context.Context) error
	// Close ends it, with what is open in it.
	Close(ctx context.Context) error
}

// Use is one invocation's part of an instance with several seats.
type Use interface {
	// End closes what is the invocation's alone, while others are still in the instance.
	End() error
}

// Member is an instance of the pool, with its seats.
type Member struct {
	Instance Instance
	state    state
	taken    int    // seats
	uses     uint64 // invocations that have had a seat, from when the instance was made
}

// Uses is how many invocations have had a seat, the present one included.
func (m *Member) Uses() uint64 { return m.uses }

// sit takes a seat.
func (m *Member) sit() {
	if m.taken == seatsEach {
		panic("pool: a member has no free seat") // one without is in nobody's reach
	}
	m.become(busy)
	m.taken++
	m.uses++
}

// leave gives a seat back, and says whether the member is empty. Where others are still in it, what is the invocation's
// alone ends now; else it ends when the member is released or closed.
func (m *Member) leave(u Use) (empty bool, err error) {
	m.taken--
	if m.taken == 0 {
		m.become(settling)
		return true, nil
	}
	m.become(busy)
	return false, u.End()
}
