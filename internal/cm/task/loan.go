package task

import (
	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/handle"
)

// Loan is what a call uses of its caller until it ends: handles that it borrows from, and the buffer of its arguments.
type Loan struct {
	busy  bool
	lends []uint32 // handles of the caller's that it has borrowed from
	vals  []cm.Val

	account *cm.Account
	held    int // that its arguments take, until it ends
}

// usual is as many arguments as most calls have.
const usual = 4

// Args returns a buffer for n arguments, valid until End.
func (s *Loan) Args(n int) []cm.Val {
	if n > cap(s.vals) {
		s.vals = make([]cm.Val, n, max(n, usual))
	}
	s.vals = s.vals[:n]
	return s.vals[:n:n]
}

// Lend notes that a handle of the caller's is lent to the callee (CanonicalABI.md §Subtask State, lenders).
func (s *Loan) Lend(h uint32) { s.lends = append(s.lends, h) }

// Hold counts what its arguments take in host memory, until it ends.
func (s *Loan) Hold(a *cm.Account, bytes int) {
	s.account, s.held = a, bytes
	a.Add(bytes)
}

// End returns the handles that the callee has borrowed, which are in the caller's table t, and clears the arguments.
func (s *Loan) End(t *handle.Table) {
	for _, h := range s.lends {
		t.Return(h)
	}
	s.lends = s.lends[:0]
	clear(s.vals)
	if s.held > 0 {
		s.account.Release(s.held)
		s.held = 0
	}
	s.busy = false
}
