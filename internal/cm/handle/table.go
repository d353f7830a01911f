package handle

import "github.com/vitrine-wasm/vitrine/cm"

// MaxLen is the specification's bound on the elements of a table.
const MaxLen = 1<<28 - 1

// Table maps handles to resources and other objects. Index 0 is never used. Freed indices are used again, last freed first, as in the
// specification's table, because guests see the numbers. The zero Table is empty and ready. Not safe for concurrent
// use: a store has one goroutine at a time.
type Table struct {
	// Max bounds Len; 0 stands for MaxLen.
	Max int
	// Account is charged for handles, [SlotBytes] each, beyond the first few; nil: nothing is charged.
	Account *cm.Account

	slots []slot // handle h is slots[h-1]
	free  uint32 // the handle freed last, 0 if none; each free slot names the one freed before it
	used  int
	paid  int // slots that Account is charged for
}

// SlotBytes is what an account is charged for a handle: its slot, its resource, and a host object of fixed size behind it. Objects that
// grow charge the account themselves.
const SlotBytes = 512

// freeSlots is the number of slots that Account is not charged for: they are part of the cost of an instance.
const freeSlots = 16

type slot struct {
	Entry
	next uint32 // of a free slot
}

// Kind is the kind of an element of a table.
type Kind uint8

// The kinds (CanonicalABI.md §Table State). Only of resources does the table know more than the kind.
const (
	free Kind = iota
	Resource
	Subtask
	WaitableSet
	StreamEnd
	FutureEnd
	ErrorContext
)

// String is the kind in words, for traps.
func (k Kind) String() string {
	return [...]string{"nothing", "resource", "subtask", "waitable set", "stream end", "future end", "error context"}[k]
}

// Entry is one element of a table: a resource, or an object of another kind. Make it with [Own], [Borrow] or [Of].
type Entry struct {
	Kind Kind

	Own      bool
	Lends    int32        // how many running calls have borrowed from it; it cannot be removed while there are any
	Resource *cm.Resource // never nil in a resource's
	Scope    *Scope       // borrow handles: the call that must drop it

	Object any // of another kind than Resource
}

// Own is an own handle.
func Own(r *cm.Resource) Entry { return Entry{Kind: Resource, Resource: r, Own: true} }

// Borrow is a borrow handle, which the call whose scope is s must drop.
func Borrow(r *cm.Resource, s *Scope) Entry { return Entry{Kind: Resource, Resource: r, Scope: s} }

// Of is an object of another kind than Resource.
func Of(k Kind, object any) Entry { return Entry{Kind: k, Object: object} }

// Add stores an entry and gives its handle; a *cm.Trap when the table is full.
func (t *Table) Add(e Entry) (uint32, error) {
	limit := MaxLen
	if t.Max > 0 {
		limit = min(limit, t.Max)
	}
	if t.used >= limit {
		return 0, cm.Trapf(cm.TrapHandlesFull, "handle table is full with %d handles", t.used)
	}
	if t.free == 0 && len(t.slots) >= freeSlots && len(t.slots) >= t.paid {
		if err := t.pay(); err != nil {
			return 0, err
		}
	}
	t.used++
	if h := t.free; h != 0 {
		s := &t.slots[h-1]
		t.free = s.next
		*s = slot{Entry: e}
		return h, nil
	}
	t.slots = append(t.slots, slot{Entry: e})
	return uint32(len(t.slots)), nil
}

// pay charges an eighth more slots than there are, so that it happens rarely.
func (t *Table) pay() error {
	n := len(t.slots) + max(freeSlots, len(t.slots)/8)
	if err := t.Account.Reserve((n - t.paid) * SlotBytes); err != nil {
		return err
	}
	t.paid = n
	return nil
}

// Get finds the entry of a resource's handle; a *cm.Trap if there is none or it is of another run-time type (want nil: any).
// The entry is the table's: it may be changed, and is not valid after the next Add or Remove.
func (t *Table) Get(h uint32, want *cm.ResourceType) (*Entry, error) {
	e, err := t.find(h, Resource)
	if err != nil {
		return nil, err
	}
	if want != nil && e.Resource.Type != want {
		return nil, cm.Trapf(cm.TrapHandleType, "handle index %d used with the wrong type: want %s, had %s", h, want, e.Resource.Type)
	}
	return e, nil
}

// Object finds the object of a handle of another kind; a *cm.Trap if there is nothing, or something of another kind.
func (t *Table) Object(h uint32, k Kind) (any, error) {
	e, err := t.find(h, k)
	if err != nil {
		return nil, err
	}
	return e.Object, nil
}

// Any finds the object of a handle of any kind but a resource's.
func (t *Table) Any(h uint32) (any, Kind, error) {
	if h == 0 || uint64(h) > uint64(len(t.slots)) || t.slots[h-1].Kind == free {
		return nil, free, cm.Trapf(cm.TrapBadHandle, "unknown handle index %d", h)
	}
	e := &t.slots[h-1].Entry
	return e.Object, e.Kind, nil
}

// Take is Object, and removes the entry.
func (t *Table) Take(h uint32, k Kind) (any, error) {
	e, err := t.find(h, k)
	if err != nil {
		return nil, err
	}
	object := e.Object
	t.release(h)
	return object, nil
}

func (t *Table) find(h uint32, k Kind) (*Entry, error) {
	if h == 0 || uint64(h) > uint64(len(t.slots)) || t.slots[h-1].Kind == free {
		return nil, cm.Trapf(cm.TrapBadHandle, "unknown handle index %d", h)
	}
	e := &t.slots[h-1].Entry
	if e.Kind != k {
		return nil, cm.Trapf(cm.TrapHandleType, "handle index %d is a %s, wanted a %s", h, e.Kind, k)
	}
	return e, nil
}

// release makes a slot free.
func (t *Table) release(h uint32) {
	t.slots[h-1] = slot{next: t.free}
	t.free = h
	t.used--
}

// Remove removes the entry of a resource; same errors as Get, and a *cm.Trap if it is lent. It does not change a borrow handle's Scope.
func (t *Table) Remove(h uint32, want *cm.ResourceType) (Entry, error) {
	e, err := t.Get(h, want)
	if err != nil {
		return Entry{}, err
	}
	if e.Lends > 0 {
		return Entry{}, cm.Trapf(cm.TrapLent, "cannot remove handle %d of %s while borrowed", h, e.Resource.Type)
	}
	out := *e
	t.release(h)
	return out, nil
}

// Len is the number of handles now.
func (t *Table) Len() int { return t.used }

// Lend counts a call that borrows from the handle, which cannot be dropped or moved away until Return has been called as
// often. Same errors as Get.
func (t *Table) Lend(h uint32, want *cm.ResourceType) (*Entry, error) {
	e, err := t.Get(h, want)
	if err == nil {
		e.Lends++
	}
	return e, err
}

// Return ends one Lend; a handle that is not lent is left as it is.
func (t *Table) Return(h uint32) {
	if e, err := t.Get(h, nil); err == nil && e.Lends > 0 {
		e.Lends--
	}
}
