package core

import (
	"errors"

	"github.com/vitrine-wasm/vitrine/cm"
)

// denial is the last growth that a task was refused. A smaller one may succeed behind it: guests need memory to say why they abort.
type denial struct {
	why  *cm.LimitError // nil: none
	fuel int64          // what the group had used then
}

// abortFuel is how much work a guest may do between a growth that failed and its abort for that reason: an allocator tries to do without, a
// runtime collects its garbage, and the message is formatted.
const abortFuel = 1 << 20

// AfterRefusal is what the detail of a trap says, beside the guest's own message, that may or may not have to do with a refused growth.
const AfterRefusal = "after memory was refused"

// deny notes that a growth in a call of t was refused. A nil Thread notes nothing.
func (t *Thread) deny(r refusal) {
	if t == nil {
		return
	}
	t.refused.add(r)
	t.first().denied = denial{t.group.limitOf(r), t.group.used()}
}

// explain says of the guest's own trap in a call of t that it comes after a growth that was refused. Guests abort when they cannot allocate, so an
// unreachable that soon follows has the limit as its cause; other traps only say so.
func (t *Thread) explain(err error) error {
	of := &t.first().denied
	if of.why == nil {
		return err
	}
	var trap *cm.Trap
	if !errors.As(err, &trap) || trap.Blame() != cm.BlameGuest || trap.Detail != "" || trap.Err != nil {
		return err
	}
	c := *trap
	if c.Detail = AfterRefusal; c.Code == cm.TrapUnreachable && t.group.used()-of.fuel <= abortFuel {
		c.Detail, c.Err = of.why.Detail, of.why
	}
	*of = denial{}
	return &c
}
