package handle

import "github.com/vitrine-wasm/vitrine/cm"

// Table maps handles to resources. Index 0 is never used; freed indices are used again, last freed first, as the
// specification's table does. Not safe for concurrent use: a store has one goroutine at a time.
type Table struct{}

// Entry is one element of a table.
type Entry struct {
	Resource *cm.Resource
	Own      bool
	Lends    int    // own handles: how many borrows of running calls were made from it
	Scope    *Scope // borrow handles: the call that must drop it
}

// Scope counts the borrow handles that a running call of a guest has been given; it must be 0 when the call returns. It
// also remembers the own handles lent for the duration of a call to give them back.
type Scope struct{}

// Add stores an entry and gives its handle; an error when the table is full (2^28-1 elements, or Max).
func (t *Table) Add(e Entry) (uint32, error) { panic("unwritten") }

// Get finds the entry of a handle; a *cm.Trap if there is none or it is of another run-time type (want nil: any).
func (t *Table) Get(h uint32, want *cm.ResourceType) (*Entry, error) { panic("unwritten") }

// Remove takes the entry out; same errors as Get, and a *cm.Trap if it is lent.
func (t *Table) Remove(h uint32, want *cm.ResourceType) (Entry, error) { panic("unwritten") }

// Len is the number of handles now; Max bounds it (0: the specification's bound).
func (t *Table) Len() int { panic("unwritten") }
