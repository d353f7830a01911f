// Package pool keeps the instances of one component that invocations run in: it bounds how many there are, lets
// invocations wait for one in order, sets instances back between uses, makes some before they are needed and closes those
// that are not needed any more. It knows no WebAssembly: an [Instance] is what can be reset, released and closed.
// component.Pool is made of it.
//
// The input is a [Config], whose Make makes instances, and contexts of invocations. An invocation gets an instance that is as new, for
// itself; or, in a pool that reuses them ([Config.Reuse]), one as other invocations have left it, which others may be in at the same
// time. Of what an invocation does in it, the pool is only told whether it went well.
//
// # A member
//
// A member is an instance with its seats, [Config.Seats] of them; an invocation holds one. A busy member with a free seat is
// given out again, and a member is settled when its last seat is left. Its states and their transitions ([next]):
//
//	 Config.Make                       seat taken
//	     │              ┌───── ready ─────────────────────▶ busy ◀─┐ another seat
//	     ▼              │        ▲                           │  └──┘ taken or left
//	   made ────────────┤        │ as new                    │ last seat left
//	     │              │        │                           ▼
//	     │ no free time │        └───── resetting ◀────── settling
//	     └──────────────┼─────────────────▲   ahead          │ no processor to reset it now
//	   (its maker takes │                 │                  ▼
//	    the first seat) └──▶ busy         └─────────────── used
//	                                        by the next one
//
//	settling ──▶ ready: as its last invocation left it, in a pool that reuses its members
//
//	ready, used, settling, resetting, made ──▶ retired: closed, and nothing else happens to it
//
// A member is made by a seat that found none idle, or ahead of time. Settling ends what the guest has left open, on the
// goroutine of the invocation that has left the last seat. One that did not go well retires its member. Ready and used members are idle:
// they are in the pool's list, the last used on top. Members in any other state belong to the
// goroutine that has brought them there.
//
// # Reuse
//
// A pool that reuses its members resets none. An invocation that finds none idle makes another one, as long as there are
// fewer than processors; then it takes a seat in the one that has the most free; where there is none, it makes another one
// again. An invocation that comes while a member is made takes a seat in it and waits. A member whose guest asks for
// backpressure is chosen last; its invocations wait in the guest's own queue.
//
// A member is leaving when it has had [Config.Uses] invocations, or its instance has ended while others were in it: no
// more seats in it are taken, and the invocation that leaves the last one retires it. There are never more than [Config.Max] members beside
// those that are leaving, and never more invocations in all of them than Max members have seats.
//
// # An invocation
//
//	Enter ─▶ counted in; its context begins ─▶ Sit: waits for a seat, takes a member ─▶ … ─▶ Leave: settles ─▶ Return
//
// Leave and Return are two steps so that the measurement of an invocation can end between them: Leave belongs to the
// invocation, while Return, which may reset the member, is done ahead for the next one. There are never more members than
// seats: a member is made by a holder of a seat that has found none idle, or in the place of one that is gone. (Reuse has its
// own rule, above.)
//
// # The end
//
// Close stops work ahead, admits nothing more, waits, then cancels the contexts of the invocations that are left, and retires the idle
// members. A member whose last seat is left later is retired at once.
package pool
