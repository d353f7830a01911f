package cm

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
)

// Account counts the bytes that the host holds for the guests of one store, against the limit hostMemory. Whatever a guest can
// make grow reserves its bytes first: limits for single objects do not bound a guest that may have any number of them. A nil Account has
// no limit. Safe for concurrent use.
type Account struct {
	// HasMemory says whether the process can have n bytes more; nil: it can. It is asked for large amounts only. Go's heap ends the process
	// when it cannot grow, so that a guest has to be refused before. Set it before the first use.
	HasMemory func(n uint64) bool
	// Budget is charged for what is held, by the megabyte; nil: none is. Set it before the first use.
	Budget *Budget

	limit int64 // 0: none
	held  atomic.Int64

	settled atomic.Bool // see settle
}

// large is the amount, in bits, with each of which HasMemory is asked again.
const large = 20

// NewAccount makes an account of so many bytes; 0 is no limit.
func NewAccount(bytes uint64) *Account { return &Account{limit: int64(min(bytes, 1<<62))} }

type accountKey struct{}

// AccountKey is the key under which the context of a host function gives the *Account of its store. The engine's own.
func AccountKey() any { return accountKey{} }

// AccountOf is the account of the store that the host function in ctx was called from; nil outside one.
func AccountOf(ctx context.Context) *Account {
	a, _ := ctx.Value(accountKey{}).(*Account)
	return a
}

// Reserve counts n bytes more. Beyond the limit it counts nothing and returns a [*Trap] of code host-memory, in which [errors.As] finds the
// *[LimitError]; where the interface has an error for it, a host function returns that to the guest instead, by [FailFor].
func (a *Account) Reserve(n int) error {
	if a == nil || n <= 0 {
		return nil
	}
	now := a.held.Add(int64(n))
	if a.limit > 0 && now > a.limit {
		a.undo(n, now)
		return a.refusal(n)
	}
	if now>>large == (now-int64(n))>>large {
		return nil
	}
	if !a.Fits(n) {
		a.undo(n, now)
		return a.noMemory(n)
	}
	if !a.Budget.Take(granules(now-int64(n), now)) {
		a.undo(n, now)
		err := a.Budget.Refusal(fmt.Sprintf("the host would hold %d bytes more for the guest", n))
		return &Trap{Code: TrapHostMemory, Detail: err.Detail, Err: err}
	}
	a.settle()
	return nil
}

// undo counts n bytes less, which made the account hold so many and for which the budget was not charged. Others may have come between: then it
// is in another megabyte that the account holds less.
func (a *Account) undo(n int, had int64) {
	now := a.held.Add(int64(-n))
	a.Budget.Give(granules(now, now+int64(n)) - granules(had-int64(n), had))
}

// granules is by how much the megabytes that are begun differ, in bytes.
func granules(from, to int64) int64 { return (to>>large - from>>large) << large }

// settle has the budget get back what an account still has when nothing refers to it any more: objects that are simply dropped give
// nothing back to it.
func (a *Account) settle() {
	if a.Budget == nil || a.settled.Swap(true) {
		return
	}
	runtime.SetFinalizer(a, func(a *Account) { a.Budget.Give(granules(0, a.held.Load())) })
}

// Fits says whether the process can have n bytes more. It asks for twice as many: a buffer that grows exists twice while it is copied.
func (a *Account) Fits(n int) bool {
	return a == nil || a.HasMemory == nil || a.HasMemory(2*uint64(n))
}

func (a *Account) noMemory(n int) error {
	detail := fmt.Sprintf("the process has no room for %d bytes more that the host would hold for the guest", n)
	return &Trap{Code: TrapHostMemory, Detail: detail, Err: &LimitError{Limit: "hostMemory", Detail: detail}}
}

// Release counts n bytes less, which were reserved or added before.
func (a *Account) Release(n int) {
	if a != nil {
		now := a.held.Add(int64(-n))
		a.Budget.Give(granules(now, now+int64(n)))
	}
}

// Add counts n bytes that exist already, even beyond the limit: then the next Reserve is refused.
func (a *Account) Add(n int) {
	if a != nil {
		now := a.held.Add(int64(n))
		if more := granules(now-int64(n), now); more != 0 {
			a.Budget.Force(more)
			a.settle()
		}
	}
}

// Available is how many of n bytes can be reserved now.
func (a *Account) Available(n uint64) uint64 {
	if a == nil || a.limit == 0 {
		return n
	}
	return min(n, uint64(max(a.limit-a.held.Load(), 0)))
}

// Used is what is counted now, in bytes.
func (a *Account) Used() int {
	if a == nil {
		return 0
	}
	return int(a.held.Load())
}

// Limit is the most that may be counted; 0 is no limit.
func (a *Account) Limit() uint64 {
	if a == nil {
		return 0
	}
	return uint64(a.limit)
}

func (a *Account) refusal(n int) error {
	detail := fmt.Sprintf("the host would hold more for the guest than it may: %d bytes are held, %d more are wanted, and %d is the most (hostMemory, --host-memory)",
		a.Used(), n, a.limit)
	return &Trap{Code: TrapHostMemory, Detail: detail, Err: &LimitError{Limit: "hostMemory", Detail: detail}}
}

// Holding is what one object has reserved of an account. The zero Holding has nothing, of no account. It has no lock of its own: the
// object that it is a part of guards it.
type Holding struct {
	of *Account
	n  int
}

// Charge sets the account, and adds to it what is held already. Once it is set, and not nil, later calls do nothing.
func (h *Holding) Charge(a *Account) {
	if h.of == nil && a != nil {
		h.of = a
		a.Add(h.n)
	}
}

// Set changes what is held to n bytes. On an error, which is [Account.Reserve]'s, it stays as it was.
func (h *Holding) Set(n int) error {
	if n > h.n {
		if err := h.of.Reserve(n - h.n); err != nil {
			return err
		}
	} else {
		h.of.Release(h.n - n)
	}
	h.n = n
	return nil
}

// Hold is Charge with the account in ctx, then Set.
func (h *Holding) Hold(ctx context.Context, n int) error {
	if h.of == nil {
		h.Charge(AccountOf(ctx))
	}
	return h.Set(n)
}

// Add adds n bytes, as [Account.Add] does.
func (h *Holding) Add(n int) {
	h.of.Add(n)
	h.n += n
}

// Bytes is what is held.
func (h *Holding) Bytes() int { return h.n }

// Release is Set to 0, which never fails.
func (h *Holding) Release() { _ = h.Set(0) }
