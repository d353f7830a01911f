package pool

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/reqctx"
)

// Seat is one invocation's part of a pool, from Enter to Return. The zero Seat is ready for Enter; it is used once, must not
// be copied, and is one goroutine's.
type Seat struct {
	pool *Pool // nil: it was not admitted
	ctx  reqctx.Context
	kill reqctx.Subscription // of the end of all invocations

	left   bool
	taken  bool    // of the pool's seats
	member *Member // from Sit on, and until it is idle or retired
	had    bool    // a member
	nth    uint64  // of the member's invocations
}

// Enter counts the invocation in and begins its context. It fails where the pool is closed; Leave and Return do nothing
// then. unbounded: the pool's deadline is not the invocation's.
func (s *Seat) Enter(ctx context.Context, p *Pool, unbounded bool) error {
	if !p.admit() {
		return cm.Trapf(cm.TrapOverload, "%w: %s takes no more", cm.ErrStopping, p.cfg.Name)
	}
	s.pool = p
	s.ctx.Begin(ctx)
	s.kill.Begin(&p.stop, s)
	if d := p.cfg.Deadline; d > 0 && !unbounded {
		s.ctx.SetTimeout(d, p.pastDeadline)
	}
	return nil
}

// Context ends with the one that Enter was given, at the deadline, when the pool ends what is under way, and with Leave.
func (s *Seat) Context() context.Context { return &s.ctx }

// OnDone implements reqctx.Listener. The invocation must end.
func (s *Seat) OnDone() {
	s.ctx.Cancel(cm.Trapf(cm.TrapCancel, "%w: the time to drain is over", cm.ErrStopping))
}

// Sit waits for a seat and takes one in a member that is as new.
func (s *Seat) Sit() (*Member, error) { return s.sit(true) }

// TrySit is Sit for an invocation that others of the pool might wait for: where no seat is free it fails with an overload trap.
func (s *Seat) TrySit() (*Member, error) { return s.sit(false) }

func (s *Seat) sit(wait bool) (*Member, error) {
	if err := s.pool.takeSeat(&s.ctx, wait); err != nil {
		return nil, err
	}
	s.taken = true
	if s.pool.cfg.Reuse {
		m, use, err := s.pool.join(&s.ctx)
		s.member, s.had, s.nth = m, err == nil, use
		return m, err
	}
	m, err := s.pool.member(&s.ctx)
	if err != nil {
		return nil, err
	}
	m.sit()
	s.member, s.had, s.nth = m, true, m.uses
	return m, nil
}

// Use is the number of this invocation among those of the member, from 1.
func (s *Seat) Use() uint64 { return s.nth }

// Leave ends the invocation's use of its member and its context. well says that the guest ended without a trap or an exit,
// so that the member may be used again; a pool that reuses its members asks the instance instead. use is the invocation's part of it.
func (s *Seat) Leave(well bool, use Use) {
	if s.pool == nil || s.left {
		return
	}
	s.left = true
	defer s.ctx.Cancel(nil)
	defer s.kill.End()
	m := s.member
	if m == nil {
		return
	}
	s.member = nil
	ctx := context.WithoutCancel(&s.ctx)
	if s.pool.cfg.Reuse {
		s.pool.part(ctx, m, use)
		return
	}
	empty, err := m.leave(use)
	if err != nil {
		s.pool.cfg.Logger.ErrorContext(ctx, "an invocation could not be released", "component", s.pool.cfg.Name, "error", err)
	}
	if empty {
		s.member = s.pool.settle(ctx, m, well)
	}
}

// Return gives back the invocation's seat; it comes after Leave. If no invocation needs the seat and a processor is free, the member is
// reset before, on this goroutine. Otherwise the next invocation resets it, which costs the same and needs fewer members.
func (s *Seat) Return() {
	p := s.pool
	if p == nil {
		return
	}
	s.pool = nil
	defer p.discharge()
	switch m := s.member; {
	case m == nil:
	case p.mayWorkAhead():
		p.resetAhead(m)
	default:
		p.keep(m, used)
	}
	if s.taken {
		p.seats.give()
	}
	// Checked again now that the seat is free: of several that end at once, the last one sees the state that all of them have left.
	if s.taken == s.had && p.lacks() && p.mayWorkAhead() { // if this invocation could make no instance, the next one makes it
		p.refill()
	}
}
