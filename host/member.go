package host

import "github.com/vitrine-wasm/vitrine/component"

// seatsEach is how many invocations may be in one instance at once: guests of WASI 0.2 have it for themselves.
const seatsEach = 1

// member is an instance of a component's pool, with its seats. It is released, and set back or closed, when it is empty. It
// belongs to whoever has it from the pool; as long as there is one seat, that is the invocation on it.
type member struct {
	inst  *component.Instance
	taken int    // seats
	uses  uint64 // invocations that have had a seat, from when the instance was made
}

// sit gives an invocation a seat: the instance as it is for that one. What its calls tell of the instance is fixed here,
// whatever becomes of the member later. u is the invocation's.
func (m *member) sit(u *component.Use) *component.Instance {
	if m.taken == seatsEach {
		panic("host: a member of the pool has no free seat") // members without one are in nobody's reach
	}
	m.taken++
	m.uses++
	u.Info = m.inst.Info()
	u.Info.Use = m.uses
	return m.inst.Use(u)
}

// leave gives a seat back, and says whether the member is empty. Where others are still in it, what the invocation has left
// to be closed is closed now; else it is when the member is released.
func (m *member) leave(seat *component.Instance) (empty bool, err error) {
	m.taken--
	if m.taken == 0 {
		return true, nil
	}
	return false, seat.End()
}
