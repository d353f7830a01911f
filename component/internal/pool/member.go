package pool

import "context"

// Instance is the instance of a member. One goroutine at a time calls its methods, but for Alive and Barred, which any may.
type Instance interface {
	// Alive says whether it can still be used.
	Alive() bool
	// Barred says whether a new invocation would have to wait, because the guest asks for backpressure.
	Barred() bool
	// Resettable says why it cannot be reset; nil if it can, as far as is known before it is tried.
	Resettable() error
	// Initialises says whether Reset runs guest code.
	Initialises() bool
	// Release ends what its last invocation has left open.
	Release(ctx context.Context) error
	// Reset makes it as new. After an error it can only be closed.
	Reset(ctx context.Context) error
	// Close closes it, with everything open in it.
	Close(ctx context.Context) error
}

// Use is one invocation's part of an instance with several seats.
type Use interface {
	// End closes the values of this invocation, while others are still in the instance.
	End() error
}

// Member is an instance of the pool, with its seats.
type Member struct {
	Instance Instance
	state    state
	seats    int
	taken    int    // seats
	uses     uint64 // invocations that have had a seat, from when the instance was made

	// Of a pool that reuses its members; guarded by crew.mu, but for there.
	counted bool          // crew.usable has it
	leaving string        // why no more seats in it are taken; empty if they are
	there   chan struct{} // closed when Instance is set, or cannot be; nil: it is
}

// sit takes a seat.
func (m *Member) sit() {
	m.reserve()
	m.become(busy)
}

// reserve takes a seat in a member whose instance may not have been made yet.
func (m *Member) reserve() {
	if m.taken >= m.seats {
		panic("pool: a member has no free seat") // a full member is in no list
	}
	m.taken++
	m.uses++
}

// leave gives a seat back, and says whether the member is empty. If other invocations are still in it, the values of this
// one end now; else they end when the member is released or closed.
func (m *Member) leave(u Use) (empty bool, err error) {
	m.taken--
	if m.taken == 0 {
		m.become(settling)
		return true, nil
	}
	m.become(busy)
	return false, u.End()
}
