package handle

import (
	"slices"

	"github.com/vitrine-wasm/vitrine/cm"
)

// maxSpare is how many slots an emptied table keeps room for.
const maxSpare = 1024

// Plain says whether the table holds resources only: objects of other kinds change by themselves and cannot be copied.
func (t *Table) Plain() bool {
	for i := range t.slots {
		if k := t.slots[i].Kind; k != free && k != Resource {
			return false
		}
	}
	return true
}

// Copy makes a table with the same handles for the same resources, and the same next handles. Nothing may be lent, and the
// table must be Plain.
func (t *Table) Copy() Table {
	c := *t
	c.slots = slices.Clone(t.slots)
	return c
}

// Has says whether the handle stands for r, as an own or as a borrow handle, with nothing lent from it.
func (t *Table) Has(h uint32, r *cm.Resource, own bool) bool {
	e, err := t.Get(h, nil)
	return err == nil && e.Resource == r && e.Own == own && e.Lends == 0
}

// All calls f for every handle of a resource, in order, when a store is closed or reset. f must not add or remove.
func (t *Table) All(f func(h uint32, e *Entry)) {
	for i := range t.slots {
		if t.slots[i].Kind == Resource {
			f(uint32(i+1), &t.slots[i].Entry)
		}
	}
}

// Kinds calls f with the kind of every element.
func (t *Table) Kinds(f func(Kind)) {
	for i := range t.slots {
		if k := t.slots[i].Kind; k != free {
			f(k)
		}
	}
}

// Restore makes the table what from was when it was copied, of the account that t has now, which has been asked for nothing.
// What else t held is forgotten.
func (t *Table) Restore(from *Table) {
	room := t.slots
	if cap(room) > maxSpare {
		room = nil
	}
	clear(room)
	max, account := t.Max, t.Account
	*t = *from
	t.Max, t.Account, t.paid = max, account, 0
	t.slots = append(room[:0], from.slots...)
}
