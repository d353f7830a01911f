package pipeline

import "sync"

// A queue is everybody's: spans that guests have recorded take at most a half of it, those of one component a quarter, so that
// no guest keeps out the host's spans or another guest's.
const (
	guestsPart = 2
	guestPart  = 4
)

// shares is how much guests have in a queue, in items and bytes.
type shares struct {
	bound, room int64 // the queue's

	mu   sync.Mutex
	all  share
	each map[any]share // by the guest; those that have something there
}

type share struct{ items, bytes int64 }

func newShares(g *inflight) *shares {
	return &shares{bound: g.bound, room: g.room, each: map[any]share{}}
}

// enter says whether one more item of a size fits.
func (s *shares) enter(guest any, size int) bool {
	one := share{1, int64(size)}
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.each[guest].plus(one)
	if !s.fits(own, guestPart) || !s.fits(s.all.plus(one), guestsPart) {
		return false
	}
	s.each[guest], s.all = own, s.all.plus(one)
	return true
}

// leave takes items out.
func (s *shares) leave(guest any, items, bytes int) {
	gone := share{int64(-items), int64(-bytes)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = s.all.plus(gone)
	if own := s.each[guest].plus(gone); own.items > 0 {
		s.each[guest] = own
	} else {
		delete(s.each, guest)
	}
}

// fits says whether a share is within a part of the queue; one item always is.
func (s *shares) fits(x share, part int64) bool {
	return x.items == 1 || x.items <= s.bound/part && x.bytes <= s.room/part
}

func (x share) plus(y share) share { return share{x.items + y.items, x.bytes + y.bytes} }
