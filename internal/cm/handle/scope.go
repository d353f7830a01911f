package handle

// Scope belongs to one running call. On the callee's side it counts the borrow handles that the guest was given and must
// have dropped when the call returns; on the caller's side it remembers the handles that were lent for the call, to give
// them back (CanonicalABI.md §Task State, §Subtask State). The zero Scope is ready. A Scope must not be copied once in
// use: entries point to it.
type Scope struct {
	borrows int
	count   int       // handles in few
	few     [4]uint32 // the first handles lent, so that an ordinary call allocates nothing
	more    []uint32
}

// Borrowed counts a borrow handle given to the callee.
func (s *Scope) Borrowed() { s.borrows++ }

// Dropped counts one given back.
func (s *Scope) Dropped() { s.borrows-- }

// Count is the number of borrow handles that the callee still has.
func (s *Scope) Count() int { return s.borrows }

// Lend marks an entry, found under h, as lent until End: it can be lent again but neither dropped nor moved away.
func (s *Scope) Lend(e *Entry, h uint32) {
	e.Lends++
	if s.count < len(s.few) {
		s.few[s.count] = h
		s.count++
		return
	}
	s.more = append(s.more, h)
}

// End gives back everything that was lent from t, which must be the table that the entries came from. The Scope can be
// used for another call after it.
func (s *Scope) End(t *Table) {
	for _, h := range s.few[:s.count] {
		t.slots[h-1].Lends--
	}
	for _, h := range s.more {
		t.slots[h-1].Lends--
	}
	s.count, s.more = 0, s.more[:0]
}
