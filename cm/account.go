package cm

import (
	"context"
	"fmt"
	"sync/atomic"
)

// Account counts the bytes that the host holds for the guests of one store, against the limit hostMemory. Whatever grows at a
// guest's wish asks it first: a bound for each object is none where a guest may have any number of them. A nil Account has
// no limit. Safe for concurrent use.
type Account struct {
	// Spare says whether the process can have n bytes more; nil: it can. It is asked for large amounts only, because Go's heap cannot be
	// refused anything: where there is a bound of the process's memory, the guest is to be told instead. Set before the first use.
	Spare func(n uint64) bool

	limit int64 // 0: none
	held  atomic.Int64
}

// large is how much is asked for before Spare is, in bits.
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

// Take counts n bytes more. Where that is past the limit it counts nothing and gives a [*Trap] of code host-memory, in which
// [errors.As] finds the *[LimitError]: an interface that has an error for it tells the guest by [FailFor].
func (a *Account) Take(n int) error {
	if a == nil || n <= 0 {
		return nil
	}
	now := a.held.Add(int64(n))
	if a.limit > 0 && now > a.limit {
		a.held.Add(int64(-n))
		return a.refusal(n)
	}
	if now>>large != (now-int64(n))>>large && !a.Fits(n) {
		a.held.Add(int64(-n))
		return a.noRoom(n)
	}
	return nil
}

// Fits says whether the process can have n bytes more, which may come to twice that while they grow.
func (a *Account) Fits(n int) bool {
	return a == nil || a.Spare == nil || a.Spare(2*uint64(n))
}

func (a *Account) noRoom(n int) error {
	detail := fmt.Sprintf("the process has no room for %d bytes more that the host would hold for the guest", n)
	return &Trap{Code: TrapHostMemory, Detail: detail, Err: &LimitError{Limit: "hostMemory", Detail: detail}}
}

// Give takes back what was taken.
func (a *Account) Give(n int) {
	if a != nil {
		a.held.Add(int64(-n))
	}
}

// Add counts n bytes that are there already, and that nobody can refuse any more: it goes past the limit, and whoever asks next is
// refused.
func (a *Account) Add(n int) {
	if a != nil {
		a.held.Add(int64(n))
	}
}

// Room is how many of n bytes may be taken now.
func (a *Account) Room(n uint64) uint64 {
	if a == nil || a.limit == 0 {
		return n
	}
	return min(n, uint64(max(a.limit-a.held.Load(), 0)))
}

// Held is what is counted now, in bytes.
func (a *Account) Held() int {
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
		a.Held(), n, a.limit)
	return &Trap{Code: TrapHostMemory, Detail: detail, Err: &LimitError{Limit: "hostMemory", Detail: detail}}
}

// Holding is what one object holds of an account. The zero Holding holds nothing, of no account. It is as safe for concurrent
// use as the object that it is a part of.
type Holding struct {
	of *Account
	n  int
}

// Charge says of which account it is, which it is for good unless that is nil: again does nothing.
func (h *Holding) Charge(a *Account) {
	if h.of == nil && a != nil {
		h.of = a
		a.Add(h.n)
	}
}

// Set makes it n bytes. An error is [Account.Take]'s, and leaves it as it was.
func (h *Holding) Set(n int) error {
	if n > h.n {
		if err := h.of.Take(n - h.n); err != nil {
			return err
		}
	} else {
		h.of.Give(h.n - n)
	}
	h.n = n
	return nil
}

// Hold is Charge with the account in ctx, and Set.
func (h *Holding) Hold(ctx context.Context, n int) error {
	if h.of == nil {
		h.Charge(AccountOf(ctx))
	}
	return h.Set(n)
}

// Add makes it n bytes more, as [Account.Add] does.
func (h *Holding) Add(n int) {
	h.of.Add(n)
	h.n += n
}

// Bytes is what it holds.
func (h *Holding) Bytes() int { return h.n }

// Release is Set to nothing, which never fails.
func (h *Holding) Release() { _ = h.Set(0) }
