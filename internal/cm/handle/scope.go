package handle

// Scope counts the borrow handles that a running call of a guest has been given and must have dropped when it returns
// (CanonicalABI.md §Task State, num_borrows). The zero Scope is ready. It must not be copied once in use: entries point
// to it.
type Scope struct{ borrows int }

// Borrowed counts a borrow handle that the callee gets.
func (s *Scope) Borrowed() { s.borrows++ }

// Dropped counts one that it has dropped.
func (s *Scope) Dropped() { s.borrows-- }

// Count is the number of borrow handles that the callee still has.
func (s *Scope) Count() int { return s.borrows }
