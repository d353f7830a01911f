package pipeline

import "sync"

// Guests' own spans take at most a half of a queue, those of one component a quarter, so that no guest displaces the spans of the host or
// of another guest.
const (
	allGuestsPart = 2
	oneGuestPart  = 4
)

// guestShares counts guests' own spans in a queue, in items and bytes.
type guestShares struct {
	maxItems, maxBytes int64 // the queue's

	mu   sync.Mutex
	all  share
	each map[any]share // by guest; without zero shares
}

type share struct{ items, bytes int64 }

func newGuestShares(g *inflight) *guestShares {
	return &guestShares{maxItems: g.maxItems, maxBytes: g.maxBytes, each: map[any]share{}}
}

// enter adds an item of a size in bytes, and reports false if it does not fit.
func (s *guestShares) enter(guest any, size int) bool {
	one := share{1, int64(size)}
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.each[guest].plus(one)
	if !s.fits(own, oneGuestPart) || !s.fits(s.all.plus(one), allGuestsPart) {
		return false
	}
	s.each[guest], s.all = own, s.all.plus(one)
	return true
}

// room says whether one more item of a usual size would fit.
func (s *guestShares) room(guest any) bool {
	one := share{items: 1}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fits(s.each[guest].plus(one), oneGuestPart) && s.fits(s.all.plus(one), allGuestsPart)
}

// leave removes items.
func (s *guestShares) leave(guest any, items, bytes int) {
	removed := share{int64(-items), int64(-bytes)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = s.all.plus(removed)
	if own := s.each[guest].plus(removed); own.items > 0 {
		s.each[guest] = own
	} else {
		delete(s.each, guest)
	}
}

// fits says whether a share is within a part of the queue; a single item always is.
func (s *guestShares) fits(x share, part int64) bool {
	return x.items == 1 || x.items <= s.maxItems/part && x.bytes <= s.maxBytes/part
}

func (x share) plus(y share) share { return share{x.items + y.items, x.bytes + y.bytes} }
